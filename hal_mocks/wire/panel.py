"""The other end of the panel: shows what the firmware draws, sends keys."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any


class PanelServer:
    """A Unix socket the firmware connects to. `now` is the last message of the firmware."""

    def __init__(self, path: Path, on_screen: Callable[[dict[str, Any]], None] = lambda message: None) -> None:
        self._on_screen = on_screen
        self.now: dict[str, Any] = {}
        self.changed = threading.Condition()
        self.connected = threading.Event()
        self.pictures = 0
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self._peer: socket.socket | None = None
        threading.Thread(target=self._accept, name="panel-server", daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                peer, _ = self._listener.accept()
                self._peer = peer
                self.connected.set()
                with contextlib.suppress(OSError, ValueError), peer, peer.makefile("rb") as lines:
                    for line in lines:
                        self._take(json.loads(line))
                self._peer = None

    def _take(self, message: dict[str, Any]) -> None:
        with self.changed:
            self.now, self.pictures = message, self.pictures + 1
            self.changed.notify_all()
        self._on_screen(message)

    def press(self, key: str) -> None:
        """Raises OSError if no firmware is connected."""
        if self._peer is None:
            raise OSError("no terminal is connected")
        self._peer.sendall(json.dumps({"key": key}).encode() + b"\n")

    def wait_for(self, *names: str, timeout_s: float = 20.0) -> str:
        """Until one of these screens is on the glass. Raises TimeoutError naming what is there."""
        with self.changed:
            if not self.changed.wait_for(lambda: self.now.get("screen") in names, timeout_s):
                raise TimeoutError(f"waited for {names}, the glass shows {self.now.get('screen')}")
            return str(self.now["screen"])

    def close(self) -> None:
        self._listener.close()
        peer = self._peer
        if peer:
            with contextlib.suppress(OSError):
                peer.shutdown(socket.SHUT_RDWR)
