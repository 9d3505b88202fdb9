"""The cash register asks: the last transaction, or whether a voucher may be withdrawn. It decides nothing and moves
no money; a refusal has the code that the merchant's screen shows too (S15; host facts 5, rule 16)."""

from __future__ import annotations

import json
from typing import Any

from firmware import receipts
from firmware.flows import finding, withdraw
from firmware.ledger.entry import Entry
from firmware.terminal import Terminal
from firmware.withdrawal import rules, subject


def answer(t: Terminal, line: str) -> None:
    """One JSON object in, one out; what cannot be read is said so."""
    try:
        asked = json.loads(line)
        made = {"last": _last, "withdraw": _withdraw, "query": _query}[asked["do"]](t, asked)
    except (ValueError, KeyError, TypeError):
        made = {
            "code": "W90",
            "text": 'ask {"do": "last"}, {"do": "query", "voucher": "000123"} or {"do": "withdraw", …}',
        }
    t.devices.outlet.answer(json.dumps(made, ensure_ascii=False, sort_keys=True))


def _last(t: Terminal, asked: dict[str, Any]) -> dict[str, Any]:
    entry = finding.last(t)
    return seen(entry) if entry else {"code": "W13", "text": rules.NOT_FOUND.why.en}


def _query(t: Terminal, asked: dict[str, Any]) -> dict[str, Any]:
    entry = t.journal.find(str(asked["voucher"]))
    return seen(entry) if entry else {"code": "W13", "text": rules.NOT_FOUND.why.en}


def seen(entry: Entry) -> dict[str, Any]:
    """An unknown outcome is said as unknown, never as declined."""
    return {"code": "00", "voucher": entry.voucher, "kind": entry.kind.value, "amount": entry.amount,
            "order": entry.order,
            "state": entry.state.value, "text": receipts.outcome(entry).en}  # fmt: skip


def _withdraw(t: Terminal, asked: dict[str, Any]) -> dict[str, Any]:
    """May it be done, and if not, why not. Doing it takes card, customer and supervisor at the terminal."""
    entry = t.journal.find(str(asked["voucher"]))
    if entry is None:
        return {"code": "W13", "text": rules.NOT_FOUND.why.en}
    about = subject.of(entry, withdraw.family(t, entry), t.time.strict())
    action = str(asked["action"])
    no = rules.judge_action(t.pack, action, about, withdraw.circumstances(t))
    if action == "refund" and 0 < about.left < int(asked.get("amount", 0)):
        no = no or rules.NOTHING_LEFT
    return {"code": no.code, "text": no.why.en} if no else {"code": "00", "left": about.left}
