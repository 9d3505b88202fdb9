"""What a fleet knows of a terminal, and the one thing it tells it back."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True)
class Vitals:
    """How a terminal stands. Counts, ages in seconds; nothing of a card, a customer or an amount."""

    terminal: str  # DE 41
    version: str
    open: int  # undecided, held or closing: somebody stands at the counter
    owed: int  # reversals the bank has not acknowledged
    uploads: int  # offline sales and notices it has not taken
    unknown: int  # refunds of which nobody knows
    stuck: int  # reversals it refused three times
    unsettled: int  # entries of the open batch
    oldest_s: int  # age of the oldest owed reversal or upload: the alarm that matters
    host_s: int  # since the bank last answered; -1: not in this life of the process
    clock_s: int  # how far the wall clock is from the bank's time
    signed_on: bool
    busy: bool  # somebody is in the middle of an act
    gone: tuple[str, ...] = ()  # parts that do not answer


class Fleet(Protocol):
    """Metrics file and, where the settings name one, an MQTT broker. Failure never reaches the money thread."""

    @abstractmethod
    def tell(self, vitals: Vitals) -> None:
        """Publish. Does not wait for a network and raises nothing."""

    @abstractmethod
    def held(self) -> bool:
        """Is this release on trial with a journal that it has just brought to a new form? Then nothing may be
        written into it until the release is marked good: going back restores the copy from before."""

    @abstractmethod
    def close(self) -> None:
        """Say good-bye. Raises nothing."""
