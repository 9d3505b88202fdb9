"""The switch of releases cut at each block write and flush, on ext4: no state without a bootable release. The same without
fsync must fail, or this test would notice nothing."""

from __future__ import annotations

import hashlib
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.terminal import takeback_update as update
from tests.deploy import block_log
from tests.deploy.shelf import FakeMachine, act, bundle, entry, journal

pytestmark = pytest.mark.deploy
SIZE = 24 << 20
FILES = {
    "program": b"the program " * 3000,
    "wheels/a.whl": bytes(range(255, -1, -1)) * 300,
    "wheels/b.whl": b"b" * 70_000,
}


class Forgetful(update.Disk):
    """The variant without fsync."""

    def sync(self, handle: int) -> None:
        return

    def tree(self, path: Path) -> None:
        return


@pytest.fixture
def disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> tuple[Path, Path]:
    """An ext4 image with a terminal on release 1 and its journal, and release 2 beside it."""
    monkeypatch.setattr(update, "SPARE", 0)
    monkeypatch.setattr(update.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(update.platform, "python_version_tuple", lambda: ("3", "11", "2"))
    image, there = tmp_path / "image", tmp_path / "there"
    image.write_bytes(bytes(SIZE))
    block_log.run("mkfs.ext4", "-q", "-F", str(image))
    with block_log.mounted(image, there):
        for folder in ("opt/takeback", "etc/takeback", "var/lib/takeback"):
            (there / folder).mkdir(parents=True)
        entry(there, "released")
        (there / "var/lib/takeback/keystore.json").write_text("{}")
        assert act(FakeMachine(there).terminal(), "install", str(bundle(tmp_path, 1, files=FILES))) == 0
    return image, bundle(tmp_path, 2, files=FILES | {"program": b"another program " * 3000})


def logged(image: Path, release: Path, disk: update.Disk, after: Callable[[Path], None]) -> list[block_log.Step]:
    """The blocks of one update."""
    with block_log.logged(image, image.parent) as (there, steps):
        machine = FakeMachine(there, active=True)
        act(machine.terminal(disk), "install", str(release), "--window", "2")
        assert machine.running() == "1.0.2-2"
        after(there)
        return list(steps)


def unrelated(there: Path) -> None:
    """Something else on the card commits, and takes half of the update with it."""
    with journal(there) as db:
        db.execute("PRAGMA synchronous=FULL")
        with db:
            db.execute("INSERT INTO settings VALUES('later', 'x')")


def broken(there: Path) -> str:
    """'' if a boot comes up on a release that is whole, with the journal whole."""
    machine = FakeMachine(there)
    terminal = machine.terminal()
    try:
        act(terminal, "boot")
        name = terminal.running()
        files = terminal.manifest(name)["files"]
        for file, digest in files.items():
            if hashlib.sha256((terminal.releases / name / file).read_bytes()).hexdigest() != digest:
                return f"{file} of {name} is not what it was"
        if (terminal.releases / name / "venv/bin/takeback").read_bytes() != b"#!" + bytes(2000):
            return f"the environment of {name} is torn"
        machine.active = True
        act(machine.terminal(), "settle")
        if machine.terminal().read("trial.json"):
            return "still on trial"
        with journal(there) as db:
            if db.execute("PRAGMA integrity_check").fetchone() != ("ok",):
                return "the journal is damaged"
            return "" if db.execute("SELECT count(*) FROM entries").fetchone() == (1,) else "the journal lost an entry"
    except (OSError, ValueError, KeyError, sqlite3.Error) as found:
        return f"{type(found).__name__}: {found}"


def swept(image: Path, steps: list[block_log.Step]) -> tuple[int, dict[str, str]]:
    """States tried, and those that are broken."""
    start, scratch, tried, bad = image.read_bytes(), image.parent / "scratch", 0, {}
    for name, content in block_log.images(start, steps, seed=8583):
        scratch.write_bytes(content)
        with block_log.mounted(scratch, image.parent / "check") as well:
            why = broken(image.parent / "check") if well else "it does not mount, fsck or not"
        tried += 1
        if why:
            bad[name] = why
    return tried, bad


def test_an_update_cut_at_every_block_leaves_a_release_that_boots(disk: tuple[Path, Path]) -> None:
    image, release = disk
    steps = logged(image, release, update.Disk(), unrelated)
    tried, bad = swept(image, steps)
    print(
        f"{tried} states of an update cut at each of {len(steps)} block writes and flushes, {len(bad)} without a bootable release"
    )
    assert not bad, bad
    assert tried > 150


def test_what_was_reported_done_stays_done(disk: tuple[Path, Path]) -> None:
    image, release = disk
    steps = logged(image, release, update.Disk(), lambda there: None)
    (image.parent / "scratch").write_bytes(block_log.flushed(image.read_bytes(), steps))
    with block_log.mounted(image.parent / "scratch", image.parent / "check"):
        assert FakeMachine(image.parent / "check").running() == "1.0.2-2"


def test_without_fsync_the_same_update_is_caught(disk: tuple[Path, Path]) -> None:
    image, release = disk
    tried, bad = swept(image, logged(image, release, Forgetful(), unrelated))
    print(f"without fsync: {len(bad)} of {tried} states without a bootable release")
    assert bad
