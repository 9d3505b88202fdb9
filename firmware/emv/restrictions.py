"""Processing restrictions, EMV 4.4 Book 3, §10.4: versions, usage control, dates. They set bits, never decide."""

from __future__ import annotations

from firmware.emv import tags
from firmware.emv.chip import Chip

CASH, CASHBACK = b"\x01", b"\x09"  # values of 9C besides 00, goods and services


def check(chip: Chip) -> None:
    """Set the TVR byte 2 bits that apply."""
    version = chip.data.get(tags.APP_VERSION_CARD)
    if version is not None and version != chip.app.version:
        chip.flag(tags.VERSIONS_DIFFER, f"card {version.hex()}, terminal {chip.app.version.hex()}")
    if not _usage_allowed(chip):
        chip.flag(tags.SERVICE_NOT_ALLOWED, f"usage control {chip.data[tags.AUC].hex()}")
    today = chip.today.strftime("%y%m%d")
    expiry, effective = chip.data[tags.EXPIRY].hex(), chip.data.get(tags.EFFECTIVE)
    if _comparable(expiry) < _comparable(today):
        chip.flag(tags.APP_EXPIRED, f"{expiry[2:4]}/{expiry[:2]}")
    if effective is not None and _comparable(effective.hex()) > _comparable(today):
        chip.flag(tags.APP_NOT_YET_EFFECTIVE)


def _comparable(yymmdd: str) -> str:
    """Years 50–99 are 1950–1999 (Book 4, §6.7.3)."""
    return ("19" if yymmdd[:2] >= "50" else "20") + yymmdd


def _usage_allowed(chip: Chip) -> bool:
    """Application Usage Control (Book 3, §10.4.2, Annex C2)."""
    auc = chip.data.get(tags.AUC)
    if auc is None:
        return True
    if not auc[0] & (0x02 if chip.settings.is_atm else 0x01):
        return False
    country = chip.data.get(tags.ISSUER_COUNTRY)
    if country is None:
        return True
    domestic, kind = country == chip.settings.country, chip.data.get(tags.TRANSACTION_TYPE, b"\0")
    if kind == CASH:
        return bool(auc[0] & (0x80 if domestic else 0x40))
    goods_or_services = bool(auc[0] & ((0x20 | 0x08) if domestic else (0x10 | 0x04)))
    if kind == CASHBACK:
        return goods_or_services and bool(auc[1] & (0x80 if domestic else 0x40))
    return goods_or_services
