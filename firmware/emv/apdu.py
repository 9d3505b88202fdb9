"""Command APDUs of EMV 4.4 Book 3, §6.5 and Book 1, §11.3. Status words become our errors where they must."""

from __future__ import annotations

from firmware.errors import CardBroken
from firmware.hal.reader import Card, Response

OK = 0x9000
BLOCKED = 0x6283
NOT_FOUND = 0x6A82
NOT_SUPPORTED = 0x6A81
NOT_SATISFIED = 0x6985
PSE = b"1PAY.SYS.DDF01"


def select(card: Card, name: bytes, timeout_s: float, following: bool = False) -> Response:
    """SELECT by DF name (Book 1, §11.3.2); `following` asks for the next match of a partial name."""
    return card.transmit(bytes([0x00, 0xA4, 0x04, 0x02 if following else 0x00, len(name)]) + name + b"\x00", timeout_s)


def read_record(card: Card, sfi: int, record: int, timeout_s: float) -> Response:
    """READ RECORD (Book 3, §6.5.11)."""
    return card.transmit(bytes([0x00, 0xB2, record, (sfi << 3) | 0x04, 0x00]), timeout_s)


def get_processing_options(card: Card, pdol_data: bytes, timeout_s: float) -> Response:
    """GET PROCESSING OPTIONS (Book 3, §6.5.8); the command template 83 is always there."""
    body = bytes([0x83, len(pdol_data)]) + pdol_data
    return card.transmit(b"\x80\xa8\x00\x00" + bytes([len(body)]) + body + b"\x00", timeout_s)


def get_data(card: Card, tag: int, timeout_s: float) -> Response:
    """GET DATA (Book 3, §6.5.7) of 9F36, 9F13, 9F17 or 9F4F."""
    return card.transmit(b"\x80\xca" + tag.to_bytes(2, "big") + b"\x00", timeout_s)


def internal_authenticate(card: Card, data: bytes, timeout_s: float) -> Response:
    """INTERNAL AUTHENTICATE (Book 3, §6.5.9)."""
    return card.transmit(b"\x00\x88\x00\x00" + bytes([len(data)]) + data + b"\x00", timeout_s)


def get_challenge(card: Card, timeout_s: float) -> Response:
    """GET CHALLENGE (Book 3, §6.5.6)."""
    return card.transmit(b"\x00\x84\x00\x00\x00", timeout_s)


def generate_ac(card: Card, asked: int, data: bytes, timeout_s: float) -> Response:
    """GENERATE AC (Book 3, §6.5.5). `asked`: 0x00 AAC, 0x40 TC, 0x80 ARQC; + 0x10 asks for a CDA signature."""
    return card.transmit(bytes([0x80, 0xAE, asked, 0x00, len(data)]) + data + b"\x00", timeout_s)


def external_authenticate(card: Card, data: bytes, timeout_s: float) -> Response:
    """EXTERNAL AUTHENTICATE (Book 3, §6.5.4)."""
    return card.transmit(b"\x00\x82\x00\x00" + bytes([len(data)]) + data, timeout_s)


def expect_ok(response: Response, command: str) -> bytes:
    """The data of a 9000 answer. Raises CardBroken for any other status word."""
    if response.sw != OK:
        raise CardBroken(f"{command} answered {response.sw:04X}")
    return response.data
