"""Outlet: parties outside are told, once each; a register that asks is heard and answered."""

from __future__ import annotations

import contextlib
import http.server
import json
import queue
import socket
import threading
from collections.abc import Callable

import pytest

from drivers.outlet import Hand, Outlets, Register, Webhook
from firmware.hal.events import RegisterAsked
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.world import World
from tests.contracts.bench import Bench, needs

TEXT = '{"event": "stuck.7", "voucher": "000007"}'


class Sim(Bench):
    name = "simulation"
    cannot = {"questions": "the person posts them into the inbox"}  # fmt: skip

    def __init__(self) -> None:
        self.world = World()
        self.outlet = parts.SimOutlet(self.world, Power())

    def up(self, up: bool) -> None:
        self.world.parties_up = up

    def heard(self, party: str) -> list[str]:
        return [k for p, k, _ in self.world.told if p == party]

    def on_its_way(self, party: str) -> None:
        """Nothing is: it comes at once."""


class Hook(http.server.BaseHTTPRequestHandler):
    """A support desk that keeps what it has not had yet."""

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        server = self.server
        key = self.headers["Idempotency-Key"]
        if server.up and key not in server.keys:  # type: ignore[attr-defined]
            server.keys.append(key)  # type: ignore[attr-defined]
        self.send_response(204 if server.up else 503)  # type: ignore[attr-defined]
        self.end_headers()

    def log_message(self, *args) -> None: ...


class OnWire(Bench):
    """The driver, a web server and a cash register on loopback."""

    name = "driver on loopback"

    def __init__(self) -> None:
        self.server = http.server.HTTPServer(("127.0.0.1", 0), Hook)
        self.server.up, self.server.keys = True, []  # type: ignore[attr-defined]
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.outlet = Outlets(f"http://127.0.0.1:{self.server.server_port}/", 0)
        self.register = Register(0)
        self.outlet._register = self.register
        self.outlet.hands["register"] = Hand(self.register.send)
        self.asked: queue.SimpleQueue = queue.SimpleQueue()
        self.outlet.start(self.asked.put)
        self.acks, self.keys = True, []
        self.peer = socket.create_connection(("127.0.0.1", self.register.port))
        self.lines: queue.SimpleQueue = queue.SimpleQueue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.say({"hello": 1})
        assert isinstance(self.asked.get(timeout=10), RegisterAsked)

    def say(self, what: dict) -> None:
        self.peer.sendall(json.dumps(what).encode() + b"\n")

    def _listen(self) -> None:
        for line in self.peer.makefile("rb"):
            message = json.loads(line)
            if "notice" in message:
                if message["notice"] not in self.keys:
                    self.keys.append(message["notice"])
                if self.acks:
                    self.say({"ack": message["notice"]})
            else:
                self.lines.put(message)

    def up(self, up: bool) -> None:
        self.server.up = up  # type: ignore[attr-defined]
        if not up:
            self.peer.shutdown(socket.SHUT_RDWR)

    def on_its_way(self, party: str) -> None:
        """Until the party has said yes or no."""
        assert self.outlet.hands[party].idle.wait(60)

    def heard(self, party: str) -> list[str]:
        return self.keys if party == "register" else self.server.keys  # type: ignore[attr-defined]

    def close(self) -> None:
        self.server.shutdown()
        self.server.server_close()
        self.peer.close()
        self.register.close()


BENCHES = [Sim, OnWire]


@pytest.mark.parametrize("party", ["support", "register"])
def test_a_notice_is_taken_and_a_second_one_with_its_key_is_dropped(bench, party: str) -> None:
    bench.outlet.send(party, "stuck.7", TEXT)
    bench.on_its_way(party)
    assert bench.outlet.send(party, "stuck.7", TEXT) and bench.outlet.send(party, "stuck.7", TEXT)
    assert bench.heard(party) == ["stuck.7"]


def test_a_party_that_is_away_has_not_taken_it(bench) -> None:
    bench.up(False)
    for _ in range(2):
        assert not bench.outlet.send("support", "stuck.8", TEXT)
        bench.on_its_way("support")
    assert bench.heard("support") == []


