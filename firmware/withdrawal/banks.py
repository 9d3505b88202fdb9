"""Whose card is it? The issuer's name from the first six digits (S37). Test ranges only; an acquirer's own table
decides."""

from __future__ import annotations

from firmware import words as w
from firmware.words import Word

BINS = {"620000": Word("测试银行", "TEST BANK"), "622424": Word("第二测试行", "SECOND TEST BANK")}


def name(pan: str) -> Word:
    """`pan` is masked, first six in clear. An issuer nobody knows says so."""
    return BINS.get(pan[:6], w.UNKNOWN_ISSUER) if pan else w.CASH
