"""One software card: PSE, PDOL, records, both GENERATE ACs, issuer authentication. Test PANs only."""

from __future__ import annotations

from dataclasses import dataclass, field

from hal_mocks.card import crypto

AID = bytes.fromhex("F054414B450101")
ISSUER_KEY = bytes.fromhex("10102020303040405050606070708080")  # of the project's own test scheme, no secret
PAN_A, PAN_B = "6200000000000005", "6200000000000047"

CVM_NONE = "0000000000000000" + "1F00"
CVM_SIGNATURE = "0000000000000000" + "1E00"
CVM_ONLINE_PIN = "0000000000000000" + "0200"
CVM_OFFLINE_PIN = "0000000000000000" + "0100"


def tlv(tag: str, value: bytes) -> bytes:
    size = bytes([len(value)]) if len(value) < 128 else bytes([0x81, len(value)])
    return bytes.fromhex(tag) + size + value


@dataclass
class Profile:
    """How a card is made and how it behaves."""

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
    offline_ok: bool = False  # gives a TC when the terminal could not go online (Y3)
    iac_denial: str = "0000000000"
    auc: str = "FF00"
    country: str = "0156"
    priority: int = 1
    format_2: bool = False
    extra_record: str = ""
    drop_tag: str = ""


@dataclass
class Done:
    """A TC the card gave: proof in the card's hands that a payment happened."""

    atc: int
    amount: int


