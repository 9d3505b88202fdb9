"""结算: uploads first, then the stored machine step by step to its slip; whatever cuts it, it goes on where it was."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import PrinterTrouble, Refused
from firmware.faults import network, outcome
from firmware.flows import reports, steps, void
from firmware.hal.printer import Line
from firmware.hal.signals import Sound
from firmware.ledger import settlement, totals
from firmware.ledger.journal import Record
from firmware.ledger.lifecycle import OPEN
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO


def settle(t: Terminal) -> None:
    """Refused while anything is open, owed, unknown or not uploaded (rule 10)."""
    row = t.settlement.running
    if row is None:
        nothing_open(t)
        now = totals.of(t.journal.of_batch(t.journal.batch))
        screen = screens.question("settle_ask", w.SETTLE, w.SETTLE_ASK, max(0, now.net))
        if not t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
            return
        row = t.settlement.begin(t.operator, t.pack.name)
    resume(t, row)


def nothing_open(t: Terminal) -> None:
    """Signed on, debts paid, uploads made. Raises Refused with what is in the way."""
    if t.journal.in_state(*OPEN):
        raise Refused(w.RELEASE_FIRST)
    network.settle_debts(t, t.console.cancel_pressed)
    if t.outbox.owed:
        raise Refused(w.STILL_OWED)
    if not t.session.signed_on:
        t.console.show(screens.asking(w.SIGN_ON, 0))
        if t.session.sign_on(t.console.cancel_pressed):
            raise Refused(w.KEYS_MISSING)
    t.console.show(screens.asking(w.SETTLE, 0))
    if not t.uploads.flush(t.console.cancel_pressed):
        raise Refused(w.R_WAITING)
    for entry in t.uploads.unknown:
        t.uploads.resolve(entry, t.console.cancel_pressed)
    if t.uploads.unknown:
        raise Refused(w.R_OPEN_MONEY)


def resume(t: Terminal, row: Record) -> None:
    """Step after step until paper; a step that the host does not answer ends it for now."""
    t.console.show(screens.asking(w.SETTLE, 0))
    while row["phase"] != "printing":
        after = t.settlement.step(row, t.console.cancel_pressed)
        if after == row:
            if row["phase"] == "totals":
                t.settlement.put_off(row)
            raise Refused(w.NEVER_SENT if row["phase"] == "totals" else w.R_SETTLE_FIRST)
        row = after
    _finish(t, row)


def _finish(t: Terminal, row: Record) -> None:
    """The slip, then the next batch. Paper trouble stops nothing: the menu prints it again."""
    again = row["prints"] > 0
    row = t.settlement.count_print(row)
    slip(t, row, again)
    balanced = settlement.balanced(row)
    if balanced:
        t.outbox.proved(row["batch"])
    else:
        t.notices.post(f"not balanced {row['batch']}", batch=row["batch"], mine=row["mine"], bank=row["host"])
    t.settlement.close(row)
    t.session.keep_time()
    word = w.BALANCED if balanced else w.NOT_BALANCED
    t.console.tell(screens.outcome("settled", w.SETTLED, word), Sound.SUCCESS if balanced else Sound.FAULT)


def slip(t: Terminal, row: Record, duplicate: bool) -> PrinterTrouble | None:
    """Recomputed from the entries and compared with what was frozen: a difference would be a defect of ours."""
    entries = t.journal.of_batch(row["batch"])
    mine, host = totals.of(entries), settlement.sums(row["host"])
    unsolved = [*reports.liabilities(t), *[("疑难 STUCK", e.voucher) for e in t.outbox.stuck],
                *[("待核实 VERIFY", e.voucher) for e in t.outbox.unproven],
                *[("未上送 NOT UPLOADED", e.voucher) for e in t.uploads.owed],
                *[("请银行确认 ASK BANK", e.voucher) for e in entries if e.code in t.host.profile.flawed],
                *[("签名不符 NOT VOIDED", e.voucher) for e in void.owed(t)]]  # fmt: skip
    blocks = forms.settlement(mine, host, settlement.balanced(row), row["batch"], row["rules"], unsolved)
    if duplicate:
        blocks.insert(0, [Line(w.P_DUPLICATE.beside(), centre=True)])
    return outcome.paper(t, "settlement", w.P_SETTLEMENT, blocks)


def reprint_last(t: Terminal) -> None:
    row = t.settlement.last
    if row is None:
        raise Refused(w.R_NOTHING_HERE)
    if slip(t, row, duplicate=True) is None:
        steps.result(t, screens.outcome("settled", w.LAST_SETTLEMENT, w.SETTLED), good=True)
