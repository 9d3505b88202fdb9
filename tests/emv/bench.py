"""One payment through the kernel's steps, with everything outside it as plain values: choice, PINs, host."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from firmware.emv import catalogue, cryptogram, cvm, kernel, offline_pin, scripts, selection, tags
from firmware.emv.action_analysis import Ask
from firmware.emv.chip import Chip, Cryptogram
from firmware.emv.cvm import CvmList, Why
from firmware.emv.settings import ENCIPHERED, OFFLINE_PINS, TYPE_OFFLINE_TOO, EmvSettings, Method
from firmware.errors import CardBroken, CardError, CardUnsupported
from firmware.hal.reader import Card, Response
from firmware.security.pin import PinBuffer
from hal_mocks.card import crypto
from hal_mocks.card.issuer import Script
from hal_mocks.card.soft_card import ISSUER_KEY, Profile, SoftCard

NOW = datetime(2026, 11, 23, 12, 0, 0)
SETTINGS = EmvSettings(catalogue.own().aids, catalogue.own().keys)
OFFLINE_TOO = replace(SETTINGS, terminal_type=TYPE_OFFLINE_TOO)


def terminal(base: EmvSettings = SETTINGS, **app: Any) -> EmvSettings:
    """The same terminal with other settings for our test scheme's application."""
    return replace(base, aids=(replace(base.aids[0], **app), *base.aids[1:]))


class Direct:
    """The card without a reader. `log` has INS and status of each command."""

    def __init__(self, card: SoftCard) -> None:
        self.card = card
        self.log: list[tuple[int, bytes]] = []
        card.reset()

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        raw = self.card.process(apdu)
        self.log.append((apdu[1], raw[-2:]))
        return Response(raw[:-2], int.from_bytes(raw[-2:], "big"))

    def atr(self) -> bytes:
        return self.card.ATR

    def pad(self) -> bool:
        return False

    def verify_on_pad(self, timeout_s: float, alive: Callable[[], None]) -> Response:
        raise AssertionError("this reader has no pad")

    def close(self) -> None:
        pass


class Dice:
    """Random bytes that are all the same."""

    def __init__(self, byte: int = 0x5A) -> None:
        self.byte = byte

    def bytes(self, count: int) -> bytes:
        return bytes([self.byte]) * count


def begin(amount: int = 1250, settings: EmvSettings = SETTINGS, **profile: Any) -> tuple[Direct, Chip]:
    card = Direct(SoftCard(Profile(**profile)))
    return card, begin_on(card, amount, settings)


def begin_on(card: Card, amount: int = 1250, settings: EmvSettings = SETTINGS, choice: int = 0) -> Chip:
    """Selection, with the cardholder's choice where there is one, until an application is taken."""
    found = selection.candidates(card, settings)
    while found:
        chosen = found[choice] if selection.choice_needed(found) and choice < len(found) else found[0]
        try:
            return kernel.begin(card, chosen, amount, settings, NOW, Dice(), 1)
        except selection.NotTaken:
            found.remove(chosen)
    raise CardUnsupported("NO APPLICATION LEFT")


def authenticated(card: SoftCard, first: Cryptogram, arc: str = "00") -> bytes:
    """Tag 91 as the issuer makes it."""
    master = crypto.icc_master_key(ISSUER_KEY, card.profile.pan, card.profile.sequence)
    key = crypto.session_key(master, first.atc)
    return crypto.arpc_method_1(key, first.value, arc.encode()) + arc.encode()


@dataclass
class Play:
    """How the world behaves: the PINs typed in turn ('' passes by, 'cancel' is not one), the host's ARC ('' silent after
    sending, 'Y3' never reached), scripts, and which application is chosen."""

    settings: EmvSettings = SETTINGS
    amount: int = 1250
    pins: tuple[str, ...] = ()
    pad: bool = True
    arc: str = "00"
    wrong_arpc: bool = False
    no_arpc: bool = False
    before: Script | None = None
    after: Script | None = None
    choice: int = 0
    spent: int = 0
    dice: int = 0x5A


