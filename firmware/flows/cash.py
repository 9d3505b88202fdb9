"""现金: a cash sale on the record, with slip and drawer; nothing goes to the host (S2)."""

from __future__ import annotations

from firmware import words as w
from firmware.flows import sale, steps
from firmware.ledger.lifecycle import Event, Kind
from firmware.terminal import Terminal


def cash(t: Terminal) -> None:
    """Amount → slip, proved like any other → drawer."""
    steps.ready(t, online=False)
    amount = steps.ask_amount(t, w.CASH)
    entry = t.journal.begin(Kind.CASH, amount, operator=t.operator, rules=t.pack.name, disclosure=t.pack.disclosure)
    sale.finish(t, t.journal.move(entry, Event.APPROVE))
