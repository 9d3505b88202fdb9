"""A bank with a ledger, tombstones, duplicate detection, MACs and moods. pyemv is its oracle for cryptograms.

The books: `accounts` maps (batch, STAN) to what was booked. A reversal of something never seen leaves a tombstone,
so that the request, if it arrives after all, is refused (money rule 14).
"""

from __future__ import annotations

import random
import warnings
from collections import deque
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.utils import CryptographyDeprecationWarning
from pyemv import ac, kd

from firmware.emv import tlv
from firmware.errors import TakebackError
from firmware.host import codec, mac
from firmware.host.codec import Message
from firmware.host.fields import unionpay
from firmware.security import des
from firmware.security.secrets import Key
from hal_mocks.card.soft_card import ISSUER_KEY

SPEC = unionpay()
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)  # pyemv hands over 16-byte keys


class Cut(bytes):
    """The first bytes of a frame with its two length bytes; the line breaks behind them."""


@dataclass
class Account:
    """One booking: `net` in fen is what the customer has paid for it now."""

    act: str
    amount: int
    card: str
    cryptogram: str
    rrn: str
    auth: str
    net: int
    reply: Message
    original: tuple[str, str] | None = None
    reversed: bool = False


@dataclass(frozen=True)
class Mood:
    """How the bank treats one message. `word` is one of MOODS; `code` for decline; `at` for cut."""

    word: str = "approve"
    code: str = "51"
    at: int = 0


MOODS = ("approve", "decline", "bare_decline", "partial", "deaf", "slow", "mute", "late", "duplicate", "bad_mac",
         "no_mac", "wrong_stan", "cut", "garbage", "flip", "not_signed")  # fmt: skip


