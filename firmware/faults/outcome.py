"""Tell a person what became of an entry: screen, sound, slip. What is told is already durable."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from firmware import log, money, receipts
from firmware import words as w
from firmware.errors import PrinterFault, PrinterTrouble
from firmware.hal.events import Key
from firmware.hal.printer import Job, Line, Proof
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import LET_GO, Kind, State
from firmware.receipts import Slip, forms
from firmware.terminal import Terminal
from firmware.ui import screens

NAMES = {
    State.REVERSED: "reversed",
    State.OWED: "reversal_pending",
    State.STUCK: "stuck",
    State.NEVER_SENT: "never_sent",
    State.CANCELLED: "cancelled",
    State.NEVER_UPLOAD: "never_uploaded",
    State.UPLOAD_OWED: "upload_waits",
    State.UPLOADED: "uploaded",
    State.UPLOAD_REFUSED: "upload_refused",
    State.DONE: "done_at_bank",
    State.FAILED: "failed_at_bank",
    State.MANUAL_CLOSED: "closed_by_hand",
}
WITH_NOTICE = frozenset(
    {State.REVERSED, State.OWED, State.STUCK, State.UNKNOWN, State.NEVER_UPLOAD, State.UPLOAD_REFUSED}
)
_DONE = {
    Kind.VOID: ("voided", w.VOIDED), Kind.REFUND: ("refunded", w.REFUNDED), Kind.PREAUTH: ("booked", w.BOOKED),
    Kind.PREAUTH_VOID: ("booking_released", w.BOOKING_RELEASED), Kind.COMPLETION: ("completed", w.COMPLETED),
    Kind.COMPLETION_VOID: ("completion_voided", w.COMPLETION_VOIDED), Kind.INCREMENT: ("amended", w.AMENDED),
    Kind.CASH_REFUND: ("cash_back", w.CASH_BACK),
}  # fmt: skip
_NOTHING = frozenset({State.NEVER_SENT, State.DECLINED, State.REVERSED})


def took_nothing(entry: Entry) -> bool:
    """Surely without effect: what may be tried again (rule 12)."""
    return entry.state in _NOTHING and not entry.unproven


def screen(entry: Entry) -> Screen:
    """The screen for an entry's present state."""
    title, line = receipts.title(entry), receipts.outcome(entry)
    if entry.state is State.DECLINED:
        return screens.declined(entry.amount, entry.code)
    if entry.state is State.RELEASED and entry.kind in _DONE:
        name, done = _DONE[entry.kind]
        return screens.done(name, done, title, entry.amount)
    if entry.state is State.RELEASED:
        return screens.approved(title, entry.amount)
    if entry.kind is Kind.OFFLINE_SALE and entry.state is State.UPLOAD_OWED:
        return screens.approved(w.OFFLINE_SALE, entry.amount)
    return screens.outcome(NAMES.get(entry.state, "unknown"), title, line, entry.amount)


def tell(t: Terminal, entry: Entry, may_retry: bool = False) -> Key | None:
    """Screen and sound; a notice on paper where money was or is to be taken back. The key that ended it, if any."""
    entry = t.journal.get(entry.id)
    if entry.state in WITH_NOTICE:
        notice(t, entry)
    if entry.state in _ALARMS:
        alert(t, entry)
    good = entry.state in LET_GO
    shown = screen(entry)
    again = may_retry and took_nothing(entry)
    shown = replace(shown, keys=w.K_RETRY) if again else shown
    return t.console.tell(shown, Sound.SUCCESS if good else Sound.ERROR, (Key.D1,) if again else ())


_ALARMS = frozenset({State.STUCK, State.UNKNOWN, State.UPLOAD_REFUSED})


def alert(t: Terminal, entry: Entry) -> None:
    """Support and cash register hear of what a person has to solve, once each; the customer gets it on paper (S75)."""
    t.notices.post(f"{entry.state.value}.{entry.id}", kind=entry.kind.value, voucher=entry.voucher, amount=entry.amount,
                   state=entry.state.value)  # fmt: skip


def paper(t: Terminal, name: str, title: w.Word, blocks: Sequence[Sequence[Line]], entry: Entry | None = None
          ) -> PrinterTrouble | None:  # fmt: skip
    """A paper that is no receipt. Trouble is told and stops nothing."""
    now = t.devices.clock.now()
    lines = forms.paper(t.config.merchant, title, now.isoformat(), blocks, t.pack.name)
    if entry:
        number = f"{entry.id}.{t.journal.note(entry, prints=t.journal.get(entry.id).prints + 1).prints}"
    else:
        number = f"p{now:%y%m%d%H%M%S}.{t.console.paper_number()}"
    try:
        t.console.show(screens.printing(entry.amount if entry else 0, hold=False))
        t.devices.printer.print(Job(f"{number}.{name}", lines, cut=True))
    except PrinterFault as broken:
        log.event("print failed", trouble=broken.trouble.value)
        t.console.tell(screens.printer_trouble(broken.trouble), Sound.FAULT)
        return broken.trouble
    return None


def customer_notice(t: Terminal, entry: Entry, duplicate: bool) -> PrinterTrouble | None:
    """通知单 for the customer: what happened, neutrally, and whom to call."""
    head = [Line(w.P_DUPLICATE.beside(), centre=True)] if duplicate else []
    rows = forms.pairs([("交易 TYPE", receipts.title(entry).beside()), ("凭证号 VOUCHER", entry.voucher),
                        ("金额 RMB", money.yuan(entry.amount)),
                        ("热线 HOTLINE", t.config.merchant.hotline or "--")])  # fmt: skip
    words = forms.text(
        _DONE[entry.kind][1] if entry.state is State.RELEASED and entry.kind in _DONE else receipts.outcome(entry)
    )
    return paper(t, "customer_notice", w.NOTIFY, [[*head, *rows], words, forms.text(w.P_HELP)], entry)


def notice(t: Terminal, entry: Entry) -> PrinterTrouble | None:
    """冲正通知, or 故障单 once the bank has refused. A printer in trouble stops nothing: the menu prints it again."""
    if entry.state is State.STUCK:
        slip = receipts.fault_slip(entry, t.config.merchant, receipts.outcome(entry))
    else:
        slip = receipts.reversal_notice(entry, t.config.merchant, t.ledger.origin(entry))
    return print_job(t, entry, "notice", slip.body, cut=True)


_KICKS = ("last", "merchant")  # with the shop's own slip, not again with the customer's
_DRAWER = frozenset({Kind.CASH, Kind.CASH_REFUND})  # the drawer opens with their slip


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
        return t.devices.printer.print(
            Job(f"{entry.id}.{prints}.{name}", lines, cut, kick=cut and name in _KICKS and entry.kind in _DRAWER)
        )
    except PrinterFault as broken:
        log.event("print failed", entry=entry.id, trouble=broken.trouble.value)
        return broken.trouble
