"""137 published values of issuer cryptography against the software card's own code, which knows nothing of pyemv."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from hal_mocks.card import crypto, cvn
from tests.conftest import vectors

CASES = vectors("emv/issuer_crypto")["vectors"]
_ENCIPHER = {"VISA": crypto.encipher_visa, "MASTERCARD": crypto.encipher_mastercard, "EMV": crypto.encipher_common}


def _raw(args: dict[str, Any]) -> dict[str, Any]:
    keep = ("pan", "psn", "pin", "current_pin", "padding_type", "encryption_type")
    return {k: bytes.fromhex(v) if isinstance(v, str) and k not in keep else v for k, v in args.items()}


def _plain(name: str, a: dict[str, Any]) -> bytes | str:
    padding = 1 if a.get("padding_type") == "VISA" else 2
    return {
        "kd.derive_icc_mk_a": lambda: crypto.icc_master_key(a["iss_mk"], a["pan"], a.get("psn") or "00"),
        "kd.derive_icc_mk_b": lambda: crypto.icc_master_key_b(a["iss_mk"], a["pan"], a.get("psn") or "00"),
        "kd.derive_common_sk": lambda: crypto.diversified(a["icc_mk"], a["r"]),
        "kd.derive_visa_sm_sk": lambda: crypto.visa_message_key(a["icc_mk"], a["atc"]),
        "kd.derive_emv2000_tree_sk": lambda: crypto.tree_key(
            a["icc_mk"], a["atc"], a.get("height", 8), a.get("branch_factor", 4), a.get("iv", bytes(16))),
        "ac.generate_ac": lambda: crypto.mac(a["sk_ac"], a["data"], padding)[: a.get("length") or 8],
        "ac.generate_arpc_1": lambda: crypto.arpc_method_1(a["sk_ac"], a["arqc"], a["arpc_rc"]),
        "ac.generate_arpc_2": lambda: crypto.arpc_method_2(a["sk_ac"], a["arqc"], a["csu"], a.get("prop_auth_data") or b""),
        "sm.generate_command_mac": lambda: crypto.script_mac(a["sk_smi"], a["command"], a.get("length") or 8),
        "sm.encrypt_command_data": lambda: _ENCIPHER[a["encryption_type"]](a["sk_smc"], a["command_data"]),
        "sm.format_vis_pin_block": lambda: crypto.pin_block_vis(a["icc_mk_ac"], a["pin"], a.get("current_pin") or ""),
        "sm.format_iso9564_2_pin_block": lambda: crypto.pin_block_2(a["pin"]),
        "mac.mac_iso9797_3": lambda: crypto.mac(a["key1"] + a["key2"], a["data"], a["padding"])[: a.get("length") or 8],
        "cvv.generate_cvc3": lambda: crypto.cvc3(a["icc_cvc3"], a["track_template"], a["atc"], a["un"]),
    }[name]()  # fmt: skip


def _by_version(name: str, a: dict[str, Any], card: dict[str, str]) -> bytes:
    _, version_name, what = name.split(".")
    version = cvn.VERSIONS[version_name]
    issuer = cvn.Keys(*(bytes.fromhex(card[k]) for k in ("iss_mk_ac", "iss_mk_smi", "iss_mk_smc")))
    keys = cvn.keys_of(version, issuer, card["pan"], card["psn"])
    v = {k.removeprefix("tag_"): x for k, x in a.items() if isinstance(x, bytes)}
    if what == "generate_ac":
        return cvn.cryptogram(version, keys, v)
    if what == "generate_arpc":
        return cvn.arpc(version, keys, v)
    if what == "generate_command_mac":
        return cvn.command_mac(version, keys, v, v["command_header"], v.get("command_data", b""))
    return cvn.pin_change(version, keys, v, a["pin"], a.get("current_pin") or "")


@pytest.mark.parametrize("number", range(len(CASES)))
def test_published_value(number: int) -> None:
    case = CASES[number]
    args = _raw(case["args"])
    found = _by_version(case["function"], args, case["card"]) if "card" in case else _plain(case["function"], args)
    assert (found if isinstance(found, str) else found.hex().upper()) == case["result"], case


def test_all_of_them_are_there_and_the_card_does_not_borrow_its_answers() -> None:
    assert len(CASES) == 137
    for module in ("crypto", "cvn", "scheme", "soft_card"):
        tree = ast.parse(Path(f"hal_mocks/card/{module}.py").read_text(encoding="utf-8"))
        names = {n.module or "" for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
        names |= {a.name for n in ast.walk(tree) if isinstance(n, ast.Import) for a in n.names}
        assert not [n for n in names if n.startswith(("pyemv", "firmware"))], module
