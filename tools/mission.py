"""`make mission`: the tests of the 83 rules, and docs/mission.md made of what they say and of each rule's grade
(tests/withdrawal/grades.py). `FAULTS=1`: each rule's tests must be red when one line of its feature is taken away.

Exit 1 while any of S1–S83 lacks a passing test, or a planted fault stays green.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
RULES = [f"S{n}" for n in range(1, 84)]
PAGE, FAULTS_PAGE = ROOT / "docs" / "mission.md", ROOT / "docs" / "mission-faults.md"
COPIED = ("firmware", "drivers", "hal_mocks", "tests", "tools", "docs", "pyproject.toml")
Found = dict[str, list[dict[str, str]]]


def run_tests(root: Path, *more: str) -> tuple[int, str]:
    """pytest on tests/withdrawal of a tree. (exit status, the last lines it said)"""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "tests/withdrawal", *more]
    done = subprocess.run(command, cwd=root, capture_output=True, text=True)
    return done.returncode, done.stdout[-3000:]


def tests() -> tuple[int, Found]:
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "rules.json"
        status, said = run_tests(ROOT, f"--rules-out={out}")
        print(said if status else said.strip().split("\n")[-1], flush=True)
        return status, json.loads(out.read_text(encoding="utf-8")) if out.exists() else {}


def grades() -> dict[str, tuple[str, str]]:
    """Rule → grade and what is missing, for those that are not full."""
    from tests.withdrawal.grades import GRADES

    return GRADES


def row(rule: str, rows: list[dict[str, str]]) -> str:
    """| S14 | feature | full | test | pass |"""
    names = sorted({r["test"].partition("[")[0].removeprefix("tests/withdrawal/") for r in rows})
    good = bool(rows) and all(r["state"] == "pass" for r in rows)
    feature = rows[0]["feature"].replace("|", "/") if rows else "-"
    grade = grades().get(rule, ("full", ""))[0]
    return f"| {rule} | {feature} | {grade} | {'<br>'.join(names) or '-'} | {'pass' if good else 'MISSING'} |"


HEAD = """# The mission: rule → feature → grade → test → status

Made by `./run mission`. Test and status come from the tests themselves: each drives the terminal, on the desk or as
a process. "pass" says that what the test looks at is there. Whether the whole rule is there is another question: the
grade is that of an outside review of revision 438b953, and what is missing stands below the table
(`tests/withdrawal/grades.py`). What was mended since is in [found.md](found.md); a grade goes up when somebody other
than the author has looked again.

{counts}

| Rule | Feature | Grade | Test | Status |
|---|---|---|---|---|
"""
MISSING_HEAD = """
## What is missing

| Rule | Grade | What the review found |
|---|---|---|
"""
FAULTS_HEAD = """# Each rule's tests notice when one line of its feature is gone

Made by `./run mission FAULTS=1`: one line is taken away (`tests/withdrawal/faults.py`), the rule's tests must turn
red. The line was chosen by whoever wrote the test: of nineteen other lines that an outside review took away, the rule's
own tests noticed four ([found.md](found.md), counter 1f).

| Rule | Where | Tests are |
|---|---|---|
"""


def counts() -> str:
    """Of 83 rules 45 are full, 36 partial, 2 token."""
    found = Counter(grades().get(rule, ("full", ""))[0] for rule in RULES)
    return f"Of {len(RULES)} rules {found['full']} are full, {found['partial']} partial, {found['token']} token."


def page(found: Found) -> str:
    table = "\n".join(row(rule, found.get(rule, [])) for rule in RULES)
    missing = "\n".join(f"| {r} | {grades()[r][0]} | {grades()[r][1]} |" for r in RULES if r in grades())
    return HEAD.format(counts=counts()) + table + "\n" + MISSING_HEAD + missing + "\n"


def copy(folder: Path) -> None:
    """The tree, as far as the tests of the rules need it."""
    skip = shutil.ignore_patterns("__pycache__", "img", "golden")
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=skip)
        else:
            shutil.copy(source, folder / name)


def plant(folder: Path, fault: tuple[str, str, str]) -> None:
    """A copy of the tree with one line changed. Raises ValueError if the line is not there just once."""
    copy(folder)
    path, old, new = fault
    text = (folder / path).read_text(encoding="utf-8")
    if text.count(old) != 1:
        raise ValueError(f"{path}: {old!r} is there {text.count(old)} times")
    (folder / path).write_text(text.replace(old, new), encoding="utf-8")


def with_fault(rule: str, fault: tuple[str, str, str]) -> tuple[str, str]:
    """'red' is what it must be."""
    with tempfile.TemporaryDirectory() as folder:
        try:
            plant(Path(folder), fault)
        except ValueError as wrong:
            return rule, f"NOT PLANTED: {wrong}"
        status, _ = run_tests(Path(folder), f"--rule={rule}", "-x", "--no-header")
        return rule, {1: "red", 0: "STAYS GREEN"}.get(status, f"BROKEN ({status})")


def faults() -> int:
    from tests.withdrawal.faults import FAULTS

    with ThreadPoolExecutor(2) as pool:
        found = dict(pool.map(lambda rule: with_fault(rule, FAULTS[rule]), [r for r in RULES if r in FAULTS]))
    bad = {rule: found.get(rule, "NO FAULT") for rule in RULES if found.get(rule) != "red"}
    rows = [f"| {r} | `{FAULTS[r][0]}` | {found.get(r, 'NO FAULT')} |" for r in RULES if r in FAULTS]
    FAULTS_PAGE.write_text(FAULTS_HEAD + "\n".join(rows) + "\n", encoding="utf-8")
    for rule, said in bad.items():
        print(f"{rule}: {said}", flush=True)
    print(f"{len(RULES) - len(bad)} of {len(RULES)} planted faults are noticed", flush=True)
    return 1 if bad else 0


def main() -> int:
    status, found = tests()
    PAGE.write_text(page(found), encoding="utf-8")
    missing = [rule for rule in RULES if row(rule, found.get(rule, [])).endswith("MISSING |")]
    print(
        f"{len(RULES) - len(missing)} of {len(RULES)} rules pass"
        + (f"; missing: {', '.join(missing)}" if missing else "")
    )
    if status or missing:
        return 1
    return faults() if os.environ.get("FAULTS") else 0


if __name__ == "__main__":
    sys.exit(main())
