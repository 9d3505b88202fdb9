"""CardReader and Card: the simulation, the driver over a stand-in for scard, the driver over real pcscd and vpcd."""

from __future__ import annotations

import os
import signal
import subprocess
import threading

import pytest

from drivers.pcsc_reader import PcscReader, parse_features
from drivers.system import QueueInbox
from firmware.errors import CardLost, CardMute, DeviceError, NoCard, ReaderLost
from firmware.hal.events import CardInserted, CardRemoved, DeviceBack, DeviceGone
from hal_mocks import parts, real
from hal_mocks.card.soft_card import CVM_OFFLINE_PIN, Profile, SoftCard
from hal_mocks.power import Power
from hal_mocks.wire.scard import ScardSim
from hal_mocks.wire.vpcd import VpcdCard
from hal_mocks.world import World
from tests.contracts.bench import REAL, Bench, needs

SELECT_PSE = bytes.fromhex("00A404000E315041592E5359532E444446303100")
READ = bytes.fromhex("00B2010C00")
GONE, BACK = DeviceGone("reader"), DeviceBack("reader")


class Hung(SoftCard):
    """Takes a command and never answers."""

    def process(self, apdu: bytes) -> bytes:
        return None if apdu[1] == 0xB2 else super().process(apdu)  # type: ignore[return-value]


class Sim(Bench):
    name = "simulation"
    cannot = {"swap": "in process nothing happens between two looks",
              "service": "there is no service in process: reader_up stands for it without events",
              "unplug": "the same", "hang": "its cards answer at once or are gone", "busy": "nobody else is there",
              "protocol": "its cards talk APDUs, not T=0 or T=1"}  # fmt: skip

    def __init__(self) -> None:
        self.world = World()
        self.inbox = QueueInbox()
        self.reader = parts.SimReader(self.world, Power())
        self.reader.start(self.inbox.post)

    def insert(self, card: SoftCard) -> None:
        self.world.slot = card
        self.inbox.post(CardInserted())

    def pull(self) -> None:
        self.world.slot = None
        self.inbox.post(CardRemoved())


class OnScard(Bench):
    name = "driver, scard stand-in"

    def __init__(self) -> None:
        self.scard = ScardSim()
        self.inbox = QueueInbox()
        self.reader = PcscReader("virtual", self.scard, back_off_s=(0.001, 0.01))
        self.reader.start(self.inbox.post)
        assert self.inbox.next(10.0) == BACK

    def insert(self, card: SoftCard) -> None:
        self.scard.insert(card)

    def pull(self) -> None:
        self.scard.pull()

    def swap(self, card: SoftCard) -> None:
        self.scard.swap(card)

    def unplug(self) -> None:
        self.scard.unplug()

    def plug(self) -> None:
        self.scard.plug("Virtual PCD 00 01 (renamed)")

    def kill(self) -> None:
        self.scard.kill()

    def revive(self) -> None:
        self.scard.revive()

    def busy(self, on: bool) -> None:
        self.scard.held_by_another = on

    def t1(self) -> None:
        self.scard.protocol = 2


class OnPcscd(Bench):
    name, marks = "driver, pcscd and vpcd", REAL
    cannot = {"swap": "pcscd looks every 400 ms and vpcd drops a card at once: the gap cannot be hit surely",
              "unplug": "vpcd's reader comes and goes with pcscd only (tried with QEMU's USB reader: facts 2.4)",
              "mute": "vpcd shows a card without ATR as no card"}  # fmt: skip

    def __init__(self) -> None:
        from hal_mocks.real import ensure_pcscd

        ensure_pcscd()
        self.inbox = QueueInbox()
        self.reader = PcscReader("Virtual PCD 00 00")
        self.card: VpcdCard | None = None
        self._held: list[object] = []
        self._wait_until_empty()
        self.reader.start(self.inbox.post)
        assert self.inbox.next(10.0) == BACK

    def _wait_until_empty(self) -> None:
        """pcscd looks every 400 ms: a card of the test before may still seem to be there."""
        for _ in range(200):
            try:
                self.reader.connect().close()
            except NoCard:
                return
            except DeviceError:
                pass
            threading.Event().wait(0.05)
        raise AssertionError("a card of an earlier test is still there")

    def insert(self, card: SoftCard) -> None:
        self.card = VpcdCard(card)
        self.card.insert()

    def pull(self) -> None:
        assert self.card
        self.card.pull()

    def kill(self) -> None:
        pid = int(subprocess.check_output(["pidof", "pcscd"]).split()[0])
        os.kill(pid, signal.SIGKILL)

    def revive(self) -> None:
        real.ensure_pcscd()

    def busy(self, on: bool) -> None:
        from smartcard import scard

        if on:
            _, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
            ok, handle, _ = scard.SCardConnect(context, "Virtual PCD 00 00", scard.SCARD_SHARE_SHARED,
                                               scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)  # fmt: skip
            assert ok == 0
            self._held = [context, handle]
        else:
            scard.SCardDisconnect(self._held[1], scard.SCARD_LEAVE_CARD)
            scard.SCardReleaseContext(self._held[0])

    def t1(self) -> None:
        SoftCard.ATR, self._atr = bytes.fromhex("3B80810101"), SoftCard.ATR

    def close(self) -> None:
        if hasattr(self, "_atr"):
            SoftCard.ATR = self._atr
        if self.card:
            self.card.pull()


