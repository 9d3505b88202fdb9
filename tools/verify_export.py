#!/usr/bin/env python3
"""Check an exported journal and rebuild every total from it. Needs nothing but Python: no Takeback, no library.

    python3 verify_export.py FOLDER

Exit 0: the chain is whole, entries and records are the newest texts of it, and each settlement is the sum of its batch.
The rules are those of docs/export.md, written down here a second time on purpose.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

Fact = dict[str, Any]

GOOD = {"released", "done", "uploaded"}
DEBIT = {"sale", "completion", "completion_notice", "offline_sale"}
CREDIT = {"void", "refund", "completion_void"}
HIDDEN = {"card", "token", "f55"}


def lines(path: Path) -> list[Fact]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def check_chain(rows: list[Fact]) -> tuple[dict[int, Fact], dict[tuple[str, int], Fact]]:
    """The newest text of each entry and record, oldest hash first. Raises ValueError naming the row."""
    head = "0" * 64
    entries: dict[int, Fact] = {}
    records: dict[tuple[str, int], Fact] = {}
    for number, row in enumerate(rows, 1):
        head = hashlib.sha256(f"{head}\n{row['text']}".encode()).hexdigest()
        if row["seq"] != number or row["hash"] != head:
            raise ValueError(f"chain row {row['seq']} does not fit")
        fact = json.loads(row["text"])
        if row["entry"] == 0:
            records[fact["book"], fact["id"]] = fact
        else:
            entries[fact["id"]] = fact
    return entries, records


def totals(entries: dict[int, Fact], batch: str) -> tuple[int, int, int, int]:
    mine = [e for e in entries.values() if e["batch"] == batch and e["state"] in GOOD]
    debit = [e["amount"] for e in mine if e["kind"] in DEBIT]
    credit = [e["amount"] for e in mine if e["kind"] in CREDIT]
    return sum(debit), len(debit), sum(credit), len(credit)


def f48(debit: int, debits: int, credit: int, credits: int) -> str:
    return f"{debit:012d}{debits:03d}{credit:012d}{credits:03d}"


def main(folder: Path) -> int:
    entries, records = check_chain(lines(folder / "chain.jsonl"))
    shown = {n: {k: v for k, v in e.items() if k not in HIDDEN} for n, e in entries.items()}
    if {e["id"]: e for e in lines(folder / "entries.jsonl")} != shown:
        raise ValueError("entries.jsonl is not what the chain says")
    if {(r["book"], r["id"]): r for r in lines(folder / "records.jsonl")} != records:
        raise ValueError("records.jsonl is not what the chain says")
    for (book, number), row in sorted(records.items()):
        if (
            book == "settlement"
            and row["phase"] == "closed"
            and row["mine"][:30] != f48(*totals(entries, row["batch"]))
        ):
            raise ValueError(f"settlement {number} is not the sum of batch {row['batch']}")
    print(f"{len(entries)} entries, {len(records)} records: the chain is whole")
    for batch in sorted({e["batch"] for e in entries.values()}):
        debit, debits, credit, credits = totals(entries, batch)
        print(f"batch {batch}: debit {debits} / {debit}, credit {credits} / {credit}, net {debit - credit}")
    return 0


if __name__ == "__main__":
    try:
        sys.exit(main(Path(sys.argv[1])))
    except (ValueError, KeyError, OSError, IndexError) as wrong:
        print(f"NOT GOOD: {wrong}", file=sys.stderr)
        sys.exit(1)
