"""Each fault × where the act stands → what to do (S67). One table; recovery and lost glass read it, the tests play
each cell."""

from __future__ import annotations

from enum import Enum

from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import TABLES, Event, State


class Fault(Enum):
    """What lets us down."""

    PRINTER = "printer"
    NETWORK = "network"
    READER = "reader"
    KEYPAD = "keypad"
    DISPLAY = "display"
    CRASH = "crash"


class When(Enum):
    """Where the act stands."""

    BEFORE_CARD = "before_card"
    CARD_READ = "card_read"
    SENT = "sent"  # a sale, a booking, a void: what can be reversed
    REFUND_SENT = "refund_sent"
    APPROVED = "approved"  # no slip yet: the goods are held
    CLOSING = "closing"  # the last block is on its way
    RELEASED = "released"


class Policy(Enum):
    """What is done."""

    REFUSE = "refuse"  # nothing is begun
    CANCEL = "cancel"  # nothing was sent: it never happened
    REVERSE = "reverse"
    UNKNOWN = "unknown"  # never reversed: asked for until it is known
    HOLD = "hold"  # hold the goods: cure, digital copy, or take it back when the time is up
    ASK = "ask"  # only a person decides
    KEEP = "keep"  # the money stands; paper can be had again
    GO_ON = "go_on"  # this part is not needed here


_F, _W, _P = Fault, When, Policy
MATRIX: dict[Fault, dict[When, Policy]] = {
    _F.PRINTER: {_W.BEFORE_CARD: _P.REFUSE, _W.CARD_READ: _P.CANCEL, _W.SENT: _P.HOLD, _W.REFUND_SENT: _P.KEEP,
                 _W.APPROVED: _P.HOLD, _W.CLOSING: _P.ASK, _W.RELEASED: _P.KEEP},
    _F.NETWORK: {_W.BEFORE_CARD: _P.REFUSE, _W.CARD_READ: _P.CANCEL, _W.SENT: _P.REVERSE, _W.REFUND_SENT: _P.UNKNOWN,
                 _W.APPROVED: _P.GO_ON, _W.CLOSING: _P.GO_ON, _W.RELEASED: _P.GO_ON},
    _F.READER: {_W.BEFORE_CARD: _P.CANCEL, _W.CARD_READ: _P.CANCEL, _W.SENT: _P.REVERSE, _W.REFUND_SENT: _P.GO_ON,
                _W.APPROVED: _P.GO_ON, _W.CLOSING: _P.GO_ON, _W.RELEASED: _P.GO_ON},
    _F.KEYPAD: {_W.BEFORE_CARD: _P.CANCEL, _W.CARD_READ: _P.CANCEL, _W.SENT: _P.GO_ON, _W.REFUND_SENT: _P.GO_ON,
                _W.APPROVED: _P.GO_ON, _W.CLOSING: _P.GO_ON, _W.RELEASED: _P.GO_ON},
    _F.DISPLAY: {_W.BEFORE_CARD: _P.CANCEL, _W.CARD_READ: _P.CANCEL, _W.SENT: _P.REVERSE, _W.REFUND_SENT: _P.UNKNOWN,
                 _W.APPROVED: _P.REVERSE, _W.CLOSING: _P.ASK, _W.RELEASED: _P.KEEP},
    _F.CRASH: {_W.BEFORE_CARD: _P.CANCEL, _W.CARD_READ: _P.CANCEL, _W.SENT: _P.REVERSE, _W.REFUND_SENT: _P.UNKNOWN,
               _W.APPROVED: _P.HOLD, _W.CLOSING: _P.ASK, _W.RELEASED: _P.KEEP},
}  # fmt: skip


def when(entry: Entry) -> When:
    """Where an open entry stands."""
    if entry.state is State.APPROVED:
        return When.APPROVED
    if entry.state is State.CLOSING:
        return When.CLOSING
    if entry.state is not State.UNDECIDED:
        return When.RELEASED
    doubt = TABLES[entry.kind][entry.state, Event.SILENCE]
    return {State.OWED: When.SENT, State.UNKNOWN: When.REFUND_SENT}.get(doubt, When.CARD_READ)


def of(fault: Fault, entry: Entry) -> Policy:
    return MATRIX[fault][when(entry)]
