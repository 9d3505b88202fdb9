"""What the kernel knows about the card in front of it, and what it says of the cryptograms."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date

from firmware.emv import tags
from firmware.emv.settings import AidSettings, EmvSettings
from firmware.emv.tags import Bit
from firmware.errors import CardBroken
from firmware.security.secrets import Pan, Track2


@dataclass(frozen=True)
class PublicKey:
    """An RSA key recovered from a certificate."""

    modulus: bytes
    exponent: int


@dataclass(repr=False)
class Chip:
    """One selected application: `data` holds every object by tag, terminal's and card's. Never logged.

    `static` is the data to be authenticated, in the card's order; None once a record spoiled it. `why` has one line for
    each TVR bit: what it says, the Book's section, and what was found; nothing of the cardholder.
    """

    settings: EmvSettings
    app: AidSettings
    aid: bytes
    label: str
    today: date
    data: dict[int, bytes] = field(default_factory=dict)
    tvr: bytearray = field(default_factory=lambda: bytearray(5))
    tsi: bytearray = field(default_factory=lambda: bytearray(2))
    why: list[str] = field(default_factory=list)
    static: bytes | None = b""
    pdol_data: bytes = b""
    cdol1_data: bytes = b""
    icc_key: PublicKey | None = None
    issuer_key: PublicKey | None = None
    cda: bool = False  # ask for a signature over the cryptogram
    signature: bool = False
    pin_asked: bool = False
    offline_pin: bool = False  # the card has verified it
    scripts: bytes = b""  # results as 9F5B, five bytes a script

    def __repr__(self) -> str:
        return f"Chip({self.label}, {self.pan})"

    def flag(self, bit: Bit, found: str = "") -> None:
        """Set one TVR bit and keep the reason."""
        self.tvr[bit.byte] |= bit.mask
        line = f"{bit.says} ({bit.book})" + (f": {found}" if found else "")
        if line not in self.why:
            self.why.append(line)

    def done(self, bit: int) -> None:
        """Set one bit of the TSI's first byte."""
        self.tsi[0] |= bit

    def need(self, tag: int) -> bytes:
        """The value of a mandatory object. Raises CardBroken."""
        if tag not in self.data:
            raise CardBroken(f"the card gave no tag {tag:X}")
        return self.data[tag]

    def card_can(self, aip_bit: int) -> bool:
        return bool(self.need(tags.AIP)[0] & aip_bit)

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

    @property
    def amount(self) -> int:
        """Fen, as 9F02 has it."""
        return int(self.data[tags.AMOUNT].hex())

    def values(self) -> dict[int, bytes]:
        """Everything a DOL may ask for, TVR and TSI as they stand now."""
        return self.data | {tags.TVR: bytes(self.tvr), tags.TSI: bytes(self.tsi)}


@dataclass(frozen=True)
class Cryptogram:
    """The answer to one GENERATE AC: kind 'TC', 'ARQC' or 'AAC'. `proved` is False where a signature over it was asked
    for and is wrong (CDA): then it is worth nothing to us, whatever kind it is."""

    kind: str
    value: bytes
    atc: bytes
    iad: bytes
    cid: int
    proved: bool = True

    @property
    def declined(self) -> bool:
        return self.kind == "AAC"
