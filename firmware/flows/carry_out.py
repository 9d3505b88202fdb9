"""Carry a granted withdrawal out: each action with its own message and its own answer to 'no reply'."""

from __future__ import annotations

from typing import Any

from firmware import receipts
from firmware import words as w
from firmware.faults import network, outcome, printer
from firmware.flows.withdrawal_case import Case
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.facts import cvm_word
from firmware.ledger.in_flight import InFlight
from firmware.ledger.ledger import linked_facts
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.ledger.notices import CUSTOMER
from firmware.receipts import forms
from firmware.security.secrets import PinBlock
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal import regulator
from firmware.withdrawal.deadlines import expected
from firmware.withdrawal.requests import Status

REPORTS = "regulator_report"
_KINDS = {"void": Kind.VOID, "refund": Kind.REFUND, "completion_void": Kind.COMPLETION_VOID,
          "release": Kind.PREAUTH_VOID,
          "keep_part": Kind.COMPLETION, "complete": Kind.COMPLETION}  # fmt: skip


def carry_out(t: Terminal, case: Case) -> None:
    """The one place where a withdrawal moves money; the request is GRANTED, or an assertion stops it (S22)."""
    assert t.requests.get(case.request.id).status is Status.GRANTED, "nothing is sent before it is granted"
    do = case.rule.do
    if do in _KINDS:
        return _online(t, case, _KINDS[do])
    return {"cancel_order": _cancel_order, "void_here": _void_here, "cash_refund": _cash_refund,
            "complete_notice": _notice}[do](t, case)  # fmt: skip


def facts(t: Terminal, case: Case) -> dict[str, Any]:
    """What the entry keeps of the request it carries out."""
    r = t.requests.get(case.request.id)
    known = {"request": r.id, "ground": r.reason, "started_by": r.get("started_by"), "way": case.found.way,
             "approver": r.get("approver"), "case": r.get("case"), "operator": t.operator, "rules": t.pack.name,
             "disclosure": r.get("disclosure"), "why": r.get("why")}  # fmt: skip
    if case.chip and case.rule.verify:  # how the holder was verified: a signature stands on the shop's slip
        known["cvm"] = cvm_word(case.chip)
    if case.rule.do == "refund":
        known["due"] = expected(t.pack, t.time.strict()).isoformat()
    return known


def _online(t: Terminal, case: Case, kind: Kind) -> None:
    """Ask the host; silence is a reversal, for a refund it is UNKNOWN."""
    t.console.show(screens.asking(receipts.TITLES[kind], case.amount))
    if case.chip:
        flight = t.ledger.in_flight(kind, case.amount, t.host, case.chip, original=case.entry, **facts(t, case))
    else:
        flight = t.ledger.by_reference(kind, case.amount, case.entry, **facts(t, case))
    ask(t, flight, case.pin)
    if case.forced and flight.entry.state in (State.RELEASED, State.UNKNOWN):
        report(t, flight.entry)
    finish(t, flight.entry)


def ask(t: Terminal, flight: InFlight, pin: PinBlock | None = None) -> None:
    """One question to the host about an entry that needs no last word of the card."""
    with flight:
        answer = flight.ask(t.host, pin, t.console.cancel_pressed)
        flight.settle(t.host, answer, None)


def report(t: Terminal, entry: Entry) -> None:
    """To the authority: what, when, why, who, and the hash of its evidence; a record that the export writes as a
    schema-valid file, and a paper. The same entry makes the same report, so that it may be sent twice (S80)."""
    original = t.journal.get(entry.original)
    made = regulator.report(entry, original, t.config.merchant, t.journal.hash_of(entry))
    if not t.journal.records(REPORTS, entry=entry.id):
        t.journal.record(REPORTS, entry=entry.id, report=made)
    rows = [("案号 CASE", entry.case), ("原凭证号 ORIG", original.voucher), ("凭证号 VOUCHER", entry.voucher),
            ("金额 RMB", screens.money(entry.amount)), ("批准 GRANTED", entry.approver),
            ("证据 HASH", str(made["evidence"])[:16])]  # fmt: skip
    outcome.paper(t, "regulator", w.P_REGULATOR, [forms.pairs(rows)], entry)
    t.notices.post(f"forced.{entry.id}", kind=entry.kind.value, voucher=entry.voucher, case=entry.case)
    t.notices.post(f"forced.{entry.id}", parties=(CUSTOMER,), entry=entry.id)


