"""One safe door to the host (money rules 1, 3 and 6).

`with ledger.in_flight(…) as flight` makes the debt durable before the first byte leaves; every way out that is not
`settle` with a definite answer leaves the entry OWED (or NEVER_SENT, if no byte left).
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any

from firmware import log
from firmware.emv import tags
from firmware.emv.chip import Chip, Cryptogram
from firmware.errors import CardError, Foreign, KeyProblem, MacWrong, MessageError, NoAnswer, NotSent
from firmware.hal.link import Abort
from firmware.host import messages
from firmware.host.answers import Answer, Silence
from firmware.host.codec import Message
from firmware.host.exchange import Host, never
from firmware.host.profiles import Profile
from firmware.ledger.entry import Entry
from firmware.ledger.facts import chip_facts
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.security.secrets import PinBlock

if TYPE_CHECKING:
    from firmware.ledger.ledger import Ledger

ASKS_THE_CARD = frozenset({Kind.SALE, Kind.PREAUTH, Kind.INCREMENT})  # their request carries its cryptogram
_DATED = frozenset({Kind.PREAUTH, Kind.COMPLETION, Kind.COMPLETION_NOTICE})
NO_REPLY, CANNOT_COMPLETE, CARD_OR_OPERATOR, BAD_MAC = "98", "96", "06", "A0"  # DE 39 of the 0400


class InFlight:
    """One financial request between its durable record and its settled result."""

    def __init__(self, ledger: Ledger, kind: Kind, amount: int, facts: dict[str, Any], chip: Chip | None,
                 original: Entry | None) -> None:  # fmt: skip
        self._ledger, self._kind, self._amount, self._facts = ledger, kind, amount, facts
        self._chip, self._original = chip, original
        self.entry: Entry

    def __enter__(self) -> InFlight:
        self.entry = self._ledger.journal.begin(self._kind, self._amount, **self._facts)
        return self

    def ask(self, host: Host, pin: PinBlock | None = None, abort: Abort = never) -> Answer | Silence:
        """Send the request. Silence is returned only once NEVER_SENT or OWED is durable."""
        try:
            reply = host.ask(self._message(host, pin), abort)
            return Answer.of(reply, messages.answer_f55(reply))
        except (NotSent, KeyProblem) as broken:
            return self._silence(Event.NOT_SENT, "", broken)
        except MacWrong as broken:
            return self._silence(Event.SILENCE, BAD_MAC, broken)
        except (NoAnswer, MessageError, Foreign, CardError) as broken:
            host.hang_up()
            return self._silence(Event.SILENCE, NO_REPLY, broken)

    def settle(self, host: Host, answer: Answer | Silence, final: Cryptogram | None) -> None:
        """The only door that owes nothing. `final` is the card's last word; None if it had none. Never undoes an
        OWED. The table "host's answer × card's last word" of the design."""
        if isinstance(answer, Silence):
            return
        facts = _answer_facts(answer)
        if final and self._chip:
            facts |= chip_facts(self._chip, final) | self._ledger.script_facts(host, self._chip)
            if self._chip.scripts:
                self._ledger.journal.set(scripts="1")  # durable first: a look at nothing costs nothing
        fresh = not self._ledger.journal.setting("stan_drawn")
        event, reason = verdict(host.profile, answer, final, self._kind, fresh)
        if answer.code == host.profile.duplicate or answer.code in host.profile.sign_on_again:
            self._ledger.journal.set(signed_on="")
        # many hosts sign approvals only, so a bare refusal is one; a 0400 goes out all the same, in case somebody on
        # the line made it up, and its answer changes nothing (host habits, 4.1)
        ends = host.bare_refusal_ends_it or self._kind is Kind.REFUND or answer.code in host.profile.sign_on_again
        if event is Event.DECLINE and answer.bare and not ends:
            self._ledger.journal.set(courtesy=f"{self._ledger.journal.setting('courtesy')} {self.entry.id}".strip())
        if event is Event.MAY_STAND:
            self._ledger.draw_stan()  # the numbers from here on may be spent as well
        self.entry = self._ledger.journal.move(self.entry, event, reason=reason, **facts)

    def _message(self, host: Host, pin: PinBlock | None) -> Message:
        details, origin = self._ledger.details(self.entry), self._original
        if self._kind in ASKS_THE_CARD:
            assert self._chip, "the card's cryptogram is in the request"
            made = messages.sale(host.profile, host.caller, details, self._chip, pin)
            link = {"38": origin.auth, "61": reference(origin)} if origin else {}
            return Message(made.mti, {**made.fields, **link}, made.header)
        assert origin, "everything else is linked to what it undoes or completes"
        if self._kind is Kind.REFUND:
            return messages.refund(host.profile, host.caller, details, origin.rrn, host_day(origin))
        track2 = self._chip.track2 if self._chip and tags.TRACK2 in self._chip.data else None
        made = messages.linked(host.profile, host.caller, details, track2, origin.rrn, origin.auth, reference(origin))
        return messages.with_pin(made, pin) if pin else made

    def _silence(self, event: Event, reason: str, broken: Exception) -> Silence:
        log.event("silence", stan=self.entry.stan, why=type(broken).__name__)
        self.entry = self._ledger.journal.move(self.entry, event, reason=reason)
        return Silence(sent=event is Event.SILENCE)

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        if self._ledger.journal.get(self.entry.id).state is State.UNDECIDED:
            reason = CARD_OR_OPERATOR if isinstance(error, CardError) else CANNOT_COMPLETE
            self.entry = self._ledger.journal.move(self.entry, Event.SILENCE, reason=reason)


def reference(original: Entry) -> str:
    """F61: original batch + STAN, for bookings and what follows them + its date (host facts, 1.5)."""
    dated = host_day(original) if original.kind in _DATED else ""
    return original.batch + original.stan + dated


def host_day(entry: Entry) -> str:
    """MMDD as the host had it, else ours."""
    return entry.host_date or entry.at[5:10].replace("-", "")


def verdict(profile: Profile, answer: Answer, final: Cryptogram | None, kind: Kind, fresh: bool) -> tuple[Event, str]:
    """(event, reason of the reversal owed), by the table of host habits 4.1 (sales, holds, what follows them) and 4.3
    (refunds). A void has no second cryptogram to wait for; a refund is never reversed, what leaves doubt makes it
    UNKNOWN. `fresh`: no earlier journal of this terminal can have spent the STAN, so a 0400 can only name this one."""
    if answer.code in profile.success:
        card_agrees = kind not in ASKS_THE_CARD or (final is not None and final.kind == "TC" and final.proved)
        return (Event.APPROVE, "") if card_agrees else (Event.CARD_REFUSED, CARD_OR_OPERATOR)
    definite = profile.refuses(answer.code) or answer.code in profile.sign_on_again
    if kind is Kind.REFUND:
        known = answer.code in profile.try_again | {profile.partial, profile.duplicate}
        return (Event.DECLINE, "") if definite or not (known or answer.bare) else (Event.SILENCE, "")
    if answer.code == profile.partial:
        return Event.CARD_REFUSED, CARD_OR_OPERATOR
    if answer.code == profile.duplicate and not fresh:
        return Event.MAY_STAND, ""  # no reason: no 0400 is ever sent, it could undo another customer's sale
    return (Event.DECLINE, "") if definite else (Event.SILENCE, NO_REPLY)


def _answer_facts(answer: Answer) -> dict[str, Any]:
    return {"code": answer.code, "rrn": answer.rrn, "auth": answer.auth, "issuer": answer.issuer,
            "host_date": answer.host_date, "host_time": answer.host_time}  # fmt: skip
