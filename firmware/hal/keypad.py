"""The keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from firmware.hal.events import Post


class PinEnd(Enum):
    """How PIN entry ended."""

    ENTERED = "entered"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


class Keypad(Protocol):
    """A matrix of keys. Outside read_pin every press becomes a KeyPressed event."""

    @abstractmethod
    def start(self, post: Post) -> None:
        """Begin to report KeyPressed, DeviceGone('keypad'), DeviceBack('keypad')."""

    @abstractmethod
    def read_pin(self, into: bytearray, on_count: Callable[[int], None], timeout_s: float) -> PinEnd:
        """Collect 4–12 digits as values 0–9 into `into` (length 12, byte i = digit i).

        Digits never become events, strings or log lines. `on_count(n)` is called in the caller's thread after
        each change so that n stars can be drawn; what it raises ends the entry. ENTER is dead below 4 digits,
        CLEAR removes one. The number of digits is left in the last on_count call. Raises KeypadLost.
        """
