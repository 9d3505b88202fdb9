"""消费撤销: the whole of one sale of this batch, with the same card. Itself reversible; the sale then stands."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Refused
from firmware.faults import network, printer
from firmware.flows import steps
from firmware.hal.events import Key
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.in_flight import InFlight
from firmware.ledger.lifecycle import Kind, State
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal import void_rules


def void(t: Terminal) -> None:
    """Voucher → original shown → same card → host → slip."""
    steps.ready(t)
    original = _original(t)
    t.console.show(screens.confirm_void(original.amount, original.voucher, original.pan))
    while t.console.ask_key() is not Key.ENTER:
        pass
    with t.console.card(screens.insert_card(w.VOID, original.amount)) as card:
        chip = steps.begin(t, card, w.VOID, original.amount)
        if not t.ledger.same_card(original, chip):
            raise Refused(w.OTHER_CARD)
        t.console.show(screens.asking(w.VOID, original.amount))
        flight = t.ledger.in_flight(Kind.VOID, original.amount, t.host, chip, original=original,
                                    operator=t.config.merchant.operator)  # fmt: skip
        _ask(t, flight)
    _finish(t, flight.entry)


def by_reference(t: Terminal, original: Entry) -> None:
    """The signature did not match: undo the sale without the card."""
    t.console.show(screens.asking(w.VOID, original.amount))
    flight = t.ledger.void_by_reference(original, t.config.merchant.operator)
    _ask(t, flight)
    _finish(t, flight.entry)


def _original(t: Terminal) -> Entry:
    voucher = steps.ask_voucher(t, w.VOID)
    entry = t.journal.find(voucher) if voucher else t.journal.last_released(Kind.SALE)
    why = void_rules.refusal(entry, t.journal.children(entry) if entry else [], t.journal.batch)
    if why or entry is None:
        raise Refused(why or w.NOT_FOUND)
    return entry


def _ask(t: Terminal, flight: InFlight) -> None:
    with flight:
        answer = flight.ask(t.host, None, t.console.cancel_pressed)
        flight.settle(t.host, answer, None)


def _finish(t: Terminal, entry: Entry) -> None:
    """A void is never reversed for paper: the reprint is offered."""
    if entry.state is not State.RELEASED:
        return network.tell_and_settle(t, entry)
    for which, name in ((w.P_MERCHANT_COPY, "merchant"), (w.P_CARDHOLDER_COPY, "customer")):
        trouble = printer.copy(t, entry, which, name, duplicate=False)
        if trouble:
            t.console.tell(screens.printer_trouble(trouble), Sound.FAULT)
            break
    return t.console.tell(screens.voided(entry.amount), Sound.SUCCESS)
