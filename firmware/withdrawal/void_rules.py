"""May this entry be voided? (host facts 1.5; money rule 9). Deny by default, one reason each."""

from __future__ import annotations

from collections.abc import Sequence

from firmware import words as w
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.words import Word

_LIVE = frozenset({State.UNDECIDED, State.OWED, State.STUCK, State.UNKNOWN})


def refusal(entry: Entry | None, children: Sequence[Entry], batch: str) -> Word | None:
    """None if it may be voided, else the text for the screen."""
    if entry is None:
        return w.NOT_FOUND
    if entry.kind is not Kind.SALE or entry.state is not State.RELEASED:
        return w.NOT_VOIDABLE
    if any(c.state is State.RELEASED for c in children):
        return w.ALREADY_VOIDED
    if any(c.state in _LIVE for c in children):
        return w.STILL_OWED
    if entry.batch != batch:
        return w.OTHER_BATCH
    return None


def voided(children: Sequence[Entry]) -> bool:
    return any(c.kind is Kind.VOID and c.state is State.RELEASED for c in children)
