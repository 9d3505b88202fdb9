"""疑难交易: verify first (journal and bank side by side), then act: send again, take back, close by code, try again
(S59, S61, S76)."""

from __future__ import annotations

from firmware import receipts
from firmware import words as w
from firmware.errors import Refused
from firmware.faults import network, outcome
from firmware.flows import finding, grants, sale, steps
from firmware.hal.events import Key
from firmware.hal.signals import Sound
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.ledger.uploads import View
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal import subject
from firmware.words import Word

_VIEWS = {"posted": w.CASE_BOOKED, "pending": w.CASE_PENDING, "adjusted": w.CASE_ADJUSTED, "rejected": w.CASE_REJECTED,
          "reversed": w.CASE_REVERSED, "absent": w.CASE_ABSENT}  # fmt: skip
_NOTHING = frozenset({State.REVERSED, State.NEVER_SENT, State.DECLINED, State.CANCELLED, State.FAILED})
_DOUBT = frozenset({State.STUCK, State.UNKNOWN, State.OWED})
_CLOSED = frozenset({State.STUCK, State.UNKNOWN})
_TRUTH = {Key.ENTER: "yes", Key.D2: "no", Key.CANCEL: ""}


def case(t: Terminal) -> None:
    """One case: both views, then the one thing that can be done about it."""
    entry = doubtful(t)
    verify(t, entry)
    _act(t, t.journal.get(entry.id))


def doubtful(t: Terminal) -> Entry:
    """The only doubtful one, one picked, else one looked for."""
    found = t.journal.in_state(*_DOUBT) + t.outbox.unproven
    if len(found) == 1:
        return found[0]
    if found:
        rows = [f"{e.stan} {receipts.outcome(e).zh}" for e in found]
        return found[t.console.pick("cases", w.CASES, rows)]
    return finding.find(t, w.CASE_VERIFY).entry


def verify(t: Terminal, entry: Entry) -> View | None:
    """Journal and host side by side; a difference is flagged (S36, S59). Changes nothing."""
    t.console.show(screens.asking(w.CASE_VERIFY, entry.amount))
    may_ask = t.session.signed_on and not t.outbox.holding  # while something is owed nothing else leaves (rule 8)
    view = t.uploads.inquire(entry, t.console.cancel_pressed) if may_ask else None
    bank = _VIEWS[view.status] if view else w.CASE_NO_VIEW
    word = agree(entry, view)
    title = Word(f"{w.CASE_BOTH.zh} {entry.stan}", f"{w.CASE_BOTH.en} {entry.stan}")
    own = t.console.own
    screen = screens.both_views(title, own(receipts.outcome(entry)), own(bank), own(word), word is w.CASE_DIFFERS)
    t.console.choose(screen, {Key.ENTER: True, Key.CANCEL: True}, t.config.times.prompt_s, True)
    return view


def agree(entry: Entry, view: View | None) -> Word:
    """Do the two views fit? Where the bank shows none, nobody knows."""
    if view is None:
        return w.CASE_NO_VIEW
    stands, gone = view.status in ("posted", "pending"), view.status in ("absent", "reversed", "rejected")
    none = entry.state in _NOTHING or entry.stands == "no"
    if (subject.stands(entry) and stands and view.fen == entry.amount) or (none and gone):
        return w.CASE_AGREES
    return w.CASE_DIFFERS


def _act(t: Terminal, entry: Entry) -> None:
    """A printed sale that the bank has is not reversed from here: it is withdrawn like any other (S59)."""
    if entry.state is State.UNKNOWN:
        return _unknown(t, entry)
    if entry.state is State.STUCK or entry.unproven:
        return _may_stand(t, entry)
    if entry.state is State.OWED:  # the merchant's own push; with the automatic one there is still one reversal (S58)
        network.settle_debts(t, t.console.cancel_pressed)
        return None
    if entry.kind is Kind.SALE and outcome.took_nothing(entry):
        return retry(t, entry)
    return None


def _unknown(t: Terminal, entry: Entry) -> None:
    after = t.uploads.resolve(entry, t.console.cancel_pressed)
    if after.state is not State.UNKNOWN:
        outcome.tell(t, after)
    elif stands := t.console.choose(screens.truth(after.amount), _TRUTH, t.config.times.prompt_s, ""):
        close_by_hand(t, after, stands)


def _may_stand(t: Terminal, entry: Entry) -> None:
    """Once more to the bank, if a 0400 may go out at all; or closed with what a person has found out."""
    picked = t.console.pick("case_do", w.CASES, [w.CASE_AGAIN, w.CASE_STANDS, w.CASE_NOTHING])
    if picked:
        return close_by_hand(t, entry, ("yes", "no")[picked - 1])
    if entry.reason:
        entry = t.outbox.attempt(entry, t.console.cancel_pressed)
    outcome.tell(t, entry)
    return None


def close_by_hand(t: Terminal, entry: Entry, stands: str) -> None:
    """Has the bank booked it ('yes' or 'no'), the PSP's code and a supervisor, all on record (S61)."""
    if entry.state not in _CLOSED and not entry.unproven:
        raise Refused(w.R_NOT_ALLOWED)
    code = grants.case_number(t)
    approver = grants.grant(t, t.operator)
    entry = t.journal.move(entry, Event.CLOSED_BY_HAND, case=code, approver=approver, stands=stands, unproven="")
    outcome.notice(t, entry)
    t.console.tell(outcome.screen(entry), Sound.SUCCESS)


def retry(t: Terminal, entry: Entry) -> None:
    """A new entry under the same order number, only when the first is surely without effect (rule 12)."""
    if sale.tries(t, entry) > t.pack.retries:
        raise Refused(w.R_RETRIES)
    others = t.journal.with_fact("order", entry.order)
    if not all(outcome.took_nothing(e) for e in others):
        raise Refused(w.R_NO_RETRY)
    screen = screens.question("retry_ask", w.CASES, w.SHALL_RETRY, entry.amount)
    if t.console.choose(screen, YES_NO, t.config.times.prompt_s, False):
        steps.ready(t)
        steps.quiet_gate(t, w.SALE, entry.amount)
        sale.pay(t, entry.amount, entry.order)
