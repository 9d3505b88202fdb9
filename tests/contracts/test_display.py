"""Display: the simulation, the OLED driver with luma on three chips behind two buses, the panel on its socket."""

from __future__ import annotations

import errno
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

from drivers import glass, oled_display
from drivers.oled_display import OledDisplay
from drivers.panel import Panel
from firmware.errors import DisplayLost
from firmware.hal.screen import Screen
from firmware.ui import screens
from hal_mocks import parts
from hal_mocks.film import Film
from hal_mocks.power import Power
from hal_mocks.wire.oled import OledBus, OledSpi
from hal_mocks.wire.panel import PanelServer
from hal_mocks.world import World
from tests.contracts.bench import Bench, needs


class Sim(Bench):
    name = "simulation"
    cannot = {"pixels": "its film keeps screens, not pixels"}

    def __init__(self) -> None:
        self.world, self.film = World(), Film()
        self.display = parts.SimDisplay(self.world, Power(), self.film)

    def shows(self, screen: Screen) -> bool:
        return self.film.now == screen

    def lose(self) -> None:
        self.world.glass_up = False

    def back(self) -> None:
        self.world.glass_up = True


class OnI2c(Bench):
    name, kind = "driver, ssd1306 on I2C", "ssd1306"

    def __init__(self) -> None:
        self.bus, self.opened = OledBus(self.kind), 0
        self.display = OledDisplay(self._open, "zh", self.kind)

    def _open(self):
        from luma.core.interface.serial import i2c

        self.opened += 1
        return oled_display._device(self.kind, i2c(bus=self.bus))

    def shows(self, screen: Screen) -> bool:
        return self.bus.chip.image().tobytes() == glass.draw(screen, "zh").tobytes()

    def lose(self) -> None:
        self.bus.fail = OSError(errno.EREMOTEIO, "Remote I/O error")

    def back(self) -> None:
        self.bus.chip = type(self.bus.chip)(self.kind)  # it comes back dark and knows nothing
        self.bus.fail = None


class Ssd1309OnI2c(OnI2c):
    name, kind = "driver, ssd1309 on I2C", "ssd1309"


class Sh1106OnI2c(OnI2c):
    name, kind = "driver, sh1106 on I2C", "sh1106"


class OnSpi(OnI2c):
    name = "driver, ssd1306 on SPI"

    def __init__(self) -> None:
        self.bus, self.opened = OledSpi(self.kind), 0
        self.display = OledDisplay(self._open, "zh", self.kind)

    def _open(self):
        self.opened += 1
        return oled_display.open_spi(self.kind, 26, 4, self.bus, self.bus)


class OnPanel(Bench):
    name = "panel"
    cannot = {"pixels": "it carries whole frames: pixels are the viewer's"}

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.path = Path(self.folder.name) / "panel.sock"
        self.server = PanelServer(self.path)
        self.display = Panel(str(self.path), "zh")
        assert self.display._connected.wait(10.0)

    def shows(self, screen: Screen) -> bool:
        with self.server.changed:
            return self.server.changed.wait_for(lambda: self.server.now.get("screen") == screen.name, 10.0)

    def lose(self) -> None:
        assert self.server.connected.wait(10.0)
        self.server.close()
        self.path.unlink()
        assert self.display._hung_up.wait(10.0)

    def back(self) -> None:
        self.server = PanelServer(self.path)
        assert self.server.connected.wait(10.0)

    def close(self) -> None:
        self.server.close()
        self.folder.cleanup()


BENCHES = [Sim, OnI2c, Ssd1309OnI2c, Sh1106OnI2c, OnSpi, OnPanel]


def test_a_new_screen_that_asks_is_on_the_glass_when_show_returns(bench) -> None:
    for screen in (screens.self_test(), screens.amount(1250), screens.hold(next(iter(screens.HOW_TO_CURE)), 60)):
        bench.display.show(screen)
        assert bench.shows(screen)


