"""The coverage table of docs/emv.md, from the rows that are played (tests/emv/outcomes.py). `python -m
tools.emv_table`."""

from __future__ import annotations

from itertools import groupby
from pathlib import Path

from tests.emv.outcomes import CASES

DOC = Path(__file__).resolve().parent.parent / "docs" / "emv.md"
BEGIN, END = "<!-- table: python -m tools.emv_table -->", "<!-- end of table -->"


def table() -> str:
    """Markdown: one row an outcome; the TVR and the CVM results where the row is about them."""
    rows = ["| stage | reached by | outcome | TVR | 9F34 |", "|---|---|---|---|---|"]
    for stage, cases in groupby(CASES, key=lambda c: c.stage):
        for n, c in enumerate(cases):
            rows.append(f"| {stage if not n else ''} | {c.name} | {c.outcome} | {c.tvr} | {c.cvm} |")
    return "\n".join([*rows, "", f"{len(CASES)} rows."])


def whole(text: str) -> str:
    """The document with the table of now."""
    head, _, rest = text.partition(BEGIN)
    return f"{head}{BEGIN}\n\n{table()}\n\n{END}{rest.partition(END)[2]}"


if __name__ == "__main__":
    DOC.write_text(whole(DOC.read_text(encoding="utf-8")), encoding="utf-8")
