"""What a slip and the journal show of chip and cryptogram."""

from __future__ import annotations

from firmware.emv import tags
from firmware.emv.chip import Chip, Cryptogram


def chip_facts(chip: Chip, cryptogram: Cryptogram) -> dict[str, str]:
    """What a slip shows of a cryptogram."""
    return {
        "cryptogram_kind": cryptogram.kind,
        "cryptogram": cryptogram.value.hex().upper(),
        "atc": cryptogram.atc.hex().upper(),
        "tvr": bytes(chip.tvr).hex().upper(),
        "tsi": bytes(chip.tsi).hex().upper(),
        "cvm": cvm_word(chip),
    }


def cvm_word(chip: Chip) -> str:
    """How the cardholder was verified: 'pin', 'signature' (with or without an offline PIN) or 'none'."""
    if chip.signature:
        return "signature"
    done = chip.data.get(tags.CVM_RESULTS, b"\x3f\0\0")
    return "pin" if (done[0] & 0x3F == 0x02 and done[2] == 0x00) or chip.offline_pin else "none"
