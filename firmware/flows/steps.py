"""What several acts share: being ready, reading a card, verifying its holder, its last word, an entry by voucher."""

from __future__ import annotations

from collections.abc import Callable

from firmware import log
from firmware import words as w
from firmware.emv import cryptogram, kernel
from firmware.emv.chip import Chip, Cryptogram
from firmware.emv.cvm import CvmList, Method
from firmware.errors import CardError, Refused
from firmware.faults import network
from firmware.hal.printer import TROUBLE_OF, PrinterState
from firmware.hal.reader import Card
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.host.answers import Answer, Silence
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import OPEN
from firmware.security.pin import PinBuffer, encrypted_block
from firmware.security.secrets import PinBlock
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.pin_entry import read_pin
from firmware.words import Word

_Z3 = "Z3"


def ready(t: Terminal, online: bool = True) -> None:
    """Somebody signed on, nothing open (rule 9) or owed, no settlement half done, room in the batch, a clock to be
    trusted, paper in; and, unless it stays here, signed on with the host. Raises Refused with what to do."""
    if t.config.operators.sign_on and not t.journal.setting("operator"):
        raise Refused(w.R_SIGN_ON_FIRST)
    if t.journal.in_state(*OPEN):
        raise Refused(w.RELEASE_FIRST)
    if t.settlement.running:
        raise Refused(w.R_SETTLE_FIRST)
    if t.journal.batch_size >= t.pack.journal_limit:
        raise Refused(w.R_JOURNAL_FULL)
    if not online:
        return paper_ready(t)
    network.nothing_owed(t)
    if not (t.session.signed_on and t.session.clock_trusted()):
        t.console.show(screens.asking(w.SIGN_ON, 0))
        if t.session.sign_on(t.console.cancel_pressed):
            raise Refused(w.KEYS_MISSING)
    if not t.session.clock_trusted():
        raise Refused(w.CLOCK_UNTRUSTED)
    return paper_ready(t)


def paper_ready(t: Terminal) -> None:
    """Asked before the card and once more before anything is sent: until then a bad printer costs nothing.

    Raises Refused with what to do. A suspected jam cannot be seen here: it shows when the fence is missing.
    """
    state = t.devices.printer.status()
    t.console.paper_low = state is PrinterState.PAPER_LOW
    trouble = TROUBLE_OF.get(state)
    if trouble:
        raise Refused(screens.HOW_TO_CURE[trouble])


def ask_amount(t: Terminal, title: Word = w.SALE, rules: Callable[[], None] | None = None) -> int:
    """Fen, 1 … the configured limit, filling from the right; the menu key shows the `rules` of this way to pay (S17).
    Raises Cancelled, IdleTimeout."""
    cap = t.config.limits.sale_max

    def check(typed: str) -> Screen | None:
        if not int(typed or 0):
            return screens.amount(0, w.AMOUNT_ZERO, title)
        if int(typed) > cap:
            return screens.amount(int(typed), w.AMOUNT_TOO_BIG.fill(cap=screens.money(cap)), title)
        return None

    return int(t.console.digits(lambda typed: screens.amount(int(typed or 0), None, title), 9, check, rules))


def ask_voucher(t: Terminal, title: Word) -> str:
    """Six digits, or '' for the last one. Raises Cancelled, IdleTimeout."""
    typed = t.console.digits(lambda d: screens.voucher(title, d), 6, lambda _: None)
    return typed.rjust(6, "0") if typed else ""


def begin(t: Terminal, card: Card, title: Word, amount: int) -> Chip:
    """Selection … restrictions. Raises CardError."""
    t.console.show(screens.reading(title, amount))
    counter = int(t.journal.setting("stan", "0")) + 1
    return kernel.begin(card, amount, t.emv, t.devices.clock.now(), t.devices.random, counter)


def verify_cardholder(t: Terminal, chip: Chip, amount: int) -> PinBlock | None:
    """The card's CVM list decides. Sets TVR byte 3 and 9F34. An encrypted PIN block, or None.

    Raises Refused when no method is left that this terminal has; Cancelled, IdleTimeout, DisplayLost.
    """
    cvms = CvmList(chip, amount)
    method = cvms.choose()
    if method is Method.NONE_LEFT:
        raise Refused(w.NOT_VERIFIED)
    if method is not Method.ONLINE_PIN:
        return None
    if t.host.keys is None:
        raise Refused(w.KEYS_MISSING)
    with PinBuffer() as pin:
        read_pin(t.devices, pin, amount, t.config.times.pin_s)
        chip.pin_asked = True
        cvms.pin_entered()
        return encrypted_block(pin, chip.pan, t.host.keys.pik)


def second_cryptogram(t: Terminal, card: Card, chip: Chip, answer: Answer | Silence) -> Cryptogram | None:
    """The card has the last word; None if it is gone or broken. After silence always Z3 and AAC: a TC beside an
    owed reversal would charge twice."""
    try:
        if isinstance(answer, Silence):
            return cryptogram.second(card, chip, _Z3, b"", approve=False)
        approve = answer.code in t.host.profile.success
        return cryptogram.second(card, chip, answer.code, answer.issuer_auth, approve)
    except CardError as broken:
        log.event("no second cryptogram", why=type(broken).__name__)
        return None


def find(t: Terminal, voucher: str) -> Entry | None:
    """By voucher number, or the last entry of all for ''."""
    return t.journal.find(voucher) if voucher else t.journal.last()


def result(t: Terminal, screen: Screen, good: bool) -> None:
    t.console.tell(screen, Sound.SUCCESS if good else Sound.ERROR)
