"""One entry of the journal: what the terminal knows about one act of money."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from firmware.ledger.lifecycle import Kind, State


@dataclass(frozen=True)
class Entry:
    """Amounts in fen. `card` is the sealed PAN and expiry (hex), `token` matches the same card, `pan` is masked.

    No track, PIN block or clear PAN is ever in here (PCI DSS 3.3.1). `f55` is the shrunken F55 of a reversal,
    hex. `at` is local time, ISO 8601. `reason` is DE 39 of the 0400 this entry owes. `signed` is 'yes' or 'no' once the
    operator compared the signature; `copy` is 'qr' if the customer took a digital copy instead of paper.
    """

    id: int
    kind: Kind
    state: State
    batch: str
    stan: str
    amount: int
    at: str
    original: int = 0
    pan: str = ""
    token: str = ""
    card: str = ""
    f22: str = ""
    f23: str = ""
    f55: str = ""
    rrn: str = ""
    auth: str = ""
    code: str = ""
    issuer: str = ""
    host_date: str = ""
    host_time: str = ""
    reason: str = ""
    aid: str = ""
    label: str = ""
    cryptogram_kind: str = ""
    cryptogram: str = ""
    tvr: str = ""
    tsi: str = ""
    atc: str = ""
    cvm: str = ""
    operator: str = ""
    attempts: int = 0
    refusals: int = 0
    last_attempt: str = ""
    prints: int = 0
    why: str = ""
    signed: str = ""
    copy: str = ""

    @property
    def voucher(self) -> str:
        """凭证号: the STAN."""
        return self.stan

    def text(self) -> str:
        """Canonical JSON, the text that is hashed."""
        table = vars(self) | {"kind": self.kind.value, "state": self.state.value}
        return json.dumps(table, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Entry:
        table: dict[str, Any] = json.loads(text)
        return cls(**(table | {"kind": Kind(table["kind"]), "state": State(table["state"])}))

    def changed(self, **facts: Any) -> Entry:
        return replace(self, **facts)
