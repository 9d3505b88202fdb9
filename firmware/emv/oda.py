"""Offline data authentication, EMV 4.4 Book 2, §5 and §6: certificates, SDA, DDA, CDA, and the key for the PIN (§7).

What fails here never breaks the transaction: it sets bits of the TVR, and action analysis decides.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip, PublicKey
from firmware.emv.settings import CaKey
from firmware.emv.tags import Bit
from firmware.errors import CardBroken
from firmware.hal.reader import Card

_SHA1, _RSA = 0x01, 0x01
_SDA, _DDA, _CDA = 0x80, 0x40, 0x08  # 9F33 byte 3
_FAILED = {_SDA: tags.SDA_FAILED, _DDA: tags.DDA_FAILED, _CDA: tags.CDA_FAILED}
_DDOL_MAX = 250
_KEY_MIN = 47  # bytes: 22 around what is signed, and the smallest thing that is


class NotAuthentic(Exception):
    """A certificate or signature is not what it has to be; says what, never data of the card."""


class Missing(Exception):
    """The card did not bring an object that the method needs (Book 3, §7.2)."""


def authenticate(card: Card, chip: Chip) -> None:
    """The best method both sides have: CDA, DDA, SDA, or none (Book 3, §10.3). CDA is only prepared here."""
    method = _method(chip)
    if not method:
        chip.flag(tags.ODA_NOT_PERFORMED, "no method in common")
        return
    if method == _SDA:
        chip.flag(tags.SDA_SELECTED)
    try:
        _perform(card, chip, method)
    except (Missing, NotAuthentic) as wrong:
        fail(chip, _FAILED[method], wrong)
        return
    if method == _CDA:
        chip.cda = True
    else:
        chip.done(tags.TSI_ODA_DONE)


def _perform(card: Card, chip: Chip, method: int) -> None:
    if method == _SDA:
        chip.data[tags.DAC] = static_signature(chip, issuer_key(chip))
        return
    chip.icc_key = icc_key(chip, issuer_key(chip))
    if method == _DDA:
        _dynamic(card, chip, chip.icc_key)


def fail(chip: Chip, bit: Bit, wrong: Exception) -> None:
    """Performed and failed; missing data has a bit of its own besides."""
    chip.flag(bit, str(wrong))
    chip.done(tags.TSI_ODA_DONE)
    if isinstance(wrong, Missing):
        chip.flag(tags.ICC_DATA_MISSING, str(wrong))


def _method(chip: Chip) -> int:
    ours = chip.settings.oda
    for method, aip in ((_CDA, tags.AIP_CDA), (_DDA, tags.AIP_DDA), (_SDA, tags.AIP_SDA)):
        if ours & method and chip.card_can(aip):
            return method
    return 0


def _have(chip: Chip, tag: int) -> bytes:
    if tag not in chip.data:
        raise Missing(f"no tag {tag:X}")
    return chip.data[tag]


# -- recovery (Book 2, Annex B2.1) ------------------------------------------------------------------------------------


def recover(signed: bytes, key: PublicKey, form: int) -> bytes:
    """What was signed, between header 6A and trailer BC, with this format byte. Raises NotAuthentic."""
    size = len(key.modulus)
    if len(signed) != size:
        raise NotAuthentic(f"{len(signed)} bytes were signed with a key of {size}")
    modulus = int.from_bytes(key.modulus, "big")
    number = int.from_bytes(signed, "big")
    if number >= modulus:
        raise NotAuthentic("the signature is larger than its key")
    plain = pow(number, key.exponent, modulus).to_bytes(size, "big")
    if plain[0] != 0x6A or plain[-1] != 0xBC or plain[1] != form:
        raise NotAuthentic(f"header, trailer or format {form:02X} of what was signed is wrong")
    return plain


def _checked_hash(plain: bytes, more: bytes) -> None:
    """The 20 bytes before the trailer are the SHA-1 of what is before them and `more`."""
    if hashlib.sha1(plain[1:-21] + more).digest() != plain[-21:-1]:
        raise NotAuthentic("the hash is wrong")


def _exponent(raw: bytes) -> int:
    value = int.from_bytes(raw, "big")
    if value not in (3, 65537):
        raise NotAuthentic("the exponent is neither 3 nor 65537")
    return value


@dataclass(frozen=True)
class Certificate:
    """What an issuer or ICC certificate says of a key (Book 2, tables 6 and 14)."""

    holder: bytes
    expires: bytes
    serial: bytes
    key: PublicKey


def certificate(signed: bytes, signer: PublicKey, form: int, holder: int, remainder: bytes, exponent: bytes,
                static: bytes = b"") -> Certificate:  # fmt: skip
    """Open and check one certificate; `holder` is the length of the name in it. Raises NotAuthentic."""
    plain = recover(signed, signer, form)
    at = 2 + holder
    if len(plain) < at + 9 + 22:
        raise NotAuthentic("the certificate is too short")
    expires, serial = plain[at : at + 2], plain[at + 2 : at + 5]
    hash_kind, key_kind, size, exponent_size = plain[at + 5 : at + 9]
    if hash_kind != _SHA1 or key_kind != _RSA:
        raise NotAuthentic("the certificate uses an algorithm that is not SHA-1 with RSA")
    _checked_hash(plain, remainder + exponent + static)
    room = plain[at + 9 : -21]
    modulus = room[:size] if size <= len(room) else room + remainder
    if size < _KEY_MIN or len(modulus) != size or exponent_size != len(exponent):
        raise NotAuthentic("key, remainder and exponent do not have the lengths the certificate says")
    return Certificate(plain[2:at], expires, serial, PublicKey(modulus, _exponent(exponent)))


def expired(expires: bytes, today: date) -> bool:
    """MMYY, good to the last day of its month; years 50–99 are 19xx (Book 4, §6.7.3)."""
    text = expires.hex()
    if not text.isdigit() or not 1 <= int(text[:2]) <= 12:
        return True
    year = int(text[2:]) + (1900 if text[2:] >= "50" else 2000)
    return (year, int(text[:2])) < (today.year, today.month)


# -- the chain --------------------------------------------------------------------------------------------------------


def ca_key(chip: Chip) -> CaKey:
    """By RID and the card's index (Book 2, §5.2). Raises Missing, NotAuthentic."""
    index = _have(chip, tags.CA_INDEX)
    key = chip.settings.keys.get((chip.aid[:5], index[0] if len(index) == 1 else -1))
    if key is None:
        raise NotAuthentic(f"no CA key {chip.aid[:5].hex().upper()} {index.hex().upper()}")
    return key


