"""Small bundles, and a machine that plays systemd, so that takeback-update can be driven in process."""

from __future__ import annotations

import contextlib
import hashlib
import io
import json
import shutil
import sqlite3
import tarfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, BinaryIO

from deploy.terminal import takeback_update as update
from deploy.terminal.takeback_update import Bad, Disk, Terminal

GENUINE = b"genuine"


def bundle(folder: Path, counter: int, journal: int = 3, files: dict[str, bytes] | None = None, kind: str = "release",
           **more: Any) -> Path:  # fmt: skip
    """A bundle whose program does what its name says; `more` overrides the manifest."""
    held = files if files is not None else {"program": f"release {counter}".encode(), "wheels/a.whl": bytes(3000)}
    name = f"1.0.{counter}-{counter}" if kind == "release" else f"shop-{counter}"
    manifest = {"kind": kind, "name": name, "version": f"1.0.{counter}", "counter": counter, "arch": "amd64",
                "python": ["3.11", "3.13"], "built": 1_700_000_000 + counter, "journal": journal, "platform": update.PLATFORM,
                "files": {n: hashlib.sha256(b).hexdigest() for n, b in held.items()}} | more  # fmt: skip
    path = folder / f"takeback-{manifest['name']}.tar"
    with tarfile.open(path, "w:") as tar:
        for n, data in {"release.json": json.dumps(manifest).encode(), **held}.items():
            info = tarfile.TarInfo(n)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    path.with_name(path.name + ".sig").write_bytes(GENUINE)
    return path


@dataclass
class FakeMachine:
    """systemd, user and keys. `bad` names what a release does wrong: start, hang, doctor, migrate, version, build."""

    root: Path
    bad: dict[str, str] = field(default_factory=dict)
    time: float = 0.0
    active: bool = False
    starts: int = 0
    faults: list[str] = field(default_factory=list)
    said: list[str] = field(default_factory=list)

    def terminal(self, disk: Disk | None = None) -> Terminal:
        return Terminal(self.root, disk, self)  # type: ignore[arg-type]

    def running(self) -> str:
        return self.terminal().running()

    def stop(self, grace_s: float | None = None) -> None:
        self.said.append("stop")
        self.active = False

    def start(self) -> bool:
        if not self.active:
            self.said.append(f"start {self.running()}")
            self.starts += 1
        self.active = self.bad.get(self.running()) != "start"
        return self.active

    def pulse(self) -> tuple[str, str]:
        hung = self.bad.get(self.running()) == "hang" and self.time % 40 > 20
        return ("active" if self.active else "failed"), f"{int(hung)}/{self.starts}"

    def as_terminal(self, *command: str, state: Path) -> tuple[int, str]:
        if "journal" in command and update.__file__ in command:
            return self._own(list(command))
        release = Path(command[0]).parents[2].resolve().name
        how = self.bad.get(release, "")
        if "--version" in command:
            return (1, "no") if how == "version" else (0, release.split("-")[0] + "\n")
        if "migrate" in command:
            return self._migrate(release, state, how)
        if "rules" in command:
            return (0, "taken") if how != "rules" else (1, "not newer")
        if how == "mute":
            return 1, "Traceback"
        found = [*self.faults, *(["printer"] if how == "doctor" else [])]
        return int(bool(found)), json.dumps([{"part": p, "health": "fault"} for p in found])

    def _migrate(self, release: str, state: Path, how: str) -> tuple[int, str]:
        if how == "migrate":
            return 1, "the journal is damaged"
        wanted = self.terminal().manifest(release)["journal"]
        with journal(self.root) as db:
            db.execute(f"PRAGMA user_version = {wanted}")
        return 0, "whole"

    def _own(self, command: list[str]) -> tuple[int, str]:
        what, path, *copy = command[command.index("journal") + 1 :]
        try:
            if what == "standing":
                return 0, json.dumps(update.journal_standing(Path(path)))
            if what == "backup":
                update.journal_backup(Path(path), Path(copy[0]))
                return 0, ""
            return 0, update.journal_restore(Path(path), Path(copy[0]))
        except (OSError, sqlite3.Error) as broken:
            return 1, str(broken)

    def genuine(self, bundle: BinaryIO, signature: Path, signers: Path, at: float) -> bool:
        return signature.read_bytes() == GENUINE

    def build(self, release: Path) -> None:
        if self.bad.get(release.name) == "build":
            raise Bad("the release does not install: no wheel")
        (release / "venv/bin").mkdir(parents=True, exist_ok=True)
        (release / "venv/bin/takeback").write_bytes(b"#!" + bytes(2000))

    def now(self) -> float:
        return 1_800_000_000.0

    def wait(self, seconds: float) -> None:
        self.time += seconds

    def uptime(self) -> float:
        return self.time


@contextlib.contextmanager
def journal(root: Path) -> Iterator[sqlite3.Connection]:
    """The journal as a release would have it."""
    path = root / "var/lib/takeback/journal.db"
    path.parent.mkdir(parents=True, exist_ok=True)
    with contextlib.closing(sqlite3.connect(path)) as db:
        db.execute("PRAGMA journal_mode=WAL")
        with db:
            db.execute("CREATE TABLE IF NOT EXISTS entries(id INTEGER PRIMARY KEY, state TEXT, batch TEXT)")
            db.execute("CREATE TABLE IF NOT EXISTS journal(seq INTEGER PRIMARY KEY, hash TEXT)")
            db.execute("CREATE TABLE IF NOT EXISTS settings(name TEXT PRIMARY KEY, value TEXT)")
        yield db


def entry(root: Path, state: str) -> None:
    with journal(root) as db, db:
        n = db.execute("SELECT count(*) FROM entries").fetchone()[0] + 1
        db.execute("INSERT INTO entries VALUES(?, ?, '000001')", (n, state))
        db.execute("INSERT INTO journal VALUES(?, ?)", (n, f"hash {n}"))


def vitals(root: Path, **counts: int | bool) -> None:
    said = {"open": 0, "owed": 0, "uploads": 0, "unknown": 0} | counts
    (root / "run/takeback").mkdir(parents=True, exist_ok=True)
    (root / "run/takeback/vitals.json").write_text(json.dumps(said))


def act(terminal: Terminal, *words: str) -> int:
    """One call of takeback-update, in this process. A bundle given by its path is first laid into the inbox."""
    if words[0] == "install" and "/" in words[1]:
        words = ("install", into_inbox(terminal, Path(words[1])), *words[2:])
    return update._change(
        terminal, update._options([*words, *(["--here"] if words[0] in ("install", "rollback") else [])])
    )


def into_inbox(terminal: Terminal, bundle: Path) -> str:
    """As the deployment account brings it: bundle and signature, links as they are. Its name."""
    terminal.inbox.mkdir(parents=True, exist_ok=True)
    for file in (bundle, bundle.with_name(bundle.name + ".sig")):
        there = terminal.inbox / file.name
        there.unlink(missing_ok=True)
        if file.is_symlink() or file.exists():
            shutil.copyfile(file, there, follow_symlinks=False)
    return bundle.name
