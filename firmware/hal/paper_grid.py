"""The grid of 32 columns on which every printer and every simulation lays a Line out, so that rows can be counted."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

from firmware.hal.printer import Line

WIDTH = 32


@dataclass(frozen=True)
class GridRow:
    """One physical row."""

    text: str
    double: bool = False


def columns(text: str) -> int:
    """Width on paper: a Han or full-width character takes two columns."""
    return sum(2 if unicodedata.east_asian_width(c) in "WF" else 1 for c in text)


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


def lay(line: Line) -> list[GridRow]:
    """One Line → the rows it takes."""
    if line.rule:
        return [GridRow("-" * WIDTH)]
    if line.right:
        return _pair(line)
    parts = wrap(line.left) or [""]
    return [GridRow(_centre(p) if line.centre else p, line.double) for p in parts]


def _pair(line: Line) -> list[GridRow]:
    gap = WIDTH - columns(line.left) - columns(line.right)
    if gap >= 1:
        return [GridRow(line.left + " " * gap + line.right, line.double)]
    right = " " * max(0, WIDTH - columns(line.right)) + line.right
    return [GridRow(line.left, line.double), GridRow(right, line.double)]


def _centre(text: str) -> str:
    return " " * ((WIDTH - columns(text)) // 2) + text
