"""Outlet: parties outside are told, once each; a register that asks is heard and answered."""

from __future__ import annotations

import http.server
import json
import queue
import socket
import threading

import pytest

from drivers.outlet import Outlets, Webhook
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
        from drivers.outlet import Register

        self.register = Register(0)
        self.outlet._register = self.register
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
    assert bench.outlet.send(party, "stuck.7", TEXT)
    assert bench.outlet.send(party, "stuck.7", TEXT)
    assert bench.heard(party) == ["stuck.7"]


def test_a_party_that_is_away_has_not_taken_it(bench) -> None:
    bench.up(False)
    assert not bench.outlet.send("support", "stuck.8", TEXT)
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
    with pytest.raises(ValueError, match="https"):
        Webhook("http://example.test/")
