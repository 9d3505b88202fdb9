"""One entry of the journal: what the terminal knows about one act of money."""

from __future__ import annotations

import json
from dataclasses import dataclass, replace
from typing import Any

from firmware.ledger.lifecycle import Kind, State

_ALWAYS = frozenset({"id", "kind", "state", "batch", "stan", "amount", "at", "original"})


@dataclass(frozen=True)
class Entry:
    """Amounts in fen. `card` is the sealed PAN and expiry (hex), `token` matches the same card, `pan` is masked.

    No track, PIN block or clear PAN is ever in here (PCI DSS 3.3.1). `f55` is the shrunken F55 of a reversal,
    hex. `at` is local time, ISO 8601. `reason` is DE 39 of the 0400 this entry owes. `signed` is 'yes' or 'no' once the
    operator compared the signature; `copy` is 'qr' if the customer took a digital copy instead of paper.

    `order` is the shop's order number; `request` the withdrawal request this entry carries out, `ground` its reason
    code, `started_by` 'customer' or 'merchant', `way` how the original was found, `approver` who granted it, `case` the
    PSP's or authority's number. `rules` names the rule pack in force. A booking has `service` (ISO 8601), `booking`
    (its class), `terms`, `expires` and, once amended down, `cap` (fen). `posting` is what became of a refund at the
    bank ('' not asked yet, pending, posted, adjusted, rejected), `posted` the fen that arrived, `due` the expected day,
    `polled` when it was last asked. `final` marks a payment that cannot be taken back, told before it was made.
    `scripts` is the F55 of the 0620 that reports issuer scripts (hex), `scripts_owed` 'yes' until the host has it.
    `unproven` is the bank's code where it only says that nothing stands. `stands` is what whoever closed the case by
    hand found out: does it stand at the bank, 'yes' or 'no'.
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
    order: str = ""
    request: int = 0
    ground: str = ""
    started_by: str = ""
    way: str = ""
    approver: str = ""
    case: str = ""
    rules: str = ""
    disclosure: str = ""
    service: str = ""
    booking: str = ""
    terms: str = ""
    expires: str = ""
    cap: int = 0
    posting: str = ""
    posted: int = 0
    due: str = ""
    polled: str = ""
    final: str = ""
    scripts: str = ""
    scripts_owed: str = ""
    unproven: str = ""
    stands: str = ""

    @property
    def voucher(self) -> str:
        """凭证号: the STAN."""
        return self.stan

    def text(self) -> str:
        """Canonical JSON, the text that is hashed. A fact that is empty is left out."""
        table = {name: value for name, value in vars(self).items() if value or name in _ALWAYS}
        table |= {"kind": self.kind.value, "state": self.state.value}
        return json.dumps(table, ensure_ascii=False, sort_keys=True, separators=(",", ":"))

    @classmethod
    def from_text(cls, text: str) -> Entry:
        table: dict[str, Any] = json.loads(text)
        return cls(**(table | {"kind": Kind(table["kind"]), "state": State(table["state"])}))

    def changed(self, **facts: Any) -> Entry:
        return replace(self, **facts)
