"""撤回申请: those that are open, their forms, the contact log, the follow-up."""

from __future__ import annotations

from datetime import timedelta

from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome
from firmware.flows import contacts, finding, grants, steps, withdraw
from firmware.hal.signals import Sound
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal.requests import Request, Status
from firmware.words import Word


def form(t: Terminal) -> None:
    """A request that is put on paper first: the form with blanks and a code that reopens it (S27, S39)."""
    found = finding.find(t, w.P_FORM)
    request = found.request or t.requests.ask(found.entry, t.operator, way=found.way, order=found.entry.order,
                                              proof=found.entry.rrn)  # fmt: skip
    reference = grants.ask_digits(t, "support", w.P_FORM, 12, w.TYPE_CASE)
    t.requests.note(request, support=reference)
    outcome.paper(t, "form", w.P_FORM, forms.form(found.entry, request.code, request.at), found.entry)
    _tell(t, request, w.P_STUB)


def reopen(t: Terminal) -> None:
    """By its number, or by scanning its form."""
    steps.ready(t)
    typed = t.console.find(lambda d: screens.digits("form_number", w.Q_REOPEN, d, 6, w.TYPE_FORM), 6, {})
    code = t.console.scanned or f"R{str(typed).rjust(6, '0')}"
    withdraw.run(t, finding.by_code(t, code))


def listed(t: Terminal) -> None:
    """Open ones, newest first."""
    rows = [r for r in reversed(t.requests.all()) if r.status in (Status.REQUESTED, Status.GRANTED, Status.SUBMITTED,
                                                                 Status.PENDING, Status.ABANDONED)]  # fmt: skip
    if not rows:
        raise Refused(w.R_NOTHING_HERE)
    picked = rows[t.console.pick("requests", w.Q_OPEN, [f"{r.code} {w.STATUS[r.status.value].zh}" for r in rows])]
    _tell(t, picked, w.Q_OPEN)


def _tell(t: Terminal, request: Request, title: Word) -> None:
    entry = t.journal.get(request.original)
    lines: tuple[Word | str, ...] = (f"{request.code} {entry.voucher}", w.STATUS[request.status.value],
                                     request.at[5:16].replace("T", " "))  # fmt: skip
    t.console.tell(screens.rows("request", title, lines), Sound.SUCCESS)


def ask_request(t: Terminal, title: Word) -> Request:
    """By its number. Raises Refused."""
    typed = grants.ask_digits(t, "form_number", title, 6, w.TYPE_FORM) or "0"
    if not t.journal.records("request", id=int(typed)):
        raise Refused(w.R_NOTHING_HERE)
    return t.requests.get(int(typed))


def contact(t: Terminal) -> None:
    contacts.ask(t, ask_request(t, w.Q_CONTACT), must_agree=False)
    t.console.tell(screens.outcome("saved", w.Q_CONTACT, w.SAVED), Sound.SUCCESS)


def forget(t: Terminal) -> None:
    """The personal data goes; money and chain stay (S12)."""
    t.requests.forget_contact(ask_request(t, w.Q_FORGET))
    t.console.tell(screens.outcome("saved", w.Q_FORGET, w.SAVED), Sound.SUCCESS)


def follow_up(t: Terminal) -> None:
    """In so many days somebody asks again; a compensation is noted, no card moves (S66)."""
    request = ask_request(t, w.Q_FOLLOW)
    days = int(grants.ask_digits(t, "follow_days", w.Q_FOLLOW, 2, w.FOLLOW_DAYS) or 1)
    fen = int(grants.ask_digits(t, "compensation", w.Q_FOLLOW, 8, w.COMPENSATION) or 0)
    day = t.time.strict().date() + timedelta(days=days)
    t.requests.note(request, follow_up=day.isoformat(), compensation=fen)
    t.console.tell(screens.outcome("saved", w.Q_FOLLOW, w.SAVED), Sound.SUCCESS)
