"""The line to the acquirer."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Protocol

FRAME_MAX = 4096
Abort = Callable[[], bool]


class HostLink(Protocol):
    """One connection at a time; a frame is whatever follows the two length bytes."""

    @abstractmethod
    def connect(self, budget_s: float, abort: Abort) -> bool:
        """Be connected: name, TCP and TLS within one budget. False if an older connection stands, True if this is a new
        one, which proves nothing yet: a bank that refuses our certificate looks connected. Raises NotSent, also on
        abort."""

    @abstractmethod
    def exchange(self, frame: bytes, timeout_s: float, abort: Abort) -> bytes:
        """Send one frame, wait for one. `abort` is asked again and again (at least every 100 ms); when it says
        True the wait ends: NotSent before the first byte has left, NoAnswer after it.

        Raises NotSent, NoAnswer (also: cut in mid-frame, frame over FRAME_MAX). After either the link is closed.
        """

    @abstractmethod
    def receive(self, timeout_s: float, abort: Abort) -> bytes:
        """One more frame on the same connection, for a reply that was not ours. Raises NoAnswer, also on abort."""

    @abstractmethod
    def close(self) -> None:
        """Hang up. Never raises; may be called twice."""
