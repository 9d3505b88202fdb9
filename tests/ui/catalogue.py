"""Every screen with its longest values, for the fit test and for looking at."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from firmware import receipts
from firmware import words as w
from firmware.errors import PrinterTrouble
from firmware.flows import rule_card
from firmware.flows.booking import terms
from firmware.flows.finding import _WAYS
from firmware.hal.screen import Screen
from firmware.menu import MAIN
from firmware.ui import screens
from firmware.ui.console import Console
from firmware.withdrawal import banks, pack, rules
from firmware.words import Word
from hal_mocks.desk import Desk, settings
from hal_mocks.power import Power

PACK = pack.load("cn", Path("none"))

BIGGEST = 999_999_999
QR = "10000001 2611231200 999999999 112300000002 015838 C07AF6AD"


def all_screens() -> list[Screen]:
    """One of each name, the worst case of each; every outcome word, every fault, every host code."""
    menus = [screens.menu(title, tuple(c.row(i.word) for i in page)) for c in consoles() for title, pages in
             all_menus(w.MENU, MAIN) for page in pages]  # fmt: skip
    holds = [screens.hold(t, 60) for t in PrinterTrouble]
    holds += [screens.hold(t, 60, may_copy=False) for t in PrinterTrouble]
    troubles = [screens.printer_trouble(t) for t in PrinterTrouble]
    refusals = [w.NO_COMMON_APP, w.CARD_BLOCKED,  w.CARD_BROKEN, w.CARD_PULLED, w.READER_LOST, w.OTHER_CARD,
                w.NOT_FOUND, w.ALREADY_VOIDED, w.OTHER_BATCH, w.STILL_OWED, w.KEYS_MISSING,
                w.KEYPAD_LOST, w.CLOCK_UNTRUSTED, w.RELEASE_FIRST, w.TIMED_OUT, w.NOT_CHARGED, w.PAPER_OUT,
                w.CARD_PROTOCOL, w.CARD_MUTE, w.OFFLINE]  # fmt: skip
    outcomes = [("reversed", w.SALE, w.REVERSED_SALE), ("reversed", w.VOID, w.REVERSED_VOID),
                ("reversal_pending", w.SALE, w.REVERSAL_PENDING), ("stuck", w.VOID, w.STUCK),
                ("never_sent", w.SALE, w.NEVER_SENT), ("unknown", w.SALE, w.RESULT_UNKNOWN),
                ("signed_on", w.SIGN_ON, w.SIGNED_ON), ("echo", w.ECHO, w.ECHO_OK),
                ("queue_empty", w.QUEUE, w.NOTHING_OWED)]  # fmt: skip
    codes = [screens.declined(BIGGEST, code) for code in [*w.HOST_CODES, "", "ZZ"]]
    return [
        screens.idle(0, 0, True, "11-23 12:00"), screens.idle(3, 0, True, "11-23 12:00"),
        screens.idle(0, 1, True, "11-23 12:00"), screens.idle(0, 0, False, "11-23 12:00"), *menus,
        screens.idle(0, 0, True, "11-23 12:00", w.READER_LOST), screens.idle(0, 0, True, "11-23 12:00", w.KEYPAD_LOST),
        screens.idle(0, 0, True, "11-23 12:00", w.PAPER_LOW), screens.idle(0, 0, False, "11-23 12:00", w.TAMPERED),
        screens.idle(0, 0, False, "11-23 12:00", w.NO_KEYS), screens.outcome("not_signed_on", w.NOT_SIGNED_ON, w.NO_KEYS),
        screens.updating(), screens.self_test(), screens.amount(BIGGEST), screens.amount(0, w.AMOUNT_ZERO),
        screens.amount(BIGGEST, w.AMOUNT_TOO_BIG.fill(cap=screens.money(BIGGEST))),
        screens.voucher(w.VOID, "000123"), screens.insert_card(w.VOID, BIGGEST), screens.reading(w.SALE, BIGGEST),
        screens.enter_pin(BIGGEST, 12), screens.enter_pin(BIGGEST, 12, w.PIN_WRONG.fill(left=12)),
        screens.enter_pin(BIGGEST, 0, w.PIN_LAST_TRY), screens.pin_on_reader(BIGGEST), screens.pin_on_reader(BIGGEST, w.PIN_LAST_TRY), screens.pin_result(w.PIN_OK, BIGGEST), screens.pin_result(w.PIN_BLOCKED, BIGGEST), screens.try_another(),
        screens.application("UNIONPAY PREPAID"), screens.application("UNIONPAY PREPAID", "620000*********0047"), *choices(), screens.asking(w.ECHO, BIGGEST), screens.reversing(12),
        screens.printing(BIGGEST, True), screens.printing(BIGGEST, False), screens.next_copy(w.HAND_OVER, BIGGEST),
        screens.next_copy(w.BOOKED, BIGGEST),
        screens.slip_complete(BIGGEST), screens.offer_copy(BIGGEST), screens.digital_copy(QR),
        screens.signature(BIGGEST), screens.approved(w.SALE, BIGGEST), screens.approved(w.VOID, BIGGEST),
        screens.remove_card(),
        screens.entry_view(w.VOID, BIGGEST, "000123", "11-23T12:00", w.REVERSED_VOID),
        screens.queue_item(BIGGEST, "000123", "365d 23:59", 9999, "23:59:59"), screens.fault(w.TRY_AGAIN), screens.fault(w.JOURNAL_BAD),
        screens.fault(w.JOURNAL_GONE),
        *withdrawal_screens(), *holds, *troubles, *[screens.refused(r) for r in refusals],
        *[screens.outcome(n, t, line, BIGGEST) for n, t, line in outcomes], *codes,
    ]  # fmt: skip


def choices() -> list[Screen]:
    """Four applications with the longest names."""
    rows = tuple(f"{n} UNIONPAY DEBIT {n}" for n in range(1, 5))
    return [Screen("choose_application", w.CHOOSE_APP, lines=rows, audience="customer")]


@dataclass
class FakeTerminal:
    """As much of a Terminal as a rule card asks."""

    console: Console


def all_menus(title, pages):
    """Every menu with its title, those inside others too."""
    yield title, pages
    for page in pages:
        for item in page:
            if item.pages:
                yield from all_menus(item.word, item.pages)


def consoles() -> list[Console]:
    return [Console(Desk().devices(Power()), settings().times, language) for language in ("zh", "en")]


def picked(name: str, title, rows) -> list[Screen]:
    """A choice as the console lays it out, four a page, in both languages."""
    found = []
    for console in consoles():
        for at in range(0, len(rows), 4):
            lines = tuple(f"{n} {console.row(r)}" for n, r in enumerate(rows[at : at + 4], 1))
            found.append(Screen(name, title, lines=lines))
    return found


def withdrawal_screens() -> list[Screen]:
    """What the withdrawals, bookings, the day and the cases show, each with its longest values."""
    refusals = [r.why for r in vars(rules).values() if isinstance(r, rules.Refusal)]
    refusals += [r.why for r in rules.OF_STATE.values()]
    others = [v for k, v in vars(w).items() if k.startswith("R_") and "{" not in v.zh]
    money = screens.money(BIGGEST)
    pan = "620000******0005"
    effects = [(word.fill(card="*0005", date="12-31"),) for word in (w.E_TODAY, w.E_DAYS, w.E_NO_MONEY, w.E_RELEASE, w.E_FEE,
               w.E_CASH, w.E_AMEND, w.E_PAY)]  # fmt: skip
    effects += [terms(kind, datetime(2026, 12, 31, 12)) for kind in PACK.booking]
    clock = Word("撤回 剩29d 23:59:59", "UNDO 29d 23:59:59")
    guides = [screens.step(Word(f"{code} {w.DO_THIS.zh}", f"{code} {w.DO_THIS.en}"), n, len(steps), what, 60)
              for code, steps in w.FIX_STEPS.items() for n, what in enumerate(steps, 1)]  # fmt: skip
    done = [screens.done(name, what, title, BIGGEST) for name, what, title in (
        ("voided", w.VOIDED, w.VOID), ("refunded", w.REFUNDED, w.REFUND), ("booked", w.BOOKED, w.BOOKING),
        ("booking_released", w.BOOKING_RELEASED, w.BOOKING_VOID), ("completed", w.COMPLETED, w.COMPLETION),
        ("completion_voided", w.COMPLETION_VOIDED, w.COMPLETION_VOID), ("amended", w.AMENDED, w.INCREMENT),
        ("cash_back", w.CASH_BACK, w.CASH_REFUND), ("reprinted", w.REPRINT, w.COMPLETION_VOID), ("training", w.R_TRAINING, w.SALE))]  # fmt: skip
    results = [screens.outcome("unknown", w.REFUND, w.REFUND_UNKNOWN, BIGGEST),
               screens.outcome("order_cancelled", w.WITHDRAW, w.ORDER_CANCELLED, 0),
               *[screens.outcome("settled", w.SETTLED, word) for word in (w.BALANCED, w.NOT_BALANCED)],
               *[screens.outcome("result", w.OFFLINE_SALE, word, BIGGEST) for word in (w.UPLOAD_WAITS, w.UPLOADED,
                 w.UPLOAD_REFUSED, w.NEVER_UPLOADED, w.CLOSED_BY_HAND, w.DONE_AT_BANK, w.FAILED_AT_BANK,
                 w.REVERSED_BOOKING, w.REVERSED_COMPLETION, w.REVERSED_OTHER)],
               *[screens.outcome("saved", title, w.SAVED) for title in (w.FIRST_START, w.OPERATOR_ON, w.CHANGE_PASSWORD)]]  # fmt: skip
    results += [screens.truth(BIGGEST), screens.card_inside(w.BOOKING, BIGGEST),
                *[screens.outcome("result", w.SALE, word, BIGGEST) for word in (
                    w.UNPROVEN, w.MAY_STAND, w.MISMATCH, w.CLOSED_STANDS, w.CLOSED_NOTHING)],
                screens.refused(w.R_NOT_AGREED), screens.refused(w.R_OTHER_TERMINAL),
                screens.part_amount(w.COMPLETION, BIGGEST, BIGGEST, w.R_OVER_CAP.fill(most=screens.money(BIGGEST)))]  # fmt: skip
    retried = [replace(s, keys=w.K_RETRY) for s in (screens.declined(BIGGEST, "51"), results[0])]
    choices = [picked(*c) for c in (
        ("options", clock, [*w.ACTIONS.values(), w.WHY_NOT]), ("reason", w.REASON, list(w.GROUNDS.values())),
        ("reason_detail", w.REASON, list(w.CUSTOMER_GROUNDS.values())), ("find_by", w.WITHDRAW, list(_WAYS.values())),
        ("booking_class", w.B_CLASS, [b.word for b in PACK.booking]), ("channel", w.Q_CONTACT, list(w.CHANNELS.values())),
        ("contact_result", w.Q_CONTACT, list(w.RESULTS.values())), ("case_do", w.CASES, [w.CASE_AGAIN, w.CASE_STANDS, w.CASE_NOTHING]),
        ("amend_what", w.B_AMEND, [w.B_AMEND_AMOUNT, w.B_AMEND_DATE]))]  # fmt: skip
    questions = [screens.question("ask", title, line, fen) for title, line, fen in (
        (w.SETTLE, w.SETTLE_ASK, BIGGEST), (w.OTHER_CARD, w.OTHER_CARD_ASK, -1), (w.P_CONTACT, w.P_HELP, -1),
        (w.OFFLINE_SALE, w.FINAL_ASK, BIGGEST), (w.OFFLINE_SALE, w.OFFLINE_ASK, BIGGEST), (w.CASES, w.SHALL_RETRY, BIGGEST),
        (w.FORCED, w.FORCED_PART, -1), (w.TRAINING, w.INSERT_CARD, BIGGEST))]  # fmt: skip
    views = [screens.both_views(Word("本机/银行 000123", "HERE/BANK 000123"), c.own(w.REVERSED_COMPLETION), c.own(bank),
                                c.own(agree), True)
             for c in consoles() for bank in (w.CASE_BOOKED, w.CASE_ADJUSTED, w.CASE_NO_VIEW)
             for agree in (w.CASE_DIFFERS, w.CASE_AGREES)]  # fmt: skip
    lists = [screens.rows(name, title, lines) for name, title, lines in (
        ("x_report", w.X_REPORT, tuple(f"{n}999 9,999,999.99" for n in ("消费", "撤回", "现金", "未完"))),
        ("overdue", w.Q_OVERDUE, ("R000123 000123", w.STATUS["adjusted"].beside(), "2026-12-31 9,999,999.99")),
        ("progress", w.Q_PROGRESS, ("000123 9,999,999.99", w.STATUS["pending"].beside(), "预计 2026-12-31", "查询 12-31T23:59")),
        ("request", w.Q_OPEN, ("R000123 000123", w.STATUS["adjusted"], "12-31 23:59")),
        ("liable", w.Q_LIABLE, ("退货 REFUND 000123 x",) * 3))]  # fmt: skip
    digits = [screens.digits("digits", title, "1" * size, size, prompt) for title, size, prompt in (
        (w.WITHDRAW, 12, w.TYPE_RRN), (w.COMPLETION, 4, w.TYPE_DATE), (w.WITHDRAW, 10, w.TYPE_ORDER),
        (w.WITHDRAW, 4, w.TYPE_LAST4), (w.Q_REOPEN, 6, w.TYPE_FORM), (w.CASE_CLOSE, 12, w.TYPE_CASE),
        (w.Q_CONTACT, 13, w.TYPE_PHONE), (w.GRANT, 2, w.TYPE_OPERATOR), (w.BOOKING, 4, w.B_SERVICE),
        (w.B_AMEND, 9, w.B_NEW_AMOUNT), (w.Q_FOLLOW, 2, w.FOLLOW_DAYS), (w.Q_FOLLOW, 8, w.COMPENSATION),
        (w.WITHDRAW, 4, w.TYPE_TIME))]  # fmt: skip
    return [
        *[screens.withdraw_card(w.WITHDRAW, BIGGEST, "000123", pan, c.own(w.WITHDRAW_CARD), True) for c in consoles()], screens.find(w.WITHDRAW, "000123"),
        screens.find(w.COMPLETION, ""), *digits, screens.part_amount(w.A_REFUND, BIGGEST, BIGGEST),
        screens.part_amount(w.A_REFUND, BIGGEST, BIGGEST, w.R_OVER_LEFT.fill(most=money)),
        *[screens.why_not(w.ACTIONS["refund"], why, "W99") for why in refusals],
        *[screens.refused(why) for why in [*refusals, *others]], screens.refused(w.R_LOCKED.fill(seconds=3600)),
        *[screens.confirm(w.CONFIRM, BIGGEST, pan, name.zh, BIGGEST) for name in [*banks.BINS.values(), w.UNKNOWN_ISSUER]],
        *[screens.consent(w.CONSENT, BIGGEST, e) for e in effects], screens.consent_more((w.E_LIABLE,)),
        screens.password(w.SECOND_GRANT, 6), screens.new_password(w.SET_SUPERVISOR, 6, w.REPEAT_PASSWORD),
        screens.balance(BIGGEST), *guides, *done, *results, *retried, *[s for c in choices for s in c], *questions, *views,
        *lists, *[rule_card.card(FakeTerminal(c), r) for c in consoles() for r in PACK.rule],
        *[screens.idle(0, 0, True, "11-23 12:00", word) for word in (w.OVERDUE_ALERT, w.REFUND_NEWS, w.R_JOURNAL_FULL)],
        screens.amount(BIGGEST, None, w.CASH), screens.insert_card(w.INCREMENT, BIGGEST),
        *[screens.asking(title, BIGGEST) for title in receipts.TITLES.values()],
    ]  # fmt: skip
