#!/usr/bin/python3 -I
"""takeback-update: the one script on the terminal that changes what runs there. Root, standard library only.

A release is tried, never trusted: verified, unpacked beside the old one, synced, switched to, watched, and only then
marked good. Whatever happens in between (a lost SSH link, a power cut, a hang, a crash), the terminal ends on a
release that was good. `install` and `rollback` put themselves under systemd, so that they run to the end; `result` says
how it went. The order of the steps is docs/decisions/0010.
"""

from __future__ import annotations

import argparse
import contextlib
import fcntl
import hashlib
import json
import os
import platform
import re
import shutil
import sqlite3
import stat
import subprocess
import sys
import tarfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

PLATFORM = 1  # what `deploy first` sets up: units, users, rules. A release names the level that it needs
TRIES = 3  # boots that a release on trial gets
SPARE = 64 << 20  # bytes that stay free on the card
WINDOW_S = 45  # longer than WatchdogSec, so that a hang is seen
NAMESPACE = "takeback-release"
SIGNER = "release"
BALLAST = "ballast"  # given up where the disk is full and the way back needs some of it
PARAMETERS = ("rules.toml", "rules.toml.sig", "emv.toml")
OPEN = ("undecided", "approved", "closing")  # somebody stands at the counter
WAITING = ("owed", "upload_owed", "unknown")  # the bank still has to be told, or asked
NAME = re.compile(r"[0-9A-Za-z][0-9A-Za-z.+_-]{0,100}")
THEIRS_MAX = 1 << 20  # bytes of a file that another account wrote, other than a bundle
Facts = dict[str, Any]


class Refused(Exception):
    """Nothing was changed. One sentence with what to do."""


class Busy(Exception):
    """Somebody else is changing this terminal. Nothing was touched."""


class Bad(Exception):
    """The release on trial is not good. Why."""


# -- the disk ----------------------------------------------------------------------------------------------------------


class Disk:
    """Every durable step. After each, either the old state is there or the new one, whatever happens to the power."""

    def replace(self, path: Path, data: bytes) -> None:
        part = path.with_name(path.name + ".part")
        with part.open("wb") as file:
            file.write(data)
            file.flush()
            self.sync(file.fileno())
        part.replace(path)
        self.directory(path.parent)

    def link(self, target: str, path: Path) -> None:
        """`path` names `target` from now on. A rename, since unlink and create are two steps."""
        new = path.with_name(path.name + ".new")
        new.unlink(missing_ok=True)
        new.symlink_to(target)
        new.replace(path)
        self.directory(path.parent)

    def rename(self, old: Path, new: Path) -> None:
        old.rename(new)
        self.directory(new.parent)

    def remove(self, path: Path) -> None:
        path.unlink(missing_ok=True)
        self.directory(path.parent)

    def give(self, folder: Path, name: str, data: bytes) -> None:
        """A file of ours in a folder of somebody else, who may put a link wherever a name is looked up: made anew by
        handle, given to the folder's owner by handle, and renamed, which follows nothing."""
        with _folder(folder) as held:
            part = f".{name}.{os.urandom(8).hex()}"
            handle = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600, dir_fd=held)
            with open(handle, "wb") as file:
                file.write(data)
                file.flush()
                owner = os.fstat(held)
                os.fchown(handle, owner.st_uid, owner.st_gid)
                self.sync(handle)
            os.rename(part, name, src_dir_fd=held, dst_dir_fd=held)
            self.sync(held)

    def directory(self, path: Path) -> None:
        handle = os.open(path, os.O_RDONLY)
        try:
            self.sync(handle)
        finally:
            os.close(handle)

    def tree(self, path: Path) -> None:
        """Everything below, and whatever else that file system still holds back (syncfs)."""
        subprocess.run(["sync", "-f", str(path)], check=True)

    def sync(self, handle: int) -> None:
        os.fsync(handle)


@contextlib.contextmanager
def _folder(path: Path) -> Iterator[int]:
    """A handle of a folder that is not ours; no link to one. Raises OSError."""
    handle = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW)
    try:
        yield handle
    finally:
        os.close(handle)


def _plain(folder: int, name: str) -> BinaryIO:
    """A file in a folder that is not ours, opened: a plain one with one name, of the folder's owner or of root, no
    link, no pipe (which would wait for ever), no device. Raises OSError, Refused."""
    file = open(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder), "rb")  # noqa: SIM115
    found = os.fstat(file.fileno())
    if not stat.S_ISREG(found.st_mode) or found.st_nlink != 1 or found.st_uid not in (0, os.fstat(folder).st_uid):
        file.close()
        raise Refused(f"{name} is no plain file of its own: put a copy in its place")
    return file


