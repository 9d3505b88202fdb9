"""`make bench-fleet`: what a fleet costs, on nine virtual Pis that share this machine's cores; ratios, since real Pis have
cores of their own. Written to bench/fleet.json, which docs/bench.md shows beside the rest."""

from __future__ import annotations

import json
import os
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict
from pathlib import Path

from bench.__main__ import ROOT, Result, say, table
from tests.deploy.pis import Fleet, Pi


def measured(fleet: Fleet) -> list[Result]:
    """One against eight, and nothing to do against everything."""
    for _ in range(9):
        fleet.pi()
    rest = [pi.name for pi in fleet.pis[1:]]
    fleet.inventory(fleet=f"canary = {json.dumps([pi.name for pi in fleet.pis])}\n")  # all in one wave
    with ThreadPoolExecutor(3) as pool:
        list(pool.map(Pi.on, fleet.pis))
    one, two = fleet.release(1), fleet.release(2)

    def timed(*words: str) -> float:
        began = time.perf_counter()
        fleet.deploy(*words, "--inventory", "fleet.toml", timeout_s=900.0)
        took = time.perf_counter() - began
        say(f"{took:6.1f} s  {' '.join(words[:4])}")
        return took

    alone = timed("first", "pi1", "--release", str(one))
    eight = timed("first", *rest, "--release", str(one))
    again = timed("first", *rest, "--release", str(one))
    for pi in fleet.pis:
        pi.plays()
    bundle = ("--bundle", str(two), "--window", "2", "--record", str(fleet.folder / "bench.json"))
    newer = timed("update", "pi1", *bundle)
    newer_eight = timed("update", *rest, *bundle)
    noop = timed("update", *rest, *bundle[:4], "--record", str(fleet.folder / "other.json"))
    return [
        Result("fleet: first installation of 8 hosts over 1, cores shared", round(eight / alone, 2), 8, "ratio"),
        Result("fleet: the same again, nothing to do, over the first time", round(again / eight, 2), 0.5, "ratio"),
        Result("fleet: update of 8 hosts over 1, cores shared", round(newer_eight / newer, 2), 8, "ratio"),
        Result("fleet: the same update again over the first time", round(noop / newer_eight, 2), 0.5, "ratio"),
        Result("fleet: first installation of 1 host", round(alone, 1), None, "s"),
        Result("fleet: update of 1 host, a window of 2 s in it", round(newer, 1), None, "s"),
    ]


def main() -> int:
    fleet = Fleet(Path(os.environ["TAKEBACK_RIG"]))
    try:
        results = measured(fleet)
    finally:
        fleet.close()
    for r in results:
        sys.stdout.write(f"{r.value:>10g} {r.unit:<6} {r.name}\n")
    (ROOT / "bench" / "fleet.json").write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
    rest = json.loads((ROOT / "bench" / "results.json").read_text())
    kept = [Result(**row) for row in rest if not row["name"].startswith("fleet:")]
    (ROOT / "bench" / "results.json").write_text(json.dumps([asdict(r) for r in kept + results], indent=1) + "\n")
    (ROOT / "docs" / "bench.md").write_text(table(kept + results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