@needs("questions")
def test_a_question_of_the_register_is_posted_and_its_answer_reaches_it(bench) -> None:
    bench.say({"do": "last"})
    assert bench.asked.get(timeout=10) == RegisterAsked('{"do": "last"}')
    bench.outlet.answer('{"code": "00"}')
    assert bench.lines.get(timeout=10) == {"code": "00"}


def test_parties_that_are_not_configured_take_everything() -> None:
    silent = Outlets("", 0)
    silent.start(lambda event: None)
    silent.answer("{}")
    assert silent.send("support", "k", TEXT) and silent.send("register", "k", TEXT)


def test_a_webhook_without_https_is_refused() -> None:
    for url in (
        "http://example.test/",
        "http://127.0.0.1:1@evil.example/",
        "ftp://x/",
        "https://",
        "https://u:p@x/",
        "//x",
    ):
        with pytest.raises(ValueError, match="https"):
            Webhook(url)


# -- a third party may be as slow as it likes (security review A4) ---------------------------------------------------------


class Slow:
    """A server of the test's own: it does what it is told with each connection, and stops when the test ends."""

    def __init__(self, talk: Callable[[socket.socket, threading.Event], None]) -> None:
        self.over, self._talk = threading.Event(), talk
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}/in"
        self.asked: list[bytes] = []
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listener.accept()
                self.asked.append(line.recv(65536))
                threading.Thread(target=self._one, args=(line,), daemon=True).start()

    def _one(self, line: socket.socket) -> None:
        with contextlib.suppress(OSError), line:
            self._talk(line, self.over)

    def close(self) -> None:
        self.over.set()
        self._listener.close()


def drips(line: socket.socket, over: threading.Event) -> None:
    """A byte now and then, within any limit for one read."""
    while not over.wait(0.01):
        line.sendall(b"H")


def says_nothing(line: socket.socket, over: threading.Event) -> None:
    over.wait()


def sends_elsewhere(line: socket.socket, over: threading.Event) -> None:
    line.sendall(b"HTTP/1.1 302 Found\r\nLocation: http://127.0.0.1:9/\r\nContent-Length: 0\r\n\r\n")


@pytest.mark.parametrize("talk", [drips, says_nothing, sends_elsewhere])
def test_a_webhook_that_is_slow_or_sends_elsewhere_has_not_taken_it_and_keeps_nobody(talk) -> None:
    """The hand's thread waits for the whole call's one deadline; whoever hands over does not wait at all."""
    server = Slow(talk)
    hand = Hand(Webhook(server.url, whole_s=0.3).send)
    hand.start()
    for _ in range(2):
        assert not hand.send("stuck.9", TEXT)
        assert hand.idle.wait(60), "one deadline, however it drips"
    assert not hand.send("stuck.9", TEXT)
    server.close()


def test_no_proxy_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    proxy, server = Slow(sends_elsewhere), Slow(sends_elsewhere)
    monkeypatch.setenv("http_proxy", proxy.url)
    Webhook(server.url).send("k", TEXT)
    assert server.asked and not proxy.asked
    proxy.close()
    server.close()


def test_a_party_that_hangs_keeps_neither_the_caller_nor_the_other_party() -> None:
    """Also while a name is looked up, which may take a resolver minutes (getaddrinfo(3) has no time limit)."""
    hung = threading.Event()
    outlets = Outlets("", 0)
    outlets.hands = {"support": Hand(lambda key, text: hung.wait(600)), "register": Hand(lambda key, text: True)}
    outlets.start(lambda event: None)
    for _ in range(100):
        assert not outlets.send("support", "k", TEXT)
    outlets.send("register", "k", TEXT)
    assert outlets.hands["register"].idle.wait(60) and outlets.send("register", "k", TEXT)
    hung.set()


def test_a_party_that_breaks_is_asked_again() -> None:
    answers = [ValueError("what is this?"), True]

    def party(key: str, text: str) -> bool:
        if isinstance(found := answers.pop(0), Exception):
            raise found
        return found

    hand = Hand(party)
    hand.start()
    for _ in range(2):
        hand.send("k", TEXT)
        assert hand.idle.wait(60)
    assert hand.send("k", TEXT)
