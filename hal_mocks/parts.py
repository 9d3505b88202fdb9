"""The simulated parts, each behind its HAL Protocol and the power switch. A public method beyond the Protocol is a
defect (tests/contracts); the hand that plays the world is World, Roll, Acquirer and SoftCard."""

from __future__ import annotations

import sqlite3
from collections import deque
from collections.abc import Callable
from datetime import date, datetime
from typing import Any

from firmware.errors import (
    CardLost,
    CardMute,
    DisplayLost,
    NoAnswer,
    NoCard,
    NotSent,
    PrinterFault,
    PrinterTrouble,
    ReaderLost,
)
from firmware.hal.events import CardRemoved, Event, KeyPressed, Post
from firmware.hal.fleet import Vitals
from firmware.hal.keypad import ALIVE_S, PinDigits, PinEnd
from firmware.hal.link import FRAME_MAX, Abort
from firmware.hal.paper_grid import lay
from firmware.hal.printer import STATE_OF, Job, PrinterState, Proof
from firmware.hal.reader import Card, Response
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from hal_mocks import layout
from hal_mocks.acquirer import Cut
from hal_mocks.card.soft_card import SoftCard
from hal_mocks.film import Film
from hal_mocks.paper import Row
from hal_mocks.power import Power
from hal_mocks.world import World

MONEY = ("0100", "0200", "0220")


class SimClock:
    """Time that jumps."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power

    def now(self) -> datetime:
        return self._p.call("clock.now", lambda: self._w.now.replace(microsecond=0))

    def today(self) -> date:
        return self._p.call("clock.today", lambda: self._w.now.date())

    def monotonic_s(self) -> float:
        return self._p.call("clock.monotonic_s", lambda: self._w.uptime_s)


class SimRandom:
    """Dice that fall the same way for the same world."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power

    def bytes(self, count: int) -> bytes:
        return self._p.call("random.bytes", lambda: self._w.dice.randbytes(count))


class _Connection(sqlite3.Connection):
    """Refuses every statement once the power is out."""

    power: Power

    def execute(self, *args: Any) -> sqlite3.Cursor:
        self.power.check()
        return super().execute(*args)


class SimDisk:
    """A memory-backed database: what was committed is in world.files; a boot sees that and nothing else."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power
        self._names: dict[int, str] = {}

    def connect(self, name: str) -> sqlite3.Connection:
        return self._p.call("disk.connect", lambda: self._open(name))

    def _open(self, name: str) -> sqlite3.Connection:
        db = sqlite3.connect(":memory:", factory=_Connection, isolation_level=None)
        db.power = self._p
        if name in self._w.files:
            db.deserialize(self._w.files[name])
        self._names[id(db)] = name
        return db

    def commit(self, connection: sqlite3.Connection) -> None:
        self._p.call("disk.commit", lambda: self._commit(connection))

    def _commit(self, connection: sqlite3.Connection) -> None:
        connection.execute("COMMIT")
        self._w.files[self._names[id(connection)]] = connection.serialize()


class SimInbox:
    """Virtual waiting: what the person does comes at once, else time jumps."""

    def __init__(self, world: World, power: Power, act: Callable[[], bool]) -> None:
        self._w, self._p, self._act = world, power, act
        self._queue: deque[Event] = deque()

    def post(self, event: Event) -> None:
        self._queue.append(event)

    def next(self, timeout_s: float) -> Event | None:
        return self._p.call("inbox.next", lambda: self._next(timeout_s))

    def _next(self, timeout_s: float) -> Event | None:
        while not self._queue and self._act():
            pass
        if self._queue:
            return self._queue.popleft()
        self._w.pass_time(timeout_s)
        return None

    def take_all(self) -> list[Event]:
        return self._p.call("inbox.take_all", self._take_all)

    def _take_all(self) -> list[Event]:
        taken = list(self._queue)
        self._queue.clear()
        return taken


class SimDisplay:
    """Glass that may go dark."""

    def __init__(self, world: World, power: Power, film: Film) -> None:
        self._w, self._p, self._film = world, power, film

    def show(self, screen: Screen) -> None:
        self._p.call(f"display.show {screen.name}", lambda: self._show(screen))

    def _show(self, screen: Screen) -> None:
        if not self._w.glass_up:
            self._film.dark()
            raise DisplayLost
        self._film.screen(screen)
        if layout.says_hand_over(screen):
            self._w.given.append(f"{screen.name}: newest sale on disk is {self._newest_sale()}")

    def _newest_sale(self) -> str:
        db = sqlite3.connect(":memory:")
        db.deserialize(self._w.files.get("journal.db", b""))
        row = db.execute(
            "SELECT state FROM entries WHERE kind IN ('sale', 'cash', 'offline_sale') AND state != 'never_sent' "
            "ORDER BY id DESC LIMIT 1"
        ).fetchone()
        db.close()
        return str(row[0]) if row else "absent"


class SimKeypad:
    """Keys come from the person through the inbox; in PIN mode the digits go straight into the buffer."""

    def __init__(self, power: Power, inbox: SimInbox) -> None:
        self._p, self._inbox = power, inbox

    def start(self, post: Post) -> None:
        self._p.call("keypad.start", lambda: None)

    def read_pin(self, into: bytearray, on_count: Callable[[int], None], timeout_s: float) -> PinEnd:
        return self._p.call("keypad.read_pin", lambda: self._read(into, on_count, timeout_s))

    def _read(self, into: bytearray, on_count: Callable[[int], None], timeout_s: float) -> PinEnd:
        """What is not a key waits, as it would in the driver's queue."""
        digits, left = PinDigits(into, on_count), timeout_s
        later: list[Event] = []
        try:
            while left > 0:
                event = self._inbox.next(min(left, ALIVE_S))
                if event is None:
                    left -= ALIVE_S
                    digits.alive()
                elif not isinstance(event, KeyPressed):
                    later.append(event)
                    digits.alive()
                end = digits.key(event.key) if isinstance(event, KeyPressed) else None
                if end:
                    return end
            return PinEnd.TIMEOUT
        finally:
            for event in later:
                self._inbox.post(event)


