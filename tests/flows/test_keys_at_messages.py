"""No key is eaten by a message, and none means two things.

A shopkeeper who types on while a message stands must get what the same keys give at rest: a payment terminal that eats
the first key of "void the last one" charges the card 0.11 instead (outside review, counter D0). So each walk of random
keys is played twice, at rest and into a standing message, and must come to the same screens and the same money. Green
and red end a message and are used up (words of the counter, M2); all keys come faster than anybody can read."""

from __future__ import annotations

import random

import pytest

from firmware.hal.events import Key, KeyPressed
from firmware.hal.signals import Sound
from firmware.ui import screens
from firmware.ui.console import Console
from firmware.words import SALE
from hal_mocks.desk import Desk
from hal_mocks.person import Step, buys, do, finds, insert, menu, on, press, withdraws
from hal_mocks.power import Power
from tests.withdrawal.stories import desk, kinds, line, money, mood, play

SEED, WALKS = 20261201, 40
KEYS = [k.value for k in Key]
USED_UP = ("enter", "cancel")
LEAVE_MENU = [on("idle", press("menu")), on("menu", press("cancel"))]
# message → how it comes to stand, and what else the counter shows at rest (the card that is still in the slot)
MESSAGES: dict[str, tuple[list[Step], bool]] = {
    "refused": (LEAVE_MENU, False),
    "queue_empty": (menu("21"), False),
    "approved": (buys("700"), True),
    "voided": (withdraws(), True),
}


def walk(rng: random.Random) -> list[str]:
    return [rng.choice(KEYS) for _ in range(rng.randint(1, 7))]


def played(steps: list[Step], at: str, keys: list[str], card: bool) -> tuple[Desk, list[tuple[str, ...]]]:
    """The screens after the keys, without those at rest, whose clock moves."""
    d = desk(buys("1250"))
    begun: list[int] = []
    mark = do("the walk begins", lambda x: begun.append(len(x.film.screens)))
    acts = [*([insert()] if card else []), mark, press(*keys)]
    play(d, steps, [on(at, *acts)])
    shown = d.film.screens[begun[0] :] if begun else []
    told = [(s.name, s.big, *(str(row) for row in s.lines)) for s in shown]
    if told and told[0][0] == at:
        told = told[1:]
    return d, [row for row in told if row[0] not in ("idle", "remove_card")]


@pytest.mark.parametrize("message", MESSAGES)
def test_a_walk_into_a_message_comes_to_the_same_as_one_at_rest(message: str) -> None:
    before, card = MESSAGES[message]
    rng = random.Random(f"{SEED} {message}")
    for _ in range(WALKS):
        keys = walk(rng)
        left = keys[1:] if keys[0] in USED_UP else keys
        if card and left is not keys and left and left[0] in USED_UP:
            left = left[1:]  # "take your card" is a message as well
        here, shown = played(before, message, keys, card=False)
        rest, wanted = played(before, "idle", left, card)
        assert shown == wanted, f"{message}: {keys}"
        assert kinds(here) == kinds(rest) and money(here) == money(rest), f"{message}: {keys}"


def test_no_walk_charges_a_card_that_lies_in_the_slot() -> None:
    """Any keys, with a message or without, faster than the quiet of the gate: the amount is never charged blindly."""
    rng = random.Random(SEED)
    for _ in range(4 * WALKS):
        keys = walk(rng) + ["1", "1", "enter", "enter"][: rng.randint(0, 4)]
        d, _ = played(LEAVE_MENU, rng.choice(("idle", "refused")), keys, card=True)
        assert money(d) == ["0200"], keys
        assert kinds(d)[:1] == ["sale released"]


VOID_LAST = ["clear", "enter", "1", "1", "enter", "enter"]


@pytest.mark.parametrize("lost", range(len(VOID_LAST)))
def test_the_keys_of_void_the_last_one_with_any_one_lost_never_charge(lost: int) -> None:
    for at in ("idle", "refused"):
        keys = VOID_LAST[:lost] + VOID_LAST[lost + 1 :]
        d, _ = played(LEAVE_MENU, at, keys, card=True)
        assert money(d) == ["0200"]


def test_a_card_inside_is_charged_after_one_more_green_that_was_looked_at() -> None:
    d = desk(buys("1250"), [on("idle", insert(), press("5")), on("amount", press("0", "0", "enter")),
                            on("card_inside", press("enter"))])  # fmt: skip
    assert kinds(d) == ["sale released"], "pressed at once: not looked at"
    wait = do("looks", lambda x: x.world.pass_time(2.0))
    d = desk(buys("1250"), [on("idle", insert(), press("5")), on("amount", press("0", "0", "enter")),
                            on("card_inside", wait, press("enter"))])  # fmt: skip
    assert [e.amount for e in d.entries()] == [1250, 500] and kinds(d)[-1] == "sale released"


def test_keys_typed_while_a_debt_is_told_before_a_sale_are_the_amount() -> None:
    """Green at rest, a reversal is acknowledged and told, the shopkeeper types on: 12.50 stays 12.50."""
    d = mood(desk([]), "mute")
    d.world.dies_after_booking = True
    play(d, buys("700"), [on("idle", line(True), press("enter")), on("reversed", press("1", "2", "5", "0", "enter")),
                          on("insert_card", press("cancel"))])  # fmt: skip
    assert [e.amount for e in d.entries()][-1] == 1250


def test_a_key_without_a_meaning_is_answered_by_a_sound() -> None:
    d = desk([])
    play(d, [on("idle", press("0")), on("idle", press("up"))])
    assert d.film.text().count("♪ error") >= 2


def test_a_key_at_a_message_never_answers_the_question_behind_it() -> None:
    """The next question is asked with nothing typed ahead: 1 at 'not usable' chooses no account."""
    d = Desk()
    devices = d.devices(Power())
    console = Console(devices, d.config.times)
    for key in (Key.D5, Key.D1, Key.D2):
        devices.inbox.post(KeyPressed(key))
    assert console.tell(screens.try_another(), Sound.ERROR) is None, "5 ends it"
    assert console.pick("options", SALE, ["a", "b", "c"]) == 0, "1 chooses, 5 does not"
    assert console.at_rest(0.0) == KeyPressed(Key.D2)


def test_keys_typed_before_a_question_of_money_is_drawn_do_not_answer_it() -> None:
    """Words of the counter, 4: the queue is emptied when confirm, consent or the quiet gate is first drawn."""
    d = desk(buys("1250"), [*finds(), on("insert_card", insert()), on("options", press("1")),
                            on("reason", press("1", "enter", "enter"))])  # fmt: skip
    assert screens_of(d)[-1] == "refused" and "consent" not in screens_of(d), "the greens behind the reason are gone"
    assert kinds(d) == ["sale released"]


def screens_of(d: Desk) -> list[str]:
    return [s.name for s in d.film.screens if s.name not in ("idle", "remove_card")]
