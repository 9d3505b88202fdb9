"""The card reader through pyscard's `scard` layer, with a monitor of its own: pyscard's dies with pcscd.

Two private threads: the monitor watches for cards and readers, the worker sends APDUs, since PC/SC has no time limit.
Both only post events or hand back an answer.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import Any

from drivers import apdu_transport
from firmware import words as w
from firmware.errors import CardLost, CardMute, CardUnsupported, DeviceError, NoCard, ReaderLost
from firmware.hal.events import CardInserted, CardRemoved, DeviceBack, DeviceGone, Post
from firmware.hal.reader import Card, Response

# hresult → what it means to us (hardware facts, 1.3)
_NO_CARD = frozenset({0x8010000C})
_MUTE = frozenset({0x80100066, 0x80100067})
_CARD_LOST = frozenset({0x80100016, 0x80100069, 0x80100068, 0x8010002F})
_UNSUPPORTED = frozenset({0x8010000F, 0x80100065})
_REASONS = {
    0x8010001D: ("pcscd does not run", "sudo systemctl start pcscd"),
    0x8010001E: ("pcscd has stopped", "sudo systemctl start pcscd"),
    0x8010000B: (
        "another program holds the reader",
        "stop it: fuser -v /run/pcscd/pcscd.comm names who talks to pcscd",
    ),
    0x8010006A: ("pcscd does not let this account in", "add the polkit rule for the service account"),
}
_POLL_MS = 1000
_VERIFY_DIRECT = 6  # the feature's tag
_PAD_GRACE_S = 5.0
_ALIVE_S = 5.0
_CARD_S = 60.0  # what a card may take of one session, over all its answers: people and bank do not count
_BACK_OFF_S = (0.1, 0.2, 0.5, 1.0, 2.0)


def library() -> Any:
    """smartcard.scard; imported here so that a machine without it can still load this module."""
    from smartcard import scard

    return scard


def error(hresult: int) -> DeviceError:
    """Our own error for an hresult that is not success."""
    code = hresult & 0xFFFFFFFF
    if code in _NO_CARD:
        return NoCard()
    if code in _MUTE:
        return CardMute()
    if code in _CARD_LOST:
        return CardLost()
    if code in _UNSUPPORTED:
        return CardUnsupported(w.CARD_PROTOCOL)
    return ReaderLost(*_REASONS.get(code, (f"PC/SC {code:08X}", "")))


def parse_features(data: bytes) -> dict[int, int]:
    """CM_IOCTL_GET_FEATURE_REQUEST's answer: tag, length 4, control code, big-endian. What is malformed is dropped."""
    found, at = {}, 0
    while at + 2 <= len(data):
        size = data[at + 1]
        if size == 4 and at + 6 <= len(data):
            found[data[at]] = int.from_bytes(data[at + 2 : at + 6], "big")
        at += 2 + size
    return found


def pin_verify_structure(timeout_s: int) -> bytes:
    """PIN_VERIFY_STRUCTURE of PC/SC part 10, 2.5.2, for VERIFY with an EMV block: BCD, left justified, length in the
    low half of the first byte, 4 to 12 digits, ended by the pad's green key."""
    apdu = bytes.fromhex("0020008008" + "20FFFFFFFFFFFFFF")
    head = bytes([timeout_s, timeout_s, 0x89, 0x47, 0x04, 12, 4, 0x02, 0x01]) + (0x0804).to_bytes(2, "little")
    return head + bytes(4) + len(apdu).to_bytes(4, "little") + apdu


