"""Boot, idle, run a flow. Everything that goes wrong in a flow ends here, on a screen, with the money safe."""

from __future__ import annotations

import sqlite3
import traceback

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
from firmware.faults import crash, display, network
from firmware.flows import sale, sign_on, void
from firmware.hal.events import Key, KeyPressed
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import OPEN, Kind, State
from firmware.menu import Flow
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.words import Word

_BLIND_S = 5.0
_GONE = {"reader": w.READER_LOST, "keypad": w.KEYPAD_LOST}


def run(t: Terminal) -> None:
    """For ever. Raises only what a restart must cure: JournalError, sqlite3.Error, BaseException."""
    boot(t)
    while True:
        idle(t)


def boot(t: Terminal) -> None:
    """Parts, recovery, the first idle screen, then sign-on and debts; keys are heard after that."""
    t.devices.reader.start(t.devices.inbox.post)
    t.devices.keypad.start(t.devices.inbox.post)
    guarded(t, recover)
    guarded(t, show_idle)
    log.event("ready")
    guarded(t, sign_on.sign_on)


def recover(t: Terminal) -> None:
    """Finish what is open; a sale released only now still owes the customer's copy and the word to hand over."""
    for entry in crash.recover(t):
        if entry.state is State.RELEASED:
            sale.released(t, entry)
    held = unsigned(t)
    if held and held.signed:
        void.by_reference(t, held)
    elif held:
        sale.released(t, held)


def unsigned(t: Terminal) -> Entry | None:
    """A sale that is still held for its signature: nobody has compared it, or it did not match and no void followed."""
    last = t.journal.last(Kind.SALE)
    if last is None or last.state is not State.RELEASED or last.cvm != "signature" or last.signed == "yes":
        return None
    return None if last.signed and t.journal.children(last) else last


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
    show_idle(t)
    t.devices.signals.lamps(1, blink=True)
    event = t.console.wait(min(t.outbox.wait_s(), 60.0))
    if event == KeyPressed(Key.ENTER):
        run_flow(t, sale.sale)
    elif event == KeyPressed(Key.MENU):
        run_flow(t, open_menu)


def show_idle(t: Terminal) -> None:
    now = t.devices.clock.now().strftime("%m-%d %H:%M")
    gone = next((word for part, word in _GONE.items() if part in t.console.gone), None)
    gone = gone or (w.PAPER_LOW if t.console.paper_low else None)
    t.console.show(screens.idle(len(t.outbox.owed), len(t.outbox.stuck), t.session.signed_on, now, gone))


def open_menu(t: Terminal) -> None:
    """Pages of up to four. Raises Cancelled, IdleTimeout."""
    page = 0
    while True:
        items = menu.MAIN[page]
        t.console.show(screens.menu(w.MENU, tuple(item.word for item in items)))
        key = t.console.ask_key()
        if key in (Key.DOWN, Key.UP, Key.MENU):
            page = (page + (-1 if key is Key.UP else 1)) % len(menu.MAIN)
        elif key.digit and 1 <= int(key.digit) <= len(items):
            return items[int(key.digit) - 1].flow(t)


def run_flow(t: Terminal, flow: Flow) -> None:
    """One act, then whatever it left open, then the card goes back."""
    guarded(t, flow)
    guarded(t, recover)
    guarded(t, lambda t: t.console.card_out(screens.remove_card()))


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
