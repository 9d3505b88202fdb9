"""One JSON line per state change, to stderr. Secrets mask themselves: their `str` is already safe.

Only the words in `_FIELDS` may be logged, so a careless keyword cannot carry card data out.
"""

from __future__ import annotations

import json
import sys
from typing import Any, Protocol

_FIELDS = frozenset({"stan", "batch", "entry", "kind", "state", "reason", "code", "device", "why", "attempt", "wait_s",
                     "version", "trouble"})  # fmt: skip


class _Sink(Protocol):
    def write(self, text: str, /) -> Any: ...


_sink: list[_Sink] = []


def to(sink: _Sink | None) -> None:
    """Send log lines to `sink` instead of stderr (None: back to stderr)."""
    _sink[:] = [sink] if sink else []


class _Nowhere:
    def write(self, text: str) -> None:
        return None


def quiet() -> None:
    """For commands that answer in sentences."""
    to(_Nowhere())


def event(name: str, **fields: object) -> None:
    """Write one line: {"event": name, ...}. Raises AssertionError for a field that is not on the list."""
    strange = set(fields) - _FIELDS
    assert not strange, f"log field not on the list: {sorted(strange)}"
    line = json.dumps({"event": name, **{k: str(v) for k, v in fields.items()}}, ensure_ascii=False)
    (_sink[0] if _sink else sys.stderr).write(line + "\n")
