"""The project's own test scheme: CA, issuer and card keys, and what is signed with them (EMV 4.4 Book 2, §5 to §7).

The keys are published here and worth nothing. Nothing of the kernel is imported: two ends, two implementations.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from functools import cache

RID = bytes.fromhex("F054414B45")


@dataclass(frozen=True)
class RsaKey:
    """A private key; sizes in bytes."""

    p: int
    q: int
    exponent: int

    @property
    def modulus(self) -> bytes:
        n = self.p * self.q
        return n.to_bytes((n.bit_length() + 7) // 8, "big")

    @property
    def exponent_bytes(self) -> bytes:
        return self.exponent.to_bytes(1 if self.exponent < 256 else 3, "big")

    def sign(self, plain: bytes) -> bytes:
        """Raw RSA with the Chinese remainder theorem."""
        size = len(self.modulus)
        assert len(plain) == size, (len(plain), size)
        number = int.from_bytes(plain, "big")
        d = pow(self.exponent, -1, (self.p - 1) * (self.q - 1))
        a, b = pow(number, d % (self.p - 1), self.p), pow(number, d % (self.q - 1), self.q)
        return ((((a - b) * pow(self.q, -1, self.p)) % self.p) * self.q + b).to_bytes(size, "big")


def _key(exponent: int, p: str, q: str) -> RsaKey:
    return RsaKey(int(p, 16), int(q, 16), exponent)


CA_1 = _key(3,
    "ce0e919cfb4a342b679e90b53cdae40f6aab03beb4e3b76ae13cc81af91cd05ecdeb7992016e6a97d262ebc25b719efdb9a6"
    "58c664af4331c2493a553e25a08bf394526e78ade2e9",
    "fd350cb76c53da51d05ee9ffb5be3a4763a9b30c6c78e1a4df0f0948089ff898d64f3bb0078f6139d1555ad64d0a21153eb0"
    "d418e07a19b97ea5d11a1bc2599e94058ec647879447")  # fmt: skip
CA_2 = _key(65537,
    "f802e61bfad0b06bba3b74b78ae9a363f4c9c93fa37f5b084738fa16417b96e949be9cf2405a8e27442e277728c4e33e3bab"
    "bede3a940b62119245c20422e53ff147bea753abe8e27375e00165b7a205fc76e3248fb4d627",
    "da461c33977f2b4f918fa880568ec1aa7f9e436b9c31f9ce070f39f14922d11f2955f706eee5092f77dea5d6e9f8fba51a64"
    "2a9c2e11a0c6e2cf760df3197b87d5104cae90ce8b3b28403e21590ac9eaf34cdc5912002c1b")  # fmt: skip
ISSUER = _key(3,
    "db1c8a95f2795838c3a72b52d73231b0e4e9dc086e5ac03285f3d0659f8422f7958dd84761b89046809a7fd145557165e6b0"
    "d18ec604d25066b955138479b9cd",
    "d2307f69fdbe96278118888017b38530d7e0afa9480b71908a8f83f39843d7aa0245bda42ef38ac2067f095a948aff3ebe1c"
    "ee71efcb426676463b496b842b2f")  # fmt: skip
ISSUER_2 = _key(65537,
    "ee013a8b76ebd3a23eaa110371f71c3042bdab381b139ee656bbf3f5c5dfc8dde23b01ba54e33c88e14e0f40f68b53508d50"
    "a493374fc801d33be332be53baa072a94dbe2146a7c1",
    "ffcdeb0ebd13e489d9dde04676faa73b0bf3b8d392b04d907e5929c923290630dbb59ec1268094c2b18b1c6b683194632169"
    "dee000b3be6aaf95608dc9c73e7198c3e07c998e1c83")  # fmt: skip
ICC = _key(3,
    "cab46f729d32d8176909ed75dc89bbe720baea67aa6f325a07849f956352de12a0366f90547107218d5dd816a2fd6465860c"
    "6c79cd54c74b",
    "f1e682822fbde449668a994aeffded85807b1e585fbb071cd3791104fd83e4afee75d5dc98fd5ec72d754db5013797d11b98"
    "f1fc1e6566a7")  # fmt: skip
ICC_2 = _key(65537,
    "f4ef60efa3eed4e10e3652523c55f566158758ce23bc04f8b07b7a91d51e93a91b9422c03e7d39a788caed4a8f0d649d",
    "ef1e398b755a64b95daefd98ed9674e4b07bc91959eb967e2405f7f81a01012d1e3b2ec08b708f0a5ee7761e371793d1")  # fmt: skip
PIN = _key(3,
    "f26f1850e81978b26220885e3410da544c61e5cdaa75ad647696a1c6539ff8a3a922ce6f5786538c75e4563027f9a213",
    "f18824fb34aac683980a082c18d704f116980276aaf864968608dd1d5e769a9c22f7a2997ecf29b4158b601c37fe785f")  # fmt: skip
AUTHORITIES = {0x01: CA_1, 0x02: CA_2}


def framed(body: bytes, room: int) -> bytes:
    """6A … BB padding … : everything but hash and trailer, for a signature of `room` bytes."""
    return body + b"\xbb" * (room - 22 - len(body))


def signed(key: RsaKey, body: bytes, hashed_too: bytes) -> bytes:
    """Header, body padded, SHA-1 over body, padding and `hashed_too`, trailer; under the key (Book 2, Annex A2.1)."""
    inner = framed(body, len(key.modulus))
    return key.sign(b"\x6a" + inner + hashlib.sha1(inner + hashed_too).digest() + b"\xbc")


def certificate(signer: RsaKey, form: int, holder: str, expires: str, serial: str, subject: RsaKey,
                static: bytes = b"", algorithm: bytes = b"\x01\x01") -> tuple[bytes, bytes, bytes]:  # fmt: skip
    """(certificate, remainder, exponent) of tables 2, 10 and 23: `holder` hex padded with F, `expires` MMYY."""
    exponent, modulus = subject.exponent_bytes, subject.modulus
    head = bytes([form]) + bytes.fromhex(holder + expires + serial) + algorithm
    head += bytes([len(modulus), len(exponent)])
    room = len(signer.modulus) - 22 - len(head)
    leftmost, remainder = modulus[:room], modulus[room:]
    leftmost += b"\xbb" * (room - len(leftmost))
    return signed(signer, head + leftmost, remainder + exponent + static), remainder, exponent


@cache
def issuer_certificate(index: int, pan: str, expires: str, issuer: RsaKey) -> tuple[bytes, bytes, bytes]:
    return certificate(AUTHORITIES[index], 0x02, pan[:6] + "FF", expires, "000001", issuer)


@cache
def icc_certificate(issuer: RsaKey, pan: str, expires: str, icc: RsaKey, static: bytes) -> tuple[bytes, bytes, bytes]:
    """For the card's key over its static data; with empty static data for a PIN key (Book 2, §7.1)."""
    return certificate(issuer, 0x04, pan.ljust(20, "F"), expires, "000002", icc, static)


@cache
def static_signature(issuer: RsaKey, static: bytes) -> bytes:
    """SSAD (Book 2, table 3), data authentication code DAC1."""
    return signed(issuer, bytes.fromhex("0301DAC1"), static)


def dynamic_signature(icc: RsaKey, number: bytes, more: bytes, terminal_data: bytes) -> bytes:
    """SDAD (Book 2, tables 15 and 18): `more` is CID, cryptogram and hash for CDA."""
    dynamic = bytes([len(number)]) + number + more
    return signed(icc, b"\x05\x01" + bytes([len(dynamic)]) + dynamic, terminal_data)


def decipher(key: RsaKey, data: bytes) -> bytes:
    """What was enciphered with the public key."""
    return key.sign(data)
