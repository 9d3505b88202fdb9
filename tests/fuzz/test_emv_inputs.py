"""The hunt itself: its corpus still ends in our own errors, and it notices what it is there for."""

from __future__ import annotations

import pytest

from firmware.emv import tlv
from tests.fuzz import emv_inputs


@pytest.mark.parametrize("name", emv_inputs.TARGETS)
def test_the_kept_corpus_and_a_short_hunt_find_nothing(name: str) -> None:
    kept = emv_inputs.read_corpus()[name]
    report = emv_inputs.hunt(name, len(kept) + 100, 8583, kept)
    assert report.findings == []
    assert kept, "the corpus has nothing for this target: make fuzz"


def test_a_parser_that_raises_something_else_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    def careless(data: bytes, at: int) -> tuple[int, int]:
        return data[at], at + 1

    monkeypatch.setattr(tlv, "_length", careless)
    report = emv_inputs.hunt("TLV", 500, 8583, [])
    assert any("IndexError" in f for f in report.findings)


def test_a_card_that_breaks_the_kernel_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(emv_inputs.tlv, "only", lambda data, *wanted: (data[0], data[2:]))
    report = emv_inputs.hunt("card answers", 500, 8583, [])
    assert report.findings
