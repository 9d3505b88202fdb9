"""Our own messages, field by field, without the published set."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from firmware.errors import KeyProblem, MessageError
from firmware.host import codec, mac, messages
from firmware.host.codec import Message
from firmware.host.fields import unionpay
from firmware.host.messages import Caller, Details
from firmware.host.profiles import UNIONPAY
from firmware.security import des
from firmware.security.secrets import Key, Pan, Use

CALLER = Caller("10000001", "123456789012345", "6000030000613100310000")
DETAILS = Details("sale", 1250, "000123", "000007", "051", "001", Pan("6200000000000005"), "3012")
SPEC = unionpay()


def test_reversal_has_exactly_the_fields_of_host_facts_1_4() -> None:
    """No published 0400 exists: built from the rule 'keep 2,3,4,11,14,22,23,25,41,42,49,60; drop 26,35,36,37,52,53'."""
    m = messages.reversal(
        UNIONPAY, CALLER, DETAILS, "98", "950500000000009F360200019F1E0854414B454241434B", "015838", ""
    )
    assert m.mti == "0400"
    assert m.fields == {
        "2": "6200000000000005",
        "3": "000000",
        "4": "000000001250",
        "11": "000123",
        "14": "3012",
        "22": "051",
        "23": "001",
        "25": "00",
        "38": "015838",
        "39": "98",
        "41": "10000001",
        "42": "123456789012345",
        "49": "156",
        "55": "950500000000009F360200019F1E0854414B454241434B",
        "60": "2200000700060",
    }
    assert codec.decode(codec.encode(m, SPEC), SPEC).fields["60"] == "2200000700060"


def test_reversal_without_approval_has_no_38_and_no_track_or_pin() -> None:
    m = messages.reversal(UNIONPAY, CALLER, DETAILS, "98", "", "", "")
    assert not {"26", "35", "36", "37", "38", "52", "53", "55", "61"} & m.fields.keys()


def test_reversal_of_a_void_names_original_batch_and_own_stan() -> None:
    d = Details("void", 1250, "000124", "000007", "052", "001", Pan("6200000000000005"), "3012")
    m = messages.reversal(UNIONPAY, CALLER, d, "98", "", "", "000007" + "000124")
    assert (m.get(3), m.get(60), m.get(61)) == ("200000", "2300000700060", "000007000124")


def test_frame_is_what_the_profile_says_byte_by_byte() -> None:
    m = messages.echo(UNIONPAY, CALLER, "000007")
    assert codec.encode(m, SPEC).hex() == (
        "6000030000" + "613100310000" + "0820" + "0000000000c00010" + b"10000001".hex() + b"123456789012345".hex()
        + "0011" + "000000073010"
    )  # fmt: skip


def test_f22_is_left_aligned_and_f23_right_aligned() -> None:
    raw = codec.encode(Message("0200", {"22": "021", "23": "001"}, CALLER.header), SPEC)
    assert raw.hex().endswith("0210" + "0001")


@pytest.mark.parametrize("pad", ["0", "f"])
def test_track_two_is_read_with_either_pad_nibble(pad: str) -> None:
    raw = bytes.fromhex(
        CALLER.header + "0200" + "0000000020000000" + "37" + "6200000000000005d30122010000000000000" + pad
    )
    assert codec.decode(raw, SPEC).get(35) == "6200000000000005D30122010000000000000"


@pytest.mark.parametrize(
    ("what", "raw"),
    [
        ("trailing byte", "0820" + "0000000000800000" + b"10000001".hex() + "00"),
        ("short", "0820" + "0000000000800000" + "3130"),
        ("letter in a number", "0820" + "1000000000000000" + "00000000001a"),
        ("length over the maximum", "0200" + "4000000000000000" + "20" + "11" * 10),
        ("unknown field", "0820" + "0400000000000000" + "00000000"),
        ("letter in the type", "08a0" + "0000000000000000"),
        ("empty", ""),
    ],
)
def test_bad_bytes_are_refused_with_our_own_error(what: str, raw: str) -> None:
    with pytest.raises(MessageError):
        codec.decode(bytes.fromhex(CALLER.header + raw) if raw else b"", SPEC)


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_message_error(data: bytes) -> None:
    try:
        codec.decode(data, SPEC)
    except MessageError:
        pass


def test_a_frame_over_the_limit_is_refused() -> None:
    with pytest.raises(MessageError, match="more than a frame"):
        codec.decode(bytes(5000), SPEC)


def test_working_keys_with_a_wrong_check_value_are_refused() -> None:
    tmk, pik, mak = (Key(bytes([n] * size), use)
                     for n, size, use in ((1, 16, Use.WRAP), (2, 16, Use.PIN), (3, 8, Use.MAC)))  # fmt: skip
    good = (des.encrypt(tmk, pik.reveal(), Use.WRAP) + des.check_value(pik) + des.encrypt(tmk, mak.reveal(), Use.WRAP) + bytes(8)
            + des.check_value(mak))  # fmt: skip
    assert mac.working_keys(tmk, good) == (pik, mak)
    for at in range(len(good)):
        if 28 <= at < 36:
            continue  # the eight zero bytes carry nothing
        with pytest.raises(KeyProblem):
            mac.working_keys(tmk, good[:at] + bytes([good[at] ^ 0x10]) + good[at + 1 :])
    with pytest.raises(KeyProblem, match="key bytes"):
        mac.working_keys(tmk, good[:-1])
