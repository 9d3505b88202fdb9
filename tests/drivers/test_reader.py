"""The reader against a stand-in for smartcard.scard at its lowest seam: errors, T=0 habits, time limits."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from drivers import apdu_transport, pcsc_reader
from firmware.errors import CardLost, CardMute, CardUnsupported, NoCard, ReaderLost
from hal_mocks.card.soft_card import SoftCard
from hal_mocks.wire.vpcd import T0Door


def scard(connect: int = 0, transmit=None, readers=("Virtual PCD 00 00",), establish: int = 0) -> SimpleNamespace:
    """Just enough of smartcard.scard."""
    calls: list[str] = []

    def answer(handle, pci, apdu):
        return transmit(bytes(apdu)) if transmit else (0, [0x90, 0x00])

    return SimpleNamespace(
        calls=calls, SCARD_S_SUCCESS=0, SCARD_SCOPE_USER=0, SCARD_E_NO_READERS_AVAILABLE=0x8010002E,
        SCARD_PROTOCOL_T0=1, SCARD_PROTOCOL_T1=2, SCARD_SHARE_EXCLUSIVE=1, SCARD_PCI_T0="T0", SCARD_PCI_T1="T1",
        SCARD_UNPOWER_CARD=2, SCARD_LEAVE_CARD=0,
        SCardEstablishContext=lambda scope: (establish, "context"),
        SCardReleaseContext=lambda context: calls.append("release"),
        SCardListReaders=lambda context, groups: (0, list(readers)),
        SCardConnect=lambda context, name, mode, protocols: (connect, "handle", 1),
        SCardTransmit=answer,
        SCardDisconnect=lambda handle, how: calls.append("disconnect"),
    )  # fmt: skip


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch):
    def make(**behaviour) -> pcsc_reader.PcscReader:
        monkeypatch.setattr(pcsc_reader, "library", lambda: scard(**behaviour))
        return pcsc_reader.PcscReader("virtual")

    return make


@pytest.mark.parametrize(
    ("hresult", "error"),
    [
        (0x8010000C, NoCard),
        (0x80100016, CardLost),
        (0x80100066, CardMute),
        (0x80100069, CardLost),
        (0x80100068, CardLost),
        (0x8010000F, CardUnsupported),
        (0x8010001D, ReaderLost),
        (0x80100013, ReaderLost),
        (0x80100011, ReaderLost),
        (0x8010000B, ReaderLost),
        (-2146435060, NoCard),
    ],
)
def test_every_hresult_becomes_one_of_our_few_errors(hresult: int, error: type[Exception]) -> None:
    assert isinstance(pcsc_reader.error(hresult), error)


def test_no_reader_and_no_service_are_reader_lost(reader) -> None:
    with pytest.raises(ReaderLost):
        reader(readers=()).connect()
    with pytest.raises(ReaderLost):
        reader(establish=0x8010001D).connect()
    with pytest.raises(ReaderLost):
        reader(readers=("Some other reader",)).connect()


def test_a_lost_answer_ends_the_session_for_good(reader) -> None:
    answers = [(0x80100016, [])]
    card = reader(transmit=lambda apdu: answers.pop(0) if answers else (0, [0x90, 0x00])).connect()
    with pytest.raises(CardLost):
        card.transmit(b"\x00\xa4\x04\x00\x00", 1.0)
    with pytest.raises(CardLost):
        card.transmit(b"\x00\xa4\x04\x00\x00", 1.0)
    card.close()
    card.close()


def slow(seconds: float, monkeypatch: pytest.MonkeyPatch, fed: list[float]):
    """A reader whose card takes so long for each command, on a clock of the test's own."""
    now = [0.0]

    def transmit(apdu: bytes):
        now[0] += seconds
        return 0, [0x90, 0x00]

    monkeypatch.setattr(pcsc_reader, "time", SimpleNamespace(monotonic=lambda: now[0], sleep=lambda s: None))
    made = pcsc_reader.PcscReader("virtual", scard(transmit=transmit), alive=lambda: fed.append(now[0]))
    return made.connect(), now


