"""T=0 at the APDU level: 61xx → GET RESPONSE, 6Cxx → the same command with the right Le (EMV 4.4 Book 1, §9.3.1.1).

pcscd and pyscard do not do it; some readers do, so the loop is also right where it is never needed.
"""

from __future__ import annotations

from collections.abc import Callable

from firmware.hal.reader import Response

_ROUNDS_MAX = 20
Send = Callable[[bytes], bytes]


def exchange(send: Send, apdu: bytes) -> Response:
    """One command APDU, whatever the transport answers on the way. `send` gives data + SW1 SW2."""
    command, collected = apdu, b""
    raw = b"\x6f\x00"
    for _ in range(_ROUNDS_MAX):
        raw = send(command)
        if len(raw) < 2:
            return Response(b"", 0x6F00)
        sw1, sw2 = raw[-2], raw[-1]
        if sw1 == 0x61:
            collected += raw[:-2]
            command = bytes([apdu[0] & 0x03, 0xC0, 0x00, 0x00, sw2])
        elif sw1 == 0x6C:
            command = _with_le(command, sw2)
        else:
            break
    return Response(collected + raw[:-2], int.from_bytes(raw[-2:], "big"))


def _with_le(command: bytes, le: int) -> bytes:
    """Replace or add the last byte: case 2 has five bytes, case 4 has Le behind its data."""
    if len(command) <= 5:
        return command[:4] + bytes([le])
    body = command[: 5 + command[4]]
    return body + bytes([le])