def _theirs(folder: Path, name: str) -> bytes | None:
    """What stands in a small file of a folder that is not ours; None if it is not there. Raises Refused."""
    try:
        with _folder(folder) as held, _plain(held, name) as file:
            data = file.read(THEIRS_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as broken:
        raise Refused(f"{folder / name} cannot be read: {broken.strerror}") from None
    if len(data) > THEIRS_MAX:
        raise Refused(f"{folder / name} is too big")
    return data


# -- the machine -------------------------------------------------------------------------------------------------------


class Machine:
    """systemd, the terminal's user and ssh-keygen: what a test puts something else in place of."""

    def __init__(self, user: str = "takeback", unit: str = "takeback.service") -> None:
        self._user, self._unit = user, unit

    def stop(self, grace_s: float | None = None) -> None:
        """At a safe point: the unit's SIGTERM waits for it, as long as the unit allows. With `grace_s`, what has not
        stopped by then is killed: the ledger takes that for a power cut."""
        try:
            _run(["systemctl", "stop", self._unit], timeout=grace_s)
        except subprocess.TimeoutExpired:
            _run(["systemctl", "kill", "-s", "KILL", "--kill-who=main", self._unit])
            _run(["systemctl", "stop", self._unit])

    def start(self) -> bool:
        """True once it said READY."""
        _run(["systemctl", "reset-failed", self._unit])
        return _run(["systemctl", "start", self._unit]).returncode == 0

    def pulse(self) -> tuple[str, str]:
        """ActiveState, and what changes whenever systemd had to restart it."""
        shown = _run(["systemctl", "show", self._unit, "-p", "ActiveState,NRestarts,MainPID"]).stdout
        found = dict(row.split("=", 1) for row in shown.split() if "=" in row)
        return found.get("ActiveState", ""), f"{found.get('NRestarts')}/{found.get('MainPID')}"

    def as_terminal(self, *command: str, state: Path) -> tuple[int, str]:
        """Exit code and what was said by a command that runs as the terminal's user, with no terminal of ours to type
        into."""
        said = _run(["runuser", "-u", self._user, "--", "env", f"STATE_DIRECTORY={state}",
                     "PYTHONDONTWRITEBYTECODE=1", *command], cwd="/", stdin=subprocess.DEVNULL,
                    start_new_session=True)  # fmt: skip
        return said.returncode, said.stdout or said.stderr

    def genuine(self, bundle: BinaryIO, signature: Path, signers: Path, at: float) -> bool:
        """ssh-keygen -Y verify, at a time that is never before the last good release: a Pi has no clock of its own."""
        moment = time.strftime("%Y%m%d%H%M%S", time.gmtime(at))
        command = ["ssh-keygen", "-Y", "verify", "-f", str(signers), "-I", SIGNER, "-n", NAMESPACE, "-s",
                   str(signature), f"-Overify-time={moment}"]  # fmt: skip
        return _run(command, stdin=bundle, env={**os.environ, "TZ": "UTC"}).returncode == 0

    def build(self, release: Path) -> None:
        """A venv of its own from the wheels beside it, by hash and without any index. Raises Bad."""
        venv, pip = release / "venv", next((release / "wheels").glob("pip-*.whl"))
        only = {"PIP_CONFIG_FILE": os.devnull, "PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(release / "wheels"),
                "PIP_NO_CACHE_DIR": "1", "PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}  # fmt: skip
        for command in (
            ["python3", "-m", "venv", "--without-pip", str(venv)],
            [str(venv / "bin/python"), "-I", f"{pip}/pip", "install", "--quiet", "--require-hashes", "-r",
             str(release / "requirements.txt")],
        ):  # fmt: skip
            done = _run(command, env=only)
            if done.returncode:
                raise Bad(f"the release does not install: {_last(done.stderr)}")

    def now(self) -> float:
        return time.time()

    def wait(self, seconds: float) -> None:
        time.sleep(seconds)

    def uptime(self) -> float:
        return time.monotonic()


def _run(command: list[str], **more: Any) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, **more)


def _last(text: str) -> str:
    return (text.strip().splitlines() or ["no reason given"])[-1][:200]


# -- the terminal's releases -------------------------------------------------------------------------------------------


class Terminal:
    """What lies in /opt/takeback, and the acts upon it."""

    def __init__(self, root: Path = Path("/"), disk: Disk | None = None, machine: Machine | None = None) -> None:
        self.opt, self.etc = root / "opt/takeback", root / "etc/takeback"
        self.state, self.run = root / "var/lib/takeback", root / "run/takeback"
        self.inbox = root / "var/lib/takeback-deploy/inbox"
        self.said = root / "run/takeback-update.json"
        self.releases, self.current = self.opt / "releases", self.opt / "current"
        self.disk, self.machine = disk or Disk(), machine or Machine()
        self.told: Facts = {}

    # .. small durable facts ..

    def read(self, name: str) -> Facts:
        """A JSON file of ours; empty if it is not there."""
        try:
            found: Facts = json.loads((self.opt / name).read_text(encoding="utf-8"))
            return found
        except FileNotFoundError:
            return {}

    def write(self, name: str, facts: Facts) -> None:
        self.disk.replace(self.opt / name, (json.dumps(facts, ensure_ascii=False, indent=1) + "\n").encode())

    def running(self) -> str:
        """The release that `current` names, '' before the first."""
        try:
            return Path(os.readlink(self.current)).name
        except OSError:
            return ""

    def manifest(self, release: str) -> Facts:
        found: Facts = json.loads((self.releases / release / "release.json").read_text(encoding="utf-8"))
        return found

    def tell(self, **facts: Any) -> None:
        """How far we are, for whoever asks `result`: in memory, since a full disk must neither stop us from going back
        nor keep it secret, and on the disk, for after a power cut."""
        self.told |= facts
        with contextlib.suppress(OSError):
            self.said.parent.mkdir(parents=True, exist_ok=True)
            part = self.said.with_name(self.said.name + ".part")
            part.write_text(json.dumps(self.told, ensure_ascii=False), encoding="utf-8")
            part.replace(self.said)
        with contextlib.suppress(OSError):
            self.write("result.json", self.told)

    def result(self) -> Facts:
        """Of the last change, or how far it is."""
        try:
            found: Facts = json.loads(self.said.read_text(encoding="utf-8"))
            return found
        except (OSError, ValueError):
            return self.read("result.json")

    @contextlib.contextmanager
    def alone(self) -> Iterator[None]:
        """One change at a time. Raises Busy."""
        self.releases.mkdir(mode=0o755, parents=True, exist_ok=True)
        with (self.opt / "lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise Busy("another change is running: takeback-update result") from None
            yield

    # .. checking and unpacking ..

    def take(self, name: str) -> Path:
        """A copy of a bundle in the inbox that nobody else can change, with its signature beside it. The inbox belongs
        to the deployment account, so nothing in it is followed. Raises Refused."""
        incoming = self.opt / "incoming"
        shutil.rmtree(incoming, ignore_errors=True)
        incoming.mkdir(mode=0o700)
        try:
            with _folder(self.inbox) as inbox:
                for each in (name, f"{name}.sig"):
                    with _plain(inbox, each) as source, (incoming / each).open("wb") as copy:
                        self._space(4 * os.fstat(source.fileno()).st_size)
                        shutil.copyfileobj(source, copy, 1 << 20)
        except OSError as broken:
            raise Refused(f"{name} and its .sig cannot be read in {self.inbox}: {broken.strerror}") from None
        return incoming / name

    def _space(self, size: int) -> None:
        free = shutil.disk_usage(self.opt).free
        need = size + SPARE
        if free < need:
            raise Refused(f"{free >> 20} MB are free, {need >> 20} are needed: journalctl --vacuum-size=50M frees some")

    def check(self, bundle: Path) -> Facts:
        """The manifest of a bundle that is genuine, for this machine, and not older than what was good. Nothing of it
        is looked into before the signature is. Raises Refused."""
        floor = self.read("floor.json")
        signature, signers = bundle.with_name(bundle.name + ".sig"), self.etc / "release_signers"
        with bundle.open("rb") as file:
            if not self.machine.genuine(file, signature, signers, max(self.machine.now(), floor.get("built", 0.0))):
                raise Refused(f"{bundle.name} is not signed by anybody in {signers}")
        with bundle.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
        with _opened(bundle) as tar:
            manifest = _manifest(tar)
        manifest["sha256"] = digest
        if manifest["kind"] == "release":
            self._fits(manifest)
        self._newer(manifest, floor)
        self._knows_the_journal(manifest)
        return manifest

    def _fits(self, manifest: Facts) -> None:
        arch, python = platform.machine().replace("x86_64", "amd64"), ".".join(platform.python_version_tuple()[:2])
        if manifest["arch"] != arch:
            raise Refused(f"{manifest['name']} is for {manifest['arch']}, this machine is {arch}")
        if python not in manifest["python"]:
            raise Refused(
                f"{manifest['name']} is for Python {' and '.join(map(str, manifest['python']))}, here is {python}"
            )
        if manifest["platform"] > PLATFORM:
            raise Refused(f"{manifest['name']} needs units and rules of level {manifest['platform']}, here is "
                          f"{PLATFORM}: run `deploy first` once more")  # fmt: skip

    def _knows_the_journal(self, manifest: Facts) -> None:
        """The form of the journal never goes back; better said before the shop stands still for it."""
        old = self.running()
        if manifest["kind"] == "release" and old and manifest["journal"] < self.manifest(old)["journal"]:
            raise Refused(f"{manifest['name']} knows an older form of the journal than {old}: build a newer one")

    def _newer(self, manifest: Facts, floor: Facts) -> None:
        """A good signature on an old release still verifies: the counter is what tells."""
        kind = manifest["kind"]
        least, digest = floor.get(kind, 0), floor.get(f"{kind}_sha256", "")
        if manifest["counter"] < least or (manifest["counter"] == least and manifest["sha256"] != digest):
            raise Refused(f"{manifest['name']} has counter {manifest['counter']}, {least} was good here already: "
                          "build a newer one, or use `rollback`")  # fmt: skip

    def unpack(self, bundle: Path, manifest: Facts) -> str:
        """All files, checked, in a directory of their own: whole or not there. Returns its name."""
        name = f"{manifest['kind']}-{manifest['name']}" if manifest["kind"] != "release" else manifest["name"]
        there, part = self.releases / name, self.releases / f"{name}.part"
        if there.exists() and name != self.running():
            shutil.rmtree(there)  # a try that did not get good, or half of one
        if there.exists():
            return str(name)
        shutil.rmtree(part, ignore_errors=True)
        part.mkdir()
        with _opened(bundle) as tar:
            for member in tar:
                _unpack_one(tar, member, manifest["files"], part)
        missing = [n for n in manifest["files"] if not (part / n).is_file()]
        if missing:
            raise Refused(f"{bundle.name} lacks {missing[0]}")
        (part / "release.json").write_text(json.dumps(manifest, indent=1), encoding="utf-8")
        self.disk.tree(part)
        self.disk.rename(part, there)
        return str(name)

    def build(self, release: str) -> None:
        """The environment it runs in, and a first sign of life. Raises Bad."""
        there = self.releases / release
        if (there / "built").exists():
            return
        self.machine.build(there)
        code, said = self.machine.as_terminal(str(there / "venv/bin/takeback"), "--version", state=self.state)
        if code or said.strip() != self.manifest(release)["version"]:
            raise Bad(f"the release does not say its version: {_last(said)}")
        self.disk.tree(there)
        self.disk.replace(there / "built", b"")

    # .. the fence ..

    def standing(self) -> Facts:
        """Entries of the journal by state, read as the terminal's user, which owns its files. Raises Refused."""
        if not (self.state / "journal.db").exists():
            return {}
        code, said = self.machine.as_terminal(sys.executable or "python3", "-I", __file__, "journal", "standing",
                                              str(self.state / "journal.db"), state=self.state)  # fmt: skip
        if code:
            raise Refused(f"the journal cannot be read: {_last(said)}")
        found: Facts = json.loads(said)
        return found

    def fence(self, drain_s: float, unsettled: bool) -> None:
        """Stop at a safe point, with nothing in flight and nothing owed; else go on selling and raise Refused."""
        until = self.machine.uptime() + drain_s
        while True:
            why = self._glance()
            if not why:
                self.machine.stop()
                why = self._unfit(self.standing(), unsettled)
                if not why:
                    return
                self.machine.start()
                self.machine.wait(5.0)
            if self.machine.uptime() >= until:
                raise Refused(f"{why}; nothing was changed (--drain SECONDS waits for it)")
            self.tell(step=f"waiting: {why}")
            self.machine.wait(2.0)

    def _glance(self) -> str:
        """What the running terminal last said of itself, so that it need not be stopped to be asked."""
        said = self.vitals()
        if said.get("busy"):
            return "somebody is in the middle of an act"
        open_, owed, uploads, unknown = (
            n if type(n := said.get(name)) is int else 0 for name in ("open", "owed", "uploads", "unknown")
        )
        return self._unfit({"undecided": open_, "owed": owed + uploads, "unknown": unknown}, unsettled=True)

    def vitals(self) -> Facts:
        """As the terminal wrote them. Anything may stand there; what is no table is nothing."""
        try:
            found = json.loads(_theirs(self.run, "vitals.json") or b"{}")
        except (Refused, ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}

    def _unfit(self, counts: Facts, unsettled: bool) -> str:
        for states, what in ((OPEN, "an act is open at the counter"), (WAITING, "the bank is still owed an answer")):
            if n := sum(counts.get(s, 0) for s in states):
                return f"{what} ({n})"
        return "" if unsettled or not counts.get("unsettled") else f"{counts['unsettled']} entries are unsettled"

    # .. trying out ..

    def doctor(self, release: str) -> set[str] | None:
        """The parts it finds faulty; None where it cannot even look."""
        said = self.machine.as_terminal(str(self.releases / release / "venv/bin/takeback"), "doctor", "--json",
                                        "--config", str(self.etc / "terminal.toml"), state=self.state)[1]  # fmt: skip
        try:
            return {finding["part"] for finding in json.loads(said) if finding["health"] == "fault"}
        except (ValueError, TypeError, KeyError):
            return None

    def try_out(self, release: str, window_s: float, rollback: bool = False) -> None:
        """From the standing terminal to a good release, or back. The trial is on record before anything changes."""
        old = self.running()
        before = self.doctor(old) if old else None
        trial: Facts = {"release": release, "back_to": old, "tries": 0, "window": window_s, "hold": False,
                        "backup": "", "kind": "release", "rollback": rollback}  # fmt: skip
        if (self.state / "journal.db").exists():
            trial["backup"] = self._copy("backup", self.state / "backup" / f"journal-{release}.db")
            trial["hold"] = bool(old) and self.manifest(release)["journal"] != self.manifest(old)["journal"]
        self.write("trial.json", trial)
        try:
            self.tell(step="migrating")
            self._migrate(release, trial)
            self.tell(step="doctor")
            self._examined(release, before)
            self.tell(step="switching")
            self.disk.link(f"releases/{release}", self.current)
        except Bad as bad:
            self.back(trial, str(bad))
            raise
        if (self.state / "keystore.json").exists():
            self.judge(trial)
        else:  # a terminal without keys cannot sell: its first release lies ready for whoever brings them
            self.good(trial)

    def _copy(self, what: str, file: Path) -> str:
        """`backup` the journal into a file, or `restore` it. Raises Bad."""
        code, said = self.machine.as_terminal(sys.executable or "python3", "-I", __file__, "journal", what,
                                              str(self.state / "journal.db"), str(file), state=self.state)  # fmt: skip
        if code:
            raise Bad(f"the journal's {what} failed: {_last(said)}")
        return str(file)

    def _migrate(self, release: str, trial: Facts) -> None:
        if not trial["backup"]:
            return
        program, settings = self.releases / release / "venv/bin/takeback", self.etc / "terminal.toml"
        code, said = self.machine.as_terminal(str(program), "journal", "migrate", "--config", str(settings),
                                              state=self.state)  # fmt: skip
        if code:
            raise Bad(f"the journal does not open under it: {_last(said)}")

    def _examined(self, release: str, before: set[str] | None) -> None:
        """A fault that the old release did not find either is the shop's, not the release's."""
        after = self.doctor(release)
        if after is None:
            raise Bad("takeback doctor does not run")
        if before is not None and (new := sorted(after - before)):
            raise Bad(f"takeback doctor finds a fault that was not there before: {', '.join(new)}")

    def judge(self, trial: Facts) -> None:
        """Start, watch, and mark good; or go back and raise Bad."""
        try:
            self.tell(step="watching")
            self._watch(trial["window"])
        except Bad as bad:
            self.back(trial, str(bad))
            raise
        self.good(trial)

    def _watch(self, window_s: float) -> None:
        if not self.machine.start():
            raise Bad("it does not start: takeback-update logs")
        first = self.machine.pulse()
        until = self.machine.uptime() + window_s
        while self.machine.uptime() < until:
            self.machine.wait(1.0)
            now = self.machine.pulse()
            if now != first or now[0] != "active":
                raise Bad(f"it did not keep running ({now[0]}): takeback-update logs")

    def good(self, trial: Facts) -> None:
        """Each line durable before the next; a cut between two is finished at boot."""
        release, floor = trial["release"], self.read("floor.json")
        manifest, kind = self.manifest(release), trial["kind"]
        self.disk.replace(self.releases / release / "good", b"")
        if manifest["counter"] >= floor.get(kind, 0):
            floor |= {kind: manifest["counter"], f"{kind}_sha256": manifest["sha256"], f"{kind}_name": manifest["name"],
                      "built": max(manifest["built"], floor.get("built", 0))}  # fmt: skip
        if kind == "release":
            floor |= {"good": release, "before": "" if trial["rollback"] else trial["back_to"]}
        self.write("floor.json", floor)
        self.disk.remove(self.opt / "trial.json")
        self.tell(step="done", outcome="good", running=self.running())
        self._prune(floor)

    def tidy(self) -> None:
        """Half of things."""
        for half in (*self.releases.glob("*.part"), self.opt / "incoming"):
            shutil.rmtree(half, ignore_errors=True)

    def _prune(self, floor: Facts) -> None:
        keep = {self.running(), floor.get("good"), floor.get("before")}
        for found in self.releases.iterdir():
            if found.name not in keep:
                shutil.rmtree(found)
        with contextlib.suppress(FileNotFoundError, NotADirectoryError), _folder(self.state / "backup") as held:
            copies = [n for n in os.listdir(held) if re.fullmatch(r"journal-.*\.db", n)]
            copies.sort(key=lambda n: os.stat(n, dir_fd=held, follow_symlinks=False).st_mtime)
            for copy in copies[:-3]:
                os.unlink(copy, dir_fd=held)

    def back(self, trial: Facts, why: str, at_boot: bool = False) -> None:
        """To what was good before. Every step may be done twice: a cut in the middle begins again at boot, where
        systemd starts the terminal itself a moment later."""
        self.disk.remove(self.opt / BALLAST)
        self.write("trial.json", trial | {"verdict": why})
        self.tell(step="going back", why=why)
        if not at_boot:
            self.machine.stop(grace_s=20.0)
        if trial["kind"] == "parameters":
            self._put_back(trial)
        elif trial["backup"]:
            try:
                self._copy("restore", Path(trial["backup"]))
            except Bad as grown:
                self._keep(trial, f"{why}; {grown}", at_boot)
                return
        if trial["kind"] == "release" and self.running() != trial["back_to"]:
            if trial["back_to"]:
                self.disk.link(f"releases/{trial['back_to']}", self.current)
            else:
                self.disk.remove(self.current)
        self.disk.remove(self.opt / "trial.json")
        if self.running() and not at_boot:
            self.machine.start()
        self.tell(step="done", outcome="rolled back", why=why, running=self.running())

    def _keep(self, trial: Facts, why: str, at_boot: bool) -> None:
        """The journal has grown in its new form, so there is no way back: the books come first. The new release stays,
        and people are told."""
        if self.running() != trial["release"]:
            self.disk.link(f"releases/{trial['release']}", self.current)
        self.good(trial)
        if not at_boot:
            self.machine.start()
        self.tell(outcome="kept", why=why)

    # .. parameters: the same way, without a switch ..

    def try_parameters(self, unpacked: str, window_s: float) -> None:
        """Rules and EMV parameters beside the old ones, judged like a release."""
        new, saved = self.releases / unpacked, self.opt / "saved"
        names = [n for n in PARAMETERS if (new / n).exists()]
        before = self.doctor(self.running())
        shutil.rmtree(saved, ignore_errors=True)
        saved.mkdir(mode=0o700)
        for name in ("rules.toml", "emv.toml"):
            if (data := _theirs(self.state, name)) is not None:
                (saved / name).write_bytes(data)
        self.disk.tree(saved)
        trial: Facts = {"release": unpacked, "back_to": "", "tries": 0, "window": window_s, "hold": False,
                        "backup": "", "kind": "parameters", "rollback": False, "names": names}  # fmt: skip
        self.write("trial.json", trial)
        try:
            self._put(new, names)
            self._examined(self.running(), before)
        except Bad as bad:
            self.back(trial, str(bad))
            raise
        self.judge(trial)

    def _put(self, new: Path, names: list[str]) -> None:
        """The rule pack by its own door, which checks its own signature and version; the rest is copied."""
        if "rules.toml" in names:
            code, said = self.machine.as_terminal(str(self.current / "venv/bin/takeback"), "rules", "install",
                                                  str(new / "rules.toml"), "--config", str(self.etc / "terminal.toml"),
                                                  state=self.state)  # fmt: skip
            if code:
                raise Bad(f"the rule pack is not taken: {_last(said)}")
        if "emv.toml" in names:
            self.disk.give(self.state, "emv.toml", (new / "emv.toml").read_bytes())

    def _put_back(self, trial: Facts) -> None:
        for name in ("rules.toml", "emv.toml"):
            kept = self.opt / "saved" / name
            if kept.exists():
                self.disk.give(self.state, name, kept.read_bytes())
            elif name in trial["names"]:
                self.disk.remove(self.state / name)

    # .. at boot ..

    def boot(self) -> None:
        """Before the terminal starts: clear half of things, count the tries of a release on trial, go back."""
        self.tidy()
        self.told = self.read("result.json")
        trial = self.read("trial.json")
        if not trial:
            self._interrupted("the power went at")
            return
        why = trial.get("verdict", "")
        if trial["kind"] == "release" and self.running() != trial["release"]:
            why = why or "the power went before the switch"
        elif trial["tries"] >= TRIES:
            why = why or f"it was not found good in {TRIES} boots"
        if why:
            self.back(trial, why, at_boot=True)
        elif (self.releases / trial["release"] / "good").exists():
            self.good(trial)
        else:
            self.write("trial.json", trial | {"tries": trial["tries"] + 1})

    def _interrupted(self, how: str) -> bool:
        """A change that told no outcome: it is told now."""
        if not self.told or self.told.get("outcome"):
            return False
        self.tidy()
        self.tell(outcome="interrupted", why=f"{how}: {self.told.get('step')}", running=self.running())
        return True

    def settle(self) -> None:
        """After the terminal started, or where a change was killed: what is still on trial is watched to the end, and
        what was not switched to is taken back."""
        trial = self.read("trial.json")
        self.told = self.read("result.json")
        if not trial:
            killed = self._interrupted("it was killed at")
            if killed and self.running() and (self.state / "keystore.json").exists():
                self.machine.start()
        elif trial.get("verdict") or (trial["kind"] == "release" and self.running() != trial["release"]):
            self.back(trial, trial.get("verdict") or "the change was killed before the switch")
        else:
            self.judge(trial)

    # .. what people call ..

    def install(self, name: str, drain_s: float, window_s: float, unsettled: bool) -> None:
        self.tell(step="checking")
        bundle = self.take(name)
        manifest = self.check(bundle)
        self.disk.replace(self.opt / BALLAST, bytes(1 << 18))
        self.tell(release=manifest["name"], before=self.running(), step="unpacking")
        floor = self.read("floor.json")
        if manifest["kind"] == "parameters" and not self.running():
            raise Refused("there is no release yet: install one first")
        same = floor.get(f"{manifest['kind']}_sha256") == manifest["sha256"]
        if same and manifest["name"] in (self.running(), floor.get("parameters_name")):
            self.tell(step="done", outcome="good", running=self.running(), why="it is in force already")
            return
        unpacked = self.unpack(bundle, manifest)
        shutil.rmtree(bundle.parent)
        if manifest["kind"] == "release":
            self.tell(step="building")
            self.build(unpacked)
        self.tell(step="stopping")
        if self.running():
            self.fence(drain_s, unsettled)
        (self.try_parameters if manifest["kind"] == "parameters" else self.try_out)(unpacked, window_s)

    def rollback(self, drain_s: float, window_s: float, unsettled: bool) -> None:
        """To the release that was good before this one; only that one."""
        before = self.read("floor.json").get("before", "")
        if not before or not (self.releases / before / "good").exists():
            raise Refused("there is no earlier good release on this terminal")
        if self.manifest(before)["journal"] != self.manifest(self.running())["journal"]:
            raise Refused(f"the journal has a newer form than {before} knows: build a newer release instead")
        self.tell(release=before, before=self.running(), step="stopping")
        self.fence(drain_s, unsettled)
        self.try_out(before, window_s, rollback=True)

    def _digest(self) -> str:
        """Of the bundle that the running release came in."""
        try:
            return str(self.manifest(self.running())["sha256"])
        except (OSError, ValueError, KeyError):
            return ""

    def status(self) -> Facts:
        """Everything about this terminal that a technician asks first."""
        floor, active = self.read("floor.json"), self.machine.pulse()
        return {"running": self.running(), "good": floor.get("good", ""), "before": floor.get("before", ""),
                "counter": floor.get("release", 0), "parameters": floor.get("parameters", 0),
                "sha256": self._digest(), "parameters_sha256": floor.get("parameters_sha256", ""),
                "trial": self.read("trial.json"), "active": active[0], "restarts": active[1].split("/")[0],
                "free_mb": shutil.disk_usage(self.opt).free >> 20, "platform": PLATFORM, "vitals": self.vitals(),
                "last": self.result()}  # fmt: skip


def _opened(bundle: Path) -> tarfile.TarFile:
    try:
        return tarfile.open(bundle, "r:")
    except (tarfile.TarError, OSError) as broken:
        raise Refused(f"{bundle.name} is no release: {broken}") from None


def _manifest(tar: tarfile.TarFile) -> Facts:
    """release.json, which is the first file. Raises Refused."""
    first = tar.next()
    file = tar.extractfile(first) if first and first.isreg() and first.name == "release.json" else None
    try:
        found: Facts = json.loads(file.read()) if file else {}
        kinds = {"kind": str, "name": str, "counter": int, "built": int, "files": dict}
        if found["kind"] == "release":
            kinds |= {"version": str, "arch": str, "python": list, "journal": int, "platform": int}
        wrong = [k for k, kind in kinds.items() if type(found[k]) is not kind]
        wrong += [] if found["kind"] in ("release", "parameters") else ["kind"]
    except (ValueError, KeyError, TypeError):
        raise Refused("the bundle has no manifest that this terminal can read") from None
    if wrong or not re.fullmatch(r"[0-9A-Za-z][0-9A-Za-z.+-]{0,40}", found["name"]):
        raise Refused(f"the bundle's manifest is wrong: {(wrong or ['name'])[0]}")
    return found


def _unpack_one(tar: tarfile.TarFile, member: tarfile.TarInfo, files: dict[str, str], into: Path) -> None:
    """A plain file that the manifest names, with the bytes that it names."""
    name = member.name
    if name == "release.json":
        return
    if not member.isreg() or name not in files or name.startswith("/") or ".." in Path(name).parts:
        raise Refused(f"the bundle holds {name!r}, which its manifest does not name")
    source = tar.extractfile(member)
    assert source
    (into / name).parent.mkdir(parents=True, exist_ok=True)
    digest = hashlib.sha256()
    with (into / name).open("wb") as file:
        while block := source.read(1 << 20):
            digest.update(block)
            file.write(block)
    if digest.hexdigest() != files[name]:
        raise Refused(f"{name} is not what the manifest says")


# -- the journal, as the terminal's user -------------------------------------------------------------------------------


def journal_standing(path: Path) -> Facts:
    """Entries by state, and how many of the open batch."""
    with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as db:
        if not db.execute("SELECT 1 FROM sqlite_master WHERE name = 'entries'").fetchone():
            return {}
        counts: Facts = dict(db.execute("SELECT state, count(*) FROM entries GROUP BY state"))
        batch = db.execute("SELECT value FROM settings WHERE name = 'batch'").fetchone()
        counts["unsettled"] = db.execute("SELECT count(*) FROM entries WHERE batch = ?",
                                         (batch[0] if batch else "000001",)).fetchone()[0]  # fmt: skip
        return counts


def journal_backup(path: Path, copy: Path) -> None:
    """A whole copy, made by SQLite, that is on the disk when this returns."""
    copy.parent.mkdir(mode=0o700, exist_ok=True)
    part = copy.with_name(copy.name + ".part")
    part.unlink(missing_ok=True)
    with contextlib.closing(sqlite3.connect(path, timeout=5.0)) as db, contextlib.closing(sqlite3.connect(part)) as to:
        db.backup(to)
    with part.open("rb") as file:
        os.fsync(file.fileno())
    part.replace(copy)
    Disk().directory(copy.parent)


def journal_restore(path: Path, copy: Path) -> str:
    """Back to the form of the copy, if the form is all that changed; what was written since is never thrown away."""
    if not copy.exists():
        return "there is no copy"
    form = "PRAGMA user_version"
    with contextlib.ExitStack() as held:
        old = held.enter_context(contextlib.closing(sqlite3.connect(f"file:{copy}?immutable=1", uri=True)))
        db = held.enter_context(contextlib.closing(sqlite3.connect(path, timeout=5.0)))
        if db.execute(form).fetchone() == old.execute(form).fetchone():
            return "the form did not change"
        if _content(db) != _content(old):
            raise sqlite3.DataError("entries were written since the copy was made: it may not come back")
        db.execute("PRAGMA synchronous=EXTRA")
        old.backup(db)
    return "restored"


def _content(db: sqlite3.Connection) -> list[Any]:
    head = db.execute("SELECT max(seq), max(hash) FROM journal WHERE seq = (SELECT max(seq) FROM journal)").fetchone()
    return [head, db.execute("SELECT name, value FROM settings ORDER BY name").fetchall()]


# -- the command line --------------------------------------------------------------------------------------------------


def main(arguments: list[str] | None = None) -> int:
    """0 well; 1 refused or rolled back; the reason is one sentence on stderr and in `result`."""
    options = _options(arguments)
    if options.verb == "journal":
        if os.geteuid() == 0:  # it takes paths: root would write wherever somebody asks for
            sys.stderr.write("takeback-update journal is for the terminal's user: runuser -u takeback -- …\n")
            return 2
        return _journal(options)
    if os.geteuid() != 0:
        sys.stderr.write("takeback-update needs root: sudo takeback-update …\n")
        return 2
    terminal = Terminal()
    looks: dict[str, Callable[[], Facts]] = {"status": terminal.status, "result": terminal.result}
    if options.verb in looks:
        print(json.dumps(looks[options.verb](), ensure_ascii=False))
        return 0
    if options.verb == "logs":
        return subprocess.run(["journalctl", "--no-pager", "-u", "takeback", "-n", str(options.lines), "-o",
                               "short-iso"]).returncode  # fmt: skip
    if options.verb in ("install", "rollback") and not options.here:
        return _detach(options, arguments or sys.argv[1:])
    return _change(terminal, options)


def _options(arguments: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("takeback-update", description=__doc__, allow_abbrev=False)
    verbs = parser.add_subparsers(dest="verb", required=True)
    for name, what in (("install", "a signed bundle: a release, or rules and EMV parameters"),
                       ("rollback", "to the release that was good before this one")):  # fmt: skip
        verb = verbs.add_parser(name, help=what, allow_abbrev=False)
        if name == "install":
            verb.add_argument("file", type=_name, help="its name in /var/lib/takeback-deploy/inbox")
        verb.add_argument("--id", type=_id, default="", help="comes back in the result")
        verb.add_argument(
            "--drain", type=_seconds(0), default=0.0, metavar="SECONDS", help="wait until nothing is owed"
        )
        verb.add_argument(
            "--window", type=_seconds(1), default=WINDOW_S, metavar="SECONDS", help="how long it is watched"
        )
        verb.add_argument("--only-settled", action="store_true", help="refuse while the open batch has entries")
        verb.add_argument("--here", action="store_true", help="in this process, not under systemd")
    for name, what in (("status", "as JSON"), ("result", "of the last change, as JSON"),
                       ("boot", "called by systemd before the terminal starts"),
                       ("settle", "called by systemd after it"), ("restart", "at a safe point, with nothing owed"),
                       ("stop", "the same, and leave it stopped")):  # fmt: skip
        verbs.add_parser(name, help=what)
    verbs.add_parser("logs", allow_abbrev=False).add_argument("--lines", type=_lines, default=200)
    book = verbs.add_parser("journal", help="as the terminal's user, which owns the file")
    book.add_argument("what", choices=("standing", "backup", "restore"))
    book.add_argument("path", type=Path)
    book.add_argument("copy", type=Path, nargs="?", default=Path("/nonexistent"))
    return parser.parse_args(arguments)


def _name(text: str) -> str:
    if not NAME.fullmatch(text):
        raise argparse.ArgumentTypeError("takes the name of a bundle in the inbox, no path")
    return text


def _id(text: str) -> str:
    if not re.fullmatch(r"[0-9a-f]{0,32}", text):
        raise argparse.ArgumentTypeError("takes at most 32 hex digits")
    return text


def _seconds(least: int) -> Callable[[str], float]:
    """`least` to a day: no nan, which is neither more nor less than anything."""

    def seconds(text: str) -> float:
        if not re.fullmatch(r"[0-9]{1,5}(\.[0-9]{1,3})?", text) or not least <= float(text) <= 86400:
            raise argparse.ArgumentTypeError(f"takes {least} to 86400 seconds")
        return float(text)

    return seconds


def _lines(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text):
        raise argparse.ArgumentTypeError("takes up to five digits")
    return int(text)


def _journal(options: argparse.Namespace) -> int:
    try:
        if options.what == "standing":
            print(json.dumps(journal_standing(options.path)))
        elif options.what == "backup":
            journal_backup(options.path, options.copy)
        else:
            print(journal_restore(options.path, options.copy))
    except (sqlite3.Error, OSError) as broken:
        print(f"{options.path}: {broken}")
        return 1
    return 0


def _detach(options: argparse.Namespace, arguments: list[str]) -> int:
    """Under systemd, whatever becomes of this shell and its SSH link."""
    started = _run(["systemd-run", "--quiet", "--collect", "--no-block", "--unit=takeback-switch",
                    f"--property=ExecStopPost={__file__} settle", sys.executable, "-I", __file__, *arguments,
                    "--here"])  # fmt: skip
    if started.returncode:
        sys.stderr.write(f"another change is running: takeback-update result ({_last(started.stderr)})\n")
        return 1
    return 0


def _change(terminal: Terminal, options: argparse.Namespace) -> int:
    acts: dict[str, Callable[[], None]] = {"boot": terminal.boot, "settle": terminal.settle,
                                           "restart": lambda: _restart(terminal),
                                           "stop": lambda: terminal.fence(0.0, True)}  # fmt: skip
    try:
        with terminal.alone():
            return _alone(terminal, options, acts)
    except Busy as why:
        sys.stderr.write(f"refused: {why}\n")
        return 1


def _alone(terminal: Terminal, options: argparse.Namespace, acts: dict[str, Callable[[], None]]) -> int:
    """Nobody else changes anything meanwhile. Raises Busy."""
    try:
        if options.verb in acts:
            acts[options.verb]()
            return 0
        if terminal.read("trial.json"):
            raise Busy(
                "a release is still on trial: takeback-update result; if nothing watches it, restart the machine"
            )
        terminal.tell(id=options.id, verb=options.verb, outcome="", why="", at=int(time.time()),
                      running=terminal.running())  # fmt: skip
        rest = (options.drain, options.window, not options.only_settled)
        terminal.install(options.file, *rest) if options.verb == "install" else terminal.rollback(*rest)
        return 0
    except (Refused, Bad, OSError, tarfile.TarError) as why:  # OSError: a full or dying disk, anywhere
        if options.verb != "boot":  # where systemd is about to start the terminal itself
            return _end(terminal, str(why))
        sys.stderr.write(f"{why}\n")
        return 1


def _restart(terminal: Terminal) -> None:
    terminal.fence(0.0, True)
    terminal.machine.start()


def _end(terminal: Terminal, why: str) -> int:
    """What was begun is taken back, and the terminal sells on, whatever it was. What a dying disk does not take is left
    to the next boot."""
    trial = terminal.read("trial.json")
    with contextlib.suppress(OSError, Bad):
        if trial:
            terminal.back(trial, why)
    terminal.tidy()
    if terminal.running():
        terminal.machine.start()
    if terminal.told.get("verb") and not terminal.told.get("outcome"):
        terminal.tell(step="done", outcome="refused", why=why, running=terminal.running())
    sys.stderr.write(f"{terminal.told.get('outcome', 'refused')}: {why}\n")
    return 1


if __name__ == "__main__":
    sys.exit(main())
