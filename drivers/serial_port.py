"""A serial port as the printer driver wants it: writes and reads with a time limit, and three ways to fail."""

from __future__ import annotations

import select
import termios
from collections.abc import Callable
from typing import Any, Protocol


class PortError(Exception):
    """The port did not do it; the text says what the system said."""


class PortGone(PortError):
    """Unplugged, or never there, or held by another process."""


class PortStalled(PortError):
    """It took no more bytes for two seconds."""


class Port(Protocol):
    """Bytes out, bytes in."""

    def write(self, data: bytes) -> None:
        """All of it. Raises PortGone, PortStalled."""

    def read(self, timeout_s: float) -> bytes:
        """What has arrived, at the latest after `timeout_s`; empty if nothing has. Raises PortGone."""

    def close(self) -> None:
        """Never raises."""


class SerialPort:
    """pyserial, opened exclusively. `rtscts`: for printers whose DTR is wired to CTS."""

    def __init__(self, name: str, baud: int, rtscts: bool = False) -> None:
        import serial

        self._errors = (OSError, TypeError, ValueError, termios.error, serial.SerialException)
        try:
            self._port: Any = serial.Serial(name, baud, timeout=0, write_timeout=2.0, rtscts=rtscts, exclusive=True)
        except self._errors as broken:
            raise PortGone(str(broken)) from None

    def write(self, data: bytes) -> None:
        import serial

        try:
            self._port.write(data)
        except serial.SerialTimeoutException:
            raise PortStalled("no bytes taken for 2 s") from None
        except self._errors as broken:
            raise PortGone(str(broken)) from None

    def read(self, timeout_s: float) -> bytes:
        try:
            ready, _, _ = select.select([self._port.fileno()], [], [], max(0.0, timeout_s))
            return bytes(self._port.read(self._port.in_waiting or 1)) if ready else b""
        except self._errors as broken:
            raise PortGone(str(broken)) from None

    def close(self) -> None:
        try:
            self._port.close()
        except Exception:
            return


def opener(name: str, baud: int, rtscts: bool = False) -> Callable[[], Port]:
    """Opens the port anew each time it is called. That call raises PortGone."""
    return lambda: SerialPort(name, baud, rtscts)
