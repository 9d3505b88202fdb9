"""Settings: TOML → frozen dataclasses. Each mistake is one sentence that names file and key."""

from __future__ import annotations

import dataclasses
import os
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_type_hints

from firmware.errors import ConfigError

DEFAULT_FILE = "/etc/takeback/terminal.toml"


def _limits(low: int, high: int, default: Any = dataclasses.MISSING) -> Any:
    """An integer (or the length of a text) between low and high, both included."""
    return field(default=default, metadata={"low": low, "high": high})


def _one_of(*words: str, default: str) -> Any:
    return field(default=default, metadata={"words": words})


@dataclass(frozen=True)
class Merchant:
    """Who sells. `terminal_id` is DE 41, `merchant_id` DE 42."""

    name: str = _limits(1, 16)
    terminal_id: str = _limits(8, 8)
    merchant_id: str = _limits(15, 15)
    name_en: str = _limits(0, 30, "")
    hotline: str = _limits(0, 16, "")
    operator: str = _limits(2, 2, "01")
    language: str = _one_of("zh", "en", default="zh")


@dataclass(frozen=True)
class Limits:
    """Amounts in fen."""

    sale_max: int = _limits(1, 999_999_999, 5_000_000)


@dataclass(frozen=True)
class Times:
    """Seconds. The demo profile shortens them; nothing else does."""

    prompt_s: int = _limits(1, 600, 30)
    pin_s: int = _limits(1, 600, 60)
    host_s: int = _limits(1, 120, 60)
    connect_s: int = _limits(1, 60, 10)
    hold_s: int = _limits(1, 600, 60)
    apdu_s: int = _limits(1, 60, 5)
    tell_s: int = _limits(1, 60, 5)
    retry_s: int = _limits(1, 60, 1)
    retry_max_s: int = _limits(1, 3600, 300)


@dataclass(frozen=True)
class Host:
    """Where the acquirer is and how it wants to be spoken to."""

    address: str = _limits(1, 255, "127.0.0.1")
    port: int = _limits(1, 65535, 8583)
    server_name: str = _limits(1, 255, "bank.test")
    tpdu: str = _limits(10, 10, "6000030000")
    header: str = _limits(12, 12, "613100310000")
    profile: str = _one_of("unionpay", default="unionpay")
    bare_refusal_ends_it: bool = False
    inquiry: bool = False  # the bank answers our inquiry extension (0820 901)
    repeats_refund: bool = False  # a refund without an answer may be sent again under its own STAN


@dataclass(frozen=True)
class Parts:
    """Which driver plays which part; the words are those of drivers.board."""

    reader: str = _one_of("pcsc", default="pcsc")
    front: str = _one_of("pi", "panel", default="pi")
    display: str = _one_of("ssd1306", "sh1106", "ssd1309", default="ssd1306")
    display_bus: str = _one_of("i2c", "spi", default="i2c")
    display_port: int = _limits(0, 99, 1)
    display_address: int = _limits(0x08, 0x77, 0x3C)
    display_dc_pin: int = _limits(0, 27, 26)
    display_reset_pin: int = _limits(0, 27, 4)
    brightness: int = _limits(1, 255, 207)
    saver_min: int = _limits(1, 1440, 10)
    printer_port: str = _limits(1, 255, "/dev/ttyUSB0")
    printer_baud: int = _limits(1200, 921600, 115200)
    printer_model: str = _one_of("auto", "epson", "tm-t88iii", "pos-58", "pos-80", default="auto")
    printer_paper_mm: str = _one_of("58", "80", default="58")
    printer_rtscts: bool = False
    panel: str = _limits(0, 255, "")
    scanner_port: str = _limits(0, 255, "")
    reader_like: str = _limits(0, 60, "")
    keypad_rows: str = _limits(1, 40, "5,6,13,19")
    keypad_columns: str = _limits(1, 40, "12,16,20,21")
    buzzer_pin: int = _limits(0, 27, 18)
    lamp_pins: str = _limits(0, 40, "22,23,24,25")
    tamper_pin: int = _limits(0, 27, 0)  # 0: no switch


@dataclass(frozen=True)
class Withdraw:
    """The merchant's own switches, and which rule pack is in force. A switch that is off takes the line out of the
    menu."""

    rules: str = _one_of("cn", "demo", default="cn")
    void: bool = True
    refund: bool = True
    partial: bool = True
    card_absent: bool = True
    booking_cancel: bool = True
    cash: bool = True
    offline: bool = False

    def off(self) -> frozenset[str]:
        names = ("void", "refund", "partial", "card_absent", "booking_cancel", "cash")
        return frozenset(n for n in names if not getattr(self, n))


@dataclass(frozen=True)
class Emv:
    """`pin_bypass`: green without a digit means that the customer's card has no PIN; then its issuer decides. `trace`
    keeps the last card sessions, masked, in the state directory."""

    pin_bypass: bool = False
    trace: bool = False


