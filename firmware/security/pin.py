"""PIN blocks, built in a buffer that is wiped. No str, f-string, log or exception ever sees a digit."""

from __future__ import annotations

import ctypes
import sys

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from firmware.security import des
from firmware.security.secrets import Key, Pan, PinBlock, Use

PIN_MIN, PIN_MAX = 4, 12
KSN_AES = 12


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


def encrypted_block(pin: PinBuffer, pan: Pan, key: Key, ksn: bytes = b"", fill: bytes = b"") -> PinBlock:
    """ISO 9564-1 format 0 (ANSI X9.8) under a DES PIN key, DE 52; format 4 where a DUKPT key is an AES key, which
    the KSN's length tells; that one needs eight random bytes as `fill`. The buffer is wiped. Raises ValueError."""
    if len(ksn) == KSN_AES:
        return _format_4(pin, pan, key, ksn, fill)
    block = clear_format_0(pin.digits, pin.count, pan)
    try:
        des.encrypt_in_place(key, block, Use.PIN)
        return PinBlock(bytes(block), ksn)
    finally:
        wipe(block)
        wipe(pin.digits)


def _format_4(pin: PinBuffer, pan: Pan, key: Key, ksn: bytes, fill: bytes) -> PinBlock:
    """ISO 9564-1 format 4: the PIN field encrypted, XOR the card field, encrypted again, in one buffer."""
    block = clear_format_4(pin.digits, pin.count, fill)
    out = bytearray(31)
    try:
        run = Cipher(algorithms.AES(key.bytes_for(Use.PIN)), modes.ECB()).encryptor()
        run.update_into(block, out)
        for place, byte in enumerate(card_field(pan)):
            block[place] = out[place] ^ byte
        run.update_into(block, out)
        return PinBlock(bytes(out[:16]), ksn)
    finally:
        wipe(block)
        wipe(pin.digits)


def clear_format_4(digits: bytearray, count: int, fill: bytes) -> bytearray:
    """4, length, digits, A-filled to eight bytes; then eight random ones. Raises ValueError."""
    if not PIN_MIN <= count <= PIN_MAX:
        raise ValueError("a PIN has 4 to 12 digits")
    if len(fill) != 8:
        raise ValueError("format 4 needs eight random bytes")
    block = bytearray(b"\xaa" * 8 + fill)
    block[0] = 0x40 | count
    for place in range(count):
        _set_nibble(block, place + 2, digits[place])
    return block


def card_field(pan: Pan) -> bytes:
    """Length over twelve, digits, zeros (ISO 9564-1, 9.4.2.3)."""
    digits = pan.reveal()
    return bytes.fromhex((str(max(0, len(digits) - 12)) + digits.rjust(12, "0")).ljust(32, "0"))


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
