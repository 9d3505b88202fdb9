"""Published DUKPT rows (ANSI X9.24-1 and X9.24-3) and TR-31 key blocks against the terminal's own register."""

from __future__ import annotations

from typing import Any

import pytest

from firmware.errors import KeyProblem
from firmware.security import custody, pin
from firmware.security.dukpt import SCHEMES, Aes, OnceKey, Register, Tdes
from firmware.security.secrets import Key, Pan, Use
from tests.conftest import vectors
from tests.emv.bench import typed

DUKPT = {v["name"]: v for v in vectors("iso8583/dukpt")["vectors"]}
TR31 = vectors("iso8583/tr31")["vectors"]
AES = [n for n in DUKPT if "aes" in n]


def at(scheme: str, initial: str, base: str, ksn: str) -> OnceKey:
    """The key for one KSN, reached as a terminal reaches it: walking there, in strides over what it need not spend."""
    made = Register.load(SCHEMES[scheme], bytes.fromhex(initial), bytes.fromhex(base))
    bits = SCHEMES[scheme].bits
    counter = int(ksn, 16) & (1 << bits) - 1
    keys, so_far = dict(made.keys), 0
    for n in range(bits - 1, -1, -1):  # each set bit of the counter is one generation
        if counter >> n & 1:
            so_far |= 1 << n
            lower = {1 << m: SCHEMES[scheme].child(keys[1 << n], SCHEMES[scheme].ksn(made.base, so_far | 1 << m))
                     for m in range(n)}  # fmt: skip
            last, keys = keys, lower
            lowest = 1 << n
    return Register(made.scheme, made.base, counter, {lowest: last[lowest]}).spend()[1]


def test_nothing_is_left_out() -> None:
    assert len(DUKPT) == 4
    assert len(DUKPT["dukpt_tdes_x9.24-1"]["rows"]) == 34
    assert len(TR31) == 28
    older = {s["name"]: s["values"] for s in vectors("emv/dukpt")["sets"]}
    tdes = DUKPT["dukpt_tdes_x9.24-1"]["rows"]
    assert [r["txn_key"] for r in tdes] == older["dukpt_tdes_test"]["txn_key_verify"] + older["dukpt_tdes_test"][
        "txn_key_verify2"
    ]
    assert DUKPT[AES[0]]["txn_key"] == older["dukpt_aes128_test"]["txn_key_verify"]


@pytest.mark.parametrize("row", DUKPT["dukpt_tdes_x9.24-1"]["rows"], ids=lambda r: r["ksn"])
def test_tdes(row: dict[str, str]) -> None:
    v = DUKPT["dukpt_tdes_x9.24-1"]
    once = at("tdes", v["ik"], v["iksn"], row["ksn"])
    assert once.transaction_key.hex().upper() == row["txn_key"]
    block = pin.encrypted_block(typed(v["pin"]), Pan(v["pan"]), once.key, once.ksn)
    assert (block.reveal().hex().upper(), block.ksn.hex().upper()) == (row["encrypted_pin_block"], row["ksn"])


@pytest.mark.parametrize("row", DUKPT["dukpt_tdes_verify_table"]["rows"], ids=lambda r: r["ksn"])
def test_tdes_verify_table(row: dict[str, str]) -> None:
    v = DUKPT["dukpt_tdes_x9.24-1"]
    once = at("tdes", v["ik"], v["iksn"], row["ksn"])
    assert once.key.bytes_for(Use.PIN).hex().upper() == row["pin_key"]


def test_the_first_rows_in_order_as_a_terminal_spends_them() -> None:
    v = DUKPT["dukpt_tdes_x9.24-1"]
    register = Register.load(Tdes(), bytes.fromhex(v["ik"]), bytes.fromhex(v["iksn"]))
    for row in v["rows"][:21]:
        register, once = register.spend()
        assert (once.ksn.hex().upper(), once.transaction_key.hex().upper()) == (row["ksn"], row["txn_key"])


