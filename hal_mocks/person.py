"""The person at the terminal: a script of 'when this screen shows, do that', and habits for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware.hal.events import CardInserted, CardRemoved, Event, Key, KeyPressed

if TYPE_CHECKING:
    from hal_mocks.desk import Desk

Act = Callable[["Desk", Callable[[Event], None]], None]


@dataclass
class Step:
    """Do `acts` the first time `screen` is on the glass after the steps before it."""

    screen: str
    acts: tuple[Act, ...]


def on(screen: str, *acts: Act) -> Step:
    return Step(screen, acts)


def press(*keys: str) -> Act:
    """'enter', 'cancel', '1' … A word of digits presses each."""
    names = [k for word in keys for k in (word if word.isdigit() else [word])]

    def act(desk: Desk, post: Callable[[Event], None]) -> None:
        shown = "*" * len(names) if desk.film.now and desk.film.now.name == "enter_pin" else " ".join(names)
        desk.film.act(f"keys: {shown}")
        for name in names:
            post(KeyPressed(Key(name)))

    return act


def insert(number: int = 0) -> Act:
    """Card `number` of the wallet goes in."""

    def act(desk: Desk, post: Callable[[Event], None]) -> None:
        desk.film.act("card goes in")
        desk.world.slot = desk.world.wallet[number]
        post(CardInserted())

    return act


def pull(desk: Desk, post: Callable[[Event], None]) -> None:
    """The card comes out."""
    desk.film.act("card comes out")
    desk.world.slot = None
    post(CardRemoved())


def do(what: str, change: Callable[[Desk], None]) -> Act:
    """Anything done to the world, named in the film."""

    def act(desk: Desk, post: Callable[[Event], None]) -> None:
        desk.film.act(what)
        change(desk)

    return act


def slip_is_whole(desk: Desk, post: Callable[[Event], None]) -> None:
    """Look at the paper and answer truthfully."""
    from hal_mocks.paper import approvals

    open_one = desk.open_voucher()
    whole = any(a.voucher == open_one and a.copy == "merchant" and not a.duplicate for a in approvals(desk.world.paper))
    desk.film.act(f"operator looks: the slip is {'whole' if whole else 'not whole'}")
    post(KeyPressed(Key.ENTER if whole else Key.CANCEL))


def nothing(desk: Desk, post: Callable[[Event], None]) -> None:
    """Stand there."""


HABITS: dict[str, Act] = {
    "next_copy": press("enter"),
    "remove_card": pull,
    "slip_complete": slip_is_whole,
    "signature": press("enter"),
}


@dataclass
class Person:
    """Script first, then habits. Returns False when there is nothing to do now."""

    steps: list[Step] = field(default_factory=list)
    habits: dict[str, Act] = field(default_factory=lambda: dict(HABITS))

    def act(self, desk: Desk, post: Callable[[Event], None]) -> bool:
        name = desk.film.now.name if desk.film.now else ""
        if self.steps and self.steps[0].screen == name:
            for act in self.steps.pop(0).acts:
                act(desk, post)
            return True
        habit = self.habits.get(name, nothing)
        if habit is not nothing:
            habit(desk, post)
            return True
        return False

    @property
    def done(self) -> bool:
        return not self.steps


def buys(amount: str, card: int = 0, pin: str = "") -> list[Step]:
    """One purchase: amount, card, PIN if the card asks."""
    steps = [on("idle", press("enter")), on("amount", press(amount, "enter")), on("insert_card", insert(card))]
    return [*steps, on("enter_pin", press(pin, "enter"))] if pin else steps


def voids(voucher: str = "", card: int = 0) -> list[Step]:
    """One void, by voucher number or the last sale."""
    keys = (voucher, "enter") if voucher else ("enter",)
    return [on("idle", press("menu")), on("menu", press("2")), on("voucher", press(*keys)),
            on("confirm_void", press("enter")), on("insert_card", insert(card))]  # fmt: skip
