"""Random days: sales, voids, reprints, with faults of bank, line, paper, card, glass and power thrown in by seed.

A seed is a day; a day can be replayed. After it everything is mended, the terminal boots, and the books must agree.
"""

from __future__ import annotations

import random

from firmware.errors import PrinterTrouble
from firmware.ledger.journal import verify
from hal_mocks import books
from hal_mocks.acquirer import MOODS, Mood
from hal_mocks.card.soft_card import CVM_NONE, CVM_ONLINE_PIN, CVM_SIGNATURE, PAN_A, PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.person import Act, Person, Step, buys, do, nothing, on, press, pull, slip_is_whole, voids
from hal_mocks.power import Power, When
from hal_mocks.world import World
from tests.power_cuts.sweep import mend

CVMS = (CVM_NONE, CVM_NONE, CVM_ONLINE_PIN, CVM_SIGNATURE)


class Day:
    """One seeded day of one terminal."""

    def __init__(self, seed: int) -> None:
        self.dice = random.Random(seed)
        self.world = World(wallet=[self._card(PAN_A), self._card(PAN_B)])
        self.world.dice = random.Random(seed)

    def _card(self, pan: str) -> SoftCard:
        d = self.dice
        return SoftCard(Profile(pan=pan, cvm=d.choice(CVMS), external_auth=d.random() < 0.5, pse=d.random() < 0.8,
                                format_2=d.random() < 0.5))  # fmt: skip

    def play(self) -> list[str]:
        """Where the books disagree in the end; empty is good."""
        for _ in range(self.dice.randrange(2, 6)):
            desk = Desk(self.world)
            desk.play(self._person(), self._power())
            self.world.pass_time(self.dice.choice((1, 60, 3600)))
            if self.world.slot and self.dice.random() < 0.7:
                pull(desk, lambda event: None)
        return self._evening()

    def _evening(self) -> list[str]:
        mend(self.world)
        self.world.fence_lost_on, self.world.dies_after_booking = "", False
        for card in self.world.wallet:
            card.pull_at, card.profile.refuses_second, card.profile.declines_first = 0, False, False
        self.world.slot = None
        desk = Desk(self.world)
        desk.play(Person())
        db = desk.open()
        verify(db)
        db.close()
        return books.disagreements(self.world, desk.entries())

    def _power(self) -> Power:
        if self.dice.random() < 0.5:
            return Power()
        return Power(self.dice.randrange(1, 900), self.dice.choice(list(When)))

    def _person(self) -> Person:
        steps: list[Step] = []
        for _ in range(self.dice.randrange(1, 4)):
            steps += self._act()
        person = Person(steps)
        person.habits |= {"hold": self._at_the_hold(), "slip_complete": slip_is_whole,
                          "enter_pin": press("2468", "enter"), "offer_copy": press(self.dice.choice(("enter", "cancel"))),
                          "digital_copy": press("enter"), "refused": press("enter"),
                          "signature": press("enter" if self.dice.random() < 0.8 else "cancel"),
                          "insert_card": self._card_or_not()}  # fmt: skip
        return person

    def _card_or_not(self) -> Act:
        number = self.dice.randrange(2)

        def act(desk: Desk, post) -> None:
            from hal_mocks.person import insert

            if desk.world.slot is None:
                insert(number)(desk, post)
            else:
                press("cancel")(desk, post)

        return act

    def _at_the_hold(self) -> Act:
        cure = do("cure", lambda d: d.world.paper.cure())
        again = press("enter")

        def cured(desk: Desk, post) -> None:
            cure(desk, post)
            desk.world.printer_silent, desk.world.fence_lost_on = False, ""
            again(desk, post)

        chosen = self.dice.choice((cured, cured, press("cancel"), press("1"), nothing))
        patience = self.dice.randrange(1, 5)

        def act(desk: Desk, post) -> None:
            nonlocal patience
            patience -= 1
            (chosen if patience >= 0 else press("cancel"))(desk, post)

        return nothing if chosen is nothing else act

    def _act(self) -> list[Step]:
        d = self.dice
        fault = do("fault", self._fault) if d.random() < 0.6 else do("nothing", lambda desk: None)
        kind = d.random()
        if kind < 0.65:
            first, *rest = buys(str(d.randrange(1, 99999)))[:2]
        elif kind < 0.9:
            first, *rest = voids()[:4]
        else:
            first, *rest = [on("idle", press("menu")), on("menu", press("3")), on("voucher", press("enter"))]
        return [on(first.screen, fault, *first.acts), *rest]

    def _fault(self, desk: Desk) -> None:
        d, w = self.dice, desk.world
        d.choice((
            lambda: w.bank.moods.append(Mood(d.choice(MOODS), at=d.randrange(0, 900))),
            lambda: setattr(w.bank, "moody", d.choice((("0200",), ("0200", "0400"), ("0400",), ("0800", "0200")))),
            lambda: w.paper.jam_at(d.randrange(1, 60), d.choice(list(PrinterTrouble)[:6])),
            lambda: setattr(w, "dies_after_booking", True),
            lambda: setattr(w, "line_up", not w.line_up),
            lambda: setattr(w, "cut_request_at", d.randrange(0, 330)),
            lambda: setattr(w, "printer_silent", not w.printer_silent),
            lambda: setattr(w, "fence_lost_on", d.choice(("last", "body", ""))),
            lambda: setattr(w, "glass_up", d.random() < 0.5),
            lambda: setattr(w, "reader_up", not w.reader_up),
            lambda: setattr(w.wallet[d.randrange(2)], "pull_at", w.wallet[0].apdus + d.randrange(1, 14)),
            lambda: setattr(w.wallet[d.randrange(2)].profile, "refuses_second", d.random() < 0.7),
            lambda: setattr(w.wallet[d.randrange(2)].profile, "declines_first", d.random() < 0.5),
            lambda: w.paper.cure(),
        ))()  # fmt: skip


def findings(seeds: range) -> list[str]:
    """Of these days, each with its seed."""
    return [f"seed {seed}: {wrong}" for seed in seeds for wrong in Day(seed).play()]
