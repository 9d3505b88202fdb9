"""PIN entry as every keypad shares it, glass against a recording device, panel lines."""

from __future__ import annotations

import pytest

from drivers import panel
from drivers.gpio_signals import GpioSignals, NoSignals
from drivers.matrix_keypad import KeyEntry
from firmware.errors import KeypadLost
from firmware.hal.events import DeviceGone, Key, KeyPressed
from firmware.hal.keypad import PinEnd
from firmware.hal.signals import Sound
from firmware.ui import screens
from hal_mocks.wire.gpio import Chip


class Fed(KeyEntry):
    """Keys arrive as soon as PIN mode is on."""

    def __init__(self, *keys: Key | None) -> None:
        super().__init__()
        self.keys = keys
        self.events: list[object] = []
        self._post = self.events.append

    def read_pin(self, into, on_count, timeout_s):
        def clock() -> float:
            for key in self.keys:
                self._pin.put(key) if key is None else self.pressed(key)
            self.keys = ()
            return 0.0 if not self._pin.empty() else 1e9

        self._clock = clock
        import queue

        self._pin = queue.SimpleQueue()
        try:
            return self._collect(self._pin, into, on_count, clock() + timeout_s)
        finally:
            self._pin = None


def pin(*keys: Key | None) -> tuple[PinEnd, bytearray, list[int], Fed]:
    into, counts, pad = bytearray(12), [], Fed(*keys)
    end = pad.read_pin(into, counts.append, 60.0)
    return end, into, counts, pad


def test_pin_digits_go_into_the_buffer_and_never_become_events() -> None:
    end, into, counts, pad = pin(Key.D1, Key.D2, Key.CLEAR, Key.D3, Key.D4, Key.ENTER, Key.D5, Key.ENTER)
    assert (end, bytes(into[:4]), counts) == (PinEnd.ENTERED, b"\1\3\4\5", [0, 1, 2, 1, 2, 3, 4])
    assert pad.events == []
    pad.pressed(Key.D9)
    assert pad.events == [KeyPressed(Key.D9)]


def test_pin_cancel_and_time_out_and_loss() -> None:
    assert pin(Key.D1, Key.CANCEL)[0] is PinEnd.CANCELLED
    assert pin(Key.D1)[0] is PinEnd.TIMEOUT
    with pytest.raises(KeypadLost):
        pin(None)


def test_a_thirteenth_digit_is_ignored() -> None:
    _, into, counts, _ = pin(*[Key.D7] * 13, Key.ENTER)
    assert into == b"\x07" * 12 and counts[-1] == 12


def test_panel_lines() -> None:
    assert panel.parse_key(b'{"key": "enter"}') is Key.ENTER
    for bad in (b"", b"{}", b"[]", b'{"key": "bell"}', b"\xff", b'{"key": 5}'):
        assert panel.parse_key(bad) is None
    assert panel.text(screens.remove_card()) == ["卡片", "CARD", "请取回卡片", "REMOVE CARD"]


def test_signals_without_wires_are_silent() -> None:
    gpio = Chip([], [], lambda: 0.0)
    gpio.fail = RuntimeError("no pins")
    signals = GpioSignals(18, [22], gpio)
    for part in (signals, NoSignals()):
        for sound in Sound:
            part.sound(sound)
        part.lamps(4)


def test_lost_keys_end_a_pin_and_are_reported() -> None:
    pad = KeyEntry()
    events: list[object] = []
    pad._post = events.append
    pad.lost()
    assert events == [DeviceGone("keypad")]
