"""Issuer cryptography as a card does it: EMV 4.4 Book 2, Annex A1 and §8, §9. Double-length DES keys throughout.

Its own code: neither the kernel's nor pyemv, which serves the bank. tests/emv/test_issuer_vectors.py holds it
against 137 published values.
"""

from __future__ import annotations

import hashlib

from cryptography.hazmat.decrepit.ciphers.algorithms import TripleDES
from cryptography.hazmat.primitives.ciphers import Cipher, modes


def tdes(key: bytes, data: bytes, decrypt: bool = False, iv: bytes = b"") -> bytes:
    """ECB, or CBC where an `iv` is given; an 8-byte key means single DES."""
    cipher = Cipher(TripleDES((key * 3)[:24]), modes.CBC(iv) if iv else modes.ECB())
    run = cipher.decryptor() if decrypt else cipher.encryptor()
    return run.update(data) + run.finalize()


def xor(a: bytes, b: bytes) -> bytes:
    return bytes(x ^ y for x, y in zip(a, b, strict=True))


def odd(key: bytes) -> bytes:
    """With odd parity, as keys are printed; DES itself ignores it."""
    return bytes(b if b.bit_count() % 2 else b ^ 1 for b in key)


# -- keys (A1.3, A1.4) ------------------------------------------------------------------------------------------------


def icc_master_key(issuer_key: bytes, pan: str, sequence: str = "00") -> bytes:
    """Option A (A1.4.1)."""
    return _master(issuer_key, (pan + sequence[-2:])[-16:].rjust(16, "0"))


def icc_master_key_b(issuer_key: bytes, pan: str, sequence: str = "00") -> bytes:
    """Option B (A1.4.2): longer card numbers are hashed and decimalised."""
    if len(pan) <= 16:
        return icc_master_key(issuer_key, pan, sequence)
    text = pan + sequence
    digest = hashlib.sha1(bytes.fromhex(text.rjust(len(text) + len(text) % 2, "0"))).hexdigest()
    digits = "".join(c for c in digest if c.isdigit())
    letters = "".join(str("abcdef".index(c)) for c in digest if c in "abcdef")
    return _master(issuer_key, (digits + letters)[:16])


def _master(issuer_key: bytes, y: str) -> bytes:
    left = bytes.fromhex(y)
    return odd(tdes(issuer_key, left) + tdes(issuer_key, xor(left, b"\xff" * 8)))


def diversified(master: bytes, r: bytes) -> bytes:
    """Common session key derivation (A1.3.1) with an eight-byte diversification value."""
    halves = (r[:2] + marker + r[3:] for marker in (b"\xf0", b"\x0f"))
    return odd(b"".join(tdes(master, half) for half in halves))


def session_key(master: bytes, atc: bytes) -> bytes:
    return diversified(master, atc + bytes(6))


def visa_message_key(master: bytes, atc: bytes) -> bytes:
    """Secure messaging of VIS: the counter and its complement into each half."""
    return odd(xor(master[:8], bytes(6) + atc) + xor(master[8:], bytes(6) + xor(atc, b"\xff\xff")))


def tree_key(master: bytes, atc: bytes, height: int = 8, branches: int = 4, iv: bytes = bytes(16)) -> bytes:
    """The tree of EMV 2000 (EMV 4.1 Book 2, A1.3.1): parent and grandparent walk down, the last is masked by the
    grandparent."""
    number, path = int.from_bytes(atc, "big"), []
    for _ in range(height):
        path.append(number % branches)
        number //= branches
    parent, grandparent = master, iv
    for branch in reversed(path[1:]):
        parent, grandparent = _child(parent, grandparent, branch), parent
    return odd(xor(_child(parent, grandparent, path[0]), grandparent))


def _child(parent: bytes, grandparent: bytes, branch: int) -> bytes:
    left, right = bytes(7) + bytes([branch]), bytes(7) + bytes([branch ^ 0xF0])
    return tdes(parent, xor(grandparent[:8], left)) + tdes(parent, xor(grandparent[8:], right))


# -- cryptograms and messages (A1.2, 8, 9) ----------------------------------------------------------------------------


def padded(data: bytes, method: int) -> bytes:
    """ISO/IEC 9797-1: method 1 zeros where needed, method 2 always 80 and zeros."""
    body = data + b"\x80" if method == 2 else data or bytes(8)
    return body + bytes(-len(body) % 8)


def mac(key: bytes, data: bytes, method: int = 2) -> bytes:
    """ISO/IEC 9797-1 algorithm 3 (A1.2.1)."""
    block = bytes(8)
    text = padded(data, method)
    for at in range(0, len(text), 8):
        block = tdes(key[:8], xor(block, text[at : at + 8]))
    return tdes(key[:8], tdes(key[8:], block, decrypt=True))


def application_cryptogram(key: bytes, data: bytes) -> bytes:
    return mac(key, data)


def arpc_method_1(key: bytes, arqc: bytes, arc: bytes) -> bytes:
    """Book 2, §8.2.1."""
    return tdes(key, xor(arqc, arc + bytes(6)))


def arpc_method_2(key: bytes, arqc: bytes, csu: bytes, proprietary: bytes = b"") -> bytes:
    """Book 2, §8.2.2: four bytes."""
    return mac(key, arqc + csu + proprietary)[:4]


def script_mac(key: bytes, command: bytes, size: int = 8) -> bytes:
    """Book 2, §9.2.1."""
    return mac(key, command)[:size]


def encipher_visa(key: bytes, data: bytes) -> bytes:
    """Length in front, 80 and zeros where it does not fill its blocks; ECB."""
    text = bytes([len(data)]) + data
    return tdes(key, padded(text, 2) if len(text) % 8 else text)


def encipher_mastercard(key: bytes, data: bytes) -> bytes:
    """80 and zeros where it does not fill its blocks; CBC from zero."""
    return tdes(key, padded(data, 2) if len(data) % 8 else data, iv=bytes(8))


def encipher_common(key: bytes, data: bytes) -> bytes:
    """Always 80 and zeros; CBC from zero (Book 2, §9.3)."""
    return tdes(key, padded(data, 2), iv=bytes(8))


def pin_block_2(pin: str) -> bytes:
    """ISO 9564-1 format 2."""
    return bytes.fromhex(f"2{len(pin):X}{pin}".ljust(16, "F"))


def pin_block_vis(master: bytes, pin: str, current: str = "") -> bytes:
    """VIS: masked with the right half's bytes of the card's own key, and with the current PIN where it is known."""
    block = xor(bytes.fromhex(f"0{len(pin):X}{pin}".ljust(16, "F")), bytes(4) + master[4:8])
    return xor(block, bytes.fromhex(current.ljust(16, "0"))) if current else block


def cvc3(key: bytes, template: bytes, atc: bytes, number: bytes) -> str:
    """Dynamic CVC3 as five digits."""
    iv = mac(key, template)[-2:]
    return f"{int.from_bytes(tdes(key, iv + number + atc)[-2:], 'big'):05d}"
