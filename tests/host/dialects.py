"""Field tables of other dialects: the published messages of jPOS and of NAC terminals decode with the codec of ours."""

from __future__ import annotations

from firmware.host.fields import Spec, bcd, fixed, frame, var

_NUMERIC_87 = {3: 6, 4: 12, 5: 12, 6: 12, 7: 10, 8: 8, 9: 8, 10: 8, 11: 6, 12: 6, 13: 4, 14: 4, 15: 4, 16: 4, 17: 4,
               18: 4, 19: 3, 20: 3, 21: 3, 22: 3, 23: 3, 24: 3, 25: 2, 26: 2, 27: 1}  # fmt: skip
_TEXT_87 = {37: 12, 38: 6, 39: 2, 40: 3, 41: 8, 42: 15, 43: 40, 49: 3, 50: 3, 51: 3}
_VAR_87 = {2: (19, 2), 32: (11, 2), 33: (11, 2), 34: (28, 2), 35: (37, 2), 36: (104, 3), 44: (25, 2), 45: (76, 2)}


def ascii_87() -> Spec:
    """ISO 8583:1987, everything as text, bitmaps as hex digits (jPOS ISO87A shape)."""
    spec: Spec = {"h": fixed(0), "t": fixed(4), "p": fixed(8)}
    spec["1"] = dict(spec["p"])
    spec |= {str(n): fixed(size) for n, size in (_NUMERIC_87 | _TEXT_87).items()}
    spec |= {str(n): fixed(9) for n in (28, 29, 30, 31)}
    spec |= {str(n): var(size, digits, len_enc="ascii") for n, (size, digits) in _VAR_87.items()}
    spec |= {str(n): var(999, 3, len_enc="ascii") for n in (46, 47, 48, *range(54, 64))}
    return spec | {"52": fixed(16), "53": fixed(16), "64": fixed(16), "70": fixed(3), "90": fixed(42),
                   "128": fixed(16)}  # fmt: skip


def bcd_87() -> Spec:
    """ISO 8583:1987 with BCD numbers and binary bitmaps, odd fields padded on the left (jPOS ISO87B shape)."""
    spec = frame(0)
    spec["1"] = fixed(8, "b")
    spec |= {str(n): bcd(size, "left" if size % 2 else "") for n, size in _NUMERIC_87.items()}
    spec |= {str(n): fixed(size) for n, size in _TEXT_87.items()}
    spec |= {str(n): fixed(5, "b") for n in (28, 29, 30, 31)}  # the sign as a character, then four BCD bytes
    spec |= {str(n): var(size, 1, "bcd") for n, size in ((2, 19), (32, 11), (33, 11), (35, 37))}
    spec |= {"34": var(28, 1), "36": var(104, 2), "44": var(25, 1), "45": var(76, 1)}
    spec |= {str(n): var(999, 2) for n in (46, 47, 48, *range(54, 64))}
    return spec | {"52": fixed(8, "b"), "53": bcd(16), "64": fixed(8, "b"), "70": bcd(3, "left"),
                   "90": bcd(42), "128": fixed(8, "b")}  # fmt: skip


def nac() -> Spec:
    """NAC/NII terminal dialect: TPDU 5, no header; F22 and F24 padded on the left (host facts, 2)."""
    return bcd_87() | {
        "h": fixed(5, "b"),
        "49": bcd(3, "left"),
        "35": var(37, 1, "bcd", pad="F", side="right"),
        "60": var(999, 2, "b"),
        "61": var(999, 2, "b"),
        "62": var(999, 2, "b"),
        "63": var(999, 2, "b"),
    }
