"""The code scanner: lines become codes, loss and return are said once, what is no code is dropped."""

from __future__ import annotations

from drivers.scanner import Scanner
from firmware.hal.events import CodeScanned, DeviceBack, DeviceGone


class Port:
    """Gives its lines, then raises."""

    def __init__(self, scanner: list[Scanner], *lines: bytes) -> None:
        self.scanner, self.lines = scanner, list(lines)

    def readline(self) -> bytes:
        if not self.lines:
            raise OSError("unplugged")
        line = self.lines.pop(0)
        if line == b"stop":
            self.scanner[0].stop()
            return b""
        return line


def test_codes_and_a_scanner_that_comes_and_goes() -> None:
    seen, made = [], []
    ports = [Port(made, b"R000001\r\n", b"", b"\xff\xfe\n", b"x" * 300 + b"\n"), OSError("away"), OSError("away"),
             Port(made, b"10000001 A B\n", b"stop")]  # fmt: skip

    def open_port():
        port = ports.pop(0)
        if isinstance(port, OSError):
            raise port
        return port

    made.append(Scanner(open_port))
    made[0]._stop.wait = lambda seconds: False  # type: ignore[method-assign]
    made[0].listen(seen.append)
    assert seen == [CodeScanned("R000001"), DeviceGone("scanner"), DeviceBack("scanner"), CodeScanned("10000001 A B")]
