"""What a withdrawal is about: an entry of the journal with what was done to it since, as plain values."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State

SALES = frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_NOTICE, Kind.OFFLINE_SALE, Kind.CASH})
SUBJECTS = SALES | {Kind.PREAUTH}
_LIVE = frozenset({State.UNDECIDED, State.OWED, State.STUCK, State.UNKNOWN})
_TAKEN = frozenset({State.RELEASED, State.DONE, State.UNKNOWN, State.UNDECIDED})
_DONE = frozenset({State.RELEASED, State.DONE, State.UPLOAD_OWED, State.UPLOADED})
STATES = ("standing", "part_refunded", "refunded", "voided", "held", "completed", "cancelled", "expired", "waiting",
          "busy",
          "not_made", "open", "owed", "reversed", "unproven", "stuck", "unknown", "refused")  # fmt: skip
_RAW = {
    State.UNDECIDED: "open", State.APPROVED: "open", State.CLOSING: "open", State.OWED: "owed", State.STUCK: "stuck",
    State.REVERSED: "reversed", State.UNKNOWN: "unknown", State.UPLOAD_REFUSED: "refused",
}  # fmt: skip


@dataclass(frozen=True)
class Subject:
    """`left` is what may still go back, in fen; for a booking what is held. `state` is one of STATES."""

    kind: str
    method: str
    state: str
    at: datetime
    amount: int
    left: int
    batch: str
    final: bool = False
    booking: str = ""
    service: datetime | None = None
    cap: int = 0


def of(entry: Entry, children: Sequence[Entry], now: datetime) -> Subject:
    """`children` are the entries whose original this is."""
    service = datetime.fromisoformat(entry.service) if entry.service else None
    return Subject(entry.kind.value, method(entry), state(entry, children, now), datetime.fromisoformat(entry.at),
                   entry.amount, left(entry, children), entry.batch, entry.final == "yes", entry.booking,
                   service, entry.cap)  # fmt: skip


def stands(entry: Entry) -> bool:
    """On the bank's books as far as we know; a case closed by a firmware that did not ask counts as standing."""
    return entry.state in _DONE or (entry.state is State.MANUAL_CLOSED and entry.stands != "no")


def method(entry: Entry) -> str:
    return {Kind.CASH: "cash", Kind.CASH_REFUND: "cash", Kind.OFFLINE_SALE: "offline"}.get(entry.kind, "chip")


def state(entry: Entry, children: Sequence[Entry], now: datetime) -> str:
    """Derived, never stored."""
    if entry.unproven:
        return "unproven"
    if entry.state in _RAW:
        return _RAW[entry.state]
    if entry.state is State.UPLOAD_OWED:
        return "waiting"
    if entry.state not in (State.RELEASED, State.UPLOADED) and not stands(entry):
        return "not_made"
    if any(c.state in _LIVE for c in children):
        return "busy"
    if any(c.unproven for c in children):
        return "unproven"
    done = {c.kind for c in children if stands(c)}
    return _booked(entry, children, done, now) if entry.kind is Kind.PREAUTH else _paid(entry, children, done)


def _paid(entry: Entry, children: Sequence[Entry], done: set[Kind]) -> str:
    if done & {Kind.VOID, Kind.COMPLETION_VOID}:
        return "voided"
    back = refunded(children)
    return "standing" if not back else "refunded" if back >= entry.amount else "part_refunded"


def _booked(entry: Entry, children: Sequence[Entry], done: set[Kind], now: datetime) -> str:
    if Kind.PREAUTH_VOID in done:
        return "cancelled"
    if Kind.COMPLETION_NOTICE in done or _standing_completion(children):
        return "completed"
    return "expired" if entry.expires and now >= datetime.fromisoformat(entry.expires) else "held"


def _standing_completion(children: Sequence[Entry]) -> bool:
    """`children` of a booking hold its completions and, behind them, the voids of those (see `family`)."""
    undone = {c.original for c in children if c.kind is Kind.COMPLETION_VOID and stands(c)}
    return any(c.kind is Kind.COMPLETION and stands(c) and c.id not in undone for c in children)


def refunded(children: Sequence[Entry]) -> int:
    """Fen that went back or may have: an unknown outcome keeps its amount (money rule 9); one that the bank sent back
    later counts with what arrived."""
    kinds = (Kind.REFUND, Kind.CASH_REFUND)
    return sum(_arrives(c) for c in children if c.kind in kinds and (c.state in _TAKEN or stands(c)))


def _arrives(refund: Entry) -> int:
    if refund.posting == "rejected":
        return 0
    return refund.posted if refund.posting == "adjusted" else refund.amount


def left(entry: Entry, children: Sequence[Entry]) -> int:
    """Fen that may still go back; for a booking fen that are held."""
    if entry.kind is Kind.PREAUTH:
        grown = sum(c.amount for c in children if c.kind is Kind.INCREMENT and stands(c))
        return entry.amount + grown
    return max(0, entry.amount - refunded(children))
