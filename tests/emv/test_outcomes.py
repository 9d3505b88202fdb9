"""Every stage × outcome with the software card in process. tests/real_parts plays the same rows through pcscd."""

from __future__ import annotations

import pytest

from hal_mocks.card.soft_card import Profile, SoftCard
from tests.emv.bench import Direct, play
from tests.emv.outcomes import CASES, Case
from tools import emv_table


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{c.stage}: {c.name}") for c in CASES])
def test_outcome(case: Case) -> None:
    soft = SoftCard(Profile(**case.profile))
    done = play(Direct(soft), soft, case.play())
    assert done.outcome == case.outcome
    if case.tvr:
        assert done.tvr == case.tvr, done.chip and done.chip.why
    if case.cvm:
        assert done.cvm == case.cvm
    if done.chip:  # each bit has its reason
        assert len(done.chip.why) >= sum(b.bit_count() for b in done.chip.tvr)


def test_rows_are_named_once() -> None:
    assert len({(c.stage, c.name) for c in CASES}) == len(CASES)


def test_the_table_of_the_manual_is_of_these_rows() -> None:
    text = emv_table.DOC.read_text(encoding="utf-8")
    assert emv_table.whole(text) == text, "python -m tools.emv_table"
