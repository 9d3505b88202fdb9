"""After a power cut or a broken flow: finish what is open, before the menu (money rules 3 and 4)."""

from __future__ import annotations

from firmware.faults import printer
from firmware.ledger.entry import Entry
from firmware.ledger.in_flight import NO_REPLY
from firmware.ledger.lifecycle import Event, State
from firmware.terminal import Terminal


def recover(t: Terminal) -> list[Entry]:
    """UNDECIDED → OWED; CLOSING → ask the person; APPROVED → the same hold again. Owed goes out after this.

    Returns what a person or the paper decided here: RELEASED or OWED.
    """
    for entry in t.journal.in_state(State.UNDECIDED):
        t.journal.move(entry, Event.SILENCE, reason=NO_REPLY)
    asked = [printer.ask_slip(t, entry) for entry in t.journal.in_state(State.CLOSING)]
    return asked + [printer.close(t, entry) for entry in t.journal.in_state(State.APPROVED)]
