"""Offline PIN, EMV 4.4 Book 3, §10.5.1 and §6.5.12; enciphered by Book 2, §7. The PIN is only in buffers that are
wiped.

What the libraries below keep of a VERIFY is measured in docs/security.md.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum

from firmware.emv import apdu, oda, tags, tlv
from firmware.emv.chip import Chip, PublicKey
from firmware.errors import CardBroken
from firmware.hal.random import Random
from firmware.hal.reader import Card, Response
from firmware.security.pin import PinBuffer, verify_block, wipe, wipe_int

_PLAIN, _ENCIPHERED = 0x80, 0x88


@dataclass(frozen=True)
class Verdict:
    """What the card said: `ok`, or how many tries are `left` (0: blocked)."""

    ok: bool
    left: int = 0


class Pad(Enum):
    """How an entry on the reader's own pad ended without a VERIFY."""

    CANCELLED = "cancelled"
    TIMEOUT = "timeout"


def tries_left(card: Card, chip: Chip) -> int | None:
    """GET DATA 9F17; None where the card does not tell (Book 3, §10.5.1). Raises CardLost."""
    answer = apdu.get_data(card, tags.PIN_TRY_COUNTER, chip.settings.apdu_s)
    if answer.sw != apdu.OK:
        return None
    try:
        _, value = tlv.only(answer.data, tags.PIN_TRY_COUNTER)
    except CardBroken:
        return None
    return value[0] if len(value) == 1 else None


def key_for_pin(chip: Chip) -> PublicKey | None:
    """The key to encipher with, or None: then the method fails before anybody types (Book 2, §7.1)."""
    try:
        key = oda.pin_key(chip)
    except (oda.Missing, oda.NotAuthentic) as wrong:
        chip.why.append(f"no key to encipher a PIN with (Book 2, 7.1): {wrong}")
        return None
    return key if len(key.modulus) >= 17 else None


def verify_plain(card: Card, chip: Chip, pin: PinBuffer) -> Verdict:
    """VERIFY with the plain block; the buffer is wiped. Raises CardBroken for a status word nobody allowed."""
    block = verify_block(pin)
    try:
        return _verify(card, chip, _PLAIN, block)
    finally:
        wipe(block)


def verify_on_pad(card: Card, timeout_s: float, alive: Callable[[], None]) -> Verdict | Pad:
    """The reader's own pad takes the PIN and sends VERIFY. Raises CardBroken, CardLost."""
    answer = card.verify_on_pad(timeout_s, alive)
    if answer.sw in (0x6400, 0x6401):
        return Pad.CANCELLED if answer.sw == 0x6401 else Pad.TIMEOUT
    return _verdict(answer)


def verify_enciphered(card: Card, chip: Chip, pin: PinBuffer, key: PublicKey, random: Random) -> Verdict | None:
    """GET CHALLENGE, then VERIFY with 7F, block, challenge and random bytes under the key (Book 2, §7.2). None where
    the card gives no challenge. The buffer is wiped."""
    try:
        challenge = apdu.get_challenge(card, chip.settings.apdu_s)
        if challenge.sw != apdu.OK or len(challenge.data) != 8:
            return None
        size = len(key.modulus)
        plain = bytearray(size)
        block = verify_block(pin)
        try:
            plain[0], plain[1:9], plain[9:17] = 0x7F, block, challenge.data
            plain[17:] = random.bytes(size - 17)
            enciphered = _encipher(plain, key)
        finally:
            wipe(plain)
            wipe(block)
        return _verify(card, chip, _ENCIPHERED, enciphered)
    finally:
        wipe(pin.digits)


def _encipher(plain: bytearray, key: PublicKey) -> bytes:
    """Raw RSA. The one place where a PIN is inside a Python integer: it is wiped where it lies, too."""
    number = int.from_bytes(plain, "big")
    try:
        return pow(number, key.exponent, int.from_bytes(key.modulus, "big")).to_bytes(len(key.modulus), "big")
    finally:
        wipe_int(number)


def _verify(card: Card, chip: Chip, way: int, data: bytes | bytearray) -> Verdict:
    command = bytearray([0x00, 0x20, 0x00, way, len(data), *data])
    try:
        answer = card.transmit(command, chip.settings.apdu_s)
    finally:
        wipe(command)
    return _verdict(answer)


def _verdict(answer: Response) -> Verdict:
    """Raises CardBroken for a status word nobody allowed."""
    if answer.sw == apdu.OK:
        return Verdict(True)
    if answer.sw & 0xFFF0 == 0x63C0:
        return Verdict(False, answer.sw & 0x0F)
    if answer.sw in (0x6983, 0x6984):
        return Verdict(False, 0)
    raise CardBroken(f"VERIFY answered {answer.sw:04X}")
