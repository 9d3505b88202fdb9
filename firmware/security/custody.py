"""Keys come in: components of two custodians, or a TR-31 key block under a key that they bring (SEC4, SEC10)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from firmware.errors import KeyProblem
from firmware.security import des
from firmware.security.secrets import Key, Use

_TMK_USAGES, _DUKPT_USAGE = ("K0",), "B1"
_UNWRAPS = frozenset({"D", "B", "N"})  # modes of use that let a key decrypt or derive


@dataclass(frozen=True)
class Component:
    """One custodian's half: 16 bytes, and the check value that was written beside it."""

    value: bytes
    check: bytes

    @classmethod
    def typed(cls, value: str, check: str) -> Component:
        """Raises KeyProblem naming what is wrong; never the digits."""
        try:
            raw, kcv = bytes.fromhex(value.replace(" ", "")), bytes.fromhex(check.replace(" ", ""))
        except ValueError:
            raise KeyProblem("a component and its check value are hex digits") from None
        if len(raw) != 16:
            raise KeyProblem(f"a component has 32 hex digits, not {2 * len(raw)}")
        if not 3 <= len(kcv) <= 4 or check_of(raw)[: len(kcv)] != kcv:
            raise KeyProblem("the component does not match its check value: type it again")
        return cls(raw, kcv)


def check_of(raw: bytes) -> bytes:
    """The first four bytes of zeros under the key."""
    return des.check_value(Key(raw, Use.WRAP))


def combined(first: Component, second: Component) -> bytes:
    """XOR of two components. Raises KeyProblem where they are the same, or make a key whose halves are."""
    raw = bytes(a ^ b for a, b in zip(first.value, second.value, strict=True))
    if raw[:8] == raw[8:] or not any(raw):
        raise KeyProblem("the components make a key that is none: are both custodians using the same one?")
    return raw


@dataclass(frozen=True)
class Unwrapped:
    """What a key block held: `use` TMK or DUKPT, the key, and for DUKPT its KSN as the block names it."""

    use: str
    key: bytes
    algorithm: str
    ksn: bytes


def opened(kbpk: Key, block: str) -> tuple[Any, bytes]:
    """Header and key of a TR-31 / ANSI X9.143 key block, versions A to D. Raises KeyProblem for one that is not
    authentic under this key."""
    from psec import tr31

    try:
        return tr31.unwrap(kbpk.bytes_for(Use.BLOCKS), block)
    except (tr31.KeyBlockError, tr31.HeaderError, ValueError) as wrong:
        raise KeyProblem(f"the key block cannot be taken: {wrong}") from None


def unwrap(kbpk: Key, block: str) -> Unwrapped:
    """What a block brings. Raises KeyProblem for a key that is not for this terminal to take: working keys come with
    the sign-on only."""
    header, key = opened(kbpk, block)
    ksn = bytes.fromhex(header.blocks["KS"]) if "KS" in header.blocks else b""
    if header.key_usage in _TMK_USAGES and header.algorithm == "T" and header.mode_of_use in _UNWRAPS:
        return Unwrapped("TMK", key, header.algorithm, ksn)
    if header.key_usage == _DUKPT_USAGE and header.algorithm in ("T", "A"):
        return Unwrapped("DUKPT", key, header.algorithm, ksn)
    what = f"usage {header.key_usage}, algorithm {header.algorithm}, mode {header.mode_of_use}"
    raise KeyProblem(f"a key of {what} is not taken here: K0 T (TMK) and B1 (DUKPT) are")


def good_kbpk(raw: bytes) -> Key:
    """Raises KeyProblem."""
    if len(raw) not in (16, 24, 32):
        raise KeyProblem("a key block protection key has 16, 24 or 32 bytes")
    return Key(raw, Use.BLOCKS)
