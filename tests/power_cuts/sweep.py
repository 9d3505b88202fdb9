"""The sweep: cut the power at every step, boot (cutting again at every step of recovery), heal, drain, compare books.

Exact, not sampled: every step is cut, before its effect and after it. What two cuts leave behind is compared as bytes
(disk, bank, card, paper, slot, line); a state that was already healed and found good is not healed a second time.
A run is photographed at every step (camera.py) and not played again for each cut.
"""

from __future__ import annotations

import hashlib
import json
import pickle
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import count

from firmware.config import Config
from firmware.ledger import totals
from firmware.ledger.entry import Entry
from firmware.ledger.journal import verify
from hal_mocks import books
from hal_mocks.desk import Desk
from hal_mocks.person import Person, Step, menu
from hal_mocks.power import Power, When
from hal_mocks.world import World
from tests.power_cuts.camera import Camera

Steps = Callable[[], list[Step]]
Seen = set[str]
Cut = tuple[int, When, World]


@dataclass
class Story:
    """`prepare` brings the world to where the story begins; `steps` is what the person then does."""

    name: str
    prepare: Callable[[Desk], None]  # may leave its own settings on the desk
    steps: Steps
    heal: Callable[[World], None] = lambda world: None


@dataclass
class Sweep:
    """Cuts made, states healed, first findings."""

    cuts: int = 0
    boots: int = 0
    findings: list[str] = field(default_factory=list)
    settings: Config | None = None  # the shop's, as the story's beginning left them
    healed: Seen = field(default_factory=set)
    _recovered: Seen = field(default_factory=set)

    def begin(self, story: Story) -> bytes:
        """The world in which it begins."""
        desk = Desk(World())
        story.prepare(desk)
        self.settings = desk.config
        return desk.world.save()

    def story(self, story: Story, second_cuts: bool = True) -> None:
        """Cut once at every step of the story, and again at every step of the recovery."""
        for label, world in self._each_cut(self.begin(story), story.steps, story.name):
            mark, saved = fingerprint(world), world.save()
            self._heal(mark, world, story, label)
            if second_cuts and mark not in self._recovered:
                self._recovered.add(mark)
                for again, twice in self._each_cut(saved, list, f"{label}; in the recovery"):
                    self._heal(fingerprint(twice), twice, story, again)
            if len(self.findings) > 5:
                return

    def _each_cut(self, saved: bytes, steps: Steps, name: str) -> Iterator[tuple[str, World]]:
        """The worlds that the cuts of one power cycle leave."""
        try:
            for step, when, world in self.photographed(saved, steps):
                yield f"{name}, cut at step {step} {when.value}", world
        except Exception as crash:
            self.findings.append(f"{name}: {type(crash).__name__}: {crash}")

    def photographed(self, saved: bytes, steps: Steps) -> Iterator[Cut]:
        """From one run."""
        desk = Desk(World.load(saved), self.settings)
        camera = Camera(desk.world)
        try:
            desk.play(Person(steps()), camera)
        finally:
            self.cuts += camera.cuts
        for photo in camera.photos:
            yield photo.step, photo.when, photo.world()

    def replayed(self, saved: bytes, steps: Steps) -> Iterator[Cut]:
        """From a run of its own for each cut, far slower: what photos are compared with."""
        for when in When:
            for step in count(1):
                self.cuts += 1
                desk = Desk(World.load(saved), self.settings)
                if not desk.play(Person(steps()), Power(step, when)).cut:
                    break
                yield step, when, desk.world

    def _heal(self, mark: str, world: World, story: Story, label: str) -> None:
        """Boot with everything mended and a person at the keys; then the books must agree."""
        if mark in self.healed:
            return
        self.healed.add(mark)
        self.boots += 1
        story.heal(world)
        desk = Desk(world, self.settings)
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
    """What is left when the light is out, without the times of day: equal marks heal alike.

    Read back before it is hashed: which of two equal texts are one object is no part of the world."""
    db = Desk(world).open()
    try:
        tables = [db.execute(f"SELECT * FROM {t}").fetchall() for t in ("entries", "settings", "records", "contacts")]
    except Exception:
        tables = []
    finally:
        db.close()
    left = (tables, world.bank, world.paper, world.slot, world.wallet, world.line_up, world.given)
    return hashlib.sha256(pickle.dumps(pickle.loads(pickle.dumps(left)))).hexdigest()


def mend(world: World) -> None:
    """Everything that can be mended, is."""
    world.line_up, world.glass_up, world.reader_up, world.printer_silent = True, True, True, False
    world.cut_request_at = -1
    world.paper.cure()
    world.paper.trouble_at.clear()
    world.bank.moods.clear()
