"""Clock, randomness, inbox, disk and watchdog of a real machine."""

from __future__ import annotations

import os
import queue
import socket
import sqlite3
import time
from datetime import date, datetime
from pathlib import Path

from firmware.errors import JournalError
from firmware.hal.events import Event


class SystemClock:
    """Wall and monotonic time of the machine. The only place that reads the wall clock."""

    def now(self) -> datetime:
        return datetime.now().replace(microsecond=0)

    def today(self) -> date:
        return self.now().date()

    def monotonic_s(self) -> float:
        return time.monotonic()


class SystemRandom:
    """The kernel's generator."""

    def bytes(self, count: int) -> bytes:
        return os.urandom(count)


class QueueInbox:
    """A thread-safe queue."""

    def __init__(self) -> None:
        self._queue: queue.SimpleQueue[Event] = queue.SimpleQueue()

    def post(self, event: Event) -> None:
        self._queue.put(event)

    def next(self, timeout_s: float) -> Event | None:
        try:
            return self._queue.get(block=timeout_s > 0, timeout=max(timeout_s, 0.0) or None)
        except queue.Empty:
            return None

    def take_all(self) -> list[Event]:
        taken = (self.next(0) for _ in range(self._queue.qsize()))
        return [event for event in taken if event is not None]


class SqliteDisk:
    """SQLite with the settings that survived every cut (storage facts, 3.2): WAL + FULL, reached through EXTRA."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def connect(self, name: str) -> sqlite3.Connection:
        """One writer: an exclusive lock is held as long as the connection lives. Raises JournalError."""
        path = self._directory / name
        try:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            fresh = not path.exists()
            db = sqlite3.connect(path, timeout=2.0, isolation_level=None)
            if fresh:
                path.chmod(0o600)
            configure(db)
            self._sync_directory()
            return db
        except (OSError, sqlite3.Error, UnicodeDecodeError) as broken:
            if getattr(broken, "sqlite_errorcode", None) == sqlite3.SQLITE_BUSY:
                raise JournalError(
                    f"{path} is in use: stop the terminal first (sudo systemctl stop takeback)"
                ) from None
            raise JournalError(f"{path} cannot be opened: {broken}") from None

    def commit(self, connection: sqlite3.Connection) -> None:
        try:
            connection.execute("COMMIT")
        except sqlite3.Error as broken:
            raise JournalError(f"the journal did not take a commit: {broken}") from None

    def _sync_directory(self) -> None:
        handle = os.open(self._directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def configure(db: sqlite3.Connection) -> None:
    """EXTRA before WAL, so that the switch itself cannot leave a hot rollback journal; then FULL.

    Raises JournalError if SQLite does not do what it was told or the file is damaged.
    """
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("PRAGMA synchronous=EXTRA")
    mode = db.execute("PRAGMA journal_mode=WAL").fetchone()[0]
    db.execute("PRAGMA synchronous=FULL")
    db.execute("PRAGMA foreign_keys=ON")
    check = db.execute("PRAGMA quick_check").fetchone()[0]
    if mode != "wal" or db.execute("PRAGMA synchronous").fetchone()[0] != 2 or check != "ok":
        raise JournalError(f"the database is not safe: mode {mode}, check {check}")


class NotifyWatchdog:
    """systemd's watchdog: one datagram at each turn of the money thread, at most one a second."""

    def __init__(self, address: str | None = None) -> None:
        self._address = os.environ.get("NOTIFY_SOCKET", "") if address is None else address
        self._last_s = -1.0
        self._said_ready = False

    def feed(self) -> None:
        now = time.monotonic()
        if not self._address or now - self._last_s < 1.0:
            return
        self._last_s = now
        message = b"WATCHDOG=1" if self._said_ready else b"READY=1\nWATCHDOG=1"
        self._said_ready = True
        address = "\0" + self._address[1:] if self._address.startswith("@") else self._address
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as s:
            try:
                s.sendto(message, address)
            except OSError:
                return
