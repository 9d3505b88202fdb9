"""Field tables for pyiso8583, one per dialect. Each dialect pads on its own side (host facts, 1.2 and 2)."""

from __future__ import annotations

from typing import Any

Spec = dict[str, dict[str, Any]]


def fixed(size: int, enc: str = "ascii", pad: str = "", side: str = "") -> dict[str, Any]:
    field: dict[str, Any] = {"data_enc": enc, "len_enc": "ascii", "len_type": 0, "max_len": size, "desc": ""}
    if enc == "bcd":
        field |= {"data_enc": "b", "len_count": "nibbles"}
        if side:
            field[f"{side}_pad"] = pad
    return field


def var(
    size: int, len_bytes: int, enc: str = "ascii", pad: str = "0", side: str = "right", len_enc: str = "bcd"
) -> dict[str, Any]:
    field: dict[str, Any] = {"data_enc": enc, "len_enc": len_enc, "len_type": len_bytes, "max_len": size, "desc": ""}
    if enc == "bcd":
        field |= {"data_enc": "b", "len_count": "nibbles", f"{side}_pad": pad}
    return field


def bcd(digits: int, side: str = "") -> dict[str, Any]:
    return fixed(digits, "bcd", "0", side)


def frame(header_bytes: int, mti_bcd: bool = True) -> Spec:
    return {
        "h": fixed(header_bytes, "b"),
        "t": bcd(4) if mti_bcd else fixed(4),
        "p": fixed(8, "b"),
    }


def unionpay(header_bytes: int = 11) -> Spec:
    """UnionPay-style POS profile; the header is TPDU 5 + header 6 (host facts, 1.1–1.2)."""
    return frame(header_bytes) | {
        "2": var(19, 1, "bcd"),
        "3": bcd(6),
        "4": bcd(12),
        "11": bcd(6),
        "12": bcd(6),
        "13": bcd(4),
        "14": bcd(4),
        "15": bcd(4),
        "22": bcd(3, "right"),
        "23": bcd(3, "left"),
        "25": bcd(2),
        "26": bcd(2),
        "32": var(11, 1, "bcd"),
        "35": var(37, 1, "bcd"),
        "36": var(104, 2, "bcd"),
        "37": fixed(12),
        "38": fixed(6),
        "39": fixed(2),
        "41": fixed(8),
        "42": fixed(15),
        "43": fixed(40, "gb18030"),
        "44": var(25, 1),
        "46": var(999, 2, "gb18030"),
        "47": var(999, 2, "latin-1"),
        "48": var(322, 2, "bcd"),
        "49": fixed(3),
        "52": fixed(8, "b"),
        "53": bcd(16),
        "54": var(20, 2),
        "55": var(255, 2, "b"),
        "56": var(999, 2, "gb18030"),
        "57": var(999, 2, "gb18030"),
        "58": var(100, 2),
        "59": var(600, 2),
        "60": var(17, 2, "bcd"),
        "61": var(29, 2, "bcd"),
        "62": var(999, 2, "b"),
        "63": var(163, 2, "b"),
        "64": fixed(8, "b"),
    }


# Whole-number fields: BCD digits must be 0–9. F35/F36 may also hold D; the pad nibble may be 0 or F.
TRACKS = frozenset({"35", "36"})
