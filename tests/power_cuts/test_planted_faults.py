"""Tests of the test: each planted fault of the protocol must be caught by the sweep that passes without it."""

from __future__ import annotations

import pytest

from firmware.errors import NoAnswer, NotSent
from firmware.faults import crash, outcome, printer
from firmware.host.answers import Answer, Silence
from firmware.host.exchange import Host, never
from firmware.ledger import in_flight, lifecycle
from firmware.ledger.in_flight import InFlight
from firmware.ledger.journal import Journal
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.ledger.outbox import Outbox
from firmware.ledger.settlement import Settlement
from firmware.ledger.uploads import Uploads
from hal_mocks import parts
from hal_mocks.acquirer import Acquirer
from tests.power_cuts import stories
from tests.power_cuts.sweep import Story, Sweep


def findings(story: Story) -> list[str]:
    sweep = Sweep()
    sweep.story(story, second_cuts=False)
    return sweep.findings


def send_before_durable(monkeypatch: pytest.MonkeyPatch) -> Story:
    """The UNDECIDED record is committed without reaching the disk (no fsync)."""
    begin = Journal.begin

    def careless(self: Journal, *args, **facts):
        real, self._disk = self._disk, type("NoSync", (), {"commit": staticmethod(lambda db: db.execute("COMMIT"))})()
        try:
            return begin(self, *args, **facts)
        finally:
            self._disk = real

    monkeypatch.setattr(Journal, "begin", careless)
    return stories.SALE


def forget_the_tombstone(monkeypatch: pytest.MonkeyPatch) -> Story:
    init = Acquirer.__init__

    def forgetful(self, *args, **kwargs):
        init(self, *args, **kwargs)
        self.has_tombstones = False

    monkeypatch.setattr(Acquirer, "__init__", forgetful)
    return stories.SLOW


def settle_before_the_cards_last_word(monkeypatch: pytest.MonkeyPatch) -> Story:
    ask, settle = InFlight.ask, InFlight.settle

    def hasty(self, host, *args):
        answer = ask(self, host, *args)
        if isinstance(answer, Answer) and answer.code == "00":
            self.entry = self._ledger.journal.move(self.entry, Event.APPROVE, rrn=answer.rrn, auth=answer.auth)
        return answer

    def skip(self, host, answer, final):
        if self.entry.state is State.UNDECIDED:
            settle(self, host, answer, final)

    monkeypatch.setattr(InFlight, "ask", hasty)
    monkeypatch.setattr(InFlight, "settle", skip)
    return stories.STUBBORN


def release_after_showing(monkeypatch: pytest.MonkeyPatch) -> Story:
    finish = printer._finish

    def show_first(t, entry, slip):
        t.console.show(outcome.screens.approved(outcome.screens.w.SALE, entry.amount))
        return finish(t, entry, slip)

    monkeypatch.setattr(printer, "_finish", show_first)
    return stories.SALE


