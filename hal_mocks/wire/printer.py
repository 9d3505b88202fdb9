"""Printers as their bytes show them: ESC/POS in, rows onto the same Roll as in process, status bytes out.

`Hardware` is pure: bytes and moments in, bytes out. `Wire` puts it on a line in virtual time, `PtyPrinter` on a
pseudo-terminal in real time. While in trouble it obeys only real-time commands and keeps the rest; cured, it goes on
printing what it kept, as real ones do, unless it was told to drop it and can.
"""

from __future__ import annotations

import contextlib
import os
import re
import select
import threading
import time
import tty
from dataclasses import dataclass

from drivers.serial_port import PortGone, PortStalled
from firmware.errors import PrinterTrouble
from hal_mocks.paper import Roll, Row


@dataclass(frozen=True)
class Model:
    """What is in the box. `eot`: which DLE EOT n it answers. `vague`: it knows 'off line' and 'paper end', no more."""

    name: str
    eot: tuple[int, ...] = (1, 2, 3, 4)
    fence: str = "strong"
    asb: bool = True
    drops: bool = True
    vague: bool = False
    xon_xoff: bool = False
    buffer: int = 4096
    baud: int = 115200
    line_s: float = 0.05


FULL = Model("full")
MIDDLE = Model("middle", fence="weak", asb=False)
CHEAP = Model("cheap", eot=(1, 4), fence="", asb=False, drops=False, vague=True, xon_xoff=True, buffer=256, baud=9600)
MODELS = {model.name: model for model in (FULL, MIDDLE, CHEAP)}

# trouble → DLE EOT 2, 3, 4
_FINE = (0x12, 0x12, 0x12)
_EOT = {
    PrinterTrouble.PAPER_OUT: (0x32, 0x12, 0x72),
    PrinterTrouble.COVER_OPEN: (0x16, 0x12, 0x12),
    PrinterTrouble.CUTTER: (0x52, 0x1A, 0x12),
    PrinterTrouble.HARDWARE: (0x52, 0x32, 0x12),
    PrinterTrouble.OVERHEAT: (0x52, 0x52, 0x12),
    PrinterTrouble.OFFLINE: (0x12, 0x12, 0x12),
}
_ASB = {
    PrinterTrouble.PAPER_OUT: b"\x18\x00\x0c\x00",
    PrinterTrouble.COVER_OPEN: b"\x38\x00\x00\x00",
    PrinterTrouble.CUTTER: b"\x18\x08\x00\x00",
    PrinterTrouble.HARDWARE: b"\x18\x20\x00\x00",
    PrinterTrouble.OVERHEAT: b"\x18\x40\x00\x00",
    PrinterTrouble.OFFLINE: b"\x18\x00\x00\x00",
}
BOOT_S = 1.5
_TEXT = re.compile(rb"(?:[\x20-\x7e]|[\x81-\xfe][\x40-\xfe]|[\x81-\xfe][\x30-\x39][\x81-\xfe][\x30-\x39])+")
_XON, _XOFF = b"\x11", b"\x13"
# command → how many parameter bytes follow, where that is fixed
_SIZES = {b"\x1b@": 0, b"\x1c&": 0, b"\x1c.": 0, b"\x1ba": 1, b"\x1da": 1, b"\x1d!": 1, b"\x1c!": 1, b"\x1bd": 1,
          b"\x1dr": 1, b"\x1dV": 2, b"\x1bp": 3}  # fmt: skip


