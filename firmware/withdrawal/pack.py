"""A rule pack: what may be taken back, as data (TOML → frozen dataclasses), versioned, dated and signed.

The packs that come with the firmware need no signature. A newer one is installed with `takeback rules --install`; it
must carry an Ed25519 signature of the key in certs/rules.pub, the same id and a higher version (S50).
"""

from __future__ import annotations

import dataclasses
import os
import re
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import Any, get_type_hints

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from firmware.errors import ConfigError
from firmware.words import Word

INSTALLED = "rules.toml"
PUBLIC_KEY = "rules.pub"
_OWN = Path(__file__).parent.joinpath("packs")


@dataclass(frozen=True)
class Rule:
    """One line of the table. Empty `until` and zero seconds or fen mean: no limit of that kind."""

    of: str
    method: str
    do: str
    states: tuple[str, ...]
    grant: str
    card: str
    batch: str = "any"
    until: str = ""
    from_s: int = 0
    within_s: int = 0
    min: int = 0
    max: int = 0
    switch: str = ""
    verify: bool = False
    partial: bool = False
    cap_percent: int = 100
    policy: str = ""


@dataclass(frozen=True)
class Booking:
    """How a kind of booking may be cancelled: `until_h` hours before the service (-1: never), then for a fee."""

    name: str
    zh: str
    en: str
    until_h: int
    fee_percent: int

    @property
    def word(self) -> Word:
        return Word(self.zh, self.en)


@dataclass(frozen=True)
class Pack:
    """All of it. Amounts in fen."""

    id: str
    version: int
    date: str
    completion_percent: int
    posting_days: int
    holidays: tuple[str, ...]
    dual_control: bool
    retries: int
    terms: str
    disclosure: str
    hold_days: int
    retention_days: int
    pan_shown: str
    offline_single: int
    offline_total: int
    offline_count: int
    offline_hours: int
    offline_final: int
    journal_limit: int
    rule: tuple[Rule, ...] = field(default=())
    booking: tuple[Booking, ...] = field(default=())

    @property
    def name(self) -> str:
        """What stands on every slip."""
        return f"{self.id} {self.version}"

    def find(self, of: str, method: str, do: str) -> Rule | None:
        return next((r for r in self.rule if (r.of, r.method, r.do) == (of, method, do)), None)

    def lines(self, of: str, method: str) -> list[Rule]:
        return [r for r in self.rule if (r.of, r.method) == (of, method)]

    def booking_class(self, name: str) -> Booking | None:
        return next((b for b in self.booking if b.name == name), None)


_WORDS = {
    "batch": ("same", "earlier", "any"),
    "grant": ("none", "supervisor", "two"),
    "card": ("same", "none"),
    "policy": ("", "booking", "fee"),
    "pan_shown": ("6+4", "0+4"),
}


def parse(text: str, file: str) -> Pack:
    """Raises ConfigError naming file and key."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise ConfigError(f"{file}: not valid TOML: {broken}") from None
    rules = tuple(_make(Rule, row, f"{file}: rule {n}") for n, row in enumerate(table.pop("rule", []), 1))
    bookings = tuple(_make(Booking, row, f"{file}: booking {n}") for n, row in enumerate(table.pop("booking", []), 1))
    known = [(r.of, r.method, r.do) for r in rules]
    twice = next((k for k in known if known.count(k) > 1), None)
    if twice:
        raise ConfigError(f"{file}: there are two rules for {' '.join(twice)}")
    pack: Pack = _make(Pack, table, file)
    return dataclasses.replace(pack, rule=rules, booking=bookings)


def _make(kind: Any, table: Mapping[str, Any], where: str) -> Any:
    hints = get_type_hints(kind)
    fields = {f.name: f for f in dataclasses.fields(kind)}
    for key in table:
        if key not in fields:
            raise ConfigError(f"{where}: {key} is not known; known: {', '.join(fields)}")
    for name, f in fields.items():
        if name not in table and f.default is dataclasses.MISSING:
            raise ConfigError(f"{where}: {name} is missing")
    return kind(**{key: _value(key, hints[key], value, where) for key, value in table.items()})


def _value(key: str, kind: Any, value: Any, where: str) -> Any:
    if isinstance(value, list) and all(isinstance(v, str) for v in value):
        value = tuple(value)
    if type(value) is not (tuple if kind == tuple[str, ...] else kind):
        raise ConfigError(f"{where}: {key} must be {getattr(kind, '__name__', kind)}, not {value!r}")
    if key in _WORDS and value not in _WORDS[key]:
        raise ConfigError(f"{where}: {key} must be one of {', '.join(_WORDS[key])}, not {value!r}")
    if key == "until" and value and not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", str(value)):
        raise ConfigError(f"{where}: {key} must be a time like 23:00, not {value!r}")
    return value


@cache
def _own(profile: str) -> Pack:
    return parse(_OWN.joinpath(f"{profile}.toml").read_text(encoding="utf-8"), f"{profile}.toml")


def load(profile: str, state: Path) -> Pack:
    """The installed pack of this profile if it is newer than the firmware's own. Raises ConfigError."""
    own = _own(profile)
    path = state.joinpath(INSTALLED)
    if not path.exists():
        return own
    found = parse(path.read_text(encoding="utf-8"), str(path))
    return found if found.id == own.id and found.version > own.version else own


def install(new: Path, signature: Path, profile: str, state: Path) -> Pack:
    """Check and put in place, durably; the terminal takes it at its next start. Raises ConfigError with what to do."""
    try:
        text = new.read_bytes()
        key = serialization.load_pem_public_key(state.joinpath("certs", PUBLIC_KEY).read_bytes())
        assert isinstance(key, Ed25519PublicKey)
        key.verify(signature.read_bytes(), text)
    except InvalidSignature:
        raise ConfigError(f"{new}: the signature is not that of certs/{PUBLIC_KEY}") from None
    except (OSError, ValueError, AssertionError) as broken:
        raise ConfigError(f"{new} cannot be checked: {broken}") from None
    pack, now = parse(text.decode("utf-8"), str(new)), load(profile, state)
    if pack.id != now.id or pack.version <= now.version:
        raise ConfigError(f"{new}: {pack.name} of {pack.date} is not newer than {now.name} of {now.date}")
    part = state.joinpath(INSTALLED + ".part")
    with part.open("wb") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(state.joinpath(INSTALLED))
    handle = os.open(state, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    return pack
