"""What pyinfra lacks: waves with a gate, a halt, a record that resumes, and one outcome for each terminal."""

from __future__ import annotations

import hashlib
import json
import math
import secrets
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Protocol

from deploy.inventory import DEPLOY_USER, Fleet, Target
from firmware import files

UPDATE = ("sudo", "-n", "/usr/local/sbin/takeback-update")
INBOX = f"/var/lib/{DEPLOY_USER}/inbox"
SPARE_S = 300  # what an update takes besides its window and its drain
WELL = ("good", "already")
LEFT = ("refused", "unreachable")  # the terminal is as it was; nothing is wrong with the release


class Lost(Exception):
    """A terminal that was there does not answer any more, or not in time."""


@dataclass(frozen=True)
class Outcome:
    """One terminal. `outcome`: good, already, refused, rolled back, kept (not well, and no way
    back), interrupted, unreachable, lost."""

    name: str
    outcome: str
    release: str = ""
    why: str = ""
    seconds: float = 0.0


class Link(Protocol):
    """What engine.Link offers."""

    dropped: dict[str, str]

    @property
    def names(self) -> list[str]: ...
    def run(self, name: str, *command: str, timeout_s: float = ...) -> tuple[bool, str]: ...
    def put(self, name: str, file: Path, to: str, timeout_s: float = ...) -> None: ...
    def again(self, name: str) -> None: ...
    def each(self, names: list[str], act: Callable[[str], Outcome]) -> dict[str, Outcome]: ...


Connect = Callable[[list[Target]], AbstractContextManager[Link]]


def waves(targets: list[Target], canary: tuple[str, ...]) -> list[list[Target]]:
    """Canaries (or the first), a tenth of all, the rest; always in the inventory's order."""
    first = [t for t in targets if t.name in canary] or targets[:1]
    rest = [t for t in targets if t not in first]
    tenth = math.ceil(len(targets) / 10)
    return [wave for wave in (first, rest[:tenth], rest[tenth:]) if wave]


class Record:
    """Who has what, and how it went: a JSON file on the technician's machine, replaced whole after each terminal."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self.terminals: dict[str, dict[str, object]] = {}
        if path.exists():
            self.terminals = json.loads(path.read_text(encoding="utf-8"))["terminals"]

    def has(self, name: str, digest: str) -> bool:
        """Was it found good with this very bundle?"""
        known = self.terminals.get(name, {})
        return known.get("sha256") == digest and known.get("outcome") in WELL

    def note(self, outcome: Outcome, digest: str, wave: int) -> None:
        self.terminals[outcome.name] = asdict(outcome) | {"sha256": digest, "wave": wave, "at": int(time.time())}
        text = json.dumps({"terminals": self.terminals}, ensure_ascii=False, indent=1, sort_keys=True)
        files.replace(self._path, text.encode())


def halted(outcomes: list[Outcome], may_fail: int, proved: bool = False) -> str:
    """Why the next wave may not begin; '' when it may. `proved`: a wave before this one has the release."""
    failed = [o.name for o in outcomes if o.outcome not in WELL + LEFT]
    if len(failed) > may_fail:
        return f"{', '.join(failed)} did not keep the release"
    if not proved and not any(o.outcome in WELL for o in outcomes):
        return "no terminal has the release yet: it is not proved anywhere"
    return ""


def deliver(link: Link, name: str, bundle: Path, digest: str, fleet: Fleet, begun: float) -> Outcome:
    """Upload, start, and wait for the end, over as many links as it takes. Never raises for a terminal's troubles."""

    def act() -> tuple[str, str, str]:
        status = json.loads(_ask(link, name, "status"))
        kind = "parameters_sha256" if bundle.name.startswith("parameters-") else "sha256"
        if status[kind] == digest and status["active"] == "active" and not status["trial"]:
            return "already", status["running"], ""
        _upload(link, name, bundle, digest)
        signature = bundle.with_name(bundle.name + ".sig")
        _upload(link, name, signature, _digest(signature))
        return _change(link, name, fleet, "install", bundle.name)

    return _ended(name, begun, act)


def go_back(link: Link, name: str, fleet: Fleet) -> Outcome:
    """To the release before. Never raises for a terminal's troubles."""
    return _ended(name, time.monotonic(), lambda: _change(link, name, fleet, "rollback"))


