"""A void by reference: the signature did not match, so the sale is undone without the card."""

from __future__ import annotations

from firmware import words as w
from firmware.flows import carry_out
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.terminal import Terminal
from firmware.ui import screens


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
