"""The only way anything becomes durable."""

from __future__ import annotations

import sqlite3
from abc import abstractmethod
from typing import Protocol


class Disk(Protocol):
    """Opens databases whose commit survives a power cut, and commits them."""

    @abstractmethod
    def connect(self, name: str) -> sqlite3.Connection:
        """Open `name` in the state directory, configured for durability (storage facts, 3.2), in manual
        transaction mode. Raises JournalError."""

    @abstractmethod
    def commit(self, connection: sqlite3.Connection) -> None:
        """End the transaction durably: when this returns, the bytes are on disk. Raises JournalError; then the
        transaction may or may not be there and the database must be opened again."""
