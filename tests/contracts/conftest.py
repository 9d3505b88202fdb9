"""One suite per Protocol, run on each bench: a device and the hand that plays its world.

A module lists BENCHES; a test takes `bench` and says with @needs(...) which controls it turns. A bench's `cannot` names
controls it does not have, each with its reason: those cases are deselected and printed as a table, never skipped.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests import said
from tests.contracts.bench import Bench

_LEFT_OUT: dict[tuple[str, str], tuple[str, int]] = {}


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "bench" in metafunc.fixturenames:
        benches = [pytest.param(kind, id=kind.name, marks=kind.marks) for kind in metafunc.module.BENCHES]
        metafunc.parametrize("bench", benches, indirect=True)


@pytest.fixture
def bench(request: pytest.FixtureRequest) -> Iterator[Any]:
    made = request.param()
    try:
        yield made
    finally:
        made.close()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    out = [item for item in items if _why_not(item)]
    if out:
        config.hook.pytest_deselected(items=out)
        items[:] = [item for item in items if item not in set(out)]


def _why_not(item: pytest.Item) -> bool:
    """Does its bench lack a control it needs? Then remember the reason."""
    call = getattr(item, "callspec", None)
    kind = call.params.get("bench") if call else None
    marker = item.get_closest_marker("needs")
    if not (isinstance(kind, type) and issubclass(kind, Bench) and marker):
        return False
    missing = [name for name in marker.args if name in kind.cannot]
    for name in missing:
        who = f"{item.path.stem.removeprefix('test_')}: {kind.name}"
        count = _LEFT_OUT.get((who, name), ("", 0))[1]
        _LEFT_OUT[who, name] = kind.cannot[name], count + 1
    return bool(missing)


def pytest_collection_finish() -> None:
    if _LEFT_OUT:
        said.LINES.append("what a bench cannot do (cases deselected):")
        for (kind, control), (why, count) in sorted(_LEFT_OUT.items()):
            said.LINES.append(f"  {kind:<32} {control:<10} {count:>2}  {why}")
