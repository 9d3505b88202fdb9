"""The last card sessions, masked, one file each: for a technician who asks what a card and this terminal said."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from firmware import files, log
from firmware.emv.trace import Traced
from firmware.hal.reader import Card

FOLDER = "traces"
_KEPT = 20


class Traces:
    """state/traces/DATE-TIME-N.json, the newest twenty. A disk that is full costs the trace and nothing else."""

    def __init__(self, state: Path, now: Callable[[], datetime]) -> None:
        self._folder, self._now, self._count = state.joinpath(FOLDER), now, 0

    def keep(self, card: Card) -> None:
        if not isinstance(card, Traced):
            return
        self._count += 1
        name = f"{self._now():%Y%m%d-%H%M%S}-{self._count:04d}.json"
        try:
            files.replace(self._folder.joinpath(name), card.text().encode())
            for old in sorted(self._folder.glob("*.json"))[:-_KEPT]:
                old.unlink()
        except OSError as full:
            log.event("trace not kept", why=type(full).__name__)
