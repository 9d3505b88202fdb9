"""PIN entry on the glass: stars, the amount above, never blind (no glass, no PIN)."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Cancelled, IdleTimeout, Refused
from firmware.hal.devices import Devices
from firmware.hal.keypad import PinEnd
from firmware.security.pin import PinBuffer
from firmware.ui import screens
from firmware.words import Word


def read_pin(devices: Devices, into: PinBuffer, amount: int, timeout_s: float, note: Word | None = None,
             may_bypass: bool = False) -> bool:  # fmt: skip
    """Fill the buffer; `note` is a word on tries. False where the customer passed by (green without a digit) and may.

    Raises Cancelled, IdleTimeout, DisplayLost, KeypadLost; the caller's `with` wipes.
    """

    def draw(count: int) -> None:
        into.on_count(count)
        if devices.safe.open():
            raise Refused(w.TAMPERED)
        devices.watchdog.feed()
        devices.display.show(screens.enter_pin(amount, count, note))

    until = devices.clock.monotonic_s() + timeout_s
    while True:
        end = devices.keypad.read_pin(into.digits, draw, max(0.0, until - devices.clock.monotonic_s()))
        if end is PinEnd.CANCELLED:
            raise Cancelled
        if end is PinEnd.TIMEOUT:
            raise IdleTimeout
        if end is PinEnd.ENTERED:
            return True
        if may_bypass:
            return False
