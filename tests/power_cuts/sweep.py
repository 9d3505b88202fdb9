"""The sweep: cut the power at every step, boot (cutting again at every step of recovery), heal, drain, compare books.

Exact, not sampled: a run is repeated from the first byte for each cut. What two cuts leave behind is compared as bytes
(disk, bank, card, paper, slot, line); a state that was already healed and found good is not healed a second time.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field

from firmware.config import Config
from firmware.ledger import totals
from firmware.ledger.entry import Entry
from firmware.ledger.journal import verify
from hal_mocks import books
from hal_mocks.desk import Desk
from hal_mocks.person import Person, Step, menu
from hal_mocks.power import Power, When
from hal_mocks.world import World

Steps = Callable[[], list[Step]]
Seen = set[str]


@dataclass
class Story:
    """`prepare` brings the world to where the story begins; `steps` is what the person then does."""

    name: str
    prepare: Callable[[Desk], None]  # may leave its own settings on the desk
    steps: Steps
    heal: Callable[[World], None] = lambda world: None


@dataclass
class Sweep:
    """Runs done, states seen, first findings. `stride` thins out the second cuts: each so-manieth step of the recovery,
    beginning at another one for each world."""

    stride: int = 1

    runs: int = 0
    boots: int = 0
    findings: list[str] = field(default_factory=list)
    _settings: Config | None = None
    _healed: Seen = field(default_factory=set)
    _recovered: Seen = field(default_factory=set)

    def story(self, story: Story, second_cuts: bool = True) -> None:
        """Cut once at every step of the story, and again at every step of the recovery."""
        desk = Desk(World())
        story.prepare(desk)
        self._settings = desk.config
        start = desk.world.save()
        for when in When:
            at = 0
            while True:
                at += 1
                world = self._run(start, story.steps(), at, when)
                if world is None:
                    break
                label = f"{story.name}, cut at step {at} {when.value}"
                self._after_cut(world, story, label, second_cuts)
                if len(self.findings) > 5:
                    return

    def _run(self, saved: bytes, steps: list[Step], at: int, when: When) -> World | None:
        """One power cycle; None if step `at` was never reached."""
        self.runs += 1
        desk = Desk(World.load(saved), self._settings)
        try:
            played = desk.play(Person(steps), Power(at, when))
        except Exception as crash:
            self.findings.append(f"cut at step {at} {when.value}: {type(crash).__name__}: {crash}")
            return None
        return desk.world if played.cut else None

    def _after_cut(self, world: World, story: Story, label: str, second_cuts: bool) -> None:
        saved = world.save()
        self._heal(saved, story, label)
        mark = fingerprint(world)
        if not second_cuts or mark in self._recovered:
            return
        self._recovered.add(mark)
        first = len(self._recovered) % self.stride
        for when in When:
            at = first + 1 - self.stride
            while True:
                at += self.stride
                again = self._run(saved, [], at, when)
                if again is None:
                    break
                self._heal(again.save(), story, f"{label}; again at step {at} of recovery {when.value}")
                if len(self.findings) > 5:
                    return

    def _heal(self, saved: bytes, story: Story, label: str) -> None:
        """Boot with everything mended and a person at the keys; then the books must agree."""
        world = World.load(saved)
        mark = fingerprint(world)
        if mark in self._healed:
            return
        self._healed.add(mark)
        self.boots += 1
        story.heal(world)
        desk = Desk(world, self._settings)
        try:
            desk.play(Person(evening(desk)))
        except Exception as crash:
            self.findings.append(f"{label}: {type(crash).__name__}: {crash}")
            return
        found = books.disagreements(world, desk.entries()) + unsettled(desk)
        db = desk.open()
        verify(db)
        db.close()
        if found:
            self.findings.append(f"{label}: {'; '.join(found)}")


def records(desk: Desk, book: str) -> list[dict[str, object]]:
    """The newest text of each record of a book, read from outside."""
    db = desk.open()
    try:
        rows = db.execute("SELECT text FROM records WHERE book=? ORDER BY id", (book,)).fetchall()
    except sqlite3.OperationalError:
        rows = []
    finally:
        db.close()
    return [json.loads(text) for (text,) in rows]


def evening(desk: Desk) -> list[Step]:
    """A settlement that was cut is taken up again from the menu."""
    rows = records(desk, "settlement")
    return menu("41") if rows and rows[-1]["phase"] not in ("closed", "put_off") else []


def unsettled(desk: Desk) -> list[str]:
    """Each settlement has come to its end, with the sum of its batch; the bank has closed just those batches."""
    found, entries = [], desk.entries()
    closed = set()
    for row in records(desk, "settlement"):
        mine = totals.of(e for e in entries if e.batch == row["batch"])
        if row["phase"] not in ("closed", "put_off"):
            found.append(f"settlement of {row['batch']} stopped at {row['phase']}")
        if row["phase"] == "closed":
            closed.add(row["batch"])
            if row["mine"] != mine.f48():
                found.append(f"settlement of {row['batch']} is not the sum of its batch")
            found += _uploaded(desk, entries, str(row["batch"]), str(row["host"])[30])
    if closed != set(desk.world.bank.settled):
        found.append(f"the bank has closed {sorted(desk.world.bank.settled)}, we {sorted(closed)}")
    return found


def _uploaded(desk: Desk, entries: list[Entry], batch: str, flag: str) -> list[str]:
    """On a mismatch the bank has every detail of the batch, each once; the end it was told is that of the comparison."""
    wanted = {e.stan for e in entries if e.batch == batch and totals.counts(e) and e.kind in totals.TYPES}
    there = {stan for b, stan in desk.world.bank.details if b == batch}
    found = [] if desk.world.bank.settled.get(batch) == ("207" if flag == "1" else "202") else [f"{batch}: wrong end"]
    return found + ([f"{batch}: details {sorted(there)}"] if flag != "1" and there != wanted else [])


def fingerprint(world: World) -> str:
    """What is left when the light is out, without the times of day: equal marks heal alike."""
    db = Desk(world).open()
    try:
        tables = [db.execute(f"SELECT * FROM {t}").fetchall() for t in ("entries", "settings", "records", "contacts")]
    except Exception:
        tables = []
    finally:
        db.close()
    left = (tables, world.bank, world.paper, world.slot, world.wallet, world.line_up, world.given)
    return hashlib.sha256(pickle.dumps(left)).hexdigest()


def mend(world: World) -> None:
    """Everything that can be mended, is."""
    world.line_up, world.glass_up, world.reader_up, world.printer_silent = True, True, True, False
    world.cut_request_at = -1
    world.paper.cure()
    world.paper.trouble_at.clear()
    world.bank.moods.clear()