def issuer_key(chip: Chip) -> PublicKey:
    """Book 2, §5.3. Raises Missing, NotAuthentic."""
    authority = ca_key(chip)
    signed, exponent = _have(chip, tags.ISSUER_CERTIFICATE), _have(chip, tags.ISSUER_EXPONENT)
    signer = PublicKey(authority.modulus, int.from_bytes(authority.exponent, "big"))
    found = certificate(signed, signer, 0x02, 4, chip.data.get(tags.ISSUER_REMAINDER, b""), exponent)
    issuer = found.holder.hex().rstrip("f")
    if not 3 <= len(issuer) <= 8 or not issuer.isdigit() or not chip.pan.reveal().startswith(issuer):
        raise NotAuthentic("the issuer certificate belongs to another issuer")
    if expired(found.expires, chip.today):
        raise NotAuthentic("the issuer certificate has expired")
    if (authority.rid, authority.index, found.serial) in chip.settings.revoked:
        raise NotAuthentic("the issuer certificate is revoked")
    chip.issuer_key = found.key
    chip.data[tags.CA_INDEX_TERMINAL] = bytes([authority.index])
    return found.key


def static_data(chip: Chip) -> bytes:
    """Signed records + the AIP where tag 9F4A names it, and it may name nothing else (Book 2, §5.4). Raises
    NotAuthentic."""
    if chip.static is None:
        raise NotAuthentic("a record to be authenticated is no template 70")
    names = chip.data.get(tags.SDA_TAG_LIST, b"")
    if names not in (b"", bytes([tags.AIP])):
        raise NotAuthentic("tag 9F4A names more than the AIP")
    return chip.static + (chip.need(tags.AIP) if names else b"")


def static_signature(chip: Chip, issuer: PublicKey) -> bytes:
    """Signed static application data (Book 2, §5.4): the data authentication code, 9F45. Raises Missing,
    NotAuthentic."""
    plain = recover(_have(chip, tags.SSAD), issuer, 0x03)
    if plain[2] != _SHA1:
        raise NotAuthentic("the signature uses an algorithm that is not SHA-1")
    _checked_hash(plain, static_data(chip))
    return plain[3:5]


def icc_key(chip: Chip, issuer: PublicKey) -> PublicKey:
    """The card's own key (Book 2, §6.4). Raises Missing, NotAuthentic."""
    return _of_card(chip, issuer, tags.ICC_CERTIFICATE, tags.ICC_EXPONENT, tags.ICC_REMAINDER, static_data(chip))


