"""What the bank offers for download: AIDs and CA keys as the terminal asks for them, list by list, item by item."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from firmware.emv import tlv
from hal_mocks.card import scheme
from hal_mocks.card.profile import AID

KINDS = frozenset({"370", "371", "372", "380", "381", "382"})
Item = dict[int, bytes]


def key(index: int) -> Item:
    """One CA key of the test scheme with its checksum."""
    k = scheme.AUTHORITIES[index]
    checksum = hashlib.sha1(scheme.RID + bytes([index]) + k.modulus + k.exponent_bytes).digest()
    return {0x9F06: scheme.RID, 0x9F22: bytes([index]), 0xDF05: b"20491231", 0xDF06: b"\1", 0xDF07: b"\1",
            0xDF02: k.modulus, 0xDF04: k.exponent_bytes, 0xDF03: checksum}  # fmt: skip


def application(aid: bytes = AID, floor: int = 0) -> Item:
    codes = {0xDF11: "FC70000800", 0xDF12: "FC7824F800", 0xDF13: "0010800000"}
    return {
        0x9F06: aid,
        0xDF01: b"\0",
        0x9F09: b"\x00\x96",
        0x9F1B: floor.to_bytes(4, "big"),
        0xDF15: bytes(4),
        0xDF16: b"\0",
        0xDF17: b"\0",
        0xDF14: b"\x9f\x37\x04",
    } | {t: bytes.fromhex(v) for t, v in codes.items()}


@dataclass
class Offers:
    """`page` items a list; `gone` is listed and then not there."""

    aids: list[Item] = field(default_factory=lambda: [application()])
    keys: list[Item] = field(default_factory=lambda: [key(1), key(2)])
    page: int = 2
    gone: bool = False


def answer(offers: Offers, kind: str, asked: bytes) -> bytes | None:
    """F62 of the reply; None: refused."""
    items, names = (offers.keys, (0x9F06, 0x9F22)) if kind[1] == "7" else (offers.aids, (0x9F06,))
    if kind[2] == "1":
        return b""
    if kind[2] == "2":
        start = int(asked[1:3])
        shown = items[start : start + offers.page]
        first = b"0" if not items else b"2" if start + offers.page < len(items) else b"3" if start else b"1"
        return first + b"".join(tlv.write(t, i[t]) for i in shown for t in (*names, *([0xDF05] if 0xDF05 in i else [])))
    wanted = dict(tlv.read(asked))
    found = [i for i in items if all(i[n] == wanted.get(n) for n in names)]
    return b"0" if offers.gone or not found else b"1" + b"".join(tlv.write(t, v) for t, v in found[0].items())
