"""Issuer cryptography as a card does it: EMV 4.4 Book 2, Annex A1 and §8. Double-length DES keys throughout."""

from __future__ import annotations

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes


def tdes(key: bytes, data: bytes, decrypt: bool = False) -> bytes:
    """ECB; an 8-byte key means single DES."""
    cipher = Cipher(TripleDES((key * 3)[:24]), modes.ECB())
    run = cipher.decryptor() if decrypt else cipher.encryptor()
    return run.update(data) + run.finalize()


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def icc_master_key(issuer_key: bytes, pan: str, sequence: str) -> bytes:
    """Option A (A1.4.1), parity left as it falls: DES ignores it."""
    y = bytes.fromhex((pan + sequence[-2:])[-16:].rjust(16, "0"))
    return tdes(issuer_key, y) + tdes(issuer_key, xor(y, b"\xff" * 8))


def session_key(master: bytes, atc: bytes) -> bytes:
    """Common session key derivation (A1.3.1)."""
    return tdes(master, atc + b"\xf0" + bytes(5)) + tdes(master, atc + b"\x0f" + bytes(5))


def application_cryptogram(key: bytes, data: bytes) -> bytes:
    """ISO/IEC 9797-1 algorithm 3 with padding method 2 (A1.2.1)."""
    padded = data + b"\x80" + bytes(-(len(data) + 1) % 8)
    block = bytes(8)
    for at in range(0, len(padded), 8):
        block = tdes(key[:8], xor(block, padded[at : at + 8]))
    return tdes(key[:8], tdes(key[8:], block, decrypt=True))


def arpc_method_1(key: bytes, arqc: bytes, arc: bytes) -> bytes:
    """Book 2, §8.2.1."""
    return tdes(key, xor(arqc, arc + bytes(6)))
