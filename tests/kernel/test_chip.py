"""Keypad, lamps and glass with rpi-lgpio and luma on a real kernel's GPIO chip and I²C bus (make test-kernel).

The chip is gpio-sim in User-Mode Linux: `Hand` closes contacts by copying a row's level to a column's pull. The bus has
a stub behind it that keeps what was written, block by block."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from drivers import glass, matrix_keypad, oled_display
from drivers.gpio_signals import GpioSignals
from drivers.matrix_keypad import LAYOUT_4X3, LAYOUT_4X4, MatrixKeypad
from drivers.oled_display import OledDisplay
from drivers.system import QueueInbox
from firmware.errors import DisplayLost, KeypadLost
from firmware.hal.events import DeviceBack, DeviceGone, Key, KeyPressed
from firmware.ui import screens
from hal_mocks.wire.gpio import positions

pytestmark = pytest.mark.kernel
SIM = Path(os.environ.get("TAKEBACK_SIM", "/nowhere"))
ROWS, COLUMNS = [5, 6, 13, 19], [12, 16, 20, 21]


class Hand:
    """A key matrix around the chip, in a thread."""

    def __init__(self) -> None:
        self._closed: set[tuple[int, int]] = set()
        self._levels = {r: os.open(SIM / f"sim_gpio{r}" / "value", os.O_RDONLY) for r in ROWS}
        self._pulls = {c: os.open(SIM / f"sim_gpio{c}" / "pull", os.O_WRONLY) for c in COLUMNS}
        self._written: dict[int, bytes] = {}
        self.turns, self._stop = 0, False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def _work(self) -> None:
        while not self._stop:
            closed = set(self._closed)
            for c, handle in self._pulls.items():
                down = any(os.pread(self._levels[ROWS[r]], 1, 0) == b"0" for r, k in closed if COLUMNS[k] == c)
                pull = b"pull-down" if down else b"pull-up"
                if self._written.get(c) != pull:
                    os.pwrite(handle, pull, 0)
                    self._written[c] = pull
            self.turns += 1

    def _settle(self) -> None:
        for _ in range(2000):
            before = self.turns
            threading.Event().wait(0.0005)
            if self.turns > before + 2:
                return

    def press(self, where: tuple[int, int]) -> None:
        self._closed.add(where)
        self._settle()

    def release(self, where: tuple[int, int]) -> None:
        self._closed.discard(where)
        self._settle()

    def close(self) -> None:
        self._stop = True
        self._thread.join()
        for handle in (*self._levels.values(), *self._pulls.values()):
            os.close(handle)


@pytest.fixture(scope="module")
def gpio():
    made = matrix_keypad.library()
    made.setwarnings(False)
    yield made
    made.cleanup()


@pytest.fixture
def hand(gpio):
    made = Hand()
    yield made
    made.close()
    gpio.cleanup()


def test_the_library_is_rpi_lgpio_and_the_chip_is_a_kernels(gpio) -> None:
    assert Path("/dev/gpiochip0").is_char_device()
    assert "lgpio" in Path(gpio.__file__).read_text(encoding="utf-8")


@pytest.mark.parametrize("layout", [LAYOUT_4X4, LAYOUT_4X3], ids=["4x4", "4x3"])
def test_every_key_becomes_one_event_at_the_settle_time_the_driver_uses(gpio, hand: Hand, layout) -> None:
    inbox = QueueInbox()
    pad = MatrixKeypad(ROWS, COLUMNS[: len(layout[0])], gpio)
    pad.start(inbox.post)
    assert pad._edges, "a kernel's chip gives edges"
    for key, where in positions(layout).items():
        hand.press(where)
        assert inbox.next(10.0) == KeyPressed(key)
        hand.release(where)
        threading.Event().wait(0.1)
    assert inbox.next(0.3) is None
    pad._gpio = None  # the thread ends here
    pad._matrix._gpio = None


def test_ghosts_on_the_chip_are_not_believed(gpio, hand: Hand) -> None:
    """The chip has no electrical ghosts; three keys down are ambiguous all the same."""
    inbox = QueueInbox()
    pad = MatrixKeypad(ROWS, COLUMNS, gpio)
    pad.start(inbox.post)
    for where in ((0, 0), (0, 1), (1, 0)):
        hand.press(where)
        threading.Event().wait(0.2)
    assert [inbox.next(0.5) for _ in range(3)] == [KeyPressed(Key.D1), KeyPressed(Key.D2), None]
    pad._matrix._gpio = None


def test_a_line_in_other_hands_is_keypad_lost_with_a_reason(gpio) -> None:
    import lgpio

    other = lgpio.gpiochip_open(0)
    lgpio.gpio_claim_input(other, ROWS[0])
    try:
        with pytest.raises(KeypadLost, match="busy"):
            MatrixKeypad(ROWS, COLUMNS, gpio).start(lambda event: None)
    finally:
        lgpio.gpiochip_close(other)
        gpio.cleanup()


def test_lines_that_go_away_are_told_and_taken_back(gpio, hand: Hand) -> None:
    inbox = QueueInbox()
    pad = MatrixKeypad(ROWS, COLUMNS, gpio)
    pad.start(inbox.post)
    gpio.cleanup()
    assert inbox.next(10.0) == DeviceGone("keypad")
    assert inbox.next(10.0) == DeviceBack("keypad")
    hand.press((0, 0))
    assert inbox.next(10.0) == KeyPressed(Key.D1)
    pad._matrix._gpio = None


def test_lamps_light_on_the_chip(gpio) -> None:
    signals = GpioSignals(18, [22, 23, 24, 25], gpio)
    signals.lamps(2)
    for _ in range(200):
        levels = [(SIM / f"sim_gpio{n}" / "value").read_text().strip() for n in (22, 23, 24, 25)]
        if levels == ["1", "1", "0", "0"]:
            break
        threading.Event().wait(0.02)
    assert levels == ["1", "1", "0", "0"]


# -- the bus ---------------------------------------------------------------------------------------------------------------


class Recorded:
    """smbus2 on the kernel's bus, and what went through it."""

    def __init__(self) -> None:
        import smbus2

        self.bus = smbus2.SMBus(0)
        self.blocks: list[tuple[int, list[int]]] = []

    def registers(self, first: int, count: int) -> list[int]:
        return [self.bus.read_byte_data(0x3C, first + n) for n in range(count)]


