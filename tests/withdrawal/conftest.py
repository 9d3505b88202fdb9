"""A test marked @pytest.mark.rule("S14") must drive the terminal, through the desk or as a process: one that does not fails.

`--rule S14` keeps that rule's tests only; `--rules-out FILE` writes rule → feature, tests, outcomes for `make mission`.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hal_mocks.desk import Desk

FOUND: dict[str, list[dict[str, str]]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--rule", default="", help="only the tests of this rule of the mission")
    parser.addoption("--rules-out", default="", help="write what became of each rule's tests, as JSON")


def rules_of(item: pytest.Item) -> list[str]:
    return [str(name) for mark in item.iter_markers("rule") for name in mark.args]


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    wanted = config.getoption("--rule")
    if wanted:
        items[:] = [item for item in items if wanted in rules_of(item)]


@pytest.fixture(autouse=True)
def drives_the_terminal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Counts power cycles of the desk and processes of the terminal."""
    driven: list[str] = []
    play, popen = Desk.play, subprocess.Popen.__init__

    def counted(self: Desk, *args: Any, **named: Any) -> Any:
        driven.append("desk")
        return play(self, *args, **named)

    def started(self: Any, args: Any, *more: Any, **named: Any) -> None:
        driven.extend(["process"] if "firmware" in str(args) else [])
        popen(self, args, *more, **named)

    monkeypatch.setattr(Desk, "play", counted)
    monkeypatch.setattr(subprocess.Popen, "__init__", started)
    yield
    assert driven or not rules_of(request.node), "a rule's test must drive the terminal"


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    """What became of each rule's tests; teardown counts, and so does a skip or an expected failure: as missing."""
    outcome = yield
    report = outcome.get_result()
    for rule in rules_of(item):
        if report.when == "call" or not report.passed:
            told = (item.function.__doc__ or "").strip().split("\n")[0]  # type: ignore[attr-defined]
            state = "pass" if report.passed and not hasattr(report, "wasxfail") else "MISSING"
            FOUND.setdefault(rule, []).append({"test": item.nodeid, "feature": told, "state": state})


def pytest_sessionfinish(session: pytest.Session) -> None:
    path = session.config.getoption("--rules-out")
    if path:
        Path(path).write_text(json.dumps(FOUND, ensure_ascii=False), encoding="utf-8")
