"""What is owed to the host besides reversals: notices and offline sales, repeated unchanged until 00 or 94; and what
we do not know: refunds without an answer, refunds that have not arrived (money rules 8 and 9, S42)."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware import log
from firmware.config import Config
from firmware.errors import HostError, KeyProblem, MessageError, NoAnswer, NotSent
from firmware.hal.link import Abort
from firmware.host import messages
from firmware.host.codec import Message
from firmware.host.exchange import Host, never
from firmware.ledger.entry import Entry
from firmware.ledger.in_flight import host_day, reference
from firmware.ledger.ledger import Ledger
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.ledger.outbox import SETS_ASIDE, TRIES, holds_up
from firmware.ledger.session import Session
from firmware.ledger.true_time import TrueTime

_EVERY = timedelta(minutes=1)
POLL_EVERY = timedelta(hours=1)
STATUSES = ("posted", "pending", "adjusted", "rejected", "reversed")


@dataclass(frozen=True)
class View:
    """What the bank has on its books: one of STATUSES, 'absent' where it has nothing. `fen` is what stands."""

    status: str
    fen: int = 0


class Uploads:
    """One more queue that lives in the journal."""

    def __init__(self, ledger: Ledger, host: Host, session: Session, time: TrueTime, config: Config) -> None:
        self._ledger, self._host, self._session, self._time = ledger, host, session, time
        self._inquiry, self._repeats = config.host.inquiry, config.host.repeats_refund
        self._next = datetime.min

    @property
    def owed(self) -> list[Entry]:
        return self._ledger.journal.in_state(State.UPLOAD_OWED)

    @property
    def refused(self) -> list[Entry]:
        """The loss list."""
        return self._ledger.journal.in_state(State.UPLOAD_REFUSED)

    @property
    def unknown(self) -> list[Entry]:
        return self._ledger.journal.in_state(State.UNKNOWN)

    @property
    def due(self) -> bool:
        """Is there anything to do now, at rest?"""
        return self._time.strict() >= self._next and bool(self.owed or self._doubtful() or self._to_poll())

    def turn(self, abort: Abort = never) -> list[Entry]:
        """One round at rest: what changed. Nothing leaves while a reversal is owed (rule 8)."""
        self._next = self._time.strict() + _EVERY
        held_up = any(holds_up(e, self._time.now()) for e in self._ledger.journal.in_state(State.OWED))
        if held_up or not self._session.signed_on or not self._host.reachable(abort):
            return []
        before = [*self.owed, *self._doubtful(), *self._to_poll()]
        self.flush(abort)
        for entry in self._doubtful():
            self.resolve(entry, abort)
        for entry in self._to_poll():
            self.poll(entry, abort)
        now = [self._ledger.journal.get(e.id) for e in before]
        return [n for b, n in zip(before, now, strict=True) if (n.state, n.posting) != (b.state, b.posting)]

    # -- notices and offline sales ---------------------------------------------------------------------------------

    def flush(self, abort: Abort = never) -> bool:
        """Each once, the least tried first; stops at the first silence. True if nothing waits any more that a
        settlement has to wait for: what the bank has not taken for a day is listed and stays (host habits, 4.3)."""
        for entry in sorted(self.owed, key=lambda e: e.attempts):
            after, heard = self._send(entry, abort)
            if after.state is State.UPLOAD_OWED and not heard:
                break
        since = (self._time.now() - SETS_ASIDE).isoformat()
        return all(e.attempts >= TRIES and e.at <= since for e in self.owed)

    def send(self, entry: Entry, abort: Abort = never) -> Entry:
        """The attempt is durable before the first byte leaves: from then on only the host can say it never came."""
        return self._send(entry, abort)[0]

    def _send(self, entry: Entry, abort: Abort) -> tuple[Entry, bool]:
        """The entry as it then is, and whether the host said anything."""
        journal, profile = self._ledger.journal, self._host.profile
        entry = journal.note(entry, attempts=entry.attempts + 1, last_attempt=self._time.now().isoformat())
        reply = self._ask(self._message(entry), abort)
        code = reply.get(39) if reply else ""
        if code in profile.success | {profile.duplicate}:
            return journal.move(entry, Event.ACKNOWLEDGED, code=code, **_booked(reply)), True
        if code in profile.sign_on_again:
            self._session.forget()
        if profile.refuses(code):
            return journal.move(entry, Event.DECLINE, code=code), True
        return entry, bool(code)

    def _message(self, entry: Entry) -> Message:
        details, origin = self._ledger.details(entry), self._ledger.origin(entry)
        if entry.kind is Kind.REFUND:
            assert origin, "a refund has an original"
            return messages.refund(self._host.profile, self._host.caller, details, origin.rrn, host_day(origin))
        auth, f61 = (origin.auth, reference(origin)) if origin else ("", "")
        return messages.upload(self._host.profile, self._host.caller, details, entry.f55, auth, f61)

    # -- what nobody knows -----------------------------------------------------------------------------------------

    def _doubtful(self) -> list[Entry]:
        return self.unknown if self._inquiry or self._repeats else []

    def resolve(self, entry: Entry, abort: Abort = never) -> Entry:
        """A refund without an answer: ask what the bank has; 'nothing' proves nothing (it may still be on its way), so
        then the same request goes out again under its own STAN, if the acquirer allows it."""
        journal = self._ledger.journal
        view = self.inquire(entry, abort)
        if view and view.status in ("posted", "pending", "adjusted"):
            posting = {"posting": view.status, "posted": view.fen}
            return journal.move(entry, Event.ANSWERED_DONE, polled=self._time.now().isoformat(), **posting)
        if not self._repeats:
            return journal.get(entry.id)
        reply = self._ask(self._message(entry), abort)
        code, profile = (reply.get(39) if reply else ""), self._host.profile
        if code in profile.success | {profile.duplicate}:  # a duplicate of our own number: the bank has the first one
            return journal.move(entry, Event.ANSWERED_DONE, code=code, **_booked(reply))
        if profile.refuses(code):
            return journal.move(entry, Event.ANSWERED_FAILED, code=code)
        return journal.get(entry.id)

    def inquire(self, entry: Entry, abort: Abort = never) -> View | None:
        """The bank's view of an entry; None where it offers none or does not answer. Never ends an OWED (rule 11)."""
        if not self._inquiry:
            return None
        journal = self._ledger.journal
        request = messages.inquiry(self._host.profile, self._host.caller, journal.next_stan(), journal.batch,
                                   entry.batch + entry.stan)  # fmt: skip
        reply = self._ask(request, abort)
        if reply is None or reply.get(39) not in ("00", "25") or "64" not in reply.fields:
            return None
        if reply.get(39) == "25":
            return View("absent")
        status, _, fen = bytes.fromhex(reply.get(62)).decode("ascii", "replace").partition(" ")
        return View(status, int(fen)) if status in STATUSES and fen.isdigit() else None

    # -- refunds on their way --------------------------------------------------------------------------------------

    def _to_poll(self) -> list[Entry]:
        if not self._inquiry:
            return []
        now = self._time.strict()
        return [e for e in self._ledger.journal.of_kind(Kind.REFUND, State.RELEASED, State.DONE)
                if e.posting in ("", "pending")
                and (not e.polled or now - datetime.fromisoformat(e.polled) >= POLL_EVERY)]  # fmt: skip

    def poll(self, entry: Entry, abort: Abort = never) -> Entry:
        """Has it arrived? The time of the look is kept, so that it survives a reboot."""
        view = self.inquire(entry, abort)
        if view is None or view.status not in ("posted", "pending", "adjusted", "rejected"):
            return entry
        return self._ledger.journal.note(entry, posting=view.status, posted=view.fen,
                                         polled=self._time.strict().isoformat())  # fmt: skip

    def _ask(self, message: Message, abort: Abort) -> Message | None:
        try:
            return self._host.ask(message, abort)
        except (NotSent, NoAnswer, HostError, MessageError, KeyProblem) as broken:
            log.event("no answer", why=type(broken).__name__)
            return None


def _booked(reply: Message | None) -> dict[str, str]:
    """The bank's own references, where it gave any."""
    if reply is None:
        return {}
    given = {"rrn": reply.get(37), "host_date": reply.get(13), "host_time": reply.get(12)}
    return {name: value for name, value in given.items() if value}
