"""结算: a stored machine, each step durable and repeatable, so that it resumes wherever it was cut (host facts, 1.6;
money rule 10). It closes the batch and deletes nothing.

totals (0500) → compared → details (0320, up to eight at a time; only on a mismatch) → ending (0320 207 or 202) →
printing → closed, in one transaction with the next batch number."""

from __future__ import annotations

from firmware import log
from firmware.errors import HostError, NoAnswer, NotSent
from firmware.hal.link import Abort
from firmware.host import messages
from firmware.host.codec import Message
from firmware.host.exchange import Host, never
from firmware.ledger import totals
from firmware.ledger.entry import Entry
from firmware.ledger.journal import Record
from firmware.ledger.ledger import Ledger
from firmware.ledger.totals import Totals

BOOK = "settlement"
_AT_ONCE = 8
_OVER = ("closed", "put_off")
BALANCED = "1"


class Settlement:
    """The newest settlement of this terminal, and its next step."""

    def __init__(self, ledger: Ledger, host: Host) -> None:
        self._ledger, self._journal, self._host = ledger, ledger.journal, host

    @property
    def running(self) -> Record | None:
        """One that was begun and has not come to its end."""
        row = self._journal.last_record(BOOK)
        return row if row and row["phase"] not in _OVER else None

    @property
    def last(self) -> Record | None:
        """The newest that is closed."""
        rows = self._journal.records(BOOK, phase="closed")
        return rows[-1] if rows else None

    def begin(self, operator: str, rules: str) -> Record:
        """Freeze the totals, durably. Raises ValueError where they do not fit the message."""
        batch = self._journal.batch
        mine = totals.of(self._journal.of_batch(batch)).f48()
        return self._journal.record(BOOK, batch=batch, phase="totals", mine=mine, operator=operator, rules=rules,
                                    done=0,
                                    host="", prints=0)  # fmt: skip

    def step(self, row: Record, abort: Abort = never) -> Record:
        """One step with the host; the same record comes back where it did not answer."""
        work = {"totals": self._compare, "compared": self._decide, "details": self._upload, "ending": self._end}
        return work[row["phase"]](row, abort)

    def put_off(self, row: Record) -> Record:
        """Not now: the host has not closed anything yet."""
        assert row["phase"] == "totals", "after the comparison it goes on to its end"
        return self._journal.record(BOOK, row["id"], phase="put_off")

    def count_print(self, row: Record) -> Record:
        """Before paper moves: a second print is a duplicate. Durable."""
        return self._journal.record(BOOK, row["id"], prints=row["prints"] + 1)

    def close(self, row: Record) -> Record:
        """Closed, and the next batch number, in one transaction."""
        following = f"{int(row['batch']) % 999_999 + 1:06d}"
        log.event("batch closed", batch=row["batch"])
        return self._journal.record(BOOK, row["id"], phase="closed", settings={"batch": following, "stan_drawn": ""})

    def _compare(self, row: Record, abort: Abort) -> Record:
        request = messages.settle(self._host.profile, self._host.caller, self._journal.next_stan(), row["batch"],
                                  row["operator"], row["mine"])  # fmt: skip
        reply = self._ask(request, abort)
        f48 = reply.get(48) if reply else ""
        if len(f48) != 62:
            return row
        return self._journal.record(BOOK, row["id"], phase="compared", host=f48)

    def _decide(self, row: Record, abort: Abort) -> Record:
        phase = "ending" if balanced(row) else "details"
        return self._journal.record(BOOK, row["id"], phase=phase)

    def _upload(self, row: Record, abort: Abort) -> Record:
        entries = counted(self._journal.of_batch(row["batch"]))
        part = entries[row["done"] : row["done"] + _AT_ONCE]
        if not part:
            return self._journal.record(BOOK, row["id"], phase="ending")
        f48 = f"{len(part):02d}" + "".join(totals.detail(e, self._pan(e)) for e in part)
        if not self._accepted(row, f48, messages.UPLOAD, abort):
            return row
        return self._journal.record(BOOK, row["id"], done=row["done"] + len(part))

    def _pan(self, entry: Entry) -> str:
        """For the wire only: a batch upload names the card (host facts, 1.6)."""
        return self._ledger.details(entry).pan.reveal()

    def _end(self, row: Record, abort: Abort) -> Record:
        kind = messages.UPLOAD_END_BALANCED if balanced(row) else messages.UPLOAD_END_NOT
        if not self._accepted(row, f"{row['done']:04d}", kind, abort):
            return row
        return self._journal.record(BOOK, row["id"], phase="printing")

    def _accepted(self, row: Record, f48: str, kind: str, abort: Abort) -> bool:
        request = messages.batch_upload(self._host.profile, self._host.caller, self._journal.next_stan(),
                                        row["batch"], f48,
                                        kind)  # fmt: skip
        reply = self._ask(request, abort)
        return reply is not None and reply.get(39) in self._host.profile.success

    def _ask(self, request: Message, abort: Abort) -> Message | None:
        try:
            return self._host.ask(request, abort, signed=False)
        except (NotSent, NoAnswer, HostError) as broken:
            log.event("settlement waits", why=type(broken).__name__)
            return None


def counted(entries: list[Entry]) -> list[Entry]:
    """What a batch upload lists."""
    return [e for e in entries if totals.counts(e) and e.kind in totals.TYPES]


def balanced(row: Record) -> bool:
    """The host's flags, checked against its own numbers: a flag that says 'equal' over other numbers is not
    believed."""
    mine, host = str(row["mine"]), str(row["host"])
    return host[30] == BALANCED and host[61] == BALANCED and host[:30] == mine[:30] and host[31:61] == mine[31:61]


def sums(f48: str) -> Totals:
    """62 digits → totals of the domestic half."""
    debit = totals.Sum(int(f48[:12]), int(f48[12:15]))
    credit = totals.Sum(int(f48[15:27]), int(f48[27:30]))
    nothing = totals.Sum()
    return Totals(debit, credit, nothing, nothing, nothing, nothing)
