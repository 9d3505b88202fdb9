"""All parts of one terminal, as a board hands them over."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.hal.clock import Clock
from firmware.hal.disk import Disk
from firmware.hal.display import Display
from firmware.hal.fleet import Fleet
from firmware.hal.inbox import Inbox
from firmware.hal.keypad import Keypad
from firmware.hal.link import HostLink
from firmware.hal.outlet import Outlet
from firmware.hal.printer import Printer
from firmware.hal.random import Random
from firmware.hal.reader import CardReader
from firmware.hal.safe import Safe
from firmware.hal.signals import Signals, Watchdog


@dataclass(frozen=True)
class Devices:
    """The bundle that drivers.board, or the desk, gives to the app."""

    reader: CardReader
    keypad: Keypad
    display: Display
    printer: Printer
    link: HostLink
    clock: Clock
    random: Random
    disk: Disk
    inbox: Inbox
    signals: Signals
    watchdog: Watchdog
    outlet: Outlet
    safe: Safe
    fleet: Fleet
