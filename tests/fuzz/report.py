"""What the fuzz programs say of themselves: count, seed and revision, findings, seconds; on the screen and as a file."""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

Findings = list[str]


def revision() -> str:
    found = subprocess.run(["git", "describe", "--always", "--dirty"], capture_output=True, text=True, check=False)
    return found.stdout.strip()


def command(
    counted: str, default: int, what: str, run: Callable[[int, int], tuple[Findings, dict[str, object]]]
) -> int:
    """`run(count, seed)` gives findings and more facts. Returns the exit status: 1 if anything was found."""
    parser = argparse.ArgumentParser()
    parser.add_argument(f"--{counted}", dest="count", type=int, default=default)
    parser.add_argument("--seed", type=int, default=8583)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    began, of = time.monotonic(), revision()
    found, facts = run(options.count, options.seed)
    seconds = round(time.monotonic() - began)
    if options.out:
        text = {counted: options.count, "seed": options.seed, "revision": of, "findings": found[:50], **facts,
                "seconds": seconds}  # fmt: skip
        options.out.write_text(json.dumps(text, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    for wrong in found[:50]:
        print(wrong)
    print(f"{options.count} {what} from seed {options.seed}: {len(found)} findings, {seconds} s")
    return 1 if found else 0
