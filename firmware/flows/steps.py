"""What several acts share: being ready, reading a card, verifying its holder, its last word, an entry by voucher."""

from __future__ import annotations

from collections.abc import Callable

from firmware import log
from firmware import words as w
from firmware.emv import cryptogram, kernel, offline_pin, scripts, selection, tags
from firmware.emv.chip import Chip, Cryptogram, PublicKey
from firmware.emv.cvm import CvmList, Why, passed_by
from firmware.emv.offline_pin import Verdict
from firmware.emv.selection import Candidate, NotTaken
from firmware.emv.settings import ENCIPHERED, OFFLINE_PINS, PINS, Method, without_offline_pin
from firmware.emv.trace import Traced
from firmware.errors import Cancelled, CardError, CardUnsupported, IdleTimeout, KeyProblem, Refused
from firmware.faults import network, tamper
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
from firmware.ui.console import YES_NO
from firmware.ui.pin_entry import read_pin
from firmware.words import Word

_QUIET_S = 1.5


def ready(t: Terminal, online: bool = True) -> None:
    """Somebody signed on, nothing open (rule 9) or owed, no settlement half done, room in the batch, a clock to be
    trusted, paper in; and, unless it stays here, signed on with the host. Raises Refused with what to do."""
    if no_keys := tamper.closed(t):
        raise Refused(no_keys)
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


def quiet_gate(t: Terminal, title: Word, amount: int) -> None:
    """A card in the slot before the amount stands would be charged by its last key, whatever those keys meant. It takes
    one more green, after a while without any key: blind typing never passes. Raises Cancelled, IdleTimeout."""
    if t.devices.reader.present():
        t.console.quiet_green(screens.card_inside(title, amount), _QUIET_S)


def ask_amount(t: Terminal, title: Word = w.SALE, rules: Callable[[], None] | None = None, typed: str = "") -> int:
    """Fen, 1 … the configured limit, filling from the right; the menu key shows the `rules` of this way to pay (S17);
    `typed` was typed already. Raises Cancelled, IdleTimeout."""
    cap = t.config.limits.sale_max

    def check(typed: str) -> Screen | None:
        if not int(typed or 0):
            return screens.amount(0, w.AMOUNT_ZERO, title)
        if int(typed) > cap:
            return screens.amount(int(typed), w.AMOUNT_TOO_BIG.fill(cap=screens.money(cap)), title)
        return None

    return int(t.console.digits(lambda typed: screens.amount(int(typed or 0), None, title), 9, check, rules,
                                typed))  # fmt: skip


def ask_voucher(t: Terminal, title: Word) -> str:
    """Six digits, or '' for the last one. Raises Cancelled, IdleTimeout."""
    typed = t.console.digits(lambda d: screens.voucher(title, d), 6, lambda _: None)
    return typed.rjust(6, "0") if typed else ""


def begin(t: Terminal, card: Card, title: Word, amount: int, before: Entry | None = None) -> Chip:
    """Selection … restrictions; who holds the card chooses where there is a choice, and after an application that could
    not be used says whether another may take its place. `before` is the try that this one repeats: another account
    than that one's is confirmed too. Raises CardError, Cancelled, IdleTimeout."""
    t.console.show(screens.reading(title, amount))
    counter = int(t.journal.setting("stan", "0")) + 1
    found, dropped = selection.candidates(card, t.emv), False
    while found:
        asked = selection.choice_needed(found, dropped)
        chosen = choose_application(t, found) if asked else found[0]
        try:
            chip = kernel.begin(card, chosen, amount, t.emv, t.devices.clock.now(), t.devices.random, counter)
        except NotTaken as why:
            log.event("application not taken", why=str(why))
            found.remove(chosen)
            dropped = True
            if found:
                t.console.tell(screens.try_another(), Sound.ERROR)
            continue
        if isinstance(card, Traced):
            card.chip = chip
        if before and not asked and not (t.ledger.same_card(before, chip) and before.aid == chip.aid.hex().upper()):
            _confirm(t, chip.label, chip.pan.masked)
        return chip
    raise CardUnsupported(w.NO_COMMON_APP)


