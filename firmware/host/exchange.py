"""One question, one answer: framing, MAC, matching. Late and foreign replies are dropped; no money on a line that has
not answered."""

from __future__ import annotations

import math
from dataclasses import dataclass

from firmware import log
from firmware.config import Config
from firmware.errors import Foreign, HostError, KeyProblem, MacWrong, MessageError, NoAnswer, NotSent
from firmware.hal.clock import Clock
from firmware.hal.link import Abort, HostLink
from firmware.hal.random import Random
from firmware.host import codec, mac, messages
from firmware.host.breaker import Breaker
from firmware.host.codec import Message
from firmware.host.messages import Caller
from firmware.host.profiles import PROFILES, Profile
from firmware.security.secrets import Key

_FOREIGN_MAX = 3
_MONEY = frozenset({"0100", "0200", "0220"})  # a debt begins with these; a reversal is owed in any case
ECHO_AFTER_S = 30
_NEVER_S = -math.inf


@dataclass(frozen=True)
class WorkingKeys:
    """What a sign-on gave: PIK encrypts PINs and does nothing else, MAK makes MACs."""

    pik: Key
    mak: Key


def never() -> bool:
    """An abort that never aborts."""
    return False


class Host:
    """The acquirer, as the flows see it. `keys` is None until a sign-on succeeded."""

    def __init__(self, link: HostLink, config: Config, clock: Clock, random: Random) -> None:
        self._link, self._times, self._clock, self._random = link, config.times, clock, random
        self._breaker = Breaker()
        self._heard_s = _NEVER_S  # when the host last answered on this connection
        self.last_word_s: int | None = None  # when it last answered at all; None: not yet
        self.profile: Profile = PROFILES[config.host.profile]
        self.bare_refusal_ends_it = config.host.bare_refusal_ends_it
        merchant = config.merchant
        self.caller = Caller(merchant.terminal_id, merchant.merchant_id, config.host.tpdu + config.host.header)
        self.keys: WorkingKeys | None = None

    def ask(self, request: Message, abort: Abort = never, signed: bool = True) -> Message:
        """Send and take the matching reply. A present F64 is always checked, on whatever reply.

        Raises NotSent (owes nothing), NoAnswer, MessageError, Foreign, MacWrong (each owes a reversal if the
        request was financial), KeyProblem when `signed` and no MAC key is there.
        """
        frame = self._frame(request, signed)
        if signed and not self._breaker.lets_through(self._clock.monotonic_s()):
            raise NotSent("the line was down a moment ago")
        self._connect(abort)
        if request.mti in _MONEY and self._doubtful():
            self._prove(request, abort)
        raw = self._link.exchange(frame, self._times.host_s, abort)
        try:
            reply = self._take(raw, request, signed, abort)
            self._heard_s = self._clock.monotonic_s()
            self.last_word_s = int(self._heard_s)
            return reply
        except (MessageError, Foreign, MacWrong):
            self._link.close()
            raise

    def _take(self, raw: bytes, request: Message, signed: bool, abort: Abort) -> Message:
        """Drop up to three replies that are not ours (rule 7), then give up."""
        for _ in range(_FOREIGN_MAX):
            reply = codec.decode(raw, self.profile.spec)
            if self._matches(request, reply):
                if signed:
                    self._check_mac(raw, reply)
                return reply
            log.event("foreign reply dropped", stan=reply.get(11), code=reply.mti)
            try:
                raw = self._link.receive(self._times.host_s, abort)
            except NoAnswer:
                break
        raise Foreign(f"the reply to {request.mti} belongs to something else")

    # -- the line --------------------------------------------------------------------------------------------------

    def reachable(self, abort: Abort = never) -> bool:
        """Does the line stand? Costs nothing while it does; while it does not, the breaker says how often to try."""
        if not self._breaker.lets_through(self._clock.monotonic_s()):
            return False
        try:
            self._connect(abort)
        except NotSent:
            return False
        return True

    def _connect(self, abort: Abort) -> None:
        """Raises NotSent."""
        given_up = False

        def asked() -> bool:
            nonlocal given_up
            given_up = given_up or abort()
            return given_up

        try:
            if self._link.connect(self._times.connect_s, asked):
                self._heard_s = _NEVER_S
        except NotSent:
            if not given_up:
                self._line_failed()
            raise
        self._breaker.worked()

    def _line_failed(self) -> None:
        self._breaker.failed(self._clock.monotonic_s(), self._random.bytes(1)[0])

    def _doubtful(self) -> bool:
        """Nobody has answered on this connection yet, or not for a while: it may be refused, or half open."""
        return self._clock.monotonic_s() - self._heard_s > ECHO_AFTER_S

    def _prove(self, request: Message, abort: Abort) -> None:
        """An echo before money: what it costs to find a dead line now is nothing, later a reversal. Raises NotSent."""
        question = messages.echo(self.profile, self.caller, request.get(60)[2:8])
        try:
            raw = self._link.exchange(self._frame(question, signed=False), self._times.connect_s, abort)
            self._take(raw, question, False, abort)
        except (NoAnswer, HostError) as broken:
            self._link.close()
            self._line_failed()
            raise NotSent(f"no echo: {type(broken).__name__}") from None
        self._heard_s = self._clock.monotonic_s()

    def hang_up(self) -> None:
        self._link.close()

    def _frame(self, request: Message, signed: bool) -> bytes:
        if not signed:
            return codec.encode(request, self.profile.spec)
        if self.keys is None:
            raise KeyProblem("there is no MAC key: sign on first")
        blank = codec.encode(
            Message(request.mti, {**request.fields, "64": "00" * 8}, request.header), self.profile.spec
        )
        return blank[:-8] + mac.ecb_mac(self.keys.mak, self._maced(blank))

    def _maced(self, raw: bytes) -> bytes:
        """MTI … F63: everything between header and F64."""
        return raw[self.profile.spec["h"]["max_len"] : -8]

    def _check_mac(self, raw: bytes, reply: Message) -> None:
        """F64 must be there and right, except on a bare refusal, which the caller weighs."""
        if "64" not in reply.fields:
            if reply.get(39) in self.profile.success or reply.get(39) == self.profile.partial:
                raise MacWrong("the reply is a success and carries no MAC")
            return
        assert self.keys is not None
        if not mac.same(raw[-8:], mac.ecb_mac(self.keys.mak, self._maced(raw))):
            raise MacWrong("the reply's MAC is wrong")

    def _matches(self, request: Message, reply: Message) -> bool:
        if int(reply.mti) != int(request.mti) + 10:
            return False
        skip = {4} if reply.get(39) == self.profile.partial else set()
        return all(request.get(n) == reply.get(n) for n in self.profile.match if n not in skip and request.get(n))
