"""What the terminal is and accepts, as EMV data: plain frozen values, loaded by firmware/emv/catalogue.py."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

TYPE_ONLINE_ONLY, TYPE_OFFLINE_TOO = b"\x21", b"\x22"  # attended, of a merchant (Book 4, Annex A1)
_CASH = 0x80


@dataclass(frozen=True)
class CaKey:
    """A certification authority's public key (Book 2, §11.2.2). `test` keys belong to no real scheme's cards."""

    rid: bytes
    index: int
    modulus: bytes
    exponent: bytes
    test: bool = False

    @property
    def checksum(self) -> bytes:
        """SHA-1 over RID, index, modulus and exponent (Book 2, §10.2)."""
        return hashlib.sha1(self.rid + bytes([self.index]) + self.modulus + self.exponent).digest()


@dataclass(frozen=True)
class AidSettings:
    """One application the terminal accepts. Action codes are 5 bytes as TVR; `version` is 9F09; limits in fen;
    percentages 0–99 (Book 3, §10.6.2); `ddol` and `tdol` stand in for a card that brings none."""

    aid: bytes
    version: bytes = b"\x00\x96"
    tac_denial: bytes = bytes(5)
    tac_online: bytes = bytes(5)
    tac_default: bytes = bytes(5)
    partial: bool = True
    floor_limit: int = 0
    random_threshold: int = 0
    random_percent: int = 0
    random_percent_max: int = 0
    ddol: bytes = b"\x9f\x37\x04"
    tdol: bytes = b"\x9f\x02\x06\x5f\x2a\x02\x9a\x03\x9c\x01"


class Method(Enum):
    """The ways to verify a cardholder (Book 3, Annex C3)."""

    PLAIN_PIN = 0x01
    ONLINE_PIN = 0x02
    PLAIN_PIN_SIGNATURE = 0x03
    ENCIPHERED_PIN = 0x04
    ENCIPHERED_PIN_SIGNATURE = 0x05
    SIGNATURE = 0x1E
    NO_CVM = 0x1F


OFFLINE_PINS = frozenset({Method.PLAIN_PIN, Method.PLAIN_PIN_SIGNATURE, Method.ENCIPHERED_PIN,
                          Method.ENCIPHERED_PIN_SIGNATURE})  # fmt: skip
PINS = OFFLINE_PINS | {Method.ONLINE_PIN}
ENCIPHERED = frozenset({Method.ENCIPHERED_PIN, Method.ENCIPHERED_PIN_SIGNATURE})
SIGNED = frozenset({Method.SIGNATURE, Method.PLAIN_PIN_SIGNATURE, Method.ENCIPHERED_PIN_SIGNATURE})

# 9F33 byte 2 (Book 4, Annex A2): which bit says that the terminal has the method.
_METHOD_BIT = {Method.PLAIN_PIN: 0x80, Method.ONLINE_PIN: 0x40, Method.SIGNATURE: 0x20, Method.ENCIPHERED_PIN: 0x10,
               Method.NO_CVM: 0x08, Method.PLAIN_PIN_SIGNATURE: 0xA0,
               Method.ENCIPHERED_PIN_SIGNATURE: 0x30}  # fmt: skip


def nobody(_: str) -> bool:
    """An exception list without names on it."""
    return False


@dataclass(frozen=True)
class EmvSettings:
    """Terminal data of EMV 4.4 Book 4, Annex A."""

    aids: tuple[AidSettings, ...]
    keys: Mapping[tuple[bytes, int], CaKey] = field(default_factory=dict)  # by RID and index
    revoked: frozenset[tuple[bytes, int, bytes]] = frozenset()  # RID, CA index, certificate serial
    on_exception_file: Callable[[str], bool] = nobody  # is this card number on it?
    country: bytes = b"\x01\x56"
    currency: bytes = b"\x01\x56"
    terminal_type: bytes = TYPE_ONLINE_ONLY
    capabilities: bytes = b"\x20\xf8\xc8"  # contact chip; each method; SDA, DDA, CDA
    additional: bytes = b"\x60\x00\xf0\xa0\x01"  # goods, services; keys; prints and shows; code table 1
    ifd_serial: bytes = b"TAKEBACK"
    merchant_id: bytes = b""
    terminal_id: bytes = b""
    merchant_name: bytes = b""
    apdu_s: float = 5.0

    def has(self, method: Method) -> bool:
        bits = _METHOD_BIT[method]
        return self.capabilities[1] & bits == bits

    @property
    def any_offline_pin(self) -> bool:
        return bool(self.capabilities[1] & 0x90)

    @property
    def is_atm(self) -> bool:
        """Types 14, 15, 16 that give out cash (Book 3, §10.4.2)."""
        return self.terminal_type in (b"\x14", b"\x15", b"\x16") and bool(self.additional[0] & _CASH)

    @property
    def attended(self) -> bool:
        return self.terminal_type[0] & 0x0F in (1, 2, 3)

    @property
    def online_only(self) -> bool:
        return self.terminal_type[0] & 0x0F in (1, 4)

    @property
    def offline_only(self) -> bool:
        return self.terminal_type[0] & 0x0F in (3, 6)

    @property
    def oda(self) -> int:
        """9F33 byte 3: 0x80 SDA, 0x40 DDA, 0x08 CDA."""
        return self.capabilities[2]


def without_offline_pin(settings: EmvSettings) -> EmvSettings:
    """The same terminal where the card is no longer in the reader."""
    plain = settings.capabilities
    return replace(settings, capabilities=bytes([plain[0], plain[1] & 0x6F, plain[2]]))
