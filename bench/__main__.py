"""`make bench`: ratios in one run, written to docs/bench.md and bench/results.json. QUICK=1 takes fewer samples and writes
nothing: it shows in CI that every measure still runs."""

from __future__ import annotations

import json
import os
import platform
import sqlite3
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

from bench import emv
from bench.rig import Rig, replay, rig, sell
from drivers import system
from firmware.ledger import journal
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Event, Kind, State
from firmware.terminal import Terminal
from hal_mocks.real import RealTerminal, ensure_pcscd

ROOT = Path(__file__).resolve().parent.parent
QUICK = os.environ.get("QUICK") == "1"
SALES, STARTS, DEBTS, IDLE_S = (3, 2, 30, 5) if QUICK else (25, 15, 1000, 60)


BARE = """import importlib
for name in {!r}:
    try:
        importlib.import_module(name)
    except ImportError:
        pass
"""


_SAMPLE = 20  # reversals whose writes are recorded


@dataclass(frozen=True)
class Result:
    """Lower is better. `aim` None: told, not aimed at."""

    name: str
    value: float
    aim: float | None
    unit: str


def say(text: str) -> None:
    sys.stderr.write(text + "\n")


# -- money -------------------------------------------------------------------------------------------------------------


def sale() -> list[Result]:
    """First APDU to RELEASED over the same bytes bare; both take turns, so that a noisy minute hits both."""
    ratios, ours, bare = [], [], []
    with rig() as made, tempfile.TemporaryDirectory() as folder:
        with made.disk.recording() as writes:
            sell(made)
        writes = writes[: _until_released(writes)]
        db = twin(Path(folder), made)
        for number in range(SALES + 1):
            done = sell(made)
            seconds = replay(made, done, writes, db)
            if number:  # the first warms everything
                ours.append(done.seconds)
                bare.append(seconds)
                ratios.append(done.seconds / seconds)
        db.close()
    say(f"sale {statistics.median(ours) * 1000:.1f} ms, bare {statistics.median(bare) * 1000:.1f} ms")
    return [
        Result(
            "a sale, first APDU to RELEASED, over its bare APDUs, exchange and commits", middle(ratios), 1.15, "ratio"
        ),
        Result("the same sale", round(statistics.median(ours) * 1000, 1), None, "ms"),
    ]


def _until_released(writes: list[str]) -> int:
    """What a sale writes after RELEASED (the customer's copy) is not in its time."""
    released = next(n for n, text in enumerate(writes) if '"state":"released"' in text)
    return released + writes[released:].index("COMMIT") + 1


def twin(folder: Path, made: Rig) -> sqlite3.Connection:
    """A database of the same settings and contents on the same kind of disk, for the bare commits."""
    made.close()
    (folder / journal.FILE).write_bytes(made.journal_file().read_bytes())
    made.open()
    return system.SqliteDisk(folder).connect(journal.FILE)


def middle(values: list[float]) -> float:
    return round(statistics.median(values), 3)


def drain() -> list[Result]:
    """Owed reversals, written straight into the journal, flushed in one go; over exchange and commit in a bare loop.
    Three rounds, each with its own loop beside it."""
    with rig(delay_ms=0) as made:
        sell(made)
        like = made.terminal.journal.last(Kind.SALE)
        assert like is not None
        rounds = [drain_once(made, like) for _ in range(3)]
    for ours, bare in rounds:
        say(f"drain {ours:.2f} s, bare {bare:.2f} s")
    return [Result(f"{DEBTS} owed reversals drained, over a bare loop of exchange and commit",
                   middle([ours / bare for ours, bare in rounds]), 1.25, "ratio")]  # fmt: skip