def pin_key(chip: Chip) -> PublicKey:
    """The key that enciphers an offline PIN: one of its own, else the card's (Book 2, §7.1). Raises Missing,
    NotAuthentic."""
    issuer = chip.issuer_key or issuer_key(chip)
    if tags.PIN_CERTIFICATE in chip.data:
        return _of_card(chip, issuer, tags.PIN_CERTIFICATE, tags.PIN_EXPONENT, tags.PIN_REMAINDER, b"")
    return chip.icc_key or icc_key(chip, issuer)


def _of_card(chip: Chip, issuer: PublicKey, signed: int, exponent: int, remainder: int, static: bytes) -> PublicKey:
    found = certificate(
        _have(chip, signed), issuer, 0x04, 10, chip.data.get(remainder, b""), _have(chip, exponent), static
    )
    if found.holder.hex().rstrip("f") != chip.pan.reveal():
        raise NotAuthentic("the certificate belongs to another card")
    if expired(found.expires, chip.today):
        raise NotAuthentic("the certificate of the card has expired")
    return found.key


# -- dynamic signatures -----------------------------------------------------------------------------------------------


def dynamic_signature(signed: bytes, key: PublicKey, terminal_data: bytes) -> bytes:
    """The ICC dynamic data of a signature over `terminal_data` (Book 2, §6.5.2). Raises NotAuthentic."""
    plain = recover(signed, key, 0x05)
    length = plain[3]
    if plain[2] != _SHA1 or length > len(plain) - 25:
        raise NotAuthentic("algorithm or length of the dynamic signature is wrong")
    _checked_hash(plain, terminal_data)
    return plain[4 : 4 + length]


def _number(dynamic: bytes) -> bytes:
    """The ICC dynamic number, 2–8 bytes behind its length. Raises NotAuthentic."""
    if not dynamic or not 2 <= dynamic[0] <= 8 or len(dynamic) < 1 + dynamic[0]:
        raise NotAuthentic("the ICC dynamic number has a wrong length")
    return dynamic[1 : 1 + dynamic[0]]


def _dynamic(card: Card, chip: Chip, key: PublicKey) -> None:
    """INTERNAL AUTHENTICATE over the DDOL (Book 2, §6.5.1). Raises Missing, NotAuthentic, CardLost."""
    try:
        entries = tlv.dol(chip.data.get(tags.DDOL, chip.app.ddol))
    except CardBroken as broken:
        raise NotAuthentic(f"DDOL: {broken}") from None
    if tags.UNPREDICTABLE not in [tag for tag, _ in entries]:
        raise NotAuthentic("the DDOL does not ask for the unpredictable number")
    data = tlv.fill_dol(entries, chip.values())
    if len(data) > _DDOL_MAX:
        raise NotAuthentic("the DDOL asks for too much")
    answer = apdu.internal_authenticate(card, data, chip.settings.apdu_s)
    if answer.sw != apdu.OK:
        raise CardBroken(f"INTERNAL AUTHENTICATE answered {answer.sw:04X}")
    tag, value = tlv.only(answer.data, 0x77, 0x80)
    if tag == 0x77:
        found = tlv.unique(value)
        if tags.SDAD not in found:
            raise Missing("no tag 9F4B")
        value = found[tags.SDAD]
    chip.data[tags.DYNAMIC_NUMBER] = _number(dynamic_signature(value, key, data))


def combined(chip: Chip, signed: bytes, answer: bytes, cdol2_data: bytes, cid: int) -> bytes:
    """The cryptogram inside a CDA signature (Book 2, §6.6.2), once everything around it is proved.

    `answer` is the value of template 77 as it came; its objects but 9F4B are in the transaction data hash.
    Raises NotAuthentic."""
    assert chip.icc_key is not None
    dynamic = dynamic_signature(signed, chip.icc_key, chip.data[tags.UNPREDICTABLE])
    number = _number(dynamic)
    rest = dynamic[1 + len(number) :]
    if len(rest) < 29:
        raise NotAuthentic("the signed dynamic data is too short")
    if rest[0] != cid:
        raise NotAuthentic("the signed CID is another one")
    around = hashlib.sha1(chip.pdol_data + chip.cdol1_data + cdol2_data + _without_signature(answer)).digest()
    if rest[9:29] != around:
        raise NotAuthentic("the transaction data hash is wrong")
    chip.data[tags.DYNAMIC_NUMBER] = number
    return rest[1:9]


def _without_signature(answer: bytes) -> bytes:
    """The objects in the order and form they came, without 9F4B."""
    return b"".join(whole for tag, _, whole in tlv.pieces(answer) if tag != tags.SDAD)
