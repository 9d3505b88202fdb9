"""Published working keys, MACs and PIN blocks. What is not ours is named with its reason."""

from __future__ import annotations

from typing import Any

import pytest
from psec import mac as psec_mac

from firmware.host import mac
from firmware.security import des, pin
from firmware.security.secrets import Key, Pan, Use
from tests.conftest import vectors

KEYS = vectors("iso8583/keys_mac")["vectors"]
PINS = vectors("iso8583/pinblock")["vectors"]
NOT_OURS = {
    "fmt2": "format 2 goes to the chip with an offline PIN: the issue on the EMV kernel",
    "fmt4": "format 4 needs AES: the issue on the EMV kernel",
}


def named(*words: str) -> list[dict[str, Any]]:
    return [v for v in KEYS if any(w in v["name"] for w in words)]


def test_unionpay_ecb_mac_step_by_step() -> None:
    (v,) = named("ecb_mac")
    key, block = Key(bytes.fromhex(v["mak"]), Use.MAC), bytes.fromhex(v["xor_block"])
    text = block.hex().upper().encode()
    assert (text[:8].decode(), text[8:].decode()) == (v["hex_text_first8_ascii"], v["hex_text_last8_ascii"])
    once = des.encrypt(key, text[:8], Use.MAC)
    assert once.hex().upper() == v["des_first"]
    assert mac.ecb_mac(key, block) == v["f64_ascii"].encode() == bytes.fromhex(v["f64_hex"])


@pytest.mark.parametrize("v", named("40byte_f62"), ids=lambda v: v["name"])
def test_working_keys_unwrap_and_match_their_check_values(v: dict[str, Any]) -> None:
    pik, mak = mac.working_keys(Key(bytes.fromhex(v["tmk"]), Use.WRAP), bytes.fromhex(v["f62"]))
    assert (pik.reveal().hex().upper(), mak.reveal().hex().upper()) == (v["pik"], v["mak"])
    assert des.check_value(pik).hex().upper() == v["pik_check"]
    assert des.check_value(mak).hex().upper() == v["mak_check"]


def test_a_mac_key_unwraps_where_only_that_is_published() -> None:
    (v,) = named("tak_csdn")
    assert (
        des.decrypt(Key(bytes.fromhex(v["tmk"]), Use.WRAP), bytes.fromhex(v["mak_encrypted"]), Use.WRAP).hex().upper()
        == v["mak"]
    )


@pytest.mark.parametrize("v", named("psec_mac"), ids=lambda v: v["name"])
def test_oracle_psec_agrees_with_its_own_published_macs(v: dict[str, Any]) -> None:
    """Retail and CBC MAC are not used by this profile; the oracle that later profiles lean on is checked here."""
    padding = int(v["name"][-1])
    keys = [bytes.fromhex(v[f"retail_key{n}"]) for n in (1, 2)]
    data = v["data_ascii"].encode()
    assert psec_mac.generate_retail_mac(*keys, data, padding).hex().upper() == v["retail_mac"]
    assert psec_mac.generate_cbc_mac(bytes.fromhex(v["cbc_key"]), data, padding).hex().upper() == v["cbc_mac"]


@pytest.mark.parametrize("v", named("x9.19"), ids=lambda v: v["data_ascii"])
def test_retail_mac_of_the_standard(v: dict[str, Any]) -> None:
    key = bytes.fromhex(v["key"])
    found = psec_mac.generate_retail_mac(key[:8], key[8:], v["data_ascii"].encode(), 1, 4)
    assert found.hex().upper() == v["mac"]


def test_every_key_vector_is_used() -> None:
    used = named("ecb_mac", "40byte_f62", "tak_csdn", "psec_mac", "x9.19")
    assert len(used) == len(KEYS) == 9


@pytest.mark.parametrize("v", [v for v in PINS if v["name"].startswith("fmt0")], ids=lambda v: v["name"])
def test_clear_pin_block_format_0(v: dict[str, Any]) -> None:
    digits = bytearray(12)
    digits[: len(v["pin"])] = bytes(int(d) for d in v["pin"])
    assert pin.clear_format_0(digits, len(v["pin"]), Pan(v["pan"])).hex().upper() == v["clear_block"]


def test_the_other_pin_blocks_are_left_out_for_a_reason() -> None:
    assert {v["name"][:4] for v in PINS} == {"fmt0", *NOT_OURS}
