"""Application selection, EMV 4.4 Book 1, §12: the PSE, else the list of AIDs; then the highest priority.

Cardholder choice and confirmation come with the full kernel: a card on which *every* common application demands
confirmation is refused on a clear screen.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip
from firmware.emv.settings import AidSettings, EmvSettings
from firmware.errors import CardBroken, CardUnsupported
from firmware.hal.reader import Card
from firmware.words import NEEDS_CHOICE, NO_COMMON_APP

_RECORDS_MAX = 16
_FOLLOWING_MAX = 8


@dataclass(frozen=True)
class Candidate:
    """One application both sides know. `priority` 1 is highest, 16 stands for none."""

    aid: bytes
    app: AidSettings
    priority: int
    confirm: bool


def select(card: Card, settings: EmvSettings, today: date) -> tuple[Chip, bytes]:
    """The selected application and its PDOL. Raises CardUnsupported, CardBroken, CardLost."""
    candidates = _from_pse(card, settings) or _from_list(card, settings)
    if not candidates:
        raise CardUnsupported(NO_COMMON_APP)
    free = [c for c in candidates if not c.confirm]
    if not free:
        raise CardUnsupported(NEEDS_CHOICE)
    for candidate in sorted(free, key=lambda c: c.priority):
        answer = apdu.select(card, candidate.aid, settings.apdu_s)
        if answer.sw == apdu.OK:
            return _chip(answer.data, candidate, settings, today)
    raise CardUnsupported(NO_COMMON_APP)


def _chip(fci: bytes, candidate: Candidate, settings: EmvSettings, today: date) -> tuple[Chip, bytes]:
    found = dict(tlv.flatten(fci))
    if found.get(tags.DF_NAME) != candidate.aid:
        raise CardBroken("the selected application has another DF name")
    label = found.get(tags.APP_LABEL, b"").decode("ascii", "replace").strip()
    chip = Chip(settings, candidate.app, candidate.aid, label or candidate.aid.hex().upper(), today)
    chip.data[tags.DF_NAME] = candidate.aid
    return chip, found.get(tags.PDOL, b"")


def _match(aid: bytes, settings: EmvSettings) -> AidSettings | None:
    """Exact, or the card's AID begins with ours where partial selection is allowed (Book 1, §12.3.1)."""
    for app in settings.aids:
        if aid == app.aid or (app.partial and aid.startswith(app.aid)):
            return app
    return None


def _candidate(entry: dict[int, bytes], aid: bytes, settings: EmvSettings) -> list[Candidate]:
    app = _match(aid, settings)
    indicator = entry.get(tags.APP_PRIORITY, b"\0")[:1] or b"\0"
    return [Candidate(aid, app, indicator[0] & 0x0F or 16, bool(indicator[0] & 0x80))] if app else []


def _from_pse(card: Card, settings: EmvSettings) -> list[Candidate]:
    answer = apdu.select(card, apdu.PSE, settings.apdu_s)
    if answer.sw == 0x6A81:
        raise CardUnsupported(NO_COMMON_APP)  # card blocked or SELECT not supported (Book 1, §12.3.2)
    if answer.sw != apdu.OK:
        return []
    sfi = dict(tlv.flatten(answer.data)).get(0x88, b"")
    if len(sfi) != 1 or not 1 <= sfi[0] <= 10:
        return []
    found: list[Candidate] = []
    for record in range(1, _RECORDS_MAX + 1):
        answer = apdu.read_record(card, sfi[0], record, settings.apdu_s)
        if answer.sw != apdu.OK:
            return found if answer.sw == 0x6A83 else []
        found += _directory(answer.data, settings)
    return found


def _directory(record: bytes, settings: EmvSettings) -> list[Candidate]:
    """Template 70 holds application templates 61 (Book 1, §12.2.3)."""
    found: list[Candidate] = []
    for outer, body in tlv.read(record):
        for tag, template in tlv.read(body) if outer == 0x70 else ():
            if tag == 0x61:
                entry = dict(tlv.flatten(template))
                found += _candidate(entry, entry.get(tags.AID, b""), settings)
    return found


def _from_list(card: Card, settings: EmvSettings) -> list[Candidate]:
    found: list[Candidate] = []
    for app in settings.aids:
        answer = apdu.select(card, app.aid, settings.apdu_s)
        for _ in range(_FOLLOWING_MAX):
            if answer.sw != apdu.OK:
                break
            entry = dict(tlv.flatten(answer.data))
            name = entry.get(tags.DF_NAME, b"")
            found += [c for c in _candidate(entry, name, settings) if c.aid not in {f.aid for f in found}]
            if name == app.aid:
                break
            answer = apdu.select(card, app.aid, settings.apdu_s, following=True)
    return found
