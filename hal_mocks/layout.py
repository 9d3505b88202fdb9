"""Lines → rows of 32 columns, and what a glass promises in words."""

from __future__ import annotations

from firmware.hal.printer import Line
from firmware.hal.screen import Screen
from firmware.receipts import WIDTH, columns, wrap
from firmware.words import HAND_OVER
from hal_mocks.paper import Row


def rows(line: Line) -> list[Row]:
    """What a printer makes of one line; a text that is too wide goes on in the next row."""
    if line.rule:
        return [Row("-" * WIDTH)]
    if line.right:
        return _pair(line)
    parts = wrap(line.left, WIDTH) or [""]
    return [Row(_centre(p) if line.centre else p, line.double, line.centre) for p in parts]


def _pair(line: Line) -> list[Row]:
    gap = WIDTH - columns(line.left) - columns(line.right)
    if gap >= 1:
        return [Row(line.left + " " * gap + line.right, line.double)]
    right = " " * max(0, WIDTH - columns(line.right)) + line.right
    return [Row(line.left, line.double), Row(right, line.double)]


def _centre(text: str) -> str:
    return " " * ((WIDTH - columns(text)) // 2) + text


def says_hand_over(screen: Screen) -> bool:
    """Does this screen let the goods go?"""
    return HAND_OVER in screen.lines
