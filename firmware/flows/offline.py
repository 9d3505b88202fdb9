"""离线消费: the bank cannot be reached and no byte has left. Inside the caps the card may approve by itself (EMV ARC
Y3); it is uploaded later, unchanged, until the bank says 00 or 94 (money rules 1 and 8)."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from firmware import log
from firmware import words as w
from firmware.emv import cryptogram
from firmware.emv.action_analysis import Ask
from firmware.emv.chip import Chip, Cryptogram
from firmware.errors import CardError
from firmware.hal.reader import Card
from firmware.host import messages
from firmware.ledger.entry import Entry
from firmware.ledger.facts import chip_facts
from firmware.ledger.lifecycle import Event, Kind
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO

_KEPT = ("pan", "token", "card", "f22", "f23", "aid", "label", "order", "operator", "rules", "disclosure")


def possible(t: Terminal, amount: int) -> bool:
    """The merchant's switch, then the caps: one payment, all that waits, how many, how old (S16)."""
    pack, waiting = t.pack, t.uploads.owed
    if t.console.cancelled:  # the line was there; somebody pressed red
        return False
    if not t.config.withdraw.offline or not t.session.clock_trusted() or amount > pack.offline_single:
        return False
    if len(waiting) >= pack.offline_count or sum(e.amount for e in waiting) + amount > pack.offline_total:
        return False
    oldest = min((datetime.fromisoformat(e.at) for e in waiting), default=None)
    return oldest is None or t.time.strict() - oldest < timedelta(hours=pack.offline_hours)


def allowed(t: Terminal, amount: int, chip: Chip) -> bool:
    """The caps, then the default action codes of issuer and acquirer (EMV Book 3, §10.7)."""
    return possible(t, amount) and cryptogram.unable_to_go_online(chip) is Ask.TC


def at_once(t: Terminal, card: Card, chip: Chip, amount: int, facts: dict[str, Any]
            ) -> tuple[Entry | None, Cryptogram | None]:  # fmt: skip
    """Below the floor limit with nothing against it: the card is asked for a TC without the bank. On disk before the
    card may give it (rule 1). No entry where the caps or the people say no; an ARQC where the card wants its bank: then
    nothing has happened offline."""
    if not possible(t, amount) or not _agreed(t, amount):
        return None, None
    known = t.ledger.card_facts(chip, None) | facts | _final(t, amount)
    entry = t.journal.begin(Kind.OFFLINE_SALE, amount, **known)
    try:
        first = cryptogram.generate_first(card, chip, Ask.TC)
    except CardError as broken:
        log.event("no first cryptogram", why=type(broken).__name__)
        return t.journal.move(entry, Event.SILENCE), None
    if first.kind == "ARQC":
        return t.journal.move(entry, Event.SILENCE, why="to the bank"), cryptogram.checked(card, chip, first)
    return _settle(t, entry, chip, first, cryptogram.OFFLINE_APPROVED), None


def approve(t: Terminal, card: Card, chip: Chip, tried: Entry) -> Entry | None:
    """Asked first, with a word on what cannot be taken back; on disk before the card may give its TC (rule 1). None if
    nobody wants it."""
    if not _agreed(t, tried.amount):
        return None
    facts = {name: getattr(tried, name) for name in _KEPT} | _final(t, tried.amount)
    entry = t.journal.begin(Kind.OFFLINE_SALE, tried.amount, **facts)
    try:
        last = cryptogram.second(card, chip, cryptogram.ALONE_APPROVED, b"", approve=True)
    except CardError as broken:
        log.event("no second cryptogram", why=type(broken).__name__)
        return t.journal.move(entry, Event.SILENCE)
    return _settle(t, entry, chip, last, cryptogram.ALONE_APPROVED)


def _agreed(t: Terminal, amount: int) -> bool:
    question = w.FINAL_ASK if _is_final(t, amount) else w.OFFLINE_ASK
    screen = screens.question("offline_ask", w.OFFLINE_SALE, question, amount, "customer")
    return t.console.choose(screen, YES_NO, t.config.times.prompt_s, False)


def _is_final(t: Terminal, amount: int) -> bool:
    """So small that it cannot be taken back, which is told before."""
    return amount <= t.pack.offline_final


def _final(t: Terminal, amount: int) -> dict[str, str]:
    return {"final": "yes" if _is_final(t, amount) else ""}


def _settle(t: Terminal, entry: Entry, chip: Chip, last: Cryptogram, arc: str) -> Entry:
    if last.kind != "TC" or not last.proved:
        return t.journal.move(entry, Event.DECLINE, why="card")
    f55 = messages.offline_f55(t.host.profile, chip)
    return t.journal.move(entry, Event.APPROVE, f55=f55, code=arc, **chip_facts(chip, last))
