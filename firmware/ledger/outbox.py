"""What we owe: reversals, sent until acknowledged, with growing, jittered waits (money rule 8)."""

from __future__ import annotations

from datetime import datetime, timedelta
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
from firmware.ledger.in_flight import ASKS_THE_CARD, NO_REPLY, reference
from firmware.ledger.ledger import Ledger
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.ledger.session import Session
from firmware.ledger.totals import CREDIT, DEBIT

FOREVER_S = 3600.0
LINE_LOOK_S = 1.0
NO_KEYS = "--"
BOOKED = frozenset({Kind.PREAUTH, Kind.COMPLETION})
TRIES, PATIENCE = 3, timedelta(seconds=90)
SETS_ASIDE = timedelta(days=1)
_SCRIPT_SILENCES = 3


def holds_up(entry: Entry, now: datetime) -> bool:
    """Does the till wait for this debt? For three tries or ninety seconds, then it sells on while the debt is tried at
    rest: one message that a bank never answers must not close the shop (host habits, 4.2)."""
    return not entry.attempts or (entry.attempts < TRIES and now - datetime.fromisoformat(entry.at) < PATIENCE)


class Outbox:
    """The offline queue. It lives in the journal; only the waits are in memory, so a boot tries at once."""

    def __init__(self, ledger: Ledger, host: Host, session: Session, clock: Clock, random: Random,
                 times: Times) -> None:  # fmt: skip
        self._ledger, self._host, self._session = ledger, host, session
        self._clock, self._random, self._times = clock, random, times
        self._failures, self._due_s = 0, 0.0
        self._script_silences = 0

    @property
    def owed(self) -> list[Entry]:
        """Oldest first."""
        return self._ledger.journal.in_state(State.OWED)

    @property
    def holding(self) -> list[Entry]:
        """What the till waits for before it sells."""
        return [e for e in self.owed if holds_up(e, self._clock.now())]

    @property
    def unproven(self) -> list[Entry]:
        """Reversed by a word of the bank that is no proof: listed until a settlement or a person proves it."""
        return [e for e in self._ledger.journal.in_state(State.REVERSED) if e.unproven]

    @property
    def stuck(self) -> list[Entry]:
        return self._ledger.journal.in_state(State.STUCK)

    def proved(self, batch: str) -> None:
        """The bank's totals of this batch are ours, so what it said about these was true. Durable."""
        for entry in self.unproven:
            if entry.batch == batch and entry.kind in DEBIT | CREDIT:
                self._ledger.journal.note(entry, unproven="")

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
                self._script_silences += not isinstance(broken, NotSent)
                if self._script_silences < _SCRIPT_SILENCES:
                    return
                code = ""  # nobody there wants them: no customer waits for it again
            self._script_silences = 0
            if code in self._host.profile.sign_on_again:
                self._session.forget()
                return
            log.event("script results reported", stan=entry.stan, code=code)
            self._ledger.journal.note(entry, scripts_owed="")
        self._ledger.journal.set(scripts="")

    def _script_message(self, entry: Entry) -> Message:
        return messages.script_results(self._host.profile, self._host.caller, self._ledger.details(entry),
                                       self._ledger.journal.next_stan(), entry.scripts, reference(entry))  # fmt: skip

    def courtesy(self, abort: Abort = never) -> None:
        """The 0400 after a refusal without a MAC, once: whatever comes back changes nothing."""
        journal = self._ledger.journal
        numbers = journal.setting("courtesy").split()
        if not numbers or not self.line_up(abort):
            return
        entry = journal.get(int(numbers[0]))
        try:
            if entry.state is State.DECLINED:
                log.event("refusal", stan=entry.stan, code=self._send(entry, abort))
        finally:
            journal.set(courtesy=" ".join(numbers[1:]))

    def flush(self, abort: Abort = never) -> list[Entry]:
        """Script results, then each debt once, the least tried first, so that none stands in the way of another; stop
        at the first silence. Returns those that ended now."""
        ended: list[Entry] = []
        owed = sorted(self.owed, key=lambda e: e.attempts)
        if self.scripts and self.line_up(abort):
            self.report_scripts(abort)
        if not owed or not self.line_up(abort):
            return ended
        for entry in owed:
            after, heard = self._attempt(entry, abort)
            if after.state is not State.OWED:
                ended.append(after)
            elif not heard:
                break
        if len(ended) < len(owed):
            self._failed()
        else:
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
        """At each sign-on (rule 8). Returns those that ended now. One without a reason never owed a 0400."""
        tried = [self.attempt(entry, abort) for entry in self.stuck if entry.reason]
        return [e for e in tried if e.state is State.REVERSED]

    def _failed(self) -> None:
        self._failures += 1
        wait = min(self._times.retry_max_s, self._times.retry_s << min(self._failures - 1, 12))
        jitter = self._random.bytes(1)[0] / 512  # up to half as long again
        self._due_s = self._clock.monotonic_s() + wait * (1 + jitter)
        log.event("reversal waits", attempt=self._failures, wait_s=round(wait * (1 + jitter), 1))

    def attempt(self, entry: Entry, abort: Abort = never) -> Entry:
        """One 0400, and one more if the host first wants a sign-on. Try and result are one durable step."""
        return self._attempt(entry, abort)[0]

    def _attempt(self, entry: Entry, abort: Abort) -> tuple[Entry, bool]:
        """The entry as it then is, and whether the host said anything."""
        for _ in range(2):
            tried = {"attempts": entry.attempts + 1, "last_attempt": self._clock.now().isoformat()}
            code = self._send(entry, abort)
            if code not in self._host.profile.sign_on_again | {NO_KEYS}:
                return self._weigh(entry, code, tried), bool(code)
            self._session.forget()
            if self._session.sign_on(abort):
                break
            entry = self._ledger.journal.get(entry.id)
        return self._ledger.journal.get(entry.id), False

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
        return messages.reversal(self._host.profile, self._host.caller, self._ledger.details(entry),
                                 entry.reason or NO_REPLY, entry.f55, entry.auth, f61)  # fmt: skip

    def _weigh(self, entry: Entry, code: str, tried: dict[str, Any]) -> Entry:
        """The table of host habits 4.2: what the 0410 says × the same host day or a later one × was an approval seen ×
        did an earlier 0400 stay unanswered. Where the bank only says that there is nothing, it is UNPROVEN; where
        money may stand, it is a case for people, and nobody is held up by it."""
        journal, profile = self._ledger.journal, self._host.profile
        same_day = entry.at[:10] == self._clock.today().isoformat()
        approved = bool(entry.auth) or entry.code in profile.success
        unheard = entry.attempts > entry.refusals
        if code in profile.success | profile.reversed_already:
            # what was called a duplicate and carries no cryptogram may have been done before, by another number
            again = entry.code == profile.duplicate and entry.kind not in ASKS_THE_CARD
            unproven = code if not same_day else entry.code if again else ""
            if entry.state is State.REVERSED:
                return journal.note(entry, unproven=unproven, **tried)
            return journal.move(entry, Event.ACKNOWLEDGED, unproven=unproven, **tried)
        if entry.state is not State.OWED:  # a case, or unproven before and still
            return journal.note(entry, **tried)
        no_original = code in profile.nothing_to_reverse
        if (no_original or (code == profile.duplicate and unheard)) and not approved and same_day:
            known = code == "25" and unheard and profile.not_found_is_reversed
            return journal.move(entry, Event.ACKNOWLEDGED, unproven="" if known else code, **tried)
        if no_original or (code == profile.duplicate and approved):
            return journal.move(entry, Event.MAY_STAND, why=code, **tried)
        if code == "" or code in profile.try_again | {profile.duplicate}:
            age = self._clock.now() - datetime.fromisoformat(entry.at)
            if tried["attempts"] >= TRIES and age >= SETS_ASIDE:  # it steps aside; each sign-on tries it again
                return journal.move(entry, Event.MAY_STAND, why=code or "--", **tried)
            return journal.note(entry, **tried)
        tried |= {"refusals": entry.refusals + 1, "why": code}
        if entry.refusals + 1 >= profile.refusals_until_stuck:
            return journal.move(entry, Event.REFUSED_THRICE, **tried)
        return journal.note(entry, **tried)
