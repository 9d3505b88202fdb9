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
    return Screen("idle", w.WELCOME, clock, (line,), w.FOOT_IDLE, alarm=bool(owed or stuck or gone))


def updating() -> Screen:
    """A new release is on trial; it sells once it is found good."""
    return Screen("updating", w.UPDATING, lines=(w.UPDATE_WAIT,))


def menu(title: Word, items: tuple[str, ...]) -> Screen:
    """Up to four items a page, chosen by digit."""
    return Screen("menu", title, lines=tuple(f"{n} {item}" for n, item in enumerate(items, 1)))


def amount(fen: int, problem: Word | None = None, title: Word = w.SALE) -> Screen:
    return Screen("amount", title, money(fen), (problem or w.TYPE_AMOUNT,), w.K_OK_CANCEL, alarm=problem is not None)


def balance(fen: int) -> Screen:
    return Screen("balance", w.BALANCE, money(fen), (w.BALANCE_IS,), w.K_OK, audience="customer")


def voucher(title: Word, digits: str) -> Screen:
    return Screen("voucher", title, digits.rjust(6, "_"), (w.TYPE_VOUCHER,), w.K_OK_CANCEL)


def insert_card(title: Word, fen: int) -> Screen:
    return Screen("insert_card", title, money(fen), (w.INSERT_CARD,), w.K_CANCEL)


def card_inside(title: Word, fen: int) -> Screen:
    """The quiet gate: a card was in the slot before the amount was confirmed."""
    return Screen("card_inside", title, money(fen), (w.CARD_INSIDE,), w.K_CHARGE, alarm=True)


def withdraw_card(title: Word, fen: int, stan: str, pan: str, prompt: str, absent: bool) -> Screen:
    """Which sale is meant, and whose card is wanted."""
    lines = (money(fen), f"{stan}  *{pan[-4:]}", prompt)
    return Screen("insert_card", title, lines=lines, keys=w.K_CARD_OR_NOT if absent else w.K_CANCEL)


def find(title: Word, digits: str, problem: Word | None = None) -> Screen:
    """A voucher number; green alone takes the last one, the menu key offers other ways."""
    return Screen("voucher", title, digits.rjust(6, "_"), (problem or w.FIND_VOUCHER,), w.K_FIND, alarm=bool(problem))


def digits(name: str, title: Word, typed: str, length: int, prompt: Word) -> Screen:
    return Screen(name, title, typed.rjust(length, "_")[-16:], (prompt,), w.K_OK_CANCEL)


def part_amount(title: Word, fen: int, most: int, problem: Word | None = None) -> Screen:
    line = problem or w.TYPE_PART.fill(most=money(most))
    return Screen("part_amount", title, money(fen), (line,), w.K_OK_CANCEL, alarm=bool(problem))


def why_not(title: Word, why: Word, code: str) -> Screen:
    """One thing that is not possible, and why. For the merchant."""
    return Screen("why_not", title, lines=(why, code), keys=w.K_OK)


def confirm(title: Word, fen: int, pan: str, issuer: str, left: int) -> Screen:
    """The account, its bank, what is left and the amount, all at once (S37)."""
    return Screen("confirm", title, money(fen), (pan or "--", f"{issuer} ≤{money(left)}"), w.K_OK_CANCEL)


def consent(title: Word, fen: int, effects: tuple[Word | str, ...]) -> Screen:
    """What will happen, for the customer's green key (S64)."""
    return Screen("consent", title, money(fen), effects, w.K_AGREE, audience="customer")


def consent_more(effects: tuple[Word | str, ...]) -> Screen:
    """The rest of it: what the shop answers for (S47)."""
    return Screen("consent_more", w.CONSENT, lines=effects, keys=w.K_AGREE, audience="customer")


def password(title: Word, stars: int) -> Screen:
    return Screen("password", title, "*" * stars + " " * (6 - stars), (w.TYPE_PASSWORD,), w.K_OK_CANCEL)


def question(name: str, title: Word, line: Word, fen: int = -1, audience: str = "merchant") -> Screen:
    """Yes or no."""
    big = money(fen) if fen >= 0 else ""
    return Screen(name, title, big, (line,), w.K_OK_NO, audience=audience)


def truth(fen: int) -> Screen:
    """Has the bank booked it? A case is closed with an answer or not at all."""
    return Screen("close_ask", w.CASES, money(fen), (w.CASE_TRUTH,), w.K_TRUTH)


def both_views(title: Word, here: str, bank: str, agree: str, alarm: bool) -> Screen:
    """The journal's word above the bank's, and whether they fit (S36, S59)."""
    return Screen("both_views", title, "", (here, bank, agree), w.K_OK, alarm=alarm)


def new_password(title: Word, stars: int, prompt: Word) -> Screen:
    return Screen("new_password", title, "*" * stars + " " * (6 - stars), (prompt,), w.K_OK_CANCEL)