@pytest.mark.parametrize("name", AES)
def test_aes(name: str) -> None:
    v = DUKPT[name]
    scheme = Aes()
    initial = scheme.initial(bytes.fromhex(v["bdk"]), bytes.fromhex(v["ikid"]))
    assert initial.hex().upper() == v["ik"]
    base = v["ikid"] + "00000000"
    rows: list[tuple[str, str]] = [*zip(v["ksn"], v["txn_key"], strict=True), *zip(v["ksn2"], v["txn_key2"], strict=True),
                                   *zip(v["ksn3"], v["txn_key3"], strict=True)]  # fmt: skip
    assert len(rows) == 15
    for ksn, key in rows:
        assert at("aes", v["ik"], base, ksn).transaction_key.hex().upper() == key
    register = Register.load(scheme, initial, bytes.fromhex(base))
    for ksn, pin_key, mac_key in zip(v["ksn"], v["pin_key_aes128"], v["cmac_aes128_key"], strict=True):
        register, once = register.spend()
        assert (once.ksn.hex().upper(), once.key.bytes_for(Use.PIN).hex().upper()) == (ksn, pin_key)
        assert scheme.derive(once.transaction_key, once.ksn, Aes.MAC, 16).hex().upper() == mac_key
    if "pin_key_aes256" in v:
        once = at("aes", v["ik"], base, v["ksn"][0])
        assert scheme.derive(once.transaction_key, once.ksn, Aes.PIN, 32).hex().upper() == v["pin_key_aes256"][0]


def test_aes_pin_blocks() -> None:
    """Format 4 with the published random half."""
    v = DUKPT[AES[0]]
    fill = bytes.fromhex(v["pinfield"])[8:]
    assert pin.card_field(Pan(v["pan"])).hex().upper() == v["panfield"]
    register = Register.load(Aes(), bytes.fromhex(v["ik"]), bytes.fromhex(v["ikid"] + "00000000"))
    for expected in v["encrypted_pinblock"]:
        register, once = register.spend()
        block = pin.encrypted_block(typed(v["pin"]), Pan(v["pan"]), once.key, once.ksn, fill)
        assert block.reveal().hex().upper() == expected


def test_clear_pin_blocks() -> None:
    for v in vectors("iso8583/pinblock")["vectors"]:
        if v["format"] == "ISO 9564-1 format 0":
            made = pin.clear_format_0(typed(v["pin"]).digits, len(v["pin"]), Pan(v["pan"]))
            assert bytes(made).hex().upper() == v["clear_block"]


# -- key blocks -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("v", TR31, ids=lambda v: v["name"])
def test_key_block(v: dict[str, Any]) -> None:
    """Every block opens to its key, version E excepted (docs/emv.md); then its usage says whether it is for us."""
    kbpk = Key(bytes.fromhex(v["kbpk"]), Use.BLOCKS)
    if v["key_block"][0] == "E":
        with pytest.raises(KeyProblem, match="Version ID"):
            custody.opened(kbpk, v["key_block"])
        return
    header, key = custody.opened(kbpk, v["key_block"])
    assert key.hex().upper() == v["key"]
    if header.key_usage == "K0" and header.algorithm == "T":
        assert custody.unwrap(kbpk, v["key_block"]).use == "TMK"
    else:
        with pytest.raises(KeyProblem, match="is not taken here"):
            custody.unwrap(kbpk, v["key_block"])


@pytest.mark.parametrize("v", [TR31[0], TR31[1], TR31[7]], ids=lambda v: v["name"])
def test_each_character_of_a_block_turned_is_refused(v: dict[str, Any]) -> None:
    kbpk, block = Key(bytes.fromhex(v["kbpk"]), Use.BLOCKS), v["key_block"]
    for place in range(len(block)):
        other = block[:place] + ("0" if block[place] != "0" else "1") + block[place + 1 :]
        try:
            found = custody.opened(kbpk, other)[1].hex().upper()
        except KeyProblem:
            continue
        assert found != v["key"] or block[0] == "A", f"character {place}"
