"""Card data and keys as types whose `str` and `repr` are masked. `reveal()` is the one greppable way out."""

from __future__ import annotations

import ctypes
from dataclasses import dataclass
from enum import Enum

from firmware.errors import WrongKeyUse


@dataclass(frozen=True, repr=False)
class Pan:
    """A card number, 8–19 digits (DE 2). Raises ValueError otherwise, without repeating the digits."""

    _digits: str

    def __post_init__(self) -> None:
        if not (self._digits.isascii() and self._digits.isdigit() and 8 <= len(self._digits) <= 19):
            raise ValueError("not a card number")

    def __repr__(self) -> str:
        return self.masked

    __str__ = __repr__

    @property
    def masked(self) -> str:
        """First six and last four (PCI DSS 3.4.1); below 13 digits that would be nearly all, so the last four."""
        first = self._digits[:6] if len(self._digits) > 12 else ""
        return first.ljust(len(self._digits) - 4, "*") + self._digits[-4:]

    def reveal(self) -> str:
        return self._digits


class _Hidden:
    """Shared shape of the byte secrets."""

    __slots__ = ("_value",)

    def __init__(self, value: bytes) -> None:
        self._value = bytes(value)

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    __str__ = __repr__

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Hidden) and type(self) is type(other) and self._value == other._value

    def __hash__(self) -> int:
        return hash(self._value)

    def reveal(self) -> bytes:
        return self._value


class Track2(_Hidden):
    """Track 2 equivalent data, tag 57, as the card gave it (packed, D as separator)."""

    def text(self) -> str:
        """DE 35: digits and D, pad nibble removed."""
        return self._value.hex().upper().rstrip("F")


class PinBlock(_Hidden):
    """An *encrypted* PIN block: 8 bytes (DE 52), 16 under an AES key. `ksn` names the key of a DUKPT terminal."""

    __slots__ = ("ksn",)

    def __init__(self, value: bytes, ksn: bytes = b"") -> None:
        super().__init__(value)
        self.ksn = ksn


class Use(Enum):
    """What a key is for. One key, one use (SEC4): any other use is refused."""

    WRAP = "wraps working keys"
    PIN = "encrypts PINs"
    MAC = "makes MACs"
    CARD = "seals card numbers"
    TOKEN = "matches cards"
    BLOCKS = "opens key blocks"
    DERIVE = "derives keys for one transaction each"
    STATE = "seals what other keys leave behind"


class Key(_Hidden):
    """A DES key of 8 or 16 bytes, or an AES or HMAC key of 16 or 32, with its one use."""

    __slots__ = ("use",)

    def __init__(self, value: bytes, use: Use) -> None:
        super().__init__(bytes(bytearray(value)))  # an object of its own, which wipe may overwrite
        self.use = use

    def wipe(self) -> None:
        """Overwrite the key where it lies, once nobody needs it any more (CPython)."""
        ctypes.memset(id(self._value) + bytes.__basicsize__ - 1, 0, len(self._value))

    def bytes_for(self, use: Use) -> bytes:
        """Raises WrongKeyUse for any use but its own."""
        if use is not self.use:
            raise WrongKeyUse(f"a key that {self.use.value} was asked for one that {use.value}")
        return self._value
