"""HostLink: the simulation with the bank in process, the TLS driver with the same bank on loopback."""

from __future__ import annotations

import threading
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers.tls_link import TlsLink
from firmware.errors import NoAnswer, NotSent
from firmware.hal.link import FRAME_MAX
from firmware.host import codec, messages
from firmware.host.exchange import never
from firmware.host.messages import Caller
from firmware.host.profiles import UNIONPAY
from firmware.security import provision
from hal_mocks import parts
from hal_mocks.acquirer import Mood
from hal_mocks.film import Film
from hal_mocks.power import Power
from hal_mocks.wire.bank import TlsBank
from hal_mocks.world import World
from tests.contracts.bench import Bench

ECHO = codec.encode(messages.echo(UNIONPAY, Caller("10000001", "123456789012345", "6000030000613100310000"), "000001"),
                    UNIONPAY.spec)  # fmt: skip


class Sim(Bench):
    name = "simulation"

    def __init__(self) -> None:
        self.world = World()
        self.bank = self.world.bank
        self.link = parts.SimLink(self.world, Power(), Film())

    def line(self, up: bool) -> None:
        self.world.line_up = up

    def hang_up(self) -> None:
        self.link.close()


class OnTls(Bench):
    name = "driver, TLS on loopback"

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        certs = Path(self.folder.name)
        provision.certificates(certs, "bank.test")
        self.bank = World().bank
        self.server = TlsBank(self.bank, certs, threading.RLock())
        self.link = TlsLink("127.0.0.1", self.server.port, "bank.test", certs)

    def line(self, up: bool) -> None:
        self.server.restore_line() if up else self.server.cut_line()

    def hang_up(self) -> None:
        self.server.cut_line()
        self.server.restore_line()

    def close(self) -> None:
        self.link.close()
        self.server.close()
        self.folder.cleanup()


BENCHES = [Sim, OnTls]


def moody(bench, word: str, at: int = 0) -> None:
    bench.bank.moody = ("0820",)
    bench.bank.moods.append(Mood(word, at=at))


def test_a_connection_is_new_once_and_then_stands(bench) -> None:
    assert bench.link.connect(10.0, never) is True
    assert bench.link.connect(10.0, never) is False
    bench.link.close()
    bench.link.close()
    assert bench.link.connect(10.0, never) is True


def test_a_frame_gets_its_reply_again_and_again(bench) -> None:
    bench.link.connect(10.0, never)
    for _ in range(3):
        reply = codec.decode(bench.link.exchange(ECHO, 10.0, never), UNIONPAY.spec)
        assert (reply.mti, reply.get(39)) == ("0830", "00")


def test_a_line_that_is_down_is_not_sent(bench) -> None:
    bench.line(False)
    with pytest.raises(NotSent):
        bench.link.connect(5.0, never)
        bench.link.exchange(ECHO, 5.0, never)
    bench.line(True)
    bench.link.connect(10.0, never)
    assert bench.link.exchange(ECHO, 10.0, never)


def test_an_abort_while_connecting_is_not_sent(bench) -> None:
    with pytest.raises(NotSent):
        bench.link.connect(10.0, lambda: True)


def test_an_abort_before_the_first_byte_is_not_sent_and_the_bank_sees_nothing(bench) -> None:
    bench.link.connect(10.0, never)
    with pytest.raises(NotSent):
        bench.link.exchange(ECHO, 10.0, lambda: True)
    assert bench.bank.seen == []


def test_without_a_connection_nothing_is_sent(bench) -> None:
    with pytest.raises(NotSent):
        bench.link.exchange(ECHO, 10.0, never)


def test_silence_is_no_answer_and_closes_the_line(bench) -> None:
    bench.link.connect(10.0, never)
    moody(bench, "mute")
    with pytest.raises(NoAnswer):
        bench.link.exchange(ECHO, 0.2, never)
    assert bench.link.connect(10.0, never) is True


@pytest.mark.parametrize("at", [1, 2, 10])
def test_a_reply_cut_in_the_middle_is_no_answer(bench, at: int) -> None:
    bench.link.connect(10.0, never)
    moody(bench, "cut", at)
    with pytest.raises(NoAnswer):
        bench.link.exchange(ECHO, 10.0, never)
    assert bench.link.connect(10.0, never) is True


def test_a_frame_over_the_limit_never_leaves(bench) -> None:
    bench.link.connect(10.0, never)
    with pytest.raises(NotSent):
        bench.link.exchange(bytes(FRAME_MAX + 1), 10.0, never)
    assert bench.bank.seen == []


def test_waiting_for_a_second_frame_ends_in_no_answer(bench) -> None:
    bench.link.connect(10.0, never)
    bench.link.exchange(ECHO, 10.0, never)
    with pytest.raises(NoAnswer):
        bench.link.receive(0.1, never)


def test_a_connection_the_bank_closed_is_replaced_before_anything_is_sent(bench) -> None:
    bench.link.connect(10.0, never)
    bench.link.exchange(ECHO, 10.0, never)
    bench.hang_up()
    for _ in range(200):  # the farewell needs a moment on a real wire
        if bench.link.connect(10.0, never):
            break
    assert bench.link.exchange(ECHO, 10.0, never)
