"""The matrix on a simulated chip in virtual time: every key, 10,000 random sequences with bounce and ghosts, repeat,
long press, stuck keys, libraries that quarrel."""

from __future__ import annotations

import random
from importlib import metadata

import pytest

from drivers import matrix_keypad
from drivers.matrix_keypad import (
    LAYOUT_4X3,
    LAYOUT_4X4,
    LONG_S,
    REPEAT_AFTER_S,
    SCAN_S,
    STUCK_S,
    Heard,
    Matrix,
    Presses,
)
from firmware.errors import KeypadLost
from firmware.hal.events import Key
from hal_mocks.wire.gpio import Chip, VirtualTime, positions

ROWS = [5, 6, 13, 19]


class Bench:
    """Matrix and Presses on one chip, looked at as the thread looks."""

    def __init__(self, layout=LAYOUT_4X4) -> None:
        columns = [12, 16, 20, 21][: len(layout[0])]
        self.now = VirtualTime()
        self.chip = Chip(ROWS, columns, self.now.clock)
        self.matrix = Matrix(ROWS, columns, self.chip, self.now.sleep)
        self.presses = Presses()
        self.where = positions(layout)
        self.heard: list[Key] = []
        self.held: list[Key] = []
        self.stuck: list[bool] = []
        self.ghosts = 0

    def look(self) -> Heard:
        heard = self.presses.look(self.matrix.look(), self.now.now_s)
        self.now.sleep(SCAN_S)
        self.heard += heard.pressed
        self.held += heard.held
        self.stuck += [] if heard.stuck is None else [heard.stuck]
        return heard

    def until(self, moment: float) -> None:
        while self.now.now_s < moment:
            self.look()


@pytest.mark.parametrize("layout", [LAYOUT_4X4, LAYOUT_4X3], ids=["4x4", "4x3"])
def test_every_key_is_found_at_the_settle_time_the_driver_uses(layout) -> None:
    bench = Bench(layout)
    for key, where in bench.where.items():
        bench.chip.press(*where)
        assert bench.matrix.look() == [key]
        bench.chip.release(*where)
        assert bench.matrix.look() == []


def test_only_one_row_is_ever_driven_while_scanning() -> None:
    bench = Bench()
    most = []
    bench.matrix._sleep = lambda s: (most.append(len(bench.chip.driven)), bench.now.sleep(s))
    bench.look()
    assert most == [1, 1, 1, 1] and not bench.chip.driven


def _bounces(dice: random.Random) -> list[float]:
    """An even number of changes within 8 ms."""
    return [dice.uniform(0.0002, 0.008) for _ in range(2 * dice.randrange(0, 6))]


def _sequence(bench: Bench, dice: random.Random) -> list[Key]:
    """Some presses: alone, rolled over into the next, or with ghosts around them. Returns what must be heard."""
    expected: list[Key] = []
    for _ in range(dice.randrange(1, 4)):
        keys = dice.sample(list(bench.where), 3)
        kind = dice.choice(("alone", "alone", "rollover", "ghosts"))
        down = {"alone": 1, "rollover": 2, "ghosts": 3}[kind]
        for key in keys[:down]:
            bench.chip.press(*bench.where[key], _bounces(dice))
            bench.until(bench.now.now_s + dice.uniform(0.06, 0.1))
        bench.ghosts += len(bench.matrix.look()) > down
        for key in dice.sample(keys[:down], down):
            bench.chip.release(*bench.where[key], _bounces(dice))
            bench.until(bench.now.now_s + dice.uniform(0.06, 0.1))
        expected += keys[: min(down, 2)]
        if kind == "ghosts":  # the third is hidden while three are down; what is heard after that is no ghost
            expected += [key for key in bench.heard[len(expected) :] if key is keys[2]][:1]
    return expected


