"""A sale on the real printer driver, the printer jamming at every single byte it prints: the books agree each time."""

from __future__ import annotations

from dataclasses import replace

import pytest

from drivers.escpos_printer import EscposPrinter
from firmware.ledger.lifecycle import State
from hal_mocks import books
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, do, on, press, slip_is_whole
from hal_mocks.wire.printer import FULL, MIDDLE, Hardware, Model, Wire
from hal_mocks.world import World


class WireDesk(Desk):
    """The desk with ESC/POS bytes between firmware and paper."""

    model: Model = FULL
    patience = 40

    def devices(self, power):
        self.wire = Wire(Hardware(self.world.paper, self.model))
        self.wire.hardware.jam_at_byte = self.jam_at
        return replace(super().devices(power), printer=EscposPrinter(self.wire, 115200, now=self.wire.clock))

    jam_at = 0


def start() -> bytes:
    desk = Desk()
    desk.play(Person())
    return desk.world.save()


def sale(saved: bytes, byte: int, model: Model) -> WireDesk:
    desk = WireDesk(World.load(saved))
    desk.jam_at, desk.model = byte, model

    def cure(d: Desk) -> None:
        d.wire.hardware.cured()

    person = Person([*buys("1250"), *([on("hold", do("cure", cure), press("enter"))] if byte else [])])

    def cures_and_answers(d: Desk, post) -> None:
        cure(d)
        slip_is_whole(d, post)

    person.habits["slip_complete"] = cures_and_answers
    desk.play(person)
    return desk


def sweep(model: Model, every: int) -> int:
    saved = start()
    good = sale(saved, 0, model)
    total = sum(len(row.text.encode("gbk")) for row in good.world.paper.rows)
    assert good.entries()[0].state is State.RELEASED and total > 800
    for byte in range(1, total + 1, every):
        desk = sale(saved, byte, model)
        assert books.disagreements(desk.world, desk.entries()) == [], byte
        assert desk.entries()[0].state in (State.RELEASED, State.REVERSED), byte
        assert any(row.torn for row in desk.world.paper.rows), byte
    return total


def test_a_jam_at_some_bytes_of_both_copies() -> None:
    sweep(FULL, 23)


@pytest.mark.slow
@pytest.mark.parametrize("model", [FULL, MIDDLE], ids=lambda m: m.name)
def test_a_jam_at_every_byte_of_both_copies(model: Model) -> None:
    print(f"\n{sweep(model, 1)} runs")
