"""The menu as data: which word, which flow or page of flows. A digit chooses; ↓ turns the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware import words as w
from firmware.flows import (
    balance,
    booking,
    cases,
    cash,
    day,
    forced,
    parameters,
    query,
    queue,
    reports,
    reprint,
    requests,
    rule_card,
    sale,
    self_test,
    settle,
    sign_on,
    training,
    withdraw,
)
from firmware.terminal import Terminal
from firmware.words import Word

Flow = Callable[[Terminal], None]
Pages = tuple[tuple["Item", ...], ...]


@dataclass(frozen=True)
class Item:
    """One row: a flow, or pages of further rows. `switch`: the merchant's switch that takes it out."""

    word: Word
    flow: Flow | None = None
    pages: Pages = ()
    switch: str = ""


_BOOKING: Pages = ((Item(w.B_NEW, booking.book), Item(w.B_COMPLETE, withdraw.complete), Item(w.B_AMEND,
                                                                                             withdraw.change),
                    Item(w.Q_REMIND, reports.reminders)),)  # fmt: skip
_REPORTS: Pages = (
    (Item(w.X_REPORT, reports.x_report), Item(w.LAST_SETTLEMENT, settle.reprint_last), Item(w.Q_PROGRESS,
                                                                                            reports.progress),
     Item(w.Q_OVERDUE, reports.overdue)),
    (Item(w.Q_LIABLE, reports.liable), Item(w.Q_HOLDS, reports.holds), Item(w.Q_RATE, reports.rate)),
)  # fmt: skip
_REQUESTS: Pages = (
    (Item(w.Q_OPEN, requests.listed), Item(w.Q_FORM, requests.form), Item(w.Q_REOPEN, requests.reopen),
     Item(w.Q_CONTACT, requests.contact)),
    (Item(w.Q_FOLLOW, requests.follow_up), Item(w.Q_FORGET, requests.forget)),
)  # fmt: skip
_OPERATORS: Pages = (
    (Item(w.OPERATOR_ON, day.operator_on), Item(w.OPERATOR_OFF, day.operator_off), Item(w.CHANGE_PASSWORD,
                                                                                        day.change_password),
     Item(w.ADD_OPERATOR, day.add)),
    (Item(w.RESET_OPERATOR, day.remove), Item(w.FIX_CLOCK, day.fix_clock)),
)  # fmt: skip
MAIN: Pages = (
    (
        Item(w.SALE, sale.sale),
        Item(w.WITHDRAW, withdraw.withdraw),
        Item(w.REPRINT, reprint.reprint),
        Item(w.QUERY, query.query),
    ),
    (
        Item(w.QUEUE, queue.queue),
        Item(w.SIGN_ON, sign_on.sign_on),
        Item(w.ECHO, sign_on.echo),
        Item(w.SELF_TEST_ACT, self_test.self_test),
    ),
    (
        Item(w.BOOKING, pages=_BOOKING),
        Item(w.CASH, cash.cash, switch="cash"),
        Item(w.BALANCE, balance.balance),
        Item(w.CASES, cases.case),
    ),
    (
        Item(w.SETTLE, settle.settle),
        Item(w.REPORTS, pages=_REPORTS),
        Item(w.REQUESTS, pages=_REQUESTS),
        Item(w.OPERATORS, pages=_OPERATORS),
    ),
    (
        Item(w.RULES, rule_card.rules),
        Item(w.FORCED, forced.force),
        Item(w.TRAINING, training.training),
        Item(w.PARAMETERS, parameters.download),
    ),
)