class Hardware:
    """One printer. `paced` False: no time passes for bytes and lines, for tests that are not about time."""

    def __init__(self, roll: Roll, model: Model = FULL, paced: bool = False) -> None:
        self.roll, self.model, self.paced = roll, model, paced
        self.silent = self.holds = False
        self.jam_at_byte = 0  # of the text bytes printed from now on
        self.lost_bytes = self.garbage = 0
        self.out = b""
        self._free_at = 0.0
        self._switch_on()

    # -- the hand ------------------------------------------------------------------------------------------------------

    def cured(self) -> None:
        """A person cleared it: what was kept goes on."""
        self.roll.cure()
        self.holds = False
        self._let_go()

    def hold(self) -> None:
        """XOFF, and no XON after it."""
        self.holds = True
        self._say(_XOFF)

    def power_cycle(self, now: float = 0.0) -> None:
        """Off and on: what it kept and what it was told is forgotten, and it is dark for as long as a boot takes."""
        self._switch_on()
        self._dark_until = now + BOOT_S

    def _switch_on(self) -> None:
        self._kept, self._text, self._real_time = bytearray(), bytearray(), b""
        self._tall = self._asb = self._off = False
        self._code, self._dark_until = b"", 0.0
        self._across = self._dots_left = 0
        self._dots = b""

    # -- bytes in --------------------------------------------------------------------------------------------------

    def hear(self, byte: int, now: float) -> None:
        """One byte off the line. Real-time commands are obeyed wherever they stand, three bytes at a time: 04 is
        itself a valid n."""
        if now < self._dark_until:
            return
        self._real_time += bytes([byte])
        command = self._real_time
        if not (b"\x10\x04".startswith(command[:2]) or b"\x10\x05".startswith(command[:2])):
            self._real_time = b""
            for each in command:
                self._keep(each, now)
        elif len(command) == 3:
            self._real_time = b""
            self._at_once(command[1], command[2])

    def hear_all(self, data: bytes, now: float) -> None:
        """The same for many bytes that arrive at once."""
        plain = not (self.paced or self._real_time or b"\x10" in data or now < self._dark_until)
        if plain and len(self._kept) + len(data) < self.model.buffer * 3 // 4:
            self._kept += data
            return
        for byte in data:
            self.hear(byte, now)

    def _at_once(self, name: int, n: int) -> None:
        if name == 0x04 and n in self.model.eot:
            self._say(self._status(n))
        elif name == 0x05 and n == 2 and self.model.drops:
            self._kept, self._text = bytearray(), bytearray()
            self._let_go()

    def _keep(self, byte: int, now: float) -> None:
        if len(self._kept) >= self.model.buffer:
            self.lost_bytes += 1
            if self.lost_bytes % 16 == 1:
                self._say(_XOFF)
            return
        self._kept.append(byte)
        if self.holds and len(self._kept) % 16 == 1:
            self._say(_XOFF)
        self.advance(now)
        if len(self._kept) > self.model.buffer * 3 // 4 and not self._off:
            self._off = True
            self._say(_XOFF)

    def _let_go(self) -> None:
        if self._off and not self.holds and len(self._kept) <= self.model.buffer // 4:
            self._off = False
            self._say(_XON)

    def _say(self, data: bytes) -> None:
        if not self.silent:
            self.out += data

    def _status(self, n: int) -> bytes:
        trouble = self.roll.trouble
        if trouble is PrinterTrouble.NO_REPLY:
            return b""
        if n == 1:
            return bytes([0x1A if trouble in _EOT else 0x12])
        second, third, fourth = _EOT.get(trouble, _FINE) if trouble else _FINE
        low = 0x0C if self.roll.near_end and not self.model.vague else 0
        return bytes([(second, third, fourth | low)[n - 2]])

    # -- the mechanism -----------------------------------------------------------------------------------------------

    def advance(self, now: float) -> None:
        """Print what can be printed by `now`."""
        while self._kept and not self.roll.trouble and not self.holds and (not self.paced or self._free_at <= now):
            if self._dots_left:
                self._burn()
                continue
            run = None if self.jam_at_byte else _TEXT.match(self._kept)
            if run:
                self._text += run.group()
                del self._kept[: run.end()]
                self._let_go()
                continue
            size = self._command_size()
            if size is None or len(self._kept) < size:
                break
            piece = bytes(self._kept[:size])
            del self._kept[:size]
            self._obey(piece, now)
            self._let_go()

    def next_s(self, now: float) -> float | None:
        """When it will go on by itself, if at all."""
        idle = not self._kept or self.roll.trouble or self.holds or not self.paced
        return None if idle or self._free_at <= now else self._free_at

    def _command_size(self) -> int | None:
        """Bytes of the next piece, None if that cannot be told yet."""
        kept = self._kept
        if kept[0] in (0x1B, 0x1C, 0x1D):
            return self._escape_size(bytes(kept[:8]))
        if kept[0] < 0x81:
            return 1
        if len(kept) < 2:
            return None
        return 4 if 0x30 <= kept[1] <= 0x39 else 2

    def _escape_size(self, head: bytes) -> int | None:
        if head[:2] == b"\x1d(":
            return 5 + int.from_bytes(head[3:5], "little") if len(head) >= 5 else None
        if head[:2] == b"\x1dv":
            return 8 if len(head) == 8 else None
        return 2 + _SIZES.get(head[:2], 0) if len(head) >= 2 else None

    def _obey(self, piece: bytes, now: float) -> None:
        name = piece[:2]
        if piece == b"\n":
            self._line(now)
        elif piece[0] not in (0x1B, 0x1C, 0x1D):
            self._print(piece)
        elif name == b"\x1b@":
            self._text, self._tall = bytearray(), False
        elif name == b"\x1da":
            self._asb = bool(piece[2]) and self.model.asb
        elif name == b"\x1d!":
            self._tall = bool(piece[2] & 0x0F)
        elif name == b"\x1dV" and self.roll.rows:
            self.roll.rows[-1].cut = True
        elif name == b"\x1bp":
            self.roll.kicks += 1
        elif name == b"\x1dr" and self.model.fence:
            self._say(b"\x00")
        elif name == b"\x1d(":
            self._function(piece)
        elif name == b"\x1dv":
            self._picture(piece)
        elif name not in _SIZES:
            self.garbage += 1

    def _function(self, piece: bytes) -> None:
        if piece[2] == ord("H") and self.model.fence == "strong":
            self._say(b"\x37\x22" + piece[7:11] + b"\0")
        elif piece[2] == ord("k") and piece[6] == 80:
            self._code = piece[8:]
        elif piece[2] == ord("k") and piece[6] == 81:
            self._feed(Row("", qr=self._code.decode()))

    def _picture(self, piece: bytes) -> None:
        """GS v 0: its dots are burnt as they come, a small buffer never holds them all."""
        self._across, self._dots = int.from_bytes(piece[4:6], "little"), b""
        self._dots_left = self._across * int.from_bytes(piece[6:8], "little")

    def _burn(self) -> None:
        taken = bytes(self._kept[: self._dots_left])
        del self._kept[: len(taken)]
        self._dots_left, self._dots = self._dots_left - len(taken), self._dots + taken
        if not self._dots_left:
            self._feed(Row("", raster=(self._across, self._dots)))
        self._let_go()

    def _print(self, piece: bytes) -> None:
        self._text += piece
        if self.jam_at_byte and self.jam_at_byte <= len(piece):
            self.jam_at_byte = 0
            self.roll.trouble_at[self.roll.fed + 1] = PrinterTrouble.JAM_SUSPECTED
            self._line(0.0)
        elif self.jam_at_byte:
            self.jam_at_byte -= len(piece)

    def _line(self, now: float) -> None:
        text, self._text = bytes(self._text).decode("gb18030", "replace"), bytearray()
        self._free_at = now + self.model.line_s
        self._feed(Row(text, self._tall))

    def _feed(self, row: Row) -> None:
        if self.roll.feed(row):
            return
        if self._asb:
            self._say(_ASB.get(self.roll.trouble, b"") if self.roll.trouble else b"")
        if self.model.xon_xoff and self.roll.trouble in _EOT:
            self._off = True
            self._say(_XOFF)


