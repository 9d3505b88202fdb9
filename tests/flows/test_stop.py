"""Asked to stop, the terminal ends at the next safe point: at rest at once, in a question as if nobody had answered, in an
exchange with the bank when it is decided. The next boot finds books that agree. A release on trial with a new form of the
journal writes nothing until it is found good. What a fleet hears is what the journal says."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firmware.hal.events import StopAsked
from firmware.ledger.lifecycle import State
from hal_mocks import books
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.person import Person, Step, buys, do, on, press
from hal_mocks.world import World


def stop(desk: Desk, post: Callable[[object], None]) -> None:
    desk.film.act("asked to stop")
    desk.stopped_s = desk.world.uptime_s  # type: ignore[attr-defined]
    post(StopAsked())


SCREENS = ["idle", "menu", "amount", "insert_card", "enter_pin", "asking", "next_copy", "remove_card"]


@pytest.mark.parametrize("screen", SCREENS)
def test_it_stops_wherever_it_is_and_the_books_agree(screen: str) -> None:
    desk = Desk(World(wallet=[SoftCard(Profile(pan=PAN_B, cvm=CVM_ONLINE_PIN))]))
    if screen == "asking":
        desk.world.bank.moods.append(Mood("mute"))
    steps = buys("100", pin="2468")
    if screen == "menu":
        steps = [on("idle", press("menu"))]
    at = next((n for n, s in enumerate(steps) if s.screen == screen), len(steps))
    played = desk.play(Person([*steps[:at], on(screen, stop)], habits={}))
    took = desk.world.uptime_s - desk.stopped_s  # type: ignore[attr-defined]
    assert not played.cut and desk.terminal and desk.terminal.console.stopping, screen
    assert took < 100, f"{screen}: {took} s"
    desk.play(Person([]))
    assert not books.disagreements(desk.world, desk.entries())
    assert not any(e.state in (State.UNDECIDED, State.APPROVED, State.CLOSING) for e in desk.entries())


def test_a_stop_gives_up_a_drain_that_nobody_answers_and_the_debt_stays() -> None:
    desk = Desk()
    desk.world.dies_after_booking = True
    played = desk.play(Person([*buys("100"), on("idle", stop)]))
    assert not played.cut
    assert [e.state for e in desk.entries()] == [State.OWED]
    desk.world.line_up, desk.world.dies_after_booking = True, False
    desk.play(Person([]))
    assert [e.state for e in desk.entries()] == [State.REVERSED]


def test_a_release_on_trial_with_a_new_form_writes_nothing_until_it_is_good() -> None:
    desk = Desk()
    desk.play(Person(buys("100")))
    before = desk.world.files.copy()
    desk.world.on_trial = True
    assert not desk.play(Person([on("updating", stop)])).cut
    assert desk.world.files == before, "not one byte"
    assert "UPDATING" in desk.film.text()
    good = do("the release is found good", lambda d: setattr(d.world, "on_trial", False))
    desk.play(Person([on("updating", good), *buys("200")]))
    assert [e.state for e in desk.entries()] == [State.RELEASED, State.RELEASED]


def test_the_fleet_hears_of_a_debt_its_age_and_its_end() -> None:
    desk = Desk()
    desk.world.bank.moods += [Mood("mute")]
    desk.world.line_up = True
    seen = []

    def down(d: Desk) -> None:
        d.world.line_up = False

    def look(d: Desk) -> None:
        seen.append(d.world.vitals)

    hours = do("two hours pass", lambda d: d.world.pass_time(7200))
    up = do("the line is back", lambda d: setattr(d.world, "line_up", True))
    steps: list[Step] = [*buys("100"), on("idle", do("the line is down", down), hours, press("menu")),
                         on("menu", press("cancel")), on("idle", do("look", look), up, press("menu")),
                         on("menu", press("cancel")), on("idle", press("menu")), on("menu", press("cancel"))]  # fmt: skip
    desk.play(Person(steps))
    end = desk.world.vitals
    assert end and end.owed == 0 and end.oldest_s == 0 and end.signed_on and end.unsettled == 1
    assert [(v.owed, v.oldest_s >= 7200) for v in seen if v] in ([(1, True)], [(0, False)])
    assert end.terminal == desk.config.merchant.terminal_id
