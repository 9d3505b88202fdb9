"""The keys that outlive a power cut: TMK, journal key, token key. One file, mode 0600, written whole.

A file on an open Pi is not a secure element: test keys only (README, "What this is not").
"""

from __future__ import annotations

import hashlib
import hmac
import json
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from firmware.errors import KeyProblem
from firmware.security import des
from firmware.security.secrets import Key, Pan

FILE = "keystore.json"


@dataclass(frozen=True)
class Keystore:
    """`tmk` wraps working keys and does nothing else; `journal` seals card numbers; `token` matches them."""

    tmk: Key
    journal: Key
    token: Key

    def seal(self, plain: bytes, random: Callable[[int], bytes]) -> bytes:
        """AES-256-GCM under the journal key: nonce 12 + ciphertext + tag 16."""
        nonce = random(12)
        return nonce + AESGCM(self.journal.reveal()).encrypt(nonce, plain, b"takeback card")

    def unseal(self, sealed: bytes) -> bytes:
        """The inverse. Raises KeyProblem if the journal key is another one or a byte is wrong."""
        try:
            return AESGCM(self.journal.reveal()).decrypt(sealed[:12], sealed[12:], b"takeback card")
        except InvalidTag:
            raise KeyProblem("a sealed card number does not open with this journal key") from None

    def card_token(self, pan: Pan) -> str:
        """HMAC-SHA-256, 32 hex: the same card gives the same token, and nothing else can be learnt from it."""
        return hmac.new(self.token.reveal(), pan.reveal().encode(), hashlib.sha256).hexdigest()[:32]


def generate(random: Callable[[int], bytes] = os.urandom) -> Keystore:
    """Fresh test keys."""
    return Keystore(tmk=Key(random(16)), journal=Key(random(32)), token=Key(random(32)))


def save(keystore: Keystore, directory: Path) -> None:
    """Write, fsync, rename, fsync the directory: never half a key store."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    names = ("tmk", "journal", "token")
    text = json.dumps({n: getattr(keystore, n).reveal().hex() for n in names}
                      | {"tmk_kcv": des.check_value(keystore.tmk).hex()})  # fmt: skip
    part = directory / (FILE + ".part")
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        file.write(text)
        file.flush()
        os.fsync(file.fileno())
    part.replace(directory / FILE)
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def load(directory: Path) -> Keystore:
    """Raises KeyProblem with one fix step."""
    path = directory / FILE
    try:
        table = json.loads(path.read_text())
        keys = {n: Key(bytes.fromhex(table[n])) for n in ("tmk", "journal", "token")}
        kcv = bytes.fromhex(table["tmk_kcv"])
    except FileNotFoundError:
        raise KeyProblem(f"{path} is missing: run `takeback provision --test-keys`") from None
    except (OSError, ValueError, KeyError, TypeError):
        raise KeyProblem(f"{path} is damaged: restore it from your backup or provision anew") from None
    if len(keys["tmk"].reveal()) != 16 or des.check_value(keys["tmk"]) != kcv:
        raise KeyProblem(f"{path}: the TMK does not match its check value")
    return Keystore(**keys)
