"""Keypad and glass over a Unix socket or TCP, so that the firmware runs whole as its own process on a laptop.

One JSON object a line. Out: {"screen": name, "lines": […], "image": base64 of 1024 bytes}. In: {"key": "enter"}.
A lost panel is a lost display and silent keys; both come back when the panel does.
"""

from __future__ import annotations

import base64
import json
import socket
import threading
import time
from typing import Any

from drivers import glass
from drivers.matrix_keypad import KeyEntry
from firmware.errors import DisplayLost
from firmware.hal.events import DeviceBack, Key, Post
from firmware.hal.screen import Screen, Word

_RETRY_S = 0.2
_LINE_MAX = 65536


class Panel(KeyEntry):
    """Display and keypad in one. `address` is a socket path, or host:port."""

    def __init__(self, address: str, language: str) -> None:
        super().__init__()
        self._address, self._language = address, language
        self._socket: socket.socket | None = None
        self._lock = threading.Lock()
        self._connected, self._hung_up = threading.Event(), threading.Event()
        threading.Thread(target=self._run, name="panel", daemon=True).start()

    def start(self, post: Post) -> None:
        self._post = post

    def show(self, screen: Screen) -> None:
        """Waits up to 2 s for a panel to be there. Raises DisplayLost."""
        if not self._connected.wait(2.0):
            raise DisplayLost("no panel is connected")
        image = glass.draw(screen, self._language)
        message = {"screen": screen.name, "lines": text(screen), "alarm": screen.alarm, "qr": screen.qr,
                   "image": base64.b64encode(image.tobytes()).decode()}  # fmt: skip
        self._send(json.dumps(message, ensure_ascii=False).encode() + b"\n")

    def _send(self, data: bytes) -> None:
        with self._lock:
            s = self._socket
        try:
            if s is None:
                raise OSError
            s.sendall(data)
        except OSError:
            self._connected.clear()
            raise DisplayLost("the panel hung up") from None

    def _open(self) -> socket.socket:
        if ":" in self._address and not self._address.startswith("/"):
            host, port = self._address.rsplit(":", 1)
            return socket.create_connection((host, int(port)), timeout=5.0)
        s = socket.socket(socket.AF_UNIX)
        s.connect(self._address)
        return s

    def _run(self) -> None:
        while True:
            try:
                s = self._open()
                s.settimeout(None)
            except (OSError, ValueError):
                time.sleep(_RETRY_S)
                continue
            with self._lock:
                self._socket = s
            self._hung_up.clear()
            self._connected.set()
            self._post(DeviceBack("keypad"))
            self._listen(s)
            self._connected.clear()
            self._hung_up.set()
            self.lost()
            time.sleep(_RETRY_S)

    def _listen(self, s: socket.socket) -> None:
        """Keys until the panel hangs up; a line that is no key is dropped."""
        with s, s.makefile("rb") as lines:
            try:
                while line := lines.readline(_LINE_MAX):
                    key = parse_key(line)
                    if key:
                        self.pressed(key)
            except OSError:
                return


def parse_key(line: bytes) -> Key | None:
    try:
        message: Any = json.loads(line)
        return Key(message["key"])
    except (ValueError, KeyError, TypeError):
        return None


def text(screen: Screen) -> list[str]:
    """The screen's words, title first."""
    words: list[Word | str] = [screen.title, *([screen.big] if screen.big else []), *screen.lines]
    return [part for word in words for part in ((word,) if isinstance(word, str) else (word.zh, word.en))]
