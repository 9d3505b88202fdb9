"""`make soak`: hundreds of sales on the real parts while somebody pulls plugs. Kill −9 at random moments, then pcscd
killed, card pulled, printer unplugged, line cut while the process runs on. Everything comes from one seed.

Afterwards the four books must agree, the terminal must have come back by itself each time, and the process must hold as
many threads and files as at the start.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import signal
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from hal_mocks import real
from hal_mocks.peers import Remote
from hal_mocks.real import RealTerminal

PATIENCE_S = 90.0
_LOOK_S, _REST_S = 0.01, 0.4
_WARM = 5  # sales after which threads and files are counted first
_STAGES = ("amount", "insert_card", "reading", "asking", "printing", "next_copy", "approved")


_ENDINGS = frozenset({"reversed", "reversal_pending", "never_sent", "declined", "approved", "refused", "stuck",
                      "cancelled"})  # fmt: skip
_GREEN = _ENDINGS | frozenset(["next_copy", "signed_on", "not_signed_on", "fault"])


@dataclass
class Report:
    """What happened, as it is committed."""

    seed: int
    revision: str
    kill_sales: int = 0
    fault_sales: int = 0
    kills: int = 0
    faults: dict[str, int] = field(default_factory=dict)
    endings: dict[str, int] = field(default_factory=dict)
    longest_return_s: float = 0.0
    threads: tuple[int, int] = (0, 0)
    files: tuple[int, int] = (0, 0)
    disagreements: list[str] = field(default_factory=list)
    seconds: int = 0

    @property
    def good(self) -> bool:
        return not self.disagreements and self.threads[1] <= self.threads[0] and self.files[1] <= self.files[0]


class Customer:
    """Whoever stands at the terminal: sees a screen, does what it asks, never more than once for the same picture."""

    def __init__(self, t: RealTerminal, dice: random.Random) -> None:
        self._t, self._dice = t, dice
        self._seen: tuple[str, int] = ("", -1)
        self.bought = False
        self.endings: Counter[str] = Counter()

    def look(self) -> str:
        """Do one thing if something is asked. Returns the screen's name."""
        glass = self._t.world.glass()
        name, number = glass["screen"], glass["number"]
        if (name, number) != self._seen:
            self._seen = (name, number)
            with contextlib.suppress(RuntimeError):  # the terminal has just gone: nobody hears the key
                self._act(name, glass["lines"])
        return str(name)

    def _act(self, name: str, lines: list[str]) -> None:
        world = self._t.world
        if name in (
            "reversed",
            "reversal_pending",
            "never_sent",
            "declined",
            "approved",
            "refused",
            "stuck",
            "cancelled",
        ):
            self.endings[name] += 1
        if name == "idle" and not self.bought:
            world.press("enter")
        elif name == "amount" and not self.bought:
            self.bought = True
            world.press(*str(self._dice.randrange(100, 99999)), "enter")
        elif name == "amount":
            world.press("cancel")
        elif name == "insert_card":
            world.insert(self._dice.randrange(2))
        elif name == "enter_pin" and lines[-2].strip().count("*") == 0:
            world.press(*"2468", "enter")
        elif name == "slip_complete":
            whole = world.slip_whole()
            world.cure()
            world.press("enter" if whole else "cancel")
        elif name == "remove_card":
            world.pull()
        elif name in ("hold", "printer_trouble"):
            world.cure()  # a jam that came later than planned
            world.press("enter")
        elif name in _GREEN:
            world.press("enter")

    def at_rest(self) -> bool:
        """Idle, the sale behind it, nothing owed, signed on."""
        glass = self._t.world.glass()
        quiet = not any("REVERSAL" in line or "SIGN ON" in line for line in glass["lines"])
        return bool(self.bought and glass["screen"] == "idle" and quiet)


