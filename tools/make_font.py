"""Make the committed font subsets, once, from Debian's packages (xfonts-wqy, unifont, fonts-wqy-microhei).

    apt-get install xfonts-wqy unifont fonts-wqy-microhei && python tools/make_font.py

Glass: WenQuanYi 9pt at 12 px (GPL-2 with font embedding exception), Unifont at 16 px (OFL 1.1 / GPL-2+ with font
embedding exception). Paper: WenQuanYi Micro Hei at 24 px (Apache-2.0 / GPL-3). Characters: printable ASCII, the
7,445 of GB 2312 and a few signs.

Format "TBF1": 4 bytes magic, then zlib of: u8 height, u16 count, count × u16 code point (rising), count × u8 width,
then for each glyph height rows of ceil(width / 8) bytes, most significant bit left.
"""

from __future__ import annotations

import struct
import sys
import zlib
from collections.abc import Callable
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont

OUT = Path(__file__).resolve().parent.parent / "drivers" / "fonts"
WQY = "/usr/share/fonts/X11/misc/wenquanyi_9pt.pcf"
UNIFONT = "/usr/share/unifont/unifont.hex"
MICROHEI = "/usr/share/fonts/truetype/wqy/wqy-microhei.ttc"
Glyph = tuple[int, bytes]


def characters() -> list[str]:
    """ASCII, GB 2312 and the signs the screens use."""
    found = {chr(c) for c in range(0x20, 0x7F)} | set("￥¥·…↑↓←→♪")
    for high in range(0xA1, 0xF8):
        for low in range(0xA1, 0xFF):
            try:
                found.add(bytes([high, low]).decode("gb2312"))
            except UnicodeDecodeError:
                continue
    return sorted(c for c in found if ord(c) < 0x10000)


def pack(image: Image.Image) -> bytes:
    return image.convert("1").tobytes()


def from_bitmap_font(path: str, height: int) -> Callable[[str], Glyph]:
    font = ImageFont.truetype(path, height)

    def draw(char: str) -> Glyph:
        """The face keeps two empty rows above; a glyph that uses one of them moves down by it."""
        width = max(1, round(font.getlength(char)))
        tall = Image.new("1", (width, height + 4))
        ImageDraw.Draw(tall).text((0, 0), char, font=font, fill=1)
        box = tall.getbbox()
        top = min(2, box[1]) if box else 0
        return width, pack(tall.crop((0, top, width, top + height)))

    return draw


def from_unifont() -> Callable[[str], Glyph]:
    table = dict(line.split(":") for line in Path(UNIFONT).read_text().split())

    def draw(char: str) -> Glyph:
        bits = bytes.fromhex(table.get(f"{ord(char):04X}", "00" * 16))
        return len(bits) // 2, bits

    return draw


def from_outline(path: str, height: int) -> Callable[[str], Glyph]:
    """Half-width ASCII 12 dots, everything else 24, drawn inside the cell."""
    font = ImageFont.truetype(path, height - 2)
    latin = ImageFont.truetype(path, height - 2, index=1)  # the monospaced face

    def draw(char: str) -> Glyph:
        narrow = ord(char) < 0x80
        width, face = (height // 2, latin) if narrow else (height, font)
        image = Image.new("L", (width, height))
        left = (width - face.getlength(char)) / 2
        ImageDraw.Draw(image).text((left, height - 4), char, font=face, fill=255, anchor="ls")
        return width, pack(image.point([255 if v > 110 else 0 for v in range(256)]))

    return draw


def write(name: str, height: int, draw: Callable[[str], Glyph]) -> None:
    chars = characters()
    glyphs = [draw(c) for c in chars]
    head = struct.pack(">BH", height, len(chars))
    body = b"".join(struct.pack(">H", ord(c)) for c in chars) + bytes(w for w, _ in glyphs)
    data = b"TBF1" + zlib.compress(head + body + b"".join(bits for _, bits in glyphs), 9)
    (OUT / name).write_bytes(data)
    print(name, len(chars), "glyphs", len(data), "bytes")


def main() -> int:
    OUT.mkdir(exist_ok=True)
    write("glass12.tbf", 12, from_bitmap_font(WQY, 12))
    write("glass16.tbf", 16, from_unifont())
    write("paper24.tbf", 24, from_outline(MICROHEI, 24))
    return 0


if __name__ == "__main__":
    sys.exit(main())
