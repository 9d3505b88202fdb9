"""Many seeded random days (tests/power_cuts/days.py), by hand: `make fuzz DAYS=2400`, the report committed. A finding names
its seed: `Day(seed).play()` plays it again."""

from __future__ import annotations

import sys
from concurrent.futures import ProcessPoolExecutor

from tests.fuzz import report
from tests.power_cuts.days import findings


def run(days: int, seed: int) -> tuple[report.Findings, dict[str, object]]:
    chunks = [range(at, min(at + 20, seed + days)) for at in range(seed, seed + days, 20)]
    with ProcessPoolExecutor(2) as pool:
        return [wrong for part in pool.map(findings, chunks) for wrong in part], {}


if __name__ == "__main__":
    sys.exit(report.command("days", 2400, "random days", run))
