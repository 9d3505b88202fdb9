"""Published messages: 29 of the UnionPay-style profile and 9 generic ones decode as expected and encode back."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.errors import MessageError
from firmware.host import codec, fields
from tests.conftest import vectors
from tests.host import dialects

UNIONPAY = vectors("iso8583/unionpay_messages")["vectors"]
GENERIC = vectors("iso8583/generic_messages")["vectors"]
MALFORMED = {"st8583_settle_req": "its F60 says 3135 digits: the author's length is ASCII where BCD belongs"}


def raw(vector: dict[str, Any]) -> bytes:
    data = bytes.fromhex(vector["hex"])
    return data[2:] if vector["framing"].startswith("2-byte") else data


def same(found: str, expected: str) -> bool:
    """Binary fields are compared as hex; '=' and D are the same separator."""
    clean = expected.removeprefix("hex:")
    return found.upper().replace("D", "=") == clean.upper().replace("D", "=")


def test_the_sets_are_the_ones_we_know() -> None:
    assert (len(UNIONPAY), len(GENERIC), len(MALFORMED)) == (30, 9, 1)


@pytest.mark.parametrize("vector", [v for v in UNIONPAY if v["name"] not in MALFORMED], ids=lambda v: v["name"])
def test_unionpay_message_decodes_and_encodes_back_byte_for_byte(vector: dict[str, Any]) -> None:
    spec = fields.unionpay(0 if vector["framing"] == "MTI first" else 11)
    message = codec.decode(raw(vector), spec)
    expected = vector["expect"]
    assert message.mti == expected["mti"]
    assert message.fields.keys() == expected["fields"].keys()
    assert [n for n, v in expected["fields"].items() if not same(message.fields[n], v)] == []
    assert codec.encode(message, spec) == raw(vector)


@pytest.mark.parametrize("name", MALFORMED)
def test_malformed_message_is_refused(name: str) -> None:
    vector = next(v for v in UNIONPAY if v["name"] == name)
    with pytest.raises(MessageError, match="field 60"):
        codec.decode(raw(vector), fields.unionpay(0))


def dialect(vector: dict[str, Any]) -> fields.Spec:
    if "TPDU" in vector["framing"]:
        return dialects.nac()
    return dialects.bcd_87() if "ISO87B" in vector["name"] or "guide" in vector["name"] else dialects.ascii_87()


@pytest.mark.parametrize("vector", GENERIC, ids=lambda v: v["name"])
def test_generic_message_decodes_and_encodes_back(vector: dict[str, Any]) -> None:
    message = codec.decode(raw(vector), dialect(vector))
    expected = vector["expect"]["fields"]
    assert message.fields.keys() == expected.keys()
    assert [n for n, v in expected.items() if not same(message.fields[n], signed(n, v, vector))] == []
    assert codec.encode(message, dialect(vector)) == raw(vector)


def signed(number: str, value: str, vector: dict[str, Any]) -> str:
    """The one exception: in the BCD dialect F28–F31 are a sign character before four BCD bytes, which pyiso8583 cannot
    mix; we keep them as hex."""
    mixed = dialect(vector)[number]["data_enc"] == "b" and number in ("28", "29", "30", "31")
    return value[:1].encode().hex() + value[1:] if mixed else value
