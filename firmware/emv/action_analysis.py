"""Terminal action analysis, EMV 4.4 Book 3, §10.7: TVR against the issuer's and the acquirer's action codes."""

from __future__ import annotations

from enum import Enum

from firmware.emv import tags
from firmware.emv.chip import Chip


class Ask(Enum):
    """What the terminal asks the card for (GENERATE AC, P1)."""

    AAC = 0x00
    TC = 0x40
    ARQC = 0x80


_ZEROS, _ONES = bytes(5), b"\xff" * 5  # an absent IAC-Denial, an absent IAC-Online or -Default


def first(chip: Chip, offline_uses_online_codes: bool = False) -> Ask:
    """Denial, then online, then nothing against an approval. A terminal that is online only skips the online codes; one
    that is offline only goes to the default codes, after the online codes if it uses them (an option of the Book)."""
    if _any(chip, chip.data.get(tags.IAC_DENIAL, _ZEROS), chip.app.tac_denial):
        return Ask.AAC
    if chip.settings.online_only:
        return Ask.ARQC
    alone = chip.settings.offline_only
    looks = not alone or offline_uses_online_codes
    if looks and _any(chip, chip.data.get(tags.IAC_ONLINE, _ONES), chip.app.tac_online):
        return Ask.ARQC
    return unable_to_go_online(chip) if alone else Ask.TC


def unable_to_go_online(chip: Chip) -> Ask:
    """No byte reached the host: the default codes decide between Y3 and Z3."""
    refused = _any(chip, chip.data.get(tags.IAC_DEFAULT, _ONES), chip.app.tac_default)
    return Ask.AAC if refused else Ask.TC


def _any(chip: Chip, issuer: bytes, acquirer: bytes) -> bool:
    return any(t & (i | a) for t, i, a in zip(chip.tvr, issuer, acquirer, strict=True))
