"""The key store and the switch that guards it."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from firmware.hal.events import Post


class Safe(Protocol):
    """What keeps the TMK, and what notices that somebody opens the case."""

    @abstractmethod
    def start(self, post: Post) -> None:
        """Begin to report Tampered, once for each time the case is opened."""

    @abstractmethod
    def open(self) -> bool:
        """Is the case open now? False where there is no switch."""

    @abstractmethod
    def erase(self) -> None:
        """Remove the TMK from what is stored. Durable when it returns; a power cut before leaves the old store or the
        new one, and may be repeated. Never raises for a store that is gone already."""
