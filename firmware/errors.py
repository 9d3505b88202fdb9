"""Everything that can break, drawn once. What card or host *decided* is a value and never appears here.

TakebackError
├── FlowEnd               a flow ends early, nothing is broken
│   ├── Cancelled         red key, before the request was sent
│   ├── CardAbsent        the customer is not here: another way was asked for
│   ├── IdleTimeout       nobody answered a prompt in time
│   └── Refused           the terminal will not do this; carries the Word that says why
├── DeviceError           a part let us down
│   ├── NotSent           no byte reached the host: owes nothing
│   ├── NoAnswer          a byte may have reached the host: owes a reversal
│   ├── CardError         NoCard · CardMute · CardLost · CardUnsupported · CardBroken (· emv.selection.NotTaken)
│   ├── ReaderLost        reader or its service is gone
│   ├── PrinterFault      carries a PrinterTrouble
│   ├── DisplayLost       the glass no longer takes frames
│   └── KeypadLost        the keys no longer answer
├── HostError             MessageError (cannot be decoded) · MacWrong · Foreign (does not match the request)
├── KeyProblem            key store missing, wrong check value, no working key
│   └── WrongKeyUse       a key was asked for something it is not for
├── ConfigError           one sentence naming file and key
└── JournalError          the journal cannot be opened, or it does not verify
"""

from __future__ import annotations

from enum import Enum
from typing import Any


class TakebackError(Exception):
    """Root of all errors this firmware raises on purpose."""


class FlowEnd(TakebackError):
    """A flow ends early; nothing is broken."""


class Cancelled(FlowEnd):
    """The red key, before anything was sent."""


class IdleTimeout(FlowEnd):
    """Nobody answered a prompt in time."""


class CardAbsent(FlowEnd):
    """The key for 'no card here' at a card prompt that offers it."""


class Refused(FlowEnd):
    """The terminal will not do this. `why` is a words.Word for the screen, `code` what a cash register reads."""

    def __init__(self, why: Any, code: str = "") -> None:
        super().__init__(getattr(why, "en", str(why)))
        self.why, self.code = why, code


class DeviceError(TakebackError):
    """A part let us down: what was found and, where the driver knows it, one step that cures it."""

    def __init__(self, what: str = "", fix: str = "") -> None:
        super().__init__(f"{what}: {fix}" if fix else what)
        self.what, self.fix = what, fix


class NotSent(DeviceError):
    """No byte reached the host's socket: nothing is owed."""


class NoAnswer(DeviceError):
    """At least one byte may have reached the host and no good answer came: a reversal is owed."""


class CardError(DeviceError):
    """Something about the card."""


class NoCard(CardError):
    """There is no card in the reader."""


class CardMute(CardError):
    """There is a card and it does not answer to reset: the wrong way round, or dirty."""


class CardLost(CardError):
    """The card was pulled or its session was reset; never retry on this handle."""


class CardUnsupported(CardError):
    """The card is sound but needs something this terminal does not do. `why` is a words.Word."""

    def __init__(self, why: Any) -> None:
        super().__init__(getattr(why, "en", str(why)))
        self.why = why


class CardBroken(CardError):
    """The card broke a rule of EMV: data missing, malformed or twice."""


class ReaderLost(DeviceError):
    """The reader or pcscd is gone."""


class PrinterTrouble(Enum):
    """What is wrong with the printer, in the order a diagnosis asks (hardware facts, 4.3)."""

    PAPER_OUT = "paper_out"
    COVER_OPEN = "cover_open"
    CUTTER = "cutter"
    HARDWARE = "hardware"
    OVERHEAT = "overheat"
    OFFLINE = "offline"  # it stopped and cannot say why: cheap printers have no bits for cover or cutter
    JAM_SUSPECTED = "jam_suspected"
    NO_REPLY = "no_reply"  # outcome unknown: never "printed", never "not printed"


class PrinterFault(DeviceError):
    """The job is not proved to be on paper. `trouble` says what the printer admits to."""

    def __init__(self, trouble: PrinterTrouble) -> None:
        super().__init__(trouble.value)
        self.trouble = trouble


class DisplayLost(DeviceError):
    """The glass no longer takes frames: no PIN, no new sale."""


class KeypadLost(DeviceError):
    """The keys no longer answer."""


class HostError(TakebackError):
    """The host's bytes cannot be taken as an answer."""


class MessageError(HostError):
    """A message cannot be decoded or encoded; says which field."""


class MacWrong(HostError):
    """F64 is missing where it must be, or wrong."""


class Foreign(HostError):
    """A well-formed reply that belongs to another request."""


class KeyProblem(TakebackError):
    """Keys are missing, or a check value does not match."""


class WrongKeyUse(KeyProblem):
    """A key was asked for something it is not for (SEC4): a defect of ours, never of the host's."""


class ConfigError(TakebackError):
    """One sentence naming the file and the key."""


class JournalError(TakebackError):
    """The journal cannot be opened or does not verify."""
