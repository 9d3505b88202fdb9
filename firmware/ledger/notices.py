"""Who must hear of it: an out-queue that lives in the journal. Each event makes one notice a party, whatever happens in
between; a party that was told twice drops the second by its key (S75)."""

from __future__ import annotations

import json

from firmware.hal.outlet import PARTIES, Outlet
from firmware.ledger.journal import Journal, Record
from firmware.ledger.true_time import TrueTime

BOOK = "notice"
WAITING, GIVEN, PRINTING = "waiting", "given", "printing"
CUSTOMER = "customer"


class Notices:
    """Parties outside are told over the outlet; the customer's notice is a slip."""

    def __init__(self, journal: Journal, outlet: Outlet, time: TrueTime) -> None:
        self._journal, self._outlet, self._time = journal, outlet, time

    def post(self, event: str, parties: tuple[str, ...] = PARTIES, **facts: object) -> None:
        """One notice a party for this event, ever. Durable. `facts` hold no card data."""
        known = {(r["event"], r["party"]) for r in self._journal.records(BOOK, event=event)}
        for party in parties:
            if (event, party) not in known:
                self._journal.record(BOOK, event=event, party=party, state=WAITING, facts=facts)

    @property
    def waiting(self) -> list[Record]:
        return [r for r in self._journal.records(BOOK, state=WAITING) if r["party"] != CUSTOMER]

    @property
    def for_customer(self) -> list[Record]:
        """Slips that are not proved yet; one that was being printed is printed again as a duplicate."""
        return [r for r in self._journal.records(BOOK, party=CUSTOMER) if r["state"] != GIVEN]

    def deliver(self) -> int:
        """Hand over what waits, oldest first; a party that does not take it keeps its own queue waiting. How many
        went."""
        deaf: set[str] = set()
        went = 0
        for row in self.waiting:
            if row["party"] in deaf:
                continue
            if self._outlet.send(row["party"], self.key(row), self.text(row)):
                self._journal.record(BOOK, row["id"], state=GIVEN)
                went += 1
            else:
                deaf.add(row["party"])
        return went

    def mark(self, row: Record, state: str) -> None:
        self._journal.record(BOOK, row["id"], state=state)

    @staticmethod
    def key(row: Record) -> str:
        return f"{row['event']}:{row['party']}"

    @staticmethod
    def text(row: Record) -> str:
        table = {"event": row["event"], "at": row["at"], **row["facts"]}
        return json.dumps(table, ensure_ascii=False, sort_keys=True)
