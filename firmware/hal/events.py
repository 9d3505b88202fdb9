"""What the world does to the terminal. Drivers post these into the one Inbox; nothing else crosses threads."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum


class Key(Enum):
    """The 4×4 keypad: digits, CANCEL beside 3, CLEAR beside 6, MENU beside 9, UP 0 DOWN ENTER at the foot."""

    D0 = "0"
    D1 = "1"
    D2 = "2"
    D3 = "3"
    D4 = "4"
    D5 = "5"
    D6 = "6"
    D7 = "7"
    D8 = "8"
    D9 = "9"
    CANCEL = "cancel"
    CLEAR = "clear"
    ENTER = "enter"
    MENU = "menu"
    UP = "up"
    DOWN = "down"

    @property
    def digit(self) -> str | None:
        return self.value if len(self.value) == 1 else None


@dataclass(frozen=True)
class KeyPressed:
    """One debounced press."""

    key: Key


@dataclass(frozen=True)
class KeyHeld:
    """The key of the last KeyPressed has been down for a second and a half."""

    key: Key


@dataclass(frozen=True)
class CardInserted:
    """A card went into the reader."""


@dataclass(frozen=True)
class CardRemoved:
    """The card left the reader."""


@dataclass(frozen=True)
class DeviceGone:
    """A part stopped answering: 'reader', 'printer', 'display', 'keypad', 'link'."""

    device: str


@dataclass(frozen=True)
class DeviceBack:
    """A part answers again."""

    device: str


@dataclass(frozen=True)
class Tampered:
    """Somebody opened the case."""


@dataclass(frozen=True)
class StopAsked:
    """The terminal is to end at the next safe point: systemd, an update, a person with a shell."""


@dataclass(frozen=True)
class CodeScanned:
    """A scanner read a code: a slip's or a form's."""

    text: str


@dataclass(frozen=True)
class RegisterAsked:
    """The cash register asks something: one line of JSON."""

    line: str


Event = (
    KeyPressed
    | KeyHeld
    | CardInserted
    | CardRemoved
    | DeviceGone
    | DeviceBack
    | CodeScanned
    | RegisterAsked
    | Tampered
    | StopAsked
)
Post = Callable[[Event], None]