def drain_once(made: Rig, like: Entry) -> tuple[float, float]:
    """The bare loop sends reversals that the bank has not seen either: what it has seen it answers faster."""
    host, outbox = made.terminal.host, made.terminal.outbox
    for _ in range(DEBTS):
        owe(made, like)
    frames = [host._frame(outbox._message(entry), True) for entry in outbox.owed]
    for entry in outbox.owed:
        made.terminal.journal.move(entry, Event.ACKNOWLEDGED)
    for _ in range(_SAMPLE):
        owe(made, like)
    with made.disk.recording() as writes:
        outbox.flush()
    for _ in range(DEBTS):
        owe(made, like)
    began = time.perf_counter()
    ended = outbox.flush()
    ours = time.perf_counter() - began
    assert len(ended) == DEBTS and not outbox.owed, "not everything was drained"
    with tempfile.TemporaryDirectory() as folder:
        db = twin(Path(folder), made)
        bare = bare_loop(made, db, frames, writes)
        db.close()
    return ours, bare


def owe(made: Rig, like: Entry) -> None:
    kept = ("pan", "token", "card", "f22", "f23", "aid", "label", "f55", "operator")
    new = made.terminal.journal.begin(Kind.SALE, 100, **{name: getattr(like, name) for name in kept})
    made.terminal.journal.move(new, Event.SILENCE, reason="98")


def bare_loop(made: Rig, db: sqlite3.Connection, frames: list[bytes], writes: list[str]) -> float:
    """`writes` of a few reversals, used again and again."""
    groups: list[list[str]] = [[]]
    for statement in writes:
        groups[-1].append(statement)
        if statement == "COMMIT":
            groups.append([])
    assert len(groups) == _SAMPLE + 1, "a reversal is one commit"
    made.devices.link.connect(5.0, lambda: False)
    began = time.perf_counter()
    for number, frame in enumerate(frames):
        made.devices.link.exchange(frame, 5.0, lambda: False)
        for statement in groups[number % _SAMPLE]:
            db.execute(statement)
    return time.perf_counter() - began


def growth() -> list[Result]:
    """The same sale on a journal of 100,000 entries over one of 100, the two taking turns."""
    many = 2_000 if QUICK else 100_000
    with rig() as small, rig_with(many) as (big, _):
        grow(small, 100)
        ratios = []
        for number in range(SALES + 1):
            few, lots = sell(small).seconds, sell(big).seconds
            if number:
                ratios.append(lots / few)
    return [Result(f"a sale at {many:,} journal entries over one at 100", middle(ratios), 1.1, "ratio")]


def grow(made: Rig, count: int) -> None:
    """Entries as a sale leaves them, with a whole chain, written in one go."""
    sell(made)
    entry = made.terminal.journal.last(Kind.SALE)
    assert entry is not None
    made.close()
    db = sqlite3.connect(made.journal_file(), isolation_level=None)
    head = db.execute("SELECT hash FROM journal ORDER BY seq DESC LIMIT 1").fetchone()[0]
    db.execute("BEGIN")
    for number in range(count):
        batch, stan = f"{900000 - number // 900_000:06d}", f"{100_000 + number:06d}"
        for state in (State.UNDECIDED, State.APPROVED, State.CLOSING, State.RELEASED):
            text = entry.changed(id=entry.id + 1 + number, state=state, stan=stan, batch=batch).text()
            head = journal.chain(head, text)
            db.execute("INSERT INTO journal(entry, text, hash) VALUES(?, ?, ?)", (entry.id + 1 + number, text, head))
        db.execute("INSERT INTO entries(id, state, kind, batch, stan, original, text) VALUES(?, ?, ?, ?, ?, ?, ?)",
                   (entry.id + 1 + number, "released", "sale", batch, stan, 0, text))  # fmt: skip
    db.execute("COMMIT")
    db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    db.close()
    made.open()


