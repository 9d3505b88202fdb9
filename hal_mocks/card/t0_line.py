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


def quirky(process: Callable[[bytes], bytes], habit: str) -> Callable[[bytes], bytes]:
    """The habits of real cards over a card that has none: 't0' keeps data back (61xx, 6Cxx), 'no_le' refuses an Le of 00
    with 6700, 'le_6f00' with 6F00."""
    held = b""

    def answer(apdu: bytes) -> bytes:
        nonlocal held
        if habit in ("no_le", "le_6f00"):
            reads = apdu[1] in (0xA4, 0xB2, 0xCA) and (len(apdu) == 5 or len(apdu) == 6 + apdu[4])
            return (b"\x67\x00" if habit == "no_le" else b"\x6f\x00") if reads else process(apdu)
        if apdu[1] == 0xC0:
            data, held = held[: apdu[4]], held[apdu[4] :]
            return data + (bytes([0x61, min(len(held), 0xFF)]) if held else b"\x90\x00")
        case_2 = len(apdu) == 5
        raw = process(apdu)
        data, sw = raw[:-2], raw[-2:]
        if not data:
            return sw
        if case_2:
            right = len(data) & 0xFF
            return raw if apdu[4] == right else bytes([0x6C, right])
        held = data
        return sw if sw != b"\x90\x00" else bytes([0x61, min(len(held), 0xFF)])

    return answer