def test_a_card_that_answers_each_command_just_in_time_is_lost_in_the_end_and_the_watchdog_was_fed(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """17 answers of 1.8 s got the terminal killed by its watchdog in the middle of a sale (security review A4)."""
    fed: list[float] = []
    card, now = slow(1.8, monkeypatch, fed)
    answered = 0
    with pytest.raises(CardLost):
        while answered < 1000:
            card.transmit(b"\0\xb2\1\x0c\0", 5.0)
            answered += 1
    assert 60.0 <= now[0] <= 66.0 and answered >= 30
    assert max(b - a for a, b in zip(fed, [*fed[1:], now[0]], strict=True)) < 10.0, "never near WatchdogSec=30"


def test_what_people_and_bank_take_is_not_the_cards(monkeypatch: pytest.MonkeyPatch) -> None:
    card, now = slow(0.2, monkeypatch, [])
    for _ in range(20):
        card.transmit(b"\0\xb2\1\x0c\0", 5.0)
        now[0] += 60.0


def test_empty_answer_with_success_is_a_lost_card(reader) -> None:
    with pytest.raises(CardLost):
        reader(transmit=lambda apdu: (0, [])).connect().transmit(b"\x00\xa4\x04\x00\x00", 1.0)


def test_close_disconnects_once_and_releases_the_context(reader) -> None:
    made = reader()
    card = made.connect()
    card.close()
    card.close()
    assert card.wait_closed(10.0)
    assert made._scard.calls == ["disconnect", "release"]


class Talk:
    """Scripted raw answers."""

    def __init__(self, *pairs: tuple[str, str]) -> None:
        self.pairs = [(bytes.fromhex(a), bytes.fromhex(b)) for a, b in pairs]

    def __call__(self, apdu: bytes) -> bytes:
        expected, answer = self.pairs.pop(0)
        assert apdu == expected
        return answer


@pytest.mark.parametrize(
    ("apdu", "talk", "data", "sw"),
    [
        ("00B2010C00", [("00B2010C00", "6C03"), ("00B2010C03", "0102039000")], "010203", 0x9000),
        ("00A4040002AABB00", [("00A4040002AABB00", "6102"), ("00C0000002", "6F009000")], "6F00", 0x9000),
        ("80AE800001AA00", [("80AE800001AA00", "6101"), ("00C0000001", "116101"), ("00C0000001", "229000")], "1122", 0x9000),
        ("00A4040002AABB00", [("00A4040002AABB00", "6C05"), ("00A4040002AABB05", "019000")], "01", 0x9000),
        ("00A4040002AABB00", [("00A4040002AABB00", "6A82")], "", 0x6A82),
        ("00A4040002AABB00", [("00A4040002AABB00", "01029000")], "0102", 0x9000),
    ],
)  # fmt: skip
def test_t0_answers_are_fetched(apdu: str, talk: list[tuple[str, str]], data: str, sw: int) -> None:
    script = Talk(*talk)
    found = apdu_transport.exchange(script, bytes.fromhex(apdu))
    assert (found.data.hex().upper(), found.sw, script.pairs) == (data, sw, [])


def test_half_a_status_word_loses_the_card() -> None:
    with pytest.raises(CardLost):
        apdu_transport.exchange(lambda apdu: b"\x90", bytes.fromhex("00A4040002AABB00"))


def test_an_endless_61_ends() -> None:
    assert apdu_transport.exchange(lambda apdu: b"\x61\x01", b"\x00\xa4\x04\x00\x00").sw == 0x6101


def test_the_software_card_behind_its_t0_door_reads_as_without_it() -> None:
    plain, door = SoftCard(), T0Door(SoftCard())
    for apdu in ("00A404000E315041592E5359532E444446303100", "00B2010C00", "00A4040007F054414B45010100",
                 "80A800000783050156E0680000", "00B2010C00", "00B2020C00", "00B2011400"):  # fmt: skip
        raw = bytes.fromhex(apdu)
        direct = plain.process(raw)
        found = apdu_transport.exchange(door.process, raw)
        assert found.data + found.sw.to_bytes(2, "big") == direct
