"""Money is an integer count of fen. No float ever comes near it."""

from __future__ import annotations

CURRENCY = "156"  # ISO 4217 numeric, CNY
CURRENCY_EXPONENT = 2


def yuan(fen: int) -> str:
    """1234567 → '12,345.67'. Raises ValueError below zero."""
    if fen < 0:
        raise ValueError("an amount is never negative")
    return f"{fen // 100:,}.{fen % 100:02d}"


def de4(fen: int) -> str:
    """Amount as DE 4: 12 digits, minor units. Raises ValueError out of range."""
    if not 0 <= fen <= 999_999_999_999:
        raise ValueError("amount does not fit DE 4")
    return f"{fen:012d}"
