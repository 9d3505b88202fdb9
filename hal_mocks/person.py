"""The person at the terminal: a script of 'when this screen shows, do that', and habits for the rest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from firmware.hal.events import CardInserted, CardRemoved, Event, Key, KeyPressed

if TYPE_CHECKING:
    from hal_mocks.desk import Desk

_SECRET = ("enter_pin", "password", "new_password")
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
        shown = "*" * len(names) if desk.film.now and desk.film.now.name in _SECRET else " ".join(names)
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


def grants(number: str = "00", password: str = "135790") -> list[Step]:
    """A supervisor's number and password."""
    return [on("operator", press(number, "enter")), on("password", press(password, "enter"))]


def finds(voucher: str = "") -> list[Step]:
    """The key 撤回, then a voucher number or the last sale."""
    return [on("idle", press("clear")), on("voucher", press(*((voucher, "enter") if voucher else ("enter",))))]


REASONS = {"operator": press("1"), "emergency": press("3"), "fault": press("4"), "other": press("down", "2")}


def withdraws(voucher: str = "", card: int = 0, pick: str = "1", amount: str = "", reason: str = "operator",
              more: bool = False) -> list[Step]:  # fmt: skip
    """One withdrawal with the card: which of the offered actions, how much ('all' or fen), why; consent and grant."""
    steps = [*finds(voucher), on("insert_card", insert(card))]
    steps += [on("options", press(pick))] if pick else []
    steps += [on("part_amount", press(*((amount, "enter") if amount != "all" else ("enter",))))] if amount else []
    steps += [on("reason", press("2")), on("reason_detail", press("1"))] if reason == "customer" else [
        on("reason", REASONS[reason])]  # fmt: skip
    steps += [on("confirm", press("enter")), on("consent", press("enter"))]
    steps += [on("consent_more", press("enter"))] if more else []
    return steps + grants()


def voids(voucher: str = "", card: int = 0) -> list[Step]:
    """The whole of one sale of this batch."""
    return withdraws(voucher, card)


def refunds(
    amount: str = "all", voucher: str = "", card: int = 0, pick: str = "2", reason: str = "customer"
) -> list[Step]:
    """A part of a sale, or all that is left."""
    return withdraws(voucher, card, pick, amount, reason, more=True)


def menu(*digits: str) -> list[Step]:
    """Open the menu; each word is a page number and a digit: '21' is the first row of the second page."""
    steps = [on("idle", press("menu"))]
    for word in digits:
        steps += [on("menu", press(*["down"] * (int(word[0]) - 1), word[1]))]
    return steps
