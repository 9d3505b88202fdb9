"""The trace: nothing of the cardholder in it, every TVR bit explained, and the kernel makes the same commands of it again."""

from __future__ import annotations

import json
import random
from dataclasses import replace
from typing import Any

import pytest

from firmware.emv import cryptogram, kernel, selection, tags, tlv, trace
from firmware.emv.action_analysis import Ask
from firmware.emv.settings import OFFLINE_PINS
from firmware.errors import CardBroken, CardLost
from firmware.hal.reader import Response
from hal_mocks.card import scheme
from hal_mocks.card.replayed import Replayed
from hal_mocks.card.soft_card import CVM_ENCIPHERED_PIN, CVM_OFFLINE_PIN, Profile, SoftCard
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Person, buys
from tests.emv.bench import NOW, SETTINGS, Dice, Direct, Play, Played, play, verify

PAN = "6212345600000007"
CARDS: dict[str, dict[str, Any]] = {
    "plain": {},
    "SDA by list": {"oda": "sda", "pse": False},
    "SDA spoilt": {"oda": "sda", "spoil": {"93": 3}},
    "DDA and PIN": {"oda": "dda", "cvm": CVM_OFFLINE_PIN},
    "CDA and enciphered PIN": {"oda": "cda", "cvm": CVM_ENCIPHERED_PIN},
    "PIN key of its own": {"pin_key": scheme.PIN, "cvm": CVM_ENCIPHERED_PIN},
    "two applications": {"second_app": "OTHER", "blocked_first": True},
}


def recorded(profile: dict[str, Any]) -> tuple[trace.Traced, Played]:
    soft = SoftCard(Profile(pan=PAN, **profile))
    card = trace.Traced(Direct(soft))
    done = play(card, soft, Play(pins=("1234", "")))
    card.chip = done.chip
    return card, done


@pytest.mark.parametrize("name", CARDS)
def test_no_number_name_or_pin_is_in_a_trace(name: str) -> None:
    card, done = recorded(CARDS[name])
    text = card.text()
    for secret in (PAN, "2412345", "12345", b"TEST/CARD".hex(), "2010000000000"):
        assert secret.lower() not in text.lower().replace(b"TAKEBACK TEST".hex(), "")
    assert "621234******0007" in text
    assert done.outcome == "approved online"


@pytest.mark.parametrize("name", CARDS)
def test_each_bit_of_the_tvr_has_its_line_and_its_book(name: str) -> None:
    card, done = recorded(CARDS[name])
    assert done.chip
    table = json.loads(card.text())
    bits = sum(b.bit_count() for b in bytes.fromhex(table["tvr"]))
    assert len([w for w in table["why"] if "(Book " in w]) >= bits
    shown = "\n".join(trace.lines(card.text()))
    assert "GENERATE AC" in shown
    assert "TVR " + table["tvr"].upper() in shown


@pytest.mark.parametrize("name", CARDS)
def test_the_kernel_makes_the_same_commands_of_a_trace(name: str) -> None:
    """Clock, unpredictable number and decisions as then; data authentication by its result."""
    card, done = recorded(CARDS[name])
    again = Replayed(card.text())
    chip = None
    found = selection.candidates(again, SETTINGS)
    while chip is None:
        chosen = found.pop(0)
        try:
            chip = kernel.begin(again, chosen, 1250, SETTINGS, NOW, Dice(), 1)
        except selection.NotTaken:
            continue
    again.authenticated(chip)
    if not any(m in OFFLINE_PINS for m in _methods(done)):
        verify(again, Played("", chip), Play())
    else:  # the PIN is not in the trace: its result is
        chip.data[tags.CVM_RESULTS] = bytes.fromhex(again.table["cvm"])
        while json.loads(card.text())["said"][len(card.said) - len(again._left)][0][2:4] in ("ca", "84", "20"):
            again._left.pop(0)
    asked = cryptogram.decide(again, chip, Dice())
    assert asked is Ask.ARQC
    chip.tvr[2] = bytes.fromhex(again.table["tvr"])[2]
    first = cryptogram.generate_first(again, chip, asked)
    assert first.proved
    arpc = next((bytes.fromhex(c)[5:] for c, _, _ in again.table["said"] if c[2:4] == "82"), b"")
    final = cryptogram.second(again, chip, "00", arpc, approve=True)
    assert (final.kind, again.over, bytes(chip.tvr).hex()) == ("TC", True, again.table["tvr"])


def _methods(done: Played) -> list[Any]:
    return [m for m in OFFLINE_PINS if m.name in done.tries]


def test_a_replayed_card_is_strict() -> None:
    card, _ = recorded({})
    again = Replayed(card.text())
    with pytest.raises(AssertionError, match="the trace has"):
        again.transmit(b"\x00\xa4\x04\x00\x00", 1.0)
    again._left.clear()
    with pytest.raises(CardLost):
        again.transmit(b"\x00\xa4\x04\x00\x00", 1.0)