def _ended(name: str, begun: float, act: Callable[[], tuple[str, str, str]]) -> Outcome:
    """Outcome, release and reason of an act, whatever came between."""
    try:
        found = act()
    except _Said as said:
        found = ("refused", "", str(said))
    except Lost as broken:
        found = ("lost", "", f"{broken}; ask again: deploy status")
    return Outcome(name, *found, seconds=round(time.monotonic() - begun, 1))


def _change(link: Link, name: str, fleet: Fleet, *words: str) -> tuple[str, str, str]:
    """Have the terminal begin a change, and wait for its end. Raises _Said, Lost."""
    job = secrets.token_hex(8)
    _ask(link, name, *words, "--id", job, "--drain", str(fleet.drain_s), "--window", str(fleet.window_s),
         *(["--only-settled"] if fleet.only_settled else []))  # fmt: skip
    return _await(link, name, job, fleet.window_s + fleet.drain_s + SPARE_S)


class _Said(Exception):
    """The terminal's own no."""


def _ask(link: Link, name: str, *words: str) -> str:
    ok, said = link.run(name, *UPDATE, *words)
    if not ok:
        raise _Said(said.strip().splitlines()[-1] if said.strip() else "takeback-update is not there: deploy first")
    return said


def _digest(file: Path) -> str:
    return hashlib.sha256(file.read_bytes()).hexdigest()


def _upload(link: Link, name: str, file: Path, digest: str) -> None:
    """Only if it is not there yet, whole."""
    there = f"{INBOX}/{file.name}"
    ok, said = link.run(name, "sha256sum", there)
    if not ok or said.split()[0] != digest:
        link.put(name, file, there)


def _await(link: Link, name: str, job: str, patience_s: float) -> tuple[str, str, str]:
    """The result of this job. The terminal works on without us; a link that breaks is made again."""
    until, trouble = time.monotonic() + patience_s, ""
    while time.monotonic() < until:
        time.sleep(1.0)
        try:
            found = json.loads(_ask(link, name, "result"))
        except (_Said, ValueError):
            continue
        except Lost as broken:
            trouble = str(broken)
            link.again(name)
            continue
        if found.get("id") == job and found.get("outcome"):
            return found["outcome"], found["running"], found["why"]
    return "lost", "", trouble or f"no result after {patience_s:.0f} s"


def roll_out(connect: Connect, fleet: Fleet, targets: list[Target], bundle: Path,
             record: Record, say: Callable[[str], None]) -> list[Outcome]:  # fmt: skip
    """Wave by wave. `connect` gives a context with a Link. Returns what became of each terminal that was tried."""
    digest = _digest(bundle)
    outcomes: list[Outcome] = []
    for number, wave in enumerate(waves(targets, fleet.canary), 1):
        todo = [t for t in wave if not record.has(t.name, digest)]
        found = [Outcome(t.name, "already", why="as recorded") for t in wave if t not in todo]
        for known in found:
            say(line(known))
        if todo:
            say(f"wave {number}: {', '.join(t.name for t in todo)}")
            found += _one_wave(connect, fleet, todo, bundle, digest, partial(_noted, record, digest, number, say))
        why = halted(found, fleet.may_fail, any(o.outcome in WELL for o in outcomes))
        outcomes += found
        if why:
            say(f"HALT after wave {number}: {why}")
            break
    return outcomes


def _noted(record: Record, digest: str, wave: int, say: Callable[[str], None], outcome: Outcome) -> None:
    record.note(outcome, digest, wave)
    say(line(outcome))


def line(o: Outcome) -> str:
    return f"  {o.name:<16} {o.outcome:<12} {o.release:<12} {o.seconds:6.1f} s  {o.why}".rstrip()


def _one_wave(connect: Connect, fleet: Fleet, wave: list[Target], bundle: Path, digest: str,
              note: Callable[[Outcome], None]) -> list[Outcome]:  # fmt: skip
    begun = time.monotonic()
    with connect(wave) as link:
        found = [Outcome(n, "unreachable", why=why) for n, why in link.dropped.items()]
        for outcome in found:
            note(outcome)

        def one(name: str) -> Outcome:
            made = deliver(link, name, bundle, digest, fleet, begun)
            note(made)
            return made

        return found + list(link.each(link.names, one).values())
