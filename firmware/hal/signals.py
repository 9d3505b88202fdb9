"""Buzzer, lamps and the watchdog: small parts that may be missing, so their calls never raise."""

from __future__ import annotations

from abc import abstractmethod
from enum import Enum
from typing import Protocol


class Sound(Enum):
    """Every sound has a screen text, and the other way round."""

    KEY = "key"
    READ = "read"
    SUCCESS = "success"
    ERROR = "error"
    FAULT = "fault"
    PROMPT = "prompt"


class Signals(Protocol):
    """Buzzer and four lamps. Failure is logged, never raised."""

    @abstractmethod
    def sound(self, sound: Sound) -> None:
        """Play without blocking."""

    @abstractmethod
    def lamps(self, lit: int, blink: bool = False) -> None:
        """Light the first `lit` of four lamps (EMV pattern: 1 blinking idle, 1 ready, 4 read)."""


class Watchdog(Protocol):
    """Fed by progress of the money thread, never by a timer of its own."""

    @abstractmethod
    def feed(self) -> None:
        """The money thread turned once more."""