class SimCard:
    """One powered session."""

    def __init__(self, world: World, power: Power, post: Post, card: SoftCard) -> None:
        self._w, self._p, self._post, self._card = world, power, post, card
        self._open = True
        card.reset()

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        return self._p.call(f"card.transmit {apdu[1]:02X}", lambda: self._transmit(apdu))

    def _transmit(self, apdu: bytes | bytearray) -> Response:
        card = self._card
        if card.pull_at and card.apdus + 1 >= card.pull_at and self._w.slot is card:
            card.pull_at, self._w.slot = 0, None
            self._post(CardRemoved())
        if not self._open or self._w.slot is not card:
            self._open = False
            raise CardLost
        raw = card.process(apdu)
        return Response(raw[:-2], int.from_bytes(raw[-2:], "big"))

    def atr(self) -> bytes:
        return self._p.call("card.atr", lambda: self._card.ATR)

    def pad(self) -> bool:
        return self._p.call("card.pad", lambda: bool(self._w.pads))

    def verify_on_pad(self, timeout_s: float, alive: Callable[[], None]) -> Response:
        alive()
        return self._p.call("card.verify_on_pad", self._on_pad)

    def _on_pad(self) -> Response:
        """What the customer does at the pad: digits, 'cancel', or nothing until the time is up."""
        typed = self._w.pads.pop(0)
        if not typed.isdigit():
            return Response(b"", 0x6401 if typed == "cancel" else 0x6400)
        return self._transmit(bytes.fromhex("0020008008" + f"2{len(typed):X}{typed}".ljust(16, "F")))

    def close(self) -> None:
        self._p.call("card.close", self._close)

    def _close(self) -> None:
        self._open = False


class SimReader:
    """One slot."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power
        self._post: Post = lambda _: None

    def start(self, post: Post) -> None:
        self._p.call("reader.start", lambda: None)
        self._post = post

    def connect(self) -> Card:
        return self._p.call("reader.connect", self._connect)

    def _connect(self) -> Card:
        if not self._w.reader_up:
            raise ReaderLost
        if self._w.slot is None:
            raise NoCard
        if self._w.slot.mute:
            raise CardMute
        return SimCard(self._w, self._p, self._post, self._w.slot)

    def present(self) -> bool:
        return self._p.call("reader.present", lambda: self._w.reader_up and self._w.slot is not None)


class SimSafe:
    """The case and what it keeps."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power

    def start(self, post: Post) -> None:
        self._p.call("safe.start", lambda: None)

    def open(self) -> bool:
        return self._p.call("safe.open", lambda: self._w.case_open)

    def erase(self) -> None:
        self._p.call("safe.erase", lambda: setattr(self._w, "erased", True))


class SimPrinter:
    """Rows onto the roll; a job cut off is dropped for good."""

    def __init__(self, world: World, power: Power, film: Film) -> None:
        self._w, self._p, self._film = world, power, film

    def print(self, job: Job) -> Proof:
        return self._p.call(f"printer.print {job.id.split('.')[-1]}", lambda: self._print(job))

    def _print(self, job: Job) -> Proof:
        grid = [g for line in job.lines for g in lay(line)]
        for place, g in enumerate(grid):
            row = Row(g.text, g.double, cut=job.cut and place == len(grid) - 1, qr=g.qr)
            self._p.call("paper", lambda row=row: self._feed(row))  # type: ignore[misc]
        if self._w.printer_silent or job.id.endswith(self._w.fence_lost_on or "?"):
            raise PrinterFault(PrinterTrouble.NO_REPLY)
        self._w.paper.kicks += job.kick
        return self._w.printer_proof

    def _feed(self, row: Row) -> None:
        if not self._w.paper.feed(row):
            trouble = self._w.paper.trouble or PrinterTrouble.NO_REPLY
            self._film.act(f"printer stops: {trouble.value}")
            raise PrinterFault(trouble)

    def status(self) -> PrinterState:
        return self._p.call("printer.status", self._status)

    def _status(self) -> PrinterState:
        if self._w.printer_silent:
            return PrinterState.UNKNOWN
        trouble = self._w.paper.trouble
        fine = PrinterState.PAPER_LOW if self._w.paper.near_end else PrinterState.READY
        return STATE_OF.get(trouble, fine) if trouble else fine


