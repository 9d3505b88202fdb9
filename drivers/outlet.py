"""The support's webhook over HTTPS, and the merchant's cash register over a line of JSON on loopback.

The register connects to us: it sends one JSON object a line and gets one back. A notice is a line {"notice": key, …};
it has been taken when the register answers {"ack": key}."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
import urllib.error
import urllib.request

from firmware.hal.events import Post, RegisterAsked

_WAIT_S = 5.0
_LINE_MAX = 4096


class Webhook:
    """POST with an Idempotency-Key, so that a second one is dropped there. Only https, but for loopback in tests."""

    def __init__(self, url: str) -> None:
        if not url.startswith(("https://", "http://127.0.0.1:")):
            raise ValueError("a webhook needs https")
        self._url = url

    def send(self, key: str, text: str) -> bool:
        headers = {"Content-Type": "application/json", "Idempotency-Key": key}
        request = urllib.request.Request(self._url, text.encode(), headers, method="POST")
        try:
            with urllib.request.urlopen(request, timeout=_WAIT_S) as answer:
                return bool(200 <= answer.status < 300)
        except (OSError, urllib.error.URLError, ValueError):
            return False


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
        if not self._say(json.dumps({"notice": key, **json.loads(text)}, ensure_ascii=False)):
            return False
        with self._changed:
            return self._changed.wait_for(lambda: key in self._acked, _WAIT_S)

    def answer(self, line: str) -> None:
        self._say(line)

    def _say(self, line: str) -> bool:
        peer = self._peer
        if peer is None:
            return False
        try:
            peer.settimeout(_WAIT_S)
            peer.sendall(line.encode() + b"\n")
            peer.settimeout(None)
            return True
        except OSError:
            return False

    def close(self) -> None:
        self._listener.close()


class Outlets:
    """Both, each if it is configured."""

    def __init__(self, webhook: str, register_port: int) -> None:
        self._webhook = Webhook(webhook) if webhook else None
        self._register = Register(register_port) if register_port else None

    def start(self, post: Post) -> None:
        if self._register:
            self._register.start(post)

    def send(self, party: str, key: str, text: str) -> bool:
        taker = {"support": self._webhook, "register": self._register}[party]
        return taker.send(key, text) if taker else True

    def answer(self, line: str) -> None:
        if self._register:
            self._register.answer(line)
