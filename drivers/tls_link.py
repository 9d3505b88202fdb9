"""The line to the acquirer: TLS 1.3 with certificates on both sides, two length bytes, time and frame limits."""

from __future__ import annotations

import select
import socket
import ssl
import time
from pathlib import Path

from firmware.errors import NoAnswer, NotSent
from firmware.hal.link import FRAME_MAX, Abort

_SLICE_S = 0.05


def context(certs: Path) -> ssl.SSLContext:
    """ca.pem pins the bank's CA, terminal.pem and terminal.key prove us. Raises OSError, ssl.SSLError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_verify_locations(certs / "ca.pem")
    made.load_cert_chain(certs / "terminal.pem", certs / "terminal.key")
    return made


class TlsLink:
    """One connection. NotSent only while no byte of a frame has reached the socket."""

    def __init__(self, address: str, port: int, server_name: str, certs: Path) -> None:
        self._address, self._port, self._server_name, self._certs = address, port, server_name, certs
        self._socket: ssl.SSLSocket | None = None

    def connect(self, budget_s: float) -> None:
        if self._socket and not self._dead():
            return
        self.close()
        try:
            raw = socket.create_connection((self._address, self._port), timeout=budget_s)
            try:
                self._socket = context(self._certs).wrap_socket(raw, server_hostname=self._server_name)
            except BaseException:
                raw.close()
                raise
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        except (OSError, ssl.SSLError) as broken:
            self._socket = None
            raise NotSent(type(broken).__name__) from None

    def _dead(self) -> bool:
        """A closed or talking idle connection is no good: bytes nobody asked for belong to nobody."""
        assert self._socket is not None
        if self._socket.pending():
            return True
        readable, _, _ = select.select([self._socket], [], [], 0)
        if not readable:
            return False
        self._socket.settimeout(0.0)
        try:
            self._socket.recv(1)
        except ssl.SSLWantReadError:
            return False  # a session ticket, not data
        except OSError:
            return True
        return True

    def exchange(self, frame: bytes, timeout_s: float, abort: Abort) -> bytes:
        if self._socket is None or len(frame) > FRAME_MAX or abort():
            self.close()
            raise NotSent
        until = time.monotonic() + timeout_s
        try:
            self._socket.settimeout(min(timeout_s, 10.0))
            self._socket.sendall(len(frame).to_bytes(2, "big") + frame)
            return self._read_frame(until, abort)
        except (OSError, ssl.SSLError, NoAnswer) as broken:
            self.close()
            raise NoAnswer(str(broken) or type(broken).__name__) from None

    def receive(self, timeout_s: float, abort: Abort) -> bytes:
        try:
            return self._read_frame(time.monotonic() + timeout_s, abort)
        except (OSError, ssl.SSLError, NoAnswer) as broken:
            self.close()
            raise NoAnswer(type(broken).__name__) from None

    def _read_frame(self, until: float, abort: Abort) -> bytes:
        size = int.from_bytes(self._read(2, until, abort), "big")
        if not 0 < size <= FRAME_MAX:
            raise NoAnswer(f"a frame of {size} bytes")
        return self._read(size, until, abort)

    def _read(self, count: int, until: float, abort: Abort) -> bytes:
        """Exactly `count` bytes. Raises NoAnswer on time, abort or a closed line."""
        if self._socket is None:
            raise NoAnswer("the line is closed")
        self._socket.settimeout(_SLICE_S)
        data = b""
        while len(data) < count:
            if time.monotonic() > until or abort():
                raise NoAnswer("time is up")
            try:
                part = self._socket.recv(count - len(data))
            except (TimeoutError, ssl.SSLWantReadError):
                continue
            if not part:
                raise NoAnswer("the host hung up")
            data += part
        return data

    def close(self) -> None:
        if self._socket:
            try:
                self._socket.close()
            except OSError:
                pass
        self._socket = None
