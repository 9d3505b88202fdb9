"""Time, which tests own."""

from __future__ import annotations

from abc import abstractmethod
from datetime import date, datetime
from typing import Protocol


class Clock(Protocol):
    """Wall time for paper, monotonic time for waiting."""

    @abstractmethod
    def now(self) -> datetime:
        """Local wall time, naive, whole seconds."""

    @abstractmethod
    def today(self) -> date:
        """Local date."""

    @abstractmethod
    def monotonic_s(self) -> float:
        """Seconds that never run backwards."""