class Soak:
    """One run."""

    def __init__(self, t: RealTerminal, seed: int, say: Callable[[str], None]) -> None:
        self.t, self.dice, self._say = t, random.Random(seed), say
        self.report = Report(seed, revision())
        self.faults: Counter[str] = Counter()
        self.endings: Counter[str] = Counter()

    def kill_sales(self, count: int) -> None:
        """Each sale dies once, at a random moment, and is brought to its end after the boot."""
        for number in range(count):
            customer = Customer(self.t, self.dice)
            stage, late_s = self.dice.choice((*_STAGES, "")), self.dice.random() * 0.08
            began = time.monotonic()
            while time.monotonic() - began < 20 and customer.look() != stage and not customer.at_rest():
                time.sleep(_LOOK_S if stage else 0.0)
                if not stage and time.monotonic() - began > late_s * 12:
                    break
            time.sleep(late_s)
            self.t.power_off()
            self.report.kills += 1
            if self.dice.random() < 0.5:
                self.t.world.pull()
            self.t.power_on()
            self._rest(customer, f"kill {number} at {stage or 'a random moment'}")
        self.report.kill_sales += count

    def fault_sales(self, count: int) -> None:
        """The process lives on; something breaks in each sale and is mended."""
        for number in range(count):
            if number == min(_WARM, count - 1):
                self.report.threads, self.report.files = (self._threads(), 0), (self._files(), 0)
            customer = Customer(self.t, self.dice)
            fault = self.dice.choice(("pcscd", "card", "printer", "line", "jam"))
            wait_s, mend_s = self.dice.random() * 1.0, 0.2 + self.dice.random() * 1.5
            self.faults[fault] += 1
            breaker = threading.Thread(target=self._break, args=(fault, wait_s, mend_s))
            breaker.start()
            self._rest(customer, f"fault {number}: {fault}", breaker)
        self.report.fault_sales += count
        time.sleep(2.0)  # what ends with a pause (a listener's last look) has ended
        self.report.threads = (self.report.threads[0], self._threads())
        self.report.files = (self.report.files[0], self._files())

    def _break(self, fault: str, wait_s: float, mend_s: float) -> None:
        hand = Remote(self.t.folder)
        time.sleep(wait_s)
        if fault == "pcscd":
            for pid in subprocess.run(["pidof", "pcscd"], capture_output=True, text=True).stdout.split():
                os.kill(int(pid), signal.SIGKILL)
            hand.pull()  # its socket is dead, and would keep the port from the next pcscd
            time.sleep(mend_s)
            real.ensure_pcscd()
        elif fault == "card":
            hand.pull()
        elif fault == "printer":
            hand.unplug()
            time.sleep(mend_s)
            hand.plug()
        elif fault == "line":
            hand.line(False)
            time.sleep(mend_s)
            hand.line(True)
        elif fault == "jam":
            hand.jam(self.dice.randrange(1, 30))
            time.sleep(mend_s)
            hand.cure()
        hand.hang_up()

    def _rest(self, customer: Customer, what: str, breaker: threading.Thread | None = None) -> None:
        """Until the terminal has come back by itself. Raises TimeoutError naming what was done to it."""
        began = rested = time.monotonic()
        while time.monotonic() - rested < _REST_S:
            name = customer.look()
            if (breaker and breaker.is_alive()) or not customer.at_rest():
                rested = time.monotonic()
            if time.monotonic() - began > PATIENCE_S or not self.t.alive:
                end = "the glass still shows" if self.t.alive else "the process has ended, the glass shows"
                raise TimeoutError(f"{what} (seed {self.report.seed}): {end} {name}\n{self.t.log_tail()}")
            time.sleep(_LOOK_S)
        took = rested - began
        self.report.longest_return_s = round(max(self.report.longest_return_s, took), 1)
        self.endings += customer.endings
        self._say(f"{what}: {dict(customer.endings)} after {took:.1f} s")

    def _threads(self) -> int:
        return len(os.listdir(f"/proc/{self.t.pid}/task"))

    def _files(self) -> int:
        return len(os.listdir(f"/proc/{self.t.pid}/fd"))

    def close_books(self) -> None:
        self.t.world.pull()
        time.sleep(0.5)
        self.t.power_off()
        self.report.disagreements = list(self.t.world.books()["disagreements"])
        self.report.faults, self.report.endings = dict(self.faults), dict(self.endings)


def revision() -> str:
    done = subprocess.run(["git", "describe", "--always", "--dirty"], cwd=real.ROOT, capture_output=True, text=True)
    return done.stdout.strip() or "unknown"


def run(sales: int, seed: int, say: Callable[[str], None]) -> Report:
    """`sales` with a kill each, then `sales` with a fault each. Raises TimeoutError for one that stays away."""
    real.ensure_pcscd()
    began = time.monotonic()
    with real.terminal() as t:
        soak = Soak(t, seed, say)
        soak.kill_sales(sales)
        soak.fault_sales(sales)
        soak.close_books()
        soak.report.seconds = round(time.monotonic() - began)
        return soak.report


def main(sales: int, seed: int, out: Path | None) -> int:
    report = run(sales, seed, lambda line: print(line, flush=True))
    text = json.dumps(asdict(report), indent=1)
    print(text)
    if out:
        out.write_text(text + "\n", encoding="utf-8")
    print(f"{sales} sales killed, {sales} sales with faults: " + ("the books agree" if report.good else "NOT GOOD"))
    return 0 if report.good else 1
