"""S5, S20, S38: a void is denied by default; one reason each."""

from __future__ import annotations

import pytest

from firmware import words as w
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.withdrawal.void_rules import refusal

SALE = Entry(1, Kind.SALE, State.RELEASED, "000001", "000002", 1250, "2026-11-23T12:00:00")


def child(state: State) -> Entry:
    return Entry(2, Kind.VOID, state, "000001", "000003", 1250, "2026-11-23T12:01:00", original=1)


def test_a_released_sale_of_this_batch_can_be_voided() -> None:
    assert refusal(SALE, [], "000001") is None


def test_after_a_failed_void_it_can_be_tried_again() -> None:
    for state in (State.REVERSED, State.DECLINED, State.NEVER_SENT):
        assert refusal(SALE, [child(state)], "000001") is None


@pytest.mark.parametrize("state", [s for s in State if s is not State.RELEASED])
def test_no_other_state_can_be_voided(state: State) -> None:
    assert refusal(SALE.changed(state=state), [], "000001") is w.NOT_VOIDABLE


@pytest.mark.parametrize("kind", [k for k in Kind if k is not Kind.SALE])
def test_no_other_kind_can_be_voided(kind: Kind) -> None:
    assert refusal(SALE.changed(kind=kind), [], "000001") is w.NOT_VOIDABLE


def test_each_other_reason() -> None:
    assert refusal(None, [], "000001") is w.NOT_FOUND
    assert refusal(SALE, [child(State.RELEASED)], "000001") is w.ALREADY_VOIDED
    assert refusal(SALE, [], "000002") is w.OTHER_BATCH
    for state in (State.OWED, State.STUCK, State.UNDECIDED):
        assert refusal(SALE, [child(state)], "000001") is w.STILL_OWED
