"""Random: dice that fall the same way for the same world, and the kernel's generator."""

from __future__ import annotations

from drivers.system import SystemRandom
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.world import World
from tests.contracts.bench import Bench


class Sim(Bench):
    name = "simulation"

    def __init__(self) -> None:
        self.random = parts.SimRandom(World(), Power())


class Kernel(Bench):
    name = "driver, the kernel's"

    def __init__(self) -> None:
        self.random = SystemRandom()


BENCHES = [Sim, Kernel]


def test_it_gives_as_many_bytes_as_asked(bench) -> None:
    for count in (0, 1, 4, 8, 32, 4096):
        assert len(bench.random.bytes(count)) == count


def test_two_draws_differ_and_all_bytes_come_up(bench) -> None:
    assert bench.random.bytes(16) != bench.random.bytes(16)
    assert set(bench.random.bytes(16_384)) == set(range(256))
