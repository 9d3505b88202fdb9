"""Clock: the world's time that jumps, and the machine's."""

from __future__ import annotations

from drivers.system import SystemClock
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.world import World
from tests.contracts.bench import Bench, needs


class Sim(Bench):
    name = "simulation"

    def __init__(self) -> None:
        self.world = World()
        self.clock = parts.SimClock(self.world, Power())

    def pass_time(self, seconds: float) -> None:
        self.world.pass_time(seconds)


class Machine(Bench):
    name = "driver, this machine"
    cannot = {"pass_time": "no test moves the machine's clock"}

    def __init__(self) -> None:
        self.clock = SystemClock()


BENCHES = [Sim, Machine]


def test_wall_time_is_local_naive_and_in_whole_seconds(bench) -> None:
    now = bench.clock.now()
    assert now.tzinfo is None and now.microsecond == 0
    assert abs((bench.clock.today() - now.date()).days) <= 1


def test_monotonic_seconds_never_run_backwards(bench) -> None:
    seen = [bench.clock.monotonic_s() for _ in range(1000)]
    assert seen == sorted(seen)


@needs("pass_time")
def test_both_clocks_move_together(bench) -> None:
    wall, steady = bench.clock.now(), bench.clock.monotonic_s()
    bench.pass_time(90)
    assert (bench.clock.now() - wall).seconds == 90
    assert bench.clock.monotonic_s() - steady == 90
