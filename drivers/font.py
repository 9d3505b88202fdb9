"""Bitmap fonts in the project's own format (tools/make_font.py tells it)."""

from __future__ import annotations

import struct
import zlib
from functools import cache, lru_cache
from itertools import accumulate
from pathlib import Path

from PIL import Image

_FOLDER = Path(__file__).parent / "fonts"
_MISSING = "□"


class Font:
    """Glyphs of one height, proportional width."""

    def __init__(self, data: bytes) -> None:
        if data[:4] != b"TBF1":
            raise ValueError("not a TBF1 font")
        raw = zlib.decompress(data[4:])
        self.height, count = struct.unpack(">BH", raw[:3])
        codes = struct.unpack(f">{count}H", raw[3 : 3 + 2 * count])
        self._place = {code: n for n, code in enumerate(codes)}
        self._widths = raw[3 + 2 * count : 3 + 3 * count]
        self._bits = raw[3 + 3 * count :]
        sizes = ((w + 7) // 8 * self.height for w in self._widths)
        self._starts = list(accumulate(sizes, initial=0))

    def knows(self, char: str) -> bool:
        return ord(char) in self._place

    def width(self, text: str) -> int:
        """Pixels."""
        return sum(self._widths[self._index(c)] for c in text)

    def glyph(self, char: str) -> Image.Image:
        """One character."""
        n = self._index(char)
        return Image.frombytes("1", (self._widths[n], self.height), self._bits[self._starts[n] : self._starts[n + 1]])

    def draw(self, image: Image.Image, at: tuple[int, int], text: str, ink: int = 1, tall: int = 1) -> None:
        """Draw with the left upper corner at `at`; `tall` stretches the height."""
        strip = _strip(self, text)
        if tall > 1:
            strip = strip.resize((strip.width, strip.height * tall))
        x, y = at
        image.paste(ink, (x, y, x + strip.width, y + strip.height), strip)

    def _index(self, char: str) -> int:
        return self._place.get(ord(char), self._place[ord(_MISSING)])


@lru_cache(maxsize=512)
def _strip(font: Font, text: str) -> Image.Image:
    """A row of text, kept: screens say the same words again and again. Not to be drawn on."""
    strip = Image.new("1", (max(1, font.width(text)), font.height))
    x = 0
    for char in text:
        glyph = font.glyph(char)
        strip.paste(glyph, (x, 0))
        x += glyph.width
    return strip


@cache
def load(name: str) -> Font:
    """'glass12', 'glass16' or 'paper24'."""
    return Font((_FOLDER / f"{name}.tbf").read_bytes())
