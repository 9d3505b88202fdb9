"""余额查询: the card's available balance, for the customer's eyes; no money moves and nothing is owed."""

from __future__ import annotations

from firmware import words as w
from firmware.emv.chip import Chip
from firmware.errors import HostError, NoAnswer, NotSent, Refused
from firmware.flows import steps
from firmware.hal.events import Key
from firmware.host import messages
from firmware.host.messages import Details
from firmware.terminal import Terminal
from firmware.ui import screens


def balance(t: Terminal) -> None:
    """Card → PIN if it asks → host → screen."""
    steps.ready(t)
    with t.console.card(screens.insert_card(w.BALANCE, 0)) as card:
        chip = steps.begin(t, card, w.BALANCE, 0)
        pin = steps.verify_cardholder(t, chip, 0, card)
        if steps.first_cryptogram(t, card, chip).declined:
            raise Refused(w.DECLINED_CARD)
        t.console.show(screens.asking(w.BALANCE, 0))
        request = messages.sale(t.host.profile, t.host.caller, _details(t, chip), chip, pin)
        try:
            reply = t.host.ask(request, t.console.cancel_pressed)
        except (NotSent, NoAnswer, HostError):
            raise Refused(w.NEVER_SENT) from None
    if reply.get(39) not in t.host.profile.success:
        raise Refused(w.HOST_CODES.get(reply.get(39), w.HOST_SAYS.fill(code=reply.get(39))))
    shown = screens.balance(available(reply.get(54)))
    t.console.choose(shown, {Key.ENTER: True, Key.CANCEL: True}, t.config.times.prompt_s, True)


def available(f54: str) -> int:
    """account 2, type 2, currency 3, sign C or D, amount 12 (host facts, 1.2). Raises Refused for another shape."""
    if len(f54) != 20 or f54[7] not in "CD" or not f54[8:].isdigit():
        raise Refused(w.HOST_CODES["30"])
    return int(f54[8:]) if f54[7] == "C" else 0


def _details(t: Terminal, chip: Chip) -> Details:
    entry_mode = "051" if chip.pin_asked else "052"
    return Details(
        "balance", 0, t.journal.next_stan(), t.journal.batch, entry_mode, chip.sequence, chip.pan, chip.expiry
    )
