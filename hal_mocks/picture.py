"""Pictures of what the terminal made: paper and glass as PNG."""

from __future__ import annotations

import segno
from PIL import Image

from drivers import font, glass
from firmware.hal.screen import Screen
from hal_mocks.paper import Roll, Row


def paper(roll: Roll, rows: list[Row] | None = None, columns: int = 32) -> Image.Image:
    """The roll as a 384-dot print head leaves it (576 dots for 48 columns); a tear is a ragged grey bar, a cut a dashed
    line."""
    shown = roll.rows if rows is None else rows
    inks = [_ink(row, columns * 12) for row in shown]
    gaps = [4 + (26 if row.cut else 0) if not row.raster[0] else 0 for row in shown]
    height = sum(ink.height for ink in inks) + sum(gaps) + 32
    image = Image.new("L", (columns * 12 + 32, height), 250)
    y = 16
    for row, ink, gap in zip(shown, inks, gaps, strict=True):
        _row(image, row, ink, y)
        y += ink.height + gap
    return image


def _ink(row: Row, dots: int) -> Image.Image:
    """What the print head burns for one row."""
    across, data = row.raster
    if across:
        return Image.frombytes("1", (across * 8, len(data) // across), data).crop((0, 0, dots, len(data) // across))
    if row.qr:
        code = segno.make_qr(row.qr, error="m")
        matrix = list(code.matrix_iter(scale=6, border=4))
        small = Image.new("1", (len(matrix), len(matrix)))
        small.putdata([bit for line in matrix for bit in line])
        return small.crop(((len(matrix) - dots) // 2, 0, (len(matrix) - dots) // 2 + dots, len(matrix)))
    ink = Image.new("1", (dots, 48 if row.double else 24))
    font.load("paper24").draw(ink, (0, 0), row.text, tall=2 if row.double else 1)
    return ink


def _row(image: Image.Image, row: Row, ink: Image.Image, y: int) -> None:
    if row.torn:
        ink.paste(0, (0, ink.height // 2, ink.width, ink.height))
        image.paste(200, (16, y + ink.height // 2, 16 + ink.width, y + ink.height))
    image.paste(20, (16, y), ink)
    if row.cut:
        for x in range(16, ink.width + 16, 12):
            image.paste(150, (x, y + ink.height + 14, x + 6, y + ink.height + 16))


def screen(shown: Screen, language: str = "zh", scale: int = 4) -> Image.Image:
    """The glass, enlarged."""
    small = glass.draw(shown, language)
    return small.convert("L").resize((small.width * scale, small.height * scale))
