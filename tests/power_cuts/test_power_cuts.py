"""S70, S71: the light goes out at every step of sale, void and reversal, and again at every step of the recovery."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor

import pytest

from hal_mocks.desk import Desk
from hal_mocks.world import World
from tests.power_cuts import stories
from tests.power_cuts.sweep import Story, Sweep, fingerprint

STORIES = (*stories.MAIN, *stories.MORE, *stories.FAMILY)
# where the recovery itself has the most to do
TWICE = (*stories.MORE, *(s for s in stories.FAMILY if s.name in (
    "refund without an answer", "booking made larger without an answer", "completion by notice", "settlement",
    "settlement with a fen of difference")))  # fmt: skip


def _once(index: int) -> Sweep:
    sweep = Sweep()
    sweep.story(STORIES[index], second_cuts=False)
    return sweep


def _twice(index: int) -> Sweep:
    sweep = Sweep()
    sweep.story(STORIES[index])
    return sweep


def _swept(how: Callable[[int], Sweep], chosen: tuple[Story, ...], tells: Callable[[str], None]) -> list[Sweep]:
    """Each story in a process of its own, two at a time; nothing may be found."""
    with ProcessPoolExecutor(2) as pool:
        sweeps = list(pool.map(how, [STORIES.index(story) for story in chosen]))
    for story, sweep in zip(chosen, sweeps, strict=True):
        print(f"{story.name}: {sweep.cuts} cuts, {sweep.boots} different worlds healed")
    tells(f"{sum(s.cuts + s.boots for s in sweeps)} runs")
    assert [f"{story.name}: {f}" for story, s in zip(chosen, sweeps, strict=True) for f in s.findings] == []
    return sweeps


def test_power_cut_at_every_step_of_sale_void_and_reversal_leaves_four_books_that_agree(
    tells: Callable[[str], None],
) -> None:
    sweeps = _swept(_twice, stories.MAIN, tells)
    assert all(s.cuts > 5000 and s.boots > 200 for s in sweeps), "the sweep has become too small to mean anything"


def test_one_cut_at_every_step_of_everything_else(tells: Callable[[str], None]) -> None:
    """PIN, signature, jams, late answers; refunds, bookings and what follows them, cash, offline, forced, settlement: the
    sum of refunds never passes the original, one hold lives at most, a settlement resumes to its sum."""
    sweeps = _swept(_once, (*stories.MORE, *stories.FAMILY), tells)
    assert all(s.boots > 8 for s in sweeps)


@pytest.mark.slow
def test_two_cuts_where_the_recovery_has_the_most_to_do(tells: Callable[[str], None]) -> None:
    _swept(_twice, TWICE, tells)


# -- a photo is what a cut leaves --------------------------------------------------------------------------------------


def _differ(index: int) -> set[str]:
    """The worlds of which only photos, or only runs that were really cut, know."""
    sweep, desk = Sweep(), Desk(World())
    STORIES[index].prepare(desk)
    sweep.settings = desk.config
    saved, steps = desk.world.save(), STORIES[index].steps
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
