"""A bank with a ledger, tombstones, duplicate detection, MACs and moods. pyemv is its oracle for cryptograms.

The books: `accounts` maps (batch, STAN) to what was booked, with the effects it had, so that a reversal takes back
just those. A reversal of something never seen leaves a tombstone, so that the request, if it arrives after all, is
refused (money rule 14)."""

from __future__ import annotations

import random
import warnings
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime

from cryptography.utils import CryptographyDeprecationWarning
from pyemv import ac, cvn, kd

from firmware.emv import tlv
from firmware.errors import TakebackError
from firmware.host import codec, mac, messages
from firmware.host.codec import Message
from firmware.host.fields import unionpay
from firmware.host.profiles import UNIONPAY
from firmware.security import des
from firmware.security.secrets import Key, Use
from hal_mocks import downloads
from hal_mocks.card.soft_card import ISSUER_KEY, ISSUER_SMC, ISSUER_SMI

SPEC = unionpay()
warnings.filterwarnings("ignore", category=CryptographyDeprecationWarning)  # pyemv hands over 16-byte keys


class Cut(bytes):
    """The first bytes of a frame with its two length bytes; the line breaks behind them."""


Place = tuple[str, str]  # batch, STAN
Effect = tuple[Place, str, int]  # whose 'net' or 'hold' changes by how many fen


@dataclass
class Account:
    """One booking: `net` in fen is what the customer has paid for it now, `hold` what is held for a booking."""

    act: str
    amount: int
    card: str
    cryptogram: str
    rrn: str
    auth: str
    reply: Message
    effects: list[Effect] = field(default_factory=list)
    net: int = 0
    hold: int = 0
    reversed: bool = False
    status: str = "posted"  # of a refund: pending, posted, adjusted, rejected
    takes: int = 0  # fen of an adjusted refund that stand


@dataclass(frozen=True)
class Mood:
    """How the bank treats one message. `word` is one of MOODS; `code` for decline; `at` for cut."""

    word: str = "approve"
    code: str = "51"
    at: int = 0


