"""The line broke: what is owed goes first, before every sale and whenever the terminal is idle."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome
from firmware.hal.events import Key
from firmware.hal.link import Abort
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import State
from firmware.terminal import Terminal
from firmware.ui import screens


def settle_debts(t: Terminal, abort: Abort) -> bool:
    """Try what is owed once, say what ended. True if nothing is owed any more."""
    owed = t.outbox.owed
    if not owed:
        if t.outbox.scripts:
            t.outbox.flush(abort)
        return True
    t.console.show(screens.reversing(len(owed)))
    for entry in t.outbox.flush(abort):
        outcome.tell(t, entry)
    return not t.outbox.owed


def tell_and_settle(t: Terminal, entry: Entry, may_retry: bool = False) -> Key | None:
    """What is owed is tried once at once, so that the customer usually leaves with 'reversed' on paper."""
    if entry.state is State.OWED:
        t.outbox.flush(t.console.cancel_pressed)
    return outcome.tell(t, entry, may_retry)


def nothing_owed(t: Terminal) -> None:
    """Before every act of money (rule 8). Raises Refused while a reversal still has to be waited for."""
    if t.outbox.holding:
        settle_debts(t, t.console.cancel_pressed)
    if t.outbox.holding:
        raise Refused(w.STILL_OWED)