BENCHES = [Sim, OnScard, OnPcscd]


def events(bench, count: int) -> list[object]:
    return [bench.inbox.next(10.0) for _ in range(count)]


def inserted(bench, card: SoftCard | None = None):
    bench.insert(card or SoftCard())
    assert events(bench, 1) == [CardInserted()]
    return bench.reader.connect()


def test_a_card_comes_and_goes_with_one_event_each(bench) -> None:
    assert not bench.reader.present()
    for _ in range(3):
        bench.insert(SoftCard())
        assert events(bench, 1) == [CardInserted()] and bench.reader.present()
        bench.pull()
        assert events(bench, 1) == [CardRemoved()] and not bench.reader.present()


def test_without_a_card_there_is_no_card(bench) -> None:
    with pytest.raises(NoCard):
        bench.reader.connect()


def test_what_a_card_answers_arrives_whole(bench) -> None:
    """61xx and 6Cxx never leave the driver."""
    card = inserted(bench)
    plain = SoftCard()
    for apdu in (SELECT_PSE, READ):
        raw = plain.process(apdu)
        assert card.transmit(apdu, 10.0).data == raw[:-2]
    card.close()
    card.close()
    with pytest.raises(CardLost):
        card.transmit(SELECT_PSE, 10.0)


@needs("protocol")
def test_a_t1_card_answers_the_same(bench) -> None:
    bench.t1()
    card = inserted(bench)
    assert card.transmit(SELECT_PSE, 10.0).data == SoftCard().process(SELECT_PSE)[:-2]
    card.close()


def test_a_pulled_card_ends_its_session_also_when_another_is_put_in(bench) -> None:
    card = inserted(bench)
    card.transmit(SELECT_PSE, 10.0)
    bench.pull()
    with pytest.raises(CardLost):
        card.transmit(READ, 10.0)
    assert events(bench, 1) == [CardRemoved()]
    bench.insert(SoftCard())
    for _ in range(3):
        with pytest.raises(CardLost):
            card.transmit(SELECT_PSE, 10.0)
    assert events(bench, 1) == [CardInserted()]
    card.close()
    fresh = bench.reader.connect()
    assert fresh.transmit(SELECT_PSE, 10.0).sw == 0x9000
    fresh.close()


@needs("swap")
def test_a_swap_between_two_looks_is_a_removal_and_an_insertion(bench) -> None:
    card = inserted(bench)
    bench.swap(SoftCard())
    assert events(bench, 2) == [CardRemoved(), CardInserted()]
    for _ in range(3):
        with pytest.raises(CardLost):
            card.transmit(SELECT_PSE, 10.0)
    card.close()
    assert bench.reader.connect().transmit(SELECT_PSE, 10.0).sw == 0x9000


@needs("unplug")
def test_a_reader_that_comes_back_under_another_name_is_found(bench) -> None:
    card = inserted(bench)
    bench.unplug()
    assert events(bench, 2) == [GONE, CardRemoved()]
    with pytest.raises(DeviceError):
        card.transmit(SELECT_PSE, 10.0)
    with pytest.raises(ReaderLost):
        bench.reader.connect()
    assert not bench.reader.present()
    bench.plug()
    assert events(bench, 1) == [BACK]
    card.close()
    inserted(bench).close()


@needs("service")
def test_a_killed_service_is_a_lost_reader_and_comes_back_by_itself(bench) -> None:
    card = inserted(bench)
    for _ in range(2):
        bench.kill()
        assert events(bench, 2) == [GONE, CardRemoved()]
        with pytest.raises(ReaderLost):
            bench.reader.connect()
        with pytest.raises(DeviceError):
            card.transmit(SELECT_PSE, 10.0)
        card.close()
        bench.pull()
        bench.revive()
        assert events(bench, 1) == [BACK]
        card = inserted(bench)
        assert card.transmit(SELECT_PSE, 10.0).sw == 0x9000
    card.close()


@needs("hang")
def test_a_hung_card_is_given_up_in_time_and_does_not_disturb_the_next(bench) -> None:
    card = inserted(bench, Hung())
    card.transmit(SELECT_PSE, 10.0)
    with pytest.raises(CardLost):
        card.transmit(READ, 0.2)
    bench.pull()
    assert events(bench, 1) == [CardRemoved()]
    card.close()
    fresh = inserted(bench)
    assert fresh.transmit(SELECT_PSE, 10.0).sw == 0x9000
    fresh.close()


