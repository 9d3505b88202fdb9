"""参数下载: AIDs and CA keys from the acquirer, all of them or nothing. A supervisor's act."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Refused
from firmware.flows import grants, steps
from firmware.terminal import Terminal
from firmware.ui import screens


def download(t: Terminal) -> None:
    """Raises Refused with the reason; then the old parameters stand."""
    grants.grant(t, t.operator)
    t.console.show(screens.asking(w.PARAMETERS, 0))
    code = t.parameters.download(t.host, t.journal, t.console.cancel_pressed)
    if code:
        raise Refused({"NOLINE": w.NEVER_SENT, "BAD": w.PARAMETERS_BAD}.get(code, w.HOST_SAYS.fill(code=code)))
    c = t.parameters.catalogue
    t.journal.record("parameters", by=t.operator, aids=len(c.aids), keys=len(c.keys))
    text = w.PARAMETERS_IN.fill(aids=len(c.aids), keys=len(c.keys))
    steps.result(t, screens.outcome("parameters", w.PARAMETERS, text, 0), True)