class rig_with:
    """A second terminal beside the first, on the second slot of the virtual reader."""

    def __init__(self, count: int) -> None:
        self._count = count

    def __enter__(self) -> tuple[Rig, RealTerminal]:
        self._folder = tempfile.TemporaryDirectory(prefix="takeback-bench-")
        self._real = RealTerminal(Path(self._folder.name), slot=1)
        self._real.world.delay(20)
        self._real.world.insert(0)
        made = Rig(self._real)
        from bench.rig import wait_for_card

        wait_for_card(made)
        grow(made, self._count)
        self._made = made
        return made, self._real

    def __exit__(self, *_: object) -> None:
        self._made.close()
        self._real.close()
        self._folder.cleanup()


# -- the process -------------------------------------------------------------------------------------------------------


def start() -> list[Result]:
    """Spawn to READY over a bare interpreter that imports every module not ours that is loaded at READY."""
    ensure_pcscd()
    with tempfile.TemporaryDirectory(prefix="takeback-bench-") as folder:
        real = RealTerminal(Path(folder))
        try:
            file = str(Path(folder) / "terminal.toml")
            compiled(folder)
            probe(file)  # as on a device: compiled once
            said = probe(file, "list")
            names = [n for n in said[1:] if n.split(".")[0] not in ("firmware", "drivers", "bench", "__main__")]
            bare = BARE.format(names)
            ours, theirs, sizes = [], [], []
            for _ in range(STARTS):
                began = time.perf_counter()
                sizes.append(float(probe(file)[0].split()[1]))
                ours.append(time.perf_counter() - began)
                began = time.perf_counter()
                subprocess.run([sys.executable, "-c", bare], cwd=ROOT, check=True)
                theirs.append(time.perf_counter() - began)
        finally:
            real.close()
    say(f"start {statistics.median(ours):.3f} s, bare {statistics.median(theirs):.3f} s")
    ratio = middle([a / b for a, b in zip(ours, theirs, strict=True)])
    return [Result("start to READY over a bare interpreter with the same imports", ratio, 1.3, "ratio"),
            Result("resident memory at READY", round(statistics.median(sizes), 1), 60, "MB")]  # fmt: skip


