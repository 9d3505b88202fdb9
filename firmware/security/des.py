"""DES in the shapes a terminal needs, always handed to the library as 24 bytes (K1K2K1, K1K1K1)."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, CipherContext, modes

from firmware.security.secrets import Key, Use


def _cipher(raw: bytes) -> Cipher[modes.ECB]:
    if len(raw) not in (8, 16):
        raise ValueError("a DES key has 8 or 16 bytes")
    return Cipher(TripleDES((raw * 3)[:24]), modes.ECB())


def _run(context: CipherContext, data: bytes) -> bytes:
    return context.update(data) + context.finalize()


def encrypt(key: Key, data: bytes, use: Use) -> bytes:
    """ECB over whole 8-byte blocks; single DES for an 8-byte key. Raises WrongKeyUse."""
    return _run(_cipher(key.bytes_for(use)).encryptor(), data)


def decrypt(key: Key, data: bytes, use: Use) -> bytes:
    """The inverse of encrypt. Raises WrongKeyUse."""
    return _run(_cipher(key.bytes_for(use)).decryptor(), data)


def encrypt_in_place(key: Key, block: bytearray, use: Use) -> None:
    """Overwrite a clear 8-byte block with its encryption, so that the clear one is gone. Raises WrongKeyUse."""
    out = bytearray(15)  # the library wants room for len + 7
    _cipher(key.bytes_for(use)).encryptor().update_into(block, out)
    block[:] = out[:8]


def check_value(key: Key) -> bytes:
    """KCV: the first four bytes of E(key, 8 zero bytes). Every key has one."""
    return _run(_cipher(key.reveal()).encryptor(), bytes(8))[:4]
