"""Action analysis (denial part), both GENERATE ACs and issuer authentication, EMV 4.4 Book 3, §10.6–10.10.

The terminal is online only (type 21): whatever the denial codes let pass goes to the host.
"""

from __future__ import annotations

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip, Cryptogram
from firmware.errors import CardBroken
from firmware.hal.reader import Card

AAC, TC, ARQC = 0x00, 0x40, 0x80
_KIND = {AAC: "AAC", TC: "TC", ARQC: "ARQC"}


def first(card: Card, chip: Chip) -> Cryptogram:
    """Terminal risk management, denial action codes, first GENERATE AC. Raises CardBroken, CardLost."""
    chip.flag(tags.OVER_FLOOR_LIMIT)  # floor limit zero: every sale goes online (Book 3, §10.6.1)
    chip.tsi[0] |= tags.TSI_TERMINAL_RISK_DONE | tags.TSI_CARD_RISK_DONE
    asked = AAC if _denied(chip) else ARQC
    answer = _generate(card, chip, asked, chip.need(tags.CDOL1))
    if answer.kind == "TC" or (asked == AAC and answer.kind != "AAC"):
        raise CardBroken(f"asked for {_KIND[asked]}, the card gave {answer.kind}")
    return answer


def _denied(chip: Chip) -> bool:
    """IAC-Denial absent counts as zeros; TAC-Denial is the terminal's (Book 3, §10.7)."""
    iac = chip.data.get(tags.IAC_DENIAL, bytes(5))
    return any(t & (i | a) for t, i, a in zip(chip.tvr, iac, chip.app.tac_denial, strict=True))


def second(card: Card, chip: Chip, arc: str, issuer_auth: bytes, approve: bool) -> Cryptogram:
    """Issuer authentication and second GENERATE AC with the host's or the terminal's ARC (DE 39, Z3).

    Raises CardBroken, CardLost. An AAC in spite of `approve` is an outcome: the card has the last word.
    """
    chip.data[tags.ARC] = arc.encode("ascii")
    if issuer_auth:
        chip.data[tags.ISSUER_AUTH_DATA] = issuer_auth
        if chip.need(tags.AIP)[0] & 0x04:
            _authenticate(card, chip, issuer_auth)
    return _generate(card, chip, TC if approve else AAC, chip.need(tags.CDOL2))


def _authenticate(card: Card, chip: Chip, issuer_auth: bytes) -> None:
    answer = apdu.external_authenticate(card, issuer_auth, chip.settings.apdu_s)
    chip.tsi[0] |= tags.TSI_ISSUER_AUTH_DONE
    if answer.sw != apdu.OK:
        chip.flag(tags.ISSUER_AUTH_FAILED)


def _generate(card: Card, chip: Chip, asked: int, cdol: bytes) -> Cryptogram:
    data = tlv.fill_dol(tlv.dol(cdol), chip.values(), tags.NUMERIC)
    if len(data) > 250:
        raise CardBroken("a CDOL asks for too much")
    answer = apdu.expect_ok(apdu.generate_ac(card, asked, data, chip.settings.apdu_s), "GENERATE AC")
    cryptogram = _parse(answer)
    chip.data.update({tags.CID: bytes([cryptogram.cid]), tags.ATC: cryptogram.atc,
                      tags.APP_CRYPTOGRAM: cryptogram.value, tags.IAD: cryptogram.iad})  # fmt: skip
    return cryptogram


def _parse(answer: bytes) -> Cryptogram:
    """Format 1 (tag 80) or 2 (tag 77), Book 3, §6.5.5.4."""
    objects = list(tlv.read(answer))
    if len(objects) != 1:
        raise CardBroken("GENERATE AC answered more than one object")
    tag, value = objects[0]
    if tag == 0x80 and 11 <= len(value) <= 43:
        cid, atc, ac, iad = value[0], value[1:3], value[3:11], value[11:]
    elif tag == 0x77:
        found = dict(tlv.flatten(value))
        cid = (found.get(tags.CID, b"") or b"\xff")[0]
        atc, ac, iad = found.get(tags.ATC, b""), found.get(tags.APP_CRYPTOGRAM, b""), found.get(tags.IAD, b"")
    else:
        raise CardBroken("GENERATE AC answered neither format 1 nor 2")
    if len(atc) != 2 or len(ac) != 8 or len(iad) > 32 or cid & 0xC0 not in _KIND:
        raise CardBroken("GENERATE AC answered malformed data")
    return Cryptogram(_KIND[cid & 0xC0], ac, atc, iad, cid)
