"""Until when: what a slip, a screen and the reminder list say, from the same table that decides."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import State
from firmware.withdrawal import rules, subject
from firmware.withdrawal.calendar import business_day
from firmware.withdrawal.pack import Pack
from firmware.withdrawal.rules import Circumstances, Verdict

_LABELS = {"void": "撤销至 VOID BY", "refund": "退货至 REFUND BY", "release": "免费取消至 CANCEL BY",
           "cash_refund": "退款至 REFUND BY", "completion_void": "撤销至 VOID BY"}  # fmt: skip


def on_slip(pack: Pack, entry: Entry, now: datetime) -> tuple[tuple[str, str], ...]:
    """Rows for the slip of a new entry: each line of the table that is open now and closes some day."""
    about = subject.of(entry.changed(state=State.RELEASED), (), now)
    found = rules.judge_all(pack, about, Circumstances(now, entry.batch))
    rows = [
        (_LABELS[v.rule.do], f"{v.ends:%m-%d %H:%M}") for v in found if v.allowed and v.ends and v.rule.do in _LABELS
    ]
    return (*rows, *((("不可撤回 FINAL", "YES"),) if entry.final else ()))


def expected(pack: Pack, now: datetime) -> date:
    """The business day on which a refund of now should arrive (S40)."""
    return business_day(now.date(), pack.posting_days, pack.holidays)


def left(verdict: Verdict, now: datetime) -> str:
    """'2d 03:04:05' until the window closes; '' where there is none."""
    if verdict.ends is None:
        return ""
    seconds = max(0, int((verdict.ends - now).total_seconds()))
    days, rest = seconds // 86400, seconds % 86400
    clock = f"{rest // 3600:02d}:{rest % 3600 // 60:02d}:{rest % 60:02d}"
    return f"{days}d {clock}" if days else clock


def due_soon(pack: Pack, bookings: Sequence[tuple[Entry, Sequence[Entry]]], now: datetime) -> list[Entry]:
    """Held bookings whose free cancelling or service comes within 24 hours (S33)."""
    found = []
    for entry, children in bookings:
        about = subject.of(entry, children, now)
        booking = pack.booking_class(entry.booking)
        moments = [about.service] if about.service else []
        moments += [rules.free_until(booking, about)] if booking and booking.until_h >= 0 else []
        if about.state == "held" and any(timedelta(0) <= m - now <= timedelta(hours=24) for m in moments):
            found.append(entry)
    return found
