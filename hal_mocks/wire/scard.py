"""smartcard.scard at its lowest seam, with the habits that pcscd and its readers showed when they were tried: the codes
in their order, the counter in the state, a swap within one look, a hung card, a service that dies, a renamed reader."""

from __future__ import annotations

import itertools
import threading
from typing import Any

from hal_mocks.card.soft_card import SoftCard
from hal_mocks.wire.vpcd import T0Door

_OK = 0
_COMM, _NO_SERVICE, _INVALID, _BUSY, _NO_CARD, _PROTO = (
    0x80100013,
    0x8010001D,
    0x80100011,
    0x8010000B,
    0x8010000C,
    0x8010000F,
)
_NOT_TRANSACTED, _REMOVED, _RESET, _MUTE, _TIMEOUT, _NO_READERS = (0x80100016, 0x80100069, 0x80100068, 0x80100066,
                                                                   0x8010000A, 0x8010002E)  # fmt: skip


class _Handle:
    def __init__(self, card: SoftCard, protocol: int, life: int) -> None:
        self.card, self.protocol, self.life = card, protocol, life
        self.door = T0Door(card) if protocol == 1 else None
        self.noticed = False


class ScardSim:
    """One service, at most one reader, one slot. The hand: insert, pull, swap, unplug, plug, kill, revive, hold."""

    SCARD_S_SUCCESS, SCARD_SCOPE_USER, SCARD_E_TIMEOUT, SCARD_E_NO_READERS_AVAILABLE = _OK, 0, _TIMEOUT, _NO_READERS
    SCARD_STATE_UNAWARE, SCARD_STATE_IGNORE, SCARD_STATE_CHANGED, SCARD_STATE_UNKNOWN = 0, 1, 2, 4
    SCARD_STATE_UNAVAILABLE, SCARD_STATE_EMPTY, SCARD_STATE_PRESENT, SCARD_STATE_MUTE = 8, 16, 32, 512
    SCARD_PROTOCOL_T0, SCARD_PROTOCOL_T1, SCARD_PCI_T0, SCARD_PCI_T1 = 1, 2, "T0", "T1"
    SCARD_SHARE_EXCLUSIVE, SCARD_SHARE_DIRECT, SCARD_LEAVE_CARD, SCARD_UNPOWER_CARD = 1, 3, 0, 2

    def __init__(self, protocol: int = 1) -> None:
        self.protocol = protocol
        self.name, self.running, self.held_by_another = "Virtual PCD 00 00", True, False
        self.features: list[int] = []
        self.typed: str | None = None  # on the pad
        self._card: SoftCard | None = None
        self._counter = self._life = 0
        self._open: _Handle | None = None
        self._hung = threading.Event()
        self._change = threading.Condition()
        self._contexts = itertools.count(1)

    # -- the hand ------------------------------------------------------------------------------------------------------

    def insert(self, card: SoftCard) -> None:
        with self._change:
            self._card, self._counter = card, self._counter + 1
            card.reset()
            self._change.notify_all()

    def pull(self) -> None:
        with self._change:
            self._card, self._counter = None, self._counter + 1
            self._hung.set()
            self._change.notify_all()

    def swap(self, card: SoftCard) -> None:
        """One card out and another in before anybody looked."""
        with self._change:
            self._card, self._counter = card, self._counter + 2
            card.reset()
            self._change.notify_all()

    def unplug(self) -> None:
        with self._change:
            self.name, self._card, self._counter = "", None, 0
            self._change.notify_all()

    def plug(self, name: str) -> None:
        with self._change:
            self.name = name
            self._change.notify_all()

    def kill(self) -> None:
        with self._change:
            self.running, self._life, self._open = False, self._life + 1, None
            self._change.notify_all()

    def revive(self) -> None:
        with self._change:
            self.running = True
            self._change.notify_all()

    # -- smartcard.scard ---------------------------------------------------------------------------------------------

    def SCardEstablishContext(self, scope: int) -> tuple[int, Any]:
        return (_OK, (next(self._contexts), self._life)) if self.running else (_NO_SERVICE, None)

    def SCardReleaseContext(self, context: Any) -> int:
        return _OK

    def SCardListReaders(self, context: Any, groups: list[str]) -> tuple[int, list[str]]:
        if not self._alive(context):
            return _NO_SERVICE, []
        return (_OK, [self.name]) if self.name else (_NO_READERS, [])

    def SCardGetStatusChange(
        self, context: Any, timeout_ms: int, states: list[tuple[str, int]]
    ) -> tuple[int, list[Any]]:
        (name, known) = states[0]
        with self._change:
            changed = self._change.wait_for(lambda: not self._alive(context) or self._differs(name, known),
                                            timeout_ms / 1000)  # fmt: skip
            if not self._alive(context):
                return _COMM, []
            if not changed:
                return _TIMEOUT, []
            return _OK, [(name, self._state(name) | self.SCARD_STATE_CHANGED, [])]

    def _differs(self, name: str, known: int) -> bool:
        if name.startswith("\\\\?PnP"):
            return bool(self.name)
        return self._state(name) != known

    def _state(self, name: str) -> int:
        if name.startswith("\\\\?PnP"):
            return 0
        if name != self.name:
            return self.SCARD_STATE_UNKNOWN | self.SCARD_STATE_UNAVAILABLE
        here = self.SCARD_STATE_PRESENT if self._card else self.SCARD_STATE_EMPTY
        mute = self.SCARD_STATE_MUTE if self._card and self._card.mute else 0
        return here | mute | (self._counter & 0xFFFF) << 16

    def SCardConnect(self, context: Any, name: str, mode: int, protocols: int) -> tuple[int, Any, int]:
        with self._change:
            if not self._alive(context):
                return _NO_SERVICE, None, 0
            if name != self.name:
                return 0x80100009, None, 0
            if mode == self.SCARD_SHARE_DIRECT:
                return _OK, _Handle(SoftCard(), 0, self._life), 0
            if self._card is None:
                return _NO_CARD, None, 0
            if self.held_by_another or self._open:
                return _BUSY, None, 0
            if self._card.mute:
                return _MUTE, None, 0
            if not self.protocol & protocols:
                return _PROTO, None, 0
            self._card.reset()
            self._open = _Handle(self._card, self.protocol, self._life)
            self._hung.clear()
            return _OK, self._open, self.protocol

    def SCardTransmit(self, handle: _Handle, pci: str, apdu: list[int]) -> tuple[int, list[int]]:
        with self._change:
            problem = self._problem(handle)
            if problem:
                return problem, []
        raw = handle.door.process(bytes(apdu)) if handle.door else handle.card.process(bytes(apdu))
        if raw is None:  # a hung card: nothing comes until it is pulled
            self._hung.wait()
            return _OK, []
        return _OK, list(raw)

    def _problem(self, handle: _Handle) -> int:
        if handle.life != self._life:
            return _NO_SERVICE
        if not self.name:
            return _INVALID
        if self._card is handle.card:
            return 0 if handle is self._open else _RESET
        if not handle.noticed:
            handle.noticed = True
            return _NOT_TRANSACTED
        if self._card is None:
            return _REMOVED
        handle.card = self._card  # the danger: from here on the old handle talks happily to the new card
        handle.door = T0Door(self._card) if handle.door else None
        return 0

    def SCardStatus(self, handle: _Handle) -> tuple[int, str, int, int, list[int]]:
        atr = handle.card.ATR_T1 if self.protocol == self.SCARD_PROTOCOL_T1 else handle.card.ATR
        return _OK, self.name, 0, self.protocol, list(atr)

    def SCardControl(self, handle: _Handle, code: int, data: list[int]) -> tuple[int, list[int]]:
        """The list of features, or a PIN entry on the pad, as a CCID driver does it."""
        if code == self.SCARD_CTL_CODE(3400):
            return _OK, self.features
        if self.typed is None or not self._card:
            return _REMOVED, []
        raw = bytes(data)
        assert raw[2:5] == b"\x89\x47\x04" and int.from_bytes(raw[15:19], "little") == len(raw) - 19, raw.hex()
        assert raw[5:7] == bytes([12, 4]), "4 to 12 digits"
        block = bytes.fromhex(f"2{len(self.typed):X}{self.typed}".ljust(16, "F"))
        return _OK, list(self._card.process(raw[19:24] + block))

    def SCARD_CTL_CODE(self, code: int) -> int:
        return 0x42000000 + code

    def SCardDisconnect(self, handle: _Handle, how: int) -> int:
        with self._change:
            if self._open is handle:
                self._open = None
            elif self._open is not None and how == self.SCARD_UNPOWER_CARD:
                self._open = _Handle(
                    self._open.card, self.protocol, self._life
                )  # its owner gets RESET_CARD from now on
            return _OK

    def _alive(self, context: Any) -> bool:
        return self.running and context is not None and context[1] == self._life
