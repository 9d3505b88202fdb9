"""T=0 at the APDU level (EMV 4.4 Book 1, §9.3.1.1): 61xx → GET RESPONSE; 6Cxx → the same command with the right Le; a
warning 62xx or 63xx without the data of a command that has some → GET RESPONSE; a read refused for its Le → without Le.

pcscd and pyscard do none of it; some readers do, so the loop is also right where it is never needed.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware.errors import CardLost
from firmware.hal.reader import Response

_ROUNDS_MAX = 20
_HARMLESS = frozenset({0xA4, 0xB2, 0xCA})  # SELECT, READ RECORD, GET DATA: sent twice they do no harm
_QUIRKS = frozenset({0x6700, 0x6F00})  # what some cards say to an Le of 00 (T=1)
Send = Callable[[bytes | bytearray], bytes]


def exchange(send: Send, apdu: bytes | bytearray) -> Response:
    """One command APDU, whatever the transport answers on the way. `send` gives data + SW1 SW2. Raises CardLost for an
    answer without a status word."""
    data, sw = _rounds(send, apdu, apdu)
    if sw in _QUIRKS and apdu[1] in _HARMLESS and _has_le(apdu):
        data, sw = _rounds(send, apdu, apdu[:-1])
    if not data and sw >> 8 in (0x62, 0x63) and _is_case_4(apdu):
        data, _ = _rounds(send, apdu, _get_response(apdu, 0))
    return Response(data, sw)


def _rounds(send: Send, apdu: bytes | bytearray, command: bytes | bytearray) -> tuple[bytes, int]:
    collected, sw = b"", 0x6F00
    for _ in range(_ROUNDS_MAX):
        raw = send(command)
        if len(raw) < 2:
            raise CardLost
        sw = int.from_bytes(raw[-2:], "big")
        collected += raw[:-2]
        if sw >> 8 == 0x61:
            command = _get_response(apdu, sw & 0xFF)
        elif sw >> 8 == 0x6C:
            command = _with_le(command, sw & 0xFF)
        else:
            break
    return collected, sw


def _get_response(apdu: bytes | bytearray, le: int) -> bytes:
    return bytes([apdu[0] & 0x03, 0xC0, 0x00, 0x00, le])


def _is_case_4(apdu: bytes | bytearray) -> bool:
    return len(apdu) > 5 and len(apdu) == 6 + apdu[4]


def _has_le(apdu: bytes | bytearray) -> bool:
    return len(apdu) == 5 or _is_case_4(apdu)


def _with_le(command: bytes | bytearray, le: int) -> bytes:
    """Replace or add the last byte: case 2 has five bytes, case 4 has Le behind its data."""
    if len(command) <= 5:
        return bytes(command[:4]) + bytes([le])
    return bytes(command[: 5 + command[4]]) + bytes([le])
