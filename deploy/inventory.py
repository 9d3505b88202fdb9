"""Which terminals there are: a TOML file for many, or `user@host[:port]` for one. Each mistake is one sentence."""

from __future__ import annotations

import ipaddress
import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, dataclass, field, fields
from pathlib import Path
from typing import Any, get_type_hints

DEPLOY_USER = "takeback-deploy"


class BadInventory(Exception):
    """One sentence that names file and key."""


@dataclass(frozen=True)
class Fleet:
    """What all terminals have in common. Paths count from the inventory's folder."""

    known_hosts: Path  # strict: a host that is not in it, or has another key, is not talked to
    admin_key: Path  # of the user who may do everything, for `first` and `remove`
    deploy_key: Path  # of takeback-deploy, who may call one script
    signers: Path  # whose releases the terminals take: `deploy key` prints the line
    admin: str = "pi"
    timezone: str = "Asia/Shanghai"
    canary: tuple[str, ...] = ()
    drain_s: int = 60  # an act at the counter, a debt that just arose: most are over by then
    window_s: int = 45
    only_settled: bool = False
    step_s: int = 600  # what one step of `first` may take; a terminal that hangs holds nobody else up for longer
    may_fail: int = 0  # terminals of a wave that may end on the old release without a halt
    packages: tuple[str, ...] = ()  # besides what every terminal needs


@dataclass(frozen=True)
class Target:
    """One terminal."""

    name: str
    address: str
    port: int = 22
    settings: Path | None = None  # its terminal.toml
    secrets: Path | None = None  # a folder that goes into its state directory: certs/, rules.pub …
    reach: tuple[str, ...] = ()  # addresses it may talk to, besides those that stand in its settings
    test_keys: bool = False
    read_only_root: bool = False
    data_partition: str = ""  # a device or LABEL= that holds releases, state and settings
    metrics: bool = False  # node_exporter with the terminal's figures


@dataclass(frozen=True)
class Inventory:
    fleet: Fleet
    targets: tuple[Target, ...] = field(default=())

    def pick(self, names: list[str]) -> list[Target]:
        """`all`, or by name. Raises BadInventory."""
        if names == ["all"]:
            return list(self.targets)
        known = {t.name: t for t in self.targets}
        for name in names:
            if name not in known:
                raise BadInventory(f"there is no terminal {name!r}; known: {', '.join(known) or 'none'}")
        return [known[n] for n in names]


def load(path: Path) -> Inventory:
    """Raises BadInventory."""
    try:
        table = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, tomllib.TOMLDecodeError) as broken:
        raise BadInventory(f"{path}: {broken}") from None
    strange = [k for k in table if k not in ("fleet", "terminal")]
    if strange:
        raise BadInventory(f"{path}: [{strange[0]}] is not known; known: [fleet], [terminal.NAME]")
    fleet: Fleet = _made(Fleet, table.get("fleet", {}), path, "[fleet]")
    targets = tuple(_made(Target, {"name": name, **row}, path, f"[terminal.{name}]")
                    for name, row in table.get("terminal", {}).items())  # fmt: skip
    for name in fleet.canary:
        if name not in {t.name for t in targets}:
            raise BadInventory(f"{path}: [fleet] canary {name!r} is not a terminal")
    twice = [t.name for t in targets if sum((t.address, t.port) == (o.address, o.port) for o in targets) > 1]
    if twice:
        raise BadInventory(f"{path}: {' and '.join(twice)} have the same address")
    return Inventory(fleet, targets)


def _made(kind: Any, row: Mapping[str, Any], path: Path, where: str) -> Any:
    hints = get_type_hints(kind)
    known = {f.name: f for f in fields(kind)}
    for key in row:
        if key not in known:
            raise BadInventory(f"{path}: {where} {key} is not known; known: {', '.join(known)}")
    for name, f in known.items():
        if name not in row and f.default is MISSING:
            raise BadInventory(f"{path}: {where} {name} is missing")
    return kind(**{k: _value(hints[k], v, path, f"{where} {k}") for k, v in row.items()})


def _value(kind: Any, value: Any, path: Path, where: str) -> Any:
    if kind in (Path, Path | None):
        if not isinstance(value, str):
            raise BadInventory(f"{path}: {where} must be a path, not {value!r}")
        found = path.parent / value
        if not found.exists():
            raise BadInventory(f"{path}: {where}: {found} does not exist")
        return found
    if kind == tuple[str, ...]:
        if not (isinstance(value, list) and all(isinstance(v, str) for v in value)):
            raise BadInventory(f"{path}: {where} must be a list of texts, not {value!r}")
        return tuple(value)
    if type(value) is not kind:
        raise BadInventory(f"{path}: {where} must be {kind.__name__}, not {value!r}")
    return value


def single(text: str, fleet: Fleet) -> tuple[Fleet, Target]:
    """`user@host[:port]`. Raises BadInventory."""
    user, at, place = text.rpartition("@")
    host, _, port = place.partition(":")
    if not at or not user or not host or (port and not port.isdecimal()):
        raise BadInventory(f"{text!r} is not user@host or user@host:port")
    return Fleet(**{f.name: getattr(fleet, f.name) for f in fields(Fleet)} | {"admin": user}), \
        Target(host, host, int(port or 22))  # fmt: skip


def allowed(target: Target, settings: Mapping[str, Any]) -> list[str]:
    """IP addresses that the terminal may talk to: those of its settings, and `reach`. A name in the settings needs
    `reach`, since an address that a name has today is no wall. Raises BadInventory."""
    found = list(target.reach)
    places = {"[host] address": settings.get("host", {}).get("address", ""),
              "[fleet] mqtt": settings.get("fleet", {}).get("mqtt", "").rpartition(":")[0],
              "[notices] webhook": settings.get("notices", {}).get("webhook", "")}  # fmt: skip
    for where, place in places.items():
        if not place:
            continue
        try:
            found.append(str(ipaddress.ip_address(place)))
        except ValueError:
            if not target.reach:
                raise BadInventory(f"{target.name}: {where} is a name ({place}): write the addresses it may have, and "
                                   "those of its name servers, into `reach`") from None  # fmt: skip
    for place in found:
        try:
            ipaddress.ip_network(place, strict=False)
        except ValueError:
            raise BadInventory(f"{target.name}: reach: {place!r} is no IP address or network") from None
    return sorted(set(found))
