"""A reader's end of T=0 (ISO/IEC 7816-3, §10.3; EMV 4.4 Book 1, §9.2): APDUs become TPDUs with procedure bytes.

`send` carries one TPDU header, or data after its acknowledgement, and gives what the card says to it.
"""

from __future__ import annotations

from collections.abc import Callable

_NULL = 0x60
Wire = Callable[[bytes], bytes]


class T0Line:
    """What a CCID reader does for its host."""

    def __init__(self, send: Wire) -> None:
        self._send = send

    def apdu(self, command: bytes | bytearray) -> bytes:
        """One command APDU → data + SW1 SW2, as PC/SC hands it on: 61xx and 6Cxx stay visible."""
        header, data = bytes(command[:4]), b""
        if len(command) > 5:
            data = bytes(command[5 : 5 + command[4]])
        p3 = command[4] if len(command) > 4 else 0
        answer = self._after_null(self._send(header + bytes([p3])))
        if answer[:1] and self._acknowledges(answer[0], header[1]) and len(answer) != 2:
            return self._after_null(self._send(data)) if data else answer[1:]
        return answer

    @staticmethod
    def _after_null(answer: bytes) -> bytes:
        while answer[:1] == bytes([_NULL]):
            answer = answer[1:]
        return answer

    @staticmethod
    def _acknowledges(first: int, ins: int) -> bool:
        """INS itself: all that is left at once. A status word begins with 6x or 9x, which no INS does."""
        return first == ins


def without_le(process: Callable[[bytes], bytes], sw: str) -> Callable[[bytes], bytes]:
    """A card that refuses an Le of 00 in a read with this status word, and answers without one."""

    def answer(apdu: bytes) -> bytes:
        reads = apdu[1] in (0xA4, 0xB2, 0xCA) and (len(apdu) == 5 or (len(apdu) > 5 and len(apdu) == 6 + apdu[4]))
        return bytes.fromhex(sw) if reads else process(apdu)

    return answer
