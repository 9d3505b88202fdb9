"""Time that a wrong clock cannot bend (money rule 13): it moves only with the host's word and the monotonic clock.

Until the host has spoken in this life of the process, the wall clock counts, if it lies within a day above the floor.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta

from firmware.hal.clock import Clock

NEAR = timedelta(seconds=120)
DAY = timedelta(hours=24)


class TrueTime:
    """A Clock for the journal, and `strict` for windows. `floor` is ISO 8601, '' before the first sign-on."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._floor: datetime | None = None
        self._anchor: tuple[datetime, int] | None = None
        self._latest = datetime.min

    def restore(self, floor: str) -> None:
        """After a boot: time is at least what it was."""
        self._floor = datetime.fromisoformat(floor) if floor else None

    def anchor(self, now: datetime) -> None:
        """The host (or a supervisor) said what time it is; from here on the monotonic clock leads."""
        self._anchor = (now, int(self._clock.monotonic_s()))
        self._floor, self._latest = now, datetime.min

    def strict(self) -> datetime:
        """For windows and due dates. Never runs backwards between two words of the host."""
        self._latest = max(self._latest, self._estimate())
        return self._latest

    def _estimate(self) -> datetime:
        if self._anchor:
            at, mono = self._anchor
            return at + timedelta(seconds=int(self._clock.monotonic_s()) - mono)
        wall = self._clock.now()
        if self._floor is None or timedelta(0) <= wall - self._floor <= DAY:
            return wall
        return self._floor

    def now(self) -> datetime:
        """For paper and journal: the wall clock while it is near the truth, else the truth."""
        wall = self._clock.now()
        if self._anchor is None:
            return wall
        true = self._estimate()
        return wall if abs(wall - true) <= NEAR else true

    def today(self) -> date:
        return self.now().date()

    def monotonic_s(self) -> float:
        return self._clock.monotonic_s()
