"""One software card: selection, records, data authentication, PIN, both cryptograms, scripts. Test PANs only.

It imports neither the kernel nor pyemv. State survives power cycles (counters, PIN tries, TCs); a session does not.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field

from hal_mocks.card import crypto, cvn, profile, scheme
from hal_mocks.card.profile import (
    AID,
    CDOL_SIZE,
    CVM_ENCIPHERED_AND_SIGNATURE,
    CVM_ENCIPHERED_PIN,
    CVM_NONE,
    CVM_OFFLINE_PIN,
    CVM_ONLINE_PIN,
    CVM_PIN_THEN_SIGNATURE,
    CVM_PLAIN_AND_SIGNATURE,
    CVM_SIGNATURE,
    PAN_A,
    PAN_B,
    Profile,
    tlv,
)

__all__ = ["AID", "CVM_ENCIPHERED_AND_SIGNATURE", "CVM_ENCIPHERED_PIN", "CVM_NONE", "CVM_OFFLINE_PIN", "CVM_ONLINE_PIN",
           "CVM_PIN_THEN_SIGNATURE", "CVM_PLAIN_AND_SIGNATURE", "CVM_SIGNATURE", "ISSUER_KEY", "ISSUER_SMC",
           "ISSUER_SMI", "PAN_A", "PAN_B", "Done", "Profile", "SoftCard"]  # fmt: skip

ISSUER_KEY = bytes.fromhex("10102020303040405050606070708080")  # of the project's own test scheme, no secret
ISSUER_SMI = bytes.fromhex("20203030404050506060707080801010")
ISSUER_SMC = bytes.fromhex("30304040505060607070808010102020")
_SCRIPTS = cvn.VERSIONS["MasterCardCVN20"]
_OK = b"\x90\x00"


@dataclass
class Done:
    """A TC the card gave: proof in the card's hands that a payment happened."""

    atc: int
    amount: int


