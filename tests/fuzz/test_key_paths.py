"""A few hundred random key paths in every test run (make fuzz plays 100,000), and three planted faults that they notice."""

from __future__ import annotations

from dataclasses import replace

import pytest

from firmware import words as w
from firmware.flows import grants, withdraw
from firmware.words import Word
from tests.fuzz import key_paths


def findings(paths: int, seed: int = 1) -> list[str]:
    return [f for n in range(seed, seed + paths) for f in key_paths.path(n)[0]]


def test_random_key_paths_find_nothing() -> None:
    assert findings(300, seed=70_000) == []


def test_a_menu_that_offers_what_the_table_denies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    judged = withdraw.judged

    def generous(*args):
        case = judged(*args)
        case.verdicts = [replace(v, refusal=None) for v in case.verdicts]
        return case

    monkeypatch.setattr(withdraw, "judged", generous)
    assert [f for f in findings(400) if "in spite of W" in f]


def test_a_withdrawal_that_nobody_granted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "grant", lambda t, asked_by, people=1: "")
    assert [f for f in findings(400) if "was not granted" in f]


def test_a_word_of_blame_for_the_customer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(w, "E_TODAY", Word("怀疑盗刷", "SUSPECT"))
    assert [f for f in findings(400) if "the customer reads" in f]
