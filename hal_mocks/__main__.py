"""`python -m hal_mocks [play|interactive|real|peers|soak]`: the demo, the desk under your fingers, the real parts."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path


def main() -> int:
    parser = argparse.ArgumentParser("hal_mocks", description=__doc__)
    parser.add_argument("what", nargs="?", default="play", choices=("play", "interactive", "real", "peers", "soak"))
    parser.add_argument("--dir", type=Path, help="peers: where sockets, settings and state go")
    parser.add_argument("--bank", type=Path, help="peers: a terminal's `provision --share` file, where it is elsewhere")
    parser.add_argument("--bank-port", type=int, default=0, help="peers: where the bank listens (default: any)")
    parser.add_argument("--vpcd-port", type=int, default=0, help="peers: where that terminal's virtual reader listens")
    parser.add_argument("--slot", type=int, default=0, choices=(0, 1), help="peers: which slot of the virtual reader")
    parser.add_argument("--sales", type=int, default=200, help="soak: how many with a kill, and how many with a fault")
    parser.add_argument("--seed", type=int, default=8583, help="soak: where all chance comes from")
    parser.add_argument("--out", type=Path, help="soak: write the report there")
    options = parser.parse_args()
    if options.what == "peers":
        from hal_mocks import peers

        if options.dir is None:
            parser.error("peers needs --dir DIR")
        peers.serve(options.dir, options.slot, options.vpcd_port, options.bank_port, options.bank)
        return 0
    if options.what == "soak":
        from hal_mocks import soak

        return soak.main(options.sales, options.seed, options.out)
    if options.what == "real":
        return _real()
    if options.what == "interactive":
        from hal_mocks import interactive

        return interactive.main()
    from hal_mocks import demo

    return demo.main()


def _real() -> int:
    from hal_mocks import real

    wrong = real.play(lambda line: print(line, flush=True))
    print("\nthe books agree" if not wrong else "\nTHE BOOKS DISAGREE:\n" + "\n".join(wrong))
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
