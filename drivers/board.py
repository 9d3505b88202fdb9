"""The one door between firmware and parts: names in the config → drivers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import serial

from drivers import fleet as fleets
from drivers import printer_models, serial_port, system
from drivers.escpos_printer import EscposPrinter
from drivers.gpio_signals import GpioSignals, NoSignals
from drivers.matrix_keypad import MatrixKeypad, library
from drivers.oled_display import OledDisplay, open_i2c, open_spi
from drivers.outlet import Outlets
from drivers.panel import Panel
from drivers.pcsc_reader import PcscReader
from drivers.safe import FileSafe, Switch
from drivers.scanner import Scanner
from drivers.tls_link import TlsLink
from firmware.config import Config, Parts
from firmware.errors import ConfigError
from firmware.hal.devices import Devices
from firmware.hal.display import Display
from firmware.hal.events import Post
from firmware.hal.keypad import Keypad
from firmware.hal.openers import Openers
from firmware.hal.signals import Signals
from firmware.security import keystore, sealing
from firmware.security.sealing import Secret


def openers(config: Config) -> Openers:
    """The same parts, each by itself."""
    return Openers(
        reader=lambda: PcscReader(config.parts.reader_like),
        keypad=lambda: keypad(config),
        display=lambda: display(config),
        printer=lambda: printer(config),
        link=lambda: link(config),
        clock=system.SystemClock,
        random=system.SystemRandom,
        secret=secret(config),
    )


def link(config: Config) -> TlsLink:
    """Not connected yet."""
    host = config.host
    return TlsLink(host.address, host.port, host.server_name, config.state_directory() / "certs")


def build(config: Config) -> Devices:
    """All parts of one terminal. Raises KeypadLost where GPIO is asked for and not there, ImportError for pyscard."""
    keys, glass, signals = _front(config)
    watchdog = system.NotifyWatchdog()
    return Devices(
        reader=PcscReader(config.parts.reader_like, alive=watchdog.feed),
        keypad=keys,
        display=glass,
        printer=printer(config),
        link=link(config),
        clock=system.SystemClock(),
        random=system.SystemRandom(),
        disk=disk(config),
        inbox=system.QueueInbox(),
        signals=signals,
        watchdog=watchdog,
        outlet=outlet(config),
        safe=safe(config),
        fleet=fleet(config),
    )


def begun(config: Config) -> bool:
    """Does this terminal's key store know of a journal?"""
    return keystore.begun(config.state_directory(), secret(config))


def secret(config: Config) -> Secret:
    """What opens the key store on this device."""
    directory, given = config.state_directory(), config.security.device_key
    if config.security.seal == "tpm":
        from drivers import tpm  # a process runner that most terminals do without

        return tpm.from_tpm(directory)
    return sealing.from_file(directory, Path(given) if given else None)


def safe(config: Config) -> FileSafe:
    """The key store, with a switch where the settings name its pin."""
    pin = config.parts.tamper_pin
    return FileSafe(config.state_directory(), secret(config), Switch(library(), pin) if pin else None)


class Outside(Outlets):
    """Parties outside, and the code scanner, whose codes arrive the same way."""

    def __init__(self, config: Config) -> None:
        super().__init__(config.notices.webhook, config.notices.register_port)
        port = config.parts.scanner_port
        self._scanner = Scanner(lambda: serial.Serial(port, timeout=1.0)) if port else None

    def start(self, post: Post) -> None:
        super().start(post)
        if self._scanner:
            self._scanner.start(post)


def disk(config: Config) -> system.SqliteDisk:
    """The state directory, for the commands that read the journal of a terminal that stands still."""
    return system.SqliteDisk(config.state_directory())


def outlet(config: Config) -> Outside:
    """Not started yet. Raises ConfigError for a webhook that is no https address or a port that is taken."""
    try:
        return Outside(config)
    except (ValueError, OSError) as wrong:
        raise ConfigError(f"[notices]: {wrong}") from None


def fleet(config: Config) -> fleets.Reporter:
    """Where systemd gives a run-time directory, the metrics file; the broker of the settings. Raises ImportError for
    paho-mqtt, ConfigError for an address that is none."""
    broker = fleets.Broker(config.fleet.mqtt, config.merchant.terminal_id, config.state_directory() / "certs",
                           config.fleet.mqtt_plain) if config.fleet.mqtt else None  # fmt: skip
    return fleets.Reporter(fleets.directory(), fleets.trial_mark(), broker)


def printer(config: Config) -> EscposPrinter:
    """Not opened yet."""
    parts = config.parts
    port = serial_port.opener(parts.printer_port, parts.printer_baud, parts.printer_rtscts)
    return EscposPrinter(port, parts.printer_baud, printer_models.of(parts.printer_model, parts.printer_paper_mm))


def keypad(config: Config) -> Keypad:
    """Not started yet."""
    parts = config.parts
    if parts.front == "panel":
        return Panel(parts.panel, config.merchant.language)
    return MatrixKeypad(_pins(parts.keypad_rows), _pins(parts.keypad_columns))


def display(config: Config) -> Display:
    """Not opened yet: the first screen does it."""
    parts, language = config.parts, config.merchant.language
    if parts.front == "panel":
        return Panel(parts.panel, language)
    return OledDisplay(lambda: _glass(parts), language, parts.display, parts.brightness, parts.saver_min * 60.0)


def _front(config: Config) -> tuple[Keypad, Display, Signals]:
    """Keys and glass on the Pi's pins, or both on one panel."""
    if config.parts.front == "panel":
        panel = Panel(config.parts.panel, config.merchant.language)
        return panel, panel, NoSignals()
    signals = GpioSignals(config.parts.buzzer_pin, _pins(config.parts.lamp_pins), library())
    return keypad(config), display(config), signals


def _glass(parts: Parts) -> Any:
    if parts.display_bus == "spi":
        return open_spi(parts.display, parts.display_dc_pin, parts.display_reset_pin)
    return open_i2c(parts.display, parts.display_port, parts.display_address)


def _pins(text: str) -> list[int]:
    return [int(p) for p in text.split(",") if p.strip()]
