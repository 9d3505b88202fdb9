"""重打印: the slip of any voucher, headed DUPLICATE; the notice of what was taken back."""

from __future__ import annotations

from firmware import receipts
from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome, printer
from firmware.flows import steps
from firmware.hal.signals import Sound
from firmware.ledger.lifecycle import LET_GO, State
from firmware.terminal import Terminal
from firmware.ui import screens


def reprint(t: Terminal) -> None:
    """A released entry gives its merchant slip again; an undone one its reversal notice."""
    entry = steps.find(t, steps.ask_voucher(t, w.REPRINT))
    if entry is None:
        raise Refused(w.NOT_FOUND)
    if entry.state in LET_GO or entry.state is State.DONE:
        trouble = printer.copy(t, entry, w.P_MERCHANT_COPY, "reprint", duplicate=True)
    elif entry.state in outcome.WITH_NOTICE:
        trouble = outcome.notice(t, entry)
    else:
        outcome.tell(t, entry)
        return
    if trouble:
        t.console.tell(screens.printer_trouble(trouble), Sound.FAULT)
        return
    steps.result(t, screens.done("reprinted", w.REPRINT, receipts.title(entry), entry.amount), good=True)
