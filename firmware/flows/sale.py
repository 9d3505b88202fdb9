"""消费: one payment, amount to paper; with the bank out of reach, inside the caps, the same payment offline."""

from __future__ import annotations

from typing import Any

from firmware import words as w
from firmware.emv import cryptogram
from firmware.emv.action_analysis import Ask
from firmware.emv.chip import Chip, Cryptogram
from firmware.errors import Cancelled, IdleTimeout
from firmware.faults import network, outcome, printer
from firmware.flows import offline, rule_card, steps, void
from firmware.hal.events import Key
from firmware.hal.reader import Card
from firmware.host.answers import Answer, Silence
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import LET_GO, Kind, State
from firmware.security.secrets import PinBlock
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO


def sale(t: Terminal, typed: str = "") -> None:
    """`typed`: the digit that began it at rest. Leave early by raising; app.run_flow puts it on the screen."""
    steps.ready(t)  # what we owe goes first
    amount = steps.ask_amount(t, rules=lambda: rule_card.of_method(t, Kind.SALE, "chip"), typed=typed)
    steps.quiet_gate(t, w.SALE, amount)
    pay(t, amount)


def pay(t: Terminal, amount: int, order: str = "") -> None:
    """`order` is that of the sale that is tried again: a new entry, a new STAN, the same order number (rule 12)."""
    facts = {"operator": t.operator, "rules": t.pack.name, "disclosure": t.pack.disclosure, "order": order}
    try:
        entry = _at_the_card(t, amount, facts)
    except (Cancelled, IdleTimeout) as gone:  # before anything was sent (S7)
        t.journal.close_at_once(Kind.SALE, amount, State.CANCELLED, why=type(gone).__name__, **facts)
        raise
    finish(t, entry)


def _at_the_card(t: Terminal, amount: int, facts: dict[str, Any]) -> Entry:
    with t.console.card(screens.insert_card(w.SALE, amount)) as card:  # powered down on every way out
        tried = t.journal.with_fact("order", facts["order"]) if facts["order"] else []
        chip = steps.begin(t, card, w.SALE, amount, next((e for e in reversed(tried) if e.token), None))
        pin = steps.verify_cardholder(t, chip, amount, card)
        asked = cryptogram.decide(card, chip, t.devices.random, t.ledger.spent(chip))
        entry, first = offline.at_once(t, card, chip, amount, facts) if asked is Ask.TC else (None, None)
        if entry and not first:
            return entry
        first = first or cryptogram.first_online(card, chip, asked)
        if first.declined:
            return t.ledger.declined_by_card(Kind.SALE, amount, chip, first, **facts)
        steps.paper_ready(t)
        t.console.show(screens.asking(w.SALE, amount))
        entry = ask(t, Kind.SALE, amount, card, chip, first, pin, facts)
        if entry.state is State.NEVER_SENT and offline.allowed(t, amount, chip):
            entry = offline.approve(t, card, chip, entry) or entry
    return entry


def ask(t: Terminal, kind: Kind, amount: int, card: Card, chip: Chip, first: Cryptogram, pin: PinBlock | None,
        facts: dict[str, Any], original: Entry | None = None) -> Entry:  # fmt: skip
    """The way of every request with a cryptogram: on disk before the first byte, the card's last word, one door out."""
    flight = t.ledger.in_flight(kind, amount, t.host, chip, first, original, **facts)
    t.console.cancelled = False
    with flight:  # on disk before the first byte leaves
        answer = flight.ask(t.host, pin, t.console.cancel_pressed)
        final = _last_word(t, kind, amount, card, chip, answer)  # the card has the last word
        flight.settle(t.host, answer, final)  # the only door that owes nothing
    if pin and not isinstance(answer, Silence):
        t.ledger.pin_was(chip, answer.code == t.host.profile.wrong_pin, t.time.strict().date())
    return steps.late_scripts(t, card, chip, answer, flight.entry)  # script 72; a failure never undoes the sale


def _last_word(t: Terminal, kind: Kind, amount: int, card: Card, chip: Chip, answer: Answer | Silence
               ) -> Cryptogram | None:  # fmt: skip
    """A card that may still approve offline is not asked for its decline first."""
    alone = kind is Kind.SALE and isinstance(answer, Silence) and not answer.sent
    return None if alone and offline.allowed(t, amount, chip) else steps.second_cryptogram(t, card, chip, answer)


def finish(t: Terminal, entry: Entry) -> None:
    """Approved: hold goods → paper → released, or take it back. Else: tell, and send what is owed; a sale that surely
    took nothing may be tried again at once (S76, S83)."""
    if entry.state is State.APPROVED:
        entry = printer.close(t, entry)
        if entry.state in LET_GO:
            released(t, entry)
        return
    again = entry.kind is Kind.SALE and tries(t, entry) <= t.pack.retries
    key = network.tell_and_settle(t, entry, again)
    entry = t.journal.get(entry.id)
    if again and key is Key.D1 and outcome.took_nothing(entry):
        t.console.card_out(screens.remove_card())
        steps.ready(t)
        steps.quiet_gate(t, w.SALE, entry.amount)
        pay(t, entry.amount, entry.order)


def tries(t: Terminal, entry: Entry) -> int:
    """How many entries stand under this order number."""
    return len([e for e in t.journal.with_fact("order", entry.order) if e.kind is Kind.SALE])


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
    if matches:
        t.journal.note(entry, signed="yes")
    else:
        void.mismatched(t, entry)
    return matches
