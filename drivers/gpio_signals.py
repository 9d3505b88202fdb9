"""Buzzer and four lamps on GPIO, and the same without any: failures are silent, a screen text says it anyway."""

from __future__ import annotations

import threading
import time
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


class NoSignals:
    """A board without buzzer and lamps."""

    def sound(self, sound: Sound) -> None:
        return None

    def lamps(self, lit: int, blink: bool = False) -> None:
        return None


class GpioSignals:
    """Plays in a daemon thread; blinking is steady light, since a lamp must never cost a wake-up."""

    def __init__(self, buzzer: int, lamps: list[int], gpio: Any) -> None:
        self._buzzer, self._lamps, self._gpio = buzzer, lamps, gpio
        self._set_up()

    def _set_up(self) -> None:
        g = self._gpio
        try:
            g.setmode(g.BCM)
            for line in (self._buzzer, *self._lamps):
                g.setup(line, g.OUT, initial=g.LOW)
        except Exception:
            self._lamps, self._buzzer = [], -1

    def sound(self, sound: Sound) -> None:
        if self._buzzer >= 0:
            threading.Thread(target=self._play, args=(PATTERNS[sound],), name="buzzer", daemon=True).start()

    def _play(self, pattern: tuple[tuple[float, float], ...]) -> None:
        try:
            for on_s, off_s in pattern:
                self._gpio.output(self._buzzer, self._gpio.HIGH)
                time.sleep(on_s)
                self._gpio.output(self._buzzer, self._gpio.LOW)
                time.sleep(off_s)
        except Exception:
            return

    def lamps(self, lit: int, blink: bool = False) -> None:
        try:
            for place, line in enumerate(self._lamps):
                self._gpio.output(line, self._gpio.HIGH if place < lit else self._gpio.LOW)
        except Exception:
            return
