"""What is outside the terminal and outlives its power: bank, card, paper, line, time and the bytes on disk."""

from __future__ import annotations

import pickle
import random
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from firmware.hal.fleet import Vitals
from firmware.hal.printer import Proof
from firmware.security.keystore import Keystore
from firmware.security.secrets import Key, Use
from hal_mocks.acquirer import Acquirer
from hal_mocks.card.soft_card import SoftCard
from hal_mocks.paper import Roll

TMK = bytes(range(1, 17))
KEYSTORE = Keystore(
    Key(TMK, Use.WRAP),
    Key(bytes(range(40, 72)), Use.CARD),
    Key(bytes(range(80, 112)), Use.TOKEN),
    Key(bytes(range(120, 152)), Use.STATE),
)


@dataclass
class World:
    """Plain data: `save` and `load` copy it whole, so that a sweep can fork it."""

    bank: Acquirer = field(default_factory=lambda: Acquirer(TMK))
    paper: Roll = field(default_factory=Roll)
    slot: SoftCard | None = None
    wallet: list[SoftCard] = field(default_factory=lambda: [SoftCard()])
    line_up: bool = True
    refusal_s: float = 0.1  # how long a line that is down takes to say so
    half_open: bool = False  # the connection stands and carries nothing
    dies_after_booking: bool = False  # the line breaks when the bank has booked the next request
    cut_request_at: int = -1  # bytes of the next request of `cut_kinds` that still get through
    cut_kinds: tuple[str, ...] = ("0100", "0200", "0220", "0400")
    glass_up: bool = True
    pads: list[str] = field(default_factory=list)  # what is typed on the reader's own pad; empty: it has none
    case_open: bool = False
    vitals: Vitals | None = None  # what the fleet was told last
    on_trial: bool = False  # a release whose journal has a new form is not yet found good
    erased: bool = False  # the stored TMK is gone
    reader_up: bool = True
    printer_silent: bool = False
    printer_proof: Proof = Proof.PRINTED  # how sure the printer is of a job that went well
    fence_lost_on: str = ""  # a job of this name is printed whole and its fence never comes
    files: dict[str, bytes] = field(default_factory=dict)
    now: datetime = datetime(2026, 11, 23, 12, 0, 0)
    uptime_s: float = 1000.0
    dice: random.Random = field(default_factory=lambda: random.Random(8583))
    told: list[tuple[str, str, str]] = field(default_factory=list)  # party, key, text: what parties outside have taken
    parties_up: bool = True
    answers: list[str] = field(default_factory=list)  # what the cash register was answered
    given: list[str] = field(default_factory=list)  # each "hand over the goods", and what the disk said of it then

    bank_lag: timedelta = timedelta(0)  # how far the terminal's wall clock is ahead of the truth

    def bank_time(self) -> datetime:
        return self.now - self.bank_lag

    def pass_time(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)
        self.uptime_s += seconds

    def save(self) -> bytes:
        return pickle.dumps(self)

    @staticmethod
    def load(saved: bytes) -> World:
        world = pickle.loads(saved)
        assert isinstance(world, World)
        return world
