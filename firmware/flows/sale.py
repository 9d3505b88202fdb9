"""消费: one payment, amount to paper."""

from __future__ import annotations

from firmware import words as w
from firmware.emv import cryptogram
from firmware.faults import network, outcome, printer
from firmware.flows import steps, void
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO


def sale(t: Terminal) -> None:
    """Leave early by raising; app.run_flow puts it on the screen."""
    steps.ready(t)  # what we owe goes first
    amount = steps.ask_amount(t)
    with t.console.card(screens.insert_card(w.SALE, amount)) as card:  # powered down on every way out
        chip = steps.begin(t, card, w.SALE, amount)
        pin = steps.verify_cardholder(t, chip, amount)
        first = cryptogram.first(card, chip)
        if first.declined:
            entry = t.ledger.declined_by_card(amount, chip, first, t.config.merchant.operator)
            return outcome.tell(t, entry)
        steps.paper_ready(t)
        t.console.show(screens.asking(w.SALE, amount))
        flight = t.ledger.in_flight(Kind.SALE, amount, t.host, chip, first, operator=t.config.merchant.operator)
        with flight:  # on disk before the first byte leaves
            answer = flight.ask(t.host, pin, t.console.cancel_pressed)
            final = steps.second_cryptogram(t, card, chip, answer)  # the card has the last word
            flight.settle(t.host, answer, final)  # the only door that owes nothing
    return finish(t, flight.entry)


def finish(t: Terminal, entry: Entry) -> None:
    """Approved: hold goods → paper → released, or take it back. Else: tell, and send what is owed."""
    if entry.state is State.APPROVED:
        entry = printer.close(t, entry)
        if entry.state is State.RELEASED:
            released(t, entry)
    else:
        network.tell_and_settle(t, entry)


def released(t: Terminal, entry: Entry) -> None:
    """Paper is proved: signature first where the card wants one, then goods, then the customer's copy."""
    if not signature_holds(t, entry):
        return
    if not entry.copy:
        printer.second_copy(t, entry)
    outcome.tell(t, entry)


def signature_holds(t: Terminal, entry: Entry) -> bool:
    """A signature card stays held until the operator confirms; a mismatch is a linked void, never a reversal."""
    if entry.cvm != "signature" or entry.signed:
        return True
    matches = t.console.insist(screens.signature(entry.amount), YES_NO)
    t.journal.note(entry, signed="yes" if matches else "no")
    if not matches:
        void.by_reference(t, entry)
    return matches
