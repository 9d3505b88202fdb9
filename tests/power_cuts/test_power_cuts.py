"""S70, S71: the light goes out at every step of sale, void and reversal, and again at every step of the recovery."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat

import pytest

from tests.power_cuts import stories
from tests.power_cuts.sweep import Story, Sweep, fingerprint

STORIES = (*stories.MAIN, *stories.MORE, *stories.FAMILY)
# where the recovery itself has the most to do
TWICE = (*stories.MORE, *(s for s in stories.FAMILY if s.name in (
    "refund without an answer", "booking made larger without an answer", "completion by notice", "settlement",
    "settlement with a fen of difference")))  # fmt: skip


def _sweep(index: int, second_cuts: bool) -> Sweep:
    sweep = Sweep()
    sweep.story(STORIES[index], second_cuts)
    return sweep


def _swept(chosen: tuple[Story, ...], tells: Callable[[str], None], second_cuts: bool = True) -> list[Sweep]:
    """Two stories at a time; nothing may be found."""
    with ProcessPoolExecutor(2) as pool:
        sweeps = list(pool.map(_sweep, [STORIES.index(story) for story in chosen], repeat(second_cuts)))
    for story, sweep in zip(chosen, sweeps, strict=True):
        print(f"{story.name}: {sweep.cuts} cuts, {sweep.boots} different worlds healed")
    worlds = set().union(*(s.healed for s in sweeps))
    tells(f"power cut at {sum(s.cuts for s in sweeps)} places: {len(worlds)} different worlds, equal ones counted once")
    assert [f"{story.name}: {f}" for story, s in zip(chosen, sweeps, strict=True) for f in s.findings] == []
    return sweeps


def test_power_cut_at_every_step_of_sale_void_and_reversal_leaves_four_books_that_agree(
    tells: Callable[[str], None],
) -> None:
    sweeps = _swept(stories.MAIN, tells)
    assert all(s.cuts > 5000 and s.boots > 200 for s in sweeps), "the sweep has become too small to mean anything"


def test_one_cut_at_every_step_of_the_rarer_stories(tells: Callable[[str], None]) -> None:
    """PIN, signature, jams, answers that come late or say no."""
    assert all(s.boots > 15 for s in _swept(stories.MORE, tells, second_cuts=False))


def test_one_cut_at_every_step_of_everything_that_can_be_taken_back(tells: Callable[[str], None]) -> None:
    """Refunds, bookings and what follows them, cash, offline, forced, settlement: the sum of refunds never passes the
    original, one hold lives at most, a settlement resumes to its sum."""
    assert all(s.boots > 8 for s in _swept(stories.FAMILY, tells, second_cuts=False))


@pytest.mark.slow
def test_two_cuts_where_the_recovery_has_the_most_to_do(tells: Callable[[str], None]) -> None:
    _swept(TWICE, tells)


# -- a photo is what a cut leaves --------------------------------------------------------------------------------------


def _differ(index: int) -> set[str]:
    """The worlds of which only photos, or only runs that were really cut, know."""
    sweep, story = Sweep(), STORIES[index]
    saved, steps = sweep.begin(story), story.steps
    photos, cuts = ({fingerprint(w) for *_, w in way(saved, steps)} for way in (sweep.photographed, sweep.replayed))
    assert len(photos) > 8
    return photos ^ cuts


def test_photos_of_one_run_show_just_what_a_run_cut_at_each_step_leaves() -> None:
    assert _differ(STORIES.index(stories.SALE)) == set()


@pytest.mark.slow
def test_so_they_do_in_every_story() -> None:
    with ProcessPoolExecutor(2) as pool:
        differ = list(pool.map(_differ, range(len(STORIES))))
    assert [story.name for story, found in zip(STORIES, differ, strict=True) if found] == []
