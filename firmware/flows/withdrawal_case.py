"""One withdrawal on its way: what is known of it so far."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.emv.chip import Chip
from firmware.flows.finding import Found
from firmware.ledger.entry import Entry
from firmware.security.secrets import PinBlock
from firmware.withdrawal.pack import Rule
from firmware.withdrawal.requests import Request
from firmware.withdrawal.rules import Verdict
from firmware.withdrawal.subject import Subject


@dataclass
class Case:
    """`chip` None: no card was asked for, or the customer is `absent`. `written`: the written ground for less than the
    whole of a forced one."""

    found: Found
    about: Subject
    verdicts: list[Verdict]
    request: Request
    forced: bool = False
    written: str = ""
    chip: Chip | None = None
    absent: bool = False
    verdict: Verdict | None = None
    amount: int = 0
    pin: PinBlock | None = None
    case_number: str = ""

    @property
    def entry(self) -> Entry:
        return self.found.entry

    @property
    def rule(self) -> Rule:
        """The line of the table that was chosen."""
        assert self.verdict, "chosen before"
        return self.verdict.rule
