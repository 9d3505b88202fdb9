"""Signing on: working keys, batch number and the host's date, replaced in one durable step (host facts, 1.8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware import log
from firmware.errors import HostError, KeyProblem, NoAnswer, NotSent
from firmware.hal.clock import Clock
from firmware.hal.link import Abort
from firmware.hal.safe import Safe
from firmware.host import mac, messages
from firmware.host.exchange import Host, WorkingKeys, never
from firmware.ledger.ledger import Ledger
from firmware.ledger.true_time import NEAR, TrueTime
from firmware.security.dukpt import Once

APPROVED = "00"
_DAY = timedelta(hours=24)


class Session:
    """The terminal's standing with its host."""

    def __init__(self, ledger: Ledger, host: Host, clock: Clock, time: TrueTime, operator: str) -> None:
        self._ledger, self._host, self._clock, self._time, self._operator = ledger, host, clock, time, operator
        self._restore()

    @property
    def operator(self) -> str:
        """Who is signed on at the counter; before anybody was, the number in the settings."""
        return self._ledger.journal.setting("operator") or self._operator

    def _restore(self) -> None:
        """Working keys survive a power cut as the host sent them: wrapped under the TMK. Under another TMK they are
        worth nothing: not signed on."""
        wrapped = self._ledger.journal.setting("working_keys")
        if not wrapped:
            return
        try:
            self._host.keys = WorkingKeys(*mac.working_keys(self._ledger.keystore.tmk, bytes.fromhex(wrapped)))
        except KeyProblem:
            log.event("working keys do not fit this TMK")

    @property
    def signed_on(self) -> bool:
        return bool(self._ledger.journal.setting("signed_on")) and self._host.keys is not None

    def clock_trusted(self) -> bool:
        """Money rule 13: not below the floor, not more than a day above it. The floor is the clock of the last
        sign-on whose host date agreed; nothing else moves it."""
        floor = self._ledger.journal.setting("floor")
        now = self._clock.now()
        return bool(floor) and -NEAR <= now - datetime.fromisoformat(floor) <= _DAY

    def keep_time(self) -> None:
        """The floor follows the true time, so that a clock set back before the next boot reopens nothing. Durable."""
        if self.clock_trusted():
            self._ledger.journal.set(floor=self._time.strict().isoformat())

    def correct_clock(self, by: str) -> None:
        """A supervisor vouches for the wall clock: the way out of a floor that was poisoned. Journaled."""
        now = self._clock.now()
        self._ledger.journal.record("clock", by=by, settings={"floor": now.isoformat()}, to=now.isoformat())
        self._time.anchor(now)

    @property
    def erased(self) -> bool:
        """The TMK is gone: nothing is sold until it is loaded again."""
        return self._ledger.keystore.erased or bool(self._ledger.journal.setting("tampered"))

    def erase(self, safe: Safe) -> None:
        """The case was opened: TMK out of the store, then working keys out of the journal, with a record; each step
        durable, all of it repeated at a boot that finds it half done. What cards owe or are owed stays readable, since
        reversals must still leave once the keys are back (docs/decisions/0009)."""
        safe.erase()
        journal = self._ledger.journal
        journal.record("tamper", settings={"working_keys": "", "signed_on": "", Once.SETTING: "", "tampered": "1"})
        for key in filter(None, (self._ledger.keystore.tmk, *((k.pik, k.mak) if (k := self._host.keys) else ()))):
            key.wipe()
        self._host.keys = None
        self._ledger.keystore = self._ledger.keystore.without_tmk()
        log.event("tampered")

    def forget(self) -> None:
        """A0/99: the host no longer takes our MAC. Durable."""
        self._ledger.journal.set(signed_on="")

    def sign_on(self, abort: Abort = never) -> str:
        """'' when signed on, else the host's code, 'NOLINE' or 'KEYS'. Never raises for a bad line."""
        journal = self._ledger.journal
        request = messages.sign_on(self._host.profile, self._host.caller, journal.next_stan(), journal.batch,
                                   self.operator)  # fmt: skip
        try:
            reply = self._host.ask(request, abort, signed=False)
        except (NotSent, NoAnswer, HostError) as broken:
            log.event("sign-on failed", why=type(broken).__name__)
            return "NOLINE"
        if reply.get(39) != APPROVED:
            log.event("sign-on refused", code=reply.get(39))
            return reply.get(39)
        return self._accept(reply.get(62), reply.get(60), reply.get(13) + reply.get(12))

    def _accept(self, f62: str, f60: str, host_time: str) -> str:
        try:
            keys = WorkingKeys(*mac.working_keys(self._ledger.keystore.tmk, bytes.fromhex(f62)))
        except (KeyProblem, ValueError) as broken:
            log.event("working keys refused", why=type(broken).__name__)
            return "KEYS"
        batch = self._batch(f60[2:8])
        agree = self._dates_agree(host_time)
        floor = self._clock.now().isoformat() if agree else ""
        self._ledger.journal.set(working_keys=f62, signed_on="1", batch=batch, host_time=host_time, floor=floor)
        self._host.keys = keys
        if agree:
            self._time.anchor(self._host_clock(host_time))
        log.event("signed on", batch=batch)
        return ""

    def _batch(self, given: str) -> str:
        """The host's, only while ours is empty, and never one that was used before (rules 2 and 10)."""
        journal = self._ledger.journal
        fresh = len(given) == 6 and journal.batch_is_empty and not journal.of_batch(given)
        return given if fresh else journal.batch

    def _dates_agree(self, host_time: str) -> bool:
        """MMDDhhmmss of the host against our clock: the same day, or its neighbour around midnight. A reply without a
        date vouches for nothing."""
        today = self._clock.today()
        return host_time[:4] in {(today + timedelta(days=d)).strftime("%m%d") for d in (-1, 0, 1)}

    def _host_clock(self, host_time: str) -> datetime:
        """The host's MMDDhhmmss in the year that brings it nearest to ours; ours if it says no time."""
        now = self._clock.now()
        if len(host_time) != 10:
            return now
        years = (now.year - 1, now.year, now.year + 1)
        found = [t for t in (_moment(year, host_time) for year in years) if t]
        return min(found, key=lambda t: abs(t - now)) if found else now

    def sign_off(self, abort: Abort = never) -> bool:
        """Tell the host; the next act of money signs on again."""
        journal = self._ledger.journal
        request = messages.sign_off(self._host.profile, self._host.caller, journal.next_stan(), journal.batch)
        try:
            code = self._host.ask(request, abort, signed=False).get(39)
        except (NotSent, NoAnswer, HostError):
            return False
        if code == APPROVED:
            journal.set(signed_on="")
        return code == APPROVED

    def echo(self, abort: Abort = never) -> bool:
        """Does the host answer?"""
        try:
            self._host.ask(messages.echo(self._host.profile, self._host.caller, self._ledger.journal.batch), abort,
                           signed=False)  # fmt: skip
            return True
        except (NotSent, NoAnswer, HostError):
            return False


def _moment(year: int, text: str) -> datetime | None:
    try:
        return datetime.strptime(f"{year}{text}", "%Y%m%d%H%M%S")
    except ValueError:  # 29 February of another year
        return None
