"""The card of a trace (firmware/emv/trace.py): it answers what it answered then, to the commands it was given then."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from firmware.emv import tags
from firmware.emv.chip import Chip, PublicKey
from firmware.emv.trace import command
from firmware.errors import CardLost
from firmware.hal.reader import Response


class Replayed:
    """The card of a trace: each command must come as it came then. Raises CardLost at its end, AssertionError for
    another command."""

    def __init__(self, text: str) -> None:
        self.table: dict[str, Any] = json.loads(text)
        self._left = [(bytes.fromhex(c), bytes.fromhex(r), int(sw, 16)) for c, r, sw in self.table["said"]]

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        if not self._left:
            raise CardLost
        expected, data, sw = self._left.pop(0)
        assert command(apdu) == expected, f"sent {command(apdu).hex()}, the trace has {expected.hex()}"
        return Response(data, sw)

    def atr(self) -> bytes:
        return bytes.fromhex(self.table["atr"])

    def pad(self) -> bool:
        return False

    def verify_on_pad(self, timeout_s: float, alive: Callable[[], None]) -> Response:
        raise CardLost

    def close(self) -> None:
        """Nothing to power down."""

    @property
    def over(self) -> bool:
        return not self._left

    def authenticated(self, chip: Chip) -> None:
        """Puts the result of data authentication where a masked record cannot give it."""
        first = bytes.fromhex(self.table["tvr"])[0]
        chip.tvr[0] = first & ~tags.CDA_FAILED.mask if self.table["cda"] else first
        while self._left and self._left[0][0][1] == 0x88:  # INTERNAL AUTHENTICATE: only a card that is proved is asked
            self._left.pop(0)
        chip.cda = self.table["cda"]
        if self.table["icc_key"]:
            chip.icc_key = PublicKey(bytes.fromhex(self.table["icc_key"][0]), self.table["icc_key"][1])
