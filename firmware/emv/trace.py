"""What was said between terminal and card, masked, with the reason behind every TVR bit: to read, and to play again.

Card numbers keep their first six and last four digits (PCI DSS 3.4.1), names and PINs become fill; lengths stay, so
that the same kernel makes the same commands of it (tests/emv/test_trace.py). What a masked record can no longer prove,
data authentication, is kept as its result. A terminal repeats what a card gave, in whatever its DOLs ask for: so what
is secret is found in all answers first and then masked by value, in every message, at every half byte. Below lies a
net: whatever in an answer passes the check of card numbers (Luhn, ISO/IEC 7812-1) is taken for one, harmless ones too.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from firmware.emv import atr, tags, tlv
from firmware.emv.chip import Chip
from firmware.errors import CardBroken
from firmware.hal.reader import Card, Response

_NUMBERS = frozenset({tags.PAN, tags.TRACK2, 0x9F6B, 0x9F20, 0x9F1F, 0x56, 0x9F24})
_TEXTS = frozenset({0x5F20, 0x9F0B, 0x9F61, 0x5F50})
# what is made of digits and is no card number: keys, certificates, cryptograms, lists, names of applications;
# 80 and 94 say where the records are
_NO_NUMBERS = frozenset({0x80, 0x94, 0x8F, 0x90, 0x92, 0x93, 0x9F32, 0x9F46, 0x9F47, 0x9F48, 0x9F2D, 0x9F2E, 0x9F2F,
                         0x9F4B, 0x9F26, 0x9F10, 0x9F4C, 0x8C, 0x8D, 0x97, 0x9F49, 0x9F38, 0x8E, 0x84, 0x4F,
                         0x9F37})  # fmt: skip
_WINDOW, _SHORTEST, _TELLING = 7, 6, 4
_CERTIFIED = frozenset({0x90, 0x93, 0x9F46, 0x9F2D})  # whoever has the scheme's key reads the number in them
_VERIFY, _PINS = 0x20, (0x20, 0x24, 0x2C)
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
    if tag in _NUMBERS | _CERTIFIED:
        return head + (_digits(value) if tag in _NUMBERS else bytes(len(value)))
    return head + (b"X" * len(value) if tag in _TEXTS else value)


def _digits(value: bytes) -> bytes:
    """First six and last four of the card number, zeros between and behind."""
    text = value.hex().upper()
    number = text.split("D")[0].rstrip("F")
    kept = number[:6] + "0" * max(0, len(number) - 10) + number[-4:] if len(number) > 10 else "0" * len(number)
    rest = "".join(c if c in "DF" else "0" for c in text[len(number) :])
    return bytes.fromhex(kept + rest)


@dataclass(frozen=True)
class Secret:
    """Half bytes as hex digits, and what stands in their place."""

    text: str
    shown: str

    def windows(self) -> dict[str, str]:
        """Each stretch long enough to betray something → what is shown of it. Mostly noughts stand in many amounts."""
        size = min(_WINDOW, max(_SHORTEST, len(self.text)))
        stretches = (slice(at, at + size) for at in range(len(self.text) - size + 1))
        telling = [s for s in stretches if len(self.text[s].replace("0", "")) >= _TELLING]
        return {self.text[s]: self.shown[s] for s in telling if self.text[s] != self.shown[s]}


def secrets(answer: bytes) -> list[Secret]:
    """What one answer of the card gives away: numbers, tracks, names, by tag; and whatever passes for a number. Each
    number also as characters, as on track 1."""
    found: list[Secret] = []
    try:
        for tag, value in tlv.flatten(answer):
            text = value.rstrip().hex().upper() if tag in _TEXTS else value.hex().upper()
            if tag in _NUMBERS:
                found.append(Secret(text, _digits(value).hex().upper()))
            elif tag in _TEXTS:
                found.append(Secret(text, "58" * (len(text) // 2)))
            elif tag not in _NO_NUMBERS:
                found += _net(text)
    except CardBroken:
        pass  # from here on it is shown as nothing but noughts
    numbers = [[p for p in zip(s.text, s.shown, strict=True) if p[0].isdecimal()] for s in found]
    letters = ((f"3{'3'.join(a)}", f"3{'3'.join(b)}") for a, b in (zip(*n, strict=True) for n in numbers if len(n) > 9))
    return found + [Secret(*pair) for pair in letters]


def _net(text: str) -> list[Secret]:
    """Runs of digits in which a number of 12 to 19 digits passes Luhn; of each run the first six and last four stay."""
    runs = re.findall(r"[0-9]{12,}", text) + [run[1::2] for run in re.findall(r"(?:3[0-9]){12,}", text)]
    windows = [(run, run[at : at + n]) for run in runs for n in range(12, 20) for at in range(len(run) - n + 1)]
    found = dict.fromkeys(run for run, part in windows if part[0] not in "01" and _luhn(part))
    return [Secret(run, run[:6] + "0" * (len(run) - 10) + run[-4:]) for run in found]


def _luhn(digits: str) -> bool:
    return sum(sum(divmod(int(d) * (1 + n % 2), 10)) for n, d in enumerate(reversed(digits))) % 10 == 0


def by_value(text: str, found: list[Secret]) -> str:
    """Hex digits without any stretch of a secret, wherever it begins."""
    text = text.upper()
    made = list(text)
    for stretch, shown in ((a, b) for secret in found for a, b in secret.windows().items()):
        for spot in re.finditer(f"(?={stretch})", text):
            for at, (was, now) in enumerate(zip(stretch, shown, strict=True), spot.start()):
                made[at] = now if was != now else made[at]
    return "".join(made).lower()


def command(apdu: bytes | bytearray) -> bytes:
    """PINs out of VERIFY and of scripts that change one."""
    if apdu[1] in _PINS and len(apdu) > 5:
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
        self.said.append((kept, bytes(answer.data), answer.sw))
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
        """JSON: exchanges, what was known at the end, why. Masked only here, since what comes late is secret in what
        was said before."""
        chip = self.chip
        found = list(dict.fromkeys(s for _, answer, _ in self.said for s in secrets(answer)))
        table: dict[str, Any] = {
            "version": 1,
            "atr": self._atr.hex(),
            "atr_is_emv": atr.is_emv(self._atr),
            "said": [
                [by_value(c.hex(), found), by_value(masked(r).hex(), found), f"{sw:04X}"] for c, r, sw in self.said
            ],
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
