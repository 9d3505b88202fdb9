"""Tell a person what became of an entry: screen, sound, slip. What is told is already durable."""

from __future__ import annotations

from firmware import log, receipts
from firmware import words as w
from firmware.errors import PrinterFault, PrinterTrouble
from firmware.hal.printer import Job, Line, Proof
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import State
from firmware.receipts import Slip
from firmware.terminal import Terminal
from firmware.ui import screens

NAMES = {
    State.REVERSED: "reversed",
    State.OWED: "reversal_pending",
    State.STUCK: "stuck",
    State.NEVER_SENT: "never_sent",
    State.CANCELLED: "cancelled",
}
WITH_NOTICE = frozenset({State.REVERSED, State.OWED, State.STUCK})


def screen(entry: Entry) -> Screen:
    """The screen for an entry's present state."""
    title, line = receipts.title(entry), receipts.outcome(entry)
    if entry.state is State.DECLINED:
        return screens.declined(entry.amount, entry.code)
    if entry.state is State.RELEASED:
        return screens.approved(title, entry.amount)
    return screens.outcome(NAMES.get(entry.state, "unknown"), title, line, entry.amount)


def tell(t: Terminal, entry: Entry) -> None:
    """Screen and sound; a notice on paper where money was or is to be taken back."""
    entry = t.journal.get(entry.id)
    if entry.state in WITH_NOTICE:
        notice(t, entry)
    good = entry.state is State.RELEASED
    t.console.tell(screen(entry), Sound.SUCCESS if good else Sound.ERROR)


def notice(t: Terminal, entry: Entry) -> PrinterTrouble | None:
    """冲正通知, or 故障单 once the bank has refused. A printer in trouble stops nothing: the menu prints it again."""
    if entry.state is State.STUCK:
        slip = receipts.fault_slip(entry, t.config.merchant, w.STUCK)
    else:
        slip = receipts.reversal_notice(entry, t.config.merchant, t.ledger.origin(entry))
    return print_job(t, entry, "notice", slip.body, cut=True)


def print_slip(t: Terminal, entry: Entry, name: str, slip: Slip) -> PrinterTrouble | None:
    """A copy whose money is already safe: body, proof, last block, proof."""
    return print_job(t, entry, name, slip.body, cut=False) or print_job(t, entry, name, slip.last, cut=True)


def print_job(t: Terminal, entry: Entry, name: str, lines: tuple[Line, ...], cut: bool) -> PrinterTrouble | None:
    """As put_on_paper, for those who only ask whether something is wrong."""
    result = put_on_paper(t, entry, name, lines, cut)
    return result if isinstance(result, PrinterTrouble) else None


def put_on_paper(t: Terminal, entry: Entry, name: str, lines: tuple[Line, ...], cut: bool) -> Proof | PrinterTrouble:
    """Print under an id that is never used again: how sure the printer is, or what is wrong."""
    prints = t.journal.note(entry, prints=t.journal.get(entry.id).prints + 1).prints
    try:
        return t.devices.printer.print(Job(f"{entry.id}.{prints}.{name}", lines, cut))
    except PrinterFault as broken:
        log.event("print failed", entry=entry.id, trouble=broken.trouble.value)
        return broken.trouble
