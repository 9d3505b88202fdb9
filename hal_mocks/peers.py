"""The peers on the wire, in a process of their own: `python -m hal_mocks peers --dir DIR`.

DIR gets terminal.toml, state/ (test keys), the printer as a symlink, panel.sock and control.sock. Whoever connects to
control.sock plays the world with one JSON object a line, {"do": name, …}, and gets one back.
"""

from __future__ import annotations

import contextlib
import json
import socket
import sqlite3
import threading
from pathlib import Path
from typing import Any

from drivers.system import SqliteDisk, SystemClock, SystemRandom
from firmware.errors import PrinterTrouble
from firmware.ledger.entry import Entry
from firmware.ledger.journal import FILE, Journal
from firmware.security import provision
from firmware.security.operators import Operators, Role
from hal_mocks import books
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ENCIPHERED_PIN, CVM_OFFLINE_PIN, CVM_ONLINE_PIN, PAN_B, Profile, SoftCard
from hal_mocks.desk import PASSWORDS
from hal_mocks.film import masked
from hal_mocks.paper import approvals
from hal_mocks.wire.bank import TlsBank
from hal_mocks.wire.panel import PanelServer
from hal_mocks.wire.printer import PtyPrinter
from hal_mocks.wire.vpcd import PORT, VpcdCard
from hal_mocks.world import World

SETTINGS = """\
[merchant]
name = "回春堂大药房"
name_en = "RETURN OF SPRING PHARMACY"
terminal_id = "10000001"
merchant_id = "123456789012345"
hotline = "400-000-0000"

[times]
prompt_s = 10
pin_s = 15
host_s = 2
connect_s = 2
hold_s = 4
tell_s = 1
retry_s = 1
retry_max_s = 2

[host]
port = {port}
server_name = "bank.test"

[parts]
front = "panel"
panel = "{panel}"
printer_port = "{printer}"
reader_like = "Virtual PCD 00 0{slot}"

[operators]
sign_on = false

[paths]
state = "{state}"
"""


def enrol(state: Path) -> None:
    """The desk's people, in the journal of a terminal that has not started yet."""
    book = Journal(SqliteDisk(state), SystemClock())
    people = Operators(book, SystemRandom().bytes, SystemClock().now, (8, 1))
    for number, role in (("99", Role.ADMIN), ("00", Role.SUPERVISOR), ("02", Role.SUPERVISOR), ("01", Role.CASHIER)):
        people.enrol(number, role, PASSWORDS[number])
    book.close()


def _made(state: Path) -> bytes:
    """A terminal's state, with test keys and the desk's people. Returns the TMK, as the bank has it."""
    keys = provision.test_keys(state, "bank.test")
    enrol(state)
    assert keys.tmk
    return keys.tmk.reveal()


def _received(shared: Path, certs: Path) -> bytes:
    """The bank's side of a terminal that is somewhere else."""
    given = json.loads(shared.read_text(encoding="ascii"))
    certs.mkdir(mode=0o700, parents=True, exist_ok=True)
    for name, text in given["files"].items():
        (certs / Path(name).name).write_text(text, encoding="ascii")
    return bytes.fromhex(given["tmk"])


