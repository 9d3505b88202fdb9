"""Both GENERATE ACs and issuer authentication, EMV 4.4 Book 3, §10.6–10.9 and §10.11; CDA by Book 2, §6.6."""

from __future__ import annotations

import hashlib

from firmware.emv import action_analysis, apdu, oda, risk, scripts, tags, tlv
from firmware.emv.action_analysis import Ask
from firmware.emv.chip import Chip, Cryptogram
from firmware.errors import CardBroken
from firmware.hal.random import Random
from firmware.hal.reader import Card

OFFLINE_APPROVED, OFFLINE_DECLINED, ALONE_APPROVED, ALONE_DECLINED = "Y1", "Z1", "Y3", "Z3"
_KIND = {0x00: "AAC", 0x40: "TC", 0x80: "ARQC"}
_STRENGTH = {"AAC": 0, "ARQC": 1, "TC": 2}
_CDA = 0x10
_DATA_MAX = 250
_IAD_MAX = 32


def decide(card: Card, chip: Chip, random: Random, spent: int = 0) -> Ask:
    """Terminal risk management and action analysis: what the first GENERATE AC asks for. `spent` in fen, see
    risk.manage. A TC asked for here may be given: whoever keeps books writes them first (money rule 1)."""
    risk.manage(card, chip, spent, random)
    asked = action_analysis.first(chip)
    chip.data[tags.ARC] = {Ask.TC: b"Y1", Ask.AAC: b"Z1"}.get(asked, b"")
    return asked


def generate_first(card: Card, chip: Chip, asked: Ask) -> Cryptogram:
    """First GENERATE AC. The card may answer with less than was asked, never with more. A TC or ARQC whose CDA
    signature is wrong is not `proved`. Raises CardBroken, CardLost."""
    chip.cdol1_data = _filled(chip, tags.CDOL1)
    answer = _generate(card, chip, asked, chip.cdol1_data, b"", chip.cda and asked is not Ask.AAC)
    chip.done(tags.TSI_CARD_RISK_DONE)
    return answer


def first(card: Card, chip: Chip, random: Random, spent: int = 0) -> Cryptogram:
    """Both at once, for acts that are online or nothing."""
    return first_online(card, chip, decide(card, chip, random, spent))


def first_online(card: Card, chip: Chip, asked: Ask) -> Cryptogram:
    """A TC is never asked for: what could have been one goes to the host as an ARQC. A signature that is wrong ends it
    here, after the card was told (Book 2, §6.6.2)."""
    if asked is Ask.TC:
        asked = Ask.ARQC
    return checked(card, chip, generate_first(card, chip, asked))


def checked(card: Card, chip: Chip, answer: Cryptogram) -> Cryptogram:
    """An answer that goes to the host; one whose signature is wrong is a decline."""
    chip.data[tags.ARC] = b""
    return answer if answer.proved else reject_unproved(card, chip, answer)


def reject_unproved(card: Card, chip: Chip, answer: Cryptogram) -> Cryptogram:
    """CDA failed: after an ARQC the card is asked for an AAC at once; a TC is declined without a second GENERATE AC
    (Book 2, §6.6.2). Either way the act is declined offline."""
    if answer.kind == "ARQC":
        return second(card, chip, OFFLINE_DECLINED, b"", approve=False)
    return Cryptogram("AAC", answer.value, answer.atc, answer.iad, answer.cid, proved=False)


def unable_to_go_online(chip: Chip) -> Ask:
    """No byte left: the default codes say whether the card may be asked for a TC (Y3) or only for an AAC (Z3)."""
    return Ask.AAC if chip.settings.online_only else action_analysis.unable_to_go_online(chip)


def second(card: Card, chip: Chip, arc: str, issuer_auth: bytes, approve: bool, before: bytes = b"") -> Cryptogram:
    """Issuer authentication, scripts 71 (`before`: their templates), second GENERATE AC with the host's or the
    terminal's ARC (DE 39, Y3, Z3, Z1).

    Raises CardBroken, CardLost. An AAC in spite of `approve` is an outcome: the card has the last word.
    """
    chip.data[tags.ARC] = arc.encode("ascii")
    if issuer_auth:
        chip.data[tags.ISSUER_AUTH_DATA] = issuer_auth
        if chip.card_can(tags.AIP_ISSUER_AUTH):
            _authenticate(card, chip, issuer_auth)
    if before:
        scripts.run(card, chip, before, tags.SCRIPT_FAILED_BEFORE)
    data = _filled(chip, tags.CDOL2)
    asked = Ask.TC if approve else Ask.AAC
    return _generate(card, chip, asked, data, data, chip.cda and approve)