class Wire:
    """Printer and line in virtual time, opener and port in one. `unplug_at`, `cycle_at`: after so many more bytes.

    `buffered`: as a real port, it takes all bytes at once and the line carries them later; no XOFF calls them back."""

    def __init__(self, hardware: Hardware, buffered: bool = False) -> None:
        self.hardware, self.buffered = hardware, buffered
        self.now_s = 0.0
        self.plugged, self.opened, self.stalled = True, 0, False
        self.unplug_at = self.cycle_at = 0
        self._pending = bytearray()
        self._line_free_s = 0.0

    def __call__(self) -> Wire:
        if not self.plugged:
            raise PortGone("not there")
        self.opened += 1
        return self

    def clock(self) -> float:
        return self.now_s

    def write(self, data: bytes) -> None:
        if self.stalled:
            self.now_s += 2.0
            raise PortStalled("no bytes taken for 2 s")
        self._check()
        if not self._pending:
            self._line_free_s = self.now_s
        self._pending += data
        while self._pending and not self.buffered:
            self.now_s = self._line_free_s + 10 / self.hardware.model.baud
            self._carry()
            self._check()

    def _carry(self) -> None:
        """The next byte reaches the printer."""
        self._line_free_s += 10 / self.hardware.model.baud
        byte = self._pending.pop(0)
        self.hardware.hear(byte, self._line_free_s)
        self.unplug_at, gone = max(0, self.unplug_at - 1), self.unplug_at == 1
        self.plugged = self.plugged and not gone
        self.cycle_at, cycle = max(0, self.cycle_at - 1), self.cycle_at == 1
        if cycle:
            self.hardware.power_cycle(self._line_free_s)

    def read(self, timeout_s: float) -> bytes:
        self._check()
        until = self.now_s + max(0.0, timeout_s)
        while True:
            self.hardware.advance(self.now_s)
            if self.hardware.out:
                data, self.hardware.out = self.hardware.out, b""
                return data
            later = self.hardware.next_s(self.now_s)
            arrives = self._line_free_s + 10 / self.hardware.model.baud if self._pending else None
            if arrives is not None and arrives <= min(until, later or until):
                self.now_s = max(self.now_s, arrives)
                self._carry()
                self._check()
            elif later is None or later > until:
                self.now_s = until + 1e-9
                return b""
            else:
                self.now_s = max(self.now_s, later)

    def close(self) -> None:
        self._pending.clear()

    def _check(self) -> None:
        if not self.plugged:
            raise PortGone("unplugged")


