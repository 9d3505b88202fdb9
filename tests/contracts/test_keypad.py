"""Keypad: the simulation, the matrix driver on a simulated chip with and without edges, the panel on its socket."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers.matrix_keypad import LAYOUT_4X4, MatrixKeypad
from drivers.panel import Panel
from drivers.system import QueueInbox
from firmware.errors import KeypadLost
from firmware.hal.events import DeviceBack, DeviceGone, Event, Key, KeyPressed
from firmware.hal.keypad import PinEnd
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.wire.gpio import Chip, positions, type_on
from hal_mocks.wire.panel import PanelServer
from hal_mocks.world import World
from tests.contracts.bench import Bench, needs


class Sim(Bench):
    name = "simulation"
    cannot = {"loss": "the desk's keys are the person: only the glass goes dark"}

    def __init__(self) -> None:
        self.inbox = parts.SimInbox(World(), Power(), lambda: False)
        self.keypad = parts.SimKeypad(Power(), self.inbox)
        self.keypad.start(self.inbox.post)

    def type(self, *keys: Key) -> None:
        for key in keys:
            self.inbox.post(KeyPressed(key))


class OnChip(Bench):
    name, edges = "driver, chip with edges", True

    def __init__(self) -> None:
        self.inbox = QueueInbox()
        self.chip = Chip([5, 6, 13, 19], [12, 16, 20, 21], __import__("time").monotonic, settle_s=0.0)
        self.chip.edges = self.edges
        self.keypad = MatrixKeypad(self.chip.rows, self.chip.columns, self.chip)
        self.keypad.start(self.inbox.post)

    def type(self, *keys: Key) -> None:
        type_on(self.chip, positions(LAYOUT_4X4), keys)

    def lose(self) -> None:
        self.chip.fail = type("error", (Exception,), {})("GPIO busy")  # lgpio.error is no RuntimeError

    def back(self) -> None:
        self.chip.fail = None

    def close(self) -> None:
        self.chip.fail = RuntimeError("the bench is closed")


class OnChipWithoutEdges(OnChip):
    name, edges = "driver, chip without edges", False


class OnPanel(Bench):
    name = "panel"

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "panel.sock"
        self.inbox = QueueInbox()
        self.server = PanelServer(self.path)
        self.keypad = Panel(str(self.path), "zh")
        self.keypad.start(self.inbox.post)
        assert self.keypad._connected.wait(10.0) and self.server.connected.wait(10.0)
        while self.inbox.next(0):
            pass

    def type(self, *keys: Key) -> None:
        assert self.server.connected.wait(10.0)
        threading.Thread(target=lambda: [self.server.press(k.value) for k in keys], daemon=True).start()

    def lose(self) -> None:
        self.server.close()

    def back(self) -> None:
        self.server = PanelServer(self.path)

    def close(self) -> None:
        self.server.close()
        self.folder.cleanup()


BENCHES = [Sim, OnChip, OnChipWithoutEdges, OnPanel]


def events(bench, count: int) -> list[Event | None]:
    return [bench.inbox.next(20.0) for _ in range(count)]


def pin(bench, *keys: Key) -> tuple[PinEnd, bytes, list[int]]:
    into, counts = bytearray(12), []

    def on_count(n: int) -> None:
        if not counts:
            bench.type(*keys)
        counts.append(n)

    end = bench.keypad.read_pin(into, on_count, 60.0)
    return end, bytes(into), counts


def test_every_key_becomes_one_event_in_the_order_pressed(bench) -> None:
    bench.type(*Key)
    assert events(bench, 16) == [KeyPressed(key) for key in Key]
    assert bench.inbox.next(0) is None


def test_pin_digits_go_into_the_buffer_and_are_no_events(bench) -> None:
    end, into, counts = pin(bench, Key.D1, Key.D2, Key.CLEAR, Key.D3, Key.ENTER, Key.D4, Key.D0, Key.ENTER)
    assert (end, into[:4], into[4:]) == (PinEnd.ENTERED, b"\1\3\4\0", bytes(8))
    assert [n for n in counts if n or n is counts[0]][-1] == 4 and counts[0] == 0
    assert bench.inbox.next(0) is None


def test_enter_is_dead_below_four_digits_and_a_thirteenth_is_ignored(bench) -> None:
    end, into, counts = pin(bench, Key.D1, Key.D2, Key.D3, Key.ENTER, *[Key.D9] * 10, Key.ENTER)
    assert (end, into, max(counts)) == (PinEnd.ENTERED, b"\1\2\3" + b"\x09" * 9, 12)


def test_the_red_key_ends_a_pin_and_the_next_key_is_an_event_again(bench) -> None:
    assert pin(bench, Key.D1, Key.CANCEL)[0] is PinEnd.CANCELLED
    bench.type(Key.D7)
    assert events(bench, 1) == [KeyPressed(Key.D7)]


def test_what_on_count_raises_ends_the_pin(bench) -> None:
    def on_count(n: int) -> None:
        raise ArithmeticError

    with pytest.raises(ArithmeticError):
        bench.keypad.read_pin(bytearray(12), on_count, 60.0)
    bench.type(Key.D7)
    assert events(bench, 1) == [KeyPressed(Key.D7)]


@needs("loss")
def test_lost_keys_are_told_end_a_pin_and_come_back_by_themselves(bench) -> None:
    def on_count(n: int) -> None:
        if n == 0:
            bench.lose()

    with pytest.raises(KeypadLost):
        bench.keypad.read_pin(bytearray(12), on_count, 60.0)
    assert events(bench, 1) == [DeviceGone("keypad")]
    bench.back()
    assert events(bench, 1) == [DeviceBack("keypad")]
    bench.type(Key.D7)
    assert events(bench, 1) == [KeyPressed(Key.D7)]
