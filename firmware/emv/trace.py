"""What was said between terminal and card, masked, with the reason behind every TVR bit: to read, and to play again.

Card numbers keep their first six and last four digits, names and PINs become fill; lengths stay, so that the same
kernel makes the same commands of it (tests/emv/test_trace.py). What a masked record can no longer prove, data
authentication, is kept as its result.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

from firmware.emv import atr, tags, tlv
from firmware.emv.chip import Chip
from firmware.errors import CardBroken
from firmware.hal.reader import Card, Response

_NUMBERS = frozenset({tags.PAN, tags.TRACK2, 0x9F6B, 0x9F20, 0x9F1F, 0x56, 0x9F24})
_TEXTS = frozenset({0x5F20, 0x9F0B, 0x9F61, 0x5F50})
_VERIFY, _CHANGE_PIN = 0x20, 0x24
_NAMES = {0xA4: "SELECT", 0xB2: "READ RECORD", 0xA8: "GET PROCESSING OPTIONS", 0xAE: "GENERATE AC", 0xCA: "GET DATA",
          0x88: "INTERNAL AUTHENTICATE", 0x82: "EXTERNAL AUTHENTICATE", 0x20: "VERIFY",
          0x84: "GET CHALLENGE"}  # fmt: skip


def masked(data: bytes) -> bytes:
    """The same tree with the same lengths; what is no TLV stays, since no record is none."""
    try:
        return b"".join(_object(tag, value, whole) for tag, value, whole in tlv.pieces(data))
    except CardBroken:
        return bytes(len(data))


def _object(tag: int, value: bytes, whole: bytes) -> bytes:
    head = whole[: len(whole) - len(value)]
    if tlv.constructed(tag):
        return head + masked(value)
    if tag in _NUMBERS:
        return head + _digits(value)
    return head + (b"X" * len(value) if tag in _TEXTS else value)


def _digits(value: bytes) -> bytes:
    """First six and last four of the card number, zeros between and behind."""
    text = value.hex().upper()
    number = text.split("D")[0].rstrip("F")
    kept = number[:6] + "0" * max(0, len(number) - 10) + number[-4:] if len(number) > 10 else "0" * len(number)
    rest = "".join(c if c in "DF" else "0" for c in text[len(number) :])
    return bytes.fromhex(kept + rest)


def command(apdu: bytes | bytearray) -> bytes:
    """PINs out of VERIFY and of scripts that change one."""
    if apdu[1] in (_VERIFY, _CHANGE_PIN) and len(apdu) > 5:
        return bytes(apdu[:5]) + bytes(len(apdu) - 5)
    return bytes(apdu)


class Traced:
    """A card that remembers what was said. `chip` is set once an application is read."""

    def __init__(self, card: Card) -> None:
        self._card, self._atr = card, card.atr()
        self.said: list[tuple[bytes, bytes, int]] = []
        self.chip: Chip | None = None

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        kept = command(apdu)
        answer = self._card.transmit(apdu, timeout_s)
        self.said.append((kept, masked(answer.data), answer.sw))
        return answer

    def atr(self) -> bytes:
        return self._atr

    def pad(self) -> bool:
        return self._card.pad()

    def verify_on_pad(self, timeout_s: float, alive: Callable[[], None]) -> Response:
        answer = self._card.verify_on_pad(timeout_s, alive)
        self.said.append((bytes([0x00, _VERIFY, 0x00, 0x80]), b"", answer.sw))
        return answer

    def close(self) -> None:
        self._card.close()

    def text(self) -> str:
        """JSON: exchanges, what was known at the end, why."""
        chip = self.chip
        table: dict[str, Any] = {
            "version": 1,
            "atr": self._atr.hex(),
            "atr_is_emv": atr.is_emv(self._atr),
            "said": [[c.hex(), r.hex(), f"{sw:04X}"] for c, r, sw in self.said],
        }
        if chip:
            key = chip.icc_key
            table |= {"label": chip.label, "card": chip.pan.masked, "tvr": bytes(chip.tvr).hex(), "cda": chip.cda,
                      "tsi": bytes(chip.tsi).hex(), "cvm": chip.data.get(tags.CVM_RESULTS, b"").hex(), "why": chip.why,
                      "today": chip.today.isoformat(), "unpredictable": chip.data[tags.UNPREDICTABLE].hex(),
                      "icc_key": [key.modulus.hex(), key.exponent] if key else []}  # fmt: skip
        return json.dumps(table, indent=1, ensure_ascii=False)


def lines(text: str) -> list[str]:
    """For people."""
    table = json.loads(text)
    kind = "as EMV has it" if table["atr_is_emv"] else "not as EMV has it (Book 1, 8.3)"
    rows = [f"answer to reset {table['atr']}, {kind}", ""]
    rows += [f"{_NAMES.get(int(c[2:4], 16), 'command'):22} {c}\n{'':22} {r} {sw}" for c, r, sw in table["said"]]
    if "tvr" in table:
        rows += ["", f"{table['label']}  {table['card']}  TVR {table['tvr'].upper()}  TSI {table['tsi'].upper()}  "
                 f"CVM {table['cvm'].upper()}", *[f"  - {why}" for why in table["why"]]]  # fmt: skip
    return rows
