"""The glass."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from firmware.hal.screen import Screen


class Display(Protocol):
    """A 128×64 one-bit display."""

    @abstractmethod
    def show(self, screen: Screen) -> None:
        """Put `screen` on the glass. A screen of a new name that asks something (it has `keys`, or a code to scan)
        is on it when this returns; of others only the newest must get there. Raises DisplayLost, at the latest at the
        call after the loss; the next call tries again from the start."""
