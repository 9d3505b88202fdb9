"""Disk: bytes kept by the world, and SQLite on a real file system. A second life sees what was committed, no more."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers.system import SqliteDisk
from firmware.errors import JournalError
from hal_mocks import parts
from hal_mocks.power import Power, PowerCut
from hal_mocks.world import World
from tests.contracts.bench import Bench, needs


class Sim(Bench):
    name = "simulation"
    cannot = {"lock": "one desk, one terminal: nobody else has the file",
              "damage": "the world's bytes are copied whole (torn files: tests/ledger on real ones)"}  # fmt: skip

    def __init__(self) -> None:
        self.world = World()
        self.disk = parts.SimDisk(self.world, Power())

    def reborn(self):
        return parts.SimDisk(self.world, Power())


class Files(Bench):
    name = "driver, SQLite on files"

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name)
        self.disk = SqliteDisk(self.path / "state")

    def reborn(self):
        return SqliteDisk(self.path / "state")

    def damage(self) -> None:
        (self.path / "state" / "x.db").write_bytes(b"not a database" * 100)

    def close(self) -> None:
        self.folder.cleanup()


BENCHES = [Sim, Files]


def put(disk, db: sqlite3.Connection, value: int, commit: bool = True) -> None:
    db.execute("BEGIN IMMEDIATE")
    db.execute("CREATE TABLE IF NOT EXISTS t (n INTEGER)")
    db.execute("INSERT INTO t VALUES (?)", (value,))
    if commit:
        disk.commit(db)


def values(disk) -> list[int]:
    db = disk.connect("x.db")
    found = [n for (n,) in db.execute("SELECT n FROM t ORDER BY n")]
    db.close()
    return found


def test_what_was_committed_is_there_in_the_next_life_and_nothing_else(bench) -> None:
    db = bench.disk.connect("x.db")
    put(bench.disk, db, 1)
    put(bench.disk, db, 2)
    put(bench.disk, db, 3, commit=False)
    db.close()
    assert values(bench.reborn()) == [1, 2]


def test_a_rolled_back_transaction_leaves_nothing(bench) -> None:
    db = bench.disk.connect("x.db")
    put(bench.disk, db, 1)
    put(bench.disk, db, 2, commit=False)
    db.execute("ROLLBACK")
    put(bench.disk, db, 3)
    db.close()
    assert values(bench.reborn()) == [1, 3]


@needs("lock")
def test_a_second_terminal_on_the_same_file_is_refused(bench) -> None:
    db = bench.disk.connect("x.db")
    put(bench.disk, db, 1)
    with pytest.raises(JournalError):
        bench.reborn().connect("x.db")


@needs("damage")
def test_a_damaged_file_is_refused(bench) -> None:
    db = bench.disk.connect("x.db")
    put(bench.disk, db, 1)
    db.close()
    bench.damage()
    with pytest.raises(JournalError):
        bench.reborn().connect("x.db")


def test_after_a_power_cut_the_simulated_disk_obeys_nobody() -> None:
    power = Power(cut_on="disk.commit")
    disk = parts.SimDisk(World(), power)
    db = disk.connect("x.db")
    with pytest.raises(PowerCut):
        put(disk, db, 1)
    with pytest.raises(PowerCut):
        db.execute("SELECT 1")