def _authenticate(card: Card, chip: Chip, issuer_auth: bytes) -> None:
    """EXTERNAL AUTHENTICATE (Book 3, §10.9). Any status word but 9000 is a failed authentication, no broken card."""
    if not 8 <= len(issuer_auth) <= 16:
        chip.flag(tags.ISSUER_AUTH_FAILED, f"tag 91 has {len(issuer_auth)} bytes")
        return
    answer = apdu.external_authenticate(card, issuer_auth, chip.settings.apdu_s)
    chip.done(tags.TSI_ISSUER_AUTH_DONE)
    if answer.sw != apdu.OK:
        chip.flag(tags.ISSUER_AUTH_FAILED, f"{answer.sw:04X}")


def _filled(chip: Chip, cdol: int) -> bytes:
    entries = tlv.dol(chip.need(cdol))
    if tags.TC_HASH in [tag for tag, _ in entries]:
        chip.data[tags.TC_HASH] = _hash(chip)
    data = tlv.fill_dol(entries, chip.values())
    if len(data) > _DATA_MAX:
        raise CardBroken("a CDOL asks for too much")
    return data


def _hash(chip: Chip) -> bytes:
    """TC hash value, 98: SHA-1 over what the TDOL asks for, the card's or else the terminal's (Book 3, §9.2.2)."""
    if tags.TDOL not in chip.data:
        chip.flag(tags.DEFAULT_TDOL)
    return hashlib.sha1(tlv.fill_dol(tlv.dol(chip.data.get(tags.TDOL, chip.app.tdol)), chip.values())).digest()


def _generate(card: Card, chip: Chip, asked: Ask, data: bytes, cdol2_data: bytes, signed: bool) -> Cryptogram:
    p1 = asked.value | (_CDA if signed else 0)
    answer = apdu.expect_ok(apdu.generate_ac(card, p1, data, chip.settings.apdu_s), "GENERATE AC")
    found, template = _objects(answer)
    kind = _KIND.get(found[tags.CID][0] & 0xC0)
    if kind is None or _STRENGTH[kind] > _STRENGTH[asked.name]:
        raise CardBroken(f"asked for {asked.name}, the card gave {kind}")
    if signed and kind != "AAC":
        return _proved(chip, kind, found, template, cdol2_data)
    return _kept(chip, kind, found)


def _kept(chip: Chip, kind: str, found: dict[int, bytes], proved: bool = True) -> Cryptogram:
    """The cryptogram and what goes with it, also into what a DOL or F55 may ask for."""
    value = found.get(tags.APP_CRYPTOGRAM, b"")
    if len(value) != 8:
        raise CardBroken("GENERATE AC gave no cryptogram")
    iad = found.get(tags.IAD, b"")
    chip.data.update({tags.CID: found[tags.CID], tags.ATC: found[tags.ATC], tags.APP_CRYPTOGRAM: value, tags.IAD: iad})
    return Cryptogram(kind, value, found[tags.ATC], iad, found[tags.CID][0], proved)


def _proved(chip: Chip, kind: str, found: dict[int, bytes], template: bytes, cdol2_data: bytes) -> Cryptogram:
    """With CDA the cryptogram is inside the signature (Book 2, §6.6.2)."""
    try:
        if tags.SDAD not in found:
            raise oda.Missing("no tag 9F4B")
        value = oda.combined(chip, found[tags.SDAD], template, cdol2_data, found[tags.CID][0])
    except (oda.NotAuthentic, oda.Missing) as wrong:
        oda.fail(chip, tags.CDA_FAILED, wrong)
        return _kept(chip, kind, {tags.APP_CRYPTOGRAM: bytes(8)} | found, proved=False)
    chip.done(tags.TSI_ODA_DONE)
    return _kept(chip, kind, found | {tags.APP_CRYPTOGRAM: value})


def _objects(answer: bytes) -> tuple[dict[int, bytes], bytes]:
    """Format 1 (tag 80) or 2 (tag 77), Book 3, §6.5.5.4: CID and ATC are there. Also the value of template 77."""
    tag, value = tlv.only(answer, 0x77, 0x80)
    if tag == 0x77:
        found = tlv.unique(value)
    elif 11 <= len(value) <= 11 + _IAD_MAX:
        found = {tags.CID: value[:1], tags.ATC: value[1:3], tags.APP_CRYPTOGRAM: value[3:11], tags.IAD: value[11:]}
    else:
        raise CardBroken("GENERATE AC answered malformed data")
    sizes = {tags.CID: {1}, tags.ATC: {2}, tags.IAD: set(range(_IAD_MAX + 1))}
    if any(len(found.get(t, b"" if t == tags.IAD else b"?" * 99)) not in allowed for t, allowed in sizes.items()):
        raise CardBroken("GENERATE AC answered malformed data")
    return found, value
