"""The same targets under atheris, which follows coverage: by hand, where it is installed (it is in no lock).

pip install atheris; PYTHONPATH=. python -m tests.fuzz.with_atheris -max_total_time=240
"""

from __future__ import annotations

import sys


def main() -> None:
    import atheris

    with atheris.instrument_imports(include=["firmware.emv", "firmware.host.codec"]):
        from tests.fuzz import emv_inputs
    names = list(emv_inputs.TARGETS)

    @atheris.instrument_func
    def one(data: bytes) -> None:
        """The first byte picks the target."""
        if data:
            name = names[data[0] % len(names)]
            _, finding = emv_inputs.end_of(emv_inputs.TARGETS[name][0], data[1:] or b"\0")
            assert not finding, f"{name}: {finding}"

    atheris.Setup(sys.argv, one)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
