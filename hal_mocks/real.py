"""The stories through the real parts: `python -m firmware` as its own process on pcscd, a pseudo-terminal and TLS.

The peers run in another process; this one plays the person over the control socket.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from hal_mocks.peers import Remote
from hal_mocks.wire.vpcd import PORT

ROOT = Path(__file__).resolve().parent.parent
Say = Callable[[str], None]


class RealTerminal:
    """Firmware process + peers process in a folder of their own."""

    def __init__(self, folder: Path, slot: int = 0) -> None:
        self.folder = folder
        self.log = (folder / "firmware.log").open("ab")
        command = [sys.executable, "-m", "hal_mocks", "peers", "--dir", str(folder), "--slot", str(slot)]
        self._peers = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=self.log)
        assert self._peers.stdout is not None
        self._peers.stdout.readline()
        self.world: Any = Remote(folder)
        self._firmware: subprocess.Popen[bytes] | None = None

    def power_on(self) -> None:
        config = str(self.folder / "terminal.toml")
        self._firmware = subprocess.Popen([sys.executable, "-m", "firmware", "run", "--config", config], cwd=ROOT,
                                          stdout=self.log, stderr=self.log)  # fmt: skip

    @property
    def pid(self) -> int:
        assert self._firmware
        return self._firmware.pid

    @property
    def alive(self) -> bool:
        return self._firmware is not None and self._firmware.poll() is None

    def log_tail(self) -> str:
        return "\n".join((self.folder / "firmware.log").read_text(errors="replace").splitlines()[-30:])

    def power_off(self) -> None:
        """SIGKILL: nothing is said good-bye to."""
        if self._firmware:
            self._firmware.send_signal(signal.SIGKILL)
            self._firmware.wait()
        self._firmware = None

    def close(self) -> None:
        self.power_off()
        self.world.stop()
        self._peers.wait(timeout=10)
        self.log.close()


@contextlib.contextmanager
def terminal() -> Iterator[RealTerminal]:
    """A provisioned terminal, switched on; everything is gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="takeback-real-") as folder:
        made = RealTerminal(Path(folder))
        try:
            made.power_on()
            yield made
        finally:
            made.close()


def ensure_pcscd() -> None:
    """Start pcscd if none answers on vpcd's port. Raises RuntimeError with what to install."""
    if _listening() or _activated():
        return
    if os.geteuid() != 0:
        raise RuntimeError("pcscd does not answer: sudo systemctl start pcscd, and be in an active session")
    if not Path("/usr/sbin/pcscd").exists():
        raise RuntimeError("pcscd is missing: apt-get install pcscd vsmartcard-vpcd")
    os.makedirs("/run/pcscd", exist_ok=True)
    until, child = time.monotonic() + 15.0, _spawn_pcscd()
    while not _listening():
        if time.monotonic() > until:
            raise RuntimeError("pcscd runs without the virtual reader: apt-get install vsmartcard-vpcd")
        time.sleep(0.1)
        if child.poll() is not None:  # it took one that is just dying for alive
            child = _spawn_pcscd()
    # a killed child nobody has waited for still counts as running for the next pcscd
    threading.Thread(target=child.wait, name="pcscd-reaper", daemon=True).start()


