"""PIN blocks, built in a buffer that is wiped. No str, f-string, log or exception ever sees a digit."""

from __future__ import annotations

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
