"""DES in the shapes a terminal needs, always handed to the library as 24 bytes (K1K2K1, K1K1K1)."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes

from firmware.security.secrets import Key


def _cipher(key: Key) -> Cipher[modes.ECB]:
    raw = key.reveal()
    if len(raw) not in (8, 16):
        raise ValueError("a DES key has 8 or 16 bytes")
    return Cipher(TripleDES((raw * 3)[:24]), modes.ECB())


def _run(context: CipherContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()


def encrypt(key: Key, data: bytes) -> bytes:
    """ECB over whole 8-byte blocks; single DES for an 8-byte key."""
    return _run(_cipher(key).encryptor(), data)


def decrypt(key: Key, data: bytes) -> bytes:
    """The inverse of encrypt."""
    return _run(_cipher(key).decryptor(), data)


def encrypt_in_place(key: Key, block: bytearray) -> None:
    """Overwrite a clear 8-byte block with its encryption, so that the clear one is gone."""
    out = bytearray(15)  # the library wants room for len + 7
    _cipher(key).encryptor().update_into(block, out)
    block[:] = out[:8]


def check_value(key: Key) -> bytes:
    """KCV: the first four bytes of E(key, 8 zero bytes)."""
    return encrypt(key, bytes(8))[:4]