@dataclass
class Played:
    """What came of it."""

    outcome: str
    chip: Chip | None = None
    tries: list[str] = field(default_factory=list)

    @property
    def tvr(self) -> str:
        return bytes(self.chip.tvr).hex().upper() if self.chip else ""

    @property
    def cvm(self) -> str:
        return self.chip.data.get(tags.CVM_RESULTS, b"").hex().upper() if self.chip else ""


def play(card: Card, soft: SoftCard, world: Play) -> Played:
    """The whole payment; a card error is an outcome here."""
    done = Played("")
    try:
        done.chip = begin_on(card, world.amount, world.settings, world.choice)
        verify(card, done, world)
        done.outcome = _pay(card, soft, done.chip, world)
    except CardError as broken:
        done.outcome = f"{type(broken).__name__}: {broken}"
    return done


def verify(card: Card, done: Played, world: Play) -> None:
    """The CVM list with the PINs of this world."""
    chip, pins = done.chip, list(world.pins)
    assert chip
    cvms = CvmList(chip)
    while method := cvms.choose():
        done.tries.append(method.name)
        if method in OFFLINE_PINS:
            _offline(card, chip, cvms, method, pins, world)
        elif method is Method.ONLINE_PIN and not world.pad:
            cvms.failed(Why.NO_PAD)
        elif method is Method.ONLINE_PIN and not pins.pop(0):
            cvms.failed(Why.BYPASSED)
        else:
            cvms.succeeded()


def _offline(card: Card, chip: Chip, cvms: CvmList, method: Method, pins: list[str], world: Play) -> None:
    if not world.pad:
        return cvms.failed(Why.NO_PAD)
    key = offline_pin.key_for_pin(chip) if method in ENCIPHERED else None
    left = offline_pin.tries_left(card, chip)
    if method in ENCIPHERED and key is None:
        return cvms.failed(Why.WRONG)
    while left != 0:
        digits = pins.pop(0)
        if not digits:
            return cvms.failed(Why.BYPASSED)
        pin = typed(digits)
        verdict = (
            offline_pin.verify_enciphered(card, chip, pin, key, Dice())
            if key
            else offline_pin.verify_plain(card, chip, pin)
        )
        assert not any(pin.digits), "the buffer must be wiped"
        if verdict is None:
            return cvms.failed(Why.WRONG)
        if verdict.ok:
            return cvms.succeeded()
        left = verdict.left
    return cvms.failed(Why.TRY_LIMIT)


def typed(digits: str) -> PinBuffer:
    pin = PinBuffer()
    pin.digits[: len(digits)] = bytes(int(d) for d in digits)
    pin.on_count(len(digits))
    return pin


def _pay(card: Card, soft: SoftCard, chip: Chip, world: Play) -> str:
    asked = cryptogram.decide(card, chip, Dice(world.dice), world.spent)
    first = cryptogram.generate_first(card, chip, asked)
    if not first.proved:
        final = cryptogram.reject_unproved(card, chip, first)
        return f"declined, signature wrong ({final.kind})"
    if first.kind == "TC":
        return "approved offline"
    if first.kind == "AAC":
        return "declined offline" if asked is Ask.AAC else "declined by the card"
    if world.arc in ("", "Y3"):
        alone = world.arc == "Y3" and cryptogram.unable_to_go_online(chip) is Ask.TC
        final = cryptogram.second(card, chip, "Y3" if alone else "Z3", b"", approve=alone)
        return "approved, host not reached" if final.kind == "TC" and final.proved else "declined, host not reached"
    arpc = b"" if world.no_arpc else bytes(8) + b"00" if world.wrong_arpc else authenticated(soft, first, world.arc)
    final = cryptogram.second(card, chip, world.arc, arpc, world.arc == "00",
                              world.before(soft) if world.before else b"")  # fmt: skip
    if world.after:
        scripts.run(card, chip, world.after(soft), tags.SCRIPT_FAILED_AFTER)
    if world.arc != "00":
        return "declined by the host"
    if not final.proved:
        return "reversed: signature wrong"
    return "approved online" if final.kind == "TC" else "reversed: the card says no"


def broken(text: str) -> str:
    return f"{CardBroken.__name__}: {text}"


__all__ = ["NOW", "OFFLINE_TOO", "SETTINGS", "Dice", "Direct", "Play", "Played", "begin", "begin_on", "broken", "cvm", "play",
           "terminal", "typed", "verify"]  # fmt: skip
