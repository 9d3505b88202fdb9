"""Randomness, which tests own."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol


class Random(Protocol):
    """A source fit for the EMV unpredictable number (9F37) and for retry jitter."""

    @abstractmethod
    def bytes(self, count: int) -> bytes:
        """`count` random bytes."""
