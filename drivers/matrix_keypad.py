"""A 4×4 (or 4×3) matrix on GPIO through the module RPi.GPIO, whichever package provides it.

One row is driven low at a time, the others float as inputs; columns are pulled up. A key counts when it is seen in
three scans in a row; two keys at once count as none (ghosts).
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from firmware.errors import KeypadLost
from firmware.hal.events import DeviceBack, DeviceGone, Key, KeyPressed, Post
from firmware.hal.keypad import ALIVE_S, PinDigits, PinEnd

LAYOUT_4X4 = (
    (Key.D1, Key.D2, Key.D3, Key.CANCEL),
    (Key.D4, Key.D5, Key.D6, Key.CLEAR),
    (Key.D7, Key.D8, Key.D9, Key.MENU),
    (Key.UP, Key.D0, Key.DOWN, Key.ENTER),
)
LAYOUT_4X3 = (
    (Key.D1, Key.D2, Key.D3),
    (Key.D4, Key.D5, Key.D6),
    (Key.D7, Key.D8, Key.D9),
    (Key.CANCEL, Key.D0, Key.ENTER),
)
SCAN_S, SETTLE_S, STABLE_SCANS = 0.012, 0.003, 3


def library() -> Any:
    """RPi.GPIO. Raises KeypadLost with a fix step where it is missing or two packages fight over it."""
    from importlib import metadata

    both = [n for n in ("RPi.GPIO", "rpi-lgpio") if _installed(metadata, n)]
    if len(both) == 2:
        raise KeypadLost("RPi.GPIO and rpi-lgpio are both installed: pip uninstall RPi.GPIO")
    try:
        import RPi.GPIO as GPIO
    except (ImportError, RuntimeError) as broken:
        raise KeypadLost(f"no GPIO here ({broken}): on a Pi, pip install rpi-lgpio") from None
    return GPIO


def _installed(metadata: Any, name: str) -> bool:
    try:
        metadata.distribution(name)
        return True
    except metadata.PackageNotFoundError:
        return False


class Debounce:
    """Pure: scans in, presses out."""

    def __init__(self) -> None:
        self._candidate: Key | None = None
        self._count = 0
        self._held: Key | None = None

    def scan(self, down: list[Key]) -> Key | None:
        """One scan's keys. Returns a key once, when it has been alone and stable."""
        key = down[0] if len(down) == 1 else None
        if key is self._candidate:
            self._count += 1
        else:
            self._candidate, self._count = key, 1
        if self._count < STABLE_SCANS or (not key and down):
            return None
        pressed = key if key is not None and key is not self._held else None
        self._held = key
        return pressed


class KeyEntry:
    """Shared by every keypad: events outside PIN mode, a private queue inside it."""

    def __init__(self) -> None:
        self._post: Post = lambda _: None
        self._pin: queue.SimpleQueue[Key | None] | None = None
        self._clock: Callable[[], float] = time.monotonic

    def pressed(self, key: Key) -> None:
        """Called by the scanning thread."""
        pin = self._pin
        if pin is not None:
            pin.put(key)
        else:
            self._post(KeyPressed(key))

    def read_pin(self, into: bytearray, on_count: Callable[[int], None], timeout_s: float) -> PinEnd:
        """See Keypad.read_pin."""
        self._pin = queue.SimpleQueue()
        try:
            return self._collect(self._pin, into, on_count, self._clock() + timeout_s)
        finally:
            self._pin = None

    def _collect(self, keys: queue.SimpleQueue[Key | None], into: bytearray, on_count: Callable[[int], None],
                 until: float) -> PinEnd:  # fmt: skip
        digits = PinDigits(into, on_count)
        while (left := until - self._clock()) > 0:
            try:
                key = keys.get(timeout=min(left, ALIVE_S))
            except queue.Empty:
                digits.alive()
                continue
            if key is None:
                raise KeypadLost
            end = digits.key(key)
            if end:
                return end
        return PinEnd.TIMEOUT

    def lost(self) -> None:
        """The keys are gone: end a PIN entry, tell the terminal."""
        pin = self._pin
        if pin is not None:
            pin.put(None)
        self._post(DeviceGone("keypad"))


class MatrixKeypad(KeyEntry):
    """Scans in a daemon thread of its own."""

    def __init__(self, rows: list[int], columns: list[int], gpio: Any = None) -> None:
        super().__init__()
        self._rows, self._columns = rows, columns
        self._layout = LAYOUT_4X4 if len(columns) == 4 else LAYOUT_4X3
        self._gpio = gpio
        self._debounce = Debounce()

    def start(self, post: Post) -> None:
        """Raises KeypadLost if the lines cannot be had now."""
        self._post = post
        self._gpio = self._gpio or library()
        self._set_up()
        threading.Thread(target=self._run, name="keypad", daemon=True).start()

    def _set_up(self) -> None:
        g = self._gpio
        try:
            g.setwarnings(False)
            g.setmode(g.BCM)
            for line in (*self._rows, *self._columns):
                g.setup(line, g.IN, pull_up_down=g.PUD_UP)
        except Exception as broken:  # RuntimeError, ValueError and lgpio.error: three families
            raise KeypadLost(f"keypad lines cannot be used: {broken}") from None

    def _run(self) -> None:
        working = True
        while True:
            try:
                key = self._debounce.scan(self.scan_once())
                if not working:
                    self._post(DeviceBack("keypad"))
                working = True
                if key:
                    self.pressed(key)
            except Exception:
                if working:
                    self.lost()
                working = False
                time.sleep(1.0)
            time.sleep(SCAN_S)

    def scan_once(self) -> list[Key]:
        """Every key that is down now."""
        g, down = self._gpio, []
        for r, row in enumerate(self._rows):
            g.setup(row, g.OUT, initial=g.LOW)
            time.sleep(SETTLE_S)
            down += [self._layout[r][c] for c, column in enumerate(self._columns) if not g.input(column)]
            g.setup(row, g.IN, pull_up_down=g.PUD_UP)
        return down
