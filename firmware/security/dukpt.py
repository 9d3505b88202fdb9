"""DUKPT on the terminal's side: one key for each PIN, none of which can be found again from what is left behind.

TDES by ANSI X9.24-1 (21-bit counter), AES by X9.24-3 (32-bit counter). The initial key is spent at loading; what
stays is the register of future keys, from which each used key is gone. tests/security/test_dukpt_vectors.py has the
published rows.
"""

from __future__ import annotations

import json
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from cryptography.hazmat.primitives.ciphers import Cipher, algorithms, modes

from firmware.errors import KeyProblem
from firmware.security import des
from firmware.security.secrets import Key, Use


def _xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def _single(key: bytes, data: bytes) -> bytes:
    return des.encrypt(Key(key, Use.DERIVE), data, Use.DERIVE)


def _aes(key: bytes, data: bytes) -> bytes:
    run = Cipher(algorithms.AES(key), modes.ECB()).encryptor()
    return run.update(data) + run.finalize()


class Scheme(ABC):
    """What TDES and AES do each in their own way. A KSN is `base` with the counter in its low bits."""

    name: str
    bits: int  # of the counter
    ones: int  # set bits a counter may have
    ksn_size: int

    @abstractmethod
    def child(self, parent: bytes, ksn: bytes) -> bytes:
        """The key that this KSN's lowest set bit adds to its parent."""

    @abstractmethod
    def pin_key(self, transaction_key: bytes, ksn: bytes) -> bytes:
        """The working key for PINs."""

    def ksn(self, base: bytes, counter: int) -> bytes:
        return (int.from_bytes(base, "big") | counter).to_bytes(self.ksn_size, "big")


class Tdes(Scheme):
    """ANSI X9.24-1:2009, Annex A."""

    name, bits, ones, ksn_size = "tdes", 21, 10, 10
    _MASK = bytes.fromhex("C0C0C0C000000000" * 2)
    _PIN = bytes.fromhex("00000000000000FF" * 2)

    def child(self, parent: bytes, ksn: bytes) -> bytes:
        """The non-reversible key generation process."""
        right = ksn[2:]
        halves = []
        for key in (_xor(parent, self._MASK), parent):
            halves.append(_xor(_single(key[:8], _xor(right, key[8:])), key[8:]))
        return halves[0] + halves[1]

    def pin_key(self, transaction_key: bytes, ksn: bytes) -> bytes:
        return _xor(transaction_key, self._PIN)


