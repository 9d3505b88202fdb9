"""The card's issuer on paper: scripts with their MACs, for tests that have no bank. The bank makes its own with
pyemv."""

from __future__ import annotations

from collections.abc import Callable

from hal_mocks.card import cvn
from hal_mocks.card.profile import tlv
from hal_mocks.card.soft_card import ISSUER_KEY, ISSUER_SMC, ISSUER_SMI, SoftCard

HEADERS = {"unblock_pin": "8424000008", "block_application": "841E000008", "unblock_application": "8418000008"}
_VERSION = cvn.VERSIONS["MasterCardCVN20"]
Script = Callable[[SoftCard], bytes]


def script(kind: str, tag: str = "71", identifier: bytes = b"\0\0\0\x01") -> Script:
    """A template for the transaction this card is in the middle of. `kind` of HEADERS, 'wrong_mac', or 'change_pin'."""

    def make(card: SoftCard) -> bytes:
        keys = cvn.keys_of(
            _VERSION, cvn.Keys(ISSUER_KEY, ISSUER_SMI, ISSUER_SMC), card.profile.pan, card.profile.sequence
        )
        v = {"9f26": card.arqc, "9f36": card.atc.to_bytes(2, "big")}
        if kind == "change_pin":
            command = cvn.pin_change(_VERSION, keys, v, "4321")
        else:
            header = bytes.fromhex(HEADERS.get(kind, HEADERS["unblock_pin"]))
            command = header + cvn.command_mac(_VERSION, keys, v, header)
            if kind == "wrong_mac":
                command = command[:-1] + bytes([command[-1] ^ 1])
        return tlv(tag, tlv("9F18", identifier) + tlv("86", command))

    return make