def test_ten_thousand_random_sequences_are_heard_exactly() -> None:
    dice = random.Random(8583)
    ghosts = 0
    for number in range(10_000):
        bench = Bench()
        expected = _sequence(bench, dice)
        assert bench.heard == expected, number
        assert bench.presses.quiet
        ghosts += bench.ghosts
    assert ghosts > 200, "the sequences no longer make ghosts"


def test_a_rectangle_never_shows_its_fourth_corner() -> None:
    """Three keys of a rectangle make the fourth read as pressed: nothing is believed until it has gone."""
    for first in LAYOUT_4X4[0][:3]:
        bench = Bench()
        r, c = bench.where[first]
        for where in ((r, c), (r, c + 1), (r + 1, c)):
            bench.chip.press(*where)
            bench.until(bench.now.now_s + 0.1)
        assert len(bench.matrix.look()) == 4
        ghost = LAYOUT_4X4[r + 1][c + 1]
        assert ghost not in bench.heard and len(bench.heard) == 2


def test_two_keys_pressed_together_say_nothing_until_let_go() -> None:
    bench = Bench()
    clear = bench.where[Key.CLEAR]
    bench.chip.press(*clear)
    bench.chip.press(2, 2)
    bench.until(2.0)
    assert (bench.heard, bench.held) == ([], []), "nor do they repeat"
    bench.chip.release(*clear)
    bench.until(2.2)
    bench.chip.release(2, 2)
    bench.until(2.4)
    assert bench.heard == []
    bench.chip.press(*clear)
    bench.until(2.6)
    assert bench.heard == [Key.CLEAR]


def test_a_glitch_shorter_than_three_looks_is_no_press() -> None:
    bench = Bench()
    for _ in range(50):
        bench.chip.press(1, 1, [])
        bench.look()
        bench.chip.release(1, 1)
        bench.look()
    assert bench.heard == []


def test_clear_repeats_and_no_other_key_does() -> None:
    for key in Key:
        bench = Bench()
        bench.chip.press(*bench.where[key])
        bench.until(1.2)
        assert (len(bench.heard) > 3) is (key is Key.CLEAR), key
        assert len(bench.heard) <= 6
    bench = Bench()
    bench.chip.press(*bench.where[Key.CLEAR])
    bench.until(REPEAT_AFTER_S - 0.05)
    assert bench.heard == [Key.CLEAR]


def test_a_long_press_is_told_once() -> None:
    bench = Bench()
    bench.chip.press(*bench.where[Key.MENU])
    bench.until(LONG_S - 0.05)
    assert (bench.heard, bench.held) == ([Key.MENU], [])
    bench.until(LONG_S + 3.0)
    assert (bench.heard, bench.held) == ([Key.MENU], [Key.MENU])


def test_a_stuck_key_is_told_and_the_others_go_on() -> None:
    bench = Bench()
    bench.chip.press(*bench.where[Key.CLEAR])
    bench.until(STUCK_S + 1.0)
    assert bench.stuck == [True]
    before = len(bench.heard)
    bench.until(STUCK_S + 3.0)
    assert len(bench.heard) == before, "a stuck key still repeats"
    bench.chip.press(*bench.where[Key.D5])
    bench.until(STUCK_S + 4.0)
    assert bench.heard[before:] == [Key.D5]
    bench.chip.release(*bench.where[Key.D5])
    bench.chip.release(*bench.where[Key.CLEAR])
    bench.until(STUCK_S + 5.0)
    assert bench.stuck == [True, False] and bench.presses.quiet


def test_a_matrix_of_another_shape_is_refused_with_a_sentence() -> None:
    with pytest.raises(KeypadLost, match="4 rows and 3 or 4 columns"):
        Matrix([1, 2, 3], [4, 5, 6, 7], None, lambda s: None)


def test_an_environment_with_both_packages_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metadata, "distribution", lambda name: name)
    with pytest.raises(KeypadLost, match="pip uninstall RPi"):
        matrix_keypad.library()


def test_no_package_at_all_is_a_sentence_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "RPi", None)
    with pytest.raises(KeypadLost, match="pip install rpi-lgpio"):
        matrix_keypad.library()
