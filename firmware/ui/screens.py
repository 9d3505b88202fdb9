"""Every screen, as a pure function of plain values. Names are stable: tests, films and logs speak them."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import PrinterTrouble
from firmware.hal.screen import Screen
from firmware.money import yuan
from firmware.words import Word

PIN_MAX = 12
HOW_TO_CURE = {
    PrinterTrouble.PAPER_OUT: w.PAPER_OUT,
    PrinterTrouble.COVER_OPEN: w.COVER_OPEN,
    PrinterTrouble.CUTTER: w.CUTTER,
    PrinterTrouble.HARDWARE: w.HARDWARE,
    PrinterTrouble.OVERHEAT: w.OVERHEAT,
    PrinterTrouble.OFFLINE: w.OFFLINE,
    PrinterTrouble.JAM_SUSPECTED: w.JAM,
    PrinterTrouble.NO_REPLY: w.NO_REPLY,
}


def money(fen: int) -> str:
    return f"￥{yuan(fen)}"


def idle(owed: int, stuck: int, signed_on: bool, clock: str, gone: Word | None = None) -> Screen:
    """At rest: what is wrong first, else welcome. `gone`: what a part wants (it does not answer, it needs
    paper soon)."""
    line = w.STUCK if stuck else w.REVERSAL_PENDING if owed else gone or (w.READY if signed_on else w.NOT_SIGNED_ON)
    return Screen("idle", w.WELCOME, clock, (line,), w.K_START, alarm=bool(owed or stuck or gone))


def menu(title: Word, items: tuple[Word, ...]) -> Screen:
    """Up to four items a page, chosen by digit."""
    return Screen("menu", title, lines=tuple(f"{n} {item.beside()}" for n, item in enumerate(items, 1)))


def amount(fen: int, problem: Word | None = None) -> Screen:
    return Screen("amount", w.SALE, money(fen), (problem or w.TYPE_AMOUNT,), w.K_OK_CANCEL, alarm=problem is not None)


def voucher(title: Word, digits: str) -> Screen:
    return Screen("voucher", title, digits.rjust(6, "_"), (w.TYPE_VOUCHER,), w.K_OK_CANCEL)


def insert_card(title: Word, fen: int) -> Screen:
    return Screen("insert_card", title, money(fen), (w.INSERT_CARD,), w.K_CANCEL)


def reading(title: Word, fen: int) -> Screen:
    return Screen("reading", title, money(fen), (w.READING,))


def enter_pin(fen: int, stars: int) -> Screen:
    return Screen(
        "enter_pin", w.ENTER_PIN, money(fen), ("*" * stars + " " * (PIN_MAX - stars), w.PIN_DEMO.zh), w.K_OK_CANCEL
    )


def asking(title: Word, fen: int) -> Screen:
    return Screen("asking", title, money(fen) if fen else "", (w.ASKING_HOST,), w.K_CANCEL)


def reversing(count: int) -> Screen:
    return Screen("reversing", w.REVERSING, f"{count}", (w.REVERSAL_PENDING,), alarm=True)


def printing(fen: int, hold: bool) -> Screen:
    return Screen("printing", w.PRINTING, money(fen), (w.HOLD_GOODS,) if hold else (), alarm=hold)


def next_copy(fen: int) -> Screen:
    return Screen("next_copy", w.HAND_OVER, money(fen), (w.NEXT_COPY,), w.K_OK_CANCEL)


def hold(trouble: PrinterTrouble, seconds: int, may_copy: bool = True) -> Screen:
    """Approved, no paper: one instruction, the time left, three ways on."""
    keys = w.K_HOLD if may_copy else w.K_HOLD_SIGN
    return Screen("hold", w.HOLD_GOODS, f"{seconds}s", (HOW_TO_CURE[trouble],), keys, alarm=True)


def slip_complete(fen: int) -> Screen:
    return Screen("slip_complete", w.SLIP_COMPLETE, money(fen), (w.LOOK_FOR_LAST,), w.K_OK_NO, alarm=True)


def offer_copy(fen: int) -> Screen:
    return Screen("offer_copy", w.OFFER_QR, money(fen), (w.HOLD_GOODS,), w.K_OK_NO)


def digital_copy(text: str) -> Screen:
    return Screen("digital_copy", w.SCAN_QR, lines=(w.HAND_OVER,), qr=text)


def signature(fen: int) -> Screen:
    return Screen("signature", w.SIGNATURE_OK, money(fen), (w.HOLD_GOODS,), w.K_OK_NO)


def approved(title: Word, fen: int) -> Screen:
    return Screen("approved", w.APPROVED, money(fen), (w.HAND_OVER if title is w.SALE else title,), w.K_OK)


def voided(fen: int) -> Screen:
    return Screen("voided", w.VOIDED, money(fen), (w.VOID,), w.K_OK)


def declined(fen: int, code: str) -> Screen:
    """For the merchant: the host's reason; no code where the card said no."""
    why = w.HOST_CODES.get(code, w.HOST_SAYS.fill(code=code)) if code else w.DECLINED_CARD
    return Screen("declined", w.DECLINED, money(fen), (why,), w.K_OK)


def outcome(name: str, title: Word, line: Word, fen: int = -1) -> Screen:
    """A result that is neither approval nor refusal: never sent, reversed, pending, stuck."""
    return Screen(name, title, money(fen) if fen >= 0 else "", (line,), w.K_OK)


def refused(why: Word) -> Screen:
    return Screen("refused", w.CANCELLED, lines=(why,), keys=w.K_OK)


def fault(why: Word, title: Word = w.PROGRAM_ERROR) -> Screen:
    return Screen("fault", title, lines=(why,), keys=w.K_OK, alarm=True)


def self_test() -> Screen:
    return Screen("self_test", w.SELF_TEST, "0123456789", (w.CAN_YOU_READ,), w.K_OK)


def remove_card() -> Screen:
    return Screen("remove_card", w.CARD, lines=(w.REMOVE_CARD,))


def confirm_void(fen: int, stan: str, pan: str) -> Screen:
    card = "*" + pan[-4:]
    return Screen("confirm_void", w.VOID, money(fen), (w.CONFIRM_VOID.fill(stan=stan, card=card),), w.K_OK_CANCEL)


def entry_view(title: Word, fen: int, stan: str, at: str, state: Word) -> Screen:
    named = Word(f"{title.zh} {stan}", f"{title.en} {stan}")
    return Screen("entry", named, money(fen), (state,), Word(at, at))


def queue_item(fen: int, stan: str, age: str, attempts: int, last: str) -> Screen:
    """One debt: which, how old, tries, last try."""
    return Screen("queue", w.QUEUE, money(fen), (f"{stan} {age}", f"x{attempts} {last or '--'}"), w.K_OK, alarm=True)


def printer_trouble(trouble: PrinterTrouble) -> Screen:
    lines = (HOW_TO_CURE[trouble], w.REPRINT_LATER.zh)
    return Screen("printer_trouble", w.PRINTER, lines=lines, keys=w.K_OK, alarm=True)
