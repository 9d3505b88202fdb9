"""S70, S71: the light goes out at every step of sale, void and reversal, and again at every step of the recovery."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

from tests.power_cuts import stories
from tests.power_cuts.sweep import Sweep

STORIES = (*stories.MAIN, *stories.MORE)
FIRST = len(STORIES)
STORIES += stories.FAMILY


def _sweep(index: int) -> Sweep:
    sweep = Sweep()
    sweep.story(STORIES[index])
    return sweep


def test_power_cut_at_every_step_of_sale_void_and_reversal_leaves_four_books_that_agree(
    tells: Callable[[str], None],
) -> None:
    with ProcessPoolExecutor(2) as pool:
        sweeps = list(pool.map(_sweep, range(len(stories.MAIN))))
    for story, sweep in zip(stories.MAIN, sweeps, strict=True):
        print(f"{story.name}: {sweep.runs} cuts, {sweep.boots} different worlds healed")
    runs = sum(s.runs + s.boots for s in sweeps)
    tells(f"{runs} runs")
    assert [f for s in sweeps for f in s.findings] == []
    assert runs > 5000, "the sweep has become too small to mean anything"


@pytest.mark.parametrize("story", stories.MORE, ids=lambda s: s.name)
def test_one_cut_at_every_step_of_the_rarer_stories(story) -> None:
    sweep = Sweep()
    sweep.story(story, second_cuts=False)
    assert sweep.findings == []
    assert sweep.boots > 15


def _thinner(index: int) -> Sweep:
    sweep = Sweep(stride=3 if index < FIRST else 2)
    sweep.story(STORIES[index])
    return sweep


def _one_cut(index: int) -> Sweep:
    sweep = Sweep()
    sweep.story(STORIES[index], second_cuts=False)
    return sweep


def test_one_cut_at_every_step_of_everything_that_can_be_taken_back(tells: Callable[[str], None]) -> None:
    """Refunds, bookings and what follows them, cash, offline, forced, settlement: the sum of refunds never passes the
    original, one hold lives at most, a settlement resumes to its sum."""
    with ProcessPoolExecutor(2) as pool:
        sweeps = list(pool.map(_one_cut, range(FIRST, len(STORIES))))
    for story, sweep in zip(stories.FAMILY, sweeps, strict=True):
        print(f"{story.name}: {sweep.runs} cuts, {sweep.boots} different worlds healed")
    tells(f"{sum(s.runs + s.boots for s in sweeps)} runs")
    assert [f"{story.name}: {f}" for story, s in zip(stories.FAMILY, sweeps, strict=True) for f in s.findings] == []
    assert all(s.boots > 8 for s in sweeps)


@pytest.mark.slow
def test_two_cuts_in_the_rarer_stories(tells: Callable[[str], None]) -> None:
    with ProcessPoolExecutor(2) as pool:
        sweeps = list(pool.map(_thinner, range(len(stories.MAIN), FIRST)))
    for story, sweep in zip(stories.MORE, sweeps, strict=True):
        tells(f"{story.name}: {sweep.runs} cuts, {sweep.boots} different worlds healed")
    tells(f"{sum(s.runs + s.boots for s in sweeps)} runs")
    assert [f for s in sweeps for f in s.findings] == []


TWICE = ("refund without an answer", "booking made larger without an answer", "completion by notice", "settlement",
         "settlement with a fen of difference")  # fmt: skip


@pytest.mark.slow
def test_two_cuts_where_something_is_taken_back(tells: Callable[[str], None]) -> None:
    """Where the recovery itself has the most to do: the second cut at each second step, the other half for each next world."""
    chosen = [n for n, story in enumerate(STORIES) if story.name in TWICE]
    with ProcessPoolExecutor(2) as pool:
        sweeps = list(pool.map(_thinner, chosen))
    for number, sweep in zip(chosen, sweeps, strict=True):
        tells(f"{STORIES[number].name}: {sweep.runs} cuts, {sweep.boots} different worlds healed")
    tells(f"{sum(s.runs + s.boots for s in sweeps)} runs")
    assert [f for s in sweeps for f in s.findings] == []
