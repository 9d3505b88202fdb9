"""The support's webhook over HTTPS, and the merchant's cash register over a line of JSON on loopback.

The register connects to us: it sends one JSON object a line and gets one back. A notice is a line {"notice": key, …};
it has been taken when the register answers {"ack": key}."""

from __future__ import annotations

import contextlib
import http.client
import json
import queue
import socket
import ssl
import threading
import time
import urllib.parse
from collections import deque
from collections.abc import Callable

from firmware.hal.events import Post, RegisterAsked

_WAIT_S = 5.0
_ANSWER_S = 0.2
_WHOLE_S = 10.0
_KNOWN = 256
_LINE_MAX = 4096


class Webhook:
    """POST with an Idempotency-Key, so that a second one is dropped there. Only https, but for loopback in tests. One
    deadline for the whole call, however slowly it drips; a redirect is no delivery (RFC 9110, 15.4: it names a place
    that nobody here has checked), and no proxy is asked, whatever the environment says."""

    def __init__(self, url: str, whole_s: float = _WHOLE_S) -> None:
        parts = urllib.parse.urlsplit(url)
        local = parts.scheme == "http" and parts.hostname == "127.0.0.1"
        if not parts.hostname or parts.username is not None or not (parts.scheme == "https" or local):
            raise ValueError("a webhook needs https")
        self._host, self._tls, self._whole_s = parts.hostname, not local, whole_s
        self._port = parts.port or (443 if self._tls else 80)
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def send(self, key: str, text: str) -> bool:
        """True for 2xx. Waits: only a thread of its own may call it."""
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        until = time.monotonic() + self._whole_s
        try:
            raw = socket.create_connection((self._host, self._port), timeout=self._whole_s)
        except (OSError, UnicodeError):
            return False
        with contextlib.closing(self._wrapped(raw)) as line:
            timer = threading.Timer(max(0.0, until - time.monotonic()), _shut, (line,))
            timer.start()
            try:
                if isinstance(line, ssl.SSLSocket):
                    line.do_handshake()
                call = http.client.HTTPConnection(self._host, self._port)
                call.sock = line
                call.request("POST", self._path, text.encode(), headers)
                return 200 <= call.getresponse().status < 300
            except (OSError, http.client.HTTPException, ValueError):
                return False
            finally:
                timer.cancel()

    def _wrapped(self, raw: socket.socket) -> socket.socket:
        if not self._tls:
            return raw
        context = ssl.create_default_context()
        return context.wrap_socket(raw, server_hostname=self._host, do_handshake_on_connect=False)


def _shut(line: socket.socket) -> None:
    """Time is up: whoever waits for this line is woken."""
    with contextlib.suppress(OSError):
        line.shutdown(socket.SHUT_RDWR)


class Hand:
    """One notice at a time to one party, in a thread that may wait as long as the party likes. What was taken is known
    from then on; what was not is forgotten here and handed over again by whoever owes it."""

    def __init__(self, party: Callable[[str, str], bool]) -> None:
        self._party = party
        self._taken: deque[str] = deque(maxlen=_KNOWN)
        self._job: queue.Queue[tuple[str, str]] = queue.Queue(maxsize=1)
        self.idle = threading.Event()  # for whoever has to know that nothing is on its way
        self.idle.set()

    def start(self) -> None:
        threading.Thread(target=self._work, name="outlet", daemon=True).start()

    def send(self, key: str, text: str) -> bool:
        if key in self._taken:
            return True
        if self.idle.is_set():
            self.idle.clear()
            self._job.put_nowait((key, text))
        return False

    def _work(self) -> None:
        while True:
            key, text = self._job.get()
            try:
                taken = self._party(key, text)
            except Exception:  # whatever a party makes of us, the next notice finds this thread alive
                taken = False
            if taken:
                self._taken.append(key)
            self.idle.set()


class Register:
    """One cash register at a time, on 127.0.0.1."""

    def __init__(self, port: int) -> None:
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._peer: socket.socket | None = None
        self._acked: set[str] = set()
        self._changed = threading.Condition()
        self._post: Post = lambda event: None

    def start(self, post: Post) -> None:
        self._post = post
        threading.Thread(target=self._accept, name="register", daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._peer = peer
                with contextlib.suppress(OSError, ValueError), peer, peer.makefile("rb") as lines:
                    while line := lines.readline(_LINE_MAX):
                        self._take(line)
                self._peer = None

    def _take(self, line: bytes) -> None:
        text = line.decode("utf-8", "replace").strip()
        with contextlib.suppress(ValueError, AttributeError):
            key = json.loads(text).get("ack")
            if isinstance(key, str):
                with self._changed:
                    self._acked.add(key)
                    self._changed.notify_all()
                return
        if text:
            self._post(RegisterAsked(text))

    def send(self, key: str, text: str) -> bool:
        """Waits for its word: only a thread of its own may call it."""
        if not self._say(json.dumps({"notice": key, **json.loads(text)}, ensure_ascii=False), _WAIT_S):
            return False
        with self._changed:
            return self._changed.wait_for(lambda: key in self._acked, _WAIT_S)

    def answer(self, line: str) -> None:
        self._say(line, _ANSWER_S)

    def _say(self, line: str, wait_s: float) -> bool:
        peer = self._peer
        if peer is None:
            return False
        try:
            peer.settimeout(wait_s)
            peer.sendall(line.encode() + b"\n")
            peer.settimeout(None)
            return True
        except OSError:
            return False

    def close(self) -> None:
        self._listener.close()


class Outlets:
    """Both, each if it is configured, each with a hand of its own: neither keeps the other waiting."""

    def __init__(self, webhook: str, register_port: int) -> None:
        self._register = Register(register_port) if register_port else None
        takers = {"support": Webhook(webhook) if webhook else None, "register": self._register}
        self.hands = {party: Hand(taker.send) for party, taker in takers.items() if taker}

    def start(self, post: Post) -> None:
        for hand in self.hands.values():
            hand.start()
        if self._register:
            self._register.start(post)

    def send(self, party: str, key: str, text: str) -> bool:
        hand = self.hands.get(party)
        return hand.send(key, text) if hand else True

    def answer(self, line: str) -> None:
        if self._register:
            self._register.answer(line)
