"""The same bank behind TLS 1.3 with certificates on both sides."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from hal_mocks.acquirer import Acquirer, Cut


class TlsBank:
    """Listens on 127.0.0.1; `port` is free to be any. `line_up` False: connections are dropped at once."""

    def __init__(self, bank: Acquirer, certs: Path, lock: threading.RLock,
                 on_wire: Callable[[str, bytes], None] = lambda way, frame: None,
                 now: Callable[[], datetime] = datetime.now, port: int = 0) -> None:  # fmt: skip
        self._bank, self._lock, self._on_wire, self._now = bank, lock, on_wire, now
        self.line_up, self.delay_s = True, 0.0
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.minimum_version = ssl.TLSVersion.TLSv1_3
        self._context.verify_mode = ssl.CERT_REQUIRED
        self._context.load_verify_locations(certs / "ca.pem")
        self._context.load_cert_chain(certs / "bank.pem", certs / "bank.key")
        self._listener = socket.create_server(("127.0.0.1", port))
        self.port: int = self._listener.getsockname()[1]
        self._open: set[socket.socket] = set()
        threading.Thread(target=self._accept, name="bank", daemon=True).start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                raw, _ = self._listener.accept()
                if not self.line_up:
                    raw.close()
                    continue
                threading.Thread(target=self._serve, args=(raw,), name="bank-line", daemon=True).start()

    def _serve(self, raw: socket.socket) -> None:
        with contextlib.suppress(OSError, ssl.SSLError, ConnectionError):
            raw.settimeout(60.0)
            raw.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self._context.wrap_socket(raw, server_side=True) as s:
                self._open.add(s)
                try:
                    self._talk(s)
                finally:
                    self._open.discard(s)

    def _talk(self, s: ssl.SSLSocket) -> None:
        while self.line_up:
            frame = _read(s, int.from_bytes(_read(s, 2), "big"))
            arrived = time.monotonic()
            self._on_wire(">", frame)
            with self._lock:
                replies = self._bank.receive_at(self._now(), frame)
            time.sleep(max(0.0, arrived + self.delay_s - time.monotonic()))
            for reply in replies if self.line_up else []:
                self._on_wire("<", reply)
                if isinstance(reply, Cut):
                    s.sendall(reply)
                    return
                s.sendall(len(reply).to_bytes(2, "big") + reply)

    def cut_line(self) -> None:
        """The line goes down: open connections break, new ones are refused."""
        self.line_up = False
        for s in list(self._open):
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)

    def restore_line(self) -> None:
        self.line_up = True

    def close(self) -> None:
        self.cut_line()
        self._listener.close()


def _read(s: ssl.SSLSocket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        part = s.recv(count - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data
