"""PIN entry on the glass: stars, the amount above, never blind (no glass, no PIN)."""

from __future__ import annotations

from firmware.errors import Cancelled, IdleTimeout
from firmware.hal.devices import Devices
from firmware.hal.keypad import PinEnd
from firmware.security.pin import PinBuffer
from firmware.ui import screens


def read_pin(devices: Devices, into: PinBuffer, amount: int, timeout_s: float) -> None:
    """Fill the buffer. Raises Cancelled, IdleTimeout, DisplayLost, KeypadLost; the caller's `with` wipes."""

    def draw(count: int) -> None:
        into.on_count(count)
        devices.watchdog.feed()
        devices.display.show(screens.enter_pin(amount, count))

    end = devices.keypad.read_pin(into.digits, draw, timeout_s)
    if end is PinEnd.CANCELLED:
        raise Cancelled
    if end is PinEnd.TIMEOUT:
        raise IdleTimeout
