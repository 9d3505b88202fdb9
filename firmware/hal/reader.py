"""The chip-card reader."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from firmware.hal.events import Post


@dataclass(frozen=True)
class Response:
    """What a card answered: data without the status word, and SW1 SW2 as one number (0x9000)."""

    data: bytes
    sw: int


class Card(Protocol):
    """One powered session with one card. After CardLost every further call raises CardLost."""

    @abstractmethod
    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        """Send one command APDU. 61xx and 6Cxx never come out of here: the driver fetches and repeats.

        Raises CardLost (pulled, reset, mute for `timeout_s`) or ReaderLost.
        """

    @abstractmethod
    def atr(self) -> bytes:
        """The answer to reset; empty where the reader does not tell."""

    @abstractmethod
    def pad(self) -> bool:
        """Has the reader a PIN pad of its own (PC/SC part 10, FEATURE_VERIFY_PIN_DIRECT)?"""

    @abstractmethod
    def verify_on_pad(self, timeout_s: float, alive: Callable[[], None]) -> Response:
        """Let the pad take the PIN and send VERIFY with the plain block (EMV Book 3, §6.5.12): no digit comes here.

        Besides the card's own status words: 6400 nobody typed in time, 6401 the pad's red key. `alive` is
        called at least every ten seconds. Only where `pad` says
        so. Raises CardLost, ReaderLost.
        """

    @abstractmethod
    def close(self) -> None:
        """Power the card down. Never raises; may be called twice."""


class CardReader(Protocol):
    """One slot."""

    @abstractmethod
    def start(self, post: Post) -> None:
        """Begin to report CardInserted, CardRemoved, DeviceGone('reader'), DeviceBack('reader')."""

    @abstractmethod
    def connect(self) -> Card:
        """Power the card that is in the slot. Raises NoCard, CardMute, CardUnsupported, ReaderLost
        (also where another program holds it)."""

    @abstractmethod
    def present(self) -> bool:
        """Is there a card in the slot? False while the reader is gone."""
