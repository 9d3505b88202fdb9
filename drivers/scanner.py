"""A code scanner on a serial port: one code a line. It comes and goes without harm; without one, codes are typed."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Protocol

from firmware.hal.events import CodeScanned, DeviceBack, DeviceGone, Post

_CODE_MAX = 120
_AGAIN_S = 2.0


class Port(Protocol):
    """What is needed of a serial port: a line, or b'' when nothing came in time."""

    def readline(self) -> bytes: ...


class Scanner:
    """`open_port` raises OSError while the scanner is not there."""

    def __init__(self, open_port: Callable[[], Port]) -> None:
        self._open = open_port
        self._stop = threading.Event()

    def start(self, post: Post) -> None:
        threading.Thread(target=self.listen, args=(post,), name="scanner", daemon=True).start()

    def listen(self, post: Post) -> None:
        """Until stop: lines become CodeScanned; loss and return are said once each."""
        lost = False
        while not self._stop.is_set():
            try:
                port = self._open()
                if lost:
                    post(DeviceBack("scanner"))
                    lost = False
                self._read(port, post)
            except OSError:
                if not lost:
                    post(DeviceGone("scanner"))
                lost = True
                self._stop.wait(_AGAIN_S)

    def _read(self, port: Port, post: Post) -> None:
        while not self._stop.is_set():
            text = port.readline().decode("ascii", "ignore").strip()
            if text and len(text) <= _CODE_MAX and text.isprintable():
                post(CodeScanned(text))

    def stop(self) -> None:
        self._stop.set()
