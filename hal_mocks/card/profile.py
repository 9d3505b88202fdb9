"""How a software card is made: its applications, records and signatures, and the ways in which it may be bad."""

from __future__ import annotations

from dataclasses import dataclass, field

from hal_mocks.card import scheme
from hal_mocks.card.scheme import RsaKey

AID = bytes.fromhex("F054414B450101")
PAN_A, PAN_B = "6200000000000005", "6200000000000047"

CVM_NONE = "0000000000000000" + "1F00"
CVM_SIGNATURE = "0000000000000000" + "1E00"
CVM_ONLINE_PIN = "0000000000000000" + "0200"
CVM_OFFLINE_PIN = "0000000000000000" + "0100"
CVM_ENCIPHERED_PIN = "0000000000000000" + "0400"
CVM_PLAIN_AND_SIGNATURE = "0000000000000000" + "0300"
CVM_ENCIPHERED_AND_SIGNATURE = "0000000000000000" + "0500"
CVM_PIN_THEN_SIGNATURE = "0000000000000000" + "4103" + "5E03" + "1F00"

_CDOL1 = "9F02069F03069F1A0295055F2A029A039C019F3704"
_LONG = "9F34039F35019F45029F4C089F3303"
CDOL_SIZE = 29  # what the cryptogram covers: the tags of _CDOL1


def tlv(tag: str, value: bytes) -> bytes:
    size = bytes([len(value)]) if len(value) < 128 else bytes([0x81, len(value)])
    return bytes.fromhex(tag) + size + value


@dataclass
class Profile:
    """One card as it was ordered. Everything beyond the first block is for playing a branch or for being bad."""

    pan: str = PAN_A
    sequence: str = "01"
    expiry: str = "301231"
    effective: str = "200101"
    cvm: str = CVM_NONE
    pse: bool = True
    label: str = "TAKEBACK TEST"
    external_auth: bool = True
    declines_first: bool = False
    refuses_second: bool = False
    offline_ok: bool = False  # gives a TC when the terminal could not go online (Y3), or asks it for one at once
    iac_denial: str = "0000000000"
    iac_online: str = "0000000000"
    iac_default: str = "0000000000"
    auc: str = "FF00"
    country: str = "0156"
    priority: int = 1
    format_2: bool = False
    extra_record: str = ""
    drop_tag: str = ""

    oda: str = ""  # sda, dda, cda
    authority: int = 1
    issuer: RsaKey = field(default=scheme.ISSUER)
    icc: RsaKey = field(default=scheme.ICC)
    pin_key: RsaKey | None = None  # a key of its own for the PIN
    ca_expiry: str = "1249"
    icc_expiry: str = "1249"
    sign_aip: bool = True
    ddol: str = "9F37049F02069A03"
    spoil: dict[str, int] = field(default_factory=dict)  # tag → which byte has one bit turned
    changed: bool = False  # a signed record is changed after it was signed
    bad_signature: str = ""  # dda, cda1, cda2: the dynamic signature is wrong

    pin: str = "1234"
    pin_tries: int = 3
    shows_tries: bool = True
    challenge: bool = True
    verify_sw: str = ""  # answers each VERIFY with this

    second_app: str = ""  # label of another application; then names are longer than the terminal's AID
    second_priority: int = 2
    preferred: str = ""
    blocked_first: bool = False  # the first application is blocked (6283)
    refuses_options: bool = False  # GPO of the first application: 6985
    limits: str = ""  # 9F14 and 9F23, two bytes
    shows_counters: bool = True
    long_cdol: bool = False
    greedy: bool = False  # the first CDOL asks for the number, track 2 and the name as well
    hashed: str = ""  # "own": the CDOLs ask for a TC hash over a TDOL of its own, "default": over the terminal's
    afl: str = ""  # instead of the true one
    raw: dict[str, str] = field(default_factory=dict)  # command (INS, hex) → the whole answer, whatever was asked

    def __post_init__(self) -> None:
        if self.offline_ok and not self.oda:
            self.oda = "dda"  # nobody approves offline what he cannot prove

    @property
    def aip(self) -> bytes:
        bits = {"": 0, "sda": 0x40, "dda": 0x60, "cda": 0x61}[self.oda] | (0x04 if self.external_auth else 0)
        return bytes([bits | 0x10, 0x00])

    @property
    def aids(self) -> list[bytes]:
        return [AID + b"\x01", AID + b"\x02"] if self.second_app else [AID]

    def entry(self, number: int) -> bytes:
        """Name, label, priority: as directory entry and FCI have them."""
        label, priority = ((self.label, self.priority), (self.second_app, self.second_priority))[number]
        body = tlv("50", label.encode()) + tlv("87", bytes([priority]))
        if self.preferred:
            body += tlv("9F12", self.preferred.encode("iso8859-1")) + tlv("9F11", b"\x01")
        return body

    def cdol(self, which: int) -> str:
        first = _CDOL1 + (_LONG if self.long_cdol else "") + ("9814" if self.hashed else "")
        first += "5A0A57135F2014" if self.greedy else ""
        return first if which == 1 else "8A02" + ("" if self.external_auth else "910A") + first


