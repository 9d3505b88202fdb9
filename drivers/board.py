"""The one door between firmware and parts: names in the config → drivers."""

from __future__ import annotations

from typing import Any

from drivers import printer_models, serial_port, system
from drivers.escpos_printer import EscposPrinter
from drivers.gpio_signals import GpioSignals, NoSignals
from drivers.matrix_keypad import MatrixKeypad, library
from drivers.oled_display import OledDisplay, open_i2c, open_spi
from drivers.panel import Panel
from drivers.pcsc_reader import PcscReader
from drivers.tls_link import TlsLink
from firmware.config import Config, Parts
from firmware.hal.devices import Devices
from firmware.hal.display import Display
from firmware.hal.keypad import Keypad
from firmware.hal.signals import Signals


def build(config: Config) -> Devices:
    """All parts of one terminal. Raises KeypadLost where GPIO is asked for and not there, ImportError for pyscard."""
    state = config.state_directory()
    keypad, display, signals = _front(config)
    return Devices(
        reader=PcscReader(config.parts.reader_like),
        keypad=keypad,
        display=display,
        printer=printer(config),
        link=TlsLink(config.host.address, config.host.port, config.host.server_name, state / "certs"),
        clock=system.SystemClock(),
        random=system.SystemRandom(),
        disk=system.SqliteDisk(state),
        inbox=system.QueueInbox(),
        signals=signals,
        watchdog=system.NotifyWatchdog(),
    )


def printer(config: Config) -> EscposPrinter:
    """Not opened yet."""
    parts = config.parts
    port = serial_port.opener(parts.printer_port, parts.printer_baud, parts.printer_rtscts)
    return EscposPrinter(port, parts.printer_baud, printer_models.of(parts.printer_model, parts.printer_paper_mm))


def _front(config: Config) -> tuple[Keypad, Display, Signals]:
    """Keys and glass on the Pi's pins, or both on a panel."""
    parts, language = config.parts, config.merchant.language
    if parts.front == "panel":
        panel = Panel(parts.panel, language)
        return panel, panel, NoSignals()
    gpio = library()
    keypad = MatrixKeypad(_pins(parts.keypad_rows), _pins(parts.keypad_columns), gpio)
    display = OledDisplay(lambda: _glass(parts), language, parts.display, parts.brightness, parts.saver_min * 60.0)
    return keypad, display, GpioSignals(parts.buzzer_pin, _pins(parts.lamp_pins), gpio)


def _glass(parts: Parts) -> Any:
    if parts.display_bus == "spi":
        return open_spi(parts.display, parts.display_dc_pin, parts.display_reset_pin)
    return open_i2c(parts.display, parts.display_port, parts.display_address)


def _pins(text: str) -> list[int]:
    return [int(p) for p in text.split(",") if p.strip()]
