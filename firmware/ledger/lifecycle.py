"""The money lifecycle: one pure table. State × event → state, per kind. Everything else is a straight line.

A pair that is not in the table is a broken promise of our own: `after` asserts.
"""

from __future__ import annotations

from enum import Enum


class Kind(Enum):
    """What was asked for."""

    SALE = "sale"
    PREAUTH = "preauth"
    COMPLETION = "completion"
    VOID = "void"
    PREAUTH_VOID = "preauth_void"
    COMPLETION_VOID = "completion_void"
    REFUND = "refund"
    COMPLETION_NOTICE = "completion_notice"
    OFFLINE_SALE = "offline_sale"
    CASH = "cash"
    CASH_REFUND = "cash_refund"
    INCREMENT = "increment"  # a booking's hold grows


class State(Enum):
    """Where the money stands."""

    CANCELLED = "cancelled"
    NEVER_SENT = "never_sent"
    UNDECIDED = "undecided"
    DECLINED = "declined"
    APPROVED = "approved"
    CLOSING = "closing"
    RELEASED = "released"
    OWED = "owed"
    REVERSED = "reversed"
    STUCK = "stuck"
    UNKNOWN = "unknown"
    DONE = "done"
    FAILED = "failed"
    UPLOAD_OWED = "upload_owed"
    UPLOADED = "uploaded"
    UPLOAD_REFUSED = "upload_refused"
    NEVER_UPLOAD = "never_upload"
    MANUAL_CLOSED = "manual_closed"


class Event(Enum):
    """What happened."""

    NOT_SENT = "not_sent"
    SILENCE = "silence"  # no answer, garbled, MAC wrong, power cut, card pulled: whatever leaves doubt
    DECLINE = "decline"
    APPROVE = "approve"
    CARD_REFUSED = "card_refused"  # the host said yes, the card no
    BODY_PROVED = "body_proved"
    SLIP_PROVED = "slip_proved"
    COPY_ACCEPTED = "copy_accepted"
    NOT_CURED = "not_cured"
    SLIP_WHOLE = "slip_whole"
    SLIP_TORN = "slip_torn"
    ACKNOWLEDGED = "acknowledged"
    REFUSED_THRICE = "refused_thrice"
    MAY_STAND = "may_stand"  # what the bank says, or a day without an answer, leaves it open: people must find out
    CLOSED_BY_HAND = "closed_by_hand"
    ANSWERED_DONE = "answered_done"
    ANSWERED_FAILED = "answered_failed"
    VOIDED_HERE = "voided_here"  # an offline sale that never left the terminal


_S, _E, _K = State, Event, Kind
Table = dict[tuple[State, Event], State]

_DEBT: Table = {
    (_S.OWED, _E.ACKNOWLEDGED): _S.REVERSED,
    (_S.OWED, _E.REFUSED_THRICE): _S.STUCK,
    (_S.OWED, _E.MAY_STAND): _S.STUCK,
    (_S.STUCK, _E.ACKNOWLEDGED): _S.REVERSED,
    (_S.STUCK, _E.CLOSED_BY_HAND): _S.MANUAL_CLOSED,
    (_S.REVERSED, _E.CLOSED_BY_HAND): _S.MANUAL_CLOSED,  # only while it is unproven (flows/cases.py)
}
_ASK: Table = {
    (_S.UNDECIDED, _E.NOT_SENT): _S.NEVER_SENT,
    (_S.UNDECIDED, _E.SILENCE): _S.OWED,
    (_S.UNDECIDED, _E.DECLINE): _S.DECLINED,
    (_S.UNDECIDED, _E.CARD_REFUSED): _S.OWED,
    (_S.UNDECIDED, _E.MAY_STAND): _S.STUCK,
}
_HOLD: Table = {
    (_S.APPROVED, _E.BODY_PROVED): _S.CLOSING,
    (_S.APPROVED, _E.COPY_ACCEPTED): _S.RELEASED,
    (_S.CLOSING, _E.SLIP_PROVED): _S.RELEASED,
    (_S.CLOSING, _E.SLIP_WHOLE): _S.RELEASED,
}
_HELD: Table = _ASK | _DEBT | _HOLD | {
    (_S.UNDECIDED, _E.APPROVE): _S.APPROVED,
    (_S.APPROVED, _E.NOT_CURED): _S.OWED,
    (_S.CLOSING, _E.SLIP_TORN): _S.OWED,
}  # fmt: skip
_AT_ONCE: Table = _ASK | _DEBT | {(_S.UNDECIDED, _E.APPROVE): _S.RELEASED}
_NEVER_REVERSED: Table = {
    (_S.UNDECIDED, _E.NOT_SENT): _S.NEVER_SENT,
    (_S.UNDECIDED, _E.SILENCE): _S.UNKNOWN,
    (_S.UNDECIDED, _E.DECLINE): _S.DECLINED,
    (_S.UNDECIDED, _E.APPROVE): _S.RELEASED,
    (_S.UNKNOWN, _E.ANSWERED_DONE): _S.DONE,
    (_S.UNKNOWN, _E.ANSWERED_FAILED): _S.FAILED,
    (_S.UNKNOWN, _E.CLOSED_BY_HAND): _S.MANUAL_CLOSED,
}
_UPLOAD: Table = {(_S.UPLOAD_OWED, _E.ACKNOWLEDGED): _S.UPLOADED, (_S.UPLOAD_OWED, _E.DECLINE): _S.UPLOAD_REFUSED}