def test_of_many_frames_of_one_screen_the_newest_gets_there(bench) -> None:
    for fen in range(1, 60):
        bench.display.show(screens.amount(fen))
    bench.display.show(screens.self_test())
    assert bench.shows(screens.self_test())


def test_a_dark_glass_is_display_lost_and_comes_back_whole(bench) -> None:
    bench.display.show(screens.amount(1))
    bench.lose()
    with pytest.raises(DisplayLost):
        bench.display.show(screens.self_test())
        bench.display.show(screens.insert_card(screens.w.SALE, 5))
    with pytest.raises(DisplayLost):
        bench.display.show(screens.self_test())
    bench.back()
    bench.display.show(screens.self_test())
    assert bench.shows(screens.self_test())


@needs("pixels")
def test_a_loss_while_typing_is_told_at_the_latest_by_the_next_call(bench) -> None:
    bench.display.show(screens.enter_pin(5, 0))
    bench.lose()
    with pytest.raises(DisplayLost):
        for stars in range(1, 12):
            bench.display.show(screens.enter_pin(5, stars))
            bench.display._turn.acquire()
            bench.display._turn.wait_for(
                lambda: bench.display._failed or bench.display._done >= bench.display._asked, 10.0
            )
            bench.display._turn.release()
    bench.back()
    bench.display.show(screens.enter_pin(5, 3))
    assert bench.shows(screens.enter_pin(5, 3))


@needs("pixels")
def test_an_identical_frame_sends_nothing_and_a_star_sends_a_small_window(bench) -> None:
    settle = lambda: bench.display._turn.wait_for(lambda: bench.display._done >= bench.display._asked, 10.0)  # noqa: E731
    bench.display.show(screens.enter_pin(1250, 3))
    sent = bench.bus.bytes
    bench.display.show(screens.enter_pin(1250, 3))
    with bench.display._turn:
        assert settle()
    assert bench.bus.bytes == sent
    bench.display.show(screens.enter_pin(1250, 4))
    with bench.display._turn:
        assert settle()
    assert 0 < bench.bus.bytes - sent <= 40
    assert bench.shows(screens.enter_pin(1250, 4))


@needs("pixels")
def test_a_screen_that_stands_for_long_is_dimmed_and_the_next_one_wakes_it(bench) -> None:
    now = [0.0]
    display = OledDisplay(bench._open, "zh", bench.kind, brightness=200, saver_s=600.0, clock=lambda: now[0])
    display.show(screens.self_test())
    assert bench.bus.chip.contrast == 200
    now[0] = 601.0
    with display._turn:
        display.show(screens.self_test())
        assert display._turn.wait_for(lambda: bench.bus.chip.contrast == 1, 10.0)
    display.show(screens.amount(5))
    with display._turn:
        assert display._turn.wait_for(lambda: bench.bus.chip.contrast == 200, 10.0)


@needs("pixels")
@pytest.mark.parametrize("number", [errno.EREMOTEIO, errno.EIO, errno.ETIMEDOUT, errno.ENODEV, errno.EBUSY])
def test_every_bus_error_is_display_lost(bench, number: int) -> None:
    bench.display.show(screens.amount(1))
    bench.bus.fail = OSError(number, "bus")
    with pytest.raises(DisplayLost):
        bench.display.show(screens.self_test())


def test_whatever_opening_raises_is_display_lost_and_the_worker_lives_on() -> None:
    bench = OnI2c()
    failures = [RuntimeError("no GPIO"), ImportError("no spidev"), ValueError("x"), OSError(5, "x")]

    def opener():
        if failures:
            raise failures.pop()
        return bench._open()

    display = OledDisplay(opener, "zh")
    for _ in range(4):
        with pytest.raises(DisplayLost):
            display.show(screens.self_test())
    display.show(screens.self_test())
    assert bench.shows(screens.self_test())
