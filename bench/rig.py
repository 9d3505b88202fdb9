"""A terminal on real parts with a scripted person: pcscd + vpcd, serial driver on a pseudo-terminal, TLS bank, SQLite
on disk, glass driver on a recorded bus. The peers run in a process of their own, as they would outside."""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from drivers import board, oled_display, system
from drivers.fleet import Reporter
from drivers.gpio_signals import NoSignals
from drivers.oled_display import OledDisplay
from drivers.outlet import Outlets
from drivers.safe import FileSafe
from firmware import config, log, terminal
from firmware.config import Config
from firmware.hal.devices import Devices
from firmware.hal.events import Event, Key, KeyPressed, Post
from firmware.hal.keypad import PinEnd
from firmware.ledger.journal import FILE
from firmware.security import keystore
from hal_mocks.real import RealTerminal, ensure_pcscd
from hal_mocks.wire.oled import OledBus


class Scripted:
    """Inbox and keypad in one: the next key is there as soon as somebody asks."""

    def __init__(self) -> None:
        self.keys: list[Key] = []

    def post(self, event: Event) -> None:
        return None

    def next(self, timeout_s: float) -> Event | None:
        return KeyPressed(self.keys.pop(0)) if self.keys and timeout_s > 0 else None

    def take_all(self) -> list[Event]:
        return []  # nobody types ahead here

    def start(self, post: Post) -> None:
        return None

    def read_pin(self, into: bytearray, on_count: Callable[[int], None], timeout_s: float) -> PinEnd:
        return PinEnd.CANCELLED


