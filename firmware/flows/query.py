"""查询: one entry, however it is found, as the journal has it and as the bank has it (S36)."""

from __future__ import annotations

from firmware import receipts
from firmware import words as w
from firmware.flows import cases, finding, withdraw
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal import rules, subject
from firmware.words import Word


def query(t: Terminal) -> None:
    """Amount, voucher, time, state; green goes on to the bank's view."""
    entry = finding.find(t, w.QUERY, list(Kind)).entry
    screen = screens.entry_view(receipts.title(entry), entry.amount, entry.voucher, entry.at[5:16], state(t, entry))
    if t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
        cases.verify(t, entry)


def state(t: Terminal, entry: Entry) -> Word:
    """What stands of it now."""
    derived = subject.state(entry, withdraw.family(t, entry), t.time.strict())
    if not subject.stands(entry) or derived in ("standing", "waiting"):
        return receipts.outcome(entry)
    return rules.OF_STATE[derived].why
