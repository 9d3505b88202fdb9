"""The gate of the mission: a rule's test that drives nothing fails, a skip or an expected failure counts as missing, and a
page that lacks one rule is not green."""

from __future__ import annotations

import json
import re
import tempfile
from pathlib import Path

from tests.withdrawal.faults import FAULTS
from tests.withdrawal.grades import GRADES
from tools import mission

CHEATS = '''
import pytest
from tests.withdrawal.stories import desk


@pytest.mark.rule("S901")
def test_that_drives_nothing():
    """cheat"""
    assert True


@pytest.mark.rule("S902")
@pytest.mark.skip(reason="not today")
def test_that_is_skipped():
    desk([])


@pytest.mark.rule("S903")
@pytest.mark.xfail
def test_that_is_expected_to_fail():
    desk([])
    assert False


@pytest.mark.rule("S904")
def test_that_drives_the_desk():
    """good"""
    desk([])
'''


def test_cheats_are_missing_and_an_honest_test_passes() -> None:
    with (
        tempfile.TemporaryDirectory() as folder
    ):  # gone afterwards: the canary must not find the tests' own cards in it
        tree = Path(folder)
        mission.copy(tree)
        (tree / "tests" / "withdrawal" / "test_cheats.py").write_text(CHEATS)
        for rule in ("S901", "S902", "S903", "S904"):
            mission.run_tests(tree, f"--rule={rule}", f"--rules-out={tree / 'rules.json'}")
            found = json.loads((tree / "rules.json").read_text())
            good = mission.row(rule, found.get(rule, [])).endswith("| pass |")
            assert good == (rule == "S904"), found


def test_a_rule_without_a_test_is_missing_in_the_page_and_every_rule_has_a_fault() -> None:
    assert mission.row("S14", []) == "| S14 | - | full | - | MISSING |"
    assert mission.page({}).count("MISSING") == 83
    assert set(FAULTS) == set(mission.RULES)


def test_the_page_says_of_each_rule_how_far_it_is_kept_and_what_is_missing() -> None:
    """Counter review, 1: of 83 rules 45 were found full, 36 partial, 2 token, and the page said "pass" 83 times. A later
    review may raise a grade; no rule is graded twice, and none below full without its reason."""
    assert set(GRADES) <= set(mission.RULES)
    assert {grade for grade, _ in GRADES.values()} <= {"partial", "token"}
    assert all(len(reason) > 10 for _, reason in GRADES.values())
    page = mission.page({})
    assert len([r for r in page.split("\n") if "| full |" in r]) == 83 - len(GRADES)
    for rule, (grade, reason) in GRADES.items():
        assert f"| {rule} | - | {grade} | - | MISSING |" in page
        assert f"| {rule} | {grade} | {reason} |" in page
    full, partial, token = (int(n) for n in re.findall(r"\d+ (?=are full|partial|token)", mission.counts()))
    assert full + partial + token == 83 and partial + token == len(GRADES) and mission.counts() in page


def test_each_planted_fault_is_one_line_that_is_there_just_once() -> None:
    for rule, (path, old, new) in FAULTS.items():
        text = (mission.ROOT / path).read_text(encoding="utf-8")
        assert text.count(old) == 1 and new.count("\n") <= old.count("\n"), rule