def reuse_a_stan(monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(Journal, "_busy", lambda self, stan: False)
    monkeypatch.setattr(Journal, "_take_stan", lambda self: "000002")
    return stories.VOID


def drop_a_reversal_before_it_is_acknowledged(monkeypatch: pytest.MonkeyPatch) -> Story:
    attempt = Outbox._attempt

    def hasty(self, entry, *args):
        self._ledger.journal.move(entry, Event.ACKNOWLEDGED)
        monkeypatch.setattr(Outbox, "_weigh", lambda self, entry, *more: self._ledger.journal.get(entry.id))
        return attempt(self, entry, *args)

    monkeypatch.setattr(Outbox, "_attempt", hasty)
    return stories.REVERSAL


def accept_a_late_approval(monkeypatch: pytest.MonkeyPatch) -> Story:
    matches, weigh = Host._matches, Outbox._weigh
    table = dict(lifecycle.TABLES[Kind.SALE]) | {(State.OWED, Event.APPROVE): State.APPROVED}
    monkeypatch.setitem(lifecycle.TABLES, Kind.SALE, table)
    late: list[bool] = []

    def greedy(self, request, reply):
        if reply.mti == "0210" and request.mti == "0400" and reply.get(11) == request.get(11):
            late.append(True)
            return True
        return matches(self, request, reply)

    def believe(self, entry, code, *tried):
        if late:
            late.clear()
            return self._ledger.journal.move(entry, Event.APPROVE)
        return weigh(self, entry, code, *tried)

    monkeypatch.setattr(Host, "_matches", greedy)
    monkeypatch.setattr(Outbox, "_weigh", believe)
    return stories.LATE


def treat_silence_as_not_sent(monkeypatch: pytest.MonkeyPatch) -> Story:
    exchange = parts.SimLink.exchange

    def optimistic(self, *args):
        try:
            return exchange(self, *args)
        except NoAnswer:
            raise NotSent from None

    monkeypatch.setattr(parts.SimLink, "exchange", optimistic)
    return stories.REVERSAL


def mark_owed_in_a_finally_instead_of_at_boot(monkeypatch: pytest.MonkeyPatch) -> Story:
    recover = crash.recover

    def forgetful(t):
        return [] if t.journal.in_state(State.UNDECIDED) else recover(t)

    monkeypatch.setattr("firmware.app.crash.recover", forgetful)
    monkeypatch.setattr(Outbox, "flush", _only_if_decided(Outbox.flush))
    return stories.SALE


def _only_if_decided(flush):
    def careful(self, *args):
        return [] if self._ledger.journal.in_state(State.UNDECIDED) else flush(self, *args)

    return careful


def reverse_past_closing_at_boot(monkeypatch: pytest.MonkeyPatch) -> Story:
    monkeypatch.setattr(printer, "ask_slip", lambda t, entry: printer.take_back(t, entry, Event.SLIP_TORN))
    return stories.SALE


def believe_the_host_alone(monkeypatch: pytest.MonkeyPatch) -> Story:
    """Approve although the card said AAC."""
    verdict = in_flight.verdict

    def lenient(profile, answer, final, kind, fresh):
        return (Event.APPROVE, "") if answer.code == "00" else verdict(profile, answer, final, kind, fresh)

    monkeypatch.setattr(in_flight, "verdict", lenient)
    return stories.STUBBORN


def ask_for_a_tc_after_silence(monkeypatch: pytest.MonkeyPatch) -> Story:
    """A lost answer is taken for an approval by the flow."""
    ask = InFlight.ask

    def deaf(self, host, *args):
        answer = ask(self, host, *args)
        if isinstance(answer, Silence):
            self._ledger.journal.note(self.entry)
            return Answer("00", "0" * 12, "000000", "", "", "", b"", bare=False)
        return answer

    table = dict(lifecycle.TABLES[Kind.SALE]) | {(State.OWED, Event.CARD_REFUSED): State.NEVER_SENT}
    monkeypatch.setitem(lifecycle.TABLES, Kind.SALE, table)
    monkeypatch.setattr(InFlight, "ask", deaf)
    return stories.REVERSAL


# -- of the acts that take something back ------------------------------------------------------------------------------


def story(name: str) -> Story:
    return next(s for s in stories.FAMILY if s.name == name)


def repeat_a_refund_under_a_new_stan(monkeypatch: pytest.MonkeyPatch) -> Story:
    """An unknown refund is sent again as if it were another one: it may pay twice."""

    def blind(self, entry, abort=None):
        again = entry.changed(stan=self._ledger.journal.next_stan())
        self._ask(self._message(again), never)
        return self._ledger.journal.move(entry, Event.ANSWERED_DONE)

    monkeypatch.setattr(Uploads, "resolve", blind)
    return story("refund without an answer")


def take_silence_after_a_refund_for_a_failure(monkeypatch: pytest.MonkeyPatch) -> Story:
    table = dict(lifecycle.TABLES[Kind.REFUND]) | {(State.UNDECIDED, Event.SILENCE): State.FAILED}
    monkeypatch.setitem(lifecycle.TABLES, Kind.REFUND, table)
    return story("refund without an answer")


def forget_a_lost_increment(monkeypatch: pytest.MonkeyPatch) -> Story:
    """A lost answer to a larger hold is taken for a no: two holds' worth stays at the bank."""
    table = dict(lifecycle.TABLES[Kind.INCREMENT]) | {(State.UNDECIDED, Event.SILENCE): State.NEVER_SENT}
    monkeypatch.setitem(lifecycle.TABLES, Kind.INCREMENT, table)
    return story("booking made larger without an answer")


def drop_a_notice_that_was_sent(monkeypatch: pytest.MonkeyPatch) -> Story:
    """Sent once is taken for done, before the bank said 00 or 94."""
    send = Uploads._send

    def once(self, entry, abort=never):
        if entry.attempts:
            return self._ledger.journal.move(entry, Event.ACKNOWLEDGED), True
        return send(self, entry, abort)

    monkeypatch.setattr(Uploads, "_send", once)
    return story("completion by notice")


def give_cash_back_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> Story:
    """The slip comes first: a cut leaves paper without an entry."""
    begin = Journal.begin

    def late(self, kind, amount, **facts):
        if kind is Kind.CASH_REFUND:
            self._disk = type("NoSync", (), {"commit": staticmethod(lambda db: db.execute("COMMIT"))})()
        return begin(self, kind, amount, **facts)

    monkeypatch.setattr(Journal, "begin", late)
    return story("cash refund")


def let_the_card_approve_before_it_is_written(monkeypatch: pytest.MonkeyPatch) -> Story:
    """An offline sale whose record is not on disk when the card gives its TC."""
    begin = Journal.begin

    def careless(self, kind, amount, **facts):
        real = self._disk
        if kind is Kind.OFFLINE_SALE:
            self._disk = type("NoSync", (), {"commit": staticmethod(lambda db: db.execute("COMMIT"))})()
        try:
            return begin(self, kind, amount, **facts)
        finally:
            self._disk = real

    monkeypatch.setattr(Journal, "begin", careless)
    monkeypatch.setattr(Journal, "close_at_once", lambda self, *a, **f: None)
    return story("offline sale")


def begin_the_next_batch_before_the_bank_has_ended_this_one(monkeypatch: pytest.MonkeyPatch) -> Story:
    end = Settlement._end

    def early(self, row, abort):
        self._journal.set(batch="000002")
        return end(self, row, abort)

    monkeypatch.setattr(Settlement, "_end", early)
    monkeypatch.setattr(Settlement, "running", property(lambda self: None))
    return story("settlement")


def upload_only_what_fits_one_message(monkeypatch: pytest.MonkeyPatch) -> Story:
    """After a mismatch the details are taken for sent when the bank has not answered for them."""
    monkeypatch.setattr(
        Settlement, "_upload", lambda self, row, abort: self._journal.record("settlement", row["id"], phase="ending")
    )
    return story("settlement with a fen of difference")


OF_TAKING_BACK = (
    repeat_a_refund_under_a_new_stan,
    take_silence_after_a_refund_for_a_failure,
    forget_a_lost_increment,
    drop_a_notice_that_was_sent,
    give_cash_back_before_it_is_written,
    let_the_card_approve_before_it_is_written,
    begin_the_next_batch_before_the_bank_has_ended_this_one,
    upload_only_what_fits_one_message,
)
FAULTS = (
    *OF_TAKING_BACK,
    send_before_durable,
    forget_the_tombstone,
    settle_before_the_cards_last_word,
    release_after_showing,
    reuse_a_stan,
    drop_a_reversal_before_it_is_acknowledged,
    accept_a_late_approval,
    treat_silence_as_not_sent,
    mark_owed_in_a_finally_instead_of_at_boot,
    reverse_past_closing_at_boot,
    believe_the_host_alone,
    ask_for_a_tc_after_silence,
)


@pytest.mark.parametrize("plant", FAULTS, ids=lambda f: f.__name__)
def test_planted_fault_is_caught(plant, monkeypatch: pytest.MonkeyPatch) -> None:
    story = plant(monkeypatch)
    found = findings(story)
    print(plant.__name__, "->", found[:1])
    assert found


def test_a_recovery_that_a_cut_may_not_interrupt_is_caught_by_the_second_cut_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It marks itself begun, and a boot that finds the mark takes the work for done."""
    recover = crash.recover

    def hasty(t):
        if t.journal.setting("recovering"):
            return []
        t.journal.set(recovering="yes")
        done = recover(t)
        t.journal.set(recovering="")
        return done

    monkeypatch.setattr("firmware.app.crash.recover", hasty)
    assert findings(stories.SALE) == []
    sweep = Sweep()
    sweep.story(stories.SALE)
    assert sweep.findings and all("in the recovery" in f for f in sweep.findings)


@pytest.mark.parametrize("story", (stories.SALE, stories.REVERSAL, stories.STUBBORN, stories.SLOW, stories.LATE),
                         ids=lambda s: s.name)  # fmt: skip
def test_the_same_sweep_is_silent_without_a_planted_fault(story: Story) -> None:
    assert findings(story) == []
