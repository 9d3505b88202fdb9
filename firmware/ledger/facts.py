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
    """How the cardholder was verified: 'pin', 'signature' or 'none'."""
    done = chip.data.get(tags.CVM_RESULTS, b"\x3f")[0] & 0x3F
    return {0x02: "pin", 0x1E: "signature"}.get(done, "none")
