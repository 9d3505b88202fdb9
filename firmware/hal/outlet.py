"""Who hears of things besides the people at the counter: the support's webhook, the merchant's cash register."""

from __future__ import annotations

from abc import abstractmethod
from typing import Protocol

from firmware.hal.events import Post

PARTIES = ("support", "register")


class Outlet(Protocol):
    """Parties outside. A party that is not configured takes everything and hears nothing."""

    @abstractmethod
    def start(self, post: Post) -> None:
        """Begin to report RegisterAsked."""

    @abstractmethod
    def send(self, party: str, key: str, text: str) -> bool:
        """Hand one notice to 'support' or 'register'. True when the party has taken it; False where it has not, or not
        yet: it is sent again later, with the same `key`, so that a party that has it already drops it. Never raises
        and never waits: a third party may be as slow as it likes."""

    @abstractmethod
    def answer(self, line: str) -> None:
        """Answer the register's last question. Never raises."""
