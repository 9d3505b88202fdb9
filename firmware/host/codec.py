"""A strict layer over pyiso8583: tolerant of pad nibbles and odd text, never of bad digits, short or trailing bytes."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import iso8583

from firmware.errors import MessageError
from firmware.hal.link import FRAME_MAX
from firmware.host.fields import TRACKS, Spec

_DIGITS = frozenset("0123456789")


@dataclass(frozen=True, repr=False)
class Message:
    """One ISO 8583 message. `fields` maps the number (as text) to digits, text, or hex for binary fields."""

    mti: str
    fields: Mapping[str, str]
    header: str = ""

    def __repr__(self) -> str:
        return f"Message({self.mti} {' '.join(sorted(self.fields, key=int))})"

    def get(self, number: int, default: str = "") -> str:
        return self.fields.get(str(number), default)


def encode(message: Message, spec: Spec) -> bytes:
    """Message → bytes without the two length bytes. Raises MessageError naming the field."""
    document = {"t": message.mti, **message.fields}
    if spec["h"]["max_len"]:
        document["h"] = message.header
    try:
        raw, _ = iso8583.encode(document, spec)
    except iso8583.EncodeError as broken:
        raise MessageError(f"cannot encode field {broken.field}: {broken.msg}") from None
    if len(raw) > FRAME_MAX:
        raise MessageError(f"{len(raw)} bytes are more than a frame may have")
    return bytes(raw)


def decode(raw: bytes, spec: Spec) -> Message:
    """Bytes → Message. Raises MessageError: bad BCD, short, trailing, over-long, unknown field."""
    if len(raw) > FRAME_MAX:
        raise MessageError(f"{len(raw)} bytes are more than a frame may have")
    try:
        document = _decode(raw, spec)
    except iso8583.DecodeError as broken:
        raise MessageError(f"cannot decode field {broken.field}: {broken.msg}") from None
    except (KeyError, IndexError, ValueError) as broken:
        raise MessageError(f"cannot decode: {type(broken).__name__}") from None
    fields = {name: value for name, value in document.items() if name.isdigit() and name != "1"}
    _check_digits(document["t"], fields, spec)
    for name in TRACKS & fields.keys():
        fields[name] = fields[name].upper()
    return Message(document["t"], fields, document.get("h", ""))


def _check_digits(mti: str, fields: Mapping[str, str], spec: Spec) -> None:
    if not set(mti) <= _DIGITS:
        raise MessageError("the message type is not a number")
    for name, value in fields.items():
        numeric = spec[name].get("len_count") == "nibbles"
        allowed = _DIGITS | frozenset("Dd=") if name in TRACKS else _DIGITS
        if numeric and not set(value) <= allowed:
            raise MessageError(f"field {name} holds something that is no digit")


def _decode(raw: bytes, spec: Spec) -> dict[str, str]:
    """pyiso8583 insists on one pad nibble, odd track fields carry 0 or F: try the other one where a track field is the
    only complaint. Raises iso8583.DecodeError, the one of the plain table if nothing helps."""
    first: iso8583.DecodeError | None = None
    for other in ((), ("35",), ("36",), ("35", "36")):
        try:
            return dict(iso8583.decode(raw, spec | {name: _other_pad(spec[name]) for name in other if name in spec})[0])
        except iso8583.DecodeError as broken:
            first = first or broken
            if broken.field not in TRACKS:
                raise
    assert first is not None
    raise first


def _other_pad(field: dict[str, Any]) -> dict[str, Any]:
    """The same BCD field with the other pad nibble; a field that is not BCD as it is."""
    flip = {"0": "F", "F": "0"}
    return field | {side: flip[field[side]] for side in ("left_pad", "right_pad") if side in field}
