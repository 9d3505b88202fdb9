"""Application selection, EMV 4.4 Book 1, §12: the PSE, else the list of AIDs; candidates by priority; final selection.

Who chooses stands outside: `candidates` gives the list in the order of the card's wishes, `choice_needed` says whether
the cardholder has to be asked, `take` selects one. An application that cannot be taken is dropped, and whoever chose it
is asked again.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

from firmware.emv import apdu, tags, tlv
from firmware.emv.chip import Chip
from firmware.emv.settings import AidSettings, EmvSettings
from firmware.errors import CardBroken, CardUnsupported
from firmware.hal.reader import Card
from firmware.words import CARD_BLOCKED, NO_COMMON_APP

_RECORDS_MAX = 16
_FOLLOWING_MAX = 32
_LAST = 16


class NotTaken(CardBroken):
    """This application cannot be used; another may (Book 1, §12.4; Book 4, §11.3)."""


@dataclass(frozen=True)
class Candidate:
    """One application both sides know. `priority` 1 is highest, 16 stands for none; `name` is for the cardholder."""

    aid: bytes
    app: AidSettings
    priority: int
    confirm: bool
    name: str


def candidates(card: Card, settings: EmvSettings) -> list[Candidate]:
    """What both sides know, best first; equals in the card's order. Raises CardUnsupported, CardBroken, CardLost."""
    found = _from_pse(card, settings) or _from_list(card, settings)
    if not found:
        raise CardUnsupported(NO_COMMON_APP)
    once = {c.aid: c for c in reversed(found)}  # one that is listed twice counts where it comes first
    return sorted((c for c in found if once[c.aid] is c), key=lambda c: c.priority)


def choice_needed(found: list[Candidate], dropped: bool = False) -> bool:
    """Several applications, one that asks for confirmation, or the last one after another was `dropped`: then none is
    selected without the cardholder's word (Book 1, §12.4)."""
    return dropped or len(found) > 1 or found[0].confirm


def take(card: Card, candidate: Candidate, settings: EmvSettings, today: date) -> tuple[Chip, bytes]:
    """Final SELECT: the application and its PDOL. Raises NotTaken: drop this candidate and try another."""
    answer = apdu.select(card, candidate.aid, settings.apdu_s)
    if answer.sw == apdu.NOT_SUPPORTED:
        raise CardUnsupported(CARD_BLOCKED)
    if answer.sw != apdu.OK:
        raise NotTaken(f"SELECT answered {answer.sw:04X}")
    try:
        found = _fci(answer.data)
    except CardBroken as broken:
        raise NotTaken(str(broken)) from None
    if found.get(tags.DF_NAME) != candidate.aid:
        raise NotTaken("the selected application has another DF name")
    chip = Chip(settings, candidate.app, candidate.aid, candidate.name, today)
    chip.data[tags.DF_NAME] = candidate.aid
    return chip, found.get(tags.PDOL, b"")


def _fci(data: bytes) -> dict[int, bytes]:
    """FCI template 6F with DF name 84 and proprietary template A5 (Book 1, §11.3.4). Raises CardBroken."""
    _, body = tlv.only(data, 0x6F)
    found = dict(tlv.read(body))
    if not 5 <= len(found.get(tags.DF_NAME, b"")) <= 16 or 0xA5 not in found:
        raise CardBroken("the FCI has no DF name or no template A5")
    return {tags.DF_NAME: found[tags.DF_NAME]} | dict(tlv.flatten(found[0xA5]))


def name_of(entry: dict[int, bytes], aid: bytes) -> str:
    """Preferred name where it is in the one code table this terminal has (Book 4, §10.1: 9F40 says table 1) and in
    letters of its glass, else the label, else the AID."""
    table = entry.get(tags.ISSUER_CODE_TABLE, b"")
    names = [entry.get(tags.APP_PREFERRED_NAME, b"")] if table == b"\x01" else []
    for raw in (*names, entry.get(tags.APP_LABEL, b"")):
        text = raw.decode("latin-1").strip()
        if text and text.isascii() and text.isprintable():
            return text
    return aid.hex().upper()


def match(aid: bytes, settings: EmvSettings) -> AidSettings | None:
    """The longest of ours that it is, or begins with where partial selection is allowed (Book 1, §12.3.1)."""
    found = [a for a in settings.aids if aid == a.aid or (a.partial and aid.startswith(a.aid))]
    return max(found, key=lambda a: len(a.aid), default=None)


def _candidate(entry: dict[int, bytes], aid: bytes, settings: EmvSettings) -> list[Candidate]:
    app = match(aid, settings)
    if app is None:
        return []
    indicator = entry.get(tags.APP_PRIORITY, b"\0")[:1] or b"\0"
    return [Candidate(aid, app, indicator[0] & 0x0F or _LAST, bool(indicator[0] & 0x80), name_of(entry, aid))]


def _from_pse(card: Card, settings: EmvSettings) -> list[Candidate]:
    """Empty where there is no PSE, or it is blocked, broken, or names nothing we know (Book 1, §12.3.2)."""
    answer = apdu.select(card, apdu.PSE, settings.apdu_s)
    if answer.sw == apdu.NOT_SUPPORTED:
        raise CardUnsupported(CARD_BLOCKED)
    if answer.sw != apdu.OK:
        return []
    try:
        sfi = _fci(answer.data).get(0x88, b"")
        return _directories(card, sfi[0], settings) if len(sfi) == 1 and 1 <= sfi[0] <= 10 else []
    except CardBroken:
        return []


def _directories(card: Card, sfi: int, settings: EmvSettings) -> list[Candidate]:
    found: list[Candidate] = []
    for record in range(1, _RECORDS_MAX + 1):
        answer = apdu.read_record(card, sfi, record, settings.apdu_s)
        if answer.sw != apdu.OK:
            return found if answer.sw == 0x6A83 else []
        found += _directory(answer.data, settings)
    return found


def _directory(record: bytes, settings: EmvSettings) -> list[Candidate]:
    """Template 70 holds application templates 61 (Book 1, §12.2.3)."""
    found: list[Candidate] = []
    for tag, template in tlv.read(tlv.only(record, 0x70)[1]):
        if tag == 0x61:
            entry = dict(tlv.flatten(template))
            found += _candidate(entry, entry.get(tags.AID, b""), settings)
    return found


def _from_list(card: Card, settings: EmvSettings) -> list[Candidate]:
    """Each of ours is selected; a longer name in the answer asks for the next match (Book 1, §12.3.3)."""
    found: list[Candidate] = []
    for number, app in enumerate(settings.aids):
        answer = apdu.select(card, app.aid, settings.apdu_s)
        if number == 0 and answer.sw == apdu.NOT_SUPPORTED:
            raise CardUnsupported(CARD_BLOCKED)
        for _ in range(_FOLLOWING_MAX):
            if answer.sw != apdu.OK and answer.sw >> 8 not in (0x62, 0x63):
                break
            name = _listed(answer.data, answer.sw == apdu.OK, app, settings, found)
            if not name.startswith(app.aid) or name == app.aid:
                break
            answer = apdu.select(card, app.aid, settings.apdu_s, following=True)
    return found


def _listed(data: bytes, usable: bool, app: AidSettings, settings: EmvSettings, found: list[Candidate]) -> bytes:
    """Adds what this answer offers, unless it is blocked, broken, or known already. The DF name."""
    try:
        entry = _fci(data)
    except CardBroken:
        return b""
    name = entry[tags.DF_NAME]
    if usable and (name == app.aid or app.partial):
        found += [c for c in _candidate(entry, name, settings) if c.aid not in {f.aid for f in found}]
    return name
