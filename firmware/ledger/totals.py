"""Sums over the journal, always recomputed from the entries (host facts, 1.6). Debit: sales, completions, offline
sales; credit: their voids and refunds; holds and cash count by themselves."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State

_GOOD = frozenset({State.RELEASED, State.DONE, State.UPLOADED})
DEBIT = frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_NOTICE, Kind.OFFLINE_SALE})
CREDIT = frozenset({Kind.VOID, Kind.REFUND, Kind.COMPLETION_VOID})
OPEN = frozenset({State.UNDECIDED, State.APPROVED, State.CLOSING, State.OWED, State.STUCK, State.UNKNOWN,
                  State.UPLOAD_OWED})  # fmt: skip
TYPES = {Kind.SALE: "22", Kind.COMPLETION: "20", Kind.COMPLETION_NOTICE: "24", Kind.OFFLINE_SALE: "36", Kind.VOID: "23",
         Kind.REFUND: "25", Kind.COMPLETION_VOID: "21"}  # fmt: skip


@dataclass(frozen=True)
class Sum:
    """Fen and how many."""

    fen: int = 0
    count: int = 0

    def digits(self) -> str:
        """12 + 3 digits of F48. Raises ValueError where they do not fit."""
        if self.fen > 999_999_999_999 or self.count > 999:
            raise ValueError("a total does not fit F48")
        return f"{self.fen:012d}{self.count:03d}"


@dataclass(frozen=True)
class Totals:
    """One batch, or what stands of it now. `open` is what nobody can count yet."""

    debit: Sum
    credit: Sum
    cash: Sum
    cash_back: Sum
    held: Sum
    open: Sum

    @property
    def net(self) -> int:
        return self.debit.fen - self.credit.fen

    def f48(self) -> str:
        """62 digits: domestic, then foreign, of which there is none here. The flag is the host's to fill."""
        return self.debit.digits() + self.credit.digits() + "0" + Sum().digits() * 2 + "0"


def of(entries: Iterable[Entry]) -> Totals:
    rows = list(entries)
    return Totals(
        debit=_sum(e for e in rows if counts(e) and e.kind in DEBIT),
        credit=_sum(e for e in rows if counts(e) and e.kind in CREDIT),
        cash=_sum(e for e in rows if counts(e) and e.kind is Kind.CASH),
        cash_back=_sum(e for e in rows if counts(e) and e.kind is Kind.CASH_REFUND),
        held=_sum(e for e in rows if counts(e) and e.kind in (Kind.PREAUTH, Kind.INCREMENT)),
        open=_sum(e for e in rows if e.state in OPEN),
    )


def counts(entry: Entry) -> bool:
    closed = entry.state is State.MANUAL_CLOSED and entry.stands == "yes"
    return entry.state in _GOOD or closed


def _sum(entries: Iterable[Entry]) -> Sum:
    rows = list(entries)
    return Sum(sum(e.amount for e in rows), len(rows))


def detail(entry: Entry, pan: str) -> str:
    """One of up to eight in a 0320: type 2, STAN 6, card number 20, amount 12."""
    return TYPES[entry.kind] + entry.stan + pan.rjust(20, "0") + f"{entry.amount:012d}"
