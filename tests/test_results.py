"""What is committed of the long runs is whole: the bench as the table says, the soak good and complete."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tools import mission

ROOT = Path(__file__).resolve().parent.parent


def test_the_bench_is_a_list_of_name_value_aim_unit() -> None:
    results = json.loads((ROOT / "bench" / "results.json").read_text(encoding="utf-8"))
    assert len(results) >= 9 and len({r["name"] for r in results}) == len(results)
    for r in results:
        assert set(r) == {"name", "value", "aim", "unit"}
        assert isinstance(r["value"], int | float) and (r["aim"] is None or isinstance(r["aim"], int | float))
    told = (ROOT / "docs" / "bench.md").read_text(encoding="utf-8")
    assert all(r["name"] in told for r in results)


def test_the_soak_ran_in_full_and_was_good() -> None:
    report = json.loads((ROOT / "docs" / "soak.json").read_text(encoding="utf-8"))
    assert report["kill_sales"] >= 200 and report["kills"] >= 200 and report["fault_sales"] >= 200
    assert set(report["faults"]) == {"pcscd", "card", "printer", "line", "jam"}
    assert report["disagreements"] == [] and report["seed"] and report["revision"]
    assert report["threads"][1] <= report["threads"][0] and report["files"][1] <= report["files"][0]


def test_the_pages_of_the_mission_have_the_grades_and_the_wording_of_today() -> None:
    """CI makes both pages anew, which takes minutes; this sees at once when a grade or a heading was changed alone."""
    page, now = mission.PAGE.read_text(encoding="utf-8"), mission.page({})
    assert page.startswith(now[: now.index("| S1 |")])
    assert page.endswith(now[now.index(mission.MISSING_HEAD) :])
    for rule, (grade, _) in mission.grades().items():
        assert re.search(rf"^\| {rule} \| .* \| {grade} \| test_", page, re.MULTILINE), rule
    assert mission.FAULTS_PAGE.read_text(encoding="utf-8").startswith(mission.FAULTS_HEAD)