def choose_application(t: Terminal, found: list[Candidate]) -> Candidate:
    """The cardholder picks among several, or confirms the only one (EMV Book 1, §12.4)."""
    if len(found) == 1:
        _confirm(t, found[0].name)
        return found[0]
    if t.console.fresh():
        raise Cancelled
    chosen = found[t.console.pick("choose_application", w.CHOOSE_APP, [c.name for c in found], audience="customer")]
    t.console.show(screens.reading(w.CHOOSE_APP, 0))
    return chosen


def _confirm(t: Terminal, name: str, pan: str = "") -> None:
    """Only green takes this account; red, or nobody there, charges none. Raises Cancelled."""
    screen = screens.application(name, pan)
    if t.console.fresh() or not t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
        raise Cancelled
    t.console.show(screens.reading(w.CHOOSE_APP, 0))


def verify_cardholder(t: Terminal, chip: Chip, amount: int, card: Card | None = None) -> PinBlock | None:
    """The card's CVM list is walked: 9F34, TVR byte 3 and TSI say how it went, and action analysis weighs it. An
    encrypted block where the PIN goes to the issuer, else None. Without the card in the reader (`card` None) it cannot
    verify a PIN itself. Who has passed by once is not asked for a PIN again (EMV Book 4, §6.3.4.3).

    Raises Refused when keys are missing; Cancelled, IdleTimeout, DisplayLost, CardError.
    """
    if card is None:
        chip.settings = without_offline_pin(chip.settings)
    cvms, block = CvmList(chip), None
    while method := cvms.choose():
        if method in PINS and passed_by(chip):
            cvms.failed(Why.BYPASSED)
        elif method in OFFLINE_PINS and card:
            offline_pin_entry(t, card, chip, amount, cvms, method)
        elif method is Method.ONLINE_PIN:
            block = _online_pin(t, chip, amount, cvms)
        else:
            cvms.succeeded()
    return block


def _online_pin(t: Terminal, chip: Chip, amount: int, cvms: CvmList) -> PinBlock | None:
    """Raises Refused where keys are missing, or this card's issuer has called too many PINs wrong today."""
    if t.host.keys is None:
        raise Refused(w.KEYS_MISSING)
    if t.ledger.wrong_pins(chip, t.time.strict().date()) >= t.config.security.pin_tries:
        raise Refused(w.PIN_BLOCKED)
    with PinBuffer() as pin:
        if not read_pin(t.devices, pin, amount, t.config.times.pin_s, may_bypass=t.config.emv.pin_bypass):
            cvms.failed(Why.BYPASSED)
            return None
        chip.pin_asked = True
        cvms.succeeded()
        if t.config.security.pin_keys == "session":
            return encrypted_block(pin, chip.pan, t.host.keys.pik)
        try:
            once = t.once.take()  # the counter is durable before the key is used
        except KeyProblem:
            raise Refused(w.KEYS_MISSING) from None
        try:
            return encrypted_block(pin, chip.pan, once.key, once.ksn, t.devices.random.bytes(8))
        finally:
            once.key.wipe()


def offline_pin_entry(t: Terminal, card: Card, chip: Chip, amount: int, cvms: CvmList, method: Method) -> None:
    """The card verifies. A wrong PIN is asked for again while the card has tries, the last one announced (EMV Book 3,
    §10.5.1; Book 4, §6.3.4.1)."""
    key = offline_pin.key_for_pin(chip) if method in ENCIPHERED else None
    left = offline_pin.tries_left(card, chip)
    if method in ENCIPHERED and key is None:
        return cvms.failed(Why.WRONG)
    ask = _on_the_reader if key is None and card.pad() else _on_our_keys
    while left != 0:
        note = w.PIN_LAST_TRY if left == 1 else w.PIN_WRONG.fill(left=left) if chip.pin_asked and left else None
        said = ask(t, card, chip, amount, note, key)
        if isinstance(said, Why):
            return cvms.failed(said)
        if said.ok:
            t.console.show(screens.pin_result(w.PIN_OK, amount))
            return cvms.succeeded()
        left = said.left
        t.console.sound(Sound.ERROR)
    t.console.tell(screens.pin_result(w.PIN_BLOCKED, amount), Sound.ERROR)
    return cvms.failed(Why.TRY_LIMIT)


