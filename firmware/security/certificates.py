"""The certificates of the line, looked at before the bank refuses them."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import serialization

from firmware.errors import KeyProblem


def expiry(folder: Path) -> datetime:
    """When the first of ca.pem and terminal.pem ends, local time, naive. Raises KeyProblem where one is missing, cannot
    be read, or does not belong to terminal.key."""
    try:
        found = [x509.load_pem_x509_certificate((folder / name).read_bytes()) for name in ("ca.pem", "terminal.pem")]
        key = serialization.load_pem_private_key((folder / "terminal.key").read_bytes(), None)
    except FileNotFoundError as missing:
        raise KeyProblem(f"{missing.filename} is missing") from None
    except (OSError, ValueError, TypeError) as broken:
        raise KeyProblem(f"a file in {folder} cannot be read: {type(broken).__name__}") from None
    if key.public_key() != found[1].public_key():
        raise KeyProblem("terminal.key does not belong to terminal.pem")
    return min(c.not_valid_after_utc for c in found).astimezone().replace(tzinfo=None)
