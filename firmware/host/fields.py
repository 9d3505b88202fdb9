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
    return {"h": fixed(header_bytes, "b"), "t": bcd(4) if mti_bcd else fixed(4), "p": fixed(8, "b")}


_NUMBERS = {3: 6, 4: 12, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 25: 2, 26: 2, 53: 16}
_TEXTS = {37: 12, 38: 6, 39: 2, 41: 8, 42: 15, 49: 3}
_VAR_NUMBERS = {2: (19, 1), 32: (11, 1), 35: (37, 1), 36: (104, 2), 48: (322, 2), 60: (17, 2), 61: (29, 2)}
_VAR_BYTES = {55: 255, 62: 999, 63: 163}


def unionpay(header_bytes: int = 11) -> Spec:
    """UnionPay-style POS profile; the header is TPDU 5 + header 6 (host facts, 1.1–1.2)."""
    spec = frame(header_bytes) | {str(n): bcd(size) for n, size in _NUMBERS.items()}
    spec |= {str(n): fixed(size) for n, size in _TEXTS.items()}
    spec |= {str(n): var(size, length, "bcd") for n, (size, length) in _VAR_NUMBERS.items()}
    spec |= {str(n): var(size, 2, "b") for n, size in _VAR_BYTES.items()}
    spec |= {n: var(999, 2, "gb18030") for n in ("46", "56", "57")}
    return spec | {"22": bcd(3, "right"), "23": bcd(3, "left"), "43": fixed(40, "gb18030"), "44": var(25, 1),
                   "47": var(999, 2, "latin-1"), "52": fixed(8, "b"), "54": var(20, 2), "58": var(100, 2),
                   "59": var(600, 2), "64": fixed(8, "b")}  # fmt: skip


# Whole-number fields: BCD digits must be 0–9. F35/F36 may also hold D; the pad nibble may be 0 or F.
TRACKS = frozenset({"35", "36"})
