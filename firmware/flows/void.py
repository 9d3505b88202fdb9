"""A void by reference: the signature did not match, so the sale is undone without the card, until it is undone."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware import receipts
from firmware import words as w
from firmware.faults import outcome
from firmware.flows import carry_out
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal import subject

_OWED = "mismatch"  # the setting: entries whose signature did not match and whose void may not stand yet
_VOIDS = (Kind.VOID, Kind.PREAUTH_VOID)
_REFUSALS, _FIRST_S, _LAST_S = 3, 60, 3600
_PENDING = frozenset({State.UNDECIDED, State.OWED, State.STUCK})


def mismatched(t: Terminal, entry: Entry) -> None:
    """The goods stay with the shop and the money goes back. That it is owed is durable before anything is tried: a void
    that is refused or lost, and then reversed, would leave the customer charged and nobody told."""
    t.journal.set(**{_OWED: f"{t.journal.setting(_OWED)} {entry.id}".strip()})
    _void(t, t.journal.note(entry, signed="no"))


def owed(t: Terminal) -> list[Entry]:
    """Sales whose signature did not match and which are not undone."""
    found = [t.journal.get(int(number)) for number in t.journal.setting(_OWED).split()]
    return [e for e in found if e.signed == "no" and not _undone(t, e)]


def again(t: Terminal, at_once: bool = False) -> None:
    """At rest: what is still owed is tried with growing waits; at boot at once. After three refusals, or once the batch
    is settled, it stays on the glass and the settlement slip until a person has given the money back."""
    for entry in owed(t):
        if _may_try(t, entry, at_once) and t.session.signed_on and t.host.reachable(t.console.any_key_waiting):
            _void(t, entry)
    if (left := " ".join(str(e.id) for e in owed(t))) != t.journal.setting(_OWED):
        t.journal.set(**{_OWED: left})


def _may_try(t: Terminal, entry: Entry, at_once: bool) -> bool:
    voids = [c for c in t.journal.children(entry) if c.kind in _VOIDS]
    if entry.batch != t.journal.batch or any(c.state in _PENDING or c.unproven for c in voids):
        return False
    if sum(c.state is State.DECLINED for c in voids) >= _REFUSALS:
        return False
    wait_s = min(_LAST_S, _FIRST_S << min(len(voids), 7) >> 1)
    return at_once or not voids or t.time.now() - datetime.fromisoformat(voids[-1].at) >= timedelta(seconds=wait_s)


def _undone(t: Terminal, entry: Entry) -> bool:
    """By a void that stands, or because somebody gave all of it back."""
    children = t.journal.children(entry)
    if entry.state is State.NEVER_UPLOAD or any(c.kind in _VOIDS and subject.stands(c) for c in children):
        return True
    return entry.kind is not Kind.PREAUTH and subject.left(entry, children) == 0


def _void(t: Terminal, entry: Entry) -> None:
    """Where it does not stand, glass, paper and support say so, on paper and to support once."""
    by_reference(t, entry)
    entry = t.journal.get(entry.id)
    if _undone(t, entry):
        return
    t.notices.post(f"mismatch.{entry.id}", kind=entry.kind.value, voucher=entry.voucher, amount=entry.amount,
                   state="mismatch")  # fmt: skip
    if entry.why != "mismatch":
        slip = receipts.fault_slip(t.journal.note(entry, why="mismatch"), t.config.merchant, w.MISMATCH)
        outcome.print_job(t, entry, "fault", slip.body, cut=True)
    t.console.tell(screens.outcome("mismatch", w.VOID, w.MISMATCH, entry.amount), Sound.FAULT)


def by_reference(t: Terminal, original: Entry) -> None:
    """Undo a sale, a hold or an offline sale that was not uploaded."""
    if original.state is State.UPLOAD_OWED:
        t.journal.move(original, Event.VOIDED_HERE, ground="operator")
        return
    kind = Kind.PREAUTH_VOID if original.kind is Kind.PREAUTH else Kind.VOID
    t.console.show(screens.asking(w.VOID, original.amount))
    flight = t.ledger.by_reference(kind, original.amount, original, operator=t.operator, ground="operator",
                                   started_by="merchant", rules=t.pack.name)  # fmt: skip
    carry_out.ask(t, flight)
    carry_out.finish(t, flight.entry)
