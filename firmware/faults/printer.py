"""Paper and money: hold the goods, prove the slip, or take the sale back (money rule 4).

body → fence → durable CLOSING → last block → fence → durable RELEASED → the glass lets the goods go.
Before CLOSING a timer may reverse; from CLOSING on only a person may say that the slip is not whole.
"""

from __future__ import annotations

from enum import Enum

from firmware import receipts
from firmware import words as w
from firmware.errors import PrinterTrouble
from firmware.faults import network, outcome
from firmware.hal.events import Key
from firmware.hal.printer import Proof
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.in_flight import CANNOT_COMPLETE
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.receipts import Slip
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal import deadlines

_REDRAW_S = 10.0
_STILL_TO_TELL = frozenset({State.OWED, State.CANCELLED, State.NEVER_UPLOAD})  # the rest was told when it ended
_PROOFS = frozenset({Proof.PRINTED, Proof.PROCESSED})


class Choice(Enum):
    """What the operator wants while the goods are held."""

    AGAIN = "again"
    COPY = "copy"
    TAKE_BACK = "take_back"
    WAIT = "wait"


_KEYS = {Key.ENTER: Choice.AGAIN, Key.D1: Choice.COPY, Key.CANCEL: Choice.TAKE_BACK}


def close(t: Terminal, entry: Entry) -> Entry:
    """From APPROVED to RELEASED or OWED, whatever the printer does. Returns the entry as it then is."""
    slip = _slip(t, entry, w.P_MERCHANT_COPY)
    trouble = _print_body(t, entry, slip)
    while trouble:
        choice = _hold(t, trouble, may_copy=entry.cvm != "signature")
        if choice is Choice.TAKE_BACK:
            return take_back(t, entry, Event.NOT_CURED)
        if choice is Choice.COPY and _digital_copy(t, entry):
            return t.journal.get(entry.id)
        if choice is Choice.AGAIN:
            trouble = _print_body(t, entry, slip)
    return _finish(t, entry, slip)


def _slip(t: Terminal, entry: Entry, which: w.Word, duplicate: bool = False) -> Slip:
    until = deadlines.on_slip(t.pack, entry, t.time.strict()) if not duplicate else ()
    return receipts.sale_slip(entry, t.config.merchant, which, t.journal.hash_of(entry), t.ledger.origin(entry),
                              duplicate, until, t.pack.pan_shown == "0+4")  # fmt: skip


def _print_body(t: Terminal, entry: Entry, slip: Slip) -> PrinterTrouble | None:
    t.console.show(screens.printing(entry.amount, hold=True))
    return outcome.print_job(t, entry, "body", slip.body, cut=False)


def _hold(t: Terminal, trouble: PrinterTrouble, may_copy: bool) -> Choice:
    """One instruction, a countdown, three keys (two where a signature needs paper). No answer: take it back."""
    keys = _KEYS if may_copy else {key: choice for key, choice in _KEYS.items() if choice is not Choice.COPY}
    until = t.devices.clock.monotonic_s() + t.config.times.hold_s
    t.console.sound(Sound.FAULT)
    while (left := until - t.devices.clock.monotonic_s()) > 0:
        screen = screens.hold(trouble, round(left), may_copy)
        choice = t.console.choose(screen, keys, min(left, _REDRAW_S), Choice.WAIT)
        if choice is not Choice.WAIT:
            return choice
    return Choice.TAKE_BACK


def _digital_copy(t: Terminal, entry: Entry) -> bool:
    """RELEASED is durable on the customer's green key before the QR is drawn (rule 5)."""
    if not t.console.choose(screens.offer_copy(entry.amount), YES_NO, t.config.times.prompt_s, False):
        return False
    chain = t.journal.hash_of(entry)
    entry = t.journal.move(entry, Event.COPY_ACCEPTED, copy="qr")
    text = receipts.digital_copy(entry, t.config.merchant, chain)
    t.console.choose(screens.digital_copy(text), {Key.ENTER: True}, t.config.times.prompt_s, True)
    return True


def _finish(t: Terminal, entry: Entry, slip: Slip) -> Entry:
    """The body is out as far as this printer can tell. From here on nothing is reversed by a timer or at boot; a
    printer without a fence leaves the last word to a person."""
    entry = t.journal.move(entry, Event.BODY_PROVED)
    if outcome.put_on_paper(t, entry, "last", slip.last, cut=True) in _PROOFS:
        return t.journal.move(entry, Event.SLIP_PROVED)
    return ask_slip(t, entry)


def ask_slip(t: Terminal, entry: Entry) -> Entry:
    """小票完整吗? stays until a person answers."""
    if t.console.insist(screens.slip_complete(entry.amount), YES_NO):
        return t.journal.move(entry, Event.SLIP_WHOLE)
    return take_back(t, entry, Event.SLIP_TORN)


def take_back(t: Terminal, entry: Entry, why: Event) -> Entry:
    """OWED is durable, then the reversal leaves at once, then it is told."""
    entry = t.journal.move(entry, why, reason=CANNOT_COMPLETE)
    network.settle_debts(t, t.console.cancel_pressed)
    entry = t.journal.get(entry.id)
    if entry.state in _STILL_TO_TELL:
        outcome.tell(t, entry)
    return entry


def second_copy(t: Terminal, entry: Entry) -> None:
    """The cardholder's copy: the sale is RELEASED, so paper trouble costs a reprint and no money."""
    if not t.console.choose(
        screens.next_copy(w.BOOKED if entry.kind is Kind.PREAUTH else w.HAND_OVER, entry.amount),
        YES_NO,
        t.config.times.prompt_s,
        True,
    ):
        return
    trouble = copy(t, entry, w.P_CARDHOLDER_COPY, "customer", duplicate=False)
    if trouble:
        t.console.tell(screens.printer_trouble(trouble), Sound.FAULT)


def copy(t: Terminal, entry: Entry, which: w.Word, name: str, duplicate: bool) -> PrinterTrouble | None:
    """One copy of a released entry."""
    t.console.show(screens.printing(entry.amount, hold=False))
    return outcome.print_slip(t, entry, name, _slip(t, entry, which, duplicate))
