"""ESC/POS as bytes: rows out, status in. Pure; the port is in serial_port, the proof in escpos_printer.

Chinese as cheap and dear printers want it: FS & once, GBK pairs, FS ! beside GS ! for double height.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import segno

from drivers.printer_models import Ability
from firmware.hal.paper_grid import lay
from firmware.hal.printer import Job, Line

RESET = b"\x1b@\x1c&"
ASB_ON = b"\x1da\x0f"
DROP_BUFFER = b"\x10\x05\x02"  # DLE ENQ 2: recover from an error and clear the buffers
CUT = b"\x1dVB\x00"
FEED = b"\x1bd\x03"
TEAR = b"\x1bd\x05"
KICK = b"\x1bp\x00\x19\xfa"  # ESC p: drawer pin 2, 50 ms on, 500 ms off
WEAK_FENCE = b"\x1dr\x01\x1dr\x01"
_TALL, _FLAT = b"\x1d!\x01\x1c!\x08", b"\x1d!\x00\x1c!\x00"
_SPOIL = (Line("", rule=True), Line("以上作废 ABOVE IS VOID", centre=True), Line("", rule=True))
_QR_MODULE = 6


def query(n: int) -> bytes:
    """DLE EOT n, real time, n = 1 … 4."""
    return bytes([0x10, 0x04, n])


def fence(number: int) -> bytes:
    """GS ( H, function 48: the printer answers with these four characters when the printing is completed."""
    return b"\x1d(H\x06\x00\x30\x30" + f"{number % 10000:04d}".encode()


def encode(job: Job, ability: Ability, spoil: bool = False) -> bytes:
    """A whole job without its fence. `spoil`: what an older job left in the printer is voided on paper first."""
    out = bytearray(RESET + (ASB_ON if ability.asb else b""))
    for line in (*(_SPOIL if spoil else ()), *job.lines):
        out += _rows(line, ability)
    if job.kick:
        out += KICK
    if job.cut:
        out += FEED + CUT if ability.cutter else TEAR
    return bytes(out)


def _rows(line: Line, ability: Ability) -> bytes:
    out = bytearray()
    for row in lay(line, ability.columns):
        if row.qr:
            out += native_qr(row.qr) if ability.native_qr else raster_qr(row.qr, ability.dots)
            continue
        text = characters(row.text, ability.four_bytes)
        out += _TALL + text + b"\n" + _FLAT if row.double else text + b"\n"
    return bytes(out)


def characters(text: str, four_bytes: bool = False) -> bytes:
    """ASCII and GBK (GB18030 where the printer has it); '¥' is written as its full-width twin, anything else unknown
    as '?'. No control byte can come out of here, so no text can speak to the printer."""
    out = bytearray()
    for char in text.replace("¥", "￥"):
        try:
            raw = char.encode("gb18030" if four_bytes else "gbk")
        except UnicodeEncodeError:
            raw = b"?"
        out += raw if raw[0] >= 0x20 and raw != b"\x7f" else b"?"
    return bytes(out)


# -- codes and pictures ------------------------------------------------------------------------------------------------


def native_qr(text: str) -> bytes:
    """GS ( k, cn 49: model 2, module size, level M, store, print; centred."""
    data = text.encode()

    def function(number: int, body: bytes) -> bytes:
        return b"\x1d(k" + (len(body) + 2).to_bytes(2, "little") + bytes([49, number]) + body

    return (b"\x1ba\x01" + function(65, b"\x32\x00") + function(67, bytes([_QR_MODULE])) + function(69, b"\x31")
            + function(80, b"\x30" + data) + function(81, b"\x30") + b"\n\x1ba\x00")  # fmt: skip


def raster_qr(text: str, dots: int) -> bytes:
    """The same code as GS v 0 raster, for printers that draw none themselves. Raises segno.DataOverflowError."""
    matrix = [list(row) for row in segno.make_qr(text, error="m").matrix_iter(scale=1, border=4)]
    scale = max(1, min(_QR_MODULE, dots // len(matrix)))
    margin = (dots - len(matrix) * scale) // 2 // 8
    rows = []
    for line in matrix:
        bits = "".join(("1" if dark else "0") * scale for dark in line)
        packed = int(bits.ljust(-(-len(bits) // 8) * 8, "0"), 2).to_bytes(-(-len(bits) // 8), "big")
        rows += [bytes(margin) + packed] * scale
    return b"".join(raster(rows[at : at + 24]) for at in range(0, len(rows), 24)) + b"\n"


def raster(rows: list[bytes]) -> bytes:
    """GS v 0 for a band of rows of equal length; 24 rows at most keep both size bytes free of command runs."""
    return b"\x1dv0\x00" + len(rows[0]).to_bytes(2, "little") + len(rows).to_bytes(2, "little") + calm(b"".join(rows))


def calm(data: bytes) -> bytes:
    """Many printers obey DLE EOT, ENQ and DC4 inside picture data: one dot more breaks each such pair."""
    for second in (b"\x04", b"\x05", b"\x14"):
        data = data.replace(b"\x10" + second, b"\x18" + second)
    return data


# -- what the printer says ---------------------------------------------------------------------------------------------


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
            return self._in_asb(one)
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

    def _in_asb(self, one: bytes) -> Reply | None:
        """Bytes 2–4 look like 0xx0xxxx; anything else means that the head was noise: begin again with it."""
        if one[0] & 0x90:
            self._asb = b""
            return self._one(one[0])
        self._asb += one
        if len(self._asb) < 4:
            return None
        asb, self._asb = self._asb, b""
        return Reply("asb", asb)


def asb_trouble(asb: bytes) -> bool:
    """Does an automatic status say that something is wrong? (off line, cover, error bits, paper end)"""
    return bool(asb[0] & 0x28 or asb[1] & 0x6C or asb[2] & 0x0C)
