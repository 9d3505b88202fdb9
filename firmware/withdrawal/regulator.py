"""The report to an authority: a plain table that fits `SCHEMA` (JSON Schema, draft 2020-12), the same each time it
is made."""

from __future__ import annotations

import re
from typing import Any

from firmware.config import Merchant
from firmware.ledger.entry import Entry

_TEXT = {"type": "string", "minLength": 1}
SCHEMA: dict[str, Any] = {
    "$schema": "https://json-schema.org/draft/2020-12/schema",
    "title": "Forced withdrawal of a card transaction",
    "type": "object",
    "additionalProperties": False,
    "required": ["id", "case", "merchant_id", "terminal_id", "what", "original", "amount_fen", "when", "why", "who",
                 "card",
                 "state", "evidence"],
    "properties": {
        "id": _TEXT, "case": _TEXT, "merchant_id": _TEXT, "terminal_id": _TEXT, "what": _TEXT, "original": _TEXT,
        "amount_fen": {"type": "integer", "minimum": 0}, "when": {"type": "string",
                                                                  "pattern": "^\\d{4}-\\d\\d-\\d\\dT"},
        "why": _TEXT, "who": {"type": "string", "pattern": "^\\d\\d\\+\\d\\d$"}, "card": _TEXT, "state": _TEXT,
        "written_ground": {"type": "string"}, "evidence": {"type": "string", "pattern": "^[0-9a-f]{64}$"},
    },
}  # fmt: skip


def report(entry: Entry, original: Entry, merchant: Merchant, evidence: str) -> dict[str, Any]:
    """`evidence` is the hash of the journal row that settled the entry; the chain behind it vouches for the rest."""
    made = {
        "id": f"{merchant.terminal_id}-{entry.batch}-{entry.stan}", "case": entry.case,
        "merchant_id": merchant.merchant_id,
        "terminal_id": merchant.terminal_id, "what": entry.kind.value, "original": original.rrn or original.voucher,
        "amount_fen": entry.amount, "when": entry.at, "why": entry.ground, "who": entry.approver, "card": entry.pan,
        "state": entry.state.value, "evidence": evidence,
    }  # fmt: skip
    return made | ({"written_ground": entry.why} if entry.why else {})


def faults(made: dict[str, Any]) -> list[str]:
    """Where it does not fit the schema: the part of JSON Schema that SCHEMA uses."""
    found = [f"{name} is missing" for name in SCHEMA["required"] if name not in made]
    for name, value in made.items():
        rule = SCHEMA["properties"].get(name)
        if rule is None:
            found.append(f"{name} is not known")
        elif type(value) is not {"string": str, "integer": int}[rule["type"]]:
            found.append(f"{name} is no {rule['type']}")
        elif isinstance(value, str) and (
            len(value) < rule.get("minLength", 0) or not re.search(rule.get("pattern", ""), value)
        ):
            found.append(f"{name} is malformed")
        elif isinstance(value, int) and value < rule.get("minimum", value):
            found.append(f"{name} is too small")
    return found
