"""A 4×4 or 4×3 matrix on GPIO through the module RPi.GPIO, whichever package provides it.

At rest all rows are low and the columns pulled up: an edge on a column, or a look every 20 ms where edges do not work,
wakes the scan. While a key is down one row at a time is driven, the others float; what counts is the level, read again
and again, never the edge. Pure parts first (`Matrix`, `Presses`), then the thread that feeds them.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from firmware.errors import KeypadLost
from firmware.hal.events import DeviceBack, DeviceGone, Key, KeyHeld, KeyPressed, Post
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
SETTLE_S = 0.002  # after a row is driven, before the columns are read
SCAN_S, STABLE_SCANS = 0.004, 3  # a look takes 12 ms, a press 24 to 36
REPEAT_AFTER_S, REPEAT_S = 0.6, 0.15
LONG_S = 1.5
STUCK_S = 30.0
LOOK_S, HEARTBEAT_S = 0.02, 1.0
REPEATS = frozenset({Key.CLEAR})
_KEYS_MAX = 2  # three keys can make a fourth appear


def library() -> Any:
    """RPi.GPIO. Raises KeypadLost with a fix step where it is missing or two packages fight over it."""
    from importlib import metadata

    both = [n for n in ("RPi.GPIO", "rpi-lgpio") if _installed(metadata, n)]
    if len(both) == 2:
        raise KeypadLost("RPi.GPIO and rpi-lgpio are both installed and overwrite each other",
                         "pip uninstall RPi.GPIO, then pip install --force-reinstall rpi-lgpio")  # fmt: skip
    try:
        import RPi.GPIO as GPIO
    except FileNotFoundError:  # lgpio keeps a pipe there
        raise KeypadLost("lgpio cannot write to the working directory", "start in one that is writable") from None
    except (ImportError, RuntimeError, NotImplementedError) as broken:
        raise KeypadLost(f"no GPIO here ({broken})", "on a Pi: pip install rpi-lgpio") from None
    return GPIO


def _installed(metadata: Any, name: str) -> bool:
    try:
        metadata.distribution(name)
        return True
    except metadata.PackageNotFoundError:
        return False


# -- pure: looks in, presses out ---------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Heard:
    """What one look gave: keys that went down or repeat, keys held for long, and whether stuck keys changed."""

    pressed: tuple[Key, ...] = ()
    held: tuple[Key, ...] = ()
    stuck: bool | None = None


@dataclass
class _Contact:
    """One key's history."""

    count: int = 0
    down: bool = False
    told: bool = False  # that it is held for long
    silent: bool = False  # pressed together with another, or stuck: says nothing until it is let go
    since_s: float = 0.0
    next_s: float = 0.0


@dataclass
class Presses:
    """A key is pressed when three looks in a row see it, and let go when three do not. Two keys that go down within
    one look of each other are ambiguous and say nothing; typing over from one key to the next is heard. While three or
    more seem to be down nothing is believed: the fourth corner of a rectangle is a ghost."""

    contacts: dict[Key, _Contact] = field(default_factory=dict)
    stuck: set[Key] = field(default_factory=set)

    def look(self, down: list[Key], now_s: float) -> Heard:
        """One look at all keys. Time in seconds, never backwards."""
        if len(set(down) - self.stuck) > _KEYS_MAX:
            for contact in self.contacts.values():
                contact.count = 0
            return Heard()
        fresh = [key for key in self._keys(down) if self._changed(key, key in down, now_s)]
        for key in fresh if len(fresh) > 1 else ():
            self.contacts[key].silent = True
        pressed = tuple(fresh) if len(fresh) == 1 else ()
        return Heard(pressed + self._repeats(now_s), self._held(now_s), self._stuck(now_s))

    @property
    def quiet(self) -> bool:
        """Nothing is down and nothing is still being decided (a stuck key is nothing)."""
        return all(key in self.stuck for key in self.contacts)

    def _keys(self, down: list[Key]) -> list[Key]:
        for key in down:
            self.contacts.setdefault(key, _Contact())
        return list(self.contacts)

    def _changed(self, key: Key, seen: bool, now_s: float) -> bool:
        """True when this look makes it a press."""
        contact = self.contacts[key]
        contact.count = contact.count + 1 if seen is not contact.down else 0
        if not seen and not contact.down:
            del self.contacts[key]
        if contact.count < STABLE_SCANS:
            return False
        contact.down, contact.count = seen, 0
        if not seen:
            del self.contacts[key]
            return False
        contact.since_s, contact.next_s = now_s, now_s + REPEAT_AFTER_S
        return True

    def _repeats(self, now_s: float) -> tuple[Key, ...]:
        found = []
        for key, contact in self.contacts.items():
            if key in REPEATS and contact.down and not contact.silent and now_s >= contact.next_s:
                contact.next_s = now_s + REPEAT_S
                found.append(key)
        return tuple(found)

    def _held(self, now_s: float) -> tuple[Key, ...]:
        """Each long press once."""
        found = {key: c for key, c in self.contacts.items()
                 if c.down and not c.silent and not c.told and now_s - c.since_s >= LONG_S}  # fmt: skip
        for contact in found.values():
            contact.told = True
        return tuple(found)

    def _stuck(self, now_s: float) -> bool | None:
        """True when a key was found stuck, False when the last stuck one came free."""
        now = {key for key, c in self.contacts.items() if c.down and now_s - c.since_s >= STUCK_S}
        before, self.stuck = self.stuck, now
        for key in now:
            self.contacts[key].silent = True
        return None if bool(now) is bool(before) else bool(now)


