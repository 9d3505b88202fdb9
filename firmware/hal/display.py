"""The glass."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from firmware.hal.screen import Screen


class Display(Protocol):
    """A 128×64 one-bit display."""

    @abstractmethod
    def show(self, screen: Screen) -> None:
        """Put `screen` on the glass. Raises DisplayLost; the next call tries again from the start."""
