"""What the kernel knows about the card in front of it, and what it says of the cryptograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from firmware.emv import tags
from firmware.emv.settings import AidSettings, EmvSettings
from firmware.errors import CardBroken
from firmware.security.secrets import Pan, Track2


@dataclass(repr=False)
class Chip:
    """One selected application: `data` holds every object by tag, terminal's and card's. Never logged."""

    settings: EmvSettings
    app: AidSettings
    aid: bytes
    label: str
    today: date
    data: dict[int, bytes] = field(default_factory=dict)
    tvr: bytearray = field(default_factory=lambda: bytearray(5))
    tsi: bytearray = field(default_factory=lambda: bytearray(2))
    signature: bool = False
    pin_asked: bool = False

    def __repr__(self) -> str:
        return f"Chip({self.label}, {self.pan})"

    def flag(self, bit: tuple[int, int]) -> None:
        """Set one TVR bit."""
        self.tvr[bit[0]] |= bit[1]

    def need(self, tag: int) -> bytes:
        """The value of a mandatory object. Raises CardBroken."""
        if tag not in self.data:
            raise CardBroken(f"the card gave no tag {tag:X}")
        return self.data[tag]

    @property
    def pan(self) -> Pan:
        try:
            return Pan(self.need(tags.PAN).hex().rstrip("f"))
        except ValueError:
            raise CardBroken("tag 5A is not a card number") from None

    @property
    def track2(self) -> Track2:
        return Track2(self.need(tags.TRACK2))

    @property
    def expiry(self) -> str:
        """DE 14, YYMM."""
        return self.need(tags.EXPIRY).hex()[:4]

    @property
    def sequence(self) -> str:
        """DE 23, three digits; '000' if the card has none."""
        return self.data.get(tags.PAN_SEQUENCE, b"\0").hex().rjust(3, "0")[-3:]

    def values(self) -> dict[int, bytes]:
        """Everything a DOL may ask for, TVR and TSI as they stand now."""
        return self.data | {tags.TVR: bytes(self.tvr), tags.TSI: bytes(self.tsi)}


@dataclass(frozen=True)
class Cryptogram:
    """The answer to one GENERATE AC: kind 'TC', 'ARQC' or 'AAC'."""

    kind: str
    value: bytes
    atc: bytes
    iad: bytes
    cid: int

    @property
    def declined(self) -> bool:
        return self.kind == "AAC"
