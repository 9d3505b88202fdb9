"""Boot, idle, run a flow. Everything that goes wrong in a flow ends here, on a screen, with the money safe."""

from __future__ import annotations

import sqlite3
import traceback
from datetime import timedelta

from firmware import log, menu
from firmware import words as w
from firmware.errors import (
    Cancelled,
    CardBroken,
    CardError,
    CardLost,
    CardUnsupported,
    DisplayLost,
    IdleTimeout,
    JournalError,
    KeypadLost,
    KeyProblem,
    ReaderLost,
    Refused,
)
from firmware.faults import crash, display, network, outcome, tamper
from firmware.flows import carry_out, day, register, reports, sale, sign_on, void, withdraw
from firmware.hal.events import CodeScanned, Event, Key, KeyPressed
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import LET_GO, OPEN, Kind, State
from firmware.menu import Flow
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal.requests import Status
from firmware.words import Word

_BLIND_S = 5.0
_GONE = {"reader": w.READER_LOST, "keypad": w.KEYPAD_LOST}


def run(t: Terminal) -> None:
    """Until it is asked to stop, then to the next safe point: at rest, or where nobody answers a question. Raises only
    what a restart must cure: JournalError, sqlite3.Error, BaseException."""
    _start_parts(t)
    _await_trial(t)
    if not t.console.stopping:
        boot(t)
    while not t.console.stopping:
        idle(t)
    log.event("stopped")


def boot(t: Terminal) -> None:
    """Recovery, the first idle screen, then sign-on and debts; keys are heard after that."""
    _remember_rules(t)
    if not t.journal.setting("stan"):
        t.ledger.draw_stan()
    _guard_keys(t)
    guarded(t, recover)
    guarded(t, show_idle)
    log.event("ready")
    guarded(t, sign_on.sign_on)
    guarded(t, lambda t: void.again(t, at_once=True))
    guarded(t, carry_out.tell_customer)
    t.console.rested()


def _start_parts(t: Terminal) -> None:
    t.devices.reader.start(t.devices.inbox.post)
    t.devices.keypad.start(t.devices.inbox.post)
    t.devices.outlet.start(t.devices.inbox.post)
    t.devices.safe.start(t.devices.inbox.post)


def _await_trial(t: Terminal) -> None:
    """A release that changed the journal's form writes nothing into it until it is found good: until then the old
    release and the copy from before can come back, and nothing is lost with them."""
    while t.devices.fleet.held() and not t.console.stopping:
        guarded(t, lambda t: t.console.show(screens.updating()))
        t.console.wait(1.0)


def _guard_keys(t: Terminal) -> None:
    """A case that stands open, or an erasure that a power cut left half done (SEC6)."""
    opened = t.devices.safe.open() and not t.session.erased
    half_done = t.session.erased and not (t.journal.setting("tampered") and t.ledger.keystore.erased)
    if opened or half_done:
        t.session.erase(t.devices.safe)


def _remember_rules(t: Terminal) -> None:
    """Another rule pack than last time is on record before anything is done under it (S24). So is a request that a
    power cut left behind: it is abandoned, its form reopens it (S65)."""
    if t.journal.setting("rules") != t.pack.name:
        t.journal.record("rules", before=t.journal.setting("rules"), now=t.pack.name, date=t.pack.date,
                         settings={"rules": t.pack.name})  # fmt: skip
    for request in t.requests.open():
        t.requests.move(request, Status.ABANDONED, step="power")


def recover(t: Terminal) -> None:
    """Finish what is open; a sale released only now still owes the customer's copy and the word to hand over."""
    for entry in crash.recover(t):
        if entry.state in LET_GO:
            sale.released(t, entry)
    if held := unsigned(t):
        sale.released(t, held)


def unsigned(t: Terminal) -> Entry | None:
    """A sale that is still held for its signature: nobody has compared it."""
    last = t.journal.last(Kind.SALE, Kind.PREAUTH, Kind.OFFLINE_SALE)
    waits = last is not None and last.state in LET_GO and last.cvm == "signature" and not last.signed
    return last if waits else None


def idle(t: Terminal) -> None:
    """One turn at rest: show, pay debts that are due, take one key."""
    try:
        _rest(t)
    except DisplayLost:
        display.lost(t)
        t.console.wait(_BLIND_S)


def _rest(t: Terminal) -> None:
    if t.journal.in_state(*OPEN) or unsigned(t):
        guarded(t, recover)
    if t.outbox.owed and t.outbox.wait_s() <= 0 and t.outbox.line_up(t.console.any_key_waiting):
        network.settle_debts(t, t.console.any_key_waiting)
    _look_after(t)
    t.pulse.beat(t.session.signed_on, t.host.last_word_s, t.console.gone)
    show_idle(t)
    t.devices.signals.lamps(1, blink=True)
    _take(t, t.console.at_rest(min(t.outbox.wait_s(), 60.0)))


