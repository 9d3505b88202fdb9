"""ESC/POS as bytes: rows out, status in. Pure; the port is in escpos_printer.

Chinese as cheap and dear printers want it: FS & once, GB 2312/GBK pairs, FS ! beside GS ! for double height.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from firmware.hal.paper_grid import lay
from firmware.hal.printer import Job

RESET = b"\x1b@\x1c&"
ASB_ON = b"\x1da\x0f"
DROP_BUFFER = b"\x10\x05\x02"  # DLE ENQ 2: recover from an error and clear the buffers
CUT = b"\x1dVB\x00"
FEED = b"\x1bd\x03"
WEAK_FENCE = b"\x1dr\x01"
_TALL, _FLAT = b"\x1d!\x01\x1c!\x08", b"\x1d!\x00\x1c!\x00"


def query(n: int) -> bytes:
    """DLE EOT n, real time, n = 1 … 4."""
    return bytes([0x10, 0x04, n])


def fence(number: int) -> bytes:
    """GS ( H, function 48: the printer answers with these four characters when the printing is completed."""
    return b"\x1d(H\x06\x00\x30\x30" + f"{number % 10000:04d}".encode()


def encode(job: Job) -> bytes:
    """A whole job without its fence."""
    out = bytearray(RESET)
    for line in job.lines:
        for row in lay(line):
            text = characters(row.text)
            out += _TALL + text + b"\n" + _FLAT if row.double else text + b"\n"
    return bytes(out + FEED + (CUT if job.cut else b"")) if job.cut else bytes(out)


def characters(text: str) -> bytes:
    """ASCII and two-byte GBK; '¥' is written as its full-width twin, anything else unknown as '?'. No control byte
    can come out of here, so no text can speak to the printer."""
    out = bytearray()
    for char in text.replace("¥", "￥"):
        try:
            raw = char.encode("gbk")
        except UnicodeEncodeError:
            raw = b"?"
        out += raw if raw[0] >= 0x20 and raw != b"\x7f" else b"?"
    return bytes(out)


@dataclass(frozen=True)
class Reply:
    """One classified piece from the printer: kind 'status', 'asb', 'fence', 'weak', 'xon', 'xoff', 'junk'."""

    kind: str
    data: bytes


class Incoming:
    """Bytes → replies, first match wins (hardware facts, 4.3 no. 2)."""

    def __init__(self) -> None:
        self._block = b""
        self._asb = b""

    def feed(self, data: bytes) -> Iterator[Reply]:
        for byte in data:
            reply = self._one(byte)
            if reply:
                yield reply

    def _one(self, byte: int) -> Reply | None:
        one = bytes([byte])
        if self._block:
            return self._in_block(one)
        if byte in (0x11, 0x13):
            return Reply("xon" if byte == 0x11 else "xoff", one)
        if self._asb:
            self._asb += one
            return self._asb_done() if len(self._asb) == 4 else None
        if byte == 0x37:
            self._block = one
            return None
        if byte & 0x93 == 0x12:
            return Reply("status", one)
        if byte & 0x93 == 0x10:
            self._asb = one
            return None
        return Reply("weak" if byte & 0x90 == 0 else "junk", one)

    def _in_block(self, one: bytes) -> Reply | None:
        self._block += one
        if one != b"\0" and len(self._block) < 16:
            return None
        block, self._block = self._block, b""
        return Reply("fence", block[2:-1]) if block[1:2] == b"\x22" else Reply("junk", block)

    def _asb_done(self) -> Reply:
        asb, self._asb = self._asb, b""
        return Reply("asb", asb)


def asb_trouble(asb: bytes) -> bool:
    """Does an automatic status say that something is wrong? (off line, cover, error bits, paper end)"""
    return bool(asb[0] & 0x28 or asb[1] & 0x6C or asb[2] & 0x0C)
