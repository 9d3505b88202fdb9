"""Field tables for pyiso8583, one per dialect. Each dialect pads on its own side (host facts, 1.2 and 2)."""

from __future__ import annotations

from typing import Any

Spec = dict[str, dict[str, Any]]


def _fixed(size: int, enc: str = "ascii", pad: str = "", side: str = "") -> dict[str, Any]:
    field: dict[str, Any] = {"data_enc": enc, "len_enc": "ascii", "len_type": 0, "max_len": size, "desc": ""}
    if enc == "bcd":
        field |= {"data_enc": "b", "len_count": "nibbles"}
        if side:
            field[f"{side}_pad"] = pad
    return field


def _var(
    size: int, len_bytes: int, enc: str = "ascii", pad: str = "0", side: str = "right", len_enc: str = "bcd"
) -> dict[str, Any]:
    field: dict[str, Any] = {"data_enc": enc, "len_enc": len_enc, "len_type": len_bytes, "max_len": size, "desc": ""}
    if enc == "bcd":
        field |= {"data_enc": "b", "len_count": "nibbles", f"{side}_pad": pad}
    return field


def _bcd(digits: int, side: str = "") -> dict[str, Any]:
    return _fixed(digits, "bcd", "0", side)


def _frame(header_bytes: int, mti_bcd: bool = True) -> Spec:
    return {
        "h": _fixed(header_bytes, "b"),
        "t": _bcd(4) if mti_bcd else _fixed(4),
        "p": _fixed(8, "b"),
    }


def unionpay(header_bytes: int = 11) -> Spec:
    """UnionPay-style POS profile; the header is TPDU 5 + header 6 (host facts, 1.1–1.2)."""
    return _frame(header_bytes) | {
        "2": _var(19, 1, "bcd"),
        "3": _bcd(6),
        "4": _bcd(12),
        "11": _bcd(6),
        "12": _bcd(6),
        "13": _bcd(4),
        "14": _bcd(4),
        "15": _bcd(4),
        "22": _bcd(3, "right"),
        "23": _bcd(3, "left"),
        "25": _bcd(2),
        "26": _bcd(2),
        "32": _var(11, 1, "bcd"),
        "35": _var(37, 1, "bcd"),
        "36": _var(104, 2, "bcd"),
        "37": _fixed(12),
        "38": _fixed(6),
        "39": _fixed(2),
        "41": _fixed(8),
        "42": _fixed(15),
        "43": _fixed(40, "gb18030"),
        "44": _var(25, 1),
        "46": _var(999, 2, "gb18030"),
        "47": _var(999, 2, "latin-1"),
        "48": _var(322, 2, "bcd"),
        "49": _fixed(3),
        "52": _fixed(8, "b"),
        "53": _bcd(16),
        "54": _var(20, 2),
        "55": _var(255, 2, "b"),
        "56": _var(999, 2, "gb18030"),
        "57": _var(999, 2, "gb18030"),
        "58": _var(100, 2),
        "59": _var(600, 2),
        "60": _var(17, 2, "bcd"),
        "61": _var(29, 2, "bcd"),
        "62": _var(999, 2, "b"),
        "63": _var(163, 2, "b"),
        "64": _fixed(8, "b"),
    }


_NUMERIC_87 = {3: 6, 4: 12, 5: 12, 6: 12, 7: 10, 8: 8, 9: 8, 10: 8, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 16: 4, 17: 4,
               18: 4, 19: 3, 20: 3, 21: 3, 22: 3, 23: 3, 24: 3, 25: 2, 26: 2, 27: 1}  # fmt: skip
_TEXT_87 = {37: 12, 38: 6, 39: 2, 40: 3, 41: 8, 42: 15, 43: 40, 49: 3, 50: 3, 51: 3}
_VAR_87 = {2: (19, 2), 32: (11, 2), 33: (11, 2), 34: (28, 2), 35: (37, 2), 36: (104, 3), 44: (25, 2), 45: (76, 2)}


def ascii_87() -> Spec:
    """ISO 8583:1987, everything as text, bitmaps as hex digits (jPOS ISO87A shape)."""
    spec: Spec = {"h": _fixed(0), "t": _fixed(4), "p": _fixed(8)}
    spec["1"] = dict(spec["p"])
    spec |= {str(n): _fixed(size) for n, size in (_NUMERIC_87 | _TEXT_87).items()}
    spec |= {str(n): _fixed(9) for n in (28, 29, 30, 31)}
    spec |= {str(n): _var(size, digits, len_enc="ascii") for n, (size, digits) in _VAR_87.items()}
    spec |= {str(n): _var(999, 3, len_enc="ascii") for n in (46, 47, 48, *range(54, 64))}
    return spec | {"52": _fixed(16), "53": _fixed(16), "64": _fixed(16), "70": _fixed(3), "90": _fixed(42),
                   "128": _fixed(16)}  # fmt: skip


def bcd_87() -> Spec:
    """ISO 8583:1987 with BCD numbers and binary bitmaps, odd fields padded on the left (jPOS ISO87B shape)."""
    spec = _frame(0)
    spec["1"] = _fixed(8, "b")
    spec |= {str(n): _bcd(size, "left" if size % 2 else "") for n, size in _NUMERIC_87.items()}
    spec |= {str(n): _fixed(size) for n, size in _TEXT_87.items()}
    spec |= {str(n): _fixed(5, "b") for n in (28, 29, 30, 31)}  # the sign as a character, then four BCD bytes
    spec |= {str(n): _var(size, 1, "bcd") for n, size in ((2, 19), (32, 11), (33, 11), (35, 37))}
    spec |= {"34": _var(28, 1), "36": _var(104, 2), "44": _var(25, 1), "45": _var(76, 1)}
    spec |= {str(n): _var(999, 2) for n in (46, 47, 48, *range(54, 64))}
    return spec | {"52": _fixed(8, "b"), "53": _bcd(16), "64": _fixed(8, "b"), "70": _bcd(3, "left"),
                   "90": _bcd(42), "128": _fixed(8, "b")}  # fmt: skip


def nac() -> Spec:
    """NAC/NII terminal dialect: TPDU 5, no header; F22 and F24 padded on the left (host facts, 2)."""
    return bcd_87() | {
        "h": _fixed(5, "b"),
        "49": _bcd(3, "left"),
        "35": _var(37, 1, "bcd", pad="F", side="right"),
        "60": _var(999, 2, "b"),
        "61": _var(999, 2, "b"),
        "62": _var(999, 2, "b"),
        "63": _var(999, 2, "b"),
    }


# Whole-number fields: BCD digits must be 0–9. F35/F36 may also hold D; the pad nibble may be 0 or F.
TRACKS = frozenset({"35", "36"})
