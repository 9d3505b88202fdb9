"""Requests for a withdrawal: asked, granted or refused, abandoned; once money moves, its entry tells the rest.

What happened to a request that has an entry is derived from that entry, so that the two can never disagree.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import Enum
from typing import Any

from firmware.ledger.entry import Entry
from firmware.ledger.journal import Journal, Record
from firmware.ledger.lifecycle import Kind, State

BOOK, CONTACTS = "request", "contact"
REASONS = ("operator", "customer", "emergency", "fault", "legal", "other")
NEXO = {"operator": "MerchantCancel", "customer": "CustCancel", "emergency": "MerchantCancel", "fault": "Malfunction",
        "legal": "SuspectedFraud", "other": "Unable2Compl"}  # fmt: skip


class Status(Enum):
    """The words of the design."""

    REQUESTED = "requested"
    GRANTED = "granted"
    REFUSED = "refused"
    ABANDONED = "abandoned"
    SUBMITTED = "submitted"
    PENDING = "pending"
    DONE = "done"
    FAILED = "failed"
    ADJUSTED = "adjusted"


_STEPS = {
    Status.REQUESTED: {Status.GRANTED, Status.REFUSED, Status.ABANDONED},
    Status.GRANTED: {Status.ABANDONED, Status.DONE},
    Status.ABANDONED: {Status.REQUESTED},
}  # DONE by hand is only for what moves no money: an order cancelled, a cap lowered


@dataclass(frozen=True)
class Request:
    """One request as it stands now. Amounts in fen."""

    id: int
    at: str
    original: int
    action: str
    amount: int
    reason: str
    status: Status
    facts: Record
    entry: Entry | None = None

    @property
    def code(self) -> str:
        """What is printed on the form and reopens it."""
        return f"R{self.id:06d}"

    def get(self, name: str) -> str:
        return str(self.facts.get(name, ""))


class Requests:
    """The book of requests."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal

    def ask(self, original: Entry, operator: str, **facts: Any) -> Request:
        """REQUESTED, durable, before anything else is asked of anybody (S65)."""
        row: dict[str, Any] = {"action": "", "amount": 0, "reason": "", "status": Status.REQUESTED.value} | facts
        return self._of(self._journal.record(BOOK, original=original.id, operator=operator, **row), [])

    def note(self, request: Request, **facts: Any) -> Request:
        """Facts without a change of status. After money has moved nothing of it is edited (S41). Durable."""
        now = self.get(request.id)
        frozen = {"action", "amount", "reason", "original"} & facts.keys()
        assert not (now.entry and frozen), "after it was sent, only a new linked entry corrects it"
        return self._of(self._journal.record(BOOK, request.id, **facts))

    def move(self, request: Request, status: Status, **facts: Any) -> Request:
        """One step, durable. AssertionError for a step that is skipped (S22)."""
        now = self.get(request.id)
        assert status in _STEPS.get(now.status, ()), f"request: {now.status.value} → {status.value} is no step"
        return self._of(self._journal.record(BOOK, request.id, status=status.value, **facts))

    def get(self, number: int) -> Request:
        """Raises JournalError if there is no such request."""
        return self._of(self._journal.get_record(BOOK, number))

    def all(self) -> list[Request]:
        """Oldest first."""
        return [self._of(row) for row in self._journal.records(BOOK)]

    def open(self) -> list[Request]:
        waiting = [r for s in (Status.REQUESTED, Status.GRANTED) for r in self._journal.records(BOOK, status=s.value)]
        return [r for r in map(self._of, waiting) if r.status in (Status.REQUESTED, Status.GRANTED)]

    def _of(self, row: Record, entries: list[Entry] | None = None) -> Request:
        known = self._journal.children(self._journal.get(row["original"])) if entries is None else entries
        mine = [e for e in known if e.request == row["id"]]
        entry = mine[-1] if mine else None
        status = _status(entry) if entry else Status(row["status"])
        return Request(row["id"], row["at"], row["original"], row["action"], row["amount"], row["reason"], status, row,
                       entry)  # fmt: skip

    # -- what may be deleted ---------------------------------------------------------------------------------------

    def contact(self, request: Request, data: str, channel: str, result: str) -> None:
        """The customer was spoken to: when, how and with what result stays; the person's own data is apart (S11,
        S12)."""
        self._journal.record(CONTACTS, request=request.id, channel=channel, result=result)
        self._journal.keep_contact(request.id, data)

    def expire_contacts(self, before: datetime) -> None:
        """What the profile's retention no longer covers is deleted."""
        for number in self._journal.contacts():
            if datetime.fromisoformat(self._journal.get_record(BOOK, number)["at"]) < before:
                self._journal.keep_contact(number, "")

    def forget_contact(self, request: Request) -> None:
        self._journal.keep_contact(request.id, "")


def _status(entry: Entry) -> Status:
    if entry.posting:
        return {"pending": Status.PENDING, "posted": Status.DONE, "adjusted": Status.ADJUSTED,
                "rejected": Status.FAILED}[entry.posting]  # fmt: skip
    if entry.state is State.RELEASED and entry.kind is Kind.REFUND:
        return Status.PENDING
    if entry.state in (State.RELEASED, State.DONE, State.UPLOADED, State.NEVER_UPLOAD):
        return Status.DONE
    if entry.state in (State.DECLINED, State.FAILED, State.REVERSED, State.NEVER_SENT, State.CANCELLED):
        return Status.FAILED
    return Status.SUBMITTED


def overdue(requests: list[Request], today: date) -> list[Request]:
    """Refunds that should have arrived, and follow-ups that are due (S43, S66)."""
    late = [r for r in requests if r.status is Status.PENDING and r.entry and r.entry.due
            and r.entry.due < today.isoformat()]  # fmt: skip
    due = [r for r in requests if r not in late and r.get("follow_up") and r.get("follow_up") <= today.isoformat()
           and not r.get("followed")]  # fmt: skip
    return late + due
