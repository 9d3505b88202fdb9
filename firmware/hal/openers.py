"""Parts one by one: what `takeback doctor` opens in turn, so that one that is missing does not hide the others."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware.hal.clock import Clock
from firmware.hal.display import Display
from firmware.hal.keypad import Keypad
from firmware.hal.link import HostLink
from firmware.hal.printer import Printer
from firmware.hal.random import Random
from firmware.hal.reader import CardReader


@dataclass(frozen=True)
class Openers:
    """Each gives its part, or raises what that part raises (ImportError for a library that is not installed)."""

    reader: Callable[[], CardReader]
    keypad: Callable[[], Keypad]
    display: Callable[[], Display]
    printer: Callable[[], Printer]
    link: Callable[[], HostLink]
    clock: Callable[[], Clock]
    random: Callable[[], Random]
    secret: Callable[[], bytes] | None = None  # what opens the key store; None: the key file beside it
