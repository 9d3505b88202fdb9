"""Pictures of what the terminal made: paper and glass as PNG."""

from __future__ import annotations

from PIL import Image

from drivers import font, glass
from firmware.hal.screen import Screen
from hal_mocks.paper import Roll, Row

PAPER_DOTS = 384  # 58 mm


def paper(roll: Roll, rows: list[Row] | None = None) -> Image.Image:
    """The roll as a 384-dot print head leaves it; a tear is a ragged grey bar, a cut a dashed line."""
    shown = roll.rows if rows is None else rows
    heights = [(48 if r.double else 24) + 4 + (26 if r.cut else 0) for r in shown]
    image = Image.new("L", (PAPER_DOTS + 32, sum(heights) + 32), 250)
    y = 16
    for row, height in zip(shown, heights, strict=True):
        _row(image, row, y)
        y += height
    return image


def _row(image: Image.Image, row: Row, y: int) -> None:
    ink = Image.new("1", (PAPER_DOTS, 48))
    font.load("paper24").draw(ink, (0, 0), row.text, tall=2 if row.double else 1)
    height = 48 if row.double else 24
    if row.torn:
        ink.paste(0, (0, height // 2, PAPER_DOTS, height))
        image.paste(200, (16, y + height // 2, 16 + PAPER_DOTS, y + height))
    image.paste(20, (16, y), ink)
    if row.cut:
        for x in range(16, PAPER_DOTS + 16, 12):
            image.paste(150, (x, y + height + 14, x + 6, y + height + 16))


def screen(shown: Screen, language: str = "zh", scale: int = 4) -> Image.Image:
    """The glass, enlarged."""
    small = glass.draw(shown, language)
    return small.convert("L").resize((small.width * scale, small.height * scale))