def finish(t: Terminal, entry: Entry) -> None:
    """Paper trouble costs a reprint and no money; what is unknown is said as unknown, never as declined."""
    if entry.state is State.UNKNOWN:
        outcome.alert(t, entry)
        return _unknown(t, entry)
    if entry.state is not State.RELEASED:
        network.tell_and_settle(t, entry)
        return None
    print_both(t, entry)
    t.console.tell(outcome.screen(entry), Sound.SUCCESS)
    return None


def _unknown(t: Terminal, entry: Entry) -> None:
    outcome.notice(t, entry)
    t.console.tell(screens.outcome("unknown", w.REFUND, w.REFUND_UNKNOWN, entry.amount), Sound.ERROR)


def print_both(t: Terminal, entry: Entry) -> None:
    """Merchant's and customer's copy; a printer in trouble ends it, the menu prints again."""
    for which, name in ((w.P_MERCHANT_COPY, "merchant"), (w.P_CARDHOLDER_COPY, "customer")):
        trouble = printer.copy(t, entry, which, name, duplicate=False)
        if trouble:
            t.console.tell(screens.printer_trouble(trouble), Sound.FAULT)
            return


def _cancel_order(t: Terminal, case: Case) -> None:
    """Partial or no money back: the slip says 0.00 and why (S45)."""
    request = t.requests.move(case.request, Status.DONE, amount=0)
    word = w.GROUNDS.get(request.reason) or w.CUSTOMER_GROUNDS[request.reason.partition(".")[2]]
    rows = [("订单号 ORDER", case.entry.order), ("原凭证号 ORIG", case.entry.voucher), ("退款 REFUNDED", "0.00"),
            ("原因 REASON", word.beside()), ("申请号 REQUEST", request.code), ("批准 GRANTED", request.get("approver")),
            ("规则 RULES", t.pack.name)]  # fmt: skip
    outcome.paper(t, "cancel_order", w.A_CANCEL_ORDER, [forms.pairs(rows)], case.entry)
    t.console.tell(screens.outcome("order_cancelled", w.WITHDRAW, w.ORDER_CANCELLED, 0), Sound.SUCCESS)


def _void_here(t: Terminal, case: Case) -> None:
    """An offline sale that never left: taken back here, never uploaded. Once it was tried, it may have left."""
    entry = t.journal.get(case.entry.id)
    if entry.attempts:
        t.requests.move(case.request, Status.ABANDONED, step="already sent")
        t.console.tell(screens.refused(w.R_WAITING), Sound.ERROR)
        return
    known = {k: v for k, v in facts(t, case).items() if k in ("ground", "started_by", "way", "approver", "request")}
    entry = t.journal.move(entry, Event.VOIDED_HERE, **known)
    t.requests.move(case.request, Status.DONE)
    outcome.notice(t, entry)
    t.console.tell(outcome.screen(entry), Sound.SUCCESS)


def _cash_refund(t: Terminal, case: Case) -> None:
    """Nothing goes to the host; the drawer opens with the slip (S2)."""
    entry = t.journal.begin(
        Kind.CASH_REFUND, case.amount, original=case.entry.id, order=case.entry.order, **facts(t, case)
    )
    entry = t.journal.move(entry, Event.APPROVE)
    print_both(t, entry)
    t.console.tell(outcome.screen(entry), Sound.SUCCESS)


def _notice(t: Terminal, case: Case) -> None:
    """A completion notice: decided here, repeated to the host until it says 00 or 94."""
    known = linked_facts(case.entry) | facts(t, case)
    entry = t.journal.owe_upload(Kind.COMPLETION_NOTICE, case.amount, **known)
    print_both(t, entry)
    if t.session.signed_on:
        entry = t.uploads.send(entry, t.console.cancel_pressed)
    t.console.tell(outcome.screen(entry), Sound.SUCCESS)


def tell_customer(t: Terminal) -> None:
    """Notices that the customer gets on paper: each once; one cut while it was printed says 重打印 (S75)."""
    for row in t.notices.for_customer:
        entry = t.journal.get(int(row["facts"]["entry"]))
        again = row["state"] != "waiting"
        t.notices.mark(row, "printing")
        if outcome.customer_notice(t, entry, duplicate=again) is None:
            t.notices.mark(row, "given")
