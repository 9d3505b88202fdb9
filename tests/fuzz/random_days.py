"""Many seeded random days (tests/power_cuts/days.py), by hand: `make fuzz DAYS=2400`, the report committed. A finding names
its seed: `Day(seed).play()` plays it again."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from tests.power_cuts.days import findings


def run(days: int, seed: int) -> list[str]:
    chunks = [range(at, min(at + 20, seed + days)) for at in range(seed, seed + days, 20)]
    with ProcessPoolExecutor(2) as pool:
        return [wrong for part in pool.map(findings, chunks) for wrong in part]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--days", type=int, default=2400)
    parser.add_argument("--seed", type=int, default=8583)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    revision = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True).stdout.strip()
    found = run(options.days, options.seed)
    report = {"days": options.days, "seed": options.seed, "revision": revision, "findings": found[:50],
              "seconds": round(time.monotonic() - began)}  # fmt: skip
    if options.out:
        options.out.write_text(json.dumps(report, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for wrong in found:
        print(wrong)
    print(f"{options.days} random days from seed {options.seed}: {len(found)} findings, {report['seconds']} s")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