def step(title: Word, number: int, of: int, what: Word, seconds: int) -> Screen:
    """One instruction of a guided fault at a time (S81)."""
    return Screen("step", title, f"{number}/{of}  {seconds}s", (what,), w.K_OK_CANCEL, alarm=True)


def rows(name: str, title: Word, lines: tuple[Word | str, ...], audience: str = "merchant") -> Screen:
    """A page of plain rows."""
    return Screen(name, title, lines=lines, keys=w.K_OK, audience=audience)


def reading(title: Word, fen: int) -> Screen:
    return Screen("reading", title, money(fen), (w.READING,))


def enter_pin(fen: int, stars: int, note: Word | None = None) -> Screen:
    """`note`: what is known of the tries, in place of the reminder that only test cards belong here."""
    lines = ("*" * stars + " " * (PIN_MAX - stars), note or w.PIN_DEMO.zh)
    return Screen("enter_pin", w.ENTER_PIN, money(fen), lines, w.K_OK_CANCEL, audience="customer")


def pin_on_reader(fen: int, note: Word | None = None) -> Screen:
    """The reader has a pad of its own."""
    return Screen("pin_on_reader", w.ENTER_PIN, money(fen), (note or w.PIN_ON_READER,), audience="customer")


def application(name: str, pan: str = "") -> Screen:
    """One application of the card that asks to be confirmed; with the card number where that is another than before."""
    return Screen("application", w.USE_THIS_APP, "", (name, pan) if pan else (name,), w.K_OK_NO, audience="customer")


def try_another() -> Screen:
    """The application that was chosen cannot be used; there is another."""
    return Screen("try_another", w.CHOOSE_APP, "", (w.TRY_ANOTHER,), w.K_OK, alarm=True, audience="customer")


def pin_result(word: Word, fen: int) -> Screen:
    return Screen("pin_result", w.ENTER_PIN, money(fen), (word,), alarm=word is w.PIN_BLOCKED, audience="customer")


def asking(title: Word, fen: int) -> Screen:
    return Screen("asking", title, money(fen) if fen else "", (w.ASKING_HOST,), w.K_CANCEL)


def reversing(count: int) -> Screen:
    return Screen("reversing", w.REVERSING, f"{count}", (w.REVERSAL_PENDING,), alarm=True)


def printing(fen: int, hold: bool) -> Screen:
    return Screen("printing", w.PRINTING, money(fen), (w.HOLD_GOODS,) if hold else (), alarm=hold)


def next_copy(title: Word, fen: int) -> Screen:
    return Screen("next_copy", title, money(fen), (w.NEXT_COPY,), w.K_OK_CANCEL)


def hold(trouble: PrinterTrouble, seconds: int, may_copy: bool = True) -> Screen:
    """Approved, no paper: one instruction, the time left, three ways on."""
    keys = w.K_HOLD if may_copy else w.K_HOLD_SIGN
    return Screen("hold", w.HOLD_GOODS, f"{seconds}s", (HOW_TO_CURE[trouble],), keys, alarm=True)


def slip_complete(fen: int) -> Screen:
    return Screen("slip_complete", w.SLIP_COMPLETE, money(fen), (w.LOOK_FOR_LAST,), w.K_OK_NO, alarm=True)


def offer_copy(fen: int) -> Screen:
    return Screen("offer_copy", w.OFFER_QR, money(fen), (w.HOLD_GOODS,), w.K_OK_NO, audience="customer")


def digital_copy(text: str) -> Screen:
    return Screen("digital_copy", w.SCAN_QR, lines=(w.HAND_OVER,), qr=text, audience="customer")


def signature(fen: int) -> Screen:
    return Screen("signature", w.SIGNATURE_OK, money(fen), (w.HOLD_GOODS,), w.K_OK_NO)


def approved(title: Word, fen: int) -> Screen:
    goods = title in (w.SALE, w.CASH, w.OFFLINE_SALE)
    return Screen("approved", w.APPROVED, money(fen), (w.HAND_OVER if goods else title,), w.K_OK)


def done(name: str, what: Word, title: Word, fen: int) -> Screen:
    """An act other than a sale that went well."""
    return Screen(name, what, money(fen), (title,), w.K_OK)


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
    return Screen("remove_card", w.CARD, lines=(w.REMOVE_CARD,), audience="customer")


def entry_view(title: Word, fen: int, stan: str, at: str, state: Word) -> Screen:
    named = Word(f"{title.zh} {stan}", f"{title.en} {stan}")
    return Screen("entry", named, money(fen), (state,), Word(at, at))


def queue_item(fen: int, stan: str, age: str, attempts: int, last: str) -> Screen:
    """One debt: which, how old, tries, last try."""
    return Screen("queue", w.QUEUE, money(fen), (f"{stan} {age}", f"x{attempts} {last or '--'}"), w.K_OK, alarm=True)


def printer_trouble(trouble: PrinterTrouble) -> Screen:
    lines = (HOW_TO_CURE[trouble], w.REPRINT_LATER.zh)
    return Screen("printer_trouble", w.PRINTER, lines=lines, keys=w.K_OK, alarm=True)
