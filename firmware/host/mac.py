"""MAC and working keys of the UnionPay-style profile (host facts, 1.8), checked by published vectors."""

from __future__ import annotations

import hmac

from firmware.errors import KeyProblem
from firmware.security import des
from firmware.security.secrets import Key, Use


def ecb_mac(key: Key, data: bytes) -> bytes:
    """ "ECB" MAC, F64 as 8 ASCII bytes: XOR-fold to 8 bytes, hex, DES, XOR, DES, first 8 hex characters."""
    block = fold(data).hex().upper().encode()
    once = des.encrypt(key, block[:8], Use.MAC)
    return des.encrypt(key, _xor(once, block[8:]), Use.MAC).hex().upper()[:8].encode()


def fold(data: bytes) -> bytes:
    """XOR of all 8-byte blocks, the last one zero padded."""
    total = 0
    for at in range(0, len(data), 8):
        total ^= int.from_bytes(data[at : at + 8].ljust(8, b"\0"), "big")
    return total.to_bytes(8, "big")


def _xor(a: bytes, b: bytes) -> bytes:
    return (int.from_bytes(a, "big") ^ int.from_bytes(b, "big")).to_bytes(8, "big")


def same(a: bytes, b: bytes) -> bool:
    """Compare without telling where they differ."""
    return hmac.compare_digest(a, b)


def working_keys(tmk: Key | None, f62: bytes) -> tuple[Key, Key]:
    """(PIK, MAK) from the sign-on reply's F62: 24 bytes single DES, 40 double PIK, 60 with a track key (unused).

    Raises KeyProblem for another length or a wrong check value: then the terminal is not signed on.
    """
    if tmk is None:
        raise KeyProblem("there is no TMK: load it (takeback keys load)")
    shapes = {24: 8, 40: 16, 60: 16}
    if len(f62) not in shapes:
        raise KeyProblem(f"the sign-on reply carries {len(f62)} key bytes, not 24, 40 or 60")
    size = shapes[len(f62)]
    pik = _unwrap(tmk, f62[:size], f62[size : size + 4], Use.PIN)
    rest = f62[size + 4 :]
    mak = _unwrap(tmk, rest[:8], rest[-4:] if size == 8 else rest[16:20], Use.MAC)
    return pik, mak


def _unwrap(tmk: Key, wrapped: bytes, check: bytes, use: Use) -> Key:
    key = Key(des.decrypt(tmk, wrapped, Use.WRAP), use)
    if des.check_value(key) != check:
        raise KeyProblem("a working key does not match its check value")
    return key