def compiled(folder: str) -> None:
    """Both sides keep what they compiled, as an installed terminal does."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")


def probe(file: str, *more: str) -> list[str]:
    done = subprocess.run([sys.executable, "-m", "bench.probe", file, *more], cwd=ROOT, capture_output=True, text=True,
                          timeout=60)  # fmt: skip
    lines = done.stdout.splitlines()
    assert lines and lines[0].startswith("ready"), done.stderr
    return lines


def idle() -> list[Result]:
    ensure_pcscd()
    with tempfile.TemporaryDirectory(prefix="takeback-bench-") as folder:
        real = RealTerminal(Path(folder))
        try:
            done = subprocess.run([sys.executable, "-m", "bench.idle", str(Path(folder) / "terminal.toml"), str(IDLE_S)],
                                  cwd=ROOT, capture_output=True, text=True, check=True)  # fmt: skip
        finally:
            real.close()
    return [Result(f"CPU of the idle process over {IDLE_S} s", round(float(done.stdout), 2), 1, "%")]


# -- keys and glass ----------------------------------------------------------------------------------------------------


def keys() -> list[Result]:
    """A debounced press to the first byte handed to the bus, in the running app; and the bytes a digit costs."""
    from firmware import app
    from firmware.hal.events import Key, KeyPressed

    waits: list[float] = []
    sizes: list[int] = []
    with rig(delay_ms=0) as made:
        inbox = system.QueueInbox()
        made.person.next = inbox.next  # type: ignore[method-assign]
        arrived = threading.Event()
        write, stamp = made.bus.write_i2c_block_data, [0.0]

        def stamped(address: int, mode: int, data: list[int]) -> None:
            if not arrived.is_set():
                stamp[0] = time.perf_counter()
                arrived.set()
            write(address, mode, data)

        made.bus.write_i2c_block_data = stamped  # type: ignore[method-assign]
        from firmware.flows import steps

        def ask(t: Terminal) -> None:
            steps.ask_amount(t)

        threading.Thread(target=lambda: app.guarded(made.terminal, ask), daemon=True).start()
        time.sleep(0.5)
        for number in range(9 if QUICK else 90):
            arrived.clear()
            before = made.bus.bytes
            began = time.perf_counter()
            inbox.post(KeyPressed(Key.CLEAR if number % 2 else Key(str(number % 9 + 1))))
            assert arrived.wait(2.0), "a key drew nothing"
            waits.append(stamp[0] - began)
            time.sleep(0.02)
            sizes.append(made.bus.bytes - before)
        inbox.post(KeyPressed(Key.CANCEL))
        time.sleep(0.2)
        stars = star_bytes(made)
    return [Result("key press to frame handed to the bus", round(statistics.median(waits) * 1000, 2), 10, "ms"),
            Result("bytes on the bus per typed digit of an amount", statistics.median(sizes), None, "bytes"),
            Result("bytes on the bus per PIN star", stars, None, "bytes"),
            Result("bytes on the bus of a whole frame", 1024 + 6 + 2 * 33, None, "bytes")]  # fmt: skip


def star_bytes(made: Rig) -> float:
    from firmware.ui import screens

    display, sizes = made.devices.display, []
    display.show(screens.enter_pin(1250, 0))
    for stars in range(1, 7):
        before = made.bus.bytes
        display.show(screens.enter_pin(1250, stars))
        time.sleep(0.05)
        sizes.append(made.bus.bytes - before)
    return statistics.median(sizes)


# -- the table ---------------------------------------------------------------------------------------------------------


def kernel() -> list[Result]:
    """EMV: our own time, commands against the Books' least, parsing and certificates against others."""
    rounds = 5 if QUICK else 40
    found = []
    for name, ms, _, count, least in emv.measured(rounds):
        found.append(Result(f"kernel without the card's time: {name}", round(ms, 2), None, "ms"))
        found.append(Result(f"APDUs over the Books' least: {name} ({count})", round(count / least, 3), 1.0, "ratio"))
    found.append(Result("TLV of a record, over pyemv", round(emv.against_pyemv(rounds), 2), 2.0, "ratio"))
    found.append(Result("issuer certificate opened and checked, over bare pow()", round(emv.against_pow(rounds), 2), 2.0,
                        "ratio"))  # fmt: skip
    return found


MEASURES: tuple[Callable[[], list[Result]], ...] = (sale, start, drain, idle, keys, growth, kernel)


def table(results: list[Result]) -> str:
    rows = [f"| {r.name} | {r.value:g} | {'' if r.aim is None else f'{r.aim:g}'} | {r.unit} |" for r in results]
    return "\n".join([
        "# Bench", "", "Written by `make bench`: everything in one run, ratios where a machine's speed would matter; lower is better.",
        "The samples of a ratio take turns with what they are compared with. `python -m bench NAME` runs one measure. The rows of the fleet are from",
        "`make bench-fleet` (nine virtual Pis on the same cores).", "",
        f"Last run: {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}, revision {revision()}.", "",
        "| what | value | aim | unit |", "|---|---|---|---|", *rows, "",
    ])  # fmt: skip


def revision() -> str:
    return subprocess.run(
        ["git", "rev-parse", "--short", "HEAD"], cwd=ROOT, capture_output=True, text=True
    ).stdout.strip()


def main(names: list[str]) -> int:
    results: list[Result] = []
    for measure in MEASURES:
        if not names or measure.__name__ in names:
            say(f"measuring: {measure.__name__}")
            results += measure()
    for r in results:
        sys.stdout.write(f"{r.value:>10g} {r.unit:<6} aim {'-' if r.aim is None else r.aim!s:<6} {r.name}\n")
    if not names and not QUICK:
        results += [Result(**row) for row in json.loads((ROOT / "bench" / "fleet.json").read_text())]
        (ROOT / "bench" / "results.json").write_text(json.dumps([asdict(r) for r in results], indent=1) + "\n")
        (ROOT / "docs" / "bench.md").write_text(table(results), encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
