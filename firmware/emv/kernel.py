"""The kernel's front door: begin → (verify cardholder) → first cryptogram → (host) → second cryptogram."""

from __future__ import annotations

from datetime import datetime

from firmware.emv import records, restrictions, selection, tags
from firmware.emv.chip import Chip
from firmware.emv.settings import EmvSettings
from firmware.hal.random import Random
from firmware.hal.reader import Card
from firmware.money import de4

GOODS = b"\x00"


def begin(card: Card, amount: int, settings: EmvSettings, now: datetime, random: Random, counter: int) -> Chip:
    """Selection, GPO, records, processing restrictions; `amount` in fen, `counter` becomes 9F41.

    Raises CardUnsupported (screen), CardBroken, CardLost.
    """
    chip, pdol = selection.select(card, settings, now.date())
    chip.data |= {
        tags.AMOUNT: bytes.fromhex(de4(amount)),
        tags.AMOUNT_OTHER: bytes(6),
        tags.TERMINAL_COUNTRY: settings.country,
        tags.TRANSACTION_CURRENCY: settings.currency,
        tags.DATE: bytes.fromhex(now.strftime("%y%m%d")),
        tags.TIME: bytes.fromhex(now.strftime("%H%M%S")),
        tags.TRANSACTION_TYPE: GOODS,
        tags.UNPREDICTABLE: random.bytes(4),
        tags.TERMINAL_CAPABILITIES: settings.capabilities,
        tags.TERMINAL_TYPE: settings.terminal_type,
        tags.IFD_SERIAL: settings.ifd_serial,
        tags.APP_VERSION_TERMINAL: chip.app.version,
        tags.SEQUENCE_COUNTER: bytes.fromhex(f"{counter:08d}"),
    }
    records.initiate(card, chip, pdol)
    records.read_all(card, chip)
    chip.flag(tags.ODA_NOT_PERFORMED)  # no ODA method in common yet (Book 3, §10.3)
    restrictions.check(chip)
    return chip