ACTS = {(a.f3, a.f25, a.mti, a.f60_1): name for name, a in UNIONPAY.acts.items() if a.f3}
DEBIT = frozenset({"sale", "completion", "completion_notice", "offline_sale"})
CREDIT = frozenset({"void", "refund", "completion_void"})
REFUNDABLE = DEBIT
COMPLETION_PERCENT = 115
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
    accounts: dict[Place, Account] = field(default_factory=dict)
    tombstones: set[Place] = field(default_factory=set)
    settled: dict[str, str] = field(default_factory=dict)  # batch → 207 or 202
    details: dict[tuple[str, str], str] = field(default_factory=dict)  # (batch, STAN) → one detail of a batch upload
    skew: int = 0  # fen by which its own sum of debits is wrong
    refunds_are: str = "posted"
    offers: downloads.Offers = field(default_factory=downloads.Offers)
    scripts: list[tuple[int, str]] = field(default_factory=list)  # (0x71 or 0x72, kind) for the next approval
    script_results: dict[Place, str] = field(default_factory=dict)  # DF31 as reported by 0620, hex
    moods: deque[Mood] = field(default_factory=deque)
    moody: tuple[str, ...] = ("0100", "0200", "0220")
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
        if request.mti in ("0800", "0820", "0500", "0320") and request.get(60)[8:] != messages.INQUIRE:
            return codec.encode(self._management(request), SPEC)
        if mood.word == "not_signed" or not self._mac_right(frame, request):
            return self._encode(self._answer(request, "A0"), sign=False)
        if request.mti == "0400":
            refused = mood.word == "decline"
            reply = self._answer(request, mood.code) if refused else self._reversal(request)
        elif request.mti == "0820":
            reply = self._inquiry(request)
        elif request.mti == "0620":
            reply = self._script_results(request)
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
        if request.get(60)[8:11] in downloads.KINDS:
            return self._parameters(request)
        if request.mti == "0500":
            return self._settle(request)
        if request.mti == "0320":
            return self._upload(request)
        if request.mti == "0820":
            return self._answer(request, "00")
        rng = random.Random(self._seed)
        self._seed += 1
        pik, mak = rng.randbytes(16), rng.randbytes(8)
        self.keys = (pik, mak)
        tmk = Key(self.tmk, Use.WRAP)
        f62 = (des.encrypt(tmk, pik, Use.WRAP) + des.check_value(Key(pik, Use.PIN)) + des.encrypt(tmk, mak, Use.WRAP)
        + bytes(8)
               + des.check_value(Key(mak, Use.MAC)))  # fmt: skip
        reply = self._answer(request, "00")
        f60 = "00" + self.batch + "003"
        return Message(reply.mti, {**reply.fields, "60": f60, "62": f62.hex()}, reply.header)

    def _parameters(self, request: Message) -> Message:
        f62 = downloads.answer(self.offers, request.get(60)[8:11], bytes.fromhex(request.get(62)))
        reply = self._answer(request, "00" if f62 is not None else "25")
        return Message(reply.mti, {**reply.fields, **({"62": f62.hex()} if f62 else {})}, reply.header)

    # -- money -----------------------------------------------------------------------------------------------------

    def _financial(self, request: Message, mood: Mood) -> Message:
        key = (request.get(60)[2:8], request.get(11))
        if key in self.tombstones and self.has_tombstones:
            return self._answer(request, "12")
        if key in self.accounts and self.has_duplicate_check:
            return self._again(request, self.accounts[key])
        if mood.word in ("decline", "bare_decline"):
            return self._answer(request, mood.code)
        act = ACTS.get((request.get(3), request.get(25), request.mti, request.get(60)[:2]))
        if act is None:
            return self._answer(request, "40")
        return getattr(self, f"_{act}")(request, key, mood)  # type: ignore[no-any-return]

    def _again(self, request: Message, account: Account) -> Message:
        """The same answer only for an identical F2, F4 and 9F26, else 94."""
        same = (account.card, account.amount, account.cryptogram) == self._identity(request)
        return account.reply if same else self._answer(request, "94")

    def _identity(self, request: Message) -> tuple[str, int, str]:
        f55 = dict(tlv.flatten(bytes.fromhex(request.get(55)))) if request.get(55) else {}
        return request.get(2), int(request.get(4)), f55.get(0x9F26, b"").hex()

    def _book(self, request: Message, key: Place, act: str, effects: list[Effect], code: str = "00",
              arpc: bytes = b"", amount: int | None = None) -> Message:  # fmt: skip
        """A new account and what it does to itself and to others."""
        card, asked, cryptogram = self._identity(request)
        reply = self._answer(request, code, arpc=arpc, amount=amount)
        self.accounts[key] = Account(act, asked, card, cryptogram, reply.get(37), reply.get(38), reply, effects)
        self._apply(effects)
        return reply

    def _apply(self, effects: list[Effect], sign: int = 1) -> None:
        for place, book, change in effects:
            account = self.accounts[place]
            setattr(account, book, getattr(account, book) + sign * change)

    def _sale(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._with_cryptogram(request, key, mood, "sale", lambda booked: [(key, "net", booked)])

    def _preauth(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._with_cryptogram(request, key, mood, "preauth", lambda held: [(key, "hold", held)])

    def _increment(self, request: Message, key: Place, mood: Mood) -> Message:
        booking = self._original(request, "preauth")
        if booking is None or self.accounts[booking].hold == 0:
            return self._answer(request, "25")
        return self._with_cryptogram(request, key, mood, "increment", lambda more: [(booking, "hold", more)])

    def _with_cryptogram(self, request: Message, key: Place, mood: Mood, act: str,
                         effects: Callable[[int], list[Effect]]) -> Message:  # fmt: skip
        problem, arpc = self._cryptogram(request)
        if problem:
            self.problems.append(problem)
            return self._answer(request, "59")
        amount = int(request.get(4))
        part = mood.word == "partial"
        booked = amount // 2 if part else amount
        return self._book(request, key, act, effects(booked), "10" if part else "00", arpc, booked)

    def _offline_sale(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._book(request, key, "offline_sale", [(key, "net", int(request.get(4)))])

    def _cryptogram(self, request: Message) -> tuple[str, bytes]:
        """Check the ARQC with pyemv; ('', tags 91, 71, 72) if it is true."""
        found = dict(tlv.flatten(bytes.fromhex(request.get(55))))
        pan, sequence = request.get(2), request.get(23)[-2:]
        master = kd.derive_icc_mk_a(ISSUER_KEY, pan, sequence)
        key = kd.derive_common_sk(master, found[0x9F36] + bytes(6))
        order = (0x9F02, 0x9F03, 0x9F1A, 0x95, 0x5F2A, 0x9A, 0x9C, 0x9F37, 0x82, 0x9F36, 0x9F10)
        expected = ac.generate_ac(key, b"".join(found[t] for t in order))
        if expected != found[0x9F26]:
            return "ARQC is wrong", b""
        arpc = ac.generate_arpc_1(key, expected, b"00") + b"00"
        return "", tlv.write(0x91, arpc) + self._scripts(pan, sequence, expected, found[0x9F36])

    def _scripts(self, pan: str, sequence: str, arqc: bytes, atc: bytes) -> bytes:
        """What the issuer wants the card to do, with MACs by pyemv; each is sent once."""
        card = cvn.MasterCardCVN20(ISSUER_KEY, ISSUER_SMI, ISSUER_SMC, pan, sequence)
        made = b""
        for number, (tag, kind) in enumerate(self.scripts, 1):
            if kind == "change_pin":
                command = card.generate_pin_change_command("4321", arqc, atc)
            else:
                header = bytes.fromhex("8424000008")
                command = header + card.generate_command_mac(header, arqc, atc)
            if kind == "wrong_mac":
                command = command[:-1] + bytes([command[-1] ^ 1])
            made += tlv.write(tag, tlv.write(0x9F18, number.to_bytes(4, "big")) + tlv.write(0x86, command))
        self.scripts = []
        return made

    def _script_results(self, request: Message) -> Message:
        f55 = dict(tlv.flatten(bytes.fromhex(request.get(55))))
        self.script_results[request.get(61)[:6], request.get(61)[6:12]] = f55[0xDF31].hex()
        return self._answer(request, "00")

    def _original(self, request: Message, *acts: str) -> Place | None:
        """Named by F61, of the same card, not undone."""
        place = (request.get(61)[:6], request.get(61)[6:12])
        account = self.accounts.get(place)
        if account is None or account.act not in acts or account.reversed or account.card != request.get(2):
            return None
        return place

    def _void(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._undo(request, key, "void", "sale")

    def _undo(self, request: Message, key: Place, act: str, of: str) -> Message:
        """A void of a whole sale or completion; where that ended a hold, the hold comes back."""
        place = (request.get(61)[:6], request.get(61)[6:12])
        account = self.accounts.get(place)
        if account is None or account.act != of or account.reversed or account.net != account.amount:
            return self._answer(request, "25")
        if account.card != request.get(2):
            return self._answer(request, "14")
        if account.amount != int(request.get(4)):
            return self._answer(request, "64")
        back: list[Effect] = [(p, book, -change) for p, book, change in account.effects]
        return self._book(request, key, act, back)

    def _completion_void(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._undo(request, key, "completion_void", "completion")

    def _preauth_void(self, request: Message, key: Place, mood: Mood) -> Message:
        place = self._original(request, "preauth")
        if place is None or self.accounts[place].hold == 0:
            return self._answer(request, "25")
        return self._book(request, key, "preauth_void", [(place, "hold", -self.accounts[place].hold)])

    def _completion(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._complete(request, key, "completion")

    def _completion_notice(self, request: Message, key: Place, mood: Mood) -> Message:
        return self._complete(request, key, "completion_notice")

    def _complete(self, request: Message, key: Place, act: str) -> Message:
        """At most 115 % of what is held; the rest of the hold is let go."""
        place, amount = self._original(request, "preauth"), int(request.get(4))
        if place is None or self.accounts[place].hold == 0:
            return self._answer(request, "25")
        if amount * 100 > self.accounts[place].hold * COMPLETION_PERCENT:
            return self._answer(request, "61")
        return self._book(request, key, act, [(key, "net", amount), (place, "hold", -self.accounts[place].hold)])

    def _refund(self, request: Message, key: Place, mood: Mood) -> Message:
        """Named by F37. Never above what is left (host facts, 1.5)."""
        found = [p for p, a in self.accounts.items() if a.rrn == request.get(37) and a.act in REFUNDABLE
                 and not a.reversed]  # fmt: skip
        if not found:
            return self._answer(request, "25")
        account, amount = self.accounts[found[0]], int(request.get(4))
        if account.card != request.get(2):
            return self._answer(request, "14")
        if amount > account.net:
            return self._answer(request, "61")
        reply = self._book(request, key, "refund", [(found[0], "net", -amount)])
        self.accounts[key].status = self.refunds_are
        return reply

    def reject(self, key: Place, takes: int = 0) -> None:
        """A refund that was accepted comes back: `takes` fen of it stand (0: none)."""
        account = self.accounts[key]
        account.status, account.takes = ("adjusted", takes) if takes else ("rejected", 0)
        self._apply([(account.effects[0][0], "net", account.amount - takes)])

    def _balance(self, request: Message, key: Place, mood: Mood) -> Message:
        reply = self._answer(request, "00")
        return Message(reply.mti, {**reply.fields, "54": "0002156C000000888800"}, reply.header)

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
            self._apply(account.effects, -1)
        return self._answer(request, "00")

    # -- settlement ------------------------------------------------------------------------------------------------

    def totals(self, batch: str) -> tuple[int, int, int, int]:
        """(debit fen, count, credit fen, count) of a batch, as the bank has booked it."""
        mine = [a for (b, _), a in self.accounts.items() if b == batch and not a.reversed]
        debit = [a.amount for a in mine if a.act in DEBIT]
        credit = [a.amount for a in mine if a.act in CREDIT]
        return sum(debit) + self.skew, len(debit), sum(credit), len(credit)

    def _settle(self, request: Message) -> Message:
        """The reply has no F39; flag 1 balanced, 2 not (host facts, 1.6)."""
        batch, asked = request.get(60)[2:8], request.get(48)
        debit, debits, credit, credits = self.totals(batch)
        own = f"{debit:012d}{debits:03d}{credit:012d}{credits:03d}"
        flag = "1" if asked[:30] == own else "2"
        reply = self._answer(request, "00")
        fields = {n: v for n, v in reply.fields.items() if n != "39"} | {"48": own + flag + asked[31:61] + "1"}
        return Message(reply.mti, fields, reply.header)

    def _upload(self, request: Message) -> Message:
        batch, kind, f48 = request.get(60)[2:8], request.get(60)[8:11], request.get(48)
        if kind in (messages.UPLOAD_END_BALANCED, messages.UPLOAD_END_NOT):
            self.settled[batch] = kind
            self.batch = max(self.batch, f"{int(batch) + 1:06d}")
        else:
            for at in range(2, 2 + 40 * int(f48[:2]), 40):
                self.details[batch, f48[at + 2 : at + 8]] = f48[at : at + 40]
        return self._answer(request, "00")

    def _inquiry(self, request: Message) -> Message:
        """Our marked extension: what stands under F61, as text in F62."""
        account = self.accounts.get((request.get(61)[:6], request.get(61)[6:12]))
        if account is None:
            return self._answer(request, "25")
        status = "reversed" if account.reversed else account.status
        takes = account.takes if status == "adjusted" else account.amount
        reply = self._answer(request, "00")
        return Message(reply.mti, {**reply.fields, "62": f"{status} {takes}".encode().hex()}, reply.header)

    # -- replies ---------------------------------------------------------------------------------------------------

    def _answer(self, request: Message, code: str, arpc: bytes = b"", amount: int | None = None) -> Message:
        kept = {n: request.get(int(n)) for n in ("2", "3", "4", "11", "23", "25", "41", "42", "48", "49", "60")
                if request.get(int(n))}  # fmt: skip
        fields = kept | {"12": self.time, "13": self.date, "39": code}
        if request.mti in ("0100", "0200", "0220", "0400"):
            fields |= {"37": f"{self.date}{len(self.seen):08d}"[-12:], "44": "03010000   00010000   "}
        if request.mti in ("0100", "0200", "0220") and code in ("00", "10"):
            fields["38"] = f"{(len(self.seen) * 7919) % 1_000_000:06d}"
        if arpc:
            fields["55"] = arpc.hex()
        if amount is not None:
            fields["4"] = f"{amount:012d}"
        header = request.header[:2] + request.header[6:10] + request.header[2:6] + request.header[10:]
        return Message(f"{int(request.mti) + 10:04d}", fields, header)

    def _encode(self, reply: Message, sign: bool) -> bytes:
        if not sign:
            return codec.encode(reply, SPEC)
        blank = codec.encode(Message(reply.mti, {**reply.fields, "64": "00" * 8}, reply.header), SPEC)
        return blank[:-8] + mac.ecb_mac(Key(self.keys[1], Use.MAC), blank[11:-8])

    def _mac_right(self, frame: bytes, request: Message) -> bool:
        return "64" in request.fields and bool(self.keys[1]) and (
            frame[-8:] == mac.ecb_mac(Key(self.keys[1], Use.MAC), frame[11:-8]))  # fmt: skip
