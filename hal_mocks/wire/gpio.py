"""A GPIO chip with a key matrix, as the module RPi.GPIO shows it: contacts that bounce, lines that settle, ghosts.

Electrically true: closed contacts join rows and columns into nets, and a net with a line driven low reads low, also by
way of other keys. Time is the caller's, so a test can run it in virtual time; with the real clock it serves a thread.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any


class VirtualTime:
    """Seconds that pass only when somebody sleeps."""

    def __init__(self) -> None:
        self.now_s = 0.0

    def clock(self) -> float:
        return self.now_s

    def sleep(self, seconds: float) -> None:
        self.now_s += seconds


class Chip:
    """`setup`, `input`, … are RPi.GPIO's. The hand: press, release, fail, edges."""

    BCM, IN, OUT, LOW, HIGH, PUD_UP, FALLING = "BCM", "in", "out", 0, 1, "up", "falling"

    def __init__(
        self, rows: list[int], columns: list[int], clock: Callable[[], float], settle_s: float = 0.0005
    ) -> None:
        self.rows, self.columns, self._clock, self._settle_s = rows, columns, clock, settle_s
        self.driven: set[int] = set()
        self.most_driven_scanning = self.reads = 0
        self.fail: Exception | None = None
        self.edges = True
        self._changed_s: float = -1.0
        self._contacts: dict[tuple[int, int], list[float]] = {}  # moments at which each toggles
        self._callbacks: dict[int, Callable[[int], None]] = {}
        self._lock = threading.RLock()

    # -- the hand ------------------------------------------------------------------------------------------------------

    def press(self, row: int, column: int, bounces: list[float] | None = None) -> None:
        """Close one contact now; `bounces` are later moments (seconds from now) at which it opens and closes again."""
        self._toggle((row, column), bounces, closing=True)

    def release(self, row: int, column: int, bounces: list[float] | None = None) -> None:
        self._toggle((row, column), bounces, closing=False)

    def _toggle(self, where: tuple[int, int], bounces: list[float] | None, closing: bool) -> None:
        assert len(bounces or []) % 2 == 0, "a bounce is two changes"
        with self._lock:
            now = self._clock()
            if self._closed(where) is not closing:
                self._contacts.setdefault(where, []).append(now)
            self._contacts.setdefault(where, []).extend(now + b for b in sorted(bounces or []))
            calls = [c for line, c in self._callbacks.items() if closing and self.edges and not self._level(line)]
        for call in calls:
            call(0)

    def _closed(self, where: tuple[int, int]) -> bool:
        now = self._clock()
        return sum(1 for moment in self._contacts.get(where, ()) if moment <= now) % 2 == 1

    # -- RPi.GPIO ------------------------------------------------------------------------------------------------------

    def setwarnings(self, on: bool) -> None:
        return None

    def setmode(self, mode: str) -> None:
        return None

    def setup(self, line: int, way: str, initial: int = 1, pull_up_down: str = "") -> None:
        self._check()
        with self._lock:
            (self.driven.add if way == self.OUT and initial == self.LOW else self.driven.discard)(line)
            self._changed_s = self._clock()

    def add_event_detect(self, line: int, edge: str, callback: Callable[[int], None]) -> None:
        self._check()
        if not self.edges:
            raise RuntimeError("Failed to add edge detection")
        self._callbacks[line] = callback

    def input(self, line: int) -> int:
        self._check()
        self.reads += 1
        with self._lock:
            return self._level(line)

    def output(self, line: int, level: int) -> None:
        self._check()

    def _check(self) -> None:
        if self.fail:
            raise self.fail

    def _level(self, line: int) -> int:
        if self._clock() - self._changed_s < self._settle_s:
            return 1 - (line % 2)  # not settled: anything
        down = [where for where in self._contacts if self._closed(where)]
        reached, grew = {("r", self.rows.index(line)) for line in self.driven}, True
        while grew:
            before = len(reached)
            for r, c in down:
                if ("r", r) in reached or ("c", c) in reached:
                    reached |= {("r", r), ("c", c)}
            grew = len(reached) > before
        return 0 if ("c", self.columns.index(line)) in reached else 1


def positions(layout: tuple[tuple[Any, ...], ...]) -> dict[Any, tuple[int, int]]:
    """Key → row, column."""
    return {key: (r, c) for r, row in enumerate(layout) for c, key in enumerate(row)}


def type_on(chip: Chip, where: dict[Any, tuple[int, int]], keys: tuple[Any, ...]) -> None:
    """A finger in a thread of its own. It holds each key until the scan has looked five times, and leaves each gap
    until the scan is at rest again, so it does not matter how fast anything is."""

    def typing() -> None:
        for key in keys:
            enough = chip.reads + 5 * len(chip.rows) * len(chip.columns)
            chip.press(*where[key])
            while chip.reads < enough:
                time.sleep(0.001)
            chip.release(*where[key])
            while len(chip.driven) < len(chip.rows):
                time.sleep(0.001)

    threading.Thread(target=typing, name="finger", daemon=True).start()
