"""The receipt printer and its proof of paper."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from enum import Enum
from typing import Protocol

from firmware.errors import PrinterTrouble


@dataclass(frozen=True)
class Line:
    """One row of paper: `left` and `right` share the width of 32 columns (a Han character takes two).

    `double` is double height; the width stays, so a row stays one row. `qr` is drawn as a code instead of the text."""

    left: str
    right: str = ""
    centre: bool = False
    double: bool = False
    rule: bool = False
    qr: str = ""


@dataclass(frozen=True)
class Job:
    """One indivisible piece of printing. `id` is never used twice. `cut` ends the slip: cut, or fed to the tear bar.
    `kick` opens the cash drawer."""

    id: str
    lines: tuple[Line, ...]
    cut: bool = False
    kick: bool = False


class Proof(Enum):
    """How sure the printer is."""

    PRINTED = "printed"  # its fence is answered when the paper is out
    PROCESSED = "processed"  # its fence only says the data was handled; a clean status followed
    HANDED = "handed"  # it has no fence at all: the time is up, it admits no trouble, only a person can look


class PrinterState(Enum):
    """What a look at the printer told."""

    READY = "ready"
    PAPER_LOW = "paper_low"
    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    CUTTER = "cutter"
    HARDWARE = "hardware"
    OVERHEAT = "overheat"
    OFFLINE = "offline"
    UNKNOWN = "unknown"  # silent: never "ready", never "no paper"


STATE_OF = {
    PrinterTrouble.PAPER_OUT: PrinterState.PAPER_OUT,
    PrinterTrouble.COVER_OPEN: PrinterState.COVER_OPEN,
    PrinterTrouble.CUTTER: PrinterState.CUTTER,
    PrinterTrouble.HARDWARE: PrinterState.HARDWARE,
    PrinterTrouble.OVERHEAT: PrinterState.OVERHEAT,
    PrinterTrouble.OFFLINE: PrinterState.OFFLINE,
    PrinterTrouble.NO_REPLY: PrinterState.UNKNOWN,
}  # a suspected jam has no state of its own: no status bit tells it
TROUBLE_OF = {state: trouble for trouble, state in STATE_OF.items()}


class Printer(Protocol):
    """Jobs in, proof out."""

    @abstractmethod
    def print(self, job: Job) -> Proof:
        """Print the whole job and wait for its fence. Raises PrinterFault: then what is on paper is unknown, but
        nothing more of this job comes out later; where a printer cannot drop what it holds, a line that voids it
        comes out before anything else does."""

    @abstractmethod
    def status(self) -> PrinterState:
        """Ask now. Never raises."""
