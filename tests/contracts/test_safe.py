"""Safe: the key store and its switch, as a file and as the world's."""

from __future__ import annotations

import tempfile
from pathlib import Path

from drivers.safe import FileSafe
from firmware.security import keystore
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.world import World
from tests.contracts.bench import Bench


class Sim(Bench):
    name = "simulation"

    def __init__(self) -> None:
        self.world = World()
        self.safe = parts.SimSafe(self.world, Power())

    def has_tmk(self) -> bool:
        return not self.world.erased


class OnDisk(Bench):
    name = "driver, a file"

    def __init__(self) -> None:
        self._made = tempfile.TemporaryDirectory()
        self.folder = Path(self._made.name)
        keystore.save(keystore.generate(), self.folder)
        self.safe = FileSafe(self.folder)

    def has_tmk(self) -> bool:
        return not keystore.load(self.folder).erased


BENCHES = (Sim, OnDisk)


def test_a_closed_case_says_nothing(bench) -> None:
    posted: list[object] = []
    bench.safe.start(posted.append)
    assert bench.safe.open() is False
    assert posted == []
    assert bench.has_tmk()


def test_erased_is_erased_however_often(bench) -> None:
    for _ in range(3):
        bench.safe.erase()
        assert not bench.has_tmk()