class Aes(Scheme):
    """ANSI X9.24-3:2017 for keys of 128 or 256 bits."""

    name, bits, ones, ksn_size = "aes", 32, 16, 12
    PIN, MAC, DERIVATION, INITIAL = 0x1000, 0x2000, 0x8000, 0x8001

    def derive(self, key: bytes, ksn: bytes, usage: int, size: int) -> bytes:
        """Derivation data 01, block, usage, algorithm, length, context (6.3.2)."""
        algorithm = {16: 2, 32: 4}[size]
        context = ksn[:8] if usage == self.INITIAL else ksn[4:]
        head = usage.to_bytes(2, "big") + algorithm.to_bytes(2, "big") + (size * 8).to_bytes(2, "big")
        blocks = (_aes(key, bytes([1, block]) + head + context) for block in range(1, size // 16 + 1))
        return b"".join(blocks)

    def initial(self, bdk: bytes, ikid: bytes) -> bytes:
        """The host's side, for tests: the initial key of a terminal."""
        return self.derive(bdk, ikid.ljust(12, b"\0"), self.INITIAL, len(bdk))

    def child(self, parent: bytes, ksn: bytes) -> bytes:
        return self.derive(parent, ksn, self.DERIVATION, len(parent))

    def pin_key(self, transaction_key: bytes, ksn: bytes) -> bytes:
        return self.derive(transaction_key, ksn, self.PIN, 16)


SCHEMES: dict[str, Scheme] = {s.name: s for s in (Tdes(), Aes())}


@dataclass(frozen=True)
class OnceKey:
    """A key for one PIN, and the KSN that goes with it."""

    key: Key
    ksn: bytes
    transaction_key: bytes


@dataclass(frozen=True)
class Register:
    """The future keys, by counter bit. Values: `spend` gives the next state, and the key that is no longer in it."""

    scheme: Scheme
    base: bytes
    counter: int
    keys: dict[int, bytes]

    @classmethod
    def load(cls, scheme: Scheme, initial_key: bytes, base: bytes) -> Register:
        """`base`: the initial KSN, counter zero. The initial key itself is not kept. Raises KeyProblem."""
        if len(base) != scheme.ksn_size or int.from_bytes(base, "big") & (1 << scheme.bits) - 1:
            raise KeyProblem(f"a KSN of {scheme.ksn_size} bytes with its counter at zero is needed")
        if len(initial_key) not in ((16,) if scheme.name == "tdes" else (16, 32)):
            raise KeyProblem("the initial key has a wrong length")
        keys = {1 << n: scheme.child(initial_key, scheme.ksn(base, 1 << n)) for n in range(scheme.bits)}
        return cls(scheme, base, 1, keys)

    def spend(self) -> tuple[Register, OnceKey]:
        """Raises KeyProblem when no key is left: load a new initial key."""
        if self.counter >= 1 << self.scheme.bits:
            raise KeyProblem("the DUKPT keys are used up: load a new initial key")
        lowest = self.counter & -self.counter
        key, ksn = self.keys[lowest], self.scheme.ksn(self.base, self.counter)
        left = {bit: k for bit, k in self.keys.items() if bit != lowest}
        if self.counter.bit_count() < self.scheme.ones:
            for n in range(lowest.bit_length() - 1):
                left[1 << n] = self.scheme.child(key, self.scheme.ksn(self.base, self.counter | 1 << n))
            after = self.counter + 1
        else:
            after = self.counter + lowest
        pin = Key(self.scheme.pin_key(key, ksn), Use.PIN)
        return Register(self.scheme, self.base, after, left), OnceKey(pin, ksn, key)

    def text(self) -> bytes:
        """For the sealed store."""
        return json.dumps({"scheme": self.scheme.name, "base": self.base.hex(), "counter": self.counter,
                           "keys": {str(bit): k.hex() for bit, k in self.keys.items()}}).encode()  # fmt: skip

    @classmethod
    def from_text(cls, text: bytes) -> Register:
        table = json.loads(text)
        keys = {int(bit): bytes.fromhex(k) for bit, k in table["keys"].items()}
        return cls(SCHEMES[table["scheme"]], bytes.fromhex(table["base"]), table["counter"], keys)


class Store(Protocol):
    """The journal's settings: `set` is durable when it returns."""

    def setting(self, name: str, default: str = "") -> str: ...
    def set(self, **settings: str) -> None: ...


class Once:
    """Keys for one PIN each. The counter is durable before the key is used (SEC5): a power cut costs a key, and never
    gives one twice."""

    SETTING = "dukpt"

    def __init__(self, store: Store, seal: Callable[[bytes], bytes], unseal: Callable[[bytes], bytes]) -> None:
        self._store, self._seal, self._unseal = store, seal, unseal

    def load(self, register: Register) -> None:
        """A new initial key: durable."""
        self._store.set(**{self.SETTING: self._seal(register.text()).hex()})

    @property
    def loaded(self) -> bool:
        return bool(self._store.setting(self.SETTING))

    def take(self) -> OnceKey:
        """Raises KeyProblem where no keys are loaded or left."""
        sealed = self._store.setting(self.SETTING)
        if not sealed:
            raise KeyProblem("no DUKPT keys are loaded: takeback keys dukpt")
        after, once = Register.from_text(self._unseal(bytes.fromhex(sealed))).spend()
        self.load(after)
        return once
