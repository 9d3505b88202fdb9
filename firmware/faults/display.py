"""The glass is gone: nothing more is asked of anyone. What is open is decided, printed and beeped (S69)."""

from __future__ import annotations

from firmware import receipts
from firmware import words as w
from firmware.faults import outcome, policy
from firmware.faults.policy import Fault, Policy
from firmware.hal.signals import Sound
from firmware.ledger.in_flight import CANNOT_COMPLETE, NO_REPLY
from firmware.ledger.lifecycle import OPEN, Event, State
from firmware.terminal import Terminal


def lost(t: Terminal) -> None:
    """UNDECIDED and APPROVED become OWED; CLOSING waits for glass and person; the paper says which."""
    t.console.sound(Sound.FAULT)
    for entry in t.journal.in_state(*OPEN):
        what = policy.of(Fault.DISPLAY, entry)
        if entry.state is State.APPROVED and what is Policy.REVERSE:
            t.journal.move(entry, Event.NOT_CURED, reason=CANNOT_COMPLETE)
        elif what is not Policy.ASK:
            t.journal.move(entry, Event.SILENCE, reason=NO_REPLY)
    for entry in t.outbox.owed:
        if entry.why != "told":
            slip = receipts.fault_slip(t.journal.note(entry, why="told"), t.config.merchant, w.DISPLAY_LOST)
            outcome.print_job(t, entry, "fault", slip.body, cut=True)
