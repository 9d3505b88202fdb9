"""预授权: hold money for a later service; complete it, change it (the cancelling is a withdrawal like any other)."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome
from firmware.flows import carry_out, grants, sale, steps
from firmware.flows.withdrawal_case import Case
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.ledger.lifecycle import Kind, State
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal.pack import Booking
from firmware.withdrawal.requests import Status
from firmware.words import Word

NOON = 12


def book(t: Terminal) -> None:
    """Amount → class → service date → terms acknowledged by the customer → card → hold (S25, S32)."""
    steps.ready(t)
    amount = steps.ask_amount(t, w.BOOKING)
    kind = t.pack.booking[t.console.pick("booking_class", w.B_CLASS, [b.word for b in t.pack.booking])]
    service = ask_service(t)
    grants.consent(t, w.B_TERMS, amount, terms(kind, service))
    steps.quiet_gate(t, w.BOOKING, amount)
    facts = {"operator": t.operator, "rules": t.pack.name, "disclosure": t.pack.disclosure, "booking": kind.name,
             "service": service.isoformat(), "terms": t.pack.terms,
             "expires": (t.time.strict() + timedelta(days=t.pack.hold_days)).isoformat()}  # fmt: skip
    with t.console.card(screens.insert_card(w.BOOKING, amount)) as card:
        chip = steps.begin(t, card, w.BOOKING, amount)
        pin = steps.verify_cardholder(t, chip, amount, card)
        first = steps.first_cryptogram(t, card, chip)
        if first.declined:
            outcome.tell(t, t.ledger.declined_by_card(Kind.PREAUTH, amount, chip, first, **facts))
            return
        steps.paper_ready(t)
        t.console.show(screens.asking(w.BOOKING, amount))
        entry = sale.ask(t, Kind.PREAUTH, amount, card, chip, first, pin, facts)
    sale.finish(t, entry)


def terms(kind: Booking, service: datetime) -> tuple[Word | str, ...]:
    """What the customer acknowledges: until when it may be cancelled, and at what price."""
    if kind.until_h < 0:
        return (w.B_TERMS_NONE,)
    by = f"{service - timedelta(hours=kind.until_h):%m-%d %H:%M}"
    word = w.B_TERMS_FEE if kind.fee_percent else w.B_TERMS_FREE
    return (word.fill(by=by[:5], percent=kind.fee_percent),)


def ask_service(t: Terminal) -> datetime:
    """MMDD, today or later; noon of that day. Raises Refused for no such day."""
    typed = grants.ask_digits(t, "service", w.BOOKING, 4, w.B_SERVICE)
    now = t.time.strict()
    for year in (now.year, now.year + 1):
        try:
            found = datetime.strptime(f"{year}{typed}{NOON}", "%Y%m%d%H")
        except ValueError:
            continue
        if found.date() >= now.date():
            return found
    raise Refused(w.R_NO_SUCH_DAY)


def amend(t: Terminal, case: Case) -> None:
    """Amount or date. Up: an incremental request with the card; a lost answer is reversed and the old hold stands.
    Down: no message, a lower cap for the completion (S26)."""
    if t.console.pick("amend_what", w.B_AMEND, [w.B_AMEND_AMOUNT, w.B_AMEND_DATE]) == 1:
        service = ask_service(t)
        t.journal.note(case.entry, service=service.isoformat())
        return amended(t, case)
    total = ask_total(t)
    now = case.about.left
    if total <= now:
        t.journal.note(case.entry, cap=total if total < now else 0)
        return amended(t, case)
    return _increment(t, case, total - now)


def amended(t: Terminal, case: Case) -> None:
    """Done without a message: stored, printed, told."""
    t.requests.move(case.request, Status.DONE)
    entry = t.journal.get(case.entry.id)
    rows = [("凭证号 VOUCHER", entry.voucher), ("服务日 SERVICE", entry.service[:10]),
            ("申请号 REQUEST", case.request.code),
            ("最多扣款 AT MOST", screens.money(entry.cap or case.about.left))]  # fmt: skip
    outcome.paper(t, "amended", w.AMENDED, [forms.pairs(rows)], entry)
    t.console.tell(screens.done("amended", w.AMENDED, w.BOOKING, entry.cap or case.about.left), Sound.SUCCESS)


def ask_total(t: Terminal) -> int:
    """The new total of the hold."""

    def check(typed: str) -> Screen | None:
        return None if int(typed or 0) else screens.digits("new_total", w.B_AMEND, typed, 9, w.AMOUNT_ZERO)

    return int(t.console.digits(lambda d: screens.digits("new_total", w.B_AMEND, d, 9, w.B_NEW_AMOUNT), 9, check))


def _increment(t: Terminal, case: Case, more: int) -> None:
    facts = carry_out.facts(t, case)
    with t.console.card(screens.insert_card(w.INCREMENT, more)) as card:
        chip = steps.begin(t, card, w.INCREMENT, more)
        if not t.ledger.same_card(case.entry, chip):
            raise Refused(w.OTHER_CARD, "W43")
        pin = steps.verify_cardholder(t, chip, more, card)
        first = steps.first_cryptogram(t, card, chip)
        if first.declined:
            outcome.tell(
                t, t.ledger.declined_by_card(Kind.INCREMENT, more, chip, first, original=case.entry.id, **facts)
            )
            return
        t.console.show(screens.asking(w.INCREMENT, more))
        entry = sale.ask(t, Kind.INCREMENT, more, card, chip, first, pin, facts, case.entry)
    if entry.state is State.RELEASED and case.entry.cap:
        t.journal.note(case.entry, cap=0)
    carry_out.finish(t, entry)
