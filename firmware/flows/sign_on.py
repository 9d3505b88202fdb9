"""签到 and 回响测试."""

from __future__ import annotations

from firmware import words as w
from firmware.faults import network, outcome, tamper
from firmware.flows import steps
from firmware.terminal import Terminal
from firmware.ui import screens


def sign_on(t: Terminal) -> None:
    """New working keys; then what is stuck is tried again, then what is owed (rule 8)."""
    if no_keys := tamper.closed(t):
        return steps.result(t, screens.outcome("not_signed_on", w.NOT_SIGNED_ON, no_keys), good=False)
    t.console.show(screens.asking(w.SIGN_ON, 0))
    code = t.session.sign_on(t.console.cancel_pressed)
    if code:
        why = w.HOST_CODES.get(code, w.NEVER_SENT if code == "NOLINE" else w.HOST_SAYS.fill(code=code))
        return steps.result(t, screens.outcome("not_signed_on", w.NOT_SIGNED_ON, why), good=False)
    steps.result(t, screens.outcome("signed_on", w.SIGN_ON, w.SIGNED_ON), good=True)
    for entry in t.outbox.retry_stuck(t.console.cancel_pressed):
        outcome.tell(t, entry)
    network.settle_debts(t, t.console.cancel_pressed)
    return None


def echo(t: Terminal) -> None:
    """Is the bank there?"""
    t.console.show(screens.asking(w.ECHO, 0))
    good = t.session.echo(t.console.cancel_pressed)
    word = w.ECHO_OK if good else w.NEVER_SENT
    steps.result(t, screens.outcome("echo", w.ECHO, word), good)
