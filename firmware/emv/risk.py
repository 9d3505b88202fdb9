"""Terminal risk management, EMV 4.4 Book 3, §10.6: floor limit with the log, random choice, velocity, exception list.

It is always performed, also where the AIP does not ask for it: an unasked check costs a cautious bit and no money.
"""

from __future__ import annotations

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip
from firmware.errors import CardBroken
from firmware.hal.random import Random
from firmware.hal.reader import Card


def manage(card: Card, chip: Chip, spent: int, random: Random) -> None:
    """`spent`: fen of the latest payment of this card in the terminal's log, 0 where there is none (§10.6.1).

    Sets the bits of TVR byte 4, 'new card' and 'on exception file'. Raises CardLost."""
    if chip.settings.on_exception_file(chip.pan.reveal()):
        chip.flag(tags.ON_EXCEPTION_FILE)
    floor = chip.app.floor_limit
    if chip.amount + spent >= floor:
        chip.flag(tags.OVER_FLOOR_LIMIT, f"limit {floor}, with the log {spent}")
    elif not chip.settings.online_only and not chip.settings.offline_only and _selected(chip, random):
        chip.flag(tags.SELECTED_AT_RANDOM)
    if tags.LOWER_OFFLINE_LIMIT in chip.data and tags.UPPER_OFFLINE_LIMIT in chip.data:
        _velocity(card, chip)
    chip.done(tags.TSI_TERMINAL_RISK_DONE)


def _selected(chip: Chip, random: Random) -> bool:
    """Random transaction selection, biased above the threshold (Book 3, §10.6.2). Whole percents, no fractions."""
    app, amount = chip.app, chip.amount
    if not app.random_percent and not app.random_percent_max:
        return False
    drawn = 1 + int.from_bytes(random.bytes(4), "big") % 99
    if amount < app.random_threshold:
        return drawn <= app.random_percent
    room = app.floor_limit - app.random_threshold
    more = (app.random_percent_max - app.random_percent) * (amount - app.random_threshold)
    return (drawn - app.random_percent) * room <= more


def _velocity(card: Card, chip: Chip) -> None:
    """Book 3, §10.6.3: how many payments since the last one online."""
    now, last = (_counter(card, chip, tag) for tag in (tags.ATC, tags.LAST_ONLINE_ATC))
    if last == 0:
        chip.flag(tags.NEW_CARD)
    lower, upper = chip.data[tags.LOWER_OFFLINE_LIMIT][0], chip.data[tags.UPPER_OFFLINE_LIMIT][0]
    if now is None or last is None or now <= last:
        chip.flag(tags.LOWER_LIMIT_EXCEEDED, "the counters cannot be compared")
        chip.flag(tags.UPPER_LIMIT_EXCEEDED, "the counters cannot be compared")
        return
    if now - last > lower:
        chip.flag(tags.LOWER_LIMIT_EXCEEDED, f"{now - last} of {lower}")
    if now - last > upper:
        chip.flag(tags.UPPER_LIMIT_EXCEEDED, f"{now - last} of {upper}")


def _counter(card: Card, chip: Chip, tag: int) -> int | None:
    """GET DATA of a two-byte counter; None where the card does not give it."""
    answer = apdu.get_data(card, tag, chip.settings.apdu_s)
    if answer.sw != apdu.OK:
        return None
    try:
        _, value = tlv.only(answer.data, tag)
    except CardBroken:
        return None
    if len(value) != 2:
        return None
    chip.data[tag] = value
    return int.from_bytes(value, "big")