class SimLink:
    """The line, with the bank at its end."""

    def __init__(self, world: World, power: Power, film: Film) -> None:
        self._w, self._p, self._film = world, power, film
        self._up = self._told = False
        self._waiting: deque[bytes] = deque()

    def connect(self, budget_s: float, abort: Abort) -> bool:
        return self._p.call("link.connect", lambda: self._connect(budget_s, abort))

    def _connect(self, budget_s: float, abort: Abort) -> bool:
        """A line that is down refuses at once, as a pulled cable does; a black hole takes the whole budget."""
        if not self._w.line_up or abort():
            self._up = False
            self._w.pass_time(0.1 if self._w.line_up else min(budget_s, self._w.refusal_s))
            self._tell_down()
            raise NotSent
        self._told = False
        fresh, self._up = not self._up, True
        return fresh

    def _tell_down(self) -> None:
        if not self._told and not self._w.line_up:
            self._film.act("line is down")
        self._told = True

    def exchange(self, frame: bytes, timeout_s: float, abort: Abort) -> bytes:
        return self._p.call("link.exchange", lambda: self._exchange(frame, timeout_s, abort))

    def _exchange(self, frame: bytes, timeout_s: float, abort: Abort) -> bytes:
        if not self._up or not self._w.line_up or len(frame) > FRAME_MAX or abort():
            self._hang_up()
            raise NotSent
        self._film.wire(">", frame)
        if self._w.half_open:
            self._w.pass_time(timeout_s)
            self._hang_up()
            self._film.act("the line is half open: nothing comes back")
            raise NoAnswer
        limit = self._w.cut_request_at
        if limit >= 0 and frame[11:13].hex() in self._w.cut_kinds:
            self._w.cut_request_at = -1
            if limit < len(frame) + 2:
                self._hang_up()
                self._film.act(f"request cut after {limit} bytes")
                raise NoAnswer if limit else NotSent
        self._p.call("line", lambda: self._waiting.extend(self._w.bank.receive_at(self._w.bank_time(), frame)))
        if self._w.dies_after_booking and frame[11:13].hex() in MONEY:
            self._w.dies_after_booking = self._w.line_up = False
            self._waiting.clear()
            self._film.act("the bank has booked it; the line dies")
        if not self._waiting or abort():
            self._w.pass_time(timeout_s)
            self._hang_up()
            self._film.act("no answer")
            raise NoAnswer
        return self._take()

    def _take(self) -> bytes:
        frame = self._waiting.popleft()
        if isinstance(frame, Cut):
            self._hang_up()
            self._film.act(f"reply cut after {len(frame)} bytes")
            raise NoAnswer
        self._film.wire("<", frame)
        return frame

    def receive(self, timeout_s: float, abort: Abort) -> bytes:
        return self._p.call("link.receive", lambda: self._receive(timeout_s, abort))

    def _receive(self, timeout_s: float, abort: Abort) -> bytes:
        if not self._waiting or abort():
            self._w.pass_time(timeout_s)
            self._hang_up()
            raise NoAnswer
        return self._take()

    def close(self) -> None:
        self._p.call("link.close", self._hang_up)

    def _hang_up(self) -> None:
        self._up = False
        self._waiting.clear()


class SimSignals:
    """Sounds and lamps, remembered by the film."""

    def __init__(self, power: Power, film: Film) -> None:
        self._p, self._film = power, film

    def sound(self, sound: Sound) -> None:
        self._p.call("signals.sound", lambda: self._film.sound(sound))

    def lamps(self, lit: int, blink: bool = False) -> None:
        self._p.call("signals.lamps", lambda: self._film.lamps(lit, blink))


class SimOutlet:
    """Support and cash register; a key they have already is taken and dropped."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power

    def start(self, post: Post) -> None:
        self._p.call("outlet.start", lambda: None)

    def send(self, party: str, key: str, text: str) -> bool:
        return self._p.call("outlet.send", lambda: self._send(party, key, text))

    def _send(self, party: str, key: str, text: str) -> bool:
        if self._w.parties_up and (party, key) not in {(p, k) for p, k, _ in self._w.told}:
            self._w.told.append((party, key, text))
        return self._w.parties_up

    def answer(self, line: str) -> None:
        self._p.call("outlet.answer", lambda: self._w.answers.append(line))


class SimFleet:
    """The newest vitals on the world's board; a trial where the world has one."""

    def __init__(self, world: World, power: Power) -> None:
        self._w, self._p = world, power

    def tell(self, vitals: Vitals) -> None:
        self._p.call("fleet.tell", lambda: setattr(self._w, "vitals", vitals))

    def held(self) -> bool:
        return self._p.call("fleet.held", lambda: self._w.on_trial)

    def close(self) -> None:
        self._p.call("fleet.close", lambda: None)


class SimWatchdog:
    """Counts meals."""

    def __init__(self, power: Power) -> None:
        self._p = power

    def feed(self) -> None:
        self._p.call("watchdog.feed", lambda: None)