def _on_our_keys(t: Terminal, card: Card, chip: Chip, amount: int, note: Word | None, key: PublicKey | None
                 ) -> Verdict | Why:  # fmt: skip
    """One PIN typed here, to the card plain or under `key`. Raises Cancelled, IdleTimeout, DisplayLost, CardError."""
    with PinBuffer() as pin:
        if not read_pin(t.devices, pin, amount, t.config.times.pin_s, note, t.config.emv.pin_bypass):
            return Why.BYPASSED
        chip.pin_asked = True
        if key is None:
            return offline_pin.verify_plain(card, chip, pin)
        return offline_pin.verify_enciphered(card, chip, pin, key, t.devices.random) or Why.WRONG


def _on_the_reader(t: Terminal, card: Card, chip: Chip, amount: int, note: Word | None, _: PublicKey | None
                   ) -> Verdict | Why:  # fmt: skip
    """A reader with a pad of its own: the PIN never comes here. Raises Cancelled, IdleTimeout, CardError."""
    t.console.show(screens.pin_on_reader(amount, note))
    chip.pin_asked = True
    said = offline_pin.verify_on_pad(card, t.config.times.pin_s, t.devices.watchdog.feed)
    if isinstance(said, offline_pin.Pad):
        raise Cancelled if said is offline_pin.Pad.CANCELLED else IdleTimeout
    return said


def first_cryptogram(t: Terminal, card: Card, chip: Chip) -> Cryptogram:
    """For what is online or nothing: risk, action analysis, first GENERATE AC. Raises CardError."""
    return cryptogram.first(card, chip, t.devices.random, t.ledger.spent(chip))


def second_cryptogram(t: Terminal, card: Card, chip: Chip, answer: Answer | Silence) -> Cryptogram | None:
    """The card has the last word; None if it is gone or broken. After silence always Z3 and AAC: a TC beside an
    owed reversal would charge twice."""
    try:
        if isinstance(answer, Silence):
            return cryptogram.second(card, chip, cryptogram.ALONE_DECLINED, b"", approve=False)
        approve = answer.code in t.host.profile.success
        arc = "00" if approve else answer.code  # to the card a success is 00, whatever the bank has to look at again
        return cryptogram.second(card, chip, arc, answer.issuer_auth, approve, answer.scripts(tags.SCRIPT_BEFORE))
    except CardError as broken:
        log.event("no second cryptogram", why=type(broken).__name__)
        return None


def late_scripts(t: Terminal, card: Card, chip: Chip, answer: Answer | Silence, entry: Entry) -> Entry:
    """Scripts 72 come after everything is settled: a failure, also a card that is pulled, never undoes the sale."""
    if isinstance(answer, Silence) or not (late := answer.scripts(tags.SCRIPT_AFTER)):
        return entry
    try:
        scripts.run(card, chip, late, tags.SCRIPT_FAILED_AFTER)
    except CardError as broken:
        log.event("script not finished", why=type(broken).__name__)
        chip.scripts += scripts.NOT_PERFORMED
    return t.ledger.scripts_done(t.host, entry, chip)


def find(t: Terminal, voucher: str) -> Entry | None:
    """By voucher number, or the last entry of all for ''."""
    return t.journal.find(voucher) if voucher else t.journal.last()


def result(t: Terminal, screen: Screen, good: bool) -> None:
    t.console.tell(screen, Sound.SUCCESS if good else Sound.ERROR)
