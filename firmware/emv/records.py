"""Initiate application processing and read application data, EMV 4.4 Book 3, §10.1 and §10.2."""

from __future__ import annotations

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip
from firmware.errors import CardBroken
from firmware.hal.reader import Card

_AFL_MAX = 252
_RECORDS_MAX = 64


def initiate(card: Card, chip: Chip, pdol: bytes) -> None:
    """GPO: AIP and AFL into chip.data. Raises CardBroken."""
    filled = tlv.fill_dol(tlv.dol(pdol), chip.values(), tags.NUMERIC)
    if len(filled) > 250:
        raise CardBroken("the PDOL asks for too much")
    answer = apdu.expect_ok(apdu.get_processing_options(card, filled, chip.settings.apdu_s), "GET PROCESSING OPTIONS")
    objects = list(tlv.read(answer))
    if len(objects) != 1:
        raise CardBroken("GET PROCESSING OPTIONS answered more than one object")
    tag, value = objects[0]
    if tag == 0x80 and len(value) >= 6:
        chip.data[tags.AIP], chip.data[tags.AFL] = value[:2], value[2:]
    elif tag == 0x77:
        chip.data.update(tlv.flatten(value))
    else:
        raise CardBroken("GET PROCESSING OPTIONS answered neither format 1 nor 2")


def read_all(card: Card, chip: Chip) -> None:
    """Every record the AFL names, mandatory data checked. Raises CardBroken."""
    count = 0
    for sfi, first, last in _afl(chip.need(tags.AFL)):
        for record in range(first, last + 1):
            count += 1
            if count > _RECORDS_MAX:
                raise CardBroken("the AFL names too many records")
            answer = apdu.expect_ok(apdu.read_record(card, sfi, record, chip.settings.apdu_s), "READ RECORD")
            _store(chip, sfi, answer)
    for tag in (tags.PAN, tags.EXPIRY, tags.CDOL1, tags.CDOL2):
        chip.need(tag)
    _same_card(chip)


def _afl(afl: bytes) -> list[tuple[int, int, int]]:
    if not afl or len(afl) % 4 or len(afl) > _AFL_MAX:
        raise CardBroken("the AFL has a wrong length")
    entries = []
    for at in range(0, len(afl), 4):
        sfi, first, last, signed = afl[at] >> 3, afl[at + 1], afl[at + 2], afl[at + 3]
        if not 1 <= sfi <= 30 or first == 0 or last < first or signed > last - first + 1:
            raise CardBroken("an AFL entry is out of range")
        entries.append((sfi, first, last))
    return entries


def _store(chip: Chip, sfi: int, record: bytes) -> None:
    """Records of SFI 1–10 are one template 70 (Book 3, §10.2); the same object twice breaks the card."""
    if sfi > 10:
        return
    outer = list(tlv.read(record))
    if len(outer) != 1 or outer[0][0] != 0x70:
        raise CardBroken("a record is not one template 70")
    for tag, value in tlv.flatten(outer[0][1]):
        if tag in chip.data:
            raise CardBroken(f"tag {tag:X} came twice")
        chip.data[tag] = value


def _same_card(chip: Chip) -> None:
    """Track 2 equivalent data must name the same card number as tag 5A."""
    track = chip.need(tags.TRACK2).hex().upper()
    if "D" not in track or track.split("D")[0] != chip.pan.reveal():
        raise CardBroken("tags 57 and 5A name different cards")
