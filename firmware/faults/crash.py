"""After a power cut or a broken flow: finish what is open, before the menu (money rules 3 and 4)."""

from __future__ import annotations

from firmware.faults import policy, printer
from firmware.faults.policy import Fault, Policy
from firmware.ledger.entry import Entry
from firmware.ledger.in_flight import NO_REPLY
from firmware.ledger.lifecycle import OPEN, Event
from firmware.terminal import Terminal

_DOUBT = frozenset({Policy.REVERSE, Policy.UNKNOWN, Policy.CANCEL})


def recover(t: Terminal) -> list[Entry]:
    """By the table: what was sent is owed, unknown or never happened; CLOSING asks the person; APPROVED is held
    again. Owed goes out after this.

    Returns what a person or the paper decided here: RELEASED or OWED.
    """
    found = [(policy.of(Fault.CRASH, e), e) for e in t.journal.in_state(*OPEN)]
    for what, entry in found:
        if what in _DOUBT:
            t.journal.move(entry, Event.SILENCE, reason=NO_REPLY)
    asked = [printer.ask_slip(t, entry) for what, entry in found if what is Policy.ASK]
    return asked + [printer.close(t, entry) for what, entry in found if what is Policy.HOLD]
