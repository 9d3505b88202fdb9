"""Cryptogram versions: how the schemes' cards put the pieces of crypto.py together. A table, not a class a scheme."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hal_mocks.card import crypto

Values = dict[str, bytes]
_TAGS = ("9f02", "9f03", "9f1a", "95", "5f2a", "9a", "9c", "9f37", "82", "9f36")


@dataclass(frozen=True)
class Version:
    """`option` A or B; `key` of the cryptogram: none, common, or with the unpredictable number; `tail` behind the tags;
    `padding`; `arpc` method; `arpc_key`; `message` key: by counter (visa) or by cryptogram; `counter` in the
    script's MAC; `pin`: 'vis', '2', or 'both' (vis
    where the current PIN is known); `encipher`."""

    option: str
    key: str
    tail: tuple[str, ...]
    padding: int
    arpc: int
    arpc_key: str
    message: str
    names: tuple[str, ...]
    pin: str
    encipher: Callable[[bytes, bytes], bytes]


_VISA, _MC = crypto.encipher_visa, crypto.encipher_mastercard
VERSIONS = {
    "VisaCVN10": Version("A", "none", ("cvr",), 1, 1, "none", "visa", ("9f36", "9f26"), "vis", _VISA),
    "VisaCVN18": Version("B", "common", ("9f10",), 2, 2, "common", "visa", ("9f36", "9f26"), "vis", _VISA),
    "VisaCVN22": Version("B", "common", ("9f10",), 2, 2, "common", "ac", ("9f36", "9f26"), "both", _VISA),
    "InteracCVN133": Version("A", "number", ("9f10",), 2, 1, "number", "ac", (), "2", _MC),
    "MasterCardCVN16": Version("A", "number", ("cvr",), 2, 1, "none", "ac", ("9f36", "9f26"), "2", _MC),
    "MasterCardCVN17": Version("A", "number", ("cvr", "counters"), 2, 1, "none", "ac", ("9f36", "9f26"), "2", _MC),
    "MasterCardCVN20": Version("A", "common", ("cvr",), 2, 1, "common", "ac", ("9f36", "9f26"), "2", _MC),
    "MasterCardCVN21": Version("A", "common", ("cvr", "counters"), 2, 1, "common", "ac", ("9f36", "9f26"), "2", _MC),
}


@dataclass(frozen=True)
class Keys:
    """The card's three master keys."""

    ac: bytes
    integrity: bytes
    confidentiality: bytes


def keys_of(version: Version, issuer: Keys, pan: str, sequence: str) -> Keys:
    derive = crypto.icc_master_key if version.option == "A" else crypto.icc_master_key_b
    return Keys(*(derive(k, pan, sequence) for k in (issuer.ac, issuer.integrity, issuer.confidentiality)))


def _session(kind: str, master: bytes, v: Values) -> bytes:
    if kind == "none":
        return master
    return crypto.diversified(master, v["9f36"] + bytes(2) + (v["9f37"] if kind == "number" else bytes(4)))


def cryptogram(version: Version, keys: Keys, v: Values) -> bytes:
    data = b"".join(v[t] for t in (*_TAGS, *version.tail))
    return crypto.mac(_session(version.key, keys.ac, v), data, version.padding)


def arpc(version: Version, keys: Keys, v: Values) -> bytes:
    key = _session(version.arpc_key, keys.ac, v)
    if version.arpc == 2:
        return crypto.arpc_method_2(key, v["9f26"], v["csu"], v.get("prop_auth_data", b""))
    return crypto.arpc_method_1(key, v["9f26"], v["arpc_rc"])


def _message_key(version: Version, master: bytes, v: Values) -> bytes:
    return (
        crypto.visa_message_key(master, v["9f36"])
        if version.message == "visa"
        else crypto.diversified(master, v["9f26"])
    )


def command_mac(version: Version, keys: Keys, v: Values, header: bytes, data: bytes = b"") -> bytes:
    named = b"".join(v[n] for n in version.names)
    return crypto.script_mac(_message_key(version, keys.integrity, v), header + named + data)


def pin_change(version: Version, keys: Keys, v: Values, pin: str, current: str = "") -> bytes:
    """The whole script command."""
    vis = version.pin == "vis" or (version.pin == "both" and bool(current))
    block = crypto.pin_block_vis(keys.ac, pin, current) if vis else crypto.pin_block_2(pin)
    data = version.encipher(_message_key(version, keys.confidentiality, v), block)
    header = bytes([0x84, 0x24, 0x00, 0x01 if current else 0x02, len(data) + 8])
    return header + data + command_mac(version, keys, v, header, data)
