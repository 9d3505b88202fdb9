"""OLED through luma.oled on I²C or SPI: a worker that knows only the newest frame and sends what changed of it.

luma opens the bus and starts the chip; the pixels go as windows of our own, so that an identical frame costs nothing
and a star of a PIN some thirty bytes. Bus errors become DisplayLost; after a loss the next frame starts the chip anew.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from typing import Any

from PIL import Image

from drivers import glass
from firmware.errors import DisplayLost
from firmware.hal.screen import Screen

PAGES = glass.HEIGHT // 8
_SHOWN_WITHIN_S = 2.0
_DIM = 1


# -- opening -----------------------------------------------------------------------------------------------------------


def open_i2c(kind: str, port: int = 1, address: int = 0x3C) -> Any:
    """A luma device on /dev/i2c-`port`. An adapter that only speaks SMBus is written to in blocks of 32.

    Raises OSError, luma.core.error.Error.
    """
    import smbus2
    from luma.core.interface.serial import i2c

    bus = smbus2.SMBus(port)
    if bus.funcs & smbus2.I2cFunc.I2C:
        bus.close()
        return _device(kind, i2c(port=port, address=address))
    return _device(kind, i2c(bus=bus, address=address))


def open_spi(kind: str, dc: int, reset: int, bus: Any = None, gpio: Any = None) -> Any:
    """A luma device on SPI 0.0; `dc` and `reset` are BCM numbers. Raises OSError, luma.core.error.Error."""
    from luma.core.interface.serial import spi

    return _device(kind, spi(spi=bus, gpio=gpio, gpio_DC=dc, gpio_RST=reset))


def _device(kind: str, serial: Any) -> Any:
    from luma.oled import device

    made = getattr(device, kind)(serial, width=glass.WIDTH, height=glass.HEIGHT)
    made.persist = True
    return made


# -- pixels ------------------------------------------------------------------------------------------------------------


def pages(image: Image.Image) -> list[bytes]:
    """A one-bit image → eight pages of 128 bytes, one byte a column, its lowest bit on top."""
    columns = image.transpose(Image.Transpose.FLIP_TOP_BOTTOM).transpose(Image.Transpose.TRANSPOSE).tobytes()
    return [columns[PAGES - 1 - page :: PAGES] for page in range(PAGES)]


def span(old: bytes, new: bytes) -> tuple[int, int] | None:
    """First and last column that differ."""
    changed = [x for x in range(len(new)) if old[x] != new[x]]
    return (changed[0], changed[-1]) if changed else None


class Windows:
    """Changed parts of a frame as commands and data. SSD1306 and SSD1309 take a rectangle, SH1106 one page at a time,
    its columns counted from 2."""

    def __init__(self, kind: str) -> None:
        self._paged = kind == "sh1106"

    def send(self, device: Any, old: list[bytes], new: list[bytes]) -> None:
        """Raises what the bus raises."""
        spans = {page: found for page in range(PAGES) if (found := span(old[page], new[page]))}
        if not spans:
            return
        if self._paged:
            for page, (first, last) in spans.items():
                column = first + 2
                device.command(0xB0 + page, column & 0x0F, 0x10 | column >> 4)
                device.data(list(new[page][first : last + 1]))
            return
        first, last = min(a for a, _ in spans.values()), max(b for _, b in spans.values())
        top, bottom = min(spans), max(spans)
        device.command(0x21, first, last, 0x22, top, bottom)
        device.data([byte for page in new[top : bottom + 1] for byte in page[first : last + 1]])


_BLACK = [bytes(glass.WIDTH)] * PAGES


class OledDisplay:
    """`opener` gives a luma device with a black glass. A new screen that asks something has been sent when show
    returns; one that only informs, and a new frame of the same screen (typing, a countdown), is handed over, and only
    the newest is sent: money does not wait for a bus."""

    def __init__(self, opener: Callable[[], Any], language: str, kind: str = "ssd1306", brightness: int = 0xCF,
                 saver_s: float = 600.0, clock: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._opener, self._language, self._windows = opener, language, Windows(kind)
        self._brightness, self._saver_s, self._clock = brightness, saver_s, clock
        self._turn = threading.Condition()
        self._wanted: list[bytes] | None = None
        self._asked = self._done = 0
        self._failed: str = ""
        self._device: Any = None
        self._sent = _BLACK
        self._dimmed = False
        self._name, self._named_s = "", clock()
        threading.Thread(target=self._work, name="display", daemon=True).start()

    def show(self, screen: Screen) -> None:
        wanted = pages(glass.draw(screen, self._language))
        with self._turn:
            fresh = screen.name != self._name
            must = fresh and (screen.keys is not None or bool(screen.qr))
            if fresh:
                self._name, self._named_s = screen.name, self._clock()
            self._wanted, self._asked = wanted, self._asked + 1
            mine = self._asked
            self._turn.notify_all()
            if must and not self._turn.wait_for(lambda: self._done >= mine or self._failed, _SHOWN_WITHIN_S):
                self._failed = "the bus takes no frame"
            failed, self._failed = self._failed, ""
            if failed:
                self._name = ""
                raise DisplayLost(failed)

    # -- the worker ------------------------------------------------------------------------------------------------

    def _work(self) -> None:
        while True:
            with self._turn:
                if not self._turn.wait_for(lambda: self._wanted is not None, self._rest_s()):
                    wanted, number = None, 0
                else:
                    wanted, number, self._wanted = self._wanted, self._asked, None
            failed = self._try(wanted)
            with self._turn:
                self._failed = failed or self._failed
                self._done = max(self._done, number if not failed else 0)
                self._turn.notify_all()

    def _try(self, wanted: list[bytes] | None) -> str:
        """Send one frame, or dim. Empty, or what went wrong."""
        try:
            if wanted is None:
                self._dim()
            else:
                self._send(wanted)
        except Exception as broken:  # bus, chip, GPIO or a missing library: this thread must outlive them all
            self._device = None
            return f"{type(broken).__name__}: {broken}"
        return ""

    def _send(self, wanted: list[bytes]) -> None:
        if self._device is None:
            device = self._opener()
            device.contrast(self._brightness)
            self._device, self._sent, self._dimmed = device, _BLACK, False
        self._windows.send(self._device, self._sent, wanted)
        self._sent = wanted
        self._dim()

    def _dim(self) -> None:
        """Screen-saver: a screen that has stood for long is dimmed, since OLEDs burn in; the next one wakes it."""
        dim = self._clock() - self._named_s >= self._saver_s
        if self._device is not None and dim is not self._dimmed:
            self._device.contrast(_DIM if dim else self._brightness)
            self._dimmed = dim

    def _rest_s(self) -> float | None:
        """How long the worker may sleep."""
        if self._dimmed or self._device is None:
            return None
        return max(0.1, self._named_s + self._saver_s - self._clock())
