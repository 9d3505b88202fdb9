"""S56: the money table is closed and every state has a way out."""

from __future__ import annotations

import pytest

from firmware.ledger import lifecycle
from firmware.ledger.lifecycle import TABLES, Event, Kind, State

ENDS = {State.CANCELLED, State.NEVER_SENT, State.DECLINED, State.RELEASED, State.REVERSED, State.MANUAL_CLOSED,
        State.DONE, State.FAILED, State.UPLOADED, State.UPLOAD_REFUSED, State.NEVER_UPLOAD}  # fmt: skip


@pytest.mark.parametrize("kind", Kind)
def test_no_reachable_state_lacks_a_path_to_an_end(kind: Kind) -> None:
    table = TABLES[kind]
    states = {s for s, _ in table} | set(table.values())
    for start in states:
        reached, todo = {start}, [start]
        while todo:
            here = todo.pop()
            new = {to for (at, _), to in table.items() if at is here} - reached
            reached |= new
            todo += new
        assert reached & ENDS, f"{kind.value}: {start.value} has no way out"


@pytest.mark.parametrize("kind", Kind)
def test_an_end_stays_an_end(kind: Kind) -> None:
    """But for one that the bank's word alone made REVERSED: a person may find out that it stands (UNPROVEN, 4.2)."""
    doubt = (State.REVERSED, Event.CLOSED_BY_HAND)
    assert [s for s, e in TABLES[kind] if s in ENDS and (s, e) != doubt] == []


def test_only_held_kinds_are_reversed_for_paper() -> None:
    reversed_for_paper = {k for k in Kind if TABLES[k].get((State.APPROVED, Event.NOT_CURED)) is State.OWED}
    assert reversed_for_paper == {Kind.SALE, Kind.PREAUTH}


def test_silence_by_kind_is_the_table_of_the_design() -> None:
    found = {k: TABLES[k].get((State.UNDECIDED, Event.SILENCE)) for k in Kind}
    owed = {
        Kind.SALE,
        Kind.PREAUTH,
        Kind.COMPLETION,
        Kind.VOID,
        Kind.PREAUTH_VOID,
        Kind.COMPLETION_VOID,
        Kind.INCREMENT,
    }
    assert {k for k, s in found.items() if s is State.OWED} == owed
    assert found[Kind.REFUND] is State.UNKNOWN
    assert {found[Kind.CASH], found[Kind.OFFLINE_SALE], found[Kind.CASH_REFUND]} == {State.CANCELLED}


def test_from_closing_only_a_person_or_the_proof_leads_on() -> None:
    for kind in (Kind.SALE, Kind.PREAUTH):
        events = {e for s, e in TABLES[kind] if s is State.CLOSING}
        assert events == {Event.SLIP_PROVED, Event.SLIP_WHOLE, Event.SLIP_TORN}


def test_silence_never_makes_stuck() -> None:
    assert all(to is not State.STUCK for t in TABLES.values() for (_, e), to in t.items() if e is Event.SILENCE)


def test_a_step_that_is_not_in_the_table_is_an_assertion() -> None:
    with pytest.raises(AssertionError, match="approve cannot happen in owed"):
        lifecycle.after(Kind.SALE, State.OWED, Event.APPROVE)