class Matrix:
    """The wires. Methods raise what the library raises: RuntimeError, ValueError and lgpio.error, three families."""

    def __init__(self, rows: list[int], columns: list[int], gpio: Any, sleep: Callable[[float], None]) -> None:
        self._rows, self._columns, self._gpio, self._sleep = rows, columns, gpio, sleep
        self._layout = LAYOUT_4X4 if len(columns) == 4 else LAYOUT_4X3
        if len(rows) != 4 or len(columns) not in (3, 4):
            raise KeypadLost(f"a keypad has 4 rows and 3 or 4 columns, not {len(rows)} and {len(columns)}")

    def set_up(self, woken: Callable[[int], None]) -> bool:
        """Claim the lines. True if edges will call `woken` from a thread of the library."""
        g = self._gpio
        g.setwarnings(False)
        g.setmode(g.BCM)
        for line in (*self._rows, *self._columns):
            g.setup(line, g.IN, pull_up_down=g.PUD_UP)
        try:
            for line in self._columns:
                g.add_event_detect(line, g.FALLING, callback=woken)
        except RuntimeError:
            return False  # RPi.GPIO on kernels from 6.6: levels work, edges do not
        return True

    def rest(self) -> None:
        """All rows low: any key pulls its column down."""
        for row in self._rows:
            self._gpio.setup(row, self._gpio.OUT, initial=self._gpio.LOW)

    def touched(self) -> bool:
        """At rest: is any key down?"""
        return any(not self._gpio.input(column) for column in self._columns)

    def float_rows(self) -> None:
        for row in self._rows:
            self._gpio.setup(row, self._gpio.IN, pull_up_down=self._gpio.PUD_UP)

    def look(self) -> list[Key]:
        """Every key that seems to be down now; one row is driven at a time."""
        g, down = self._gpio, []
        for r, row in enumerate(self._rows):
            g.setup(row, g.OUT, initial=g.LOW)
            self._sleep(SETTLE_S)
            down += [self._layout[r][c] for c, column in enumerate(self._columns) if not g.input(column)]
            g.setup(row, g.IN, pull_up_down=g.PUD_UP)
        return down


# -- what every keypad shares ------------------------------------------------------------------------------------------


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

    def held(self, key: Key) -> None:
        """Called by the scanning thread; a PIN knows no long press."""
        if self._pin is None:
            self._post(KeyHeld(key))

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


# -- the thread --------------------------------------------------------------------------------------------------------


class MatrixKeypad(KeyEntry):
    """Scans in a daemon thread of its own, which sleeps while no key is down."""

    def __init__(self, rows: list[int], columns: list[int], gpio: Any = None,
                 sleep: Callable[[float], None] = time.sleep,
                 clock: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        super().__init__()
        self._clock = clock
        self._rows, self._columns, self._gpio, self._sleep = rows, columns, gpio, sleep
        self._woken = threading.Event()
        self._presses = Presses()
        self._edges = False

    def start(self, post: Post) -> None:
        """Raises KeypadLost if the lines cannot be had now."""
        self._post = post
        self._gpio = self._gpio or library()
        self._matrix = Matrix(self._rows, self._columns, self._gpio, self._sleep)
        try:
            self._set_up()
        except Exception as broken:
            raise KeypadLost(f"keypad lines cannot be used: {broken}") from None
        threading.Thread(target=self._run, name="keypad", daemon=True).start()

    def _set_up(self) -> None:
        self._edges = self._matrix.set_up(lambda line: self._woken.set())
        self._presses = Presses()

    def _run(self) -> None:
        working = True
        while True:
            try:
                if not working:
                    self._set_up()
                    working = True
                    self._post(DeviceBack("keypad"))
                self.turn()
            except Exception:
                if working:
                    self.lost()
                working = False
                self._sleep(1.0)

    def turn(self) -> None:
        """Rest until a key is touched, then scan until all is quiet again."""
        self._woken.clear()
        self._matrix.rest()
        self._wait()
        if not self._matrix.touched():
            return
        self._matrix.float_rows()
        while True:
            self._heard(self._presses.look(self._matrix.look(), self._clock()))
            if self._presses.quiet and not self._presses.stuck:
                return
            self._sleep(SCAN_S if not self._presses.quiet else LOOK_S)

    def _wait(self) -> None:
        """An edge, or a look now and then; the heartbeat finds lines that have gone."""
        until = self._clock() + HEARTBEAT_S
        while not self._matrix.touched() and self._clock() < until:
            if self._edges:
                self._woken.wait(HEARTBEAT_S)
                return
            self._sleep(LOOK_S)

    def _heard(self, heard: Heard) -> None:
        for key in heard.pressed:
            self.pressed(key)
        for key in heard.held:
            self.held(key)
        if heard.stuck is True:
            self.lost()
        elif heard.stuck is False:
            self._post(DeviceBack("keypad"))
