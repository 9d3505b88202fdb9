"""Issuer-to-card scripts, EMV 4.4 Book 3, §10.10: templates 71 before and 72 after the final GENERATE AC. A script
never changes an outcome: its result is a bit of the TVR and five bytes for the issuer (9F5B)."""

from __future__ import annotations

from firmware.emv import tags, tlv
from firmware.emv.chip import Chip
from firmware.emv.tags import Bit
from firmware.errors import CardBroken
from firmware.hal.reader import Card

_SIZE_MAX = 128  # of all scripts of one message (Book 4, §6.3.9): more need not be taken
_NOT_PERFORMED, _FAILED, _DONE = 0x00, 0x10, 0x20
NOT_PERFORMED = bytes(5)


def templates(f55: bytes, tag: int) -> bytes:
    """All templates with this tag, as they came. Raises CardBroken for bad TLV."""
    return b"".join(whole for found, _, whole in tlv.pieces(f55) if found == tag)


def run(card: Card, chip: Chip, data: bytes, failed: Bit) -> None:
    """Each template's commands until one fails; results are added to chip.scripts. Raises CardLost."""
    chip.done(tags.TSI_SCRIPT_DONE)
    if len(data) > _SIZE_MAX:
        chip.flag(failed, f"{len(data)} bytes of script")
        chip.scripts += NOT_PERFORMED
        return
    for _, template in tlv.read(data):
        result, identifier = _one(card, chip, template)
        chip.scripts += bytes([result]) + identifier
        if result & 0xF0 != _DONE:
            chip.flag(failed, f"command {result & 0x0F}" if result else "cannot be read")


def _one(card: Card, chip: Chip, template: bytes) -> tuple[int, bytes]:
    """(result, identifier): 9000, 62xx and 63xx go on, anything else ends this script (Book 3, §10.10)."""
    try:
        objects = list(tlv.read(template))
    except CardBroken:
        return _NOT_PERFORMED, bytes(4)
    identifier = next((v for t, v in objects if t == tags.SCRIPT_ID), b"")[:4].rjust(4, b"\0")
    commands = [v for t, v in objects if t == tags.SCRIPT_COMMAND]
    if any(len(c) < 4 for c in commands):
        return _NOT_PERFORMED, identifier
    for number, command in enumerate(commands, 1):
        answer = card.transmit(command, chip.settings.apdu_s)
        if answer.sw != 0x9000 and answer.sw >> 8 not in (0x62, 0x63):
            return _FAILED | min(number, 15), identifier
    return _DONE, identifier