class Disk(system.SqliteDisk):
    """Writes down what is committed, while it is told to: that costs time, so never while time is taken."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory)
        self._db: Any = None

    def connect(self, name: str) -> Any:
        self._db = super().connect(name)
        return self._db

    @contextlib.contextmanager
    def recording(self) -> Iterator[list[str]]:
        """The writing statements, as they are executed."""
        heard: list[str] = []

        def hear(statement: str) -> None:
            if statement.lstrip().upper().startswith(("BEGIN", "INSERT", "COMMIT")):
                heard.append(statement)

        self._db.set_trace_callback(hear)
        try:
            yield heard
        finally:
            self._db.set_trace_callback(None)


@dataclass
class Sale:
    """One sale: seconds from the first APDU to RELEASED, and what was sent meanwhile."""

    seconds: float = 0.0
    apdus: list[bytes] = field(default_factory=list)
    frame: bytes = b""


class Rig:
    """`sell` runs one sale; `replay` does its bare work again."""

    def __init__(self, real: RealTerminal) -> None:
        self.real = real
        self.config: Config = config.load(real.folder / "terminal.toml")
        self.state = self.config.state_directory()
        self.keys = keystore.load(self.state)
        self.bus = OledBus()
        self.person = Scripted()
        self.open()

    def open(self) -> None:
        """A terminal on the journal as it lies there."""
        self.disk = Disk(self.state)
        self.devices = Devices(
            reader=board.openers(self.config).reader(), keypad=self.person, display=OledDisplay(self._glass, "zh"),
            printer=board.printer(self.config), link=board.link(self.config), clock=system.SystemClock(),
            random=system.SystemRandom(), disk=self.disk, inbox=self.person, signals=NoSignals(),
            watchdog=system.NotifyWatchdog(""),
            outlet=Outlets("", 0),
            safe=FileSafe(self.state),
            fleet=Reporter(None, None),
        )  # fmt: skip
        self.terminal = terminal.build(self.config, self.devices, self.keys)
        assert self.terminal.session.sign_on() == ""

    def _glass(self) -> Any:
        from luma.core.interface.serial import i2c

        return oled_display._device("ssd1306", i2c(bus=self.bus))

    def close(self) -> None:
        self.terminal.journal.close()
        self.terminal.host.hang_up()

    def journal_file(self) -> Path:
        return self.state / FILE

    def keep(self, name: str) -> Path:
        """A copy of the journal, the terminal having let go of it."""
        kept = self.state / name
        shutil.copy(self.journal_file(), kept)
        return kept


class Clockwork:
    """Takes the time of one sale at its two ends: the first APDU, and RELEASED on disk."""

    def __init__(self) -> None:
        self.sale = Sale()
        self._began = 0.0

    def write(self, text: str) -> None:
        if '"released"' in text:
            self.sale.seconds = time.perf_counter() - self._began

    def transmitted(self, apdu: list[int]) -> None:
        if not self.sale.apdus:
            self._began = time.perf_counter()
        self.sale.apdus.append(bytes(apdu))


def sell(rig: Rig, amount: str = "1250") -> Sale:
    """One sale without waits. Raises AssertionError if it did not end RELEASED."""
    from firmware import app
    from firmware.flows import sale

    watch = Clockwork()
    scard, link = rig.devices.reader._scard, rig.devices.link  # type: ignore[attr-defined]
    transmit, exchange = scard.SCardTransmit, link.exchange

    def seen(handle: Any, pci: Any, apdu: list[int]) -> Any:
        watch.transmitted(apdu)
        return transmit(handle, pci, apdu)

    def sent(frame: bytes, timeout_s: float, abort: Any) -> bytes:
        watch.sale.frame = frame
        return exchange(frame, timeout_s, abort)

    rig.person.keys = [*(Key(c) for c in amount), Key.ENTER, Key.CANCEL, Key.ENTER]
    log.to(watch)
    with patched(scard, "SCardTransmit", seen), patched(link, "exchange", sent):
        app.guarded(rig.terminal, sale.sale)
    log.quiet()
    assert watch.sale.seconds > 0, "the sale did not end RELEASED"
    return watch.sale


@contextlib.contextmanager
def patched(holder: Any, name: str, value: Any) -> Iterator[None]:
    before = getattr(holder, name)
    setattr(holder, name, value)
    try:
        yield
    finally:
        setattr(holder, name, before)


def replay(rig: Rig, done: Sale, writes: list[str], db: Any) -> float:
    """The same APDU bytes to the same card, the same frame to the same bank, the writes of a sale to a database of the
    same settings: seconds."""
    from smartcard import scard

    reader = rig.devices.reader
    ok, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    ok, handle, protocol = scard.SCardConnect(context, reader._find(context), scard.SCARD_SHARE_EXCLUSIVE,  # type: ignore[attr-defined]
                                              scard.SCARD_PROTOCOL_T0 | scard.SCARD_PROTOCOL_T1)  # fmt: skip
    assert ok == 0
    pci = scard.SCARD_PCI_T0 if protocol == scard.SCARD_PROTOCOL_T0 else scard.SCARD_PCI_T1
    rig.devices.link.connect(5.0, lambda: False)
    began = time.perf_counter()
    for apdu in done.apdus:
        scard.SCardTransmit(handle, pci, list(apdu))
    rig.devices.link.exchange(done.frame, 5.0, lambda: False)
    for statement in writes:
        db.execute(statement)
    seconds = time.perf_counter() - began
    scard.SCardDisconnect(handle, scard.SCARD_UNPOWER_CARD)
    scard.SCardReleaseContext(context)
    return seconds


@contextlib.contextmanager
def rig(delay_ms: int = 20) -> Iterator[Rig]:
    ensure_pcscd()
    log.quiet()
    with tempfile.TemporaryDirectory(prefix="takeback-bench-") as folder:
        real = RealTerminal(Path(folder))
        try:
            real.world.delay(delay_ms)
            real.world.insert(0)
            made = Rig(real)
            wait_for_card(made)
            yield made
            made.close()
        finally:
            real.close()


def wait_for_card(made: Rig) -> None:
    from firmware.errors import DeviceError

    until = time.monotonic() + 10
    while time.monotonic() < until:
        try:
            made.devices.reader.connect().close()
            return
        except DeviceError:
            time.sleep(0.05)
    raise RuntimeError("the card did not appear")