class PcscReader:
    """The first reader whose name contains `like` (readers come back under other names: never match exactly)."""

    def __init__(self, like: str = "", scard: Any = None, back_off_s: tuple[float, ...] = _BACK_OFF_S,
                 alive: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        """`alive` feeds the watchdog while a card is waited for, which each session does for a limited time."""
        self._like, self._back_off_s, self._alive = like, back_off_s, alive
        self._scard = scard or library()
        self._post: Post = lambda _: None
        self._present = self._looked = False
        self._name = ""
        self._lock = threading.Lock()
        self._last: PcscCard | None = None

    def start(self, post: Post) -> None:
        """Watch from now on, in a daemon thread, through any restart of pcscd."""
        self._post = post
        threading.Thread(target=self._watch, name="pcsc-monitor", daemon=True).start()

    def present(self) -> bool:
        with self._lock:
            return self._present

    def connect(self) -> Card:
        if self._last is not None:
            self._last.wait_closed(1.0)  # the older session disconnects before a new one begins
        s, context = self._scard, self._context()
        try:
            name = self._find(context)
            protocols = s.SCARD_PROTOCOL_T0 | s.SCARD_PROTOCOL_T1
            ok, handle, protocol = s.SCardConnect(context, name, s.SCARD_SHARE_EXCLUSIVE, protocols)
            if ok != s.SCARD_S_SUCCESS:
                raise error(ok)
        except DeviceError:
            s.SCardReleaseContext(context)
            raise
        self._last = PcscCard(s, context, handle, protocol, self._alive)
        return self._last

    def _context(self) -> Any:
        """A context of pcscd. Raises ReaderLost where it does not run."""
        ok, context = self._scard.SCardEstablishContext(self._scard.SCARD_SCOPE_USER)
        if ok != self._scard.SCARD_S_SUCCESS:
            raise error(ok)
        return context

    def _find(self, context: Any) -> str:
        ok, names = self._scard.SCardListReaders(context, [])
        if ok not in (self._scard.SCARD_S_SUCCESS, self._scard.SCARD_E_NO_READERS_AVAILABLE):
            raise error(ok)
        found = [n for n in names if self._like.lower() in n.lower()]
        if not found:
            raise ReaderLost("no reader is plugged in")
        return str(found[0])

    def features(self) -> dict[int, int]:
        """PC/SC part 10 features of the reader: tag → control code (6 = verify a PIN on the reader's own pad). Empty
        where it lists none. Raises ReaderLost."""
        s, context = self._scard, self._context()
        try:
            ok, handle, _ = s.SCardConnect(context, self._find(context), s.SCARD_SHARE_DIRECT, 0)
            if ok != s.SCARD_S_SUCCESS:
                raise error(ok)
            ok, answer = s.SCardControl(handle, s.SCARD_CTL_CODE(3400), [])
            s.SCardDisconnect(handle, s.SCARD_LEAVE_CARD)
            return parse_features(bytes(b & 0xFF for b in answer)) if ok == s.SCARD_S_SUCCESS else {}
        finally:
            s.SCardReleaseContext(context)

    # -- the monitor -----------------------------------------------------------------------------------------------

    def _watch(self) -> None:
        failures = 0
        while True:
            began = time.monotonic()
            try:
                self._watch_one_service()
            except Exception:  # whatever the library does, somebody must go on watching
                self._seen(False, "")
            failures = 0 if time.monotonic() - began > 5.0 else min(failures + 1, len(self._back_off_s) - 1)
            time.sleep(self._back_off_s[failures])

    def _watch_one_service(self) -> None:
        """Until pcscd goes away. Raises ReaderLost."""
        context = self._context()
        try:
            while True:
                self._watch_one_reader(context)
        finally:
            self._scard.SCardReleaseContext(context)

    def _watch_one_reader(self, context: Any) -> None:
        """Until the reader goes away; with none there, wait for one."""
        s = self._scard
        try:
            name = self._find(context)
        except ReaderLost:
            self._seen(False, "")
            self._wait(context, [("\\\\?PnP?\\Notification", s.SCARD_STATE_UNAWARE)])
            return
        state = s.SCARD_STATE_UNAWARE
        while True:
            new = self._wait(context, [(name, state)])
            if new is None:
                continue
            if new & (s.SCARD_STATE_UNKNOWN | s.SCARD_STATE_UNAVAILABLE | s.SCARD_STATE_IGNORE):
                self._seen(False, "")
                return
            swapped = state != s.SCARD_STATE_UNAWARE and ((new >> 16) - (state >> 16)) & 0xFFFF >= 2
            self._seen(bool(new & s.SCARD_STATE_PRESENT), name, swapped)
            state = new & ~s.SCARD_STATE_CHANGED

    def _wait(self, context: Any, states: list[tuple[str, int]]) -> int | None:
        s = self._scard
        ok, found = s.SCardGetStatusChange(context, _POLL_MS, states)
        if ok == s.SCARD_E_TIMEOUT:
            return None
        if ok != s.SCARD_S_SUCCESS:
            raise ReaderLost
        return int(found[0][1])

    def _seen(self, present: bool, name: str, swapped: bool = False) -> None:
        """Turn what was seen into events: a swap between two looks is a removal and an insertion."""
        with self._lock:
            before, had, first = self._present, self._name, not self._looked
            self._present, self._name, self._looked = present, name, True
        if not name and (had or first):
            self._post(DeviceGone("reader"))
        if name and not had:
            self._post(DeviceBack("reader"))
        if before and (not present or swapped):
            self._post(CardRemoved())
        if present and (not before or swapped):
            self._post(CardInserted())


class PcscCard:
    """One exclusive session. Any lost answer ends it for good: an old handle would talk to the next card, and its
    disconnect would reset it. So only a whole session powers its card down; a lost one leaves the card alone."""

    def __init__(self, scard: Any, context: Any, handle: Any, protocol: int,
                 alive: Callable[[], None] = lambda: None) -> None:  # fmt: skip
        self._scard, self._context, self._handle, self._alive = scard, context, handle, alive
        self._left_s = _CARD_S
        self._pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
        self._lost = False
        self._pad: int | None = None
        self._closed = threading.Event()
        self._jobs: queue.SimpleQueue[Callable[[], None] | None] = queue.SimpleQueue()
        threading.Thread(target=self._work, name="pcsc-apdu", daemon=True).start()

    def _work(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        """A card that answers each command just in time, or wants more time for ever, is lost once its session has
        waited long enough. Meanwhile the watchdog is fed: nobody is killed in the middle of a sale."""
        self._alive()
        began = time.monotonic()
        try:
            return self._ask(lambda: self._exchange(apdu), min(timeout_s, self._left_s), self._alive)
        finally:
            self._left_s = max(0.0, self._left_s - (time.monotonic() - began))

    def _ask(self, job: Callable[[], Response | DeviceError], timeout_s: float,
             alive: Callable[[], None] = lambda: None) -> Response:  # fmt: skip
        """One job in the worker, which may hang: we do not."""
        if self._lost:
            raise CardLost
        answers: queue.SimpleQueue[Response | DeviceError] = queue.SimpleQueue()
        self._jobs.put(lambda: answers.put(job()))
        until = time.monotonic() + timeout_s
        while True:
            left = until - time.monotonic()
            try:
                answer = answers.get(timeout=max(0.0, min(left, _ALIVE_S)))
                break
            except queue.Empty:
                alive()
                if left <= _ALIVE_S:
                    self._lost = True
                    raise CardLost from None
        if isinstance(answer, DeviceError):
            self._lost = True
            raise answer
        return answer

    def _exchange(self, apdu: bytes | bytearray) -> Response | DeviceError:
        try:
            return apdu_transport.exchange(self._send, apdu)
        except DeviceError as broken:
            return broken
        except Exception as strange:
            return CardLost(type(strange).__name__)

    def _send(self, apdu: bytes | bytearray) -> bytes:
        ok, data = self._scard.SCardTransmit(self._handle, self._pci, list(apdu))
        if ok != self._scard.SCARD_S_SUCCESS:
            raise error(ok)
        if len(data) < 2:
            raise CardLost
        return bytes(b & 0xFF for b in data)

    def atr(self) -> bytes:
        found = self._scard.SCardStatus(self._handle)
        return bytes(b & 0xFF for b in found[-1]) if found[0] == self._scard.SCARD_S_SUCCESS else b""

    def pad(self) -> bool:
        return self._pad_code() != 0

    def _pad_code(self) -> int:
        """The control code of FEATURE_VERIFY_PIN_DIRECT, asked for once a session; 0 where the reader has none."""
        if self._pad is None:
            ok, answer = self._scard.SCardControl(self._handle, self._scard.SCARD_CTL_CODE(3400), [])
            good = ok == self._scard.SCARD_S_SUCCESS
            self._pad = parse_features(bytes(b & 0xFF for b in answer)).get(_VERIFY_DIRECT, 0) if good else 0
        return self._pad

    def verify_on_pad(self, timeout_s: float, alive: Callable[[], None]) -> Response:
        structure = pin_verify_structure(min(int(timeout_s), 255))
        return self._ask(lambda: self._on_pad(structure), timeout_s + _PAD_GRACE_S, alive)

    def _on_pad(self, structure: bytes) -> Response | DeviceError:
        ok, answer = self._scard.SCardControl(self._handle, self._pad_code(), list(structure))
        if ok != self._scard.SCARD_S_SUCCESS:
            return error(ok)
        raw = bytes(b & 0xFF for b in answer)
        return Response(raw[:-2], int.from_bytes(raw[-2:], "big")) if len(raw) >= 2 else CardLost()

    def close(self) -> None:
        """Disconnect before anything else is done with the slot, in the worker, so that a hung APDU cannot hang us."""
        if self._handle is None:
            return
        how = self._scard.SCARD_LEAVE_CARD if self._lost else self._scard.SCARD_UNPOWER_CARD
        self._lost = True
        handle, self._handle = self._handle, None

        def end() -> None:
            self._scard.SCardDisconnect(handle, how)
            self._scard.SCardReleaseContext(self._context)
            self._closed.set()

        self._jobs.put(end)
        self._jobs.put(None)
        self._closed.wait(1.0)

    def wait_closed(self, timeout_s: float) -> bool:
        """After close: has the session ended? One that was never closed is not waited for."""
        return self._handle is not None or self._closed.wait(timeout_s)
