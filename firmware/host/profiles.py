"""What differs from acquirer to acquirer, as data. Columns of host facts 1.3; a deviation is a new profile."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.host.fields import Spec, unionpay

# What a bank says when it has booked nothing (DE 39 of the POS dialect, with those of single hosts).
_REFUSALS = frozenset({"01", "02", "03", "04", "05", "06", "07", "12", "13", "14", "15", "20", "21", "25", "30", "31",
                       "33", "34", "35", "36", "37", "38", "39", "40", "41", "42", "43", "44", "45", "51", "52", "53",
                       "54", "55", "56", "57", "58", "59", "60", "61", "62", "63", "64", "65", "75", "79", "93", "95",
                       "97", "A1", "FE"})  # fmt: skip


_ONLINE_F55 = (0x9F26, 0x9F27, 0x9F10, 0x9F37, 0x9F36, 0x95, 0x9A, 0x9C, 0x9F02, 0x5F2A,
               0x82, 0x9F1A, 0x9F03, 0x9F33, 0x9F34, 0x9F35, 0x84, 0x9F09, 0x9F41, 0x9F1E)  # fmt: skip


@dataclass(frozen=True)
class Act:
    """One row of the transaction table: MTI, F3, F25, F60.1."""

    mti: str
    f3: str
    f25: str
    f60_1: str


@dataclass(frozen=True)
class Profile:
    """One acquirer's habits."""

    name: str
    spec: Spec
    acts: dict[str, Act]
    success: frozenset[str] = frozenset({"00", "11", "A2", "A4", "A5", "A6"})
    partial: str = "10"
    wrong_pin: str = "55"
    duplicate: str = "94"
    flawed: frozenset[str] = frozenset({"A2", "A4", "A5", "A6"})  # a success that the bank has to look at again
    sign_on_again: frozenset[str] = frozenset({"A0", "99", "77", "T4"})
    try_again: frozenset[str] = frozenset({"09", "22", "68", "90", "91", "92", "96", "98", "A7"})
    refusals: frozenset[str] = _REFUSALS
    private_refusals: frozenset[str] = frozenset({"C", "U"})  # what the private codes of refusals begin with
    match: tuple[int, ...] = (3, 4, 11, 41, 42)
    reversal_keeps: tuple[int, ...] = (2, 3, 4, 11, 14, 22, 23, 25, 41, 42, 49, 60)
    reversal_f55: tuple[int, ...] = (0x95, 0x9F1E, 0x9F10, 0x9F36)
    online_f55: tuple[int, ...] = _ONLINE_F55
    offline_f55: tuple[int, ...] = (*_ONLINE_F55, 0x8A)
    script_f55: tuple[int, ...] = (0x9F33, 0x95, 0x9F37, 0x9F1E, 0x9F10, 0x9F26, 0x9F36, 0x82, 0xDF31, 0x9F1A, 0x9A)
    reversed_already: frozenset[str] = frozenset({"CA", "U9"})  # to a reversal: it was undone before
    nothing_to_reverse: frozenset[str] = frozenset({"25", "12", "40", "58", "FE"})  # to a reversal: no such original
    not_found_is_reversed: bool = False  # this bank says 25 of what it has reversed already
    refusals_until_stuck: int = 3

    def refuses(self, code: str) -> bool:
        """A definite no: nothing is booked. What is in no list is no answer to go by (host habits, 4.1)."""
        return code in self.refusals or code[:1] in self.private_refusals


UNIONPAY = Profile(
    name="unionpay",
    spec=unionpay(),
    acts={
        "sale": Act("0200", "000000", "00", "22"),
        "void": Act("0200", "200000", "00", "23"),
        "refund": Act("0220", "200000", "00", "25"),
        "preauth": Act("0100", "030000", "06", "10"),
        "increment": Act("0100", "030000", "60", "10"),
        "preauth_void": Act("0100", "200000", "06", "11"),
        "completion": Act("0200", "000000", "06", "20"),
        "completion_notice": Act("0220", "000000", "06", "24"),
        "completion_void": Act("0200", "200000", "06", "21"),
        "offline_sale": Act("0200", "000000", "00", "36"),
        "balance": Act("0200", "310000", "00", "01"),
        "inquiry": Act("0820", "", "", "00"),
        "settle": Act("0500", "", "", "00"),
        "upload": Act("0320", "", "", "00"),
        "sign_off": Act("0820", "", "", "00"),
        "sign_on": Act("0800", "", "", "00"),
        "parameters": Act("0820", "", "", "00"),
        "echo": Act("0820", "", "", "00"),
    },
)
PROFILES = {UNIONPAY.name: UNIONPAY}
