"""The keys."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from enum import Enum
from typing import Protocol

from firmware.hal.events import Key, Post

PIN_MIN = 4
ALIVE_S = 10.0


class PinEnd(Enum):
    """How PIN entry ended. BYPASSED: green without a digit, as the customer of a card without a PIN presses."""

    ENTERED = "entered"
    CANCELLED = "cancelled"
    TIMEOUT = "timeout"
    BYPASSED = "bypassed"


class PinDigits:
    """What each key does in PIN mode, the same on every keypad. Digits go into the buffer and nowhere else."""

    def __init__(self, into: bytearray, on_count: Callable[[int], None]) -> None:
        self._into, self._on_count, self._count = into, on_count, 0
        self.alive()

    def alive(self) -> None:
        """PIN mode is on and somebody is waited for."""
        self._on_count(self._count)

    def key(self, key: Key) -> PinEnd | None:
        """ENTER is dead at one to three digits; a thirteenth digit is ignored."""
        if key is Key.CANCEL:
            return PinEnd.CANCELLED
        if key is Key.ENTER:
            return PinEnd.BYPASSED if not self._count else PinEnd.ENTERED if self._count >= PIN_MIN else None
        if key is Key.CLEAR and self._count:
            self._count -= 1
            self._into[self._count] = 0
            self._on_count(self._count)
        elif key.digit is not None and self._count < len(self._into):
            self._into[self._count] = ord(key.value) - ord("0")
            self._count += 1
            self._on_count(self._count)
        return None


class Keypad(Protocol):
    """A matrix of keys. Outside read_pin every press becomes a KeyPressed event."""

    @abstractmethod
    def start(self, post: Post) -> None:
        """Begin to report KeyPressed, DeviceGone('keypad'), DeviceBack('keypad')."""

    @abstractmethod
    def read_pin(self, into: bytearray, on_count: Callable[[int], None], timeout_s: float) -> PinEnd:
        """Collect 4–12 digits as values 0–9 into `into` (length 12, byte i = digit i).

        Digits never become events, strings or log lines. `on_count(n)` is called in the caller's thread: with 0 as
        soon as PIN mode is on (so no prompt stands before digits are safe), after each change, so that n stars can
        be drawn, and at least every ten seconds, so that the watchdog is fed; what it raises ends the entry.
        ENTER is dead at 1 to 3 digits, CLEAR removes one. The number of digits is left in the last on_count call.
        Raises KeypadLost.
        """
