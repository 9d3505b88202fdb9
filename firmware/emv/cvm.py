"""Cardholder verification, EMV 4.4 Book 3, §10.5, for the methods this terminal has: online PIN, signature, none.

Offline PIN comes with the full kernel; until then it is an unsupported method and the card's list goes on or fails,
exactly as the Book says for a terminal without it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from firmware.emv import tags
from firmware.emv.chip import Chip


class Method(Enum):
    """What the flow has to do now."""

    ONLINE_PIN = 0x02
    SIGNATURE = 0x1E
    NO_CVM = 0x1F
    NONE_LEFT = -1


@dataclass(frozen=True)
class Rule:
    """One row of the CVM list: `code` with bit 7 (0x40) = apply the next rule if this one fails."""

    code: int
    condition: int

    @property
    def goes_on(self) -> bool:
        return bool(self.code & 0x40)


class CvmList:
    """The card's list, walked once. `choose` gives the method to perform, `failed` moves on."""

    def __init__(self, chip: Chip, amount: int) -> None:
        self._chip, self._amount = chip, amount
        raw = chip.data.get(tags.CVM_LIST, b"")
        self._present = len(raw) >= 10 and bool(chip.data[tags.AIP][0] & 0x10) if tags.AIP in chip.data else False
        self._x, self._y = (int.from_bytes(raw[at : at + 4], "big") for at in (0, 4)) if self._present else (0, 0)
        self._rules = [Rule(raw[at], raw[at + 1]) for at in range(8, len(raw) - 1, 2)] if self._present else []
        self._rule = self._tried = Rule(0x3F, 0x00)

    def choose(self) -> Method:
        """The next rule whose condition holds and whose method the terminal has. Sets 9F34 and TVR byte 3."""
        if not self._present:
            return self._end(0x3F, 0x00, 0x00, Method.NO_CVM, done=False)
        while self._rules:
            self._rule = self._rules.pop(0)
            if not self._holds(self._rule.condition):
                continue
            self._tried = self._rule
            method = _METHODS.get(self._rule.code & 0x3F)
            if method is Method.ONLINE_PIN:
                return method
            if method is Method.SIGNATURE:
                self._chip.signature = True
                return self._end(self._rule.code, self._rule.condition, 0x00, method)
            if method is Method.NO_CVM:
                return self._end(self._rule.code, self._rule.condition, 0x02, method)
            if self._rule.code & 0x3F not in _KNOWN:
                self._chip.flag(tags.UNKNOWN_CVM)
            if not self._rule.goes_on:
                break
        return self._fail()

    def pin_entered(self) -> None:
        """The online PIN is in hand; its result is unknown until the issuer answers."""
        self._chip.flag(tags.ONLINE_PIN_ENTERED)
        self._end(self._rule.code, self._rule.condition, 0x00, Method.ONLINE_PIN)

    def _fail(self) -> Method:
        self._chip.flag(tags.CVM_FAILED)
        return self._end(self._tried.code, self._tried.condition, 0x01, Method.NONE_LEFT)

    def _end(self, code: int, condition: int, result: int, method: Method, done: bool = True) -> Method:
        self._chip.data[tags.CVM_RESULTS] = bytes([code, condition, result])
        if done:
            self._chip.tsi[0] |= tags.TSI_CVM_DONE
        return method

    def _holds(self, condition: int) -> bool:
        """Table 44 of Book 3, Annex C3, for goods and services at an attended terminal, no cash-back."""
        ours = self._chip.data.get(0x9F42, self._chip.settings.currency) == self._chip.settings.currency
        table = {0x00: True, 0x02: True, 0x03: self._can(), 0x06: ours and self._amount < self._x,
                 0x07: ours and self._amount > self._x, 0x08: ours and self._amount < self._y,
                 0x09: ours and self._amount > self._y}  # fmt: skip
        return table.get(condition, False)

    def _can(self) -> bool:
        return self._rule.code & 0x3F in _METHODS


_METHODS = {m.value: m for m in (Method.ONLINE_PIN, Method.SIGNATURE, Method.NO_CVM)}
_KNOWN = frozenset({0x00, 0x01, 0x02, 0x03, 0x04, 0x05, 0x1E, 0x1F})
