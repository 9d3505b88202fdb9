"""A few hundred random key paths in every test run (make fuzz plays 100,000), and three planted faults that they notice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from firmware import words as w
from firmware.flows import grants, withdraw
from firmware.withdrawal import rules
from firmware.words import Word
from tests.fuzz import key_paths


def findings(paths: int, seed: int = 1) -> Iterator[str]:
    return (f for n in range(seed, seed + paths) for f in key_paths.path(n)[0])


def test_random_key_paths_find_nothing() -> None:
    assert list(findings(300, seed=70_000)) == []


class Generous:
    """The rules as the flow sees them, with every answer yes; the fuzz judges by the real ones."""

    def __getattr__(self, name: str):
        return getattr(rules, name)

    def judge(self, *args):
        return None

    def judge_all(self, *args):
        return [replace(v, refusal=None) for v in rules.judge_all(*args)]


def test_a_flow_that_does_what_the_table_denies_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(withdraw, "rules", Generous())
    assert any("in spite of W" in f for f in findings(400))


def test_a_withdrawal_that_nobody_granted_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(grants, "grant", lambda t, asked_by, people=1: "")
    assert any("was not granted" in f for f in findings(400))


def test_a_word_of_blame_for_the_customer_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(w, "E_TODAY", Word("怀疑盗刷", "SUSPECT"))
    assert any("the customer reads" in f for f in findings(400))