@dataclass
class Acquirer:
    """`moods` are used up one per message of the kinds in `moody`; then it is honest."""

    tmk: bytes
    date: str = "1123"
    time: str = "120000"
    batch: str = "000001"
    has_tombstones: bool = True
    has_duplicate_check: bool = True
    accounts: dict[tuple[str, str], Account] = field(default_factory=dict)
    tombstones: set[tuple[str, str]] = field(default_factory=set)
    moods: deque[Mood] = field(default_factory=deque)
    moody: tuple[str, ...] = ("0200",)
    keys: tuple[bytes, bytes] = (b"", b"")
    seen: list[str] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)
    _held: list[bytes] = field(default_factory=list)
    _late: list[bytes] = field(default_factory=list)
    _seed: int = 1

    def receive_at(self, now: datetime, frame: bytes) -> list[bytes]:
        """As `receive`, with the bank's own clock set to `now`."""
        self.date, self.time = now.strftime("%m%d"), now.strftime("%H%M%S")
        return self.receive(frame)

    def receive(self, frame: bytes) -> list[bytes]:
        """One frame in; the replies that come out, in order (often one, sometimes none, sometimes a stale one)."""
        replies, self._late = self._late, []
        mood = self._mood(frame)
        if mood.word == "deaf":
            return []
        if mood.word == "slow":
            self._held.append(frame)
            return []
        reply = self._reply(frame, mood)
        for held in self._held:  # what was slow arrives now, and nobody waits for its answer
            self._reply(held, Mood())
        self._held = []
        return replies + self._deliver(reply, mood)

    def _mood(self, frame: bytes) -> Mood:
        mti = frame[11:13].hex()
        return self.moods.popleft() if self.moods and mti in self.moody else Mood()

    def _deliver(self, reply: bytes | None, mood: Mood) -> list[bytes]:
        if reply is None or mood.word == "mute":
            return []
        if mood.word == "late":
            self._late.append(reply)
            return []
        if mood.word == "duplicate":
            return [reply, reply]
        if mood.word == "cut":
            return [Cut((len(reply).to_bytes(2, "big") + reply)[: mood.at])]
        if mood.word == "garbage":
            return [bytes(random.Random(mood.at).randrange(256) for _ in range(40))]
        if mood.word == "flip":
            changed = bytearray(reply)
            changed[mood.at // 8] ^= 0x80 >> mood.at % 8
            return [bytes(changed)]
        return [reply]

    def _reply(self, frame: bytes, mood: Mood) -> bytes | None:
        """Decode, check the MAC, answer. A frame that is no message is dropped."""
        try:
            request = codec.decode(frame, SPEC)
        except TakebackError:
            return None
        self.seen.append(request.mti)
        if request.mti in ("0800", "0820"):
            return codec.encode(self._management(request), SPEC)
        if mood.word == "not_signed" or not self._mac_right(frame, request):
            return self._encode(self._answer(request, "A0"), sign=False)
        if request.mti == "0400":
            refused = mood.word == "decline"
            reply = self._answer(request, mood.code) if refused else self._reversal(request)
        else:
            reply = self._financial(request, mood)
        return self._signed(reply, mood)

    def _signed(self, reply: Message, mood: Mood) -> bytes:
        if mood.word == "wrong_stan":
            reply = Message(reply.mti, {**reply.fields, "11": f"{(int(reply.get(11)) + 7) % 999999:06d}"}, reply.header)
        if mood.word in ("no_mac", "bare_decline"):
            return self._encode(reply, sign=False)
        raw = self._encode(reply, sign=True)
        return raw[:-8] + b"00000000" if mood.word == "bad_mac" else raw

    # -- management ------------------------------------------------------------------------------------------------

    def _management(self, request: Message) -> Message:
        if request.mti == "0820":
            return self._answer(request, "00")
        rng = random.Random(self._seed)
        self._seed += 1
        pik, mak = rng.randbytes(16), rng.randbytes(8)
        self.keys = (pik, mak)
        tmk = Key(self.tmk)
        f62 = (des.encrypt(tmk, pik) + des.check_value(Key(pik)) + des.encrypt(tmk, mak) + bytes(8)
               + des.check_value(Key(mak)))  # fmt: skip
        reply = self._answer(request, "00")
        f60 = "00" + self.batch + "003"
        return Message(reply.mti, {**reply.fields, "60": f60, "62": f62.hex()}, reply.header)

    # -- money -----------------------------------------------------------------------------------------------------

    def _financial(self, request: Message, mood: Mood) -> Message:
        key = (request.get(60)[2:8], request.get(11))
        if key in self.tombstones and self.has_tombstones:
            return self._answer(request, "12")
        if key in self.accounts and self.has_duplicate_check:
            return self._again(request, self.accounts[key])
        if mood.word in ("decline", "bare_decline"):
            return self._answer(request, mood.code)
        act = "void" if request.get(3) == "200000" else "sale"
        return self._void(request, key) if act == "void" else self._sale(request, key, mood)

    def _again(self, request: Message, account: Account) -> Message:
        """The same answer only for an identical F2, F4 and 9F26, else 94."""
        same = (account.card, account.amount, account.cryptogram) == self._identity(request)
        return account.reply if same else self._answer(request, "94")

    def _identity(self, request: Message) -> tuple[str, int, str]:
        f55 = dict(tlv.flatten(bytes.fromhex(request.get(55)))) if request.get(55) else {}
        return request.get(2), int(request.get(4)), f55.get(0x9F26, b"").hex()

    def _sale(self, request: Message, key: tuple[str, str], mood: Mood) -> Message:
        problem, arpc = self._cryptogram(request)
        if problem:
            self.problems.append(problem)
            return self._answer(request, "59")
        card, amount, cryptogram = self._identity(request)
        code = "10" if mood.word == "partial" else "00"
        booked = amount // 2 if mood.word == "partial" else amount
        reply = self._answer(request, code, arpc=arpc, amount=booked)
        self.accounts[key] = Account("sale", amount, card, cryptogram, reply.get(37), reply.get(38), booked, reply)
        return reply

    def _cryptogram(self, request: Message) -> tuple[str, bytes]:
        """Check the ARQC with pyemv; ('', tag 91) if it is true."""
        found = dict(tlv.flatten(bytes.fromhex(request.get(55))))
        pan, sequence = request.get(2), request.get(23)[-2:]
        master = kd.derive_icc_mk_a(ISSUER_KEY, pan, sequence)
        key = kd.derive_common_sk(master, found[0x9F36] + bytes(6))
        order = (0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36, 0x9F10)
        expected = ac.generate_ac(key, b"".join(found[t] for t in order))
        if expected != found[0x9F26]:
            return "ARQC is wrong", b""
        return "", ac.generate_arpc_1(key, expected, b"00") + b"00"

    def _void(self, request: Message, key: tuple[str, str]) -> Message:
        original = (request.get(61)[:6], request.get(61)[6:12])
        account = self.accounts.get(original)
        if account is None or account.act != "sale" or account.reversed or account.net == 0:
            return self._answer(request, "25")
        if account.card != request.get(2):
            return self._answer(request, "14")
        if account.amount != int(request.get(4)):
            return self._answer(request, "64")
        account.net = 0
        reply = self._answer(request, "00")
        self.accounts[key] = Account("void", account.amount, account.card, "", reply.get(37), reply.get(38), 0, reply,
                                     original)  # fmt: skip
        return reply

    def _reversal(self, request: Message) -> Message:
        """Not found → tombstone and 00; found → undone once (host facts, 1.4)."""
        key = (request.get(60)[2:8], request.get(11))
        account = self.accounts.get(key)
        if account is None:
            self.tombstones.add(key)
        elif account.amount != int(request.get(4)):
            return self._answer(request, "64")
        elif not account.reversed:
            account.reversed = True
            account.net = 0
            if account.original:
                self.accounts[account.original].net = self.accounts[account.original].amount
        if account is None and not self.has_tombstones:
            return self._answer(request, "00")
        return self._answer(request, "00")

    # -- replies ---------------------------------------------------------------------------------------------------

    def _answer(self, request: Message, code: str, arpc: bytes = b"", amount: int | None = None) -> Message:
        kept = {n: request.get(int(n)) for n in ("2", "3", "4", "11", "23", "25", "41", "42", "49", "60")
                if request.get(int(n))}  # fmt: skip
        fields = kept | {"12": self.time, "13": self.date, "39": code}
        if request.mti in ("0200", "0400"):
            fields |= {"37": f"{self.date}{len(self.seen):08d}"[-12:], "44": "03010000   00010000   "}
        if request.mti == "0200" and code in ("00", "10"):
            fields["38"] = f"{(len(self.seen) * 7919) % 1_000_000:06d}"
        if arpc:
            fields["55"] = tlv.write(0x91, arpc).hex()
        if amount is not None:
            fields["4"] = f"{amount:012d}"
        header = request.header[:2] + request.header[6:10] + request.header[2:6] + request.header[10:]
        return Message(f"{int(request.mti) + 10:04d}", fields, header)

    def _encode(self, reply: Message, sign: bool) -> bytes:
        if not sign:
            return codec.encode(reply, SPEC)
        blank = codec.encode(Message(reply.mti, {**reply.fields, "64": "00" * 8}, reply.header), SPEC)
        return blank[:-8] + mac.ecb_mac(Key(self.keys[1]), blank[11:-8])

    def _mac_right(self, frame: bytes, request: Message) -> bool:
        return "64" in request.fields and bool(self.keys[1]) and (
            frame[-8:] == mac.ecb_mac(Key(self.keys[1]), frame[11:-8]))  # fmt: skip

    def inquire(self, batch: str, stan: str) -> Account | None:
        """A marked extension (money rule 11): what the bank has on its books. Never ends an OWED."""
        return self.accounts.get((batch, stan))
