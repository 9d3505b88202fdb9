"""Seeded random days (VOPR style): whatever bank, line, paper, card, glass and power do, in the evening the books agree.

A finding names its seed: `Day(seed).play()` plays it again."""

from __future__ import annotations

from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.power_cuts.days import Day
from tests.power_cuts.test_planted_faults import treat_silence_as_not_sent

DAYS, MANY_DAYS = 120, 2400


def findings(seeds: range) -> list[str]:
    found = []
    for seed in seeds:
        found += [f"seed {seed}: {wrong}" for wrong in Day(seed).play()]
    return found


def play(first: int, count: int) -> list[str]:
    half = count // 2
    with ProcessPoolExecutor(2) as pool:
        halves = pool.map(findings, (range(first, first + half), range(first + half, first + count)))
        return [f for part in halves for f in part]


def test_random_days_end_with_books_that_agree() -> None:
    assert play(0, DAYS) == []


@pytest.mark.slow
def test_many_random_days_end_with_books_that_agree() -> None:
    assert play(100_000, MANY_DAYS) == []


def test_random_days_notice_a_planted_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    """Silence taken for 'not sent' must show within some days."""
    treat_silence_as_not_sent(monkeypatch)
    assert findings(range(60))
