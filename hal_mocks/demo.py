"""The main job, played on the desk with the real firmware: six stories, each with its slips, then the four books."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware.errors import PrinterTrouble
from firmware.hal.events import Event
from hal_mocks import books
from hal_mocks.desk import Desk
from hal_mocks.person import Person, Step, buys, do, on, press, voids
from hal_mocks.power import Power


def _cure(desk: Desk) -> None:
    desk.world.paper.cure()


def _line_up(desk: Desk) -> None:
    desk.world.line_up = True


def _nothing(desk: Desk) -> None:
    return None


@dataclass
class Story:
    """One act of the demo; `before` sets the scene."""

    title: str
    explain: str
    steps: Callable[[], list[Step]]
    before: Callable[[Desk], None] = _nothing


def _jam(desk: Desk) -> None:
    desk.world.paper.jam_at(7, PrinterTrouble.JAM_SUSPECTED)


def _paper_out(desk: Desk) -> None:
    desk.world.paper.jam_at(7, PrinterTrouble.PAPER_OUT)


def _line_will_die(desk: Desk) -> None:
    _cure(desk)
    desk.world.dies_after_booking = True


STORIES = (
    Story("1. A sale", "Amount, card, bank, paper: the goods go only when the slip is proved.", lambda: buys("1250")),
    Story("2. The paper jams at line 7 and is cured",
          "The money is approved, no slip exists: the glass holds the goods until it does.",
          lambda: [*buys("880"), on("hold", do("the merchant clears the paper", _cure), press("enter"))], _jam),
    Story("3. The paper runs out at line 7 and nobody comes",
          "After 60 seconds the terminal takes the sale back by itself.",
          lambda: buys("990"), _paper_out),
    Story("4. The network dies after the bank booked the sale",
          "Nobody knows: the sale is owed back, waits in the queue on disk, and leaves when the line returns.",
          lambda: [*buys("560"), on("idle", do("the line returns", _line_up)),
                   on("reversed", do("the merchant reads it and hands the customer the notice", _nothing))],
          _line_will_die),
    Story("5. The first sale is voided", "Same card, same batch, the whole amount.", lambda: voids("000002")),
    Story("6. The power goes between approval and paper",
          "The last durable word was APPROVED: the boot holds the goods again and finishes the slip.",
          lambda: buys("430")),
)  # fmt: skip


def main(show: Callable[[str], None] = lambda text: print(text, flush=True)) -> int:
    """0 if the books agree in the end."""
    desk, slips = Desk(show=show), _Slips(show)
    show(
        "Takeback: the real firmware on simulated parts. Glass in boxes, > and < are the wire (masked), * is the world."
    )
    *day, last = STORIES
    desk.play(Person([step for story in day for step in _scene(story, show, slips)]))
    desk.play(Person(_scene(last, show, slips)), Power(cut_on="printer.print body"))
    show("   * THE POWER IS GONE. It comes back:")
    desk.play(Person())
    slips.show_new(desk)
    show("\n=== the four books: journal, host, card, paper ===\n" + books.table(desk.world, desk.entries()))
    wrong = books.disagreements(desk.world, desk.entries())
    show("\nthe books agree" if not wrong else "\nTHE BOOKS DISAGREE:\n" + "\n".join(wrong))
    return 1 if wrong else 0


class _Slips:
    """Shows the paper story by story: each slip stands with the film that it proves."""

    def __init__(self, show: Callable[[str], None]) -> None:
        self._show, self._shown = show, 0

    def show_new(self, desk: Desk) -> None:
        """The rows printed since the last call."""
        paper = desk.world.paper
        if len(paper.rows) > self._shown:
            self._show("\n--- the paper of this story ---\n" + paper.text(self._shown))
        self._shown = len(paper.rows)


def _scene(story: Story, show: Callable[[str], None], slips: _Slips) -> list[Step]:
    """The story's steps; the slips of the story before, its title and its scene come when the terminal is at rest."""

    def begin(desk: Desk, post: Callable[[Event], None]) -> None:
        slips.show_new(desk)
        show(f"\n=== {story.title} ===\n    {story.explain}")
        story.before(desk)

    first, *rest = story.steps()
    return [on(first.screen, begin, *first.acts), *rest]
