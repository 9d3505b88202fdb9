"""Signals and Watchdog: remembered by the film, played on GPIO lines, told to systemd's socket."""

from __future__ import annotations

import socket
import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers import system
from drivers.gpio_signals import PATTERNS, GpioSignals, NoSignals
from firmware.hal.signals import Sound
from hal_mocks import parts
from hal_mocks.film import Film
from hal_mocks.power import Power
from tests.contracts.bench import Bench, needs


class Sim(Bench):
    name = "simulation"
    cannot = {"lines": "the film keeps the sound's name", "failure": "nothing to break",
              "beeps": "the same"}  # fmt: skip

    def __init__(self) -> None:
        self.film = Film()
        self.signals = parts.SimSignals(Power(), self.film)

    def lit(self, count: int, blink: bool) -> bool:
        return self.film.lit == (count, blink)


class Recorder:
    """Output lines of RPi.GPIO."""

    BCM, OUT, LOW, HIGH = "BCM", "out", 0, 1

    def __init__(self) -> None:
        self.levels: dict[int, int] = {}
        self.rises: dict[int, int] = {}
        self.changed = threading.Condition()
        self.fail: Exception | None = None

    def setwarnings(self, on: bool) -> None: ...
    def setmode(self, mode: str) -> None: ...

    def setup(self, line: int, way: str, initial: int) -> None:
        self.output(line, initial)

    def output(self, line: int, level: int) -> None:
        if self.fail:
            raise self.fail
        with self.changed:
            self.rises[line] = self.rises.get(line, 0) + (level > self.levels.get(line, 0))
            self.levels[line] = level
            self.changed.notify_all()


class OnLines(Bench):
    name = "driver, recorded lines"

    def __init__(self) -> None:
        self.gpio = Recorder()
        self.signals = GpioSignals(18, [22, 23, 24, 25], self.gpio)

    def lit(self, count: int, blink: bool) -> bool:
        wanted = {line: int(place < count) for place, line in enumerate((22, 23, 24, 25))}
        with self.gpio.changed:
            return self.gpio.changed.wait_for(
                lambda: {line: self.gpio.levels.get(line) for line in wanted} == wanted, 10.0)  # fmt: skip


class None_(Bench):
    name = "driver, no lines"
    cannot = {"lines": "a board without buzzer and lamps", "failure": "the same", "beeps": "the same",
              "lamps": "the same"}  # fmt: skip

    def __init__(self) -> None:
        self.signals = NoSignals()


BENCHES = [Sim, OnLines, None_]


def test_no_call_ever_raises(bench) -> None:
    for sound in Sound:
        bench.signals.sound(sound)
    for lit in range(5):
        bench.signals.lamps(lit, blink=bool(lit % 2))


@needs("lamps")
def test_the_first_so_many_lamps_are_lit(bench) -> None:
    for lit in (1, 4, 0, 2):
        bench.signals.lamps(lit)
        assert bench.lit(lit, False)


@needs("lines")
def test_at_rest_the_first_lamp_flashes_and_goes_dark_in_between(bench) -> None:
    """EMV Contactless Book A, 2.4: 200 ms, every five seconds."""
    bench.signals.lamps(1, blink=True)
    assert bench.lit(1, True) and bench.lit(0, True)


@needs("failure")
def test_lines_that_fail_are_silent_and_used_again_when_they_work(bench) -> None:
    bench.gpio.fail = type("error", (Exception,), {})("GPIO busy")
    bench.signals.lamps(3)
    bench.signals.sound(Sound.ERROR)
    bench.gpio.fail = None
    bench.signals.lamps(2)
    assert bench.lit(2, False)


@needs("beeps")
@pytest.mark.parametrize("sound", Sound)
def test_each_sound_is_its_own_number_and_length_of_beeps(bench, sound: Sound) -> None:
    bench.signals.sound(sound)
    wanted = len(PATTERNS[sound])
    with bench.gpio.changed:
        assert bench.gpio.changed.wait_for(
            lambda: bench.gpio.rises.get(18) == wanted and bench.gpio.levels.get(18) == 0, 10.0)  # fmt: skip
    assert len(set(PATTERNS.values())) == len(Sound)


# -- the watchdog ----------------------------------------------------------------------------------------------------------


class SimDog(Bench):
    name = "simulation"

    def __init__(self) -> None:
        self.power = Power()
        self.watchdog = parts.SimWatchdog(self.power)

    def fed(self) -> bool:
        return "watchdog.feed" in self.power.trace


class Notify(Bench):
    name = "driver, systemd's socket"

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        path = str(Path(self.folder.name) / "notify")
        self.socket.bind(path)
        self.socket.settimeout(10.0)
        self.watchdog = system.NotifyWatchdog(path)

    def fed(self) -> bool:
        return b"WATCHDOG=1" in self.socket.recv(100)

    def close(self) -> None:
        self.socket.close()
        self.folder.cleanup()


@pytest.mark.parametrize("kind", [SimDog, Notify], ids=lambda k: k.name)
def test_a_meal_arrives(kind: type) -> None:
    bench = kind()
    bench.watchdog.feed()
    assert bench.fed()
    bench.close()


def test_the_first_meal_says_ready_and_without_systemd_nothing_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Notify()
    bench.watchdog.feed()
    assert bench.socket.recv(100) == b"READY=1\nWATCHDOG=1"
    bench.close()
    bench.watchdog.feed()
    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    system.NotifyWatchdog().feed()