@pytest.mark.parametrize("kind", ["ssd1306", "ssd1309", "sh1106"])
def test_a_screen_goes_over_the_kernels_bus_block_by_block(kind: str) -> None:
    """The stub keeps the last block at its control byte: what stands at 0x40 is the end of the frame's last window."""
    display = OledDisplay(lambda: oled_display.open_i2c(kind, 0, 0x3C), "zh", kind)
    screen = screens.amount(123456)
    display.show(screen)
    new = oled_display.pages(glass.draw(screen, "zh"))
    sent: list[list[int]] = []
    recorder = type("Device", (), {"command": lambda self, *c: None, "data": lambda self, d: sent.append(d)})()
    oled_display.Windows(kind).send(recorder, oled_display._BLACK, new)
    last = sent[-1][-(len(sent[-1]) % 32 or 32) :]
    assert Recorded().registers(0x40, len(last)) == last


def test_a_wrong_address_is_display_lost() -> None:
    with pytest.raises(DisplayLost):
        OledDisplay(lambda: oled_display.open_i2c("ssd1306", 0, 0x3D), "zh").show(screens.self_test())


def test_a_bus_that_is_not_there_is_display_lost() -> None:
    with pytest.raises(DisplayLost):
        OledDisplay(lambda: oled_display.open_i2c("ssd1306", 7, 0x3C), "zh").show(screens.self_test())
