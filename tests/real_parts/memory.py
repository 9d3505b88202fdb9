"""Looking for a PIN in another process's memory, as root and from outside (SEC2)."""

from __future__ import annotations

import re
from pathlib import Path

PIN = "602917438516"
_BIG = 512 * 1024 * 1024


def forms(pin: str, pan: str) -> dict[str, bytes]:
    """Every way a PIN has stood in a program before: text, values, packed, blocks of VERIFY and of DE 52."""
    packed = bytes.fromhex(pin)
    verify = bytes.fromhex(f"2{len(pin):X}{pin}".ljust(16, "F"))
    field = bytes.fromhex(f"0{len(pin):X}{pin}".ljust(16, "F"))
    card = bytes.fromhex("0000" + pan[-13:-1])
    return {
        "text": pin.encode(),
        "text, wide": pin.encode("utf-16-le"),
        "text, wider": pin.encode("utf-32-le"),
        "values": bytes(int(d) for d in pin),
        "values, backwards": bytes(int(d) for d in reversed(pin)),
        "packed": packed,
        "block of VERIFY": verify,
        "field of DE 52": field,
        "block of DE 52": bytes(a ^ b for a, b in zip(field, card, strict=True)),
        "block as hex": verify.hex().encode(),
    }


def found(pid: int, wanted: dict[str, bytes]) -> dict[str, int]:
    """How often each form lies in the writable memory of a process."""
    counts = dict.fromkeys(wanted, 0)
    with open(f"/proc/{pid}/mem", "rb", buffering=0) as memory:
        for start, end in _regions(pid):
            try:
                memory.seek(start)
                data = memory.read(min(end - start, _BIG))
            except (OSError, ValueError, OverflowError):
                continue
            for name, form in wanted.items():
                counts[name] += data.count(form)
    return {name: n for name, n in counts.items() if n}


def _regions(pid: int) -> list[tuple[int, int]]:
    rows = Path(f"/proc/{pid}/maps").read_text().splitlines()
    matches = [re.match(r"([0-9a-f]+)-([0-9a-f]+) (\S+)(.*)", row) for row in rows]
    return [(int(m[1], 16), int(m[2], 16)) for m in matches if m and m[3].startswith("rw") and "[v" not in m[4]]
