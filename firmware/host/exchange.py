"""One question, one answer: framing, MAC, matching. Late and foreign replies are dropped."""

from __future__ import annotations

from dataclasses import dataclass

from firmware import log
from firmware.config import Config
from firmware.errors import Foreign, KeyProblem, MacWrong, MessageError, NoAnswer
from firmware.hal.link import Abort, HostLink
from firmware.host import codec, mac
from firmware.host.codec import Message
from firmware.host.messages import Caller
from firmware.host.profiles import PROFILES, Profile
from firmware.security.secrets import Key

_FOREIGN_MAX = 3


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

    def __init__(self, link: HostLink, config: Config) -> None:
        self._link, self._times = link, config.times
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
        self._link.connect(self._times.connect_s)
        raw = self._link.exchange(frame, self._times.host_s, abort)
        try:
            return self._take(raw, request, signed, abort)
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
