"""Find the transaction: by voucher, scanned code, RRN and date, order number, last four digits, amount and time, or
the card itself (S21, S36)."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from firmware import words as w
from firmware.errors import Refused
from firmware.flows import grants, steps
from firmware.hal.events import Key
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal.requests import Request
from firmware.withdrawal.subject import SUBJECTS
from firmware.words import Word

_WAYS = {"rrn": w.BY_RRN, "order": w.BY_ORDER, "last4": w.BY_LAST4, "card": w.BY_CARD, "amount": w.BY_AMOUNT,
         "form": w.BY_FORM}  # fmt: skip
_NEVER_MONEY = frozenset({State.CANCELLED, State.NEVER_SENT, State.DECLINED})
_RECENT = 40


@dataclass(frozen=True)
class Found:
    """An entry and how it was proved; `request` if a form was reopened."""

    entry: Entry
    way: str
    request: Request | None = None


def find(t: Terminal, title: Word, kinds: Collection[Kind] = SUBJECTS) -> Found:
    """One prompt: digits, green for the last one, a scan, or the menu of other ways. Raises Refused, Cancelled,
    IdleTimeout."""
    typed = t.console.find(lambda d: screens.find(title, d), 6, {Key.MENU: None})
    if typed is None:
        return _other_way(t, title, kinds)
    if t.console.scanned:
        return by_code(t, t.console.scanned)
    entry = t.journal.find(typed.rjust(6, "0")) if typed else last(t, kinds)
    if entry is None:
        raise Refused(w.NOT_FOUND, "W13")
    return Found(entry, "voucher")


def last(t: Terminal, kinds: Collection[Kind] = SUBJECTS) -> Entry | None:
    """The newest that money stands on; if there is none, the newest at all."""
    newest = [e for e in t.journal.newest(_RECENT) if e.kind in kinds]
    return next((e for e in newest if e.state not in _NEVER_MONEY), newest[0] if newest else None)


def _other_way(t: Terminal, title: Word, kinds: Collection[Kind]) -> Found:
    ways = list(_WAYS)
    way = ways[t.console.pick("find_by", title, list(_WAYS.values()))]
    if way == "form":
        return by_code(t, "R" + grants.ask_digits(t, "form_number", title, 6, w.TYPE_FORM).rjust(6, "0"))
    look = {"rrn": _by_rrn, "order": _by_order, "last4": _by_last4, "card": _by_card, "amount": _by_amount}[way]
    return Found(_one_of(t, look(t, title), kinds), way)


def by_code(t: Terminal, code: str) -> Found:
    """A form's code, or the code of one of our slips: terminal, time, amount, RRN, authorisation, journal hash. Another
    terminal's slip, of this shop or of another, or one whose hash is not ours, is refused (S21)."""
    if code.startswith("R") and code[1:].isdigit():
        rows = t.journal.records("request", id=int(code[1:]))
        if not rows:
            raise Refused(w.NOT_FOUND, "W13")
        request = t.requests.get(int(code[1:]))
        return Found(t.journal.get(request.original), "form", request)
    parts = code.split()
    if len(parts) < 5:
        raise Refused(w.R_OTHER_MERCHANT, "W40")
    if parts[0] != t.config.merchant.terminal_id:
        raise Refused(w.R_OTHER_TERMINAL, "W40")
    for entry in t.journal.with_fact("rrn", parts[3]):
        if t.journal.hash_of(entry)[:8].upper() == parts[-1] and str(entry.amount) == parts[2]:
            return Found(entry, "code")
    raise Refused(w.R_FORGED, "W41")


def _by_rrn(t: Terminal, title: Word) -> list[Entry]:
    rrn = grants.ask_digits(t, "rrn", title, 12, w.TYPE_RRN).rjust(12, "0")
    day = grants.ask_digits(t, "date", title, 4, w.TYPE_DATE)
    return [e for e in t.journal.with_fact("rrn", rrn) if day in (e.host_date, e.at[5:10].replace("-", ""))]


def _by_order(t: Terminal, title: Word) -> list[Entry]:
    return t.journal.with_fact("order", grants.ask_digits(t, "order", title, 10, w.TYPE_ORDER))


def _by_last4(t: Terminal, title: Word) -> list[Entry]:
    digits = grants.ask_digits(t, "last4", title, 4, w.TYPE_LAST4)
    return [e for e in t.journal.newest(500) if len(digits) == 4 and e.pan.endswith(digits)]


def _by_amount(t: Terminal, title: Word) -> list[Entry]:
    """Within a quarter of an hour of the time, on any day."""
    fen = int(grants.ask_digits(t, "find_amount", title, 9, w.TYPE_AMOUNT) or 0)
    typed = grants.ask_digits(t, "time", title, 4, w.TYPE_TIME).rjust(4, "0")
    minutes = int(typed[:2]) * 60 + int(typed[2:])
    return [e for e in t.journal.newest(500) if e.amount == fen
            and abs(int(e.at[11:13]) * 60 + int(e.at[14:16]) - minutes) <= 15]  # fmt: skip


def _by_card(t: Terminal, title: Word) -> list[Entry]:
    with t.console.card(screens.insert_card(title, 0)) as card:
        chip = steps.begin(t, card, title, 0)
        return t.journal.with_fact("token", t.ledger.keystore.card_token(chip.pan))


def _one_of(t: Terminal, entries: list[Entry], kinds: Collection[Kind]) -> Entry:
    """Newest first; a choice only where there is one. Raises Refused."""
    found = [e for e in reversed(entries) if e.kind in kinds]
    if not found:
        raise Refused(w.NOT_FOUND, "W13")
    if len(found) == 1:
        return found[0]
    rows = [f"{e.stan} {screens.money(e.amount)}" for e in found]
    return found[t.console.pick("pick_entry", w.PICK_ONE, rows)]
