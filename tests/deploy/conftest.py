"""Three virtual Pis for all tests of the fleet. These need what `make test-deploy` installs; without it they are not looked at."""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.deploy.pis import Fleet, Pi

TOOLS = all(importlib.util.find_spec(name) for name in ("paho", "mfusepy", "pyinfra", "cyclonedx_py"))
collect_ignore = [] if TOOLS else ["test_fleet.py", "test_blocks.py", "test_page.py", "test_release.py"]


@pytest.fixture(scope="session")
def fleet() -> Iterator[Fleet]:
    """Three Pis, set up by one `deploy first all`, running release 1."""
    made = Fleet(Path(os.environ["TAKEBACK_RIG"]))
    try:
        for suite in ("bookworm", "bookworm", "trixie"):
            made.pi(suite)
        made.inventory(fleet='canary = ["pi1"]\n')
        with ThreadPoolExecutor() as pool:
            list(pool.map(Pi.on, made.pis))
            one = pool.submit(made.release, 1)
            said = made.deploy("first", "all", "--release", str(one.result()))
        assert said.count("has test keys now, and runs") == 3
        for pi in made.pis:
            pi.plays()
            pi.sh("systemctl", "restart", "takeback")
            pi.world.wait_for("idle", timeout_s=180.0)
        assert re.search(r"wave 1: pi1\n.*\nwave 2: pi2\n.*\nwave 3: pi3", said, re.S), said
        yield made
    finally:
        made.close()


@pytest.fixture(autouse=True)
def put_right(request: pytest.FixtureRequest) -> Iterator[None]:
    """Whatever became of a test, the next one finds line, cards, paper and inventory as the first one did, and terminals
    that run: a test that fails must not take the next with it."""
    shared = "fleet" in request.fixturenames
    yield
    if not shared:
        return
    found: Fleet = request.getfixturevalue("fleet")
    found.inventory(fleet='canary = ["pi1"]\n')
    for pi in found.pis:
        if pi.dark or pi.world is None:
            continue
        pi.world.line(True)
        pi.world.delay(0)
        pi.world.pull()
        pi.world.cure()
        pi.world.news()
        if pi.status()["active"] != "active":
            pi.sh("systemctl", "reset-failed", "takeback", check=False)
            pi.sh("systemctl", "start", "takeback", check=False)
            pi.world.wait_for("idle", timeout_s=180.0)
