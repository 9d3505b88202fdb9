"""Seeded random days (VOPR style): whatever bank, line, paper, card, glass and power do, in the evening the books agree.
`make fuzz` plays 2,400 of them."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.power_cuts.days import findings
from tests.power_cuts.test_planted_faults import treat_silence_as_not_sent


def test_random_days_end_with_books_that_agree() -> None:
    with ProcessPoolExecutor(2) as pool:
        halves = list(pool.map(findings, (range(60), range(60, 120))))
    assert halves == [[], []]


def test_random_days_notice_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence taken for 'not sent' must show within some days."""
    treat_silence_as_not_sent(monkeypatch)
    assert any(findings(range(seed, seed + 1)) for seed in range(60))
