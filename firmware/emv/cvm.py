"""Cardholder verification, EMV 4.4 Book 3, §10.5: which method, and what its outcome means for the list.

The list is walked from outside: `choose` names the method to perform, `succeeded` or `failed` says how it went. Keys,
glass and card stay with the caller.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from firmware.emv import tags
from firmware.emv.chip import Chip
from firmware.emv.restrictions import CASH, CASHBACK
from firmware.emv.settings import OFFLINE_PINS, SIGNED, Method
from firmware.errors import CardBroken

_FAIL = 0x00
_UNKNOWN, _FAILED, _SUCCESSFUL = 0x00, 0x01, 0x02  # 9F34 byte 3
_NEVER = 0x3F


class Why(Enum):
    """Why a method was not successful."""

    WRONG = "wrong"
    TRY_LIMIT = "try limit exceeded"
    BYPASSED = "bypassed"
    NO_PAD = "no working PIN pad"


_WHY_BIT = {Why.TRY_LIMIT: tags.PIN_TRY_LIMIT, Why.BYPASSED: tags.PIN_NOT_ENTERED, Why.NO_PAD: tags.PIN_PAD_MISSING}


@dataclass(frozen=True)
class Rule:
    """One row of the CVM list: `code` with bit 7 (0x40) = apply the next rule if this one fails."""

    code: int
    condition: int

    @property
    def goes_on(self) -> bool:
        return bool(self.code & 0x40)

    @property
    def method(self) -> Method | None:
        """None for a code this Book does not know."""
        try:
            return Method(self.code & 0x3F)
        except ValueError:
            return None


def parse(raw: bytes) -> tuple[int, int, list[Rule]]:
    """(amount X, amount Y, rules) of tag 8E. Raises CardBroken for one without rules or with half a rule."""
    if len(raw) < 10 or len(raw) % 2:
        raise CardBroken("the CVM list has a wrong length")
    x, y = (int.from_bytes(raw[at : at + 4], "big") for at in (0, 4))
    return x, y, [Rule(raw[at], raw[at + 1]) for at in range(8, len(raw), 2)]


class CvmList:
    """The card's list, walked once. `choose` until it gives None: then the verification is over."""

    def __init__(self, chip: Chip) -> None:
        """Raises CardBroken for a malformed list. No list, an empty one, or a card that does not verify: nothing is
        done and nothing is said (9F34 = 3F0000)."""
        self._chip, self._done = chip, False
        raw = chip.data.get(tags.CVM_LIST, b"") if chip.card_can(tags.AIP_CVM) else b""
        self._x, self._y, self._rules = parse(raw) if len(raw) > 8 or len(raw) % 2 else (0, 0, [])
        self._rule = Rule(_NEVER, 0x00)
        self._tried = self._rule
        if not self._rules:
            self._results(self._rule, _UNKNOWN)
            self._done = True

    def choose(self) -> Method | None:
        """The next method to perform: its condition holds and the terminal has it. None: it is over, 9F34, TVR byte
        3 and TSI say how."""
        while not self._done:
            if not self._rules:
                self._fail()
                break
            self._rule = self._rules.pop(0)
            if not self._holds(self._rule.condition):
                continue
            if self._rule.code & 0x3F == _FAIL:
                self._tried = self._rule
                self._fail()
                break
            method = self._rule.method
            if method and self._chip.settings.has(method):
                self._tried = self._rule
                return method
            self._cannot(method)
        return None

    def _cannot(self, method: Method | None) -> None:
        """A method that nobody knows, or that this terminal has not."""
        if method is None:
            self._chip.flag(tags.UNKNOWN_CVM, f"{self._rule.code:02X}")
        else:
            self._tried = self._rule
            lacks_pin = method in OFFLINE_PINS and not self._chip.settings.any_offline_pin
            if lacks_pin or method is Method.ONLINE_PIN:
                self._chip.flag(tags.PIN_PAD_MISSING, "the terminal does not have this method")
        if not self._rule.goes_on:
            self._fail()

    def succeeded(self) -> None:
        """The method chosen last is done. A signature and an online PIN are still to be judged by others."""
        method = self._rule.method
        assert method is not None and not self._done
        if method is Method.ONLINE_PIN:
            self._chip.flag(tags.ONLINE_PIN_ENTERED)
        self._chip.signature = method in SIGNED
        self._chip.offline_pin = method in OFFLINE_PINS
        unknown = method is Method.ONLINE_PIN or method in SIGNED
        self._end(self._rule, _UNKNOWN if unknown else _SUCCESSFUL)

    def failed(self, why: Why) -> None:
        """The method chosen last did not succeed: the next rule where this one says so, else the end."""
        if why in _WHY_BIT:
            self._chip.flag(_WHY_BIT[why])
        if not self._rule.goes_on:
            self._fail()

    def _fail(self) -> None:
        self._chip.flag(tags.CVM_FAILED)
        self._end(self._tried if self._tried.code != _NEVER else Rule(_NEVER, 0x00), _FAILED)

    def _end(self, rule: Rule, result: int) -> None:
        self._results(rule, result)
        self._chip.done(tags.TSI_CVM_DONE)
        self._done = True

    def _results(self, rule: Rule, result: int) -> None:
        self._chip.data[tags.CVM_RESULTS] = bytes([rule.code, rule.condition, result])

    def _holds(self, condition: int) -> bool:
        """Annex C3. A condition on an amount holds only in the application's own currency (§10.5)."""
        chip, amount = self._chip, self._chip.amount
        kind = chip.data.get(tags.TRANSACTION_TYPE, b"\0")
        cash, attended = kind == CASH, chip.settings.attended
        ours = chip.data.get(tags.APP_CURRENCY) == chip.data.get(tags.TRANSACTION_CURRENCY, chip.settings.currency)
        method = self._rule.method
        table = {0x00: True, 0x01: cash and not attended, 0x02: not cash and kind != CASHBACK,
                 0x03: method is not None and chip.settings.has(method), 0x04: cash and attended,
                 0x05: kind == CASHBACK, 0x06: ours and amount < self._x, 0x07: ours and amount > self._x,
                 0x08: ours and amount < self._y, 0x09: ours and amount > self._y}  # fmt: skip
        return table.get(condition, False)


def passed_by(chip: Chip) -> bool:
    """Has the cardholder passed by a PIN entry in this payment?"""
    return bool(chip.tvr[tags.PIN_NOT_ENTERED.byte] & tags.PIN_NOT_ENTERED.mask)
