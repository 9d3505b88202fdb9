"""Four books: host, journal, card, paper. They agree, or here is the sentence that says where not (design, "The
books agree")."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import HELD_FOR_PAPER, LET_GO, Kind, State
from hal_mocks.paper import Approval, approvals
from hal_mocks.world import World

_NOTHING = frozenset({State.REVERSED, State.NEVER_SENT, State.DECLINED, State.CANCELLED})


_PAID = frozenset({Kind.SALE, Kind.COMPLETION, Kind.COMPLETION_NOTICE, Kind.OFFLINE_SALE})
_STANDS = frozenset({State.RELEASED, State.UPLOADED})
_BACK = frozenset({State.RELEASED, State.DONE})


@dataclass(frozen=True)
class Line:
    """One entry, seen four times. `due`: what the host should have, reckoned from the journal alone; it may have less
    by `doubt`, the fen of refunds whose outcome nobody knows."""

    entry: Entry
    host_net: int
    host_hold: int
    due: int
    doubt: int
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
    if e.state is State.NEVER_SENT and any(o.kind is Kind.OFFLINE_SALE and o.order == e.order for o in entries):
        tcs = []  # the card's TC is the offline sale's that was made of it
    mine = [a for a in on_paper if a.voucher == e.voucher and a.copy == "merchant" and not a.duplicate]
    children = [c for c in entries if c.original == e.id]
    voids = [c for c in children if c.kind in (Kind.VOID, Kind.COMPLETION_VOID)]
    gone = any(c.state is State.RELEASED or _closed(c, "yes") for c in voids)
    due = _held(e, children, entries) if e.kind is Kind.PREAUTH else 0 if gone else e.amount - _went_back(children)
    net, hold = (account.net, account.hold) if account else (0, 0)
    doubt = sum(c.amount for c in children if c.kind is Kind.REFUND and c.state is State.UNKNOWN)
    return Line(e, net, hold, due, doubt, bool(tcs), len(mine), gone)


def _closed(e: Entry, stands: str) -> bool:
    """By hand, with this truth."""
    return e.state is State.MANUAL_CLOSED and e.stands == stands


def _went_back(children: list[Entry]) -> int:
    back = [c for c in children if c.state in _BACK or _closed(c, "yes")]
    refunds = [c for c in back if c.kind in (Kind.REFUND, Kind.CASH_REFUND)]
    return sum({"rejected": 0, "adjusted": c.posted}.get(c.posting, c.amount) for c in refunds)


def _held(booking: Entry, children: list[Entry], entries: list[Entry]) -> int:
    """Nothing once it is cancelled or completed; else what was held, with what was added."""
    done = [c for c in children if c.state in _STANDS]
    undone = {v.original for v in entries if v.kind is Kind.COMPLETION_VOID and v.state is State.RELEASED}
    ended = [
        c for c in done if c.kind in (Kind.PREAUTH_VOID, Kind.COMPLETION, Kind.COMPLETION_NOTICE) and c.id not in undone
    ]
    return 0 if ended else booking.amount + sum(c.amount for c in done if c.kind is Kind.INCREMENT)


def disagreements(
    world: World, entries: list[Entry], healed: bool = True, wrong_answers: bool = False, may_ask: bool = True
) -> list[str]:
    """Empty when the books agree. `healed`: nothing may be open any more. `wrong_answers`: an operator may have said
    "not complete" of a whole slip, so an approval line may stand on reversed money. `may_ask`: the bank answers
    inquiries or repeats, so no refund may stay UNKNOWN; where it does not, the journal's doubt is the truth."""
    found = [p for row in lines(world, entries) for p in _check(row, healed, wrong_answers, may_ask)]
    found += _strangers(world, entries) + _too_much_back(entries)
    found += [f"bank: {p}" for p in world.bank.problems]
    return found


def _check(row: Line, healed: bool, wrong_answers: bool, may_ask: bool) -> list[str]:
    e, name = row.entry, f"{row.entry.kind.value} {row.entry.voucher} {row.entry.state.value}"
    found = []
    if healed and e.state in _OPEN and (may_ask or e.state is not State.UNKNOWN):
        found.append(f"{name}: still open")
    least = row.due if may_ask else row.due - row.doubt
    stands = e.state in _STANDS or _closed(e, "yes")
    if e.kind in _PAID and stands and not least <= row.host_net <= row.due:
        found.append(f"{name}: the host has {row.host_net}, not {row.due}")
    if e.kind is Kind.PREAUTH and e.state is State.RELEASED and row.host_hold != row.due:
        found.append(f"{name}: the host holds {row.host_hold}, not {row.due}")
    if e.state in LET_GO and e.kind in HELD_FOR_PAPER:
        found += _released(row, name)
    if e.state in LET_GO and e.signed == "no" and not row.voided and healed and e.kind is not Kind.PREAUTH:
        found.append(f"{name}: the signature did not match and nothing has undone it")
    if e.state in _NOTHING or e.state is State.NEVER_UPLOAD or _closed(e, "no"):
        found += [f"{name}: the host still has {row.host_net}"] if row.host_net or row.host_hold else []
    if e.state in _NOTHING:
        found += [f"{name}: an approval line is on paper"] if row.originals and not wrong_answers else []
        found += [f"{name}: the card has a TC"] if row.card_tc and e.state is not State.REVERSED else []
    return found


_OPEN = frozenset({State.UNDECIDED, State.OWED, State.UNKNOWN, State.APPROVED, State.UPLOAD_OWED})


def _released(row: Line, name: str) -> list[str]:
    wanted = 0 if row.entry.copy else 1
    return [
        *([f"{name}: the card has no TC"] if not row.card_tc and row.entry.kind is not Kind.CASH else []),
        *([f"{name}: {row.originals} original slips, not {wanted}"] if row.originals != wanted else []),
    ]


def _too_much_back(entries: list[Entry]) -> list[str]:
    """The sum of refunds never passes the original."""
    found = []
    for e in entries:
        back = _went_back([c for c in entries if c.original == e.id])
        if back > e.amount:
            found.append(f"{e.kind.value} {e.voucher}: {back} went back of {e.amount}")
    return found


def _strangers(world: World, entries: list[Entry]) -> list[str]:
    """What the host or the paper has and the journal does not."""
    known = {(e.batch, e.stan) for e in entries}
    found = [
        f"host: {key} is in no journal"
        for key, a in world.bank.accounts.items()
        if (a.net or a.hold) and key not in known
    ]
    vouchers = {e.voucher for e in entries}
    found += [
        f"paper: voucher {a.voucher} is in no journal" for a in approvals(world.paper) if a.voucher not in vouchers
    ]
    let_go = ("released", "upload_owed", "uploaded")
    return found + [f"glass let the goods go, {g}" for g in world.given if not g.endswith(let_go)]


def table(world: World, entries: list[Entry]) -> str:
    """The four books side by side."""
    rows = [f"{'voucher':8}{'kind':18}{'journal':18}{'amount':>10}{'host net':>10}{'hold':>8}  card  originals"]
    for row in lines(world, entries):
        e = row.entry
        journal = e.state.value + (" (voided)" if row.voided else "")
        rows.append(f"{e.voucher:8}{e.kind.value:18}{journal:18}{e.amount:>10}{row.host_net:>10}{row.host_hold:>8}"
                    f"  {'TC' if row.card_tc else '--':4}  {row.originals}")  # fmt: skip
    return "\n".join(rows)
