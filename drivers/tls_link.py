"""The line to the acquirer: TLS 1.3 with certificates on both sides; one budget for name, TCP and handshake.

Every wait is cut into slices and can be aborted; a connection that died unnoticed is found by keep-alive, by what it
says unasked, and by the echo before money (firmware/host/exchange.py).
"""

from __future__ import annotations

import errno
import ipaddress
import os
import queue
import select
import socket
import ssl
import threading
import time
from pathlib import Path

from firmware.errors import NoAnswer, NotSent
from firmware.hal.link import FRAME_MAX, Abort

_SLICE_S = 0.05
_SEND_S = 10.0
_KEEP_ALIVE = ((socket.TCP_KEEPIDLE, 30), (socket.TCP_KEEPINTVL, 10), (socket.TCP_KEEPCNT, 3),
               (socket.TCP_USER_TIMEOUT, 20_000), (socket.TCP_NODELAY, 1))  # fmt: skip
Addresses = list[tuple[socket.AddressFamily, tuple[str, int]]]


def context(certs: Path) -> ssl.SSLContext:
    """ca.pem pins the bank's CA, terminal.pem and terminal.key prove us. Raises OSError, ssl.SSLError."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    made.minimum_version = ssl.TLSVersion.TLSv1_3
    made.load_verify_locations(certs / "ca.pem")
    made.load_cert_chain(certs / "terminal.pem", certs / "terminal.key")
    return made


class Names:
    """A name → addresses, in a thread, since a resolver may hang for minutes. What worked last time is used when the
    resolver fails; a hung question is not asked again while it hangs."""

    def __init__(self, host: str, port: int) -> None:
        self._host, self._port = host, port
        self._answers: queue.SimpleQueue[Addresses] = queue.SimpleQueue()
        self._asking = False
        self._known = self._literal()

    def _literal(self) -> Addresses:
        try:
            version = ipaddress.ip_address(self._host).version
        except ValueError:
            return []
        return [(socket.AF_INET if version == 4 else socket.AF_INET6, (self._host, self._port))]

    def find(self, until: float, abort: Abort) -> Addresses:
        """Raises NotSent when no address is known in time."""
        if self._known and self._known == self._literal():
            return self._known
        if not self._asking:
            self._asking = True
            threading.Thread(target=self._ask, name="resolver", daemon=True).start()
        patience = until if not self._known else min(until, time.monotonic() + 1.0)
        while (left := patience - time.monotonic()) > 0 and not abort():
            try:
                found = self._answers.get(timeout=min(left, _SLICE_S))
            except queue.Empty:
                continue
            self._asking, self._known = False, found or self._known
            break
        if not self._known:
            raise NotSent(f"the name {self._host} has no address")
        return self._known

    def _ask(self) -> None:
        try:
            found = socket.getaddrinfo(self._host, self._port, type=socket.SOCK_STREAM)
            self._answers.put([(family, (str(to[0]), int(to[1]))) for family, _, _, _, to in found])
        except (OSError, UnicodeError):
            self._answers.put([])


class TlsLink:
    """One connection. NotSent only while no byte of a frame has reached the socket."""

    def __init__(self, address: str, port: int, server_name: str, certs: Path) -> None:
        self._names, self._server_name, self._certs = Names(address, port), server_name, certs
        self._socket: ssl.SSLSocket | None = None

    def connect(self, budget_s: float, abort: Abort) -> bool:
        if self._socket and not self._dead():
            return False
        self.close()
        until = time.monotonic() + budget_s
        try:
            raw = self._dial(self._names.find(until, abort), until, abort)
            try:
                self._socket = self._shake_hands(raw, until, abort)
            except BaseException:
                raw.close()
                raise
        except (OSError, ssl.SSLError, ValueError) as broken:
            raise NotSent(f"{type(broken).__name__}: {broken}") from None
        return True

    def _dial(self, addresses: Addresses, until: float, abort: Abort) -> socket.socket:
        """The first address that answers; each gets its share of what is left. Raises OSError, NotSent."""
        failed: OSError = ConnectionError("no address")
        for number, (family, address) in enumerate(addresses):
            share = (until - time.monotonic()) / (len(addresses) - number)
            raw = socket.socket(family, socket.SOCK_STREAM)
            try:
                raw.setblocking(False)
                begun = raw.connect_ex(address)
                if begun == errno.EINPROGRESS:
                    _ready(raw, True, time.monotonic() + share, abort)
                    begun = raw.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
                if begun:
                    raise OSError(begun, os.strerror(begun))
                return raw
            except OSError as broken:
                raw.close()
                failed = broken
            except BaseException:
                raw.close()
                raise
        raise failed

    def _shake_hands(self, raw: socket.socket, until: float, abort: Abort) -> ssl.SSLSocket:
        """Raises OSError, ssl.SSLError, NotSent."""
        raw.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
        for option, value in _KEEP_ALIVE:
            raw.setsockopt(socket.IPPROTO_TCP, option, value)
        made = context(self._certs).wrap_socket(raw, server_hostname=self._server_name, do_handshake_on_connect=False)
        while True:
            try:
                made.do_handshake()
                return made
            except ssl.SSLWantReadError:
                _ready(made, False, until, abort)
            except ssl.SSLWantWriteError:
                _ready(made, True, until, abort)

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
            self._socket.settimeout(min(timeout_s, _SEND_S))
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
        """Empty frames keep a line alive and say nothing (jPOS channels send them): they are skipped."""
        size = 0
        while size == 0:
            size = int.from_bytes(self._read(2, until, abort), "big")
        if size > FRAME_MAX:
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


def _ready(s: socket.socket, to_write: bool, until: float, abort: Abort) -> None:
    """Until the socket can go on. Raises TimeoutError, NotSent on abort."""
    while (left := until - time.monotonic()) > 0:
        if abort():
            raise NotSent("given up")
        readable, writable, _ = select.select([] if to_write else [s], [s] if to_write else [], [],
                                              min(left, _SLICE_S))  # fmt: skip
        if readable or writable:
            return
    raise TimeoutError("the budget is spent")
