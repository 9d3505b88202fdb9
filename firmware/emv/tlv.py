"""BER-TLV (EMV 4.4 Book 3, Annex B) and data object lists (Book 3, §5.4)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from firmware.emv import tags
from firmware.errors import CardBroken

_DEPTH_MAX = 6


def pieces(data: bytes, fillers: bytes = b"\x00\xff") -> Iterator[tuple[int, bytes, bytes]]:
    """Each (tag, value, the whole object as it came) on this level. Fillers between objects are skipped: 00, as the
    Book demands (Book 3, Annex B1), and FF, which the test cards of schemes carry and which begins no tag in use (the
    same annex). Raises CardBroken."""
    at = 0
    while at < len(data):
        if data[at] in fillers:
            at += 1
            continue
        start = at
        tag, at = _tag(data, at)
        length, at = _length(data, at)
        if at + length > len(data):
            raise CardBroken(f"tag {tag:X} says {length} bytes, {len(data) - at} are there")
        yield tag, data[at : at + length], data[start : at + length]
        at += length


def read(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Each (tag, value) on this level. Raises CardBroken."""
    for tag, value, _ in pieces(data):
        yield tag, value


def only(data: bytes, *wanted: int) -> tuple[int, bytes]:
    """The one object that `data` holds, one of the `wanted` tags. Nothing but 00 may stand beside a template: a record
    with other bytes behind its template 70 is refused (published vectors). Raises CardBroken."""
    objects = [(tag, value) for tag, value, _ in pieces(data, b"\x00")]
    if len(objects) != 1 or objects[0][0] not in wanted:
        raise CardBroken(f"not one object {' or '.join(f'{w:X}' for w in wanted)}")
    return objects[0]


def flatten(data: bytes, depth: int = 0) -> Iterator[tuple[int, bytes]]:
    """Every primitive object in the tree. Raises CardBroken, also for absurd nesting."""
    if depth > _DEPTH_MAX:
        raise CardBroken("data objects are nested too deeply")
    for tag, value in read(data):
        if constructed(tag):
            yield from flatten(value, depth + 1)
        else:
            yield tag, value


def unique(data: bytes) -> dict[int, bytes]:
    """Every primitive object, each tag once (Book 3, §10.2). Raises CardBroken."""
    found: dict[int, bytes] = {}
    for tag, value in flatten(data):
        if tag in found:
            raise CardBroken(f"tag {tag:X} came twice")
        found[tag] = value
    return found


def constructed(tag: int) -> bool:
    first = tag >> 8 * ((tag.bit_length() - 1) // 8) if tag else 0
    return bool(first & 0x20)


def write(tag: int, value: bytes) -> bytes:
    """One object with the shortest length form."""
    size = len(value)
    length = (
        bytes([size]) if size < 0x80 else bytes([0x81, size]) if size < 0x100 else b"\x82" + size.to_bytes(2, "big")
    )
    return tag.to_bytes((tag.bit_length() + 7) // 8 or 1, "big") + length + value


def dol(data: bytes) -> list[tuple[int, int]]:
    """A data object list as (tag, length) pairs. Raises CardBroken."""
    entries, at = [], 0
    while at < len(data):
        tag, at = _tag(data, at)
        if at >= len(data):
            raise CardBroken("a data object list ends after a tag")
        if data[at] & 0x80:
            raise CardBroken("a length in a data object list has more than one byte")
        entries.append((tag, data[at]))
        at += 1
    return entries


def fill_dol(entries: list[tuple[int, int]], values: Mapping[int, bytes]) -> bytes:
    """The values a DOL asks for, concatenated. Unknown or constructed → zeros; too long: format n loses the left,
    others the right; too short: n is padded with zeros on the left, cn with F on the right, others with zeros on the
    right (Book 3, §5.4)."""
    out = bytearray()
    for tag, length in entries:
        value = b"" if constructed(tag) else values.get(tag, b"")
        if not value or not length:
            out += bytes(length)
        elif tag in tags.NUMERIC:
            out += value[-length:].rjust(length, b"\0")
        else:
            out += value[:length].ljust(length, b"\xff" if tag in tags.COMPRESSED else b"\0")
    return bytes(out)


def _tag(data: bytes, at: int) -> tuple[int, int]:
    start = at
    at += 1
    if data[start] & 0x1F == 0x1F:
        while at < len(data) and data[at] & 0x80:
            at += 1
        at += 1
    if at > len(data) or at - start > 4:
        raise CardBroken("a tag is cut off or too long")
    return int.from_bytes(data[start:at], "big"), at


def _length(data: bytes, at: int) -> tuple[int, int]:
    if at >= len(data):
        raise CardBroken("a length is missing")
    first = data[at]
    at += 1
    if first < 0x80:
        return first, at
    size = first & 0x7F
    if not 1 <= size <= 2 or at + size > len(data):
        raise CardBroken("a length has a wrong form")
    return int.from_bytes(data[at : at + size], "big"), at + size
