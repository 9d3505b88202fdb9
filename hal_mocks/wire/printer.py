"""A printer behind a pseudo-terminal: ESC/POS bytes in, rows onto the same Roll as in process, status bytes out.

While in trouble it obeys only real-time commands and keeps the rest; cured, it goes on printing what it kept, as real
ones do, unless it was told to drop it.
"""

from __future__ import annotations

import contextlib
import os
import select
import threading
import tty

from firmware.errors import PrinterTrouble
from hal_mocks.paper import Roll, Row

# trouble → (DLE EOT 2, 3, 4) and ASB bytes 1–4
_FINE = (0x12, 0x12, 0x12)
_EOT = {
    PrinterTrouble.PAPER_OUT: (0x32, 0x12, 0x72),
    PrinterTrouble.COVER_OPEN: (0x16, 0x12, 0x12),
    PrinterTrouble.CUTTER: (0x52, 0x1A, 0x12),
    PrinterTrouble.HARDWARE: (0x52, 0x32, 0x12),
    PrinterTrouble.OVERHEAT: (0x52, 0x52, 0x12),
}
_ASB = {
    PrinterTrouble.PAPER_OUT: b"\x18\x00\x0c\x00",
    PrinterTrouble.COVER_OPEN: b"\x38\x00\x00\x00",
    PrinterTrouble.CUTTER: b"\x18\x08\x00\x00",
    PrinterTrouble.HARDWARE: b"\x18\x20\x00\x00",
    PrinterTrouble.OVERHEAT: b"\x18\x40\x00\x00",
}
# command → how many parameter bytes follow
_SIZES = {b"\x1b@": 0, b"\x1c&": 0, b"\x1c.": 0, b"\x1da": 1, b"\x1d!": 1, b"\x1c!": 1, b"\x1bd": 1, b"\x1dr": 1,
          b"\x1dV": 2, b"\x1d(": 9}  # fmt: skip


class Interpreter:
    """Pure: `feed` takes bytes and gives the printer's answers."""

    def __init__(self, roll: Roll, strong: bool = True, silent: bool = False) -> None:
        self.roll, self.strong, self.silent = roll, strong, silent
        self._kept = b""
        self._text = b""
        self._tall = self._asb = False

    def feed(self, data: bytes) -> bytes:
        out = self._real_time(data)
        return b"" if self.silent else out + self._run()

    def cured(self) -> bytes:
        """A person cleared it: what was kept goes on."""
        self.roll.cure()
        return b"" if self.silent else self._run()

    def _real_time(self, data: bytes) -> bytes:
        """DLE EOT n and DLE ENQ n are obeyed at once, wherever they stand."""
        out, at, rest = b"", 0, b""
        while at < len(data):
            three = data[at : at + 3]
            if three[:2] == b"\x10\x04" and len(three) == 3:
                out += self._status(three[2])
                at += 3
            elif three[:2] == b"\x10\x05" and len(three) == 3:
                self._kept, rest, self._text = b"", b"", b""
                at += 3
            else:
                rest += data[at : at + 1]
                at += 1
        self._kept += rest
        return out

    def _status(self, n: int) -> bytes:
        trouble = self.roll.trouble
        if trouble is PrinterTrouble.NO_REPLY or self.silent:
            return b""
        if n == 1:
            return bytes([0x1A if trouble in _EOT else 0x12])
        return bytes([(_EOT.get(trouble, _FINE) if trouble else _FINE)[n - 2]])

    def _run(self) -> bytes:
        out = b""
        while self._kept and not self.roll.trouble:
            size = self._command_size()
            if size is None:
                break
            piece, self._kept = self._kept[:size], self._kept[size:]
            out += self._obey(piece)
        return out

    def _command_size(self) -> int | None:
        """Bytes of the next complete piece, None if more must come."""
        first = self._kept[:1]
        if first in (b"\x1b", b"\x1c", b"\x1d"):
            size = 2 + _SIZES.get(self._kept[:2], 0)
            return size if len(self._kept) >= size else None
        if first >= b"\x81":
            return 2 if len(self._kept) >= 2 else None
        return 1

    def _obey(self, piece: bytes) -> bytes:
        name = piece[:2]
        if name == b"\x1b@":
            self._text, self._tall = b"", False
        elif name == b"\x1da":
            self._asb = bool(piece[2])
        elif name == b"\x1d!":
            self._tall = bool(piece[2] & 0x0F)
        elif name == b"\x1dV":
            if self.roll.rows:
                self.roll.rows[-1].cut = True
        elif name == b"\x1d(":
            return b"\x37\x22" + piece[7:11] + b"\0" if self.strong else b""
        elif name == b"\x1dr":
            return b"\x00"
        elif piece == b"\n":
            return self._line()
        elif piece[:1] not in (b"\x1b", b"\x1c"):
            self._text += piece
        return b""

    def _line(self) -> bytes:
        text, self._text = self._text.decode("gbk", "replace"), b""
        if self.roll.feed(Row(text, self._tall)):
            return b""
        return _ASB.get(self.roll.trouble, b"") if self._asb and self.roll.trouble else b""


class PtyPrinter:
    """The interpreter on a pseudo-terminal; `path` is what the driver opens."""

    def __init__(self, roll: Roll, lock: threading.RLock, strong: bool = True) -> None:
        self.interpreter = Interpreter(roll, strong)
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
        pending = b""
        while True:
            ready, _, _ = select.select([self._master, self._stop], [], [])
            if self._stop in ready:
                return
            try:
                pending += os.read(self._master, 4096)
            except OSError:
                return
            if pending.endswith(b"\x10") or pending[-2:] in (b"\x10\x04", b"\x10\x05"):
                continue  # a real-time command is still arriving
            with self._lock:
                answer = self.interpreter.feed(pending)
            pending = b""
            self._say(answer)

    def cure(self) -> None:
        with self._lock:
            answer = self.interpreter.cured()
        self._say(answer)

    def _say(self, answer: bytes) -> None:
        if answer:
            os.write(self._master, answer)

    def close(self) -> None:
        """Unplugged: whoever has the other end gets an error. May be called twice."""
        if self._thread.is_alive():
            os.write(self._stopper, b"x")
            self._thread.join()
        handles, self._handles = self._handles, ()
        for handle in handles:
            with contextlib.suppress(OSError):
                os.close(handle)
