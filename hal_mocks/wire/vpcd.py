"""A software card in vsmartcard's virtual reader: TCP to port 35963, u16 length + payload, T=0 habits included."""

from __future__ import annotations

import contextlib
import socket
import threading

from hal_mocks.card.soft_card import SoftCard

PORT = 35963
_OFF, _ON, _RESET, _ATR = 0, 1, 2, 4


class T0Door:
    """What a T=0 card shows at the APDU level: 61xx for outgoing data of case 4, 6Cxx for a wrong Le, a warning without
    its data, which GET RESPONSE then fetches."""

    def __init__(self, card: SoftCard) -> None:
        self._card, self._pending = card, b""

    def process(self, apdu: bytes) -> bytes | None:
        """None: the card hangs, no answer ever comes."""
        if apdu[1] == 0xC0:
            if apdu[4] != len(self._pending) & 0xFF:
                return bytes([0x6C, len(self._pending) & 0xFF])
            data, self._pending = self._pending, b""
            return data + b"\x90\x00"
        raw: bytes | None = self._card.process(apdu)
        if raw is None:
            return None
        data, sw = raw[:-2], raw[-2:]
        if not data:
            return raw
        if len(apdu) > 5:
            self._pending = data
            return bytes([0x61, len(data) & 0xFF]) if sw == b"\x90\x00" else sw
        return raw if len(apdu) == 5 and apdu[4] == len(data) else bytes([0x6C, len(data) & 0xFF])


class T1Door:
    """A T=1 card hands out what it has."""

    def __init__(self, card: SoftCard) -> None:
        self.process = card.process


class VpcdCard:
    """The card is in the reader as long as the connection stands. `protocol` 0 or 1: T=0 or T=1."""

    def __init__(self, card: SoftCard, port: int = PORT, protocol: int = 0) -> None:
        self._card, self._port, self._protocol = card, port, protocol
        self._door: T0Door | T1Door = self._made()
        self._socket: socket.socket | None = None

    def _made(self) -> T0Door | T1Door:
        return T1Door(self._card) if self._protocol else T0Door(self._card)

    def become(self, card: SoftCard) -> None:
        """Another card's chip behind the same contacts, while it is not powered: saves a tester's hand."""
        self._card = card
        self._door = self._made()

    def insert(self) -> None:
        self._socket = socket.create_connection(("127.0.0.1", self._port), timeout=5.0)
        self._socket.settimeout(None)
        self._card.reset()
        threading.Thread(target=self._serve, args=(self._socket,), name="vpcd", daemon=True).start()

    def pull(self) -> None:
        s, self._socket = self._socket, None
        if s:
            with contextlib.suppress(OSError):
                s.shutdown(socket.SHUT_RDWR)
            s.close()

    def _serve(self, s: socket.socket) -> None:
        with contextlib.suppress(OSError, ConnectionError):
            while True:
                s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
                payload = _read(s, int.from_bytes(_read(s, 2), "big"))
                answer = self._answer(payload)
                if self._card.pull_at and self._card.apdus >= self._card.pull_at:
                    self._card.pull_at = 0
                    self.pull()
                    return
                if answer is not None:
                    s.sendall(len(answer).to_bytes(2, "big") + answer)

    def _answer(self, payload: bytes) -> bytes | None:
        if len(payload) != 1:
            return self._door.process(payload)
        if payload[0] == _ATR:
            return self._card.ATR_T1 if self._protocol else self._card.ATR
        if payload[0] in (_OFF, _ON, _RESET):
            self._card.reset()
        return None


def _read(s: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        s.setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)
        part = s.recv(count - len(data))
        if not part:
            raise ConnectionError
        data += part
    return data
