"""强制撤回: for a legal or fraud reason, with a case number and two people. It ignores window and switch, never the
amount that is left nor the state of the money; it is reported (S77-S80)."""

from __future__ import annotations

from firmware import words as w
from firmware.flows import finding, grants, steps, withdraw
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal.rules import WITHDRAWALS


def force(t: Terminal) -> None:
    """Case number first, then as any withdrawal; whole by default, a part only on a written ground (S79)."""
    steps.ready(t)
    found = finding.find(t, w.FORCED)
    number = grants.case_number(t)
    partial = t.console.choose(screens.question("written_ground", w.FORCED, w.FORCED_PART), YES_NO,
                               t.config.times.prompt_s, False)  # fmt: skip
    ground = grants.ask_digits(t, "written_ground_number", w.FORCED, 12, w.TYPE_CASE) if partial else ""
    withdraw.run(t, found, WITHDRAWALS - {"cancel_order"}, forced=(number, ground))