@dataclass(frozen=True)
class Security:
    """How the key store is sealed to this device, and where its key file is (empty: beside the store)."""

    seal: str = _one_of("file", "tpm", default="file")
    device_key: str = _limits(0, 255, "")
    pin_keys: str = _one_of("session", "dukpt", default="session")  # from the sign-on, or one key for each PIN
    pin_tries: int = _limits(1, 9, 3)  # PINs a day that a bank may call wrong before the card is refused here


@dataclass(frozen=True)
class Operators:
    """`sign_on`: a cashier must sign on before anything is sold. `idle_lock_s`: after so long at rest the password is
    asked again (0: never). The cost of a password's hash (Argon2id): KiB and rounds."""

    sign_on: bool = True
    idle_lock_s: int = _limits(0, 86400, 300)
    argon_kib: int = _limits(8, 1048576, 19456)
    argon_rounds: int = _limits(1, 10, 2)


@dataclass(frozen=True)
class Notices:
    """Who hears of a fault besides the people at the counter. Empty or 0: nobody."""

    webhook: str = _limits(0, 255, "")
    register_port: int = _limits(0, 65535, 0)


@dataclass(frozen=True)
class Reports:
    """Whom the terminal tells how it stands, besides the metrics file: an MQTT broker, "name:port" ("": none). TLS with
    certs/mqtt-ca.pem, and certs/mqtt.pem and mqtt.key where they are there; `mqtt_plain` only for a broker on this
    machine."""

    mqtt: str = _limits(0, 255, "")
    mqtt_plain: bool = False


@dataclass(frozen=True)
class Paths:
    """Where state lives. Empty: $STATE_DIRECTORY, else ~/.local/state/takeback."""

    state: str = _limits(0, 4096, "")


@dataclass(frozen=True)
class Config:
    """The whole terminal. Only [merchant] has no defaults."""

    merchant: Merchant
    limits: Limits = field(default_factory=Limits)
    times: Times = field(default_factory=Times)
    host: Host = field(default_factory=Host)
    parts: Parts = field(default_factory=Parts)
    withdraw: Withdraw = field(default_factory=Withdraw)
    operators: Operators = field(default_factory=Operators)
    notices: Notices = field(default_factory=Notices)
    emv: Emv = field(default_factory=Emv)
    security: Security = field(default_factory=Security)
    fleet: Reports = field(default_factory=Reports)
    paths: Paths = field(default_factory=Paths)

    def state_directory(self, environ: Mapping[str, str] | None = None) -> Path:
        """Where journal.db, keystore and certs/ live. Not created here."""
        env = os.environ if environ is None else environ
        given = env.get("STATE_DIRECTORY") or self.paths.state
        return Path(given) if given else Path(env.get("HOME", "/")) / ".local/state/takeback"


def find(option: str | None, environ: Mapping[str, str] | None = None) -> Path:
    """--config, else $TAKEBACK_CONFIG, else /etc/takeback/terminal.toml."""
    env = os.environ if environ is None else environ
    return Path(option or env.get("TAKEBACK_CONFIG") or DEFAULT_FILE)


def load(path: Path) -> Config:
    """Read one file. Raises ConfigError with a sentence naming file and key."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"{path}: there is no such file; copy deploy/terminal.example.toml there") from None
    except (OSError, UnicodeDecodeError) as broken:
        raise ConfigError(f"{path}: cannot be read: {broken}") from None
    except tomllib.TOMLDecodeError as broken:
        raise ConfigError(f"{path}: not valid TOML: {broken}") from None
    return parse(table, str(path))


def parse(table: Mapping[str, Any], file: str = "settings") -> Config:
    """A table of tables → Config. Raises ConfigError."""
    sections = {f.name: get_type_hints(Config)[f.name] for f in dataclasses.fields(Config)}
    for name in table:
        if name not in sections:
            raise ConfigError(f"{file}: [{name}] is not a section; known: {', '.join(sections)}")
    return Config(**{name: _section(kind, table.get(name, {}), file, name) for name, kind in sections.items()})


def _section(kind: Any, table: Any, file: str, section: str) -> Any:
    if not isinstance(table, Mapping):
        raise ConfigError(f"{file}: [{section}] must be a table")
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{file}: [{section}] {key} is not a setting; known: {', '.join(fields)}")
    for name, f in fields.items():
        if name not in table and f.default is dataclasses.MISSING:
            raise ConfigError(f"{file}: [{section}] {name} is missing")
    return kind(**{key: _value(fields[key], hints[key], value, f"{file}: [{section}] {key}")
                   for key, value in table.items()})  # fmt: skip


def _value(f: dataclasses.Field[Any], kind: Any, value: Any, where: str) -> Any:
    if type(value) is not kind:
        raise ConfigError(f"{where} must be {kind.__name__}, not {value!r}")
    words = f.metadata.get("words")
    if words and value not in words:
        raise ConfigError(f"{where} must be one of {', '.join(words)}, not {value!r}")
    if "low" in f.metadata:
        low, high, size = f.metadata["low"], f.metadata["high"], value if kind is int else len(value)
        if not low <= size <= high:
            what = "" if kind is int else "length "
            raise ConfigError(f"{where}: {what}{size} is out of range {low}..{high}")
    return value
