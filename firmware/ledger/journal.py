"""The durable journal: entries, a hash chain over every change, counters. One transaction a state change.

Tables: `journal` is append-only, each row the whole entry after one change and the SHA-256 over the row before and
this text; `entries` holds the newest text of each entry for fast look-up; `settings` the counters. Requests,
settlements and what operators did are records, of which there are several books; they stand in the same chain (with
entry 0) and their newest texts in `records`. `contacts` is apart from the chain, so that it can be deleted. `verify`
recomputes all of it and names the first row that does not fit."""

from __future__ import annotations

import hashlib
import json
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from firmware import log
from firmware.errors import JournalError
from firmware.hal.clock import Clock
from firmware.hal.disk import Disk
from firmware.ledger import lifecycle
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Event, Kind, State

FILE = "journal.db"
GONE = (
    "流水缺失：停止交易，保留存储卡，先联系银行。 journal.db is gone, and there was one. Keep the card, call the bank; "
    "then put the newest backup/journal-*.db in its place, or remove keystore.json and provision anew"
)
_GENESIS = "0" * 64
FORM = 3
_KEPT = 64
_SCHEMA = """
CREATE TABLE journal(seq INTEGER PRIMARY KEY, entry INTEGER NOT NULL, text TEXT NOT NULL, hash TEXT NOT NULL);
CREATE TABLE entries(id INTEGER PRIMARY KEY, state TEXT NOT NULL, kind TEXT NOT NULL, batch TEXT NOT NULL,
                     stan TEXT NOT NULL, original INTEGER NOT NULL, text TEXT NOT NULL, UNIQUE(batch, stan));
CREATE INDEX journal_entry ON journal(entry);
CREATE INDEX entries_state ON entries(state);
CREATE INDEX entries_original ON entries(original);
CREATE TABLE settings(name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""
_SINCE_2 = "CREATE INDEX entries_stan ON entries(stan);"  # a voucher is looked up, and a new STAN checked, in any batch

_SINCE_3 = """
CREATE TABLE records(book TEXT NOT NULL, id INTEGER NOT NULL, text TEXT NOT NULL, PRIMARY KEY(book, id));
CREATE TABLE contacts(request INTEGER PRIMARY KEY, text TEXT NOT NULL);
CREATE INDEX entries_kind ON entries(kind);
"""
_STEPS = (_SCHEMA, _SINCE_2, _SINCE_3)
Record = dict[str, Any]


class Journal:
    """Everything durable about money. Every public method that writes ends in one Disk.commit."""

    def __init__(self, disk: Disk, clock: Clock, begun: Callable[[], bool] = lambda: False) -> None:
        """`begun`: has this terminal had a journal? Then no new one is made. Raises JournalError."""
        self._disk, self._clock = disk, clock
        self._db = disk.connect(FILE)
        self.writes = 0  # since this process began: whoever watches the journal need not read it
        self._rested = -1  # `writes` when all of it stood in the main file; not yet: a power cut leaves a log behind
        self._newest: dict[int, Entry] = {}  # as written by us, the only writer; what a failed commit leaves is unknown
        self._migrate(begun)

    def _migrate(self, begun: Callable[[], bool]) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        if not version and begun():
            self.close()
            raise JournalError(GONE)
        if version > FORM:
            raise JournalError(f"the journal is of version {version}, this firmware knows {FORM}: update first")
        if version == FORM:
            return
        with self._transaction():
            for statement in "".join(_STEPS[version:]).split(";"):
                if statement.strip():
                    self._db.execute(statement)
            self._db.execute(f"PRAGMA user_version = {FORM}")

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        """All or nothing, durable when it ends. An exception of our own leaves the database as it was."""
        self._db.execute("BEGIN IMMEDIATE")
        self.writes += 1
        try:
            yield
        except Exception:
            self._newest.clear()
            self._db.execute("ROLLBACK")
            raise
        try:
            self._disk.commit(self._db)
        except Exception:
            self._newest.clear()
            raise

    # -- writing ---------------------------------------------------------------------------------------------------

    def begin(self, kind: Kind, amount: int, **facts: Any) -> Entry:
        """A new UNDECIDED entry with its own STAN, durable when this returns (rules 1 and 2)."""
        with self._transaction():
            return self._new(kind, amount, State.UNDECIDED, facts)

    def close_at_once(self, kind: Kind, amount: int, state: State, **facts: Any) -> Entry:
        """An entry that never had anything to send (declined by card, cancelled): journaled, nothing owed."""
        assert state in (State.CANCELLED, State.DECLINED), "only an entry without money may be born closed"
        with self._transaction():
            return self._new(kind, amount, state, facts)

    def owe_upload(self, kind: Kind, amount: int, **facts: Any) -> Entry:
        """A notice: decided here, owed to the host until it says 00 or 94. Durable."""
        assert kind is Kind.COMPLETION_NOTICE, "only a notice is born owed"
        with self._transaction():
            return self._new(kind, amount, State.UPLOAD_OWED, facts)

    def _new(self, kind: Kind, amount: int, state: State, facts: dict[str, Any]) -> Entry:
        number = (self._one("SELECT max(id) FROM entries") or 0) + 1
        at = self._clock.now().isoformat()
        facts["order"] = facts.get("order") or f"{at[2:10].replace('-', '')}{number % 10_000:04d}"
        entry = Entry(number, kind, state, self.batch, self._take_stan(), amount, at, **facts)
        self._write(entry)
        return entry

    def move(self, entry: Entry, event: Event, **facts: Any) -> Entry:
        """One step of the lifecycle with what it taught us, in one durable transaction."""
        old = self.get(entry.id)
        new = old.changed(state=lifecycle.after(old.kind, old.state, event), **facts)
        self._change(new)
        log.event("money", stan=new.stan, kind=new.kind.value, state=new.state.value, reason=new.reason)
        return new

    def note(self, entry: Entry, **facts: Any) -> Entry:
        """Facts without a change of state (attempts, prints). Durable."""
        assert "state" not in facts, "a state changes only by move()"
        new = self.get(entry.id).changed(**facts)
        self._change(new)
        return new

    def _change(self, entry: Entry) -> None:
        with self._transaction():
            self._write(entry)

    def _write(self, entry: Entry) -> None:
        text = entry.text()
        self._append(entry.id, text)
        self._db.execute("INSERT INTO entries(id, state, kind, batch, stan, original, text) "
                         "VALUES(?, ?, ?, ?, ?, ?, ?) ON CONFLICT(id) DO UPDATE SET state=excluded.state, "
                         "text=excluded.text",
                         (entry.id, entry.state.value, entry.kind.value, entry.batch, entry.stan, entry.original,
                          text))  # fmt: skip
        if len(self._newest) > _KEPT:
            self._newest.clear()
        self._newest[entry.id] = entry

    def _append(self, entry: int, text: str) -> None:
        self._db.execute("INSERT INTO journal(entry, text, hash) VALUES(?, ?, ?)",
                         (entry, text, chain(self.head, text)))  # fmt: skip

    def record(self, book: str, number: int = 0, settings: dict[str, str] | None = None, **facts: Any) -> Record:
        """A new record of a book (number 0), or new facts in one that stands; with settings in the same transaction.
        Durable. Raises JournalError for a number that is not there."""
        old = (
            self.get_record(book, number)
            if number
            else {"id": self._next_record(book), "at": self._clock.now().isoformat()}
        )
        new: Record = old | facts | {"book": book}
        text = json.dumps(new, ensure_ascii=False, sort_keys=True, separators=(",", ":"))
        with self._transaction():
            self._append(0, text)
            self._db.execute("INSERT OR REPLACE INTO records(book, id, text) VALUES(?, ?, ?)", (book, new["id"], text))
            for name, value in (settings or {}).items():
                self._put(name, value)
        return new

    def _next_record(self, book: str) -> int:
        return (self._one("SELECT max(id) FROM records WHERE book=?", book) or 0) + 1

    def keep_contact(self, request: int, text: str) -> None:
        """Personal data of a request, outside the chain ('' deletes it). Durable."""
        with self._transaction():
            self._db.execute("DELETE FROM contacts WHERE request=?", (request,))
            if text:
                self._db.execute("INSERT INTO contacts(request, text) VALUES(?, ?)", (request, text))

    def set(self, **settings: str) -> None:
        """Durable settings, all in one transaction."""
        with self._transaction():
            for name, value in settings.items():
                self._put(name, value)

    def next_stan(self) -> str:
        """A STAN for a management message, durable before use (rule 2)."""
        with self._transaction():
            return self._take_stan()

    def _take_stan(self) -> str:
        """000001–999999; skips any STAN still owed, stuck, unknown or to be uploaded, and any of this batch."""
        stan = int(self.setting("stan", "0"))
        for _ in range(999_999):
            stan = stan % 999_999 + 1
            if not self._busy(f"{stan:06d}"):
                self._put("stan", str(stan))
                return f"{stan:06d}"
        raise JournalError("every STAN of this batch is used: settle first")

    def _busy(self, stan: str) -> bool:
        keeps = tuple(s.value for s in lifecycle.KEEPS_ITS_STAN)
        marks = ",".join("?" * len(keeps))
        found = self._one(f"SELECT 1 FROM entries WHERE stan=? AND (batch=? OR state IN ({marks})) LIMIT 1",
                          stan, self.batch, *keeps)  # fmt: skip
        return found is not None

    def _put(self, name: str, value: str) -> None:
        self._db.execute("INSERT OR REPLACE INTO settings(name, value) VALUES(?, ?)", (name, value))

    def rest(self) -> None:
        """Bring what was written into the main file and empty SQLite's log, of which all behind a bad checksum is lost
        in silence (sqlite.org/wal.html, pragma.html#pragma_wal_checkpoint). Busy or no room: it stays till the next."""
        try:
            if self._rested != self.writes and not self._one("PRAGMA wal_checkpoint(TRUNCATE)"):
                self._rested = self.writes
        except sqlite3.OperationalError as refused:
            if refused.sqlite_errorcode != sqlite3.SQLITE_FULL:
                raise

    # -- reading ---------------------------------------------------------------------------------------------------

    def _one(self, sql: str, *values: Any) -> Any:
        row = self._db.execute(sql, values).fetchone()
        return row[0] if row else None

    def _entries(self, where: str, *values: Any) -> list[Entry]:
        rows = self._db.execute(f"SELECT text FROM entries WHERE {where}", values).fetchall()
        return [Entry.from_text(text) for (text,) in rows]

    def get(self, number: int) -> Entry:
        """Raises JournalError if there is no such entry."""
        if number in self._newest:
            return self._newest[number]
        found = self._entries("id=?", number)
        if not found:
            raise JournalError(f"there is no entry {number}")
        return found[0]

    def find(self, stan: str) -> Entry | None:
        """By voucher number: in this batch first, else the newest of an earlier one."""
        found = self._entries("stan=? ORDER BY batch=? DESC, id DESC LIMIT 1", stan, self.batch)
        return found[0] if found else None

    def last(self, *kinds: Kind) -> Entry | None:
        """The newest entry of these kinds (all if none are named) that moved money or tried to."""
        marks = ",".join("?" * len(kinds)) if kinds else "kind"
        found = self._entries(f"kind IN ({marks}) ORDER BY id DESC LIMIT 1", *(k.value for k in kinds))
        return found[0] if found else None

    def in_state(self, *states: State) -> list[Entry]:
        """Oldest first."""
        marks = ",".join("?" * len(states))
        return self._entries(f"state IN ({marks}) ORDER BY id", *(s.value for s in states))

    def children(self, entry: Entry) -> list[Entry]:
        return self._entries("original=? ORDER BY id", entry.id)

    def all(self) -> list[Entry]:
        return self._entries("1 ORDER BY id")

    def newest(self, count: int) -> list[Entry]:
        """The last `count`, newest first."""
        return self._entries("1 ORDER BY id DESC LIMIT ?", count)

    def of_batch(self, batch: str) -> list[Entry]:
        return self._entries("batch=? ORDER BY id", batch)

    def get_record(self, book: str, number: int) -> Record:
        """Raises JournalError if there is no such record."""
        text = self._one("SELECT text FROM records WHERE book=? AND id=?", book, number)
        if text is None:
            raise JournalError(f"there is no {book} {number}")
        found: Record = json.loads(text)
        return found

    def records(self, book: str, **where: str | int) -> list[Record]:
        """Oldest first; only those whose facts are these."""
        tests = "".join(f" AND json_extract(text, '$.{name}')=?" for name in where)
        rows = self._db.execute(f"SELECT text FROM records WHERE book=?{tests} ORDER BY id", (book, *where.values()))
        return [json.loads(text) for (text,) in rows.fetchall()]

    def last_record(self, book: str) -> Record | None:
        text = self._one("SELECT text FROM records WHERE book=? ORDER BY id DESC LIMIT 1", book)
        return json.loads(text) if text else None

    def of_kind(self, kind: Kind, *states: State) -> list[Entry]:
        """Oldest first."""
        marks = ",".join("?" * len(states))
        return self._entries(f"kind=? AND state IN ({marks}) ORDER BY id", kind.value, *(s.value for s in states))

    def with_fact(self, name: str, value: str) -> list[Entry]:
        """Entries whose fact `name` (rrn, order, token, …) is `value`, oldest first."""
        assert name in Entry.__dataclass_fields__
        return self._entries(f"json_extract(text, '$.{name}')=? ORDER BY id", value)

    def contact(self, request: int) -> str:
        return self._one("SELECT text FROM contacts WHERE request=?", request) or ""

    def contacts(self) -> list[int]:
        """The requests that hold personal data."""
        return [number for (number,) in self._db.execute("SELECT request FROM contacts ORDER BY request").fetchall()]

    def rows(self) -> Iterator[tuple[int, int, str, str]]:
        """The chain as it stands: (seq, entry, text, hash), for the export."""
        yield from self._db.execute("SELECT seq, entry, text, hash FROM journal ORDER BY seq")

    def setting(self, name: str, default: str = "") -> str:
        value = self._one("SELECT value FROM settings WHERE name=?", name)
        return default if value is None else str(value)

    @property
    def batch(self) -> str:
        """Current batch number, six digits (DE 60.2)."""
        return self.setting("batch", "000001")

    @property
    def batch_is_empty(self) -> bool:
        return self._one("SELECT 1 FROM entries WHERE batch=? LIMIT 1", self.batch) is None

    @property
    def batch_size(self) -> int:
        return int(self._one("SELECT count(*) FROM entries WHERE batch=?", self.batch) or 0)

    @property
    def head(self) -> str:
        """The newest hash of the chain."""
        return self._one("SELECT hash FROM journal ORDER BY seq DESC LIMIT 1") or _GENESIS

    def hash_of(self, entry: Entry) -> str:
        """The hash of the row that settled the entry (its first state that is not UNDECIDED): it stays the same on
        every copy and reprint."""
        rows = self._db.execute("SELECT text, hash FROM journal WHERE entry=? ORDER BY seq", (entry.id,))
        for text, found in rows:
            if Entry.from_text(text).state is not State.UNDECIDED:
                return str(found)
        return _GENESIS

    def check(self) -> None:
        """At boot: the whole file, indexes too. Raises JournalError."""
        check(self._db)

    def verify(self) -> int:
        """Check the file, recompute the chain and compare `entries` with it. Returns the number of rows. Raises
        JournalError naming the first row that does not fit."""
        return verify(self._db)

    def close(self) -> None:
        self._db.close()


def chain(before: str, text: str) -> str:
    return hashlib.sha256(f"{before}\n{text}".encode()).hexdigest()


def check(db: sqlite3.Connection) -> None:
    """integrity_check, since quick_check compares no index with its table, and an owed reversal that an index has lost
    never leaves (sqlite.org/pragma.html#pragma_quick_check). Raises JournalError."""
    try:
        (found,) = db.execute("PRAGMA integrity_check(1)").fetchone()
    except UnicodeDecodeError:  # SQLite names what it cannot read
        found = "the names of its tables are not text"
    if found != "ok":
        raise JournalError(f"the journal is damaged ({found}): stop selling, keep the file and restore the last backup")


def verify(db: sqlite3.Connection, begun: Callable[[], bool] = lambda: False) -> int:
    """See Journal.verify; works on any open connection, so that a third party can call it."""
    check(db)
    if not db.execute("PRAGMA user_version").fetchone()[0] and begun():
        raise JournalError(GONE)
    head, count, newest = _GENESIS, 0, dict[int, str]()
    records = dict[tuple[str, int], str]()
    for seq, entry, text, found in db.execute("SELECT seq, entry, text, hash FROM journal ORDER BY seq"):
        count += 1
        head = chain(head, text)
        if seq != count or found != head:
            raise JournalError(f"journal row {seq} (entry {entry}) does not fit the hash chain")
        if entry == 0:
            record = json.loads(text)
            records[record.get("book", ""), record["id"]] = text
            continue
        if json.loads(text)["id"] != entry:
            raise JournalError(f"journal row {seq} says it is about entry {entry}, its text does not")
        newest[entry] = text
    columns = "id, state, kind, batch, stan, original, text"
    for number, state, kind, batch, stan, original, text in db.execute(f"SELECT {columns} FROM entries ORDER BY id"):
        if newest.pop(number, None) != text:
            raise JournalError(f"entry {number} differs from its newest journal row")
        e = Entry.from_text(text)
        if (state, kind, batch, stan, original) != (e.state.value, e.kind.value, e.batch, e.stan, e.original):
            raise JournalError(f"entry {number}: a column differs from its text")
    if newest:
        raise JournalError(f"entry {min(newest)} is in the chain but not in the table of entries")
    _verify_records(db, records)
    return count


def _verify_records(db: sqlite3.Connection, chained: dict[tuple[str, int], str]) -> None:
    if not chained and db.execute("PRAGMA user_version").fetchone()[0] < 3:
        return
    for book, number, text in db.execute("SELECT book, id, text FROM records"):
        if chained.pop((book, number), None) != text:
            raise JournalError(f"{book} {number} differs from its newest journal row")
    if chained:
        book, number = min(chained)
        raise JournalError(f"{book} {number} is in the chain but not in the table of records")
