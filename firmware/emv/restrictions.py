"""Processing restrictions, EMV 4.4 Book 3, §10.4: versions, usage control, dates. They set bits, never decide."""

from __future__ import annotations

from firmware.emv import tags
from firmware.emv.chip import Chip


def check(chip: Chip) -> None:
    """Set the TVR byte 2 bits that apply."""
    version = chip.data.get(tags.APP_VERSION_CARD)
    if version is not None and version != chip.app.version:
        chip.flag(tags.VERSIONS_DIFFER)
    if not _usage_allowed(chip):
        chip.flag(tags.SERVICE_NOT_ALLOWED)
    today = chip.today.strftime("%y%m%d")
    if _comparable(chip.data[tags.EXPIRY].hex()) < _comparable(today):
        chip.flag(tags.APP_EXPIRED)
    effective = chip.data.get(tags.EFFECTIVE)
    if effective is not None and _comparable(effective.hex()) > _comparable(today):
        chip.flag(tags.APP_NOT_YET_EFFECTIVE)


def _comparable(yymmdd: str) -> str:
    """Years 50–99 are 1950–1999 (Book 4, §6.7.3)."""
    return ("19" if yymmdd[:2] >= "50" else "20") + yymmdd


def _usage_allowed(chip: Chip) -> bool:
    """Application Usage Control for goods and services at a terminal that is no ATM (Book 3, §10.4.2)."""
    auc = chip.data.get(tags.AUC)
    if auc is None:
        return True
    if len(auc) != 2 or not auc[0] & 0x01:
        return False
    country = chip.data.get(tags.ISSUER_COUNTRY)
    if country is None:
        return True
    domestic = country == chip.settings.country
    return bool(auc[0] & ((0x20 | 0x08) if domestic else (0x10 | 0x04)))