class Peers:
    """Bank, printer, panel and wallet around one World. `shared` is what a terminal somewhere else gave for its
    simulated bank (`takeback provision --share`); without it the terminal is made here, in `folder`/state."""

    def __init__(self, folder: Path, slot: int = 0, vpcd_port: int = 0, bank_port: int = 0,
                 shared: Path | None = None) -> None:  # fmt: skip
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        state = folder / "state"
        tmk = _received(shared, state / "certs") if shared else _made(state)
        searched = "602917438516"  # the PIN that tests/real_parts/memory.py looks for
        self.world = World(wallet=[SoftCard(), SoftCard(Profile(pan=PAN_B, cvm=CVM_ONLINE_PIN)),
                                   SoftCard(Profile(cvm=CVM_OFFLINE_PIN, pin=searched)),
                                   SoftCard(Profile(cvm=CVM_ENCIPHERED_PIN, oda="cda", pin=searched))])  # fmt: skip
        self.world.bank.tmk = tmk
        self.lock = threading.RLock()
        self.said: list[str] = []
        self.bank = TlsBank(self.world.bank, state / "certs", self.lock, self._wire, port=bank_port)
        self.printer = PtyPrinter(self.world.paper, self.lock)
        self.panel = PanelServer(folder / "panel.sock", self._screen)
        self._vpcd_port = vpcd_port or PORT + slot
        self._in_reader: VpcdCard | None = None
        link = folder / "printer"
        link.unlink(missing_ok=True)
        link.symlink_to(self.printer.path)
        self.config = folder / "terminal.toml"
        self.config.write_text(
            SETTINGS.format(port=self.bank.port, panel=folder / "panel.sock", printer=link, state=state, slot=slot)
        )

    def _wire(self, way: str, frame: bytes) -> None:
        self.said.append(f"   {way} {masked(frame)}")

    def _screen(self, message: dict[str, Any]) -> None:
        self.said.append(f"   [{message['screen']}] " + " / ".join(t for t in message["lines"] if t.strip()))

    # -- the hand that plays the world; each returns what the control socket answers -------------------------------

    def insert(self, card: int = 0) -> None:
        self.pull()
        self.world.slot = self.world.wallet[card]
        self._in_reader = VpcdCard(self.world.slot, self._vpcd_port)
        self._in_reader.insert()

    def pull(self) -> None:
        if self._in_reader:
            self._in_reader.pull()
        self._in_reader = self.world.slot = None

    def press(self, *keys: str) -> None:
        for key in keys:
            self.panel.press(key)

    def wait_for(self, *screens: str, timeout_s: float = 90.0) -> str:
        return self.panel.wait_for(*screens, timeout_s=timeout_s)

    def glass(self) -> dict[str, Any]:
        """What is shown, and the number of the picture."""
        with self.panel.changed:
            now = self.panel.now
            return {"screen": now.get("screen", ""), "lines": now.get("lines", []), "number": self.panel.pictures}

    def slip_whole(self) -> bool:
        """As a person sees it: does the newest strip of paper end in a readable approval line?"""
        with self.lock:
            rows = self.world.paper.rows
            begun = max((n + 1 for n, row in enumerate(rows[:-1]) if row.cut), default=0)
            return any(a.row >= begun for a in approvals(self.world.paper))

    def jam(self, row: int, trouble: str = "jam_suspected") -> None:
        with self.lock:
            self.world.paper.jam_at(row, PrinterTrouble(trouble))

    def cure(self) -> None:
        self.printer.cure()

    def line(self, up: bool) -> None:
        self.bank.restore_line() if up else self.bank.cut_line()

    def delay(self, milliseconds: int) -> None:
        """How long the bank takes, its own work included."""
        self.bank.delay_s = milliseconds / 1000

    def unplug(self) -> None:
        """The printer's port is gone."""
        (self.folder / "printer").unlink(missing_ok=True)
        self.printer.close()

    def plug(self) -> None:
        """The printer is back, on another port, its paper where it was."""
        self.printer = PtyPrinter(self.world.paper, self.lock)
        (self.folder / "printer").symlink_to(self.printer.path)

    def mood(self, word: str, code: str = "51", at: int = 0) -> None:
        with self.lock:
            self.world.bank.moods.append(Mood(word, code, at))

    def entries(self) -> list[Entry]:
        """The journal on disk; the terminal must have stopped (it holds the file exclusively)."""
        with contextlib.closing(sqlite3.connect(self.folder / "state" / FILE, timeout=5.0)) as db:
            return [Entry.from_text(t) for (t,) in db.execute("SELECT text FROM entries ORDER BY id")]

    def books(self) -> dict[str, Any]:
        entries = self.entries()
        return {"table": books.table(self.world, entries), "disagreements": books.disagreements(self.world, entries)}

    def paper(self) -> str:
        with self.lock:
            return self.world.paper.text()

    def news(self) -> list[str]:
        """What wire and glass said since the last call."""
        said, self.said = self.said, []
        return said

    def close(self) -> None:
        self.pull()
        self.bank.close()
        self.panel.close()
        self.printer.close()


DOINGS = ("insert", "pull", "press", "wait_for", "jam", "cure", "line", "mood", "books", "paper", "news", "delay",
          "unplug", "plug", "glass", "slip_whole")  # fmt: skip


class Control:
    """control.sock: one JSON object a line each way, for any number of clients."""

    def __init__(self, peers: Peers) -> None:
        self._peers = peers
        path = peers.folder / "control.sock"
        path.unlink(missing_ok=True)
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(4)
        self._stopped = threading.Event()

    def serve(self) -> None:
        """Until a client says {"do": "stop"}."""
        threading.Thread(target=self._accept, name="control", daemon=True).start()
        self._stopped.wait()

    def _accept(self) -> None:
        while True:
            client, _ = self._listener.accept()
            threading.Thread(target=self._talk, args=(client,), name="control-client", daemon=True).start()

    def _talk(self, client: socket.socket) -> None:
        with contextlib.suppress(OSError), client, client.makefile("rwb") as lines:
            for line in lines:
                message = json.loads(line)
                if message.get("do") == "stop":
                    self._stopped.set()
                    return
                lines.write(json.dumps(self._do(message), ensure_ascii=False).encode() + b"\n")
                lines.flush()

    def _do(self, message: dict[str, Any]) -> dict[str, Any]:
        name = message.pop("do", "")
        if name not in DOINGS:
            return {"error": f"{name!r} is not one of {', '.join(DOINGS)}"}
        try:
            return {"ok": getattr(self._peers, name)(*message.pop("args", ()), **message)}
        except (OSError, TimeoutError, ValueError, TypeError, KeyError) as wrong:
            return {"error": f"{type(wrong).__name__}: {wrong}"}


class Remote:
    """The client's side of control.sock: `remote.press('enter')`."""

    def __init__(self, folder: Path) -> None:
        self._socket = socket.socket(socket.AF_UNIX)
        self._socket.connect(str(folder / "control.sock"))
        self._lines = self._socket.makefile("rwb")

    def __getattr__(self, name: str) -> Any:
        def call(*args: Any, **named: Any) -> Any:
            self._lines.write(json.dumps({"do": name, "args": args, **named}).encode() + b"\n")
            self._lines.flush()
            answer = json.loads(self._lines.readline())
            if "error" in answer:
                raise RuntimeError(answer["error"])
            return answer["ok"]

        return call

    def hang_up(self) -> None:
        self._lines.close()
        self._socket.close()

    def stop(self) -> None:
        with contextlib.suppress(OSError):
            self._lines.write(b'{"do": "stop"}\n')
            self._lines.flush()
        self._socket.close()


def serve(folder: Path, slot: int = 0, vpcd_port: int = 0, bank_port: int = 0, shared: Path | None = None) -> None:
    """Run until told to stop."""
    peers = Peers(folder, slot, vpcd_port, bank_port, shared)
    control = Control(peers)
    print(f"peers are ready in {folder}", flush=True)
    try:
        control.serve()
    finally:
        peers.close()
