"""Initiate application processing and read application data, EMV 4.4 Book 3, §10.1 and §10.2."""

from __future__ import annotations

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip
from firmware.emv.selection import NotTaken
from firmware.errors import CardBroken
from firmware.hal.reader import Card

_AFL_MAX = 252
_RECORDS_MAX = 64
_DATA_MAX = 250
_MANDATORY = (tags.PAN, tags.EXPIRY, tags.CDOL1, tags.CDOL2)
_OURS_ALONE = frozenset({tags.TVR, tags.TSI, tags.UNPREDICTABLE, tags.AMOUNT, tags.CVM_RESULTS, tags.ARC, tags.AIP,
                         tags.AFL, tags.TERMINAL_CAPABILITIES, tags.TERMINAL_TYPE, tags.TRANSACTION_CURRENCY,
                         tags.TERMINAL_COUNTRY, tags.DATE, tags.TIME, tags.TRANSACTION_TYPE, tags.ISSUER_AUTH_DATA,
                         tags.AMOUNT_OTHER, tags.IFD_SERIAL, tags.APP_VERSION_TERMINAL, tags.TC_HASH,
                         tags.MERCHANT_ID, tags.TERMINAL_ID, tags.MERCHANT_NAME, tags.AID_TERMINAL,
                         tags.ENTRY_MODE, tags.ADDITIONAL_CAPABILITIES, tags.SEQUENCE_COUNTER})  # fmt: skip


def initiate(card: Card, chip: Chip, pdol: bytes) -> None:
    """GPO: AIP and AFL into chip.data. Raises NotTaken for 6985 (back to selection), CardBroken."""
    chip.pdol_data = tlv.fill_dol(tlv.dol(pdol), chip.values())
    if len(chip.pdol_data) > _DATA_MAX:
        raise CardBroken("the PDOL asks for too much")
    answer = apdu.get_processing_options(card, chip.pdol_data, chip.settings.apdu_s)
    if answer.sw == apdu.NOT_SATISFIED:
        raise NotTaken("GET PROCESSING OPTIONS answered 6985")
    tag, value = tlv.only(apdu.expect_ok(answer, "GET PROCESSING OPTIONS"), 0x77, 0x80)
    if tag == 0x80:
        if len(value) < 6:
            raise CardBroken("GET PROCESSING OPTIONS answered too little")
        chip.data[tags.AIP], chip.data[tags.AFL] = value[:2], value[2:]
    else:
        found = tlv.unique(value)
        if len(found.get(tags.AIP, b"")) != 2 or tags.AFL not in found:
            raise CardBroken("GET PROCESSING OPTIONS gave no AIP or no AFL")
        chip.data.update({t: v for t, v in found.items() if t not in _OURS_ALONE or t in (tags.AIP, tags.AFL)})


def read_all(card: Card, chip: Chip) -> None:
    """Every record the AFL names, mandatory data checked. Raises CardBroken."""
    count = 0
    taken: set[int] = set()
    for sfi, first, last, signed in afl_entries(chip.need(tags.AFL)):
        for record in range(first, last + 1):
            count += 1
            if count > _RECORDS_MAX:
                raise CardBroken("the AFL names too many records")
            answer = apdu.expect_ok(apdu.read_record(card, sfi, record, chip.settings.apdu_s), "READ RECORD")
            if sfi <= 10:
                _store(chip, answer, taken)
            if record < first + signed:
                _sign(chip, sfi, answer)
    for tag in _MANDATORY:
        chip.need(tag)
    _plausible(chip)


def afl_entries(afl: bytes) -> list[tuple[int, int, int, int]]:
    """(SFI, first, last, records for data authentication) of each entry. Raises CardBroken."""
    if not afl or len(afl) % 4 or len(afl) > _AFL_MAX:
        raise CardBroken("the AFL has a wrong length")
    entries = []
    for at in range(0, len(afl), 4):
        sfi, first, last, signed = afl[at] >> 3, afl[at + 1], afl[at + 2], afl[at + 3]
        if afl[at] & 0x07 or not 1 <= sfi <= 30 or first == 0 or last < first or signed > last - first + 1:
            raise CardBroken("an AFL entry is out of range")
        entries.append((sfi, first, last, signed))
    return entries


def _store(chip: Chip, record: bytes, taken: set[int]) -> None:
    """Records of SFI 1–10 are one template 70 (Book 3, §6.5.11.4); the same object twice breaks the card (§10.2). What
    is the terminal's own to say, a card cannot say."""
    for tag, value in tlv.flatten(tlv.only(record, 0x70)[1]):
        if tag in taken:
            raise CardBroken(f"tag {tag:X} came twice")
        taken.add(tag)
        if tag not in _OURS_ALONE:
            chip.data[tag] = value


def _sign(chip: Chip, sfi: int, record: bytes) -> None:
    """Static data to be authenticated (Book 3, §10.3): of SFI 1–10 what is in template 70, of 11–30 the whole record.
    A record that is no template 70 makes the authentication fail, not the card."""
    if chip.static is None:
        return
    try:
        _, body = tlv.only(record, 0x70)
    except CardBroken:
        chip.static = None
        return
    chip.static += body if sfi <= 10 else record


def _plausible(chip: Chip) -> None:
    """Lengths that later stages count on, and track 2 equivalent data of the same card number as tag 5A."""
    for tag, sizes in ((tags.EXPIRY, {3}), (tags.EFFECTIVE, {3}), (tags.AUC, {2}), (tags.ISSUER_COUNTRY, {2}),
                       (tags.PAN_SEQUENCE, {1}), (tags.APP_CURRENCY, {2}), (tags.APP_VERSION_CARD, {2}),
                       (tags.IAC_DENIAL, {5}), (tags.IAC_ONLINE, {5}), (tags.IAC_DEFAULT, {5}),
                       (tags.LOWER_OFFLINE_LIMIT, {1}), (tags.UPPER_OFFLINE_LIMIT, {1})):  # fmt: skip
        if tag in chip.data and len(chip.data[tag]) not in sizes:
            raise CardBroken(f"tag {tag:X} has {len(chip.data[tag])} bytes")
    digits = chip.data[tags.EXPIRY].hex()
    if not digits.isdigit() or not 1 <= int(digits[2:4]) <= 12:
        raise CardBroken("tag 5F24 is no date")
    track = chip.data.get(tags.TRACK2, b"").hex().upper()
    if track and ("D" not in track or track.split("D")[0] != chip.pan.reveal()):
        raise CardBroken("tags 57 and 5A name different cards")
