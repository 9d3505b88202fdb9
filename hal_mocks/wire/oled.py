"""The controller behind an OLED bus: commands and data become 128×64 pixels, every byte is counted, errors on demand.

`OledBus` looks like smbus2.SMBus, `OledSpi` like spidev with the data/command line of RPi.GPIO beside it.
"""

from __future__ import annotations

from PIL import Image

# commands of SSD1306, SSD1309 and SH1106 that have parameters
_PARAMETERS = {0x20: 1, 0x21: 2, 0x22: 2, 0x81: 1, 0x8D: 1, 0xA8: 1, 0xD3: 1, 0xD5: 1, 0xD9: 1, 0xDA: 1, 0xDB: 1}


class Controller:
    """One chip. SH1106 has 132 columns, of which the glass shows 2 to 129, and knows pages only."""

    def __init__(self, kind: str = "ssd1306") -> None:
        self.paged = kind == "sh1106"
        self.memory = [bytearray(132) for _ in range(8)]
        self.on, self.contrast = False, 0
        self._window = (0, 127, 0, 7)
        self._x = self._page = 0
        self._waiting: list[int] = []

    def command(self, data: list[int]) -> None:
        for byte in data:
            self._waiting.append(byte)
            if len(self._waiting) > _PARAMETERS.get(self._waiting[0], 0):
                name, *values = self._waiting
                self._waiting = []
                self._obey(name, values)

    def _obey(self, name: int, values: list[int]) -> None:
        if name in (0xAE, 0xAF):
            self.on = name == 0xAF
        elif name == 0x81:
            self.contrast = values[0]
        elif name == 0x21:
            self._window = (values[0], values[1], *self._window[2:])
            self._x = values[0]
        elif name == 0x22:
            self._window = (*self._window[:2], values[0], values[1])
            self._page = values[0]
        elif self.paged and 0xB0 <= name <= 0xB7:
            self._page = name & 0x07
        elif self.paged and name <= 0x0F:
            self._x = self._x & 0xF0 | name
        elif self.paged and name <= 0x1F:
            self._x = self._x & 0x0F | (name & 0x0F) << 4

    def data(self, data: list[int]) -> None:
        first, last, top, bottom = self._window
        for byte in data:
            self.memory[self._page][self._x] = byte
            self._x += 1
            if self.paged:
                self._x %= 132
            elif self._x > last:
                self._x = first
                self._page = top if self._page >= bottom else self._page + 1

    def image(self) -> Image.Image:
        """What the glass shows; dark while it is off."""
        image = Image.new("1", (128, 64))
        offset = 2 if self.paged else 0
        if self.on:
            image.putdata([self.memory[y // 8][x + offset] >> y % 8 & 1 for y in range(64) for x in range(128)])
        return image


class OledBus:
    """I²C: each transfer is address and control byte, then at most 32 bytes."""

    def __init__(self, kind: str = "ssd1306") -> None:
        self.chip = Controller(kind)
        self.bytes = self.transfers = 0
        self.fail: OSError | None = None

    def write_i2c_block_data(self, address: int, mode: int, data: list[int]) -> None:
        if self.fail:
            raise self.fail
        assert len(data) <= 32
        self.bytes += 2 + len(data)
        self.transfers += 1
        (self.chip.command if mode == 0 else self.chip.data)(data)


class OledSpi:
    """SPI and its data/command line."""

    OUT, LOW, HIGH = 1, 0, 1

    def __init__(self, kind: str = "ssd1306", dc: int = 26, reset: int = 4) -> None:
        self.chip = Controller(kind)
        self.bytes = 0
        self.fail: OSError | None = None
        self.max_speed_hz = 0
        self._kind, self._dc, self._reset, self._levels = kind, dc, reset, {dc: 0, reset: 1}

    def open(self, port: int, device: int) -> None:
        return None

    def close(self) -> None:
        return None

    def setup(self, line: int, way: int) -> None:
        return None

    def output(self, line: int, level: int) -> None:
        if line == self._reset and not level:
            self.chip.__init__(self._kind)  # type: ignore[misc]
        self._levels[line] = level

    def writebytes(self, data: list[int]) -> None:
        if self.fail:
            raise self.fail
        self.bytes += len(data)
        (self.chip.data if self._levels[self._dc] else self.chip.command)(list(data))
