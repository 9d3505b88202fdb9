"""Signing on: working keys, batch number and the host's date, replaced in one durable step (host facts, 1.8)."""

from __future__ import annotations

from datetime import datetime, timedelta

from firmware import log
from firmware.errors import HostError, KeyProblem, NoAnswer, NotSent
from firmware.hal.clock import Clock
from firmware.hal.link import Abort
from firmware.host import mac, messages
from firmware.host.exchange import Host, WorkingKeys, never
from firmware.ledger.ledger import Ledger

APPROVED = "00"
_DAY = timedelta(hours=24)


class Session:
    """The terminal's standing with its host."""

    def __init__(self, ledger: Ledger, host: Host, clock: Clock, operator: str) -> None:
        self._ledger, self._host, self._clock, self._operator = ledger, host, clock, operator
        self._restore()

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
        return bool(floor) and timedelta(0) <= now - datetime.fromisoformat(floor) <= _DAY

    def forget(self) -> None:
        """A0/99: the host no longer takes our MAC. Durable."""
        self._ledger.journal.set(signed_on="")

    def sign_on(self, abort: Abort = never) -> str:
        """'' when signed on, else the host's code, 'NOLINE' or 'KEYS'. Never raises for a bad line."""
        journal = self._ledger.journal
        request = messages.sign_on(self._host.profile, self._host.caller, journal.next_stan(), journal.batch,
                                   self._operator)  # fmt: skip
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
        batch = f60[2:8] if self._ledger.journal.batch_is_empty and len(f60) >= 8 else self._ledger.journal.batch
        floor = self._clock.now().isoformat() if self._dates_agree(host_time) else ""
        self._ledger.journal.set(working_keys=f62, signed_on="1", batch=batch, host_time=host_time, floor=floor)
        self._host.keys = keys
        log.event("signed on", batch=batch)
        return ""

    def _dates_agree(self, host_time: str) -> bool:
        """MMDDhhmmss of the host against our clock: the same day, or its neighbour around midnight. A reply without a
        date vouches for nothing."""
        today = self._clock.today()
        return host_time[:4] in {(today + timedelta(days=d)).strftime("%m%d") for d in (-1, 0, 1)}

    def echo(self, abort: Abort = never) -> bool:
        """Does the host answer?"""
        try:
            self._host.ask(messages.echo(self._host.profile, self._host.caller, self._ledger.journal.batch), abort,
                           signed=False)  # fmt: skip
            return True
        except (NotSent, NoAnswer, HostError):
            return False
