"""deploy/README.md, typed word for word on a fresh virtual Pi: from nothing to a sale."""

from __future__ import annotations

import os
import re
import subprocess
import threading
from pathlib import Path

import pytest

from hal_mocks.peers import Remote
from hal_mocks.real import good_sale
from tests.deploy.pis import ROOT, VPCD, Fleet, Pi, settings, until

pytestmark = pytest.mark.deploy


class _Desk:
    def __init__(self, world: Remote) -> None:
        self.world = world


def test_the_technicians_page_leads_from_a_bare_pi_to_a_sale(fleet: Fleet) -> None:
    pi = Pi(fleet.folder, 0, fleet.folder / "admin", "trixie")
    assert pi.vpcd == VPCD, "the virtual reader where the page's bench looks for it"
    pi.bank = 18583
    pi.on()
    room = fleet.folder / "laptop"
    (room / "home/.ssh").mkdir(parents=True)
    (room / "shop").mkdir()
    (room / "shop/bench").symlink_to(pi.desk)
    for key in ("", ".pub"):
        (room / f"home/.ssh/id_ed25519{key}").write_bytes((fleet.folder / f"admin{key}").read_bytes())
    (room / "home/.ssh/id_ed25519").chmod(0o600)
    subprocess.run(["git", "clone", "-q", str(ROOT), str(room / "takeback")], check=True)
    (room / "takeback/.venv").symlink_to(ROOT / ".venv")
    said = ""
    threading.Thread(target=plugged, args=(pi,), daemon=True).start()
    try:
        for number, block in enumerate(blocks()):
            said += typed(block, room, pi)
            if number == 0:  # "now edit": what the page says, and the virtual Pi's hardware
                (room / "shop/counter-1.toml").write_text(settings(pi), encoding="utf-8")
        assert "would change: packages" in said and "has test keys now, and runs" in said
        assert re.search(r"counter-1 +0\.1\.0-1 +active", said), said
        world = Remote(pi.desk)
        world.wait_for("idle", timeout_s=60.0)
        good_sale(_Desk(world), lambda line: None)  # type: ignore[arg-type]
        assert "交易成功" in world.paper()
        world.stop()
        assert re.search(r"counter-1 +already|wave 1: counter-1\n  counter-1 +good", typed(blocks()[-1], room, pi))
    finally:
        subprocess.run(["pkill", "-f", "18583:127.0.0.1:8583"], check=False)
        subprocess.run(["pkill", "-f", "hal_mocks peers --dir ../shop/bench"], check=False)
        pi.off()


def plugged(pi: Pi) -> None:
    """The virtual Pi's panel and printer are plugged in as soon as they are there."""
    until(lambda: (pi.desk / "panel.sock").exists() and (pi.desk / "control.sock").exists(), "no bench", 300.0)
    pi.plugged()


def blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", (ROOT / "deploy/README.md").read_text(encoding="utf-8"), re.S)


def typed(block: str, room: Path, pi: Pi) -> str:
    """As it stands on the page, but for address and architecture."""
    here = block.replace("192.0.2.10", pi.address).replace("aarch64", "amd64")
    home = room / "home"
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("PYTEST", "TAKEBACK"))}
    # ssh takes ~ from the password file, not from HOME
    environment |= {
        "HOME": str(home),
        "TAKEBACK_FLEET": "../shop/fleet.toml",
        "TZ": "Asia/Shanghai",
        "XDG_CACHE_HOME": str(Path.home() / ".cache"),
    }
    done = subprocess.run(["bash", "-euo", "pipefail", "-c", here], cwd=room / "takeback", env=environment, timeout=400,
                          stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)  # fmt: skip
    assert done.returncode == 0, f"{here}\n{done.stdout}"
    return done.stdout