TABLES: dict[Kind, Table] = {
    Kind.SALE: _HELD,
    Kind.PREAUTH: _HELD,
    Kind.COMPLETION: _AT_ONCE,
    Kind.VOID: _AT_ONCE,
    Kind.PREAUTH_VOID: _AT_ONCE,
    Kind.COMPLETION_VOID: _AT_ONCE,
    Kind.REFUND: _NEVER_REVERSED,
    Kind.COMPLETION_NOTICE: _UPLOAD,
    Kind.INCREMENT: _AT_ONCE,
    Kind.OFFLINE_SALE: _UPLOAD | {
        (_S.UNDECIDED, _E.APPROVE): _S.APPROVED,
        (_S.UNDECIDED, _E.SILENCE): _S.CANCELLED,
        (_S.UNDECIDED, _E.DECLINE): _S.DECLINED,
        (_S.APPROVED, _E.BODY_PROVED): _S.CLOSING,
        (_S.APPROVED, _E.COPY_ACCEPTED): _S.UPLOAD_OWED,
        (_S.CLOSING, _E.SLIP_PROVED): _S.UPLOAD_OWED,
        (_S.CLOSING, _E.SLIP_WHOLE): _S.UPLOAD_OWED,
        (_S.UPLOAD_OWED, _E.VOIDED_HERE): _S.NEVER_UPLOAD,
        (_S.APPROVED, _E.NOT_CURED): _S.NEVER_UPLOAD,
        (_S.CLOSING, _E.SLIP_TORN): _S.NEVER_UPLOAD,
    },
    Kind.CASH: _HOLD | {
        (_S.UNDECIDED, _E.APPROVE): _S.APPROVED,
        (_S.UNDECIDED, _E.SILENCE): _S.CANCELLED,
        (_S.APPROVED, _E.NOT_CURED): _S.CANCELLED,
        (_S.CLOSING, _E.SLIP_TORN): _S.CANCELLED,
    },
    Kind.CASH_REFUND: {
        (_S.UNDECIDED, _E.APPROVE): _S.RELEASED,
        (_S.UNDECIDED, _E.SILENCE): _S.CANCELLED,
    },
}  # fmt: skip

OPEN = frozenset({State.UNDECIDED, State.APPROVED, State.CLOSING})
KEEPS_ITS_STAN = frozenset({State.OWED, State.STUCK, State.UNKNOWN, State.UPLOAD_OWED})


def after(kind: Kind, state: State, event: Event) -> State:
    """The next state. AssertionError for a step the table does not have."""
    step = TABLES[kind].get((state, event))
    assert step is not None, f"{kind.value}: {event.value} cannot happen in {state.value}"
    return step


HELD_FOR_PAPER = frozenset(k for k in Kind if (State.APPROVED, Event.BODY_PROVED) in TABLES[k])
LET_GO = frozenset({State.RELEASED, State.UPLOAD_OWED, State.UPLOADED})  # the goods are the customer's
