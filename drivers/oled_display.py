"""OLED through luma.oled on I²C. Identical frames are not sent; bus errors become DisplayLost."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from drivers import glass
from firmware.errors import DisplayLost
from firmware.hal.screen import Screen


def open_device(kind: str) -> Any:
    """A luma device of the configured kind on I²C bus 1, address 0x3C."""
    from luma.core.interface.serial import i2c
    from luma.oled import device

    return getattr(device, kind)(i2c(port=1, address=0x3C), width=glass.WIDTH, height=glass.HEIGHT)


class OledDisplay:
    """`opener` gives a luma device; after a loss the next frame opens it anew."""

    def __init__(self, opener: Callable[[], Any], language: str) -> None:
        self._opener, self._language = opener, language
        self._device: Any = None
        self._sent = b""

    def show(self, screen: Screen) -> None:
        from luma.core.error import Error

        image = glass.draw(screen, self._language)
        frame = image.tobytes()
        try:
            if self._device is None:
                self._device, self._sent = self._opener(), b""
                self._device.persist = True
            if frame != self._sent:
                self._device.display(image)
            self._sent = frame
        except (Error, OSError) as broken:
            self._device, self._sent = None, b""
            raise DisplayLost(type(broken).__name__) from None