def _spawn_pcscd() -> subprocess.Popen[bytes]:
    return subprocess.Popen(["/usr/sbin/pcscd", "--foreground"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                            start_new_session=True)  # fmt: skip


def _activated() -> bool:
    """Where systemd starts pcscd for the first client, be that client."""
    from smartcard import scard

    ok, context = scard.SCardEstablishContext(scard.SCARD_SCOPE_USER)
    if ok != scard.SCARD_S_SUCCESS:
        return False
    scard.SCardReleaseContext(context)
    return _listening()


def _listening() -> bool:
    """Is vpcd there? Asked of the kernel: a connection would be taken for a card."""
    wanted = f":{PORT:04X}"
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with contextlib.suppress(OSError):
            for row in Path(table).read_text().splitlines()[1:]:
                fields = row.split()
                if fields[1].endswith(wanted) and fields[3] == "0A":
                    return True
    return False


def buy(world: Any, amount: str, card: int = 0) -> None:
    """Idle → amount → card in; the PIN of card 1 is a demo PIN. A key pressed while the terminal still signs on is not
    heard: then it is pressed again."""
    for patience_s in (1.0, 1.0, 20.0):
        world.wait_for("idle")
        world.press("enter")
        try:
            world.wait_for("amount", timeout_s=patience_s)
            break
        except RuntimeError:
            continue
    world.press(*amount, "enter")
    world.wait_for("insert_card")
    world.insert(card)


def good_sale(t: RealTerminal, say: Say) -> None:
    buy(t.world, "1250")
    t.world.wait_for("next_copy")
    t.world.press("enter")
    t.world.wait_for("approved", "remove_card")
    t.world.pull()


def pin_sale(t: RealTerminal, say: Say) -> None:
    buy(t.world, "700", card=1)
    t.world.wait_for("enter_pin")
    t.world.press(*"2468", "enter")
    t.world.wait_for("next_copy")
    t.world.press("enter")
    t.world.wait_for("approved", "remove_card")
    t.world.pull()


def jam_cured(t: RealTerminal, say: Say) -> None:
    t.world.jam(7)
    buy(t.world, "880")
    t.world.wait_for("hold")
    say("   * the paper is cleared, green key")
    t.world.cure()
    t.world.press("enter")
    t.world.wait_for("next_copy")
    t.world.press("enter")
    t.world.wait_for("approved", "remove_card")
    t.world.pull()


def jam_not_cured(t: RealTerminal, say: Say) -> None:
    t.world.jam(7, "paper_out")
    buy(t.world, "990")
    t.world.wait_for("hold")
    say("   * nobody cures it: the hold runs out and the sale is taken back")
    t.world.wait_for("reversed")
    t.world.cure()
    t.world.pull()


def network_cut(t: RealTerminal, say: Say) -> None:
    t.world.mood("mute")
    buy(t.world, "560")
    t.world.wait_for("asking")
    say("   * the bank books it, the line dies before the answer")
    time.sleep(0.5)
    t.world.line(False)
    t.world.wait_for("reversal_pending")
    t.world.pull()
    t.world.wait_for("idle")
    say("   * the line returns")
    t.world.line(True)
    t.world.wait_for("reversed")


def power_cut(t: RealTerminal, say: Say) -> None:
    t.world.jam(9, "cover_open")
    buy(t.world, "430")
    t.world.wait_for("hold")
    say("   * kill -9 between approval and paper; the cover is closed; power on")
    t.power_off()
    t.world.cure()
    t.world.pull()
    t.power_on()
    t.world.wait_for("next_copy")
    t.world.press("enter")
    t.world.wait_for("idle")


def part_goes_back(t: RealTerminal, say: Say) -> None:
    """撤回: the last sale, its card, a part of it, the customer's green key, the supervisor."""
    good_sale(t, say)
    t.world.wait_for("idle")
    for screen, keys in (("idle", ("clear",)), ("voucher", ("enter",)), ("insert_card", ())):
        t.world.wait_for(screen)
        t.world.press(*keys)
    t.world.insert(0)
    answers = {"options": ("2",), "part_amount": (*"300", "enter"), "reason": ("2",), "reason_detail": ("1",),
               "confirm": ("enter",), "consent": ("enter",), "consent_more": ("enter",), "operator": (*"00", "enter"),
               "password": (*"135790", "enter")}  # fmt: skip
    for screen, keys in answers.items():
        t.world.wait_for(screen)
        t.world.press(*keys)
    t.world.wait_for("refunded", "remove_card")
    t.world.pull()


STORIES: dict[str, Callable[[RealTerminal, Say], None]] = {
    "a sale": good_sale,
    "a sale with PIN": pin_sale,
    "paper jams at line 7 and is cured": jam_cured,
    "paper runs out at line 7 and nobody cures it": jam_not_cured,
    "the network dies after the bank booked it": network_cut,
    "power cut between approval and paper": power_cut,
    "a part of it goes back": part_goes_back,
}


def play(say: Say) -> list[str]:
    """All stories on one terminal; the film goes to `say`. Returns where the books disagree."""
    ensure_pcscd()
    with terminal() as t:
        for name, story in STORIES.items():
            say(f"\n=== {name} (real pcscd, serial driver, TLS) ===")
            story(t, say)
            t.world.wait_for("idle")
            for line in t.world.news():
                say(line)
        time.sleep(0.5)
        t.power_off()
        say("\n=== paper ===\n" + t.world.paper())
        found = t.world.books()
        say("\n=== the four books ===\n" + found["table"])
        return list(found["disagreements"])
