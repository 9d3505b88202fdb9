"""查询: one entry by voucher number, as the journal has it."""

from __future__ import annotations

from firmware import receipts
from firmware import words as w
from firmware.errors import Refused
from firmware.flows import steps
from firmware.hal.events import Key
from firmware.ledger.lifecycle import State
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal import void_rules


def query(t: Terminal) -> None:
    """Amount, voucher, time, state. Any key ends it."""
    entry = steps.find(t, steps.ask_voucher(t, w.QUERY))
    if entry is None:
        raise Refused(w.NOT_FOUND)
    gone = entry.state is State.RELEASED and void_rules.voided(t.journal.children(entry))
    state = w.ALREADY_VOIDED if gone else receipts.outcome(entry)
    screen = screens.entry_view(receipts.title(entry), entry.amount, entry.voucher, entry.at[5:16], state)
    t.console.choose(screen, {Key.ENTER: True, Key.CANCEL: True}, t.config.times.prompt_s, True)
