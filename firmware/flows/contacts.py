"""The customer who is not here, or cannot be helped here: contact slip, contact log, follow-up (S11, S12, S30, S66)."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome
from firmware.flows import grants
from firmware.ledger.entry import Entry
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal.requests import Request


def offer_slip(t: Terminal, entry: Entry, request: Request) -> None:
    """客服联系单 with hotline and case number."""
    screen = screens.question("contact_slip", w.P_CONTACT, w.P_HELP)
    if t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
        print_slip(t, entry, request)


def print_slip(t: Terminal, entry: Entry, request: Request) -> None:
    blocks = forms.contact(t.config.merchant, entry, request.code)
    outcome.paper(t, "contact", w.P_CONTACT, blocks, entry)


def ask(t: Terminal, request: Request, must_agree: bool = True) -> None:
    """How was the customer reached, with what result; the number itself is kept apart and can be deleted.

    Raises Refused where the customer was not reached or did not agree."""
    channels, results = list(w.CHANNELS), list(w.RESULTS)
    channel = channels[t.console.pick("channel", w.Q_CONTACT, list(w.CHANNELS.values()))]
    result = results[t.console.pick("contact_result", w.Q_CONTACT, list(w.RESULTS.values()))]
    phone = grants.ask_digits(t, "phone", w.Q_CONTACT, 13, w.TYPE_PHONE)
    t.requests.contact(request, phone, channel, result)
    if must_agree and result != "agreed":
        raise Refused(w.R_NOT_AGREED, "W49")
