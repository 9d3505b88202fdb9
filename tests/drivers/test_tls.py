"""The line over TLS: cut at 50 seeded offsets of request and reply, certificates of strangers, silence, big frames."""

from __future__ import annotations

import contextlib
import random
import socket
import ssl
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest

from drivers.tls_link import TlsLink
from firmware.errors import NoAnswer, NotSent
from firmware.host.exchange import never
from firmware.ledger.lifecycle import State
from firmware.security import provision
from hal_mocks import books
from hal_mocks.acquirer import Acquirer
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, do, on, press
from hal_mocks.wire.bank import TlsBank


class Proxy:
    """Forwards TCP; once armed, lets `left` more bytes through one way and then breaks both."""

    def __init__(self, port: int) -> None:
        self._target = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port = self._listener.getsockname()[1]
        self.armed: tuple[str, int] | None = None
        threading.Thread(target=self._accept, daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listener.accept()
                far = socket.create_connection(("127.0.0.1", self._target))
                for way, a, b in (("request", near, far), ("reply", far, near)):
                    threading.Thread(target=self._pump, args=(way, a, b), daemon=True).start()

    def _pump(self, way: str, source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(4096):
                if self.armed and self.armed[0] == way:
                    left = self.armed[1]
                    if len(data) > left:
                        self.armed = None
                        sink.sendall(data[:left])
                        break
                    self.armed = (way, left - len(data))
                sink.sendall(data)
        for s in (source, sink):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()


@pytest.fixture(scope="module")
def certs(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tls") / "certs"
    provision.certificates(folder, "bank.test")
    return folder


class TlsDesk(Desk):
    """The desk with the real link driver."""

    def __init__(self, certs: Path, lock: threading.RLock) -> None:
        super().__init__()
        self.server = TlsBank(self.world.bank, certs, lock, now=lambda: self.world.now)
        self.proxy = Proxy(self.server.port)
        self.link = TlsLink("127.0.0.1", self.proxy.port, "bank.test", certs)

    def devices(self, power):
        return replace(super().devices(power), link=self.link)

    def close(self) -> None:
        self.link.close()
        self.proxy.close()
        self.server.close()


def test_tls_cut_at_fifty_seeded_offsets_never_leaves_an_unreversed_charge(certs: Path) -> None:
    dice = random.Random(8583)
    states = []
    for number in range(50):
        way, at = ("request", "reply")[number % 2], dice.randrange(0, 300 if number % 2 == 0 else 150)
        desk = TlsDesk(certs, threading.RLock())
        arm = do("arm", lambda d, way=way, at=at: setattr(d.proxy, "armed", (way, at)))
        first, second, third = buys("1250")
        desk.play(Person([first, second, on("insert_card", arm, *third.acts)]))
        desk.close()
        assert books.disagreements(desk.world, desk.entries()) == [], (number, way, at)
        states.append(desk.entries()[0].state)
    assert states.count(State.REVERSED) > 40, f"the cuts no longer hit the exchange: {states}"
    assert set(states) <= {State.REVERSED, State.RELEASED, State.NEVER_SENT}


@pytest.fixture
def bank(certs: Path):
    server = TlsBank(Acquirer(bytes(16)), certs, threading.RLock())
    yield server
    server.close()


def test_a_bank_of_another_ca_or_name_is_not_sent_to(bank: TlsBank, certs: Path, tmp_path: Path) -> None:
    provision.certificates(tmp_path / "other", "bank.test")
    for folder, name in ((tmp_path / "other", "bank.test"), (certs, "evil.test")):
        with pytest.raises(NotSent):
            TlsLink("127.0.0.1", bank.port, name, folder).connect(5.0, never)


@pytest.mark.parametrize(
    ("start", "life"), [(-1, 800), (2, -1)], ids=["not yet valid, as after a boot in 1970", "expired"]
)
def test_sec8_a_certificate_out_of_its_time_is_not_sent_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, start: int, life: int
) -> None:
    monkeypatch.setattr(provision, "_START", timedelta(days=start))
    monkeypatch.setattr(provision, "_LIFE", timedelta(days=life))
    provision.certificates(tmp_path, "bank.test")
    server = TlsBank(Acquirer(bytes(16)), tmp_path, threading.RLock())
    with pytest.raises(NotSent):
        TlsLink("127.0.0.1", server.port, "bank.test", tmp_path).connect(5.0, never)
    server.close()


def test_sec8_no_older_tls_is_spoken(bank: TlsBank, certs: Path) -> None:
    bank._context.minimum_version = bank._context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(NotSent):
        TlsLink("127.0.0.1", bank.port, "bank.test", certs).connect(5.0, never)


def test_a_refused_client_certificate_looks_connected_and_ends_in_no_answer(bank: TlsBank, certs: Path,
                                                                            tmp_path: Path) -> None:  # fmt: skip
    """TLS 1.3: the handshake is over before the server has looked. So the first exchange must never be money: a
    sign-on or an echo comes first, and a failure after a send is unknown."""
    provision.certificates(tmp_path / "mixed", "bank.test")
    (tmp_path / "mixed" / "ca.pem").write_bytes((certs / "ca.pem").read_bytes())
    link = TlsLink("127.0.0.1", bank.port, "bank.test", tmp_path / "mixed")
    with pytest.raises((NoAnswer, NotSent)):
        link.connect(5.0, never)
        link.exchange(b"x" * 20, 5.0, lambda: False)


def test_nobody_listens_is_not_sent(certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as s:
        port = s.getsockname()[1]
    with pytest.raises(NotSent):
        TlsLink("127.0.0.1", port, "bank.test", certs).connect(1.0, never)


def test_abort_before_the_first_byte_is_not_sent_and_after_it_no_answer(bank: TlsBank, certs: Path) -> None:
    link = TlsLink("127.0.0.1", bank.port, "bank.test", certs)
    link.connect(5.0, never)
    with pytest.raises(NotSent):
        link.exchange(b"x" * 20, 5.0, lambda: True)
    link.connect(5.0, never)
    answers = iter([False, True])
    with pytest.raises(NoAnswer):
        link.exchange(b"x" * 20, 5.0, lambda: next(answers, True))


def test_a_frame_over_the_limit_is_never_sent(bank: TlsBank, certs: Path) -> None:
    link = TlsLink("127.0.0.1", bank.port, "bank.test", certs)
    link.connect(5.0, never)
    with pytest.raises(NotSent):
        link.exchange(bytes(5000), 5.0, lambda: False)


def test_a_sale_over_tls(certs: Path) -> None:
    desk = TlsDesk(certs, threading.RLock())
    desk.play(Person([*buys("1250"), on("idle", press("enter")), on("amount", press("cancel"))]))
    desk.close()
    assert [e.state for e in desk.entries()] == [State.RELEASED]


def test_empty_frames_before_the_reply_keep_the_line_alive_and_reverse_nothing(certs: Path) -> None:
    """jPOS BaseChannel: a zero length is a keep-alive, to be skipped (outside review, money D12)."""
    desk = TlsDesk(certs, threading.RLock())
    honest = desk.world.bank.receive
    desk.world.bank.receive = lambda frame: [b"", b"", *honest(frame)]  # type: ignore[method-assign]
    desk.play(Person(buys("1250")))
    desk.close()
    assert [e.state for e in desk.entries()] == [State.RELEASED] and "0400" not in desk.world.bank.seen


# -- names ---------------------------------------------------------------------------------------------------------------


def test_a_name_that_does_not_resolve_is_not_sent(monkeypatch: pytest.MonkeyPatch, certs: Path) -> None:
    def fails(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    with pytest.raises(NotSent, match="no address"):
        TlsLink("bank.example", 8583, "bank.test", certs).connect(5.0, never)


def test_a_resolver_that_hangs_costs_the_budget_and_no_more_and_is_asked_once(monkeypatch: pytest.MonkeyPatch,
                                                                              certs: Path) -> None:  # fmt: skip
    asked, answer = [], threading.Event()

    def hangs(*_, **__):
        asked.append(1)
        answer.wait(30.0)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hangs)
    link = TlsLink("bank.example", 8583, "bank.test", certs)
    for _ in range(3):
        with pytest.raises(NotSent):
            link.connect(0.1, never)
    answer.set()
    assert len(asked) == 1


def test_a_resolver_that_fails_later_does_not_cut_off_a_bank_that_is_known(monkeypatch: pytest.MonkeyPatch,
                                                                          bank: TlsBank, certs: Path) -> None:  # fmt: skip
    here = [(socket.AF_INET, 1, 6, "", ("127.0.0.1", bank.port))]
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: here)
    link = TlsLink("bank.example", bank.port, "bank.test", certs)
    assert link.connect(5.0, never)
    link.close()

    def fails(*_, **__):
        raise socket.gaierror(-3, "Temporary failure in name resolution")

    monkeypatch.setattr(socket, "getaddrinfo", fails)
    assert link.connect(5.0, never)


def test_an_address_that_swallows_everything_costs_the_budget_and_an_abort_ends_it_at_once(certs: Path) -> None:
    with socket.create_server(("127.0.0.1", 0), backlog=0) as mute:
        link = TlsLink("127.0.0.1", mute.getsockname()[1], "bank.test", certs)
        with pytest.raises(NotSent):
            link.connect(0.2, never)  # TCP stands, TLS never answers
        looks = iter([False, False, True])
        with pytest.raises(NotSent):
            link.connect(600.0, lambda: next(looks, True))


def test_of_several_addresses_the_first_that_answers_is_taken(monkeypatch: pytest.MonkeyPatch, bank: TlsBank,
                                                              certs: Path) -> None:  # fmt: skip
    """No route at once (IPv6 without a router), a refusal, then the bank."""
    with socket.create_server(("127.0.0.1", 0)) as s:
        closed = s.getsockname()[1]
    found = [(socket.AF_INET6, 1, 6, "", ("2001:db8::1", bank.port)), (socket.AF_INET, 1, 6, "", ("127.0.0.1", closed)),
             (socket.AF_INET, 1, 6, "", ("127.0.0.1", bank.port))]  # fmt: skip
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: found)
    tried: list[int] = []
    real = socket.socket.connect_ex

    class Unrouted(socket.socket):
        def connect_ex(self, address):
            tried.append(address[1])
            return 101 if self.family == socket.AF_INET6 else real(self, address)

    monkeypatch.setattr(socket, "socket", Unrouted)
    assert TlsLink("bank.example", bank.port, "bank.test", certs).connect(5.0, never)
    assert tried == [bank.port, closed, bank.port]
