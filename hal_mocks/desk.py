"""The desk: a terminal of simulated parts in one process. `play` boots the real firmware and lets a person act."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from firmware import app, config, log, terminal
from firmware.config import Config
from firmware.hal.devices import Devices
from firmware.hal.events import Event
from firmware.ledger.entry import Entry
from firmware.ledger.journal import FILE, Journal
from firmware.ledger.lifecycle import OPEN, State
from firmware.security.keystore import Keystore
from firmware.security.operators import Operators, Role
from firmware.security.secrets import Key
from hal_mocks import parts
from hal_mocks.film import Film
from hal_mocks.person import Person
from hal_mocks.power import EndOfPlay, Power, PowerCut
from hal_mocks.world import KEYSTORE, World

MERCHANT = {"name": "回春堂大药房", "name_en": "RETURN OF SPRING PHARMACY", "terminal_id": "10000001",
            "merchant_id": "123456789012345", "hotline": "400-000-0000"}  # fmt: skip
NOWHERE = "/proc/takeback"  # nothing lies there and nothing can be put there: a desk leaves no files
_ACTS_MAX = 2000


def settings(**sections: Any) -> Config:
    """The desk's config; sections override its defaults."""
    sections["host"] = {"inquiry": True, "repeats_refund": True} | sections.get("host", {})
    sections["operators"] = {"sign_on": False, "argon_kib": 8, "argon_rounds": 1} | sections.get("operators", {})
    sections["paths"] = {"state": NOWHERE} | sections.get("paths", {})
    return config.parse({"merchant": MERCHANT, **sections}, "desk")


@cache
def _plain() -> Config:
    return settings()


@dataclass
class Played:
    """How one run ended."""

    cut: bool
    power: Power
    error: BaseException | None = None


PASSWORDS = {"00": "135790", "01": "246801", "02": "975310", "99": "864209"}  # of nobody but the desk's people


@cache
def enrolled() -> bytes:
    """A journal in which the desk's people have their passwords and nothing else has happened."""
    world = World()
    disk = parts.SimDisk(world, Power())
    journal = Journal(disk, parts.SimClock(world, Power()))
    people = Operators(journal, lambda count: bytes(count), lambda: world.now, (8, 1))
    for number, role in (("99", Role.ADMIN), ("00", Role.SUPERVISOR), ("02", Role.SUPERVISOR), ("01", Role.CASHIER)):
        people.enrol(number, role, PASSWORDS[number])
    return world.files[FILE]


@cache
def first_journal() -> bytes:
    """The desk's people, and the voucher numbers begin with 000001, so that films and tests can name them: this
    terminal's number is known to be new. A journal that knows nothing draws its first number (`enrolled`)."""
    db = sqlite3.connect(":memory:")
    db.deserialize(enrolled())
    db.execute("INSERT INTO settings(name, value) VALUES('stan', '0')")
    db.commit()
    return db.serialize()


def loaded(keystore: Keystore, erased: bool) -> Keystore:
    """As a boot reads it from disk: keys of its own, which an erasure may overwrite."""
    tmk = None if erased or not keystore.tmk else Key(keystore.tmk.reveal(), keystore.tmk.use)
    return replace(keystore, tmk=tmk)


class _Quiet:
    def write(self, text: str) -> None:
        pass


class Desk:
    """World + film + person. Each `play` is one power cycle of the terminal.

    It ends when nothing happens any more. While a debt is open or the person waits for a screen, the terminal may come
    to rest `patience` times before that is believed: a turn takes about a second of the world's time."""

    patience = 300

    def __init__(self, world: World | None = None, conf: Config | None = None, keystore: Keystore = KEYSTORE,
                 show: Callable[[str], None] | None = None) -> None:  # fmt: skip
        self.world = world or World()
        self.world.files.setdefault(FILE, first_journal())
        self.config = conf or _plain()
        self.keystore = keystore
        self.film = Film(show)
        self.person = Person()
        self.terminal: terminal.Terminal | None = None
        self._idle_turns = self._acts = 0

    def devices(self, power: Power) -> Devices:
        """Fresh parts on the standing world."""
        w, film = self.world, self.film
        inbox = self.inbox(power)
        return Devices(
            reader=parts.SimReader(w, power),
            keypad=parts.SimKeypad(power, inbox),
            display=parts.SimDisplay(w, power, film),
            printer=parts.SimPrinter(w, power, film),
            link=parts.SimLink(w, power, film),
            clock=parts.SimClock(w, power),
            random=parts.SimRandom(w, power),
            disk=parts.SimDisk(w, power),
            inbox=inbox,
            signals=parts.SimSignals(power, film),
            watchdog=parts.SimWatchdog(power),
            outlet=parts.SimOutlet(w, power),
            safe=parts.SimSafe(w, power),
            fleet=parts.SimFleet(w, power),
        )

    def inbox(self, power: Power) -> parts.SimInbox:
        """Where the person's acts arrive."""
        made = parts.SimInbox(self.world, power, lambda: self._act(made.post))
        return made

    def play(self, person: Person, power: Power | None = None) -> Played:
        """Boot and run until the person is done and the terminal at rest, or the power goes."""
        power = power or Power()
        self.person, self._idle_turns, self._acts, self.terminal = person, 0, 0, None
        self.film.now = None
        log.to(_Quiet())
        try:
            keys = loaded(self.keystore, self.world.erased)
            self.terminal = terminal.build(self.config, self.devices(power), keys)
            app.run(self.terminal)
        except EndOfPlay:
            return Played(False, power)
        except PowerCut:
            if self.world.slot:
                self.world.slot.reset()
            return Played(True, power)
        finally:
            log.to(None)
        assert self.terminal and self.terminal.console.stopping, "the firmware came to an end by itself"
        return Played(False, power)

    def _act(self, post: Callable[[Event], None]) -> bool:
        if self.world.glass_up and self.person.act(self, post):  # nobody can act on a dark glass
            self._idle_turns = 0
            self._acts += 1
            assert self._acts < _ACTS_MAX, f"the person is caught in a loop at {self.film.now}"
            return True
        name = self.film.now.name if self.film.now else ""
        if name in ("idle", "slip_complete", "signature") or not self.world.glass_up:
            self._idle_turns += 1
            waiting = not self.person.done or (name == "idle" and self._debts())
            if not waiting or self._idle_turns > self.patience:
                raise EndOfPlay
        return False

    def _debts(self) -> bool:
        waits = (State.OWED, State.UNKNOWN, State.UPLOAD_OWED)
        return any(e.state in waits for e in self.entries())

    def entries(self) -> list[Entry]:
        """The journal as it is on disk, read from outside."""
        db = self.open()
        try:
            return [Entry.from_text(t) for (t,) in db.execute("SELECT text FROM entries ORDER BY id")]
        except sqlite3.OperationalError:
            return []
        finally:
            db.close()

    def open(self) -> sqlite3.Connection:
        """The committed bytes of the journal as a database of their own."""
        db = sqlite3.connect(":memory:")
        if FILE in self.world.files:
            db.deserialize(self.world.files[FILE])
        return db

    def open_voucher(self) -> str:
        """The entry the terminal is asking about."""
        return next((e.voucher for e in self.entries() if e.state in OPEN), "")
