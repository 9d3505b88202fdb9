"""No master key, no sale. Either the case was opened: the keys are gone already (ledger/session.py), people at the
counter get it on paper, and the support hears of it, once. Or none was loaded yet."""

from __future__ import annotations

from firmware import words as w
from firmware.faults import outcome
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.words import Word

_TOLD = "tamper_told"


def closed(t: Terminal) -> Word | None:
    """Why nothing is sold until two custodians were here."""
    if t.session.erased:
        return w.TAMPERED
    return w.NO_KEYS if t.ledger.keystore.blank else None


def tell(t: Terminal) -> None:
    """At rest. Told again only after keys were loaded and the case was opened anew."""
    found = t.journal.last_record("tamper")
    if not t.session.erased or found is None or t.journal.setting(_TOLD) == str(found["id"]):
        return
    t.journal.set(**{_TOLD: str(found["id"])})
    outcome.paper(t, "tamper", w.P_FAULT, [forms.text(w.TAMPERED)])
    t.notices.post(f"tamper.{found['id']}", kind="tamper", at=str(found["at"]))