@pytest.mark.parametrize(
    ("tag", "value", "shown"),
    [
        ("5A", "6212345678901234567F", "6212340000000004567F"),
        ("57", "6200001234560005D30122010000012345678F", "6200000000000005D00000000000000000000F"),
        ("5F20", "54455354", "58585858"),
        ("9F1F", "313233", "000000"),
    ],
)
def test_masking_keeps_lengths(tag: str, value: str, shown: str) -> None:
    raw = bytes.fromhex(tag) + bytes([len(value) // 2]) + bytes.fromhex(value)
    assert trace.masked(raw).hex().upper().endswith(shown)
    assert len(trace.masked(raw)) == len(raw)


class Talkative:
    """A card that gives its number under any tag, and a terminal that repeats it in any command."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        return Response(self.answers.pop(0) if self.answers else b"", 0x9000)

    def atr(self) -> bytes:
        return b"\x3b\x00"


def a_number(rng: random.Random) -> str:
    """12 to 19 digits that pass Luhn, of no issuer that exists."""
    digits = rng.choice("3456") + "".join(rng.choice("0123456789") for _ in range(rng.randint(10, 17)))
    return next(digits + check for check in "0123456789" if trace._luhn(digits + check))


def betrayed(number: str, text: str) -> bool:
    """More of the number than six digits in front and four behind, as half bytes or as characters."""
    shown = number[:6] + "0" * (len(number) - 10) + number[-4:]
    stretches = [(number[at : at + 7], shown[at : at + 7]) for at in range(len(number) - 6)]
    written = [a for a, b in stretches if a != b]
    return any(w in text or "".join(f"3{d}" for d in w) in text for w in written)


@pytest.mark.parametrize("seed", range(150))
def test_no_card_can_get_its_number_into_a_trace(seed: int) -> None:
    """Outside review, security A8: a CDOL that names 5A, 57 or 5F20 wrote them whole. By value, whatever the tag, the
    place, the half byte and the order; numbers nobody has named are caught by Luhn (PCI DSS 3.3, 3.4)."""
    rng = random.Random(seed)
    number, other = a_number(rng), a_number(rng)
    bcd = number + "F" * (len(number) % 2)
    track = f"{number}D3012201{rng.randrange(10**9):09d}"
    track += "F" * (len(track) % 2)
    name = b"VERY SECRET/PERSON"
    tag = rng.choice((0xDF01, 0x9F7C, 0x5F2D, 0xC1))
    hidden = bytes.fromhex(other + "F" * (len(other) % 2))
    given = tlv.write(0x70, tlv.write(0x5A, bytes.fromhex(bcd)) + tlv.write(0x57, bytes.fromhex(track))
                      + tlv.write(0x5F20, name) + tlv.write(tag, rng.choice((hidden, other.encode()))))  # fmt: skip
    shift = rng.choice(("", "0"))
    repeated = bytes.fromhex(shift + bcd + track + other + ("0" if (len(shift + bcd + track + other)) % 2 else ""))
    card = trace.Traced(Talkative([b"", given, b""]))
    for data in (repeated, b"", repeated + name + number.encode() + name[: rng.randint(6, 18)]):  # before and after
        card.transmit(bytes([0x80, 0xAE, 0x40, 0x00, len(data)]) + data, 1.0)
    text = "".join("".join(pair[:2]) for pair in json.loads(card.text())["said"])
    assert not betrayed(number, text.upper()) and not betrayed(other, text.upper())
    assert track[len(number) + 1 : len(number) + 12] not in text.upper()
    assert name.hex() not in text and name[:6].hex() not in text
    assert number[:6] in text, "what may be shown is shown"


@pytest.mark.parametrize("oda", ["sda", "dda", "cda"])
def test_no_certificate_gives_the_number_back(oda: str) -> None:
    """The ICC certificate holds the number for whoever has the scheme's public key (EMV Book 2, Table 14)."""
    card, done = recorded({"oda": oda})
    assert done.outcome == "approved online"
    for _, answer, _ in json.loads(card.text())["said"]:
        try:
            found = dict(tlv.flatten(bytes.fromhex(answer)))
        except CardBroken:
            continue
        assert not [tag for tag in trace._CERTIFIED if any(found.get(tag, b""))]


def test_a_card_whose_cdol_asks_for_number_track_and_name_gets_them_and_the_trace_does_not(tmp_path: Any) -> None:
    """The reviewer's card, through the whole terminal."""
    d = Desk(conf=replace(settings(paths={"state": str(tmp_path)}, emv={"trace": True})))
    d.world.wallet[0] = SoftCard(Profile(pan=PAN, greedy=True))
    d.play(Person(buys("1250")))
    (file,) = (tmp_path / "traces").iterdir()
    said = "".join("".join(pair[:2]) for pair in json.loads(file.read_text())["said"]).upper()
    assert "5A0A57135F2014" in said and d.entries()[0].state.value == "released"
    assert not betrayed(PAN, said) and "D3012201" not in said and b"TEST/CARD".hex().upper() not in said


def test_the_terminal_keeps_the_last_sessions_where_it_is_told_to(tmp_path: Any) -> None:
    d = Desk(conf=replace(settings(paths={"state": str(tmp_path)}, emv={"trace": True})))
    d.world.wallet[0] = SoftCard(Profile(pan=PAN))
    d.play(Person([*buys("1250"), *buys("700")]))
    files = sorted((tmp_path / "traces").iterdir())
    assert len(files) == 2
    assert json.loads(files[0].read_text())["tvr"] == "8000008000"
    assert PAN not in files[0].read_text()
    quiet = Desk(conf=settings(paths={"state": str(tmp_path / "quiet")}))
    quiet.play(Person(buys("1250")))
    assert not (tmp_path / "quiet" / "traces").exists()
