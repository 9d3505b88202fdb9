"""Data authentication with the project's own scheme: what holds, and every byte of it turned (EMV 4.4 Book 2, §5 to §7)."""

from __future__ import annotations

import hashlib

import pytest

from firmware.emv import oda, offline_pin, records, tags
from firmware.emv.chip import Chip
from firmware.hal.reader import Response
from hal_mocks.card import scheme
from tests.emv.bench import NOW, SETTINGS, Dice, begin, typed

KEYS = [{}, {"authority": 2, "issuer": scheme.ISSUER_2, "icc": scheme.ICC_2}]


def broken_bits(tag: str, bit: int, **profile: object) -> None:
    """Each byte of one object turned, and what has to be flagged then."""
    _, good = begin(**profile)
    size = len(good.data[int(tag, 16)])
    for at in range(size):
        _, chip = begin(**profile, spoil={tag: at})
        assert chip.tvr[0] & bit, f"byte {at} of {tag}"


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("tag", ["90", "93"])
def test_every_byte_of_a_static_chain(tag: str, keys: dict[str, object]) -> None:
    broken_bits(tag, tags.SDA_FAILED.mask, oda="sda", **keys)


@pytest.mark.parametrize("keys", KEYS)
@pytest.mark.parametrize("tag", ["90", "9F46"])
def test_every_byte_of_a_dynamic_chain(tag: str, keys: dict[str, object]) -> None:
    broken_bits(tag, tags.DDA_FAILED.mask, oda="dda", **keys)


@pytest.mark.parametrize("tag", ["92", "9F32", "9F48", "9F47", "8F"])
def test_remainders_exponents_and_index(tag: str) -> None:
    broken_bits(tag, tags.DDA_FAILED.mask, oda="dda")


def test_every_byte_of_a_pin_certificate() -> None:
    profile = {"cvm": "0000000000000000" + "0400", "pin_key": scheme.PIN}
    _, good = begin(**profile)
    assert offline_pin.key_for_pin(good) is not None
    for tag in ("9F2D", "9F2E", "9F2F"):
        for at in range(len(good.data.get(int(tag, 16), b""))):
            _, chip = begin(**profile, spoil={tag: at})
            assert offline_pin.key_for_pin(chip) is None, f"byte {at} of {tag}"


def test_every_bit_of_a_dynamic_signature() -> None:
    signed = scheme.dynamic_signature(scheme.ICC, b"\1\2\3", b"", b"data")
    key = oda.PublicKey(scheme.ICC.modulus, scheme.ICC.exponent)
    assert oda.dynamic_signature(signed, key, b"data") == b"\x03\1\2\3"
    for bit in range(len(signed) * 8):
        wrong = (int.from_bytes(signed, "big") ^ 1 << bit).to_bytes(len(signed), "big")
        with pytest.raises(oda.NotAuthentic):
            oda.dynamic_signature(wrong, key, b"data")


@pytest.mark.parametrize(("size", "says"), [(0, "0 bytes"), (111, "111 bytes"), (113, "113 bytes"), (300, "300 bytes")])
def test_a_signature_of_another_length(size: int, says: str) -> None:
    with pytest.raises(oda.NotAuthentic, match=says):
        oda.recover(bytes(size), oda.PublicKey(scheme.ICC.modulus, 3), 0x05)


def test_a_certificate_with_lengths_that_lie() -> None:
    """A key length that the certificate does not hold, and a name that is another's, with a hash that is right."""
    issuer = oda.PublicKey(scheme.ISSUER.modulus, 3)
    head = bytes.fromhex("04" + "6200000000000005FFFF" + "1249" + "000002" + "0101")
    for size, exponent in ((112, 3), (200, 1), (0, 1), (255, 255)):
        body = head + bytes([size, exponent]) + scheme.ICC.modulus[:86]
        signed = scheme.signed(scheme.ISSUER, body, scheme.ICC.modulus[86:] + b"\x03")
        with pytest.raises(oda.NotAuthentic):
            oda.certificate(signed, issuer, 0x04, 10, scheme.ICC.modulus[86:], b"\x03")


def test_algorithms_other_than_sha1_and_rsa_are_refused() -> None:
    issuer = oda.PublicKey(scheme.ISSUER.modulus, 3)
    for algorithm in (b"\x02\x01", b"\x01\x02"):
        signed, rest, exponent = scheme.certificate(scheme.ISSUER, 0x04, "6200000000000005FFFF", "1249", "000002", scheme.ICC,
                                                    algorithm=algorithm)  # fmt: skip
        with pytest.raises(oda.NotAuthentic, match="algorithm"):
            oda.certificate(signed, issuer, 0x04, 10, rest, exponent)


def test_the_pin_block_is_nowhere_but_under_the_key() -> None:
    """What reaches the card deciphers to header, block, challenge and random bytes; the buffer is wiped."""
    card, chip = begin(oda="dda", cvm="0000000000000000" + "0400")
    key = offline_pin.key_for_pin(chip)
    assert key is not None
    pin = typed("1234")
    assert offline_pin.verify_enciphered(card, chip, pin, key, Dice()) == offline_pin.Verdict(True)
    assert not any(pin.digits)


@pytest.mark.parametrize(("head", "tail"), [(0x6B, 0xBC), (0x6A, 0xBD), (0x00, 0xBC), (0x6A, 0x00)])
def test_a_right_hash_between_a_wrong_header_and_trailer(head: int, tail: int) -> None:
    key = oda.PublicKey(scheme.ICC.modulus, scheme.ICC.exponent)
    inner = scheme.framed(b"\x05\x01\x04\x03\1\2\3", len(scheme.ICC.modulus))
    plain = bytes([head]) + inner + hashlib.sha1(inner + b"data").digest() + bytes([tail])
    with pytest.raises(oda.NotAuthentic, match="header, trailer or format"):
        oda.dynamic_signature(scheme.ICC.sign(plain), key, b"data")


def test_records_above_sfi_10_are_signed_with_their_template() -> None:
    """Of SFI 1 to 10 what is in template 70, of 11 to 30 the whole record, in the card's order (Book 3, §10.3)."""
    inside = bytes.fromhex("5A086200000000000005" + "5F2403301231" + "8C039F0206" + "8D039F0206")
    files = {
        (1, 1): b"\x70" + bytes([len(inside)]) + inside,
        (12, 1): bytes.fromhex("70055F50027878"),
        (30, 2): bytes.fromhex("7000"),
    }

    class Files:
        def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
            return Response(files[apdu[3] >> 3, apdu[2]], 0x9000)

    chip = Chip(SETTINGS, SETTINGS.aids[0], SETTINGS.aids[0].aid, "X", NOW.date())
    chip.data[tags.AFL] = bytes.fromhex("60010101" + "08010101" + "F0020201")
    records.read_all(Files(), chip)
    assert chip.static == files[12, 1] + inside + files[30, 2]
    assert 0x5F50 not in chip.data, "what is in SFI 11 to 30 is not for the terminal"
