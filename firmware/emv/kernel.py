"""The kernel's front door, in resumable steps; who chooses, types and telephones stands outside.

selection.candidates → (choice) → begin → (CVM: cvm.CvmList, offline_pin) → cryptogram.decide, generate_first → (host) →
cryptogram.second → scripts 72
"""

from __future__ import annotations

from datetime import datetime

from firmware.emv import oda, records, restrictions, selection, tags
from firmware.emv.chip import Chip
from firmware.emv.selection import Candidate
from firmware.emv.settings import EmvSettings
from firmware.hal.random import Random
from firmware.hal.reader import Card
from firmware.money import de4

GOODS = b"\x00"
CONTACT = b"\x05"


def begin(card: Card, candidate: Candidate, amount: int, settings: EmvSettings, now: datetime, random: Random,
          counter: int) -> Chip:  # fmt: skip
    """Final selection, GPO, records, data authentication, restrictions; `amount` in fen, `counter` becomes 9F41.

    Raises selection.NotTaken (drop this candidate, try another), CardUnsupported (screen), CardBroken, CardLost.
    """
    chip, pdol = selection.take(card, candidate, settings, now.date())
    chip.data |= {
        tags.AMOUNT: bytes.fromhex(de4(amount)),
        tags.AMOUNT_BINARY: min(amount, 0xFFFFFFFF).to_bytes(4, "big"),
        tags.AMOUNT_OTHER: bytes(6),
        tags.TERMINAL_COUNTRY: settings.country,
        tags.TRANSACTION_CURRENCY: settings.currency,
        tags.DATE: bytes.fromhex(now.strftime("%y%m%d")),
        tags.TIME: bytes.fromhex(now.strftime("%H%M%S")),
        tags.TRANSACTION_TYPE: GOODS,
        tags.UNPREDICTABLE: random.bytes(4),
        tags.TERMINAL_CAPABILITIES: settings.capabilities,
        tags.ADDITIONAL_CAPABILITIES: settings.additional,
        tags.TERMINAL_TYPE: settings.terminal_type,
        tags.IFD_SERIAL: settings.ifd_serial,
        tags.MERCHANT_ID: settings.merchant_id,
        tags.TERMINAL_ID: settings.terminal_id,
        tags.MERCHANT_NAME: settings.merchant_name,
        tags.AID_TERMINAL: chip.app.aid,
        tags.ENTRY_MODE: CONTACT,
        tags.APP_VERSION_TERMINAL: chip.app.version,
        tags.SEQUENCE_COUNTER: bytes.fromhex(f"{counter:08d}"),
    }
    records.initiate(card, chip, pdol)
    records.read_all(card, chip)
    oda.authenticate(card, chip)
    restrictions.check(chip)
    return chip