@needs("mute")
def test_a_card_that_does_not_answer_to_reset_is_mute(bench) -> None:
    upside_down = SoftCard()
    upside_down.mute = True
    bench.insert(upside_down)
    assert events(bench, 1) == [CardInserted()]
    with pytest.raises(CardMute):
        bench.reader.connect()


@needs("busy")
def test_a_reader_in_other_hands_is_lost_until_they_let_go(bench) -> None:
    bench.insert(SoftCard())
    assert events(bench, 1) == [CardInserted()]
    bench.busy(True)
    with pytest.raises(ReaderLost, match="another program"):
        bench.reader.connect()
    bench.busy(False)
    bench.reader.connect().close()


# -- the driver alone ------------------------------------------------------------------------------------------------------


def test_a_service_that_is_absent_at_start_is_waited_for() -> None:
    scard, inbox = ScardSim(), QueueInbox()
    scard.kill()
    reader = PcscReader("", scard, back_off_s=(0.001, 0.01))
    reader.start(inbox.post)
    with pytest.raises(ReaderLost, match="systemctl start pcscd"):
        reader.connect()
    assert inbox.next(10.0) == GONE
    scard.revive()
    assert inbox.next(10.0) == BACK


def test_closing_a_lost_session_never_resets_the_next_one() -> None:
    scard = ScardSim()
    reader = PcscReader("", scard)
    scard.insert(SoftCard())
    old = reader.connect()
    scard.swap(SoftCard())
    with pytest.raises(CardLost):
        old.transmit(SELECT_PSE, 10.0)
    scard.SCardDisconnect(old._handle, scard.SCARD_LEAVE_CARD)  # as if pcscd had dropped it already
    new = reader.connect()
    old.close()
    assert old.wait_closed(10.0)
    assert new.transmit(SELECT_PSE, 10.0).sw == 0x9000


def test_the_counter_of_insertions_may_wrap() -> None:
    scard, inbox = ScardSim(), QueueInbox()
    scard._counter = 0xFFFE
    reader = PcscReader("", scard)
    reader.start(inbox.post)
    assert inbox.next(10.0) == BACK
    scard.insert(SoftCard())
    assert inbox.next(10.0) == CardInserted()
    scard.swap(SoftCard())
    assert [inbox.next(10.0), inbox.next(10.0)] == [CardRemoved(), CardInserted()]


def test_features_of_a_pin_pad_reader_are_listed() -> None:
    scard = ScardSim()
    scard.features = [6, 4, 0x42, 0x33, 0x00, 0x06, 10, 4, 0x42, 0x33, 0x00, 0x0A, 18, 4, 0x42, 0x33, 0x00, 0x12]
    assert PcscReader("", scard).features() == {6: 0x42330006, 10: 0x4233000A, 18: 0x42330012}
    assert parse_features(b"\x06\x04\x42") == {} and parse_features(b"") == {}


def test_a_library_that_does_something_strange_does_not_end_the_watch() -> None:
    scard, inbox = ScardSim(), QueueInbox()
    asked = scard.SCardGetStatusChange
    strange = iter([ValueError("strange"), TypeError("stranger")])

    def once(*arguments):
        broken = next(strange, None)
        if broken:
            raise broken
        return asked(*arguments)

    scard.SCardGetStatusChange = once  # type: ignore[method-assign]
    reader = PcscReader("", scard, back_off_s=(0.001, 0.001))
    reader.start(inbox.post)
    scard.insert(SoftCard())
    seen = []
    while CardInserted() not in seen:
        event = inbox.next(10.0)
        assert event is not None, "nobody watches any more"
        seen.append(event)


def test_a_library_that_does_something_strange_to_a_card_is_a_lost_card() -> None:
    scard = ScardSim()
    scard.insert(SoftCard())
    card = PcscReader("", scard).connect()

    def strange(*_):
        raise OverflowError

    scard.SCardTransmit = strange  # type: ignore[method-assign]
    with pytest.raises(CardLost):
        card.transmit(SELECT_PSE, 10.0)
    card.close()
    assert card.wait_closed(10.0)


def test_a_pad_of_the_reader_verifies_and_no_digit_passes_us() -> None:
    scard, soft = ScardSim(), SoftCard(Profile(cvm=CVM_OFFLINE_PIN))
    scard.insert(soft)
    card = PcscReader("", scard).connect()
    assert card.pad() is False
    assert card.atr() == SoftCard.ATR
    card.close()
    scard.features = [6, 4, 0x42, 0x33, 0x00, 0x06]
    card = PcscReader("", scard).connect()
    assert card.pad() is True
    for command in ("00A4040007F054414B450101" + "00", "80A80000078305" + "0156" + "20F8C8" + "00"):
        assert card.transmit(bytes.fromhex(command), 5.0).sw == 0x9000
    for typed, sw in (("9999", 0x63C2), ("1234", 0x9000)):
        scard.typed = typed
        assert card.verify_on_pad(5.0, lambda: None).sw == sw
    scard.typed = None
    with pytest.raises(CardLost):
        card.verify_on_pad(5.0, lambda: None)
    card.close()
