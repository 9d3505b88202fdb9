"""Screen → 128×64 pixels. Used by the OLED driver, the panel and the simulation alike.

Rows from the top: the inverse title (12 px), one big row (16 px), what to do (12 px each, the terminal's own language
first, the other beneath), the keys at the foot. What is left over becomes air between them.
"""

from __future__ import annotations

from dataclasses import dataclass

import segno
from PIL import Image

from drivers import font
from firmware.hal.screen import Screen, Word

WIDTH, HEIGHT = 128, 64
_TITLE = 12


@dataclass(frozen=True)
class Placed:
    """One row: what, how high, drawn by which font."""

    text: str
    font: str
    height: int


def rows(screen: Screen, language: str) -> tuple[list[Placed], str]:
    """Everything under the title, and the foot. A text too wide goes on in the next row; where that makes the screen
    too high the foot gives way first, then the big row."""
    big = [Placed(screen.big, "glass16", 16)] if screen.big else []
    small = [Placed(part, "glass12", 12) for line in screen.lines for text in _texts(line, language)
             for part in _wrap(text)]  # fmt: skip
    foot = _text(screen.keys, language) if screen.keys else ""
    if _height(big + small) > HEIGHT - _TITLE - (12 if foot else 0):
        foot = ""
    if _height(big + small) > HEIGHT - _TITLE:
        big = []
    return big + small, foot


def _height(placed: list[Placed]) -> int:
    return sum(p.height for p in placed)


def _text(word: Word, language: str) -> str:
    return word.zh if language == "zh" else word.en


def _texts(line: Word | str, language: str) -> tuple[str, ...]:
    """The terminal's own language first."""
    if isinstance(line, str):
        return (line,)
    return (line.zh, line.en) if language == "zh" else (line.en, line.zh)


def _wrap(text: str) -> list[str]:
    """At a space, into as few rows as will hold it."""
    face, row = font.load("glass12"), ""
    found: list[str] = []
    for word in text.split(" "):
        longer = f"{row} {word}" if row else word
        if row and face.width(longer) > WIDTH:
            found, row = [*found, row], word
        else:
            row = longer
    return [*found, row]


def draw(screen: Screen, language: str = "zh") -> Image.Image:
    """A one-bit image. Never raises for a text: what is too wide is cut at the edge (tests see that none is)."""
    image = Image.new("1", (WIDTH, HEIGHT))
    if screen.qr:
        return _with_qr(image, screen, language)
    _title(image, screen, language)
    placed, foot = rows(screen, language)
    free = HEIGHT - _TITLE - _height(placed) - (12 if foot else 0)
    gap = max(0, free // (len(placed) + 1))
    y = _TITLE + gap
    for row in placed:
        face = font.load(row.font)
        face.draw(image, (max(0, (WIDTH - face.width(row.text)) // 2), y), row.text)
        y += row.height + gap
    if foot:
        small = font.load("glass12")
        small.draw(image, (max(0, (WIDTH - small.width(foot)) // 2), HEIGHT - 12), foot)
    return image


def _title(image: Image.Image, screen: Screen, language: str) -> None:
    image.paste(1, (0, 0, WIDTH, _TITLE))
    small = font.load("glass12")
    text = title(screen, language)
    small.draw(image, (max(1, (WIDTH - small.width(text)) // 2), 0), text, ink=0)
    if screen.alarm:
        image.paste(0, (0, 0, 3, 3))
        image.paste(0, (WIDTH - 3, 0, WIDTH, 3))


def title(screen: Screen, language: str) -> str:
    """Both languages side by side where they fit, else the terminal's own."""
    zh, en = screen.title.zh, screen.title.en
    both = f"{zh} {en}" if language == "zh" else f"{en} {zh}"
    return both if font.load("glass12").width(both) <= WIDTH - 2 else (zh if language == "zh" else en)


def qr_code(text: str) -> segno.QRCode:
    """Version 3 at most, so that it fits the glass at two pixels a module. Raises segno.DataOverflowError."""
    return segno.make_qr(text, version=3, error="l", boost_error=False)


def _with_qr(image: Image.Image, screen: Screen, language: str) -> Image.Image:
    """29 modules at 2 px = 58, on white with a margin; the words stand to the right."""
    image.paste(1, (0, 0, HEIGHT, HEIGHT))
    for y, line in enumerate(qr_code(screen.qr).matrix):
        for x, dark in enumerate(line):
            if dark:
                image.paste(0, (3 + 2 * x, 3 + 2 * y, 5 + 2 * x, 5 + 2 * y))
    small = font.load("glass12")
    texts = [screen.title.zh, *(t for line in screen.lines if not isinstance(line, str) for t in _halves(line.zh))]
    if language == "en":
        texts = [*screen.title.en.split(), *(t for line in screen.lines if not isinstance(line, str)
                                             for t in line.en.split())]  # fmt: skip
    for n, text in enumerate(texts[:5]):
        small.draw(image, (HEIGHT + 2, 1 + 12 * n), text)
    return image


def _halves(text: str) -> tuple[str, ...]:
    """Five Han fit beside the code; a longer text is broken after four."""
    size = 5 if len(text) <= 5 else 4
    return tuple(text[at : at + size] for at in range(0, len(text), size))
