"""PIN blocks, built in a buffer that is wiped. No str, f-string, log or exception ever sees a digit."""

from __future__ import annotations

import ctypes
import sys

from firmware.security import des
from firmware.security.secrets import Key, Pan, PinBlock

PIN_MIN, PIN_MAX = 4, 12


class PinBuffer:
    """Twelve digits' room. `with` wipes it on every way out, also on time-out and power cut."""

    def __init__(self) -> None:
        self.digits = bytearray(PIN_MAX)
        self.count = 0

    def __enter__(self) -> PinBuffer:
        return self

    def __exit__(self, *_: object) -> None:
        wipe(self.digits)
        self.count = 0

    def on_count(self, count: int) -> None:
        self.count = count


def wipe(buffer: bytearray) -> None:
    """Overwrite with zeros where it lies."""
    buffer[:] = bytes(len(buffer))


def wipe_int(number: int) -> None:
    """Overwrite a large integer that nobody uses any more, where it lies. CPython only: digits follow the header."""
    assert sys.implementation.name == "cpython" and number.bit_length() > 256, "small integers are shared"
    ctypes.memset(id(number) + int.__basicsize__, 0, sys.getsizeof(number) - int.__basicsize__)


def verify_block(pin: PinBuffer) -> bytearray:
    """The plain block of VERIFY: 2, length, digits, F-filled (Book 3, §6.5.12). The buffer is wiped; the caller
    wipes the block. Raises ValueError."""
    if not PIN_MIN <= pin.count <= PIN_MAX:
        raise ValueError("a PIN has 4 to 12 digits")
    block = bytearray(b"\xff" * 8)
    block[0] = 0x20 | pin.count
    for place in range(pin.count):
        _set_nibble(block, place + 2, pin.digits[place])
    wipe(pin.digits)
    return block


def encrypted_block(pin: PinBuffer, pan: Pan, pik: Key) -> PinBlock:
    """ISO 9564-1 format 0 (ANSI X9.8) under the PIN key, DE 52. The buffer is wiped. Raises ValueError."""
    block = clear_format_0(pin.digits, pin.count, pan)
    try:
        des.encrypt_in_place(pik, block)
        return PinBlock(bytes(block))
    finally:
        wipe(block)
        wipe(pin.digits)


def clear_format_0(digits: bytearray, count: int, pan: Pan) -> bytearray:
    """0, length, digits, F-filled; XOR the twelve right-most PAN digits without the check digit."""
    if not PIN_MIN <= count <= PIN_MAX:
        raise ValueError("a PIN has 4 to 12 digits")
    block = bytearray(b"\xff" * 8)
    block[0] = count
    for place in range(count):
        _set_nibble(block, place + 2, digits[place])
    for place, digit in enumerate(pan.reveal()[-13:-1].rjust(12, "0")):
        _set_nibble(block, place + 4, _nibble(block, place + 4) ^ int(digit))
    return block


def _nibble(block: bytearray, place: int) -> int:
    return block[place // 2] >> 4 if place % 2 == 0 else block[place // 2] & 0x0F


def _set_nibble(block: bytearray, place: int, value: int) -> None:
    keep, shift = (0x0F, 4) if place % 2 == 0 else (0xF0, 0)
    block[place // 2] = (block[place // 2] & keep) | (value << shift)
