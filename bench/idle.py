"""A whole terminal at rest: matrix keypad on a chip without edges (the dear case), OLED, lamps, pcscd, printer, TLS.
`python -m bench.idle CONFIG SECONDS` prints the CPU seconds its process used per second, in percent."""

from __future__ import annotations

import resource
import sys
import threading
import time
from pathlib import Path
from typing import Any

from drivers import board, oled_display, system
from drivers.fleet import Reporter
from drivers.gpio_signals import GpioSignals
from drivers.matrix_keypad import MatrixKeypad
from drivers.oled_display import OledDisplay
from drivers.outlet import Outlets
from drivers.safe import FileSafe
from firmware import app, config, log, terminal
from firmware.hal.devices import Devices
from firmware.security import keystore
from hal_mocks.wire.gpio import Chip
from hal_mocks.wire.oled import OledBus


def main(file: str, seconds: float) -> None:
    settings = config.load(Path(file))
    state = settings.state_directory()
    chip = Chip([5, 6, 13, 19], [12, 16, 20, 21], time.monotonic)
    chip.edges = False
    bus = OledBus()

    def glass() -> Any:
        from luma.core.interface.serial import i2c

        return oled_display._device("ssd1306", i2c(bus=bus))

    devices = Devices(
        reader=board.openers(settings).reader(), keypad=MatrixKeypad(chip.rows, chip.columns, chip),
        display=OledDisplay(glass, "zh"), printer=board.printer(settings), link=board.link(settings),
        clock=system.SystemClock(), random=system.SystemRandom(), disk=system.SqliteDisk(state),
        inbox=system.QueueInbox(), signals=GpioSignals(18, [22, 23, 24, 25], chip), watchdog=system.NotifyWatchdog(""),
        outlet=Outlets("", 0), safe=FileSafe(state), fleet=Reporter(None, None),
    )  # fmt: skip
    log.quiet()
    built = threading.Event()

    def run() -> None:
        made = terminal.build(settings, devices, keystore.load(state))
        built.set()
        app.run(made)

    threading.Thread(target=run, daemon=True).start()
    built.wait(10)
    time.sleep(5)  # sign-on and its result screen
    before = resource.getrusage(resource.RUSAGE_SELF)
    time.sleep(seconds)
    after = resource.getrusage(resource.RUSAGE_SELF)
    used = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    sys.stdout.write(f"{100 * used / seconds:.3f}\n")


if __name__ == "__main__":
    main(sys.argv[1], float(sys.argv[2]))
