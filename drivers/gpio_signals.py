"""Buzzer and four lamps on GPIO, and the same without any: failures are silent, a screen text says it anyway.

Lamps as EMV Contactless Book A, 2.4 wants them: at rest the first flashes 200 ms every five seconds, ready it is
steady, and all four light one after the other when a card was read.
"""

from __future__ import annotations

import queue
import threading
from typing import Any

from firmware.hal.signals import Sound

# (seconds on, seconds off) …
PATTERNS = {
    Sound.KEY: ((0.02, 0.0),),
    Sound.READ: ((0.15, 0.0),),
    Sound.SUCCESS: ((0.5, 0.0),),
    Sound.PROMPT: ((0.1, 0.0),),
    Sound.ERROR: ((0.2, 0.15), (0.2, 0.0)),
    Sound.FAULT: ((0.2, 0.1), (0.2, 0.1), (0.2, 0.0)),
}
FLASH_S, PERIOD_S, STEP_S = 0.2, 5.0, 0.125


class NoSignals:
    """A board without buzzer and lamps."""

    def sound(self, sound: Sound) -> None:
        return None

    def lamps(self, lit: int, blink: bool = False) -> None:
        return None


class Lines:
    """Output lines that may fail: then they are silent, and claimed anew at the next use."""

    def __init__(self, gpio: Any, lines: list[int]) -> None:
        self._gpio, self._lines, self._claimed = gpio, lines, False

    def put(self, line: int, on: bool) -> None:
        try:
            self._claim()
            self._gpio.output(line, self._gpio.HIGH if on else self._gpio.LOW)
        except Exception:  # RuntimeError, ValueError and lgpio.error: three families
            self._claimed = False

    def _claim(self) -> None:
        if self._claimed:
            return
        self._gpio.setwarnings(False)
        self._gpio.setmode(self._gpio.BCM)
        for line in self._lines:
            self._gpio.setup(line, self._gpio.OUT, initial=self._gpio.LOW)
        self._claimed = True


class GpioSignals:
    """One daemon thread for the buzzer, one for the lamps; both sleep while nothing changes."""

    def __init__(self, buzzer: int, lamps: list[int], gpio: Any) -> None:
        self._buzzer, self._lamps = buzzer, lamps
        self._lines = Lines(gpio, [buzzer, *lamps])
        self._sounds: queue.SimpleQueue[Sound] = queue.SimpleQueue()
        self._scenes: queue.SimpleQueue[tuple[int, bool]] = queue.SimpleQueue()
        self._now = (-1, False)
        self._never = threading.Event()
        for name, work in (("buzzer", self._play), ("lamps", self._light)):
            threading.Thread(target=work, name=name, daemon=True).start()

    def sound(self, sound: Sound) -> None:
        """A sound that would wait behind another is dropped: a late beep tells lies."""
        if self._sounds.empty():
            self._sounds.put(sound)

    def lamps(self, lit: int, blink: bool = False) -> None:
        if self._now != (lit, blink):
            self._now = (lit, blink)
            self._scenes.put((lit, blink))

    def _play(self) -> None:
        while True:
            for on_s, off_s in PATTERNS[self._sounds.get()]:
                self._lines.put(self._buzzer, True)
                self._never.wait(on_s)
                self._lines.put(self._buzzer, False)
                self._never.wait(off_s)

    def _light(self) -> None:
        scene = self._scenes.get()
        while True:
            scene = self._show(*scene)

    def _show(self, lit: int, blink: bool) -> tuple[int, bool]:
        """One scene until the next."""
        for place, line in enumerate(self._lamps):
            if lit == len(self._lamps) and not blink:
                self._never.wait(STEP_S if place else 0.0)
            self._lines.put(line, place < lit)
        while True:
            try:
                return self._scenes.get(timeout=FLASH_S if blink else None)
            except queue.Empty:
                self._dark(lit)
            try:
                return self._scenes.get(timeout=PERIOD_S - FLASH_S)
            except queue.Empty:
                for line in self._lamps[:lit]:
                    self._lines.put(line, True)

    def _dark(self, lit: int) -> None:
        for line in self._lamps[:lit]:
            self._lines.put(line, False)
