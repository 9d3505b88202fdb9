"""The device secret that opens the key store: a store copied to another terminal does not open there (SEC7).

Two kinds: `file` = a random key file, mixed with what the hardware says of itself where it says something; `tpm` = a
secret under a TPM 2.0's policy (drivers/tpm.py). What the first is worth: docs/security.md.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from firmware import files
from firmware.errors import KeyProblem

KEY_FILE = "device.key"
HARDWARE = (Path("/sys/firmware/devicetree/base/serial-number"), Path("/etc/machine-id"))
Secret = Callable[[], bytes]  # 32 bytes; raises KeyProblem where this is not the device


def from_file(directory: Path, key_file: Path | None = None, hardware: tuple[Path, ...] = HARDWARE) -> Secret:
    """The key file beside the store, or where the settings put it; made at the first call."""
    path = key_file or directory / KEY_FILE

    def secret() -> bytes:
        try:
            raw = path.read_bytes()
        except FileNotFoundError:
            raw = os.urandom(32)
            files.replace(path, raw)
        except OSError as broken:
            raise KeyProblem(f"{path} cannot be read ({broken.strerror}): it opens the key store") from None
        if len(raw) != 32:
            raise KeyProblem(f"{path} is damaged: restore it, or provision anew")
        return derived(raw + b"".join(_said(p) for p in hardware))

    return secret


def _said(path: Path) -> bytes:
    """What the hardware says of itself, with its length, or nothing."""
    try:
        raw = path.read_bytes()
    except OSError:
        return b"\0\0"
    return len(raw).to_bytes(2, "big") + raw


def derived(material: bytes) -> bytes:
    return HKDF(hashes.SHA256(), 32, salt=b"takeback device", info=b"key store").derive(material)