def _look_after(t: Terminal) -> None:
    """What is owed besides reversals, who must hear of it, what is late. Gives way to a key."""
    if t.session.erased:
        guarded(t, tamper.tell)
    guarded(t, lambda t: t.outbox.courtesy(t.console.any_key_waiting))
    guarded(t, void.again)
    if t.outbox.scripts and not t.outbox.owed:
        t.outbox.flush(t.console.any_key_waiting)
    if t.uploads.due:
        for entry in t.uploads.turn(t.console.any_key_waiting):
            t.console.news = w.REFUND_NEWS if entry.posting else None
            t.console.sound(Sound.PROMPT)
            if entry.state is State.UPLOAD_REFUSED or entry.posting in ("adjusted", "rejected"):
                outcome.alert(t, entry)
    while t.console.asked:
        question = t.console.asked.pop(0)
        guarded(t, lambda t, question=question: register.answer(t, question))  # type: ignore[misc]
    if t.notices.waiting:
        t.notices.deliver()
    if t.console.hourly(t.time.strict()):
        t.requests.expire_contacts(t.time.strict() - timedelta(days=t.pack.retention_days))
        t.console.late = bool(reports.overdue_requests(t))
    t.journal.rest()


def _take(t: Terminal, event: Event | None) -> None:
    """One key, scan or question, and what it starts."""
    if isinstance(event, CodeScanned):
        return run_flow(t, lambda t: withdraw.by_scan(t, event.text))
    start = {
        KeyPressed(Key.ENTER): sale.sale,
        KeyPressed(Key.CLEAR): withdraw.withdraw,
        KeyPressed(Key.MENU): open_menu,
    }
    flow = start.get(event) if isinstance(event, KeyPressed) else None
    if isinstance(event, KeyPressed) and (digit := event.key.digit) and digit != "0":
        flow = lambda t: sale.sale(t, digit)  # noqa: E731  the amount, with this digit in it
    if flow:
        t.console.news = None
        run_flow(t, flow)
    elif isinstance(event, KeyPressed) and event.key is not Key.CANCEL:
        t.console.sound(Sound.ERROR)
    return None


def show_idle(t: Terminal) -> None:
    now = t.devices.clock.now().strftime("%m-%d %H:%M")
    gone = tamper.closed(t) or next((word for part, word in _GONE.items() if part in t.console.gone), None)
    full = t.journal.batch_size * 10 >= t.pack.journal_limit * 9
    gone = gone or (w.MISMATCH if void.owed(t) else None)
    gone = gone or (w.OVERDUE_ALERT if t.console.late else None) or t.console.news
    gone = gone or (w.R_JOURNAL_FULL if full else None) or (w.PAPER_LOW if t.console.paper_low else None)
    t.console.show(screens.idle(len(t.outbox.owed), len(t.outbox.stuck), t.session.signed_on, now, gone))


def open_menu(t: Terminal) -> None:
    """Pages of up to four, some with pages of their own. Raises Cancelled, IdleTimeout."""
    _open(t, w.MENU, menu.MAIN)


def _open(t: Terminal, title: Word, pages: menu.Pages) -> None:
    off, page = t.config.withdraw.off(), 0
    while True:
        items = [item for item in pages[page] if item.switch not in off]
        t.console.show(screens.menu(title, tuple(t.console.row(item.word) for item in items)))
        key = t.console.ask_key()
        if key in (Key.DOWN, Key.UP, Key.MENU):
            page = (page + (-1 if key is Key.UP else 1)) % len(pages)
        elif key.digit and 1 <= int(key.digit) <= len(items):
            item = items[int(key.digit) - 1]
            return item.flow(t) if item.flow else _open(t, item.word, item.pages)


def run_flow(t: Terminal, flow: Flow) -> None:
    """One act, then whatever it left open, then the card goes back."""
    t.pulse.beat(t.session.signed_on, t.host.last_word_s, t.console.gone, busy=True)
    guarded(t, lambda t: flow(t) if may_begin(t) else None)
    guarded(t, recover)
    guarded(t, carry_out.tell_customer)
    guarded(t, lambda t: t.console.card_out(screens.remove_card()))
    t.console.rested()


def may_begin(t: Terminal) -> bool:
    """Who is at the counter: passwords set, somebody signed on, not away for too long. Raises what asking raises."""
    if not t.config.operators.sign_on:
        return True
    if not t.operators.ready:
        day.first_start(t)
    if not t.journal.setting("operator"):
        day.operator_on(t)
    elif t.config.operators.idle_lock_s and t.console.rest_s() > t.config.operators.idle_lock_s:
        day.unlock(t)
    return True


def guarded(t: Terminal, flow: Flow) -> None:
    """Run; turn what it raises into a screen. A dead disk is not survivable and goes up."""
    try:
        try:
            flow(t)
        except (JournalError, sqlite3.Error, DisplayLost):
            raise
        except Exception as error:
            _explain(t, error)
    except DisplayLost:
        display.lost(t)


def _explain(t: Terminal, error: Exception) -> None:
    word = reason(error)
    if word is None:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        log.event("program error", why=type(error).__name__, code=f"{frame.name}:{frame.lineno}")
        t.console.tell(screens.fault(w.TRY_AGAIN), Sound.FAULT)
    else:
        t.console.tell(screens.refused(word), Sound.ERROR)


def reason(error: Exception) -> Word | None:
    """What the screen says; None for an error of our own."""
    if isinstance(error, Refused | CardUnsupported):
        return error.why  # type: ignore[no-any-return]
    table: dict[type[Exception], Word] = {
        Cancelled: w.NOT_CHARGED,
        IdleTimeout: w.TIMED_OUT,
        CardLost: w.CARD_PULLED,
        CardBroken: w.CARD_BROKEN,
        ReaderLost: w.READER_LOST,
        KeypadLost: w.KEYPAD_LOST,
        KeyProblem: w.KEYS_MISSING,
        CardError: w.CARD_BROKEN,
    }
    return next((word for kind, word in table.items() if isinstance(error, kind)), None)
