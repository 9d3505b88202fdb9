"""The one place where the money thread waits."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from firmware.hal.events import Event


class Inbox(Protocol):
    """A queue of events. `post` is safe from any thread; `next` belongs to the money thread."""

    @abstractmethod
    def post(self, event: Event) -> None:
        """Add an event; never blocks."""

    @abstractmethod
    def next(self, timeout_s: float) -> Event | None:
        """The oldest event, or None when `timeout_s` has passed (0: look, do not wait)."""

    @abstractmethod
    def take_all(self) -> list[Event]:
        """What is queued, oldest first; the queue is then empty. Never waits."""
