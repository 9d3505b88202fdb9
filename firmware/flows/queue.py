"""待冲正: what is owed or stuck, how old, how often tried."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware import words as w
from firmware.flows import steps
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO


def queue(t: Terminal) -> None:
    """One screen a debt; green goes on, red leaves."""
    items = t.outbox.owed + t.outbox.stuck
    if not items:
        return steps.result(t, screens.outcome("queue_empty", w.QUEUE, w.NOTHING_OWED), good=True)
    for entry in items:
        old = age(t.devices.clock.now() - datetime.fromisoformat(entry.at))
        last = entry.last_attempt[11:19]
        screen = screens.queue_item(entry.amount, entry.voucher, old, entry.attempts, last)
        if not t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
            return None
    return None


def age(span: timedelta) -> str:
    """'2d 03:04', never negative."""
    seconds = max(0, int(span.total_seconds()))
    days, minutes = seconds // 86400, seconds % 86400 // 60
    clock = f"{minutes // 60:02d}:{minutes % 60:02d}"
    return f"{days}d {clock}" if days else clock
