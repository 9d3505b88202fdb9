"""Four books: host, journal, card, paper. They agree, or here is the sentence that says where not (design, "The
books agree")."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from hal_mocks.paper import Approval, approvals
from hal_mocks.world import World

_NOTHING = frozenset({State.REVERSED, State.NEVER_SENT, State.DECLINED, State.CANCELLED, State.MANUAL_CLOSED})


@dataclass(frozen=True)
class Line:
    """One entry, seen four times."""

    entry: Entry
    host_net: int
    card_tc: bool
    originals: int
    voided: bool


def lines(world: World, entries: list[Entry]) -> list[Line]:
    on_paper = approvals(world.paper)
    return [_line(world, e, entries, on_paper) for e in entries]


def _line(world: World, e: Entry, entries: list[Entry], on_paper: list[Approval]) -> Line:
    account = world.bank.accounts.get((e.batch, e.stan))
    tcs = [d for c in world.wallet for d in c.tcs if e.atc and d.atc == int(e.atc, 16) and d.amount == e.amount
           and e.pan.endswith(c.profile.pan[-4:])]  # fmt: skip
    mine = [a for a in on_paper if a.voucher == e.voucher and a.copy == "merchant" and not a.duplicate]
    gone = any(c.original == e.id and c.state is State.RELEASED for c in entries)
    return Line(e, account.net if account else 0, bool(tcs), len(mine), gone)


def disagreements(world: World, entries: list[Entry], healed: bool = True, wrong_answers: bool = False) -> list[str]:
    """Empty when the books agree. `healed`: nothing may be open any more. `wrong_answers`: an operator may have said
    "not complete" of a whole slip, so an approval line may stand on reversed money."""
    found = [p for row in lines(world, entries) for p in _check(row, healed, wrong_answers)]
    found += _strangers(world, entries)
    found += [f"bank: {p}" for p in world.bank.problems]
    return found


def _check(row: Line, healed: bool, wrong_answers: bool) -> list[str]:
    e, name = row.entry, f"{row.entry.kind.value} {row.entry.voucher} {row.entry.state.value}"
    found = []
    if healed and e.state in (State.UNDECIDED, State.OWED, State.UNKNOWN, State.APPROVED):
        found.append(f"{name}: still open")
    if e.kind is Kind.SALE and e.state is State.RELEASED:
        found += _released(row, name)
    if e.state in _NOTHING:
        found += [f"{name}: the host still has {row.host_net}"] if row.host_net else []
        found += [f"{name}: an approval line is on paper"] if row.originals and not wrong_answers else []
        found += [f"{name}: the card has a TC"] if row.card_tc and e.state is not State.REVERSED else []
    return found


def _released(row: Line, name: str) -> list[str]:
    due = 0 if row.voided else row.entry.amount
    wanted = 0 if row.entry.copy else 1
    return [
        *([f"{name}: the host has {row.host_net}, not {due}"] if row.host_net != due else []),
        *([f"{name}: the card has no TC"] if not row.card_tc else []),
        *([f"{name}: {row.originals} original slips, not {wanted}"] if row.originals != wanted else []),
    ]


def _strangers(world: World, entries: list[Entry]) -> list[str]:
    """What the host or the paper has and the journal does not."""
    known = {(e.batch, e.stan) for e in entries}
    found = [f"host: {key} is in no journal" for key, a in world.bank.accounts.items() if a.net and key not in known]
    vouchers = {e.voucher for e in entries}
    found += [
        f"paper: voucher {a.voucher} is in no journal" for a in approvals(world.paper) if a.voucher not in vouchers
    ]
    return found + [f"glass let the goods go, {g}" for g in world.given if not g.endswith("released")]


def table(world: World, entries: list[Entry]) -> str:
    """The four books side by side."""
    rows = [f"{'voucher':8}{'kind':6}{'journal':12}{'amount':>10}{'host net':>10}  card  originals"]
    for row in lines(world, entries):
        e = row.entry
        journal = e.state.value + (" (voided)" if row.voided else "")
        rows.append(f"{e.voucher:8}{e.kind.value:6}{journal:12}{e.amount:>10}{row.host_net:>10}"
                    f"  {'TC' if row.card_tc else '--':4}  {row.originals}")  # fmt: skip
    return "\n".join(rows)
