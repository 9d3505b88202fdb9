"""After a cut every part and the database refuse; a boot sees the committed bytes and nothing else."""

from __future__ import annotations

import dataclasses
import inspect

import pytest

from firmware.hal.events import CardInserted
from firmware.hal.printer import Job, Line
from firmware.hal.signals import Sound
from firmware.ui import screens
from hal_mocks.card.soft_card import SoftCard
from hal_mocks.desk import Desk
from hal_mocks.parts import SimCard
from hal_mocks.power import Power, PowerCut

ARGUMENTS = {
    "start": (lambda event: None,), "post": (CardInserted(),), "next": (0,), "show": (screens.remove_card(),),
    "read_pin": (bytearray(12), lambda n: None, 1.0), "print": (Job("1", (Line("x"),)),), "connect": (1.0, lambda: False),
    "send": ("support", "k", "{}"), "answer": ("{}",), "tell": (None,),
    "exchange": (b"x" * 20, 1.0, lambda: False), "receive": (1.0, lambda: False), "bytes": (4,),
    "sound": (Sound.KEY,), "lamps": (1,), "verify_on_pad": (1.0, lambda: None), "transmit": (b"\x00\xa4\x04\x00\x00", 1.0),
}  # fmt: skip


def methods(part: object) -> list[str]:
    return [n for n, f in inspect.getmembers(type(part), inspect.isfunction) if not n.startswith("_")]


def test_every_part_refuses_in_the_dark() -> None:
    desk, power = Desk(), Power()
    devices = desk.devices(power)
    db = devices.disk.connect("journal.db")
    card = SimCard(desk.world, power, lambda event: None, SoftCard())
    parts = [getattr(devices, f.name) for f in dataclasses.fields(devices)] + [card]
    power.dead = True
    tried = 0
    for part in parts:
        for name in methods(part):
            if name == "post":  # an event in memory goes with the power
                continue
            own = {"SimDisk": {"connect": ("journal.db",), "commit": (db,)}, "SimReader": {"connect": ()}}
            arguments = own.get(type(part).__name__, {}).get(name, ARGUMENTS.get(name, ()))
            with pytest.raises(PowerCut):
                getattr(part, name)(*arguments)
            tried += 1
    assert tried > 20
    with pytest.raises(PowerCut):
        db.execute("SELECT 1")


def test_an_uncommitted_transaction_is_gone_after_the_cut() -> None:
    desk, power = Desk(), Power()
    disk = desk.devices(power).disk
    db = disk.connect("journal.db")
    db.execute("BEGIN")
    db.execute("CREATE TABLE t(x)")
    disk.commit(db)
    db.execute("BEGIN")
    db.execute("INSERT INTO t VALUES(1)")
    power.dead = True
    again = desk.devices(Power()).disk.connect("journal.db")
    assert again.execute("SELECT count(*) FROM t").fetchone() == (0,)


def test_power_cut_passes_every_except_exception() -> None:
    assert not issubclass(PowerCut, Exception)
