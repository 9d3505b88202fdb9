"""What we owe: reversals, sent until acknowledged, with growing, jittered waits (money rule 8)."""

from __future__ import annotations

from typing import Any

from firmware import log
from firmware.config import Times
from firmware.errors import HostError, KeyProblem, NoAnswer, NotSent
from firmware.hal.clock import Clock
from firmware.hal.link import Abort
from firmware.hal.random import Random
from firmware.host import messages
from firmware.host.codec import Message
from firmware.host.exchange import Host, never
from firmware.ledger.entry import Entry
from firmware.ledger.in_flight import reference
from firmware.ledger.ledger import Ledger
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.ledger.session import Session

FOREVER_S = 3600.0
LINE_LOOK_S = 1.0
NO_KEYS = "--"
BOOKED = frozenset({Kind.PREAUTH, Kind.COMPLETION})


class Outbox:
    """The offline queue. It lives in the journal; only the waits are in memory, so a boot tries at once."""

    def __init__(self, ledger: Ledger, host: Host, session: Session, clock: Clock, random: Random,
                 times: Times) -> None:  # fmt: skip
        self._ledger, self._host, self._session = ledger, host, session
        self._clock, self._random, self._times = clock, random, times
        self._failures, self._due_s = 0, 0.0

    @property
    def owed(self) -> list[Entry]:
        """Oldest first."""
        return self._ledger.journal.in_state(State.OWED)

    @property
    def stuck(self) -> list[Entry]:
        return self._ledger.journal.in_state(State.STUCK)

    def wait_s(self) -> float:
        """How long idle may sleep before something is due."""
        return max(0.0, self._due_s - self._clock.monotonic_s()) if self.owed else FOREVER_S

    @property
    def scripts(self) -> list[Entry]:
        """Whose script results the host has not taken yet."""
        journal = self._ledger.journal
        return journal.with_fact("scripts_owed", "yes") if journal.setting("scripts") else []

    def report_scripts(self, abort: Abort = never) -> None:
        """0620 for each, oldest first, until one is not answered: an answer, whatever it says, ends it. Before
        reversals (host facts, 1.4); nothing waits for it, since it moves no money."""
        for entry in self.scripts:
            try:
                code = self._host.ask(self._script_message(entry), abort).get(39)
            except (NotSent, NoAnswer, HostError, KeyProblem) as broken:
                log.event("script results unanswered", stan=entry.stan, why=type(broken).__name__)
                return
            if code in self._host.profile.sign_on_again:
                self._session.forget()
                return
            log.event("script results reported", stan=entry.stan, code=code)
            self._ledger.journal.note(entry, scripts_owed="")
        self._ledger.journal.set(scripts="")

    def _script_message(self, entry: Entry) -> Message:
        return messages.script_results(self._host.profile, self._host.caller, self._ledger.details(entry),
                                       self._ledger.journal.next_stan(), entry.scripts, reference(entry))  # fmt: skip

    def flush(self, abort: Abort = never) -> list[Entry]:
        """Script results, then each debt once, oldest first; stop at the first silence. Returns those that ended
        now."""
        ended: list[Entry] = []
        owed = self.owed
        if self.scripts and self.line_up(abort):
            self.report_scripts(abort)
        if not owed or not self.line_up(abort):
            return ended
        for entry in owed:
            after = self.attempt(entry, abort)
            if after.state is State.OWED:
                self._failed()
                break
            ended.append(after)
            self._failures = 0
        return ended

    def line_up(self, abort: Abort = never) -> bool:
        """Looked at often while something is owed, so that a debt leaves within two seconds of the line's return (S60);
        a look is no attempt and leaves nothing in the journal."""
        if self._host.reachable(abort):
            return True
        self._due_s = self._clock.monotonic_s() + LINE_LOOK_S
        return False

    def retry_stuck(self, abort: Abort = never) -> list[Entry]:
        """At each sign-on (rule 8). Returns those that ended now."""
        tried = [self.attempt(entry, abort) for entry in self.stuck]
        return [e for e in tried if e.state is State.REVERSED]

    def _failed(self) -> None:
        self._failures += 1
        wait = min(self._times.retry_max_s, self._times.retry_s << min(self._failures - 1, 12))
        jitter = self._random.bytes(1)[0] / 512  # up to half as long again
        self._due_s = self._clock.monotonic_s() + wait * (1 + jitter)
        log.event("reversal waits", attempt=self._failures, wait_s=round(wait * (1 + jitter), 1))

    def attempt(self, entry: Entry, abort: Abort = never) -> Entry:
        """One 0400, and one more if the host first wants a sign-on. Try and result are one durable step."""
        for _ in range(2):
            tried = {"attempts": entry.attempts + 1, "last_attempt": self._clock.now().isoformat()}
            code = self._send(entry, abort)
            if code not in self._host.profile.sign_on_again | {NO_KEYS}:
                return self._weigh(entry, code, tried)
            self._session.forget()
            if self._session.sign_on(abort):
                break
            entry = self._ledger.journal.get(entry.id)
        return self._ledger.journal.get(entry.id)

    def _send(self, entry: Entry, abort: Abort) -> str:
        """The host's code, or '' for silence. A 0410 with 00 needs its MAC (Host.ask sees to it). A sealed card that
        does not open raises KeyProblem: the key store must be restored, no sign-on cures it."""
        message = self._message(entry)
        try:
            return self._host.ask(message, abort).get(39)
        except KeyProblem:
            return NO_KEYS
        except (NotSent, NoAnswer, HostError) as broken:
            log.event("reversal unanswered", stan=entry.stan, why=type(broken).__name__)
            return ""

    def _message(self, entry: Entry) -> Message:
        origin = self._ledger.origin(entry)
        dated = "0000" if origin and origin.kind in BOOKED else ""
        f61 = origin.batch + entry.stan + dated if origin else ""
        return messages.reversal(self._host.profile, self._host.caller, self._ledger.details(entry), entry.reason,
                                 entry.f55, entry.auth, f61)  # fmt: skip

    def _weigh(self, entry: Entry, code: str, tried: dict[str, Any]) -> Entry:
        journal, profile = self._ledger.journal, self._host.profile
        if code == "00" or (code == "25" and self._not_found_is_enough(entry)):
            return journal.move(entry, Event.ACKNOWLEDGED, **tried)
        if code == "" or code in profile.try_again or entry.state is State.STUCK:
            return journal.note(entry, **tried)
        tried |= {"refusals": entry.refusals + 1, "why": code}
        if entry.refusals + 1 >= profile.refusals_until_stuck:
            return journal.move(entry, Event.REFUSED_THRICE, **tried)
        return journal.note(entry, **tried)

    def _not_found_is_enough(self, entry: Entry) -> bool:
        """25 ends it only if no approval was ever seen, on the same host day, and the profile says so."""
        same_day = entry.at[:10] == self._clock.today().isoformat()
        return self._host.profile.not_found_ends_reversal and not entry.auth and same_day
