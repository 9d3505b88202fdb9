"""Every screen with its longest values, for the fit test and for looking at."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import PrinterTrouble
from firmware.hal.screen import Screen
from firmware.menu import MAIN
from firmware.ui import screens

BIGGEST = 999_999_999
QR = "10000001 2611231200 999999999 112300000002 015838 C07AF6AD"


def all_screens() -> list[Screen]:
    """One of each name, the worst case of each; every outcome word, every fault, every host code."""
    menus = [screens.menu(w.MENU, tuple(i.word for i in page)) for page in MAIN]
    holds = [screens.hold(t, 60) for t in PrinterTrouble]
    holds += [screens.hold(t, 60, may_copy=False) for t in PrinterTrouble]
    troubles = [screens.printer_trouble(t) for t in PrinterTrouble]
    refusals = [w.NO_COMMON_APP, w.NEEDS_CHOICE, w.CARD_BROKEN, w.CARD_PULLED, w.READER_LOST, w.OTHER_CARD,
                w.NOT_FOUND, w.NOT_VOIDABLE, w.ALREADY_VOIDED, w.OTHER_BATCH, w.STILL_OWED, w.KEYS_MISSING,
                w.NOT_VERIFIED, w.KEYPAD_LOST, w.CLOCK_UNTRUSTED, w.RELEASE_FIRST, w.TIMED_OUT, w.NOT_CHARGED, w.PAPER_OUT,
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
        screens.idle(0, 0, True, "11-23 12:00", w.PAPER_LOW),
        screens.self_test(), screens.amount(BIGGEST), screens.amount(0, w.AMOUNT_ZERO),
        screens.amount(BIGGEST, w.AMOUNT_TOO_BIG.fill(cap=screens.money(BIGGEST))),
        screens.voucher(w.VOID, "000123"), screens.insert_card(w.VOID, BIGGEST), screens.reading(w.SALE, BIGGEST),
        screens.enter_pin(BIGGEST, 12), screens.asking(w.ECHO, BIGGEST), screens.reversing(12),
        screens.printing(BIGGEST, True), screens.printing(BIGGEST, False), screens.next_copy(BIGGEST),
        screens.slip_complete(BIGGEST), screens.offer_copy(BIGGEST), screens.digital_copy(QR),
        screens.signature(BIGGEST), screens.approved(w.SALE, BIGGEST), screens.approved(w.VOID, BIGGEST),
        screens.voided(BIGGEST), screens.remove_card(), screens.confirm_void(BIGGEST, "000123", "620000******0005"),
        screens.entry_view(w.VOID, BIGGEST, "000123", "11-23T12:00", w.REVERSED_VOID),
        screens.queue_item(BIGGEST, "000123", "365d 23:59", 9999, "23:59:59"), screens.fault(w.TRY_AGAIN), screens.fault(w.JOURNAL_BAD),
        *holds, *troubles, *[screens.refused(r) for r in refusals],
        *[screens.outcome(n, t, line, BIGGEST) for n, t, line in outcomes], *codes,
    ]  # fmt: skip
