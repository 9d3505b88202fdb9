"""What the terminal accepts, as data: emv.toml with AIDs, CA keys, revoked certificates and the exception list.

One comes with the firmware (the project's test scheme and UnionPay's AIDs, no live key); the one in the state directory
replaces it whole. Any mistake in it refuses it whole, with a sentence. A CA key must match its SHA-1 (Book 2, §10.2).
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from functools import cache
from pathlib import Path
from typing import Any

from firmware.emv import tags, tlv
from firmware.emv.settings import AidSettings, CaKey
from firmware.errors import CardBroken, ConfigError

FILE = "emv.toml"
OWN = Path(__file__).parent / "data" / FILE
_HEX = {"aid": (5, 16), "version": (2, 2), "tac_denial": (5, 5), "tac_online": (5, 5), "tac_default": (5, 5),
        "ddol": (0, 252), "tdol": (0, 252)}  # fmt: skip
_NUMBERS = {"floor_limit": 999_999_999, "random_threshold": 999_999_999, "random_percent": 99,
            "random_percent_max": 99}  # fmt: skip


@dataclass(frozen=True)
class Catalogue:
    """AIDs in the order they are tried; keys by RID and index; certificates by RID, index and serial; the exception
    list as tokens of card numbers (security/keystore.py), so that no card number is in a file."""

    aids: tuple[AidSettings, ...]
    keys: Mapping[tuple[bytes, int], CaKey] = field(default_factory=dict)
    revoked: frozenset[tuple[bytes, int, bytes]] = frozenset()
    exceptions: frozenset[str] = frozenset()

    @property
    def test_keys(self) -> int:
        return sum(k.test for k in self.keys.values())

    def with_aids(self, aids: tuple[AidSettings, ...]) -> Catalogue:
        return replace(self, aids=aids)

    def with_keys(self, keys: Mapping[tuple[bytes, int], CaKey]) -> Catalogue:
        return replace(self, keys=keys)


def load(directory: Path) -> Catalogue:
    """The state directory's file if there is one, else the firmware's own. Raises ConfigError."""
    path = directory / FILE
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return own()
    except (OSError, UnicodeDecodeError) as broken:
        raise ConfigError(f"{path}: cannot be read: {broken}") from None
    return read(text, str(path))


@cache
def own() -> Catalogue:
    return read(OWN.read_text(encoding="utf-8"), FILE)


def read(text: str, file: str) -> Catalogue:
    """TOML → catalogue. Raises ConfigError."""
    try:
        table = tomllib.loads(text)
    except tomllib.TOMLDecodeError as broken:
        raise ConfigError(f"{file}: not valid TOML: {broken}") from None
    for name, rows in table.items():
        if name not in ("aid", "ca_key", "revoked", "exception"):
            raise ConfigError(f"{file}: [[{name}]] is not known; known: aid, ca_key, revoked, exception")
        if not isinstance(rows, list) or not all(isinstance(r, dict) for r in rows):
            raise ConfigError(f"{file}: {name} must be written as [[{name}]]")
    aids = tuple(_aid(row, f"{file}: [[aid]] {n}") for n, row in enumerate(table.get("aid", []), 1))
    if not aids:
        raise ConfigError(f"{file}: there is no [[aid]]: a terminal that accepts no card sells nothing")
    if len({a.aid for a in aids}) != len(aids):
        raise ConfigError(f"{file}: an AID is there twice")
    keys = [_key(row, f"{file}: [[ca_key]] {n}") for n, row in enumerate(table.get("ca_key", []), 1)]
    if len({(k.rid, k.index) for k in keys}) != len(keys):
        raise ConfigError(f"{file}: a CA key is there twice: RID and index must be unique")
    revoked = frozenset(_revoked(row, f"{file}: [[revoked]] {n}") for n, row in enumerate(table.get("revoked", []), 1))
    tokens = frozenset(_token(row, f"{file}: [[exception]] {n}") for n, row in enumerate(table.get("exception", []), 1))
    return Catalogue(aids, {(k.rid, k.index): k for k in keys}, revoked, tokens)


def _aid(row: dict[str, Any], where: str) -> AidSettings:
    _only(row, {f.name for f in fields(AidSettings)}, {"aid"}, where)
    values: dict[str, Any] = {k: _bytes(row[k], *_HEX[k], f"{where} {k}") for k in row if k in _HEX}
    values |= {k: _number(row[k], 0, _NUMBERS[k], f"{where} {k}") for k in row if k in _NUMBERS}
    if "partial" in row:
        values["partial"] = _flag(row["partial"], f"{where} partial")
    made = AidSettings(**values)
    try:
        asked = [tag for tag, _ in tlv.dol(made.ddol)]
    except CardBroken as broken:
        raise ConfigError(f"{where} ddol: {broken}") from None
    if tags.UNPREDICTABLE not in asked:
        raise ConfigError(f"{where} ddol: must ask for 9F37, the unpredictable number")
    try:
        tlv.dol(made.tdol)
    except CardBroken as broken:
        raise ConfigError(f"{where} tdol: {broken}") from None
    if made.random_percent > made.random_percent_max and made.random_percent_max:
        raise ConfigError(f"{where} random_percent: is above random_percent_max")
    if made.random_threshold and made.random_threshold >= made.floor_limit:
        raise ConfigError(f"{where} random_threshold: must be below floor_limit")
    return made


def _key(row: dict[str, Any], where: str) -> CaKey:
    _only(row, {"rid", "index", "modulus", "exponent", "sha1", "test"}, {"rid", "index", "modulus", "sha1"}, where)
    key = CaKey(_bytes(row["rid"], 5, 5, f"{where} rid"), _bytes(row["index"], 1, 1, f"{where} index")[0],
                _bytes(row["modulus"], 64, 256, f"{where} modulus"),
                _bytes(row.get("exponent", "03"), 1, 3, f"{where} exponent"),
                _flag(row.get("test", False), f"{where} test"))  # fmt: skip
    return checked(key, _bytes(row["sha1"], 20, 20, f"{where} sha1"), where)


def checked(key: CaKey, sha1: bytes, where: str) -> CaKey:
    """Raises ConfigError for a key that is not what its checksum says, or that no card can use."""
    if key.checksum != sha1:
        raise ConfigError(f"{where}: the SHA-1 does not match RID, index, modulus and exponent: get the key again")
    if key.exponent not in (b"\x03", b"\x01\x00\x01") or not key.modulus[-1] & 1:
        raise ConfigError(f"{where}: not an RSA key of EMV: exponent 3 or 65537, odd modulus")
    return key


def _revoked(row: dict[str, Any], where: str) -> tuple[bytes, int, bytes]:
    _only(row, {"rid", "index", "serial"}, {"rid", "index", "serial"}, where)
    return (_bytes(row["rid"], 5, 5, f"{where} rid"), _bytes(row["index"], 1, 1, f"{where} index")[0],
            _bytes(row["serial"], 3, 3, f"{where} serial"))  # fmt: skip


def _token(row: dict[str, Any], where: str) -> str:
    _only(row, {"token"}, {"token"}, where)
    return _bytes(row["token"], 16, 16, f"{where} token").hex()


def _only(row: dict[str, Any], known: set[str], needed: set[str], where: str) -> None:
    for name in row:
        if name not in known:
            raise ConfigError(f"{where}: {name} is not known; known: {', '.join(sorted(known))}")
    for name in sorted(needed - row.keys()):
        raise ConfigError(f"{where}: {name} is missing")


def _bytes(value: Any, low: int, high: int, where: str) -> bytes:
    try:
        raw = bytes.fromhex(value)
    except (ValueError, TypeError):
        raise ConfigError(f"{where}: must be hex digits in quotes") from None
    if not low <= len(raw) <= high:
        raise ConfigError(f"{where}: {len(raw)} bytes are out of range {low}..{high}")
    return raw


def _number(value: Any, low: int, high: int, where: str) -> int:
    if type(value) is not int or not low <= value <= high:
        raise ConfigError(f"{where}: must be a whole number {low}..{high}")
    return int(value)


def _flag(value: Any, where: str) -> bool:
    if type(value) is not bool:
        raise ConfigError(f"{where}: must be true or false")
    return bool(value)


def write(c: Catalogue) -> str:
    """Catalogue → TOML, in a form that reads back to the same."""
    parts = ["# Written by takeback. AIDs, CA keys, revoked certificates, exception list: docs/emv.md\n"]
    for a in c.aids:
        rows = [f'{k} = "{getattr(a, k).hex().upper()}"' for k in _HEX] + [f"{k} = {getattr(a, k)}" for k in _NUMBERS]
        parts.append("\n".join(["[[aid]]", *rows, f"partial = {str(a.partial).lower()}", ""]))
    for k in c.keys.values():
        parts.append(f'[[ca_key]]\nrid = "{k.rid.hex().upper()}"\nindex = "{k.index:02X}"\n'
                     f'modulus = "{k.modulus.hex().upper()}"\nexponent = "{k.exponent.hex().upper()}"\n'
                     f'sha1 = "{k.checksum.hex().upper()}"\ntest = {str(k.test).lower()}\n')  # fmt: skip
    parts += [f'[[revoked]]\nrid = "{r.hex().upper()}"\nindex = "{i:02X}"\nserial = "{s.hex().upper()}"\n'
              for r, i, s in sorted(c.revoked)]  # fmt: skip
    parts += [f'[[exception]]\ntoken = "{t}"\n' for t in sorted(c.exceptions)]
    return "\n".join(parts)
