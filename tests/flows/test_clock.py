"""Money rule 13: a clock set back or far forward sells nothing until the host's date vouches for it."""

from __future__ import annotations

from datetime import timedelta

import pytest

from firmware.ledger.lifecycle import State
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, do, on, press


def jump(**by) -> list:
    def change(desk: Desk) -> None:
        desk.world.now += timedelta(**by)
        desk.world.bank_lag += timedelta(**by)

    return [on("idle", do(f"the clock jumps by {by}", change), press("enter"))]


@pytest.mark.parametrize("by", [{"days": -400}, {"hours": -49}, {"days": 3}, {"days": 411}])
def test_a_clock_far_from_the_hosts_date_sells_nothing(by: dict[str, int]) -> None:
    desk = Desk()
    desk.play(Person([*buys("100"), *jump(**by)]))
    assert [e.state for e in desk.entries()] == [State.RELEASED]
    assert "时钟异常" in desk.film.text()


def test_a_clock_a_little_back_signs_on_again_and_sells() -> None:
    desk = Desk()
    steps = jump(minutes=-5)
    desk.play(Person([*steps, *buys("100")[1:]]))
    assert desk.world.bank.seen.count("0800") == 2
    assert [e.state for e in desk.entries()] == [State.RELEASED]


def test_a_terminal_left_on_for_two_days_signs_on_again_and_sells() -> None:
    desk = Desk()
    day = do("two days pass", lambda d: d.world.pass_time(172_800))
    desk.play(Person([on("idle", day, press("enter")), *buys("100")[1:]]))
    assert desk.world.bank.seen.count("0800") == 2
    assert [e.state for e in desk.entries()] == [State.RELEASED]


def test_a_clock_that_came_right_again_sells() -> None:
    desk = Desk()
    desk.play(Person([*jump(days=3), on("refused", press("enter")), *jump(days=-3), *buys("100")[1:]]))
    assert [e.state for e in desk.entries()] == [State.RELEASED]
