"""离线消费: the bank cannot be reached and no byte has left. Inside the caps the card may approve by itself (EMV ARC
Y3); it is uploaded later, unchanged, until the bank says 00 or 94 (money rules 1 and 8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware import log
from firmware import words as w
from firmware.emv import cryptogram
from firmware.emv.chip import Chip
from firmware.errors import CardError
from firmware.hal.reader import Card
from firmware.host import messages
from firmware.ledger.entry import Entry
from firmware.ledger.facts import chip_facts
from firmware.ledger.lifecycle import Event, Kind
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO

_Y3 = "Y3"
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


def approve(t: Terminal, card: Card, chip: Chip, tried: Entry) -> Entry | None:
    """Asked first, with a word on what cannot be taken back; on disk before the card may give its TC (rule 1). None if
    nobody wants it."""
    final = tried.amount <= t.pack.offline_final
    question = w.FINAL_ASK if final else w.OFFLINE_ASK
    screen = screens.question("offline_ask", w.OFFLINE_SALE, question, tried.amount, "customer")
    if not t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
        return None
    facts = {name: getattr(tried, name) for name in _KEPT} | {"final": "yes" if final else ""}
    entry = t.journal.begin(Kind.OFFLINE_SALE, tried.amount, **facts)
    try:
        last = cryptogram.second(card, chip, _Y3, b"", approve=True)
    except CardError as broken:
        log.event("no second cryptogram", why=type(broken).__name__)
        return t.journal.move(entry, Event.SILENCE)
    if last.kind != "TC":
        return t.journal.move(entry, Event.DECLINE, why="card")
    f55 = messages.offline_f55(t.host.profile, chip)
    return t.journal.move(entry, Event.APPROVE, f55=f55, code=_Y3, **chip_facts(chip, last))
