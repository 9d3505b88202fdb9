"""The grid of 32 columns (48 on 80 mm paper) on which every printer and every simulation lays a Line out, so that rows
can be counted."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass
from functools import cache

from firmware.hal.printer import Line

WIDTH = 32


@dataclass(frozen=True)
class GridRow:
    """One physical row."""

    text: str
    double: bool = False
    qr: str = ""


def columns(text: str) -> int:
    """Width on paper: a Han or full-width character takes two columns."""
    return sum(map(_column, text))


@cache
def _column(char: str) -> int:
    return 2 if unicodedata.east_asian_width(char) in "WF" else 1


def wrap(text: str, width: int = WIDTH) -> list[str]:
    """Break where the columns end (Chinese), at a space where there is one (English)."""
    rows: list[str] = []
    row = ""
    for char in text:
        if columns(row + char) > width:
            if char == " ":
                rows, row = [*rows, row], ""
                continue
            cut = row.rfind(" ") if char.isascii() and " " in row else -1
            rows.append(row[:cut] if cut > 0 else row)
            row = row[cut + 1 :] if cut > 0 else ""
        row += char
    return [*rows, row] if row else rows


def lay(line: Line, width: int = WIDTH) -> list[GridRow]:
    """One Line → the rows it takes on paper `width` columns wide."""
    if line.rule:
        return [GridRow("-" * width)]
    if line.qr:
        return [GridRow("", qr=line.qr)]
    if line.right:
        return _pair(line, width)
    parts = wrap(line.left, width) or [""]
    return [GridRow(_centre(p, width) if line.centre else p, line.double) for p in parts]


def _pair(line: Line, width: int) -> list[GridRow]:
    gap = width - columns(line.left) - columns(line.right)
    if gap >= 1:
        return [GridRow(line.left + " " * gap + line.right, line.double)]
    right = " " * max(0, width - columns(line.right)) + line.right
    return [GridRow(line.left, line.double), GridRow(right, line.double)]


def _centre(text: str, width: int) -> str:
    return " " * ((width - columns(text)) // 2) + text
