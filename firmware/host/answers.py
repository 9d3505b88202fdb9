"""What the host decided, as a value."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.emv import scripts, tags, tlv
from firmware.host.codec import Message


@dataclass(frozen=True)
class Answer:
    """A matching reply whose MAC, where present, is right. `bare` = a refusal without MAC."""

    code: str
    rrn: str
    auth: str
    host_date: str
    host_time: str
    issuer: str
    f55: bytes  # what the issuer says to the card: 91, 71, 72
    bare: bool
    balance: str = ""

    @classmethod
    def of(cls, reply: Message, f55: bytes) -> Answer:
        return cls(reply.get(39), reply.get(37), reply.get(38), reply.get(13), reply.get(12),
                   reply.get(44)[:11].strip(), f55, "64" not in reply.fields,
                   reply.get(54))  # fmt: skip

    @property
    def issuer_auth(self) -> bytes:
        """Tag 91."""
        return dict(tlv.read(self.f55)).get(tags.ISSUER_AUTH_DATA, b"")

    def scripts(self, tag: int) -> bytes:
        """The templates 71 or 72, as they came."""
        return scripts.templates(self.f55, tag)


@dataclass(frozen=True)
class Silence:
    """No usable answer, and that is already durable: the entry is NEVER_SENT or OWED."""

    sent: bool