@dataclass
class SoftCard:
    """What it is made of is its profile; the rest is what has happened to it."""

    profile: Profile = field(default_factory=Profile)
    atc: int = 0
    last_online: int = 0
    tcs: list[Done] = field(default_factory=list)
    apdus: int = 0
    pull_at: int = 0  # leaves the reader at this APDU, counted from 1 over the life of the card
    mute: bool = False  # put in the wrong way round: no answer to reset
    pin: str = ""  # changed by a script; else the profile's
    pin_left: int = -1
    blocked: bool = False
    done_scripts: list[str] = field(default_factory=list)
    _selected: int = -1
    _directory: bool = False
    arqc: bytes = b""  # of the transaction it is in
    _authenticated: bool = False
    _challenge: bytes = b""
    _pdol: bytes = b""
    _cdol1: bytes = b""
    _over: bool = False
    _kept: tuple[str, dict[tuple[int, int], bytes]] = ("", {})

    ATR = bytes.fromhex("3B6500005442414B31")
    ATR_T1 = bytes.fromhex("3BE500FF8131FE455442414B313C")

    def reset(self) -> None:
        self._selected, self._directory, self._authenticated, self._over = -1, False, False, False
        self.arqc = self._challenge = self._pdol = self._cdol1 = b""

    def process(self, apdu: bytes | bytearray) -> bytes:
        """One command → data + SW1 SW2."""
        self.apdus += 1
        try:
            cla, ins, p1, p2 = apdu[:4]
            data = bytes(apdu[5 : 5 + apdu[4]]) if len(apdu) > 5 else b""
            if f"{ins:02X}" in self.profile.raw:
                return bytes.fromhex(self.profile.raw[f"{ins:02X}"])
            return self._dispatch((cla, ins), p1, p2, data)
        except (IndexError, ValueError):
            return b"\x67\x00"

    def _dispatch(self, command: tuple[int, int], p1: int, p2: int, data: bytes) -> bytes:
        if command == (0x00, 0xA4):
            return self._select(data, p2)
        if command == (0x00, 0xB2):
            return self._record(p2 >> 3, p1)
        if self._selected < 0:
            return b"\x69\x85"
        match command:
            case (0x80, 0xA8):
                return self._options(data)
            case (0x80, 0xAE):
                return self._generate(p1, data)
            case (0x80, 0xCA):
                return self._get_data(p1 << 8 | p2)
            case (0x00, 0x82):
                return self._authenticate(data)
            case (0x00, 0x88):
                return self._internal(data)
            case (0x00, 0x84):
                return self._get_challenge()
            case (0x00, 0x20):
                return self._verify(p2, data)
            case (0x84, _):
                return self._script(command[1], p1, p2, data)
        return b"\x6d\x00"

    # -- selection and records ----------------------------------------------------------------------------------------

    def _select(self, name: bytes, p2: int) -> bytes:
        before = self._selected
        self.reset()
        if name == b"1PAY.SYS.DDF01":
            if not self.profile.pse:
                return b"\x6a\x82"
            self._directory = True
            return tlv("6F", tlv("84", name) + tlv("A5", tlv("88", b"\x01"))) + _OK
        aids = self.profile.aids
        start = before + 1 if p2 == 0x02 else 0
        found = [n for n, aid in enumerate(aids) if n >= start and name and aid.startswith(name)]
        if not found:
            return b"\x6a\x82"
        self._selected = found[0]
        blocked = self.blocked or (self.profile.blocked_first and found[0] == 0)
        body = self.profile.entry(found[0]) + tlv("9F38", bytes.fromhex("9F1A029F3303"))
        fci = tlv("6F", tlv("84", aids[found[0]]) + tlv("A5", body))
        return fci + (b"\x62\x83" if blocked else _OK)

    def _options(self, data: bytes) -> bytes:
        if data != b"\x83\x05" + data[2:7]:
            return b"\x67\x00"
        if self.profile.refuses_options and self._selected == 0:
            return b"\x69\x85"
        self.atc += 1
        self._pdol = data[2:]
        aip, afl = self.profile.aip, profile.afl(self.profile, self._records())
        body = tlv("77", tlv("82", aip) + tlv("94", afl)) if self.profile.format_2 else tlv("80", aip + afl)
        return body + _OK

    def _record(self, sfi: int, number: int) -> bytes:
        if self._directory:
            if (sfi, number) != (1, 1):
                return b"\x6a\x83"
            entries = (tlv("61", tlv("4F", a) + self.profile.entry(n)) for n, a in enumerate(self.profile.aids))
            return tlv("70", b"".join(entries)) + _OK
        body = self._records().get((sfi, number)) if self._selected >= 0 else None
        return tlv("70", body) + _OK if body is not None else b"\x6a\x83"

    def _records(self) -> dict[tuple[int, int], bytes]:
        made_for = repr(self.profile)
        if self._kept[0] != made_for:
            self._kept = (made_for, profile.records(self.profile))
        return self._kept[1]

    def _get_data(self, tag: int) -> bytes:
        known = {0x9F17: bytes([self._tries()]) if self.profile.shows_tries else None}
        if self.profile.shows_counters:
            known |= {0x9F36: self.atc.to_bytes(2, "big"), 0x9F13: self.last_online.to_bytes(2, "big")}
        value = known.get(tag)
        return tlv(f"{tag:04X}", value) + _OK if value is not None else b"\x6a\x88"

    # -- data authentication ------------------------------------------------------------------------------------------

    def _number(self) -> bytes:
        return hashlib.sha256(self.atc.to_bytes(2, "big")).digest()[:8]

    def _internal(self, data: bytes) -> bytes:
        if self.profile.oda not in ("dda", "cda"):
            return b"\x6d\x00"
        signed = scheme.dynamic_signature(self.profile.icc, self._number(), b"", data)
        signed = self._wrong(signed, "dda")
        return (tlv("77", tlv("9F4B", signed)) if self.profile.format_2 else tlv("80", signed)) + _OK

    def _wrong(self, signed: bytes, which: str) -> bytes:
        return signed[:-1] + bytes([signed[-1] ^ 1]) if self.profile.bad_signature == which else signed

    # -- PIN ----------------------------------------------------------------------------------------------------------

    def _tries(self) -> int:
        return self.profile.pin_tries if self.pin_left < 0 else self.pin_left

    def _get_challenge(self) -> bytes:
        if not self.profile.challenge:
            return b"\x6d\x00"
        self._challenge = hashlib.sha256(b"challenge" + self.apdus.to_bytes(4, "big")).digest()[:8]
        return self._challenge + _OK

    def _verify(self, way: int, data: bytes) -> bytes:
        if self.profile.verify_sw:
            return bytes.fromhex(self.profile.verify_sw)
        if self._tries() == 0:
            return b"\x69\x83"
        block = data if way == 0x80 and len(data) == 8 else self._deciphered(data) if way == 0x88 else None
        if block is None:
            return b"\x67\x00"
        if block == crypto.pin_block_2(self.pin or self.profile.pin):
            self.pin_left = self.profile.pin_tries
            return _OK
        self.pin_left = self._tries() - 1
        return bytes([0x63, 0xC0 | self.pin_left])

    def _deciphered(self, data: bytes) -> bytes:
        key = self.profile.pin_key or self.profile.icc
        if len(data) != len(key.modulus):
            raise ValueError("length")
        plain, challenge = scheme.decipher(key, data), self._challenge
        self._challenge = b""
        good = plain[0] == 0x7F and challenge and plain[9:17] == challenge
        return plain[1:9] if good else b""

    # -- cryptograms --------------------------------------------------------------------------------------------------

    def _generate(self, p1: int, data: bytes) -> bytes:
        if self._over:
            return b"\x69\x85"
        return self._first(p1, data) if not self.arqc else self._second(p1, data)

    def _size(self) -> int:
        more = (17 if self.profile.long_cdol else 0) + (20 if self.profile.hashed else 0)
        return CDOL_SIZE + more + (49 if self.profile.greedy else 0)

    def _hash_right(self, data: bytes) -> bool:
        """Over what the TDOL names, as the same data has it."""
        if not self.profile.hashed:
            return True
        amount, currency, date, kind, number = data[:6], data[19:21], data[21:24], data[24:25], data[25:29]
        covered = amount + number if self.profile.hashed == "own" else amount + currency + date + kind
        return data[-20:] == hashlib.sha1(covered).digest()

    def _first(self, p1: int, data: bytes) -> bytes:
        if len(data) != self._size():
            return b"\x67\x00"
        if not self._hash_right(data):
            return b"\x69\x85"
        asked = p1 & 0xC0
        if self.profile.declines_first or asked == 0x00:
            given = 0x00
        else:
            given = 0x40 if asked == 0x40 and self.profile.offline_ok else 0x80
        self._cdol1 = data
        answer, arqc = self._cryptogram(given, data, p1, b"", "cda1")
        if given == 0x80:
            self.arqc = arqc
        else:
            self._finish(given, data)
        return answer

    def _finish(self, given: int, data: bytes) -> None:
        self._over = True
        if given == 0x40:
            self.tcs.append(Done(self.atc, int(data[:6].hex())))

    def _second(self, p1: int, whole: bytes) -> bytes:
        asked, arc, rest = p1 & 0xC0, whole[:2], whole[2:]
        if not self.profile.external_auth:
            self._check(rest[:10])
            rest = rest[10:]
        if len(rest) != self._size():
            return b"\x67\x00"
        online = self._authenticated and arc == b"00"
        alone = self.profile.offline_ok and arc == b"Y3"
        agree = asked == 0x40 and (online or alone) and not self.profile.refuses_second
        given = 0x40 if agree else 0x00
        answer, _ = self._cryptogram(given, rest, p1, whole, "cda2")
        if self._authenticated:
            self.last_online = self.atc
        self._finish(given, rest)
        return answer

    def _cryptogram(self, cid: int, data: bytes, p1: int, cdol2: bytes, which: str) -> tuple[bytes, bytes]:
        atc = self.atc.to_bytes(2, "big")
        iad = bytes([0x06, 0x01, 0x12, 0x03, 0xA0 | cid >> 6, 0x00, 0x00])
        covered = data[:CDOL_SIZE] + self.profile.aip + atc + iad
        ac = crypto.application_cryptogram(self._session_key(), covered)
        if p1 & 0x10 and cid and self.profile.oda == "cda":
            return self._combined(cid, atc, iad, ac, data, cdol2, which), ac
        if self.profile.format_2:
            body = tlv("9F27", bytes([cid])) + tlv("9F36", atc) + tlv("9F26", ac) + tlv("9F10", iad)
            return tlv("77", body) + _OK, ac
        return tlv("80", bytes([cid]) + atc + ac + iad) + _OK, ac

    def _combined(self, cid: int, atc: bytes, iad: bytes, ac: bytes, data: bytes, cdol2: bytes, which: str) -> bytes:
        """CDA (Book 2, §6.6.1): the cryptogram inside the signature."""
        body = tlv("9F27", bytes([cid])) + tlv("9F36", atc) + tlv("9F10", iad)
        around = hashlib.sha1(self._pdol + self._cdol1 + cdol2 + body).digest()
        number = data[25:29]  # 9F37 in the CDOLs
        signed = scheme.dynamic_signature(self.profile.icc, self._number(), bytes([cid]) + ac + around, number)
        return tlv("77", body + tlv("9F4B", self._wrong(signed, which))) + _OK

    # -- the issuer ---------------------------------------------------------------------------------------------------

    def _authenticate(self, data: bytes) -> bytes:
        if self._authenticated or not self.arqc:
            return b"\x69\x85"
        return _OK if self._check(data) else b"\x63\x00"

    def _check(self, data: bytes) -> bool:
        """ARPC method 1: 8 bytes + ARC."""
        good = len(data) == 10 and data[:8] == crypto.arpc_method_1(self._session_key(), self.arqc, data[8:])
        self._authenticated = bool(good and self.arqc)
        return self._authenticated

    def _session_key(self) -> bytes:
        master = crypto.icc_master_key(ISSUER_KEY, self.profile.pan, self.profile.sequence)
        return crypto.session_key(master, self.atc.to_bytes(2, "big"))

    def _script(self, ins: int, p1: int, p2: int, data: bytes) -> bytes:
        """Secure messaging: the last eight bytes are a MAC over header, counter, cryptogram and data (Book 2, §9)."""
        keys = cvn.keys_of(
            _SCRIPTS, cvn.Keys(ISSUER_KEY, ISSUER_SMI, ISSUER_SMC), self.profile.pan, self.profile.sequence
        )
        v = {"9f26": self.arqc, "9f36": self.atc.to_bytes(2, "big")}
        if len(data) < 8 or not self.arqc:
            return b"\x69\x85"
        body, mac = data[:-8], data[-8:]
        if mac != cvn.command_mac(_SCRIPTS, keys, v, bytes([0x84, ins, p1, p2, len(data)]), body):
            return b"\x69\x88"
        return self._obey(ins, p2, body, keys, v)

    def _obey(self, ins: int, p2: int, body: bytes, keys: cvn.Keys, v: cvn.Values) -> bytes:
        """PIN change and unblock (24), application block (1E) and unblock (18)."""
        if ins == 0x24 and p2 == 0x00:
            self.pin_left = self.profile.pin_tries
        elif ins == 0x24 and p2 == 0x02:
            key = crypto.diversified(keys.confidentiality, v["9f26"])
            block = crypto.tdes(key, body, decrypt=True, iv=bytes(8)).hex()
            self.pin = block[2 : 2 + int(block[1], 16)]
        elif ins in (0x1E, 0x18):
            self.blocked = ins == 0x1E
        else:
            return b"\x6d\x00"
        self.done_scripts.append(f"{ins:02X}{p2:02X}")
        return _OK
