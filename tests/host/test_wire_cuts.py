"""S73: the line breaks after every byte of request and reply; every bit of a reply is flipped. Never a wrong
approval, never an unreversed charge."""

from __future__ import annotations

import pytest

from firmware.ledger.lifecycle import Kind, State
from hal_mocks import books
from hal_mocks.acquirer import Mood
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, voids
from hal_mocks.world import World

HEADER = 11  # TPDU and header are outside the MAC


def frames(steps, moods=(), which: int = 0) -> tuple[int, int]:
    """Bytes of request and reply of the story's financial message number `which`."""
    desk = Desk()
    seen: list[tuple[int, int]] = []
    receive = desk.world.bank.receive

    def spy(frame: bytes) -> list[bytes]:
        replies = receive(frame)
        if frame[11:13] == b"\x02\x00":
            seen.append((len(frame), len(replies[0]) if replies else 0))
        return replies

    desk.world.bank.receive = spy
    desk.world.bank.moods.extend(moods)
    desk.play(Person(steps))
    return seen[which]


@pytest.fixture(scope="module")
def signed_on() -> bytes:
    desk = Desk()
    desk.play(Person())
    return desk.world.save()


@pytest.fixture(scope="module")
def sold() -> bytes:
    desk = Desk()
    desk.play(Person(buys("1250")))
    return desk.world.save()


def play(start: bytes, steps, change) -> Desk:
    desk = Desk(World.load(start))
    change(desk.world)
    desk.play(Person(steps))
    return desk


def sale_of(desk: Desk, kind: Kind = Kind.SALE) -> State:
    return [e for e in desk.entries() if e.kind is kind][-1].state


def test_request_cut_after_every_byte(signed_on: bytes) -> None:
    size = frames(buys("1250"))[0]
    for at in range(size + 2):
        desk = play(signed_on, buys("1250"), lambda w, at=at: setattr(w, "cut_request_at", at))
        assert books.disagreements(desk.world, desk.entries()) == [], at
        assert sale_of(desk) is (State.NEVER_SENT if at == 0 else State.REVERSED), at


def test_reply_cut_after_every_byte(signed_on: bytes) -> None:
    size = frames(buys("1250"))[1]
    for at in range(size + 2):
        desk = play(signed_on, buys("1250"), lambda w, at=at: w.bank.moods.append(Mood("cut", at=at)))
        assert books.disagreements(desk.world, desk.entries()) == [], at
        assert sale_of(desk) is State.REVERSED, at


def test_void_cut_after_every_byte_of_request_and_reply(sold: bytes) -> None:
    request, reply = frames([*buys("1250"), *voids()], which=1)
    cuts = [lambda w, at=at: setattr(w, "cut_request_at", at) for at in range(1, request + 2)]
    cuts += [lambda w, at=at: w.bank.moods.append(Mood("cut", at=at)) for at in range(reply + 2)]
    for number, change in enumerate(cuts):
        desk = play(sold, voids(), change)
        assert books.disagreements(desk.world, desk.entries()) == [], number
        assert sale_of(desk, Kind.VOID) is State.REVERSED, number
        assert sale_of(desk) is State.RELEASED


def test_every_bit_of_an_approval_flipped(signed_on: bytes) -> None:
    bits = frames(buys("1250"))[1] * 8
    for bit in range(bits):
        desk = play(signed_on, buys("1250"), lambda w, bit=bit: w.bank.moods.append(Mood("flip", at=bit)))
        assert books.disagreements(desk.world, desk.entries()) == [], bit
        expected = State.RELEASED if bit < HEADER * 8 else State.REVERSED
        assert sale_of(desk) is expected, bit


def test_every_bit_of_a_refusal_flipped_never_becomes_an_approval(signed_on: bytes) -> None:
    """A refusal whose MAC does not fit is no refusal: it may be a booked sale with one bit wrong in F39."""
    size = frames(buys("1250"), [Mood("decline")])[1]

    def flip(world: World, bit: int) -> None:
        world.bank.moods.append(Mood("decline"))
        deliver = world.bank._deliver

        def once(reply, mood):
            return deliver(reply, Mood("flip", at=bit) if mood.word == "decline" else mood)

        world.bank._deliver = once

    for bit in range(size * 8):
        desk = play(signed_on, buys("1250"), lambda w, bit=bit: flip(w, bit))
        assert books.disagreements(desk.world, desk.entries()) == [], bit
        assert sale_of(desk) is (State.DECLINED if bit < HEADER * 8 else State.REVERSED), bit


def test_every_bit_of_a_reversal_reply_flipped_leaves_the_debt_until_it_is_acknowledged(signed_on: bytes) -> None:
    for bit in range(HEADER * 8, 150 * 8, 5):

        def change(world: World, bit: int = bit) -> None:
            world.bank.moody = ("0200", "0400")
            world.bank.moods.extend([Mood("mute"), Mood("flip", at=bit)])

        desk = play(signed_on, buys("1250"), change)
        assert books.disagreements(desk.world, desk.entries()) == [], bit
        assert sale_of(desk) is State.REVERSED


@pytest.mark.parametrize(
    ("mood", "state"),
    [
        ("approve", State.RELEASED),
        ("decline", State.DECLINED),
        ("bare_decline", State.DECLINED),
        ("partial", State.REVERSED),
        ("deaf", State.REVERSED),
        ("slow", State.REVERSED),
        ("mute", State.REVERSED),
        ("late", State.REVERSED),
        ("duplicate", State.RELEASED),
        ("bad_mac", State.REVERSED),
        ("no_mac", State.REVERSED),
        ("wrong_stan", State.REVERSED),
        ("garbage", State.REVERSED),
        ("not_signed", State.DECLINED),
    ],
)
def test_each_mood_of_the_bank_ends_as_the_table_says(signed_on: bytes, mood: str, state: State) -> None:
    desk = play(signed_on, buys("1250"), lambda w: w.bank.moods.append(Mood(mood)))
    assert books.disagreements(desk.world, desk.entries()) == []
    assert sale_of(desk) is state
