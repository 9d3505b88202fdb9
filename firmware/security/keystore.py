"""The keys that outlive a power cut: TMK, journal key, token key, state key. One file, mode 0600, sealed to the
device and written whole.

A file on an open Pi is not a secure element: test keys only (README, "What this is not").
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware import files
from firmware.errors import KeyProblem
from firmware.security import des, sealing
from firmware.security.sealing import Secret
from firmware.security.secrets import Key, Pan, Use

FILE = "keystore.json"
_AAD = b"takeback key store 2"
_USES = {"tmk": Use.WRAP, "journal": Use.CARD, "token": Use.TOKEN, "state": Use.STATE}


@dataclass(frozen=True)
class Keystore:
    """`tmk` wraps working keys and does nothing else; None once it was erased (tamper), and before the first one was
    loaded (`blank`). `journal` seals card numbers, `token` matches them, `state` seals what other keys leave behind
    (DUKPT). `begun`: a journal was begun beside it, so that one that is gone is missed."""

    tmk: Key | None
    journal: Key
    token: Key
    state: Key
    blank: bool = field(default=False, kw_only=True)
    begun: bool = field(default=False, kw_only=True)

    @property
    def erased(self) -> bool:
        return self.tmk is None and not self.blank

    def seal(self, plain: bytes, random: Callable[[int], bytes]) -> bytes:
        """AES-256-GCM under the journal key: nonce 12 + ciphertext + tag 16."""
        return _seal(self.journal.bytes_for(Use.CARD), plain, random, b"takeback card")

    def unseal(self, sealed: bytes) -> bytes:
        """The inverse. Raises KeyProblem if the journal key is another one or a byte is wrong."""
        return _unseal(self.journal.bytes_for(Use.CARD), sealed, b"takeback card",
                       "a sealed card number does not open with this journal key")  # fmt: skip

    def seal_state(self, plain: bytes, random: Callable[[int], bytes]) -> bytes:
        return _seal(self.state.bytes_for(Use.STATE), plain, random, b"takeback state")

    def unseal_state(self, sealed: bytes) -> bytes:
        """Raises KeyProblem."""
        return _unseal(self.state.bytes_for(Use.STATE), sealed, b"takeback state", "key state of another key store")

    def card_token(self, pan: Pan) -> str:
        """HMAC-SHA-256, 32 hex: the same card gives the same token, and nothing else can be learnt from it."""
        return hmac.new(self.token.bytes_for(Use.TOKEN), pan.reveal().encode(), hashlib.sha256).hexdigest()[:32]

    def without_tmk(self) -> Keystore:
        return replace(self, tmk=None, blank=False)

    def with_tmk(self, raw: bytes) -> Keystore:
        """Raises KeyProblem for another length."""
        if len(raw) != 16:
            raise KeyProblem("a TMK has 16 bytes")
        return replace(self, tmk=Key(raw, Use.WRAP), blank=False)


def _seal(key: bytes, plain: bytes, random: Callable[[int], bytes], about: bytes) -> bytes:
    nonce = random(12)
    return nonce + AESGCM(key).encrypt(nonce, plain, about)


def _unseal(key: bytes, sealed: bytes, about: bytes, wrong: str) -> bytes:
    try:
        return AESGCM(key).decrypt(sealed[:12], sealed[12:], about)
    except (InvalidTag, ValueError):
        raise KeyProblem(wrong) from None


def generate(random: Callable[[int], bytes] = os.urandom) -> Keystore:
    """Fresh test keys."""
    return Keystore(*(Key(random(16 if use is Use.WRAP else 32), use) for use in _USES.values()))


def empty(random: Callable[[int], bytes] = os.urandom) -> Keystore:
    """This device's own keys, and no TMK yet: two custodians bring it."""
    return replace(generate(random), tmk=None, blank=True)


def save(keystore: Keystore, directory: Path, secret: Secret | None = None) -> None:
    """Sealed under the device secret; never half a key store. Raises KeyProblem, OSError."""
    keys = {n: getattr(keystore, n) for n in _USES}
    table = {n: k.reveal().hex() for n, k in keys.items() if k is not None}
    table |= {word: "1" for word in ("blank", "begun") if getattr(keystore, word)}
    if keystore.tmk:
        table["tmk_kcv"] = des.check_value(keystore.tmk).hex()
    opener = (secret or sealing.from_file(directory))()
    sealed = _seal(opener, json.dumps(table).encode(), os.urandom, _AAD)
    text = json.dumps({"version": 2, "device": _mark(opener), "sealed": sealed.hex()})
    files.replace(directory / FILE, text.encode())


def _mark(opener: bytes) -> str:
    """Tells two devices apart and no more."""
    return hashlib.sha256(b"takeback device mark" + opener).hexdigest()[:8]


def load(directory: Path, secret: Secret | None = None) -> Keystore:
    """Raises KeyProblem with one fix step."""
    path = directory / FILE
    try:
        outer = json.loads(path.read_text())
        sealed, mark = bytes.fromhex(outer["sealed"]), str(outer["device"])
    except FileNotFoundError:
        raise KeyProblem(f"{path} is missing: run `takeback provision`, or `takeback provision --test-keys`") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise KeyProblem(f"{path} is damaged: restore it from your backup or provision anew") from None
    opener = (secret or sealing.from_file(directory))()
    if _mark(opener) != mark:
        raise KeyProblem(f"{path} belongs to another device: provision this one with keys of its own")
    plain = _unseal(opener, sealed, _AAD, f"{path} is damaged: restore it from your backup or provision anew")
    return _read(json.loads(plain), path)


def _read(table: dict[str, str], path: Path) -> Keystore:
    keys = {n: Key(bytes.fromhex(table[n]), use) for n, use in _USES.items() if n in table}
    tmk = keys.pop("tmk", None)
    if tmk and (len(tmk.reveal()) != 16 or des.check_value(tmk).hex() != table["tmk_kcv"]):
        raise KeyProblem(f"{path}: the TMK does not match its check value")
    return Keystore(tmk=tmk, blank="blank" in table, begun="begun" in table, **keys)


def begun(directory: Path, secret: Secret | None = None) -> bool:
    """Was a journal begun beside this key store? Not, as far as anybody can say, where none opens."""
    try:
        return load(directory, secret).begun
    except KeyProblem:
        return False
