"""What the terminal is, as EMV data. Capabilities are honest: what later stages add is not claimed before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class AidSettings:
    """One application the terminal accepts. Codes are 5 bytes as TVR; `version` is 9F09."""

    aid: bytes
    version: bytes = b"\x00\x96"
    tac_denial: bytes = bytes(5)
    partial: bool = True


@dataclass(frozen=True)
class EmvSettings:
    """Terminal data of EMV 4.4 Book 4, Annex A. Type 21: attended, online only, merchant."""

    aids: tuple[AidSettings, ...]
    country: bytes = b"\x01\x56"
    currency: bytes = b"\x01\x56"
    terminal_type: bytes = b"\x21"
    capabilities: bytes = b"\x20\x68\x00"  # contact chip; online PIN, signature, no CVM; no ODA yet
    ifd_serial: bytes = b"TAKEBACK"
    apdu_s: float = 5.0


# The project's own test scheme (a proprietary RID, first nibble F) and UnionPay's published AIDs.
TEST_SCHEME = bytes.fromhex("F054414B450101")
UNIONPAY = ("A000000333010101", "A000000333010102", "A000000333010103", "A000000333010106")
ACCEPTED = (AidSettings(TEST_SCHEME), *(AidSettings(bytes.fromhex(a), b"\x00\x20") for a in UNIONPAY))
