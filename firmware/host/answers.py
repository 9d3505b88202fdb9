"""What the host decided, as a value."""

from __future__ import annotations

from dataclasses import dataclass

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
    issuer_auth: bytes
    bare: bool
    balance: str = ""

    @classmethod
    def of(cls, reply: Message, issuer_auth: bytes) -> Answer:
        return cls(reply.get(39), reply.get(37), reply.get(38), reply.get(13), reply.get(12),
                   reply.get(44)[:11].strip(), issuer_auth, "64" not in reply.fields,
                   reply.get(54))  # fmt: skip


@dataclass(frozen=True)
class Silence:
    """No usable answer, and that is already durable: the entry is NEVER_SENT or OWED."""

    sent: bool
