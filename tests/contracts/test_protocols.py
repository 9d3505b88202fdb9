"""Every part, real and simulated, has exactly the Protocol's methods with the Protocol's parameters; a simulation that
offers more than the Protocol fails (its controls are the World's)."""

from __future__ import annotations

import inspect
from pathlib import Path

import pytest

from drivers import fleet, gpio_signals, panel, pcsc_reader, system
from drivers.escpos_printer import EscposPrinter
from drivers.matrix_keypad import KeyEntry, MatrixKeypad
from drivers.oled_display import OledDisplay
from drivers.outlet import Outlets
from drivers.safe import FileSafe
from drivers.tls_link import TlsLink
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
from firmware.hal.reader import Card, CardReader
from firmware.hal.safe import Safe
from firmware.hal.signals import Signals, Watchdog
from hal_mocks import parts

PARTS: dict[type, tuple[tuple[type, ...], type]] = {
    Clock: ((system.SystemClock,), parts.SimClock),
    Random: ((system.SystemRandom,), parts.SimRandom),
    Disk: ((system.SqliteDisk,), parts.SimDisk),
    Inbox: ((system.QueueInbox,), parts.SimInbox),
    Watchdog: ((system.NotifyWatchdog,), parts.SimWatchdog),
    CardReader: ((pcsc_reader.PcscReader,), parts.SimReader),
    Card: ((pcsc_reader.PcscCard,), parts.SimCard),
    Keypad: ((MatrixKeypad, panel.Panel), parts.SimKeypad),
    Display: ((OledDisplay, panel.Panel), parts.SimDisplay),
    Printer: ((EscposPrinter,), parts.SimPrinter),
    HostLink: ((TlsLink,), parts.SimLink),
    Outlet: ((Outlets,), parts.SimOutlet),
    Safe: ((FileSafe,), parts.SimSafe),
    Fleet: ((fleet.Reporter,), parts.SimFleet),
    Signals: ((gpio_signals.GpioSignals, gpio_signals.NoSignals), parts.SimSignals),
}


def public(kind: type) -> dict[str, list[str]]:
    return {n: list(inspect.signature(f).parameters) for n, f in inspect.getmembers(kind, inspect.isfunction)
            if not n.startswith("_")}  # fmt: skip


@pytest.mark.parametrize("protocol", PARTS, ids=lambda p: p.__name__)
def test_part_and_simulation_have_the_protocols_methods_and_the_simulation_no_other(protocol: type) -> None:
    wanted = {n: list(inspect.signature(f).parameters) for n, f in vars(protocol).items()
              if inspect.isfunction(f) and not n.startswith("_")}  # fmt: skip
    drivers, simulation = PARTS[protocol]
    assert public(simulation) == wanted
    for driver in drivers:
        found = public(driver)
        assert {n: found.get(n) for n in wanted} == wanted, driver.__name__


def test_every_protocol_of_the_hal_is_in_the_table() -> None:
    import firmware.hal.devices as devices

    named = set(devices.Devices.__annotations__.values())
    assert {p.__name__ for p in PARTS} >= {str(n) for n in named}
    assert issubclass(MatrixKeypad, KeyEntry)


def test_every_protocol_has_its_contract_file() -> None:
    for protocol in PARTS:
        room = protocol.__module__.rsplit(".", 1)[-1]
        assert (Path(__file__).parent / f"test_{room}.py").exists(), protocol.__name__
