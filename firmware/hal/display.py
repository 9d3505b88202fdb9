"""The glass."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from firmware.hal.screen import Screen


class Display(Protocol):
    """A 128×64 one-bit display."""

    @abstractmethod
    def show(self, screen: Screen) -> None:
        """Put `screen` on the glass. A screen of a new name is on it when this returns; of many frames of the same
        screen only the newest must be. Raises DisplayLost, at the latest at the call after the loss; the next call
        tries again from the start."""