class PtyPrinter:
    """The same printer on a pseudo-terminal; `path` is what the driver opens."""

    def __init__(self, roll: Roll, lock: threading.RLock, model: Model = FULL, paced: bool = False) -> None:
        self.hardware = Hardware(roll, model, paced)
        self._lock = lock
        self._master, self._slave = os.openpty()
        self._stop, self._stopper = os.pipe()
        self._handles: tuple[int, ...] = (self._master, self._slave, self._stop, self._stopper)
        tty.setraw(self._slave)
        self.path = os.ttyname(self._slave)
        self._thread = threading.Thread(target=self._serve, name="pty-printer", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        """Until close(); only this thread reads the handle, so that it is never read after it was given back."""
        while True:
            later = self.hardware.next_s(time.monotonic())
            wait = None if later is None else max(0.0, later - time.monotonic())
            ready, _, _ = select.select([self._master, self._stop], [], [], wait)
            if self._stop in ready:
                return
            try:
                data = os.read(self._master, 4096) if ready else b""
            except OSError:
                return
            with self._lock:
                self.hardware.hear_all(data, time.monotonic())
                self.hardware.advance(time.monotonic())
                self._answer()

    def cure(self) -> None:
        time.sleep(0.1)  # a person is slower than a command on the line
        with self._lock:
            self.hardware.cured()
            self.hardware.advance(time.monotonic())
            self._answer()

    def _answer(self) -> None:
        data, self.hardware.out = self.hardware.out, b""
        if data:
            os.write(self._master, data)

    def close(self) -> None:
        """Unplugged: whoever has the other end gets an error. May be called twice."""
        if self._thread.is_alive():
            os.write(self._stopper, b"x")
            self._thread.join()
        handles, self._handles = self._handles, ()
        for handle in handles:
            with contextlib.suppress(OSError):
                os.close(handle)
