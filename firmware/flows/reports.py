"""报表: sums now, ageing of holds and refunds, what we answer for, what is overdue, how often and why things go back;
each from the journal at this instant."""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome
from firmware.flows import withdraw
from firmware.hal.events import Key
from firmware.ledger import totals
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.money import yuan
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal import deadlines, requests, subject
from firmware.withdrawal.requests import Request, Status
from firmware.words import Word

Rows = list[tuple[str, str]]


def x_report(t: Terminal) -> None:
    """当前汇总, any time, also with a sale half done: counts, sums, open, unknown (S54)."""
    now = totals.of(t.journal.of_batch(t.journal.batch))
    sums = (("消费", now.debit), ("撤回", now.credit), ("现金", now.cash), ("未完", now.open))
    rows = tuple(f"{name}{s.count} {yuan(s.fen)}" for name, s in sums)
    shown = screens.rows("x_report", w.X_REPORT, rows)
    if t.console.choose(shown, YES_NO, t.config.times.prompt_s, False):
        blocks = [forms.pairs([("批次号 BATCH", t.journal.batch)]), forms.sums(now)]
        outcome.paper(t, "x_report", w.X_REPORT, blocks)


def show(t: Terminal, name: str, title: Word, rows: Rows) -> None:
    """Three a screen; at the end green prints them."""
    if not rows:
        raise Refused(w.R_NOTHING_HERE)
    for at in range(0, len(rows), 3):
        page = tuple(f"{a} {b}" for a, b in rows[at : at + 3])
        if not t.console.choose(screens.rows(name, title, page), YES_NO, t.config.times.prompt_s, False):
            return
    outcome.paper(t, name, title, [forms.pairs(rows)])


def bookings(t: Terminal) -> list[tuple[Entry, list[Entry]]]:
    return [(e, withdraw.family(t, e)) for e in t.journal.of_kind(Kind.PREAUTH, State.RELEASED)]


def hold_rows(t: Terminal) -> Rows:
    """Every hold that still binds money, with its age (S51)."""
    now = t.time.strict()
    found = []
    for entry, children in bookings(t):
        if subject.state(entry, children, now) in ("held", "expired"):
            days = (now - datetime.fromisoformat(entry.at)).days
            found.append((f"{entry.voucher} {days}d", yuan(subject.left(entry, children))))
    return found


def holds(t: Terminal) -> None:
    show(t, "holds", w.Q_HOLDS, hold_rows(t))


def reminders(t: Terminal) -> None:
    """Bookings whose free cancelling or service comes within 24 hours (S33)."""
    soon = deadlines.due_soon(t.pack, bookings(t), t.time.strict())
    show(t, "reminders", w.Q_REMIND, [(e.voucher, e.service[5:16].replace("T", " ")) for e in soon])


def liabilities(t: Terminal) -> Rows:
    """Refunds that came back or came short, and uploads that were refused: the shop answers for them (S46)."""
    bad = [
        e for e in t.journal.of_kind(Kind.REFUND, State.RELEASED, State.DONE) if e.posting in ("adjusted", "rejected")
    ]
    rows = [
        (f"退货 REFUND {e.voucher}", f"{e.posting} {yuan(e.amount - e.posted * (e.posting == 'adjusted'))}")
        for e in bad
    ]
    return rows + [(f"上送被拒 REFUSED {e.voucher}", yuan(e.amount)) for e in t.uploads.refused]


def liable(t: Terminal) -> None:
    show(t, "liable", w.Q_LIABLE, liabilities(t))


def overdue_requests(t: Terminal) -> list[Request]:
    return requests.overdue(t.requests.all(), t.time.strict().date())


def overdue(t: Terminal) -> None:
    """One screen each; green prints the evidence, with the hotline (S43, S66)."""
    late = overdue_requests(t)
    if not late:
        raise Refused(w.R_NOTHING_HERE)
    for request in late:
        entry = request.entry or t.journal.get(request.original)
        lines: tuple[Word | str, ...] = (f"{request.code} {entry.voucher}", w.STATUS[request.status.value].beside(),
                                         f"{entry.due or request.get('follow_up')} {yuan(entry.amount)}")  # fmt: skip
        if t.console.choose(screens.rows("overdue", w.Q_OVERDUE, lines), YES_NO, t.config.times.prompt_s, False):
            evidence(t, request)


def evidence(t: Terminal, request: Request) -> None:
    entry = request.entry or t.journal.get(request.original)
    blocks = forms.evidence(t.config.merchant, entry, w.STATUS[request.status.value], entry.polled)
    outcome.paper(t, "evidence", w.P_EVIDENCE, blocks, entry)


def rate_rows(t: Terminal) -> Rows:
    """Withdrawals by reason, and how many there are for a hundred sales (S83)."""
    asked = [r for r in t.requests.all() if r.reason]
    done = [r for r in asked if r.status in (Status.DONE, Status.PENDING, Status.ADJUSTED)]
    sales = len(t.journal.of_kind(Kind.SALE, State.RELEASED))
    by = Counter(r.reason.partition(".")[0] for r in done)
    rows = [(w.GROUNDS[ground].beside(), str(count)) for ground, count in sorted(by.items())]
    return [*rows, ("每百笔 PER 100", str(len(done) * 100 // sales if sales else 0))] if rows else []


def rate(t: Terminal) -> None:
    show(t, "rate", w.Q_RATE, rate_rows(t))


def progress(t: Terminal) -> None:
    """退款进度: asks the bank now, where it can be asked; state, due day, last look (S42)."""
    entries = t.journal.of_kind(Kind.REFUND, State.RELEASED, State.DONE, State.UNKNOWN)
    if not entries:
        raise Refused(w.R_NOTHING_HERE)
    entry = (
        t.uploads.poll(entries[-1], t.console.cancel_pressed) if entries[-1].state is not State.UNKNOWN else entries[-1]
    )
    status = t.requests.get(entry.request).status.value if entry.request else "pending"
    lines: tuple[Word | str, ...] = (f"{entry.voucher} {yuan(entry.amount)}", w.STATUS[status].beside(),
                                     f"预计 {entry.due or '--'}", f"查询 {entry.polled[5:16] or '--'}")  # fmt: skip
    t.console.choose(screens.rows("progress", w.Q_PROGRESS, lines), {Key.ENTER: True, Key.CANCEL: True},
                     t.config.times.prompt_s, True)  # fmt: skip
