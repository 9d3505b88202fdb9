"""deploy/terminal/udev.rules under a real udevd on a real kernel's chip, bus and USB serial port (which is plugged into
itself): who may touch which part, and under which name."""

from __future__ import annotations

import grp
import os
import shutil
import stat
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

pytestmark = pytest.mark.kernel
RULES = Path(__file__).resolve().parent.parent.parent / "deploy/terminal/udev.rules"


@pytest.fixture(scope="module")
def udevd(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The daemon, with our rules as `deploy first` places them and the groups that sysusers.conf makes. Gives what it
    said of the rules."""
    groups = tmp_path_factory.mktemp("etc") / "group"
    known = Path("/etc/group").read_text()
    for number, name in enumerate(("gpio", "i2c", "spi"), 9001):
        known += "" if f"\n{name}:" in known else f"{name}:x:{number}:\n"
    groups.write_text(known)
    subprocess.run(["mount", "--bind", str(groups), "/etc/group"], check=True)
    folder = Path("/run/udev/rules.d")
    folder.mkdir(parents=True, exist_ok=True)
    shutil.copy(RULES, folder / "60-takeback.rules")
    subprocess.run(["/lib/systemd/systemd-udevd", "--daemon"], check=True, timeout=60)  # back once it listens
    try:
        for words in (("trigger", "--action=add"), ("settle",)):
            subprocess.run(["udevadm", *words], check=True, timeout=60)
        said = subprocess.run(["udevadm", "test", "/sys/class/tty/tty0"], capture_output=True, text=True, check=False)
        yield said.stderr
    finally:
        subprocess.run(["udevadm", "control", "--exit"], check=True, timeout=60)
        subprocess.run(["umount", "/etc/group"], check=True)


def test_udev_has_nothing_to_say_against_the_rules(udevd: str) -> None:
    assert "60-takeback.rules" in udevd
    assert not [line for line in udevd.splitlines() if "60-takeback.rules:" in line]


@pytest.mark.parametrize(
    ("device", "group"), [("/dev/gpiochip0", "gpio"), ("/dev/i2c-0", "i2c"), ("/dev/ttyACM0", "dialout")]
)
def test_chip_bus_and_port_belong_to_the_terminals_groups_and_to_nobody_else(
    udevd: str, device: str, group: str
) -> None:
    found = os.stat(device)
    assert stat.S_ISCHR(found.st_mode) and stat.S_IMODE(found.st_mode) == 0o660
    assert (found.st_uid, found.st_gid) == (0, grp.getgrnam(group).gr_gid)


def test_a_printer_keeps_its_name_whatever_else_is_plugged_in(udevd: str) -> None:
    assert os.path.realpath("/dev/takeback/serial-TB0001") == "/dev/ttyACM0"
