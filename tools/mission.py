"""`make mission`: the tests of the 83 rules, and docs/mission.md made of what they say. `FAULTS=1`: each rule's tests
must be red when the one line that makes its feature is taken away.

Exit 1 while any of S1–S83 lacks a passing test, or a planted fault stays green.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
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


def row(rule: str, rows: list[dict[str, str]]) -> str:
    """| S14 | feature | test | pass |"""
    names = sorted({r["test"].partition("[")[0].removeprefix("tests/withdrawal/") for r in rows})
    good = bool(rows) and all(r["state"] == "pass" for r in rows)
    feature = rows[0]["feature"].replace("|", "/") if rows else "-"
    return f"| {rule} | {feature} | {'<br>'.join(names) or '-'} | {'pass' if good else 'MISSING'} |"


HEAD = """# The mission: rule → feature → test → status

Made by `./run mission` from the tests themselves; nothing here is filled by hand. Each test drives the terminal, on the
desk or as a process.

| Rule | Feature | Test | Status |
|---|---|---|---|
"""
FAULTS_HEAD = """# Each rule's tests notice when its feature is gone

Made by `./run mission FAULTS=1`: one line is taken away (`tests/withdrawal/faults.py`), the rule's tests must turn red.

| Rule | Where | Tests are |
|---|---|---|
"""


def page(found: Found) -> str:
    return HEAD + "\n".join(row(rule, found.get(rule, [])) for rule in RULES) + "\n"


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
