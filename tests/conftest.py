"""What all tests share: the published vectors where they are, golden films, and one printed line where they are not."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests import said

ROOT = Path(__file__).resolve().parent.parent
VECTORS = ROOT.parent / "shared" / "vectors"


def vectors(name: str) -> Any:
    """One file of published vectors, e.g. 'iso8583/keys_mac'."""
    return json.loads((VECTORS / f"{name}.json").read_text(encoding="utf-8"))


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="rewrite the golden films")


def pytest_ignore_collect(collection_path: Path) -> bool | None:
    """Tests on published vectors live in files named *_vectors.py; without the vectors they are left out."""
    if VECTORS.is_dir() or not collection_path.stem.endswith("_vectors"):
        return None
    if os.environ.get("CI"):
        pytest.exit("in CI the published vectors must lie beside the project", returncode=1)
    return True


def pytest_report_header() -> str:
    return "published vectors: " + ("used" if VECTORS.is_dir() else "not beside the project, their tests are left out")


LEAKS = pytest.StashKey[list[str]]()


@pytest.fixture
def tells() -> Callable[[str], None]:
    """Say a line at the end of the run."""
    return said.LINES.append


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """A worker of pytest-xdist has ended: what it had to say."""
    said.LINES.extend(line for line in getattr(node, "workeroutput", {}).get("said", []) if line not in said.LINES)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """The standing canary: whatever any test left in the temporary directory is searched too, once all workers ended."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["said"] = said.LINES
        return
    factory = getattr(session.config, "_tmp_path_factory", None)
    base = getattr(factory, "_basetemp", None)
    if base is None or not Path(base).exists():
        return
    from tests.test_canary import leaks, secrets

    wanted, leaky = secrets([]), session.config.stash.setdefault(LEAKS, [])
    for path in sorted(Path(base).rglob("*")):
        exempt = path.name.startswith(("keystore.json", "device.key")) or path.parent.name == "certs"
        found = leaks(path.read_bytes(), wanted) if path.is_file() and not exempt else []
        if found:
            leaky.append(f"{path.relative_to(base)} holds {', '.join(found)}")
            session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """What tests had to tell; what the canary found is the last, where nobody can miss it."""
    for line in said.LINES:
        terminalreporter.line(line)
    if leaky := config.stash.get(LEAKS, []):
        terminalreporter.section("secrets in what the tests left behind: the run fails", red=True)
        for line in leaky:
            terminalreporter.line(f"CANARY: {line}", red=True)
