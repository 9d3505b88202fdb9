"""The open journal as files that anybody can read (docs/export.md): JSON Lines and CSV; no card number, no contact
data.

`chain.jsonl` is the whole hash chain, from which a third party rebuilds all the rest (tools/verify_export.py).
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.ledger.entry import Entry
from firmware.ledger.journal import Journal

COLUMNS = ("id", "kind", "state", "batch", "stan", "amount", "at", "original", "order", "pan", "rrn", "auth", "code",
           "operator",
           "ground", "started_by", "approver", "request", "rules", "due", "posting", "posted", "reason",
           "case")  # fmt: skip
_SEALED = ("card", "token", "f55")  # sealed or keyed: of no use outside, so it stays inside
BOOKS = ("request", "contact", "settlement", "notice", "operator", "rules", "other_card", "override",
         "wrong_password", "clock",
         "regulator_report")  # fmt: skip


def write(journal: Journal, folder: Path, say: Callable[[str], None]) -> None:
    """chain.jsonl, entries.jsonl, entries.csv, records.jsonl, and a report a file. Raises OSError."""
    folder.mkdir(parents=True, exist_ok=True)
    entries = [public(e) for e in journal.all()]
    records = [row for book in BOOKS for row in journal.records(book)]
    rows = [{"seq": seq, "entry": entry, "text": text, "hash": found} for seq, entry, text, found in journal.rows()]
    for name, table in (("chain", rows), ("entries", entries), ("records", records)):
        _lines(folder.joinpath(f"{name}.jsonl"), table)
        say(f"{name}.jsonl: {len(table)}")
    with folder.joinpath("entries.csv").open("w", encoding="utf-8", newline="") as file:
        made = csv.DictWriter(file, COLUMNS, extrasaction="ignore", restval="")
        made.writeheader()
        made.writerows(entries)
    for row in journal.records("regulator_report"):
        report = row["report"]
        folder.joinpath(f"regulator-{report['id']}.json").write_text(
            json.dumps(report, ensure_ascii=False, indent=1) + "\n"
        )


def public(entry: Entry) -> dict[str, Any]:
    """What is not empty and belongs to nobody's card."""
    table: dict[str, Any] = json.loads(entry.text())
    return {name: value for name, value in table.items() if name not in _SEALED}


def _lines(path: Path, rows: list[dict[str, Any]]) -> None:
    text = "".join(json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in rows)
    path.write_text(text, encoding="utf-8")