Record = tuple[int, int]


def records(p: Profile) -> dict[Record, bytes]:
    """(SFI, number) → what stands in template 70."""
    track = f"{p.pan}D{p.expiry[:4]}2010000000000"
    rows = {
        (1, 1): [("57", bytes.fromhex(track + "F" * (len(track) % 2))), ("5F20", b"TEST/CARD")],
        (1, 2): [("5A", bytes.fromhex(p.pan + "F" * (len(p.pan) % 2))), ("5F34", bytes.fromhex(p.sequence)),
                 ("5F24", bytes.fromhex(p.expiry)), ("5F25", bytes.fromhex(p.effective)), ("9F07",
                 bytes.fromhex(p.auc)), ("5F28", bytes.fromhex(p.country)), ("9F08", b"\x00\x96")],
        (2, 1): [("8C", bytes.fromhex(p.cdol(1))), ("8D", bytes.fromhex(p.cdol(2))), ("8E", bytes.fromhex(p.cvm)),
                 ("9F42", bytes.fromhex("0156")), ("9F0D", bytes.fromhex(p.iac_default)),
                 ("9F0E", bytes.fromhex(p.iac_denial)), ("9F0F", bytes.fromhex(p.iac_online))],
    }  # fmt: skip
    if p.limits:
        rows[(2, 1)] += [("9F14", bytes.fromhex(p.limits)[:1]), ("9F23", bytes.fromhex(p.limits)[1:])]
    if p.hashed == "own":
        rows[(2, 1)].append(("97", bytes.fromhex("9F02069F3704")))
    made = {place: _body(p, row) for place, row in rows.items()}
    made[(1, 2)] += bytes.fromhex(p.extra_record)
    if p.oda or p.pin_key:
        made |= {(3, n): _body(p, row) for n, row in enumerate(_signed_rows(p, made[(1, 2)]), 1)}
    if p.changed:
        made[(1, 2)] = made[(1, 2)].replace(bytes.fromhex("5F2802" + p.country), bytes.fromhex("5F28020157"))
    return made


def _body(p: Profile, row: list[tuple[str, bytes]]) -> bytes:
    return b"".join(tlv(tag, _spoilt(p, tag, value)) for tag, value in row if tag != p.drop_tag)


def _spoilt(p: Profile, tag: str, value: bytes) -> bytes:
    if tag not in p.spoil:
        return value
    at = p.spoil[tag] % len(value)
    return value[:at] + bytes([value[at] ^ 0x01]) + value[at + 1 :]


def _signed_rows(p: Profile, static: bytes) -> list[list[tuple[str, bytes]]]:
    """Certificates and signatures over record (1, 2) and, with 9F4A, the AIP."""
    covered = static + (p.aip if p.sign_aip else b"")
    cert, rest, exponent = scheme.issuer_certificate(p.authority, p.pan, p.ca_expiry, p.issuer)
    first = [("8F", bytes([p.authority])), ("9F32", exponent)] + ([("92", rest)] if rest else [])
    first += [("9F4A", b"\x82")] if p.sign_aip else []
    rows = [first, [("90", cert)]]
    if p.oda == "sda":
        rows.append([("93", scheme.static_signature(p.issuer, covered))])
    if p.oda in ("dda", "cda") or p.pin_key is None:
        cert, rest, exponent = scheme.icc_certificate(p.issuer, p.pan, p.icc_expiry, p.icc, covered)
        rows += [
            [("9F46", cert)],
            [("9F47", exponent), ("9F49", bytes.fromhex(p.ddol))] + ([("9F48", rest)] if rest else []),
        ]
    if p.pin_key:
        cert, rest, exponent = scheme.icc_certificate(p.issuer, p.pan, p.icc_expiry, p.pin_key, b"")
        rows += [[("9F2D", cert)], [("9F2E", exponent)] + ([("9F2F", rest)] if rest else [])]
    return rows


def afl(p: Profile, made: dict[Record, bytes]) -> bytes:
    """Record (1, 2) is the signed one."""
    if p.afl:
        return bytes.fromhex(p.afl)
    more = max((n for sfi, n in made if sfi == 3), default=0)
    if not more:
        return bytes.fromhex("08010200" + "10010100")
    return bytes.fromhex("08010100" + "08020201" + "10010100") + bytes([0x18, 0x01, more, 0x00])
