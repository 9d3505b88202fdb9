"""The firmware's process up to READY (the first idle screen, before sign-on): `python -m bench.probe CONFIG [list]`.

Prints `ready MB` and stops; with `list` also every module that was loaded, in order.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from firmware import __main__ as command
from firmware import log


class AtReady:
    def write(self, text: str) -> None:
        if '"ready"' not in text:
            return
        rss = next(line for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmRSS"))
        sys.stdout.write(f"ready {int(rss.split()[1]) / 1024:.1f}\n")
        if "list" in sys.argv:
            sys.stdout.write("\n".join(sys.modules) + "\n")
        sys.stdout.flush()
        os._exit(0)


log.to(AtReady())
command.main(["run", "--config", sys.argv[1]])
