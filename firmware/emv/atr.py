"""Answer to reset as EMV 4.4 Book 1, §8.3 wants it. A reader has powered the card before we see it: what is not EMV is
noted in the trace, not refused, since many a working card would be."""

from __future__ import annotations

from functools import reduce
from operator import xor


def is_emv(atr: bytes) -> bool:
    """Does this answer to reset keep every rule of the Book?"""
    try:
        return _parsed(atr)
    except IndexError:
        return False


def _parsed(atr: bytes) -> bool:
    if atr[0] not in (0x3B, 0x3F):
        return False
    at, historical = 2, atr[1] & 0x0F
    groups: list[dict[str, int]] = []
    present, first_protocol = atr[1] >> 4, 0
    while True:
        group: dict[str, int] = {}
        for bit, name in enumerate("ABCD"):
            if present >> bit & 1:
                group[name] = atr[at]
                at += 1
        groups.append(group)
        if "D" not in group:
            break
        present = group["D"] >> 4
    protocols = [g["D"] & 0x0F for g in groups if "D" in g]
    first_protocol = protocols[0] if protocols else 0
    end = at + historical
    checked = any(protocols)
    if len(atr) != end + checked or (checked and reduce(xor, atr[1:]) != 0):
        return False
    return _rules(groups, protocols, first_protocol)


def _rules(groups: list[dict[str, int]], protocols: list[int], first: int) -> bool:
    """§8.3.3.1 to §8.3.3.12: interface characters by group."""
    one, two, three = (groups[n] if n < len(groups) else {} for n in range(3))
    specific = "A" in two
    good = first in (0, 1) and one.get("B", 0) == 0x00
    good &= "A" not in one or not specific or 0x11 <= one["A"] <= 0x13
    good &= not specific or (two["A"] & 0x10 == 0 and two["A"] & 0x0F == first)
    good &= "B" not in two
    good &= one.get("C", 0) in (0x00, 0xFF) if first == 0 or "C" in one else True
    if first == 0:
        good &= two.get("C", 0x0A) == 0x0A
        good &= len(protocols) < 2 or protocols[1] in (0, 1, 15)
    else:
        good &= len(protocols) >= 2 and protocols[1] == 1 and "B" in three
        good &= 0x10 <= three.get("A", 0x20) <= 0xFE and three.get("C", 0x00) == 0x00
        good &= three.get("B", 0) >> 4 <= 4 and three.get("B", 0) & 0x0F <= 5
    if 15 in protocols and first == 0:
        good &= 1 <= three.get("A", 0x01) & 0x3F <= 7
    return bool(good)