@dataclass
class SoftCard:
    """State survives power cycles (ATC, TCs); a session does not."""

    profile: Profile = field(default_factory=Profile)
    atc: int = 0
    tcs: list[Done] = field(default_factory=list)
    apdus: int = 0
    pull_at: int = 0  # leaves the reader at this APDU, counted from 1 over the life of the card
    mute: bool = False  # put in the wrong way round: no answer to reset
    _selected: bool = False
    _directory: bool = False
    _arqc: bytes = b""
    _authenticated: bool = False

    ATR = bytes.fromhex("3B6500005442414B31")

    def reset(self) -> None:
        self._selected = self._directory = self._authenticated = False
        self._arqc = b""

    def process(self, apdu: bytes) -> bytes:
        """One command → data + SW1 SW2."""
        self.apdus += 1
        try:
            cla, ins, p1, p2 = apdu[:4]
            data = apdu[5 : 5 + apdu[4]] if len(apdu) > 5 else b""
            return self._dispatch((cla, ins), p1, p2, data)
        except (IndexError, ValueError):
            return b"\x67\x00"

    def _dispatch(self, command: tuple[int, int], p1: int, p2: int, data: bytes) -> bytes:
        if command == (0x00, 0xA4):
            return self._select(data, p2)
        if command == (0x00, 0xB2):
            return self._record(p2 >> 3, p1)
        if not self._selected:
            return b"\x69\x85"
        if command == (0x80, 0xA8):
            return self._options(data)
        if command == (0x80, 0xAE):
            return self._generate(p1, data)
        if command == (0x00, 0x82):
            return self._authenticate(data)
        return b"\x6d\x00"

    def _select(self, name: bytes, p2: int) -> bytes:
        self.reset()
        if name == b"1PAY.SYS.DDF01" and self.profile.pse:
            self._directory = True
            return tlv("6F", tlv("84", name) + tlv("A5", tlv("88", b"\x01"))) + b"\x90\x00"
        if name and AID.startswith(name) and p2 == 0x00:
            self._selected = True
            pdol = bytes.fromhex("9F1A029F3303")
            body = (
                tlv("50", self.profile.label.encode()) + tlv("87", bytes([self.profile.priority])) + tlv("9F38", pdol)
            )
            return tlv("6F", tlv("84", AID) + tlv("A5", body)) + b"\x90\x00"
        return b"\x6a\x82"

    def _options(self, data: bytes) -> bytes:
        if data != b"\x83\x05" + data[2:7]:
            return b"\x67\x00"
        self.atc += 1
        aip, afl = self._aip(), bytes.fromhex("08010200" + "10010100")
        body = tlv("77", tlv("82", aip) + tlv("94", afl)) if self.profile.format_2 else tlv("80", aip + afl)
        return body + b"\x90\x00"

    def _aip(self) -> bytes:
        return bytes([0x10 | (0x04 if self.profile.external_auth else 0), 0x00])

    def _record(self, sfi: int, number: int) -> bytes:
        if self._directory and (sfi, number) == (1, 1):
            entry = tlv("4F", AID) + tlv("50", self.profile.label.encode()) + tlv("87", bytes([self.profile.priority]))
            return tlv("70", tlv("61", entry)) + b"\x90\x00"
        body = self._records().get((sfi, number)) if self._selected else None
        return tlv("70", body) + b"\x90\x00" if body is not None else b"\x6a\x83"

    def _records(self) -> dict[tuple[int, int], bytes]:
        p = self.profile
        track = f"{p.pan}D{p.expiry[:4]}2010000000000"
        packed = bytes.fromhex(track + "F" * (len(track) % 2))
        data = [
            [("57", packed), ("5F20", b"TEST/CARD")],
            [("5A", bytes.fromhex(p.pan + "F" * (len(p.pan) % 2))), ("5F34", bytes.fromhex(p.sequence)),
             ("5F24", bytes.fromhex(p.expiry)), ("5F25", bytes.fromhex(p.effective)), ("9F07", bytes.fromhex(p.auc)),
             ("5F28", bytes.fromhex(p.country)), ("9F08", b"\x00\x96")],
            [("8C", bytes.fromhex(self._cdol(1))), ("8D", bytes.fromhex(self._cdol(2))), ("8E", bytes.fromhex(p.cvm)),
             ("9F0D", bytes(5)), ("9F0E", bytes.fromhex(p.iac_denial)), ("9F0F", bytes(5))],
        ]  # fmt: skip
        rows = [b"".join(tlv(tag, value) for tag, value in row if tag != p.drop_tag) for row in data]
        return {(1, 1): rows[0], (1, 2): rows[1] + bytes.fromhex(p.extra_record), (2, 1): rows[2]}

    def _cdol(self, which: int) -> str:
        first = "9F02069F03069F1A0295055F2A029A039C019F3704"
        return first if which == 1 else "8A02" + ("" if self.profile.external_auth else "910A") + first

    def _generate(self, asked: int, data: bytes) -> bytes:
        return self._first(asked & 0xC0, data) if not self._arqc else self._second(asked & 0xC0, data)

    def _first(self, asked: int, data: bytes) -> bytes:
        if len(data) != 29:
            return b"\x67\x00"
        given = 0x00 if self.profile.declines_first or asked == 0x00 else 0x80
        answer, self._arqc = self._cryptogram(given, data)
        return answer

    def _second(self, asked: int, data: bytes) -> bytes:
        arc, rest = data[:2], data[2:]
        if not self.profile.external_auth:
            self._check(rest[:10])
            rest = rest[10:]
        if len(rest) != 29:
            return b"\x67\x00"
        online = self._authenticated and arc == b"00"
        alone = self.profile.offline_ok and arc == b"Y3"
        agree = asked == 0x40 and (online or alone) and not self.profile.refuses_second
        answer, _ = self._cryptogram(0x40 if agree else 0x00, rest)
        if agree:
            self.tcs.append(Done(self.atc, int(data[-29:-23].hex())))
        self._selected = False
        return answer

    def _cryptogram(self, cid: int, data: bytes) -> tuple[bytes, bytes]:
        atc = self.atc.to_bytes(2, "big")
        iad = bytes([0x06, 0x01, 0x12, 0x03, 0xA0 | cid >> 6, 0x00, 0x00])
        ac = crypto.application_cryptogram(self._session_key(), data + self._aip() + atc + iad)
        if self.profile.format_2:
            body = tlv("9F27", bytes([cid])) + tlv("9F36", atc) + tlv("9F26", ac) + tlv("9F10", iad)
            return tlv("77", body) + b"\x90\x00", ac
        return tlv("80", bytes([cid]) + atc + ac + iad) + b"\x90\x00", ac

    def _authenticate(self, data: bytes) -> bytes:
        return b"\x90\x00" if self._check(data) else b"\x63\x00"

    def _check(self, data: bytes) -> bool:
        """ARPC method 1: 8 bytes + ARC."""
        good = len(data) == 10 and data[:8] == crypto.arpc_method_1(self._session_key(), self._arqc, data[8:])
        self._authenticated = bool(good and self._arqc)
        return self._authenticated

    def _session_key(self) -> bytes:
        master = crypto.icc_master_key(ISSUER_KEY, self.profile.pan, self.profile.sequence)
        return crypto.session_key(master, self.atc.to_bytes(2, "big"))
