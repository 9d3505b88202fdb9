"""The fleet, on virtual Pis with real systemd and sshd: whatever goes wrong, every Pi ends on a working release, its queue and
its journal whole. The tests build on each other's Pis, and each leaves them all well."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import paho.mqtt.client as mqtt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from hal_mocks.real import good_sale
from tests.deploy.pis import ROOT, Fleet, Pi, settings, until

pytestmark = pytest.mark.deploy
PROMPT_S, STOP_S = 20.0, 150.0  # of tests/deploy/pis.py's settings, and of the unit
_MAIN, _LEDGER = "firmware/__main__.py", "firmware/ledger/journal.py"
_STARTS = "    signal.signal(signal.SIGTERM, lambda *_: devices.inbox.post(StopAsked()))\n"
EXITS = {_MAIN: (_STARTS, "    return 1\n" + _STARTS)}
HANGS = {_MAIN: (_STARTS, _STARTS + "    devices.watchdog.feed()\n    signal.pause()\n    signal.pause()\n")}
FAILS_DOCTOR = {"firmware/doctor.py": ("    if free < _SPACE_MIN:", "    if free < 1 << 60:")}
FORM_4 = {_LEDGER: ("_STEPS = (_SCHEMA, _SINCE_2, _SINCE_3)", '_SINCE_4 = "CREATE TABLE more(id INTEGER PRIMARY KEY);"\n'
                    "_STEPS = (_SCHEMA, _SINCE_2, _SINCE_3, _SINCE_4)"),
          "firmware/ledger/journal.py ": ("FORM = 3\n", "FORM = 4\n")}  # fmt: skip


class Played:
    """What hal_mocks.real's stories want of a terminal."""

    def __init__(self, world: Any) -> None:
        self.world = world


def sale(world: Any) -> None:
    good_sale(Played(world), lambda said: None)  # type: ignore[arg-type]
    world.wait_for("idle")


def well(*pis: Pi, on: str = "") -> None:
    """Running, good, nothing on trial, and the journal's chain whole."""
    for pi in pis:
        s = pi.status()
        assert s["active"] == "active" and s["running"] == s["good"] and not s["trial"], s
        assert not on or s["running"] == on, s
        assert not list((pi.root / "opt/takeback/releases").glob("*.part"))
        assert pi.journal().get("undecided", 0) == 0


def main_pid(pi: Pi) -> str:
    return pi.sh("systemctl", "show", "-p", "MainPID", "--value", "takeback")


def update(fleet: Fleet, bundle: Path, *more: str, record: str = "") -> str:
    words = ["update", *(more if more and not more[0].startswith("-") else ("all", *more)), "--bundle", str(bundle)]
    return fleet.deploy(*words, "--record", str(fleet.folder / (record or f"record-{time.monotonic_ns()}.json")),
                        check=False)  # fmt: skip


# -- the way it should be ------------------------------------------------------------------------------------------------


def test_a_sale_on_a_terminal_that_was_set_up_over_ssh_and_the_figures_after_it(fleet: Fleet) -> None:
    pi = fleet.pis[0]
    world = pi.world
    sale(world)
    assert "交易成功" in world.paper()
    found = pi.root / "run"  # a mount of the container's own
    assert found.exists()
    until(lambda: "takeback_unsettled 1\n" in pi.sh("cat", "/run/takeback/takeback.prom"), "no figures")
    figures = pi.sh("cat", "/run/takeback/takeback.prom")
    assert "takeback_owed 0\n" in figures and 'takeback_info{terminal="10000001",version="0.1.0"} 1' in figures
    assert "owes 0" in fleet.deploy("status", "pi1")
    assert pi.journal() == {"released": 1, "unsettled": 1}


def test_the_same_again_changes_nothing_and_a_dry_run_shows_what_would(fleet: Fleet) -> None:
    pids = [main_pid(pi) for pi in fleet.pis]
    assert fleet.deploy("first", "all").count("set up, 0 changes") == 3
    pi = fleet.pis[1]
    pi.write("etc/modules-load.d/takeback.conf", "nothing\n")
    said = fleet.deploy("first", "pi2", "--dry")
    assert "- nothing" in said and "+ usbserial" in said and "would change: /etc/modules-load.d" in said
    assert (pi.root / "etc/modules-load.d/takeback.conf").read_text() == "nothing\n"
    assert "set up, 1 changes" in fleet.deploy("first", "pi2")
    assert "usbserial" in (pi.root / "etc/modules-load.d/takeback.conf").read_text()
    assert [main_pid(pi) for pi in fleet.pis] == pids


def test_a_terminal_that_hangs_in_a_step_of_first_holds_the_others_up_for_so_long_only(fleet: Fleet) -> None:
    hung = fleet.pis[1]
    fleet.inventory(fleet='canary = ["pi1"]\nstep_s = 5\n')
    for pi in fleet.pis[1:]:
        pi.sh("rm", "/etc/takeback/platform")  # as if the last time had broken off: all steps again
    hung.sh("mv", "/usr/bin/systemd-sysusers", "/usr/bin/systemd-sysusers.away")
    hung.write("usr/bin/systemd-sysusers", "#!/bin/sh\nsleep 60\n")
    hung.sh("chmod", "755", "/usr/bin/systemd-sysusers")
    try:
        said = fleet.deploy("first", "pi2", "pi3", check=False)
        assert fleet.code == 1
        assert re.search(r"pi2 +failed at: users and groups", said) and re.search(r"pi3 +set up, \d+ changes", said), (
            said
        )
    finally:
        hung.sh("mv", "/usr/bin/systemd-sysusers.away", "/usr/bin/systemd-sysusers")
        fleet.inventory(fleet='canary = ["pi1"]\n')
    assert re.search(r"pi2 +set up, \d+ changes", fleet.deploy("first", "pi2"))
    assert "set up, 0 changes" in fleet.deploy("first", "pi2")
    well(*fleet.pis)


def test_what_only_a_raspberry_pi_has_is_set_once(fleet: Fleet) -> None:
    """Buses and the hardware watchdog on, fsck at boot; kernel, sshd, journald and systemd took the rest."""
    for pi in fleet.pis:
        config = (pi.root / "boot/firmware/config.txt").read_text().splitlines()
        assert config == ["arm_64bit=1", "dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=400000", "dtparam=spi=on",
                          "dtparam=watchdog=on"]  # fmt: skip
        cmdline = (pi.root / "boot/firmware/cmdline.txt").read_text()
        assert cmdline == "console=tty1 root=PARTUUID=1-02 rootfstype=ext4 rootwait fsck.repair=yes\n"
        assert "SystemMaxUse=50M" in pi.sh("systemd-analyze", "cat-config", "systemd/journald.conf")
        assert "RuntimeWatchdogSec=15" in pi.sh("systemd-analyze", "cat-config", "systemd/system.conf")
        assert pi.sh("readlink", "/etc/localtime").endswith("Asia/Shanghai")


def test_one_terminal_by_address_with_a_data_partition_and_keys_that_two_custodians_bring(fleet: Fleet) -> None:
    """deploy.sh user@pi, all that lasts on a partition of its own, and no test keys."""
    image = fleet.folder / "data.img"
    with image.open("wb") as file:
        file.truncate(1 << 30)
    subprocess.run(["mkfs.ext4", "-q", "-F", str(image)], check=True)
    device = subprocess.run(
        ["losetup", "--show", "-f", str(image)], check=True, capture_output=True, text=True
    ).stdout.strip()
    pi = Pi(fleet.folder, 5, fleet.folder / "admin")
    pi.more = f"--bind={device}"
    try:
        pi.on()
        own = fleet.folder / "one"
        own.mkdir()
        for name in ("admin", "admin.pub", "deploy", "deploy.pub", "signers"):
            shutil.copy(fleet.folder / name, own / name)
        (own / "known_hosts").write_text(pi.host_key())
        (own / "fleet.toml").write_text('[fleet]\nknown_hosts = "known_hosts"\nadmin_key = "admin"\ndeploy_key = "deploy"\n'
                                        f'signers = "signers"\nwindow_s = 4\n[terminal.pi5]\naddress = "{pi.address}"\n'
                                        f'settings = "pi5.toml"\ndata_partition = "{device}"\n')  # fmt: skip
        (own / "pi5.toml").write_text(settings(pi))
        assert "set up" in fleet.deploy("first", "pi5", "--inventory", "one/fleet.toml")
        mounts = pi.sh("findmnt", "-rn", "-o", "TARGET,SOURCE")
        for place in ("/data", "/opt/takeback", "/var/lib/takeback", "/etc/takeback"):
            assert re.search(rf"^{place} {device}", mounts, re.M), mounts
        assert "data=ordered" in (pi.root / "etc/fstab").read_text() and " 0 2\n" in (pi.root / "etc/fstab").read_text()
        assert pi.sh("stat", "-c", "%U %a", "/var/lib/takeback") == "takeback 700"
        again = (f"pi@{pi.address}", "--inventory", "one/fleet.toml", "--release", str(fleet.release(1)))
        said = fleet.deploy(*again)
        assert "set up, 0 changes" in said and "runs, and waits for its keys: takeback keys load" in said
        assert "in use: stop the terminal first" in pi.sh("sh", "-c", "takeback keys 2>&1", check=False)
        pi.sh("systemctl", "stop", "takeback")
        assert pi.sh("takeback", "keys").startswith("TMK not loaded yet")
        assert "no TMK was loaded yet" in pi.sh("takeback", "doctor", check=False)
        pi.sh("systemctl", "start", "takeback")
        said = fleet.deploy(*again)
        assert "already" in said and "has keys" in said
    finally:
        pi.off()
        subprocess.run(["losetup", "-d", device], check=False)


def test_an_upgrade_goes_in_waves_and_a_second_call_finds_it_done(fleet: Fleet) -> None:
    two = fleet.release(2)
    said = update(fleet, two, record="two.json")
    assert fleet.code == 0 and said.count(" good ") == 3, said
    well(*fleet.pis, on="0.1.0-2")
    record = json.loads((fleet.folder / "two.json").read_text())["terminals"]
    assert {n: (r["outcome"], r["wave"]) for n, r in record.items()} == {
        "pi1": ("good", 1),
        "pi2": ("good", 2),
        "pi3": ("good", 3),
    }
    pids = [main_pid(pi) for pi in fleet.pis]
    assert update(fleet, two).count(" already ") == 3
    assert [main_pid(pi) for pi in fleet.pis] == pids


def test_back_to_the_release_before_and_forward_again(fleet: Fleet) -> None:
    assert fleet.deploy("rollback", "pi3").count(" good ") == 1
    well(fleet.pis[2], on="0.1.0-1")
    assert "no earlier good release" in fleet.deploy("rollback", "pi3", check=False)
    update(fleet, fleet.release(2), "pi3")
    well(fleet.pis[2], on="0.1.0-2")


# -- bad releases --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("counter", "change", "window", "why"), [
    (10, EXITS, 4, "does not start"), (11, HANGS, 40, "did not keep running"),
    (12, FAILS_DOCTOR, 4, "fault that was not there before: disk")], ids=["exits", "hangs", "fails doctor"])  # fmt: skip
def test_a_bad_release_is_taken_back_and_the_fleet_halts(
    fleet: Fleet, counter: int, change: dict, window: int, why: str
) -> None:
    bad, before = fleet.release(counter, change), fleet.pis[0].status()["running"]
    said = update(fleet, bad, "all", "--window", str(window))
    assert fleet.code == 1 and re.search(rf"pi1 +rolled back +{re.escape(before)} .*{why}", said), said
    assert "HALT after wave 1: pi1 did not keep the release" in said and "not tried: pi2, pi3" in said
    well(fleet.pis[0], on=before)
    well(*fleet.pis[1:])


# -- bad bundles, bad hosts ----------------------------------------------------------------------------------------------


def test_what_is_not_genuine_or_not_newer_is_refused_and_nobody_stops_selling(fleet: Fleet) -> None:
    pi = fleet.pis[1]
    pid, three, before = main_pid(pi), fleet.release(3), pi.status()["running"]
    sig = three.with_name(three.name + ".sig")

    def refused(why: str) -> None:
        said = update(fleet, three, "pi2")
        assert re.search(rf"pi2 +refused .*{why}", said), said
        assert main_pid(pi) == pid and pi.status()["running"] == before

    kept, signed = three.read_bytes(), sig.read_bytes()
    three.write_bytes(kept[:9000] + bytes([kept[9000] ^ 1]) + kept[9001:])
    refused("is not signed by anybody")
    three.write_bytes(kept)
    for key, space in (("admin", "takeback-release"), ("release", "file")):
        sig.unlink()
        subprocess.run(["ssh-keygen", "-q", "-Y", "sign", "-f", str(fleet.folder / key), "-n", space, str(three)], check=True,
                       capture_output=True)  # fmt: skip
        refused("is not signed by anybody")
    sig.write_bytes(signed)
    signers = (fleet.folder / "signers").read_text()
    pi.write("etc/takeback/release_signers", signers.replace("namespaces", 'valid-before="20200101",namespaces'))
    refused("is not signed by anybody")
    pi.write("etc/takeback/release_signers", signers)
    shutil.copy(fleet.folder / "dist/takeback-0.1.0-1-amd64.tar", three)
    shutil.copy(fleet.folder / "dist/takeback-0.1.0-1-amd64.tar.sig", sig)
    refused(r"counter 1, \d+ was good here already")
    three.write_bytes(kept)
    sig.write_bytes(signed)
    well(pi, on=before)


def test_hosts_that_are_gone_hang_or_have_another_key_stop_nobody_else(fleet: Fleet) -> None:
    mute = socket.create_server(("127.0.0.60", 22))  # accepts, says nothing
    accepted: list[socket.socket] = []

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                accepted.append(mute.accept()[0])

    threading.Thread(target=accept, daemon=True).start()
    fleet.inventory(fleet='canary = ["pi2"]\n', more='\n[terminal.hung]\naddress = "127.0.0.60"\n\n[terminal.gone]\naddress = '
                    '"127.0.0.61"\n\n[terminal.stranger]\naddress = "127.0.0.62"\n')  # fmt: skip
    known = fleet.folder / "known_hosts"
    wrong = fleet.pis[0].host_key().split(" ", 1)[1]
    # pi1 shows a key that is not the one on record; the stranger has none on record at all
    known.write_text(fleet.pis[1].host_key() + fleet.pis[2].host_key() + f"{fleet.pis[0].address} {_other_key(fleet)}\n"
                     f"127.0.0.60 {wrong}127.0.0.61 {wrong}")  # fmt: skip
    said = update(fleet, fleet.release(3))
    mute.close()
    fleet.inventory(fleet='canary = ["pi1"]\n')
    assert fleet.code == 1
    assert re.search(r"pi2 +good", said) and re.search(r"pi3 +good", said), said
    for name in ("pi1", "hung", "gone", "stranger"):
        assert re.search(rf"{name} +unreachable", said), said
    well(*fleet.pis[1:], on="0.1.0-3")
    well(fleet.pis[0])


def _other_key(fleet: Fleet) -> str:
    return " ".join((fleet.folder / "admin.pub").read_text().split()[:2])


# -- money ---------------------------------------------------------------------------------------------------------------


def test_nothing_is_updated_while_a_reversal_is_owed_and_drain_waits_for_it(fleet: Fleet) -> None:
    pi = fleet.pis[2]
    four = fleet.release(4)
    world = pi.world
    sale(world)
    world.news()  # what the wire said of that sale is no sign of the next one
    world.mood("mute")
    world.press("enter")
    world.wait_for("amount")
    world.press(*"700", "enter")
    world.wait_for("insert_card")
    world.insert(0)
    world.wait_for("asking")
    until(lambda: any("0200" in said for said in world.news()), "it asks nothing")
    world.line(False)
    world.wait_for("reversal_pending")
    world.pull()
    world.wait_for("idle")
    pid = main_pid(pi)
    said = update(fleet, four, "pi3")
    assert re.search(r"pi3 +refused .*the bank is still owed an answer \(1\); nothing was changed", said), said
    assert main_pid(pi) == pid, "it was not even stopped"
    going = fleet.starts(
        "update", "pi3", "--bundle", str(four), "--drain", "60", "--record", str(fleet.folder / "d.json")
    )
    until(lambda: str(pi.result().get("step", "")).startswith("waiting"), "it does not wait")
    world.line(True)
    assert " good " in going.communicate(timeout=600)[0]
    world.wait_for("idle")
    well(pi, on="0.1.0-4")
    assert pi.journal() == {"released": 1, "reversed": 1, "unsettled": 2}


def test_a_stop_waits_for_a_safe_point(fleet: Fleet) -> None:
    pi = fleet.pis[2]

    def stop_s() -> float:
        begun = time.monotonic()
        pi.sh("systemctl", "stop", "takeback")
        assert pi.sh("systemctl", "show", "-p", "Result", "--value", "takeback") == "success"
        return time.monotonic() - begun

    world = pi.world
    books = pi.journal()
    world.wait_for("idle")
    assert stop_s() < PROMPT_S, "at rest nothing is waited for"
    pi.sh("systemctl", "start", "takeback")
    world.wait_for("idle")
    world.press("enter")
    world.wait_for("amount")
    assert stop_s() < PROMPT_S, "an open question is over before its time"
    pi.sh("systemctl", "start", "takeback")
    world.wait_for("idle")
    world.delay(2000)
    world.press("enter")
    world.wait_for("amount")
    world.press(*"500", "enter")
    world.wait_for("insert_card")
    world.insert(0)
    world.wait_for("asking")
    assert stop_s() < STOP_S, "as long as the customer takes for his slip and card, and not until it is killed"
    world.pull()
    world.delay(0)
    assert pi.sh("takeback", "journal", "verify")
    pi.sh("systemctl", "start", "takeback")
    world.wait_for("idle")
    after = books | {"released": books.get("released", 0) + 1, "unsettled": books["unsettled"] + 1}
    assert pi.journal() == after, "the sale was finished, not reversed"


# -- links, power, disks, clocks -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("laptop_too", [False, True], ids=["the link breaks", "the laptop dies"])
@pytest.mark.parametrize("step", ["building", "watching"])
def test_a_lost_ssh_link_in_the_middle_changes_nothing_for_the_terminal(
    fleet: Fleet, step: str, laptop_too: bool
) -> None:
    pi = fleet.pis[1]
    counter = {"building": 20, "watching": 22}[step] + laptop_too
    bundle = fleet.release(counter)
    going = fleet.starts(
        "update", "pi2", "--bundle", str(bundle), "--record", str(fleet.folder / f"lost-{counter}.json")
    )
    until(
        lambda: pi.result().get("release") == f"0.1.0-{counter}" and pi.result().get("step") == step,
        "never came",
        300.0,
    )
    if laptop_too:
        os.killpg(going.pid, signal.SIGKILL)
    pi.sh("pkill", "-KILL", "-f", "sshd: takeback-deploy", check=False)
    if not laptop_too:
        said = going.communicate(timeout=600)[0]
        assert going.returncode == 0 and " good " in said, said
    until(lambda: pi.result().get("outcome"), "it never ended", 300.0)
    assert pi.result()["outcome"] == "good"
    well(pi, on=f"0.1.0-{counter}")
    assert " already " in update(fleet, bundle, "pi2")


CUT = """
import ctypes, sys
sys.path.insert(0, "/srv/desk")
import takeback_update as u
u.__file__ = "/usr/local/sbin/takeback-update"
at, after, steps = int(sys.argv[1]), sys.argv[2] == "after", 0
def cut():
    ctypes.CDLL(None).reboot(0x4321FEDC)
def counted(real):
    def call(*a):
        global steps
        steps += 1
        if steps == at and not after: cut()
        done = real(*a)
        if steps == at: cut()
        return done
    return call
for name in ("replace", "link", "rename", "remove", "give", "tree"):
    setattr(u.Disk, name, counted(getattr(u.Disk, name)))
code = u.main(["install", sys.argv[3], "--window", "2", "--here"])
print("steps", steps)
"""


def test_the_power_is_cut_at_every_durable_step_of_an_update(fleet: Fleet) -> None:
    """Every process of the Pi dies at once, before and after each step; then it boots, and is well."""
    bundle = fleet.release(30)
    ends: list[str] = []

    def prepare(pi: Pi) -> str:
        for file in (bundle, bundle.with_name(bundle.name + ".sig")):
            shutil.copy(file, pi.root / "var/lib/takeback-deploy/inbox")
        shutil.copy(ROOT / "deploy/terminal/takeback_update.py", pi.desk)
        (pi.desk / "cut.py").write_text(CUT)
        before = pi.status()["running"]
        pi.sh("sh", "-c", "systemctl stop takeback && cp -a /opt/takeback /opt/saved && cp -a /var/lib/takeback /opt/state && "
              "systemctl start takeback")  # fmt: skip
        return before

    def cuts(pi: Pi, first: int) -> list[str]:
        before, found, at = prepare(pi), [], first
        while True:
            pi.sh("sh", "-c", "systemctl stop takeback; rm -rf /opt/takeback /var/lib/takeback/*; cp -a /opt/saved /opt/takeback;"
                  " cp -a /opt/state/. /var/lib/takeback/; systemctl start takeback")  # fmt: skip
            step, after = (at + 1) // 2, "after" if at % 2 else "before"
            with contextlib.suppress(subprocess.TimeoutExpired, AssertionError):
                said = pi.sh("python3", "/srv/desk/cut.py", str(step), after, bundle.name, check=False)
                if said.startswith("steps"):
                    return found
            pi.gone()
            pi.on()
            until(lambda: not (pi.root / "opt/takeback/trial.json").exists() and pi.status()["active"] == "active",
                  f"{pi.name} is not well after a cut {after} step {step}", 90.0)  # fmt: skip
            well(pi)
            running = pi.status()["running"]
            assert running in (before, "0.1.0-30")
            found.append(running)
            at += 3

    with ThreadPoolExecutor() as pool:
        for done in pool.map(cuts, fleet.pis, (1, 2, 3)):
            ends += done
    print(f"{len(ends)} cuts of the power on real systemd, {ends.count('0.1.0-30')} ended on the new release")
    assert len(ends) > 30 and 0 < ends.count("0.1.0-30") < len(ends)
    for pi in fleet.pis:
        pi.sh("rm", "-rf", "/opt/saved", "/opt/state")


def test_a_full_disk_leaves_what_was_good(fleet: Fleet) -> None:
    pi = fleet.pis[1]
    running, bundle = pi.status()["running"], fleet.release(40)
    ballast = pi.root / "var/full"

    def fill(leave_mb: int) -> None:
        with contextlib.suppress(OSError), ballast.open("ab", buffering=0) as file:
            while shutil.disk_usage(pi.root).free > leave_mb << 20:
                file.write(bytes(1 << 20))
            while not leave_mb:
                file.write(bytes(4096))

    fill(50)
    assert re.search(r"pi2 +(refused|lost) .*(MB are free|could not be uploaded|Failure)", update(fleet, bundle, "pi2"))
    ballast.unlink()
    for step in ("building", "watching"):
        going = fleet.starts(
            "update", "pi2", "--bundle", str(bundle), "--record", str(fleet.folder / f"full-{step}.json")
        )
        until(lambda step=step: pi.result().get("release") == "0.1.0-40" and pi.result().get("step") == step  # type: ignore[misc]
              and not pi.result().get("outcome"), "never came", 300.0)  # fmt: skip
        fill(0)
        said = going.communicate(timeout=600)[0]
        ballast.unlink()
        assert " good " not in said or step == "watching", said
        until(lambda: pi.status()["active"] == "active", "it does not run", 60.0)
        well(pi)
        if pi.status()["running"] == "0.1.0-40":
            fleet.deploy("rollback", "pi2", check=False)
            return
        assert pi.status()["running"] == running


def test_a_clock_at_1970_hinders_no_update(fleet: Fleet) -> None:
    """The release's key is valid from 2020 on; that it is later is known from the last good release."""
    pi = fleet.pis[1]
    signers = (fleet.folder / "signers").read_text()
    subprocess.run(["gcc", "-shared", "-fPIC", "-O2", "-o", str(pi.root / "srv/clock.so"),
                    str(ROOT / "tests/deploy/clock_1970.c")], check=True)  # fmt: skip
    pi.write("etc/takeback/release_signers", signers.replace("namespaces", 'valid-after="20200101",namespaces'))
    fake = "[Service]\nEnvironment=LD_PRELOAD=/srv/clock.so\n"
    units = ("takeback", "takeback-switch")
    for unit in units:
        pi.write(f"etc/systemd/system/{unit}.service.d/clock.conf", fake)
    pi.sh("systemctl", "daemon-reload")
    pi.sh("systemctl", "restart", "takeback")
    said = update(fleet, fleet.release(50), "pi2")
    assert " good " in said, said
    assert pi.result()["at"] < 86400, "it did believe in 1970"
    for unit in units:
        (pi.root / f"etc/systemd/system/{unit}.service.d/clock.conf").unlink()
    pi.write("etc/takeback/release_signers", signers)
    pi.sh("systemctl", "daemon-reload")
    pi.sh("systemctl", "restart", "takeback")
    well(pi, on="0.1.0-50")


# -- parameters, figures, walls ------------------------------------------------------------------------------------------


def test_rules_and_parameters_go_the_same_way(fleet: Fleet) -> None:
    pi = fleet.pis[2]
    folder = fleet.folder / "rules"
    folder.mkdir()
    pack = (ROOT / "firmware/withdrawal/packs/cn.toml").read_text(encoding="utf-8")
    (folder / "rules.toml").write_text(re.sub(r"^version = .*$", "version = 77", pack, flags=re.M), encoding="utf-8")
    key = serialization.load_pem_private_key((pi.root / "var/lib/takeback/certs/rules.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)
    (folder / "rules.toml.sig").write_bytes(key.sign((folder / "rules.toml").read_bytes()))
    shutil.copy(ROOT / "firmware/emv/data/emv.toml", folder / "emv.toml")
    words = [str(f) for f in sorted(folder.iterdir())]
    made = fleet.deploy("parameters", "autumn", *words, "--counter", "1", "--out", str(fleet.folder / "dist")).strip()
    fleet.deploy("sign", made, "--key", str(fleet.folder / "release"))
    said = update(fleet, Path(made), "pi3")
    assert " good " in said, said
    assert "77" in pi.sh("takeback", "rules", "show")
    assert " already " in update(fleet, Path(made), "pi3")
    (folder / "emv.toml").write_text("nonsense", encoding="utf-8")
    worse = fleet.deploy("parameters", "worse", str(folder / "emv.toml"), "--counter", "2", "--out",
                         str(fleet.folder / "dist")).strip()  # fmt: skip
    fleet.deploy("sign", worse, "--key", str(fleet.folder / "release"))
    assert re.search(r"rolled back .*parameters", update(fleet, Path(worse), "pi3"))
    assert (pi.root / "var/lib/takeback/emv.toml").read_text() == (ROOT / "firmware/emv/data/emv.toml").read_text()
    well(pi)


def test_a_broker_hears_of_birth_state_and_death_and_node_exporter_of_the_figures(fleet: Fleet) -> None:
    pi = fleet.pis[0]
    broker = subprocess.Popen(["mosquitto", "-p", "18830"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    until(lambda: _open(18830), "no broker")
    heard: dict[str, list[bytes]] = {}
    client = mqtt.Client(mqtt.CallbackAPIVersion.VERSION2)
    client.on_message = lambda c, u, m: heard.setdefault(m.topic.split("/")[-1], []).append(m.payload)
    client.connect("127.0.0.1", 18830)
    client.subscribe("takeback/#")
    client.loop_start()
    settings = (pi.root / "etc/takeback/terminal.toml").read_text()
    pi.write("etc/takeback/terminal.toml", settings + '\n[fleet]\nmqtt = "127.0.0.1:18830"\nmqtt_plain = true\n')
    try:
        fleet.deploy("restart", "pi1")
        until(lambda: "birth" in heard, "no birth")
        assert json.loads(heard["birth"][-1])["terminal"] == "10000001"
        pi.world.wait_for("idle")
        before = json.loads((heard.get("state") or heard["birth"])[-1])["unsettled"]
        sale(pi.world)
        until(lambda: json.loads((heard.get("state") or heard["birth"])[-1])["unsettled"] == before + 1, "no state")
        pi.sh("systemctl", "kill", "-s", "KILL", "--kill-who=main", "takeback")
        until(lambda: any(b"lost" in m for m in heard.get("death", [])), "the last will was not heard")
        until(lambda: len(heard["birth"]) > 1, "it was not born again")
        broker.kill()
        broker.wait()
        sale(pi.world)
        inventory = fleet.folder / "fleet.toml"
        inventory.write_text(inventory.read_text().replace("[terminal.pi1]\n", "[terminal.pi1]\nmetrics = true\n"))
        fleet.deploy("first", "pi1")
        pi.sh("systemctl", "restart", "prometheus-node-exporter")
        until(lambda: "takeback_owed 0" in _get("http://127.0.0.1:9100/metrics"), "node_exporter does not show it")
    finally:
        broker.kill()
        client.loop_stop()
        fleet.inventory(fleet='canary = ["pi1"]\n')
        pi.write("etc/takeback/terminal.toml", settings)
        fleet.deploy("restart", "pi1")
    well(pi)


def _open(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1.0):
        return True
    return False


def _get(url: str) -> str:
    with contextlib.suppress(OSError), urllib.request.urlopen(url, timeout=5.0) as answer:
        return str(answer.read().decode())
    return ""


PROBE = """
import json, os, socket
found = {}
for place in ("127.0.0.1", "127.0.0.99", "192.0.2.1"):
    s = socket.socket(); s.settimeout(1.0)
    try:
        s.connect((place, 22)); found[place] = "open"
    except OSError as e:
        found[place] = type(e).__name__
for path in ("/etc/probe", "/opt/takeback/probe", "/var/lib/takeback-deploy/probe", "/var/lib/takeback/probe", "/tmp/probe"):
    try:
        open(path, "w").close(); found[path] = "written"
    except OSError as e:
        found[path] = type(e).__name__
for path in ("/home/pi", "/dev/kmsg", "/dev/fuse", "/dev/net/tun", "/proc/1/environ"):
    try:
        os.listdir(path) if os.path.isdir(path) else open(path, "rb").close(); found[path] = "read"
    except OSError as e:
        found[path] = type(e).__name__
try:
    socket.socket(socket.AF_PACKET, socket.SOCK_RAW); found["packet"] = "made"
except OSError as e:
    found["packet"] = type(e).__name__
found["user"] = os.getuid()
print("PROBE " + json.dumps(found))
"""


def test_the_terminal_reaches_what_is_listed_and_nothing_else(fleet: Fleet) -> None:
    pi = fleet.pis[1]
    errors = pi.sh("sh", "-c", "systemd-analyze verify /etc/systemd/system/takeback*.service 2>&1 >/dev/null")
    assert errors == "", errors
    pi.sh("systemd-analyze", "security", "--threshold=20", "takeback.service")
    pi.write("srv/probe.py", PROBE)
    dropin = "etc/systemd/system/takeback.service.d/probe.conf"
    pi.write(dropin, "[Service]\nType=oneshot\nRestart=no\nExecStart=\nExecStart=/usr/bin/python3 /srv/probe.py\n"
             "WatchdogSec=0\nStandardOutput=file:/var/lib/takeback/probe.txt\nIPAddressAllow=\n"
             "IPAddressAllow=127.0.0.1\n")  # fmt: skip
    pi.sh("systemctl", "daemon-reload")
    pi.sh("systemctl", "stop", "takeback")
    pi.sh("systemctl", "start", "takeback")
    said = (pi.root / "var/lib/takeback/probe.txt").read_text()
    (pi.root / dropin).unlink()
    (pi.root / "var/lib/takeback/probe.txt").unlink()
    pi.sh("systemctl", "daemon-reload")
    pi.sh("systemctl", "restart", "takeback")
    found = json.loads(said.split("PROBE ")[1])
    assert found.pop("127.0.0.1") in ("open", "ConnectionRefusedError"), "its own machine is listed"
    assert found.pop("/var/lib/takeback/probe") == found.pop("/tmp/probe") == "written"
    assert found.pop("user") != 0
    assert not [k for k, v in found.items() if v in ("open", "written", "read", "made", "ConnectionRefusedError")], (
        found
    )
    well(pi)


def test_the_deployment_user_may_call_one_script_and_passwords_open_nothing(fleet: Fleet) -> None:
    pi = fleet.pis[0]

    def ssh(*words: str) -> tuple[int, str]:
        done = subprocess.run(["ssh", "-F", "/dev/null", "-o", "BatchMode=yes", "-o", f"UserKnownHostsFile={fleet.folder}/known_hosts",
                               "-i", str(fleet.folder / "deploy"), f"takeback-deploy@{pi.address}", *words],
                              capture_output=True, text=True, timeout=30)  # fmt: skip
        return done.returncode, done.stdout + done.stderr

    assert ssh("sudo", "-n", "/usr/local/sbin/takeback-update", "status")[0] == 0
    for words in (["sudo", "-n", "id"], ["sudo", "-n", "/bin/sh", "-c", "id"], ["cat", "/var/lib/takeback/keystore.json"],
                  ["cat", "/var/lib/takeback/journal.db"], ["sudo", "-n", "-u", "takeback", "id"]):  # fmt: skip
        assert ssh(*words)[0] != 0, words
    call = ("sudo", "-n", "/usr/local/sbin/takeback-update")
    rest = ("--id", "00", "--drain", "0", "--window", "1")
    for words in (["install", "/etc/shadow", *rest], ["install", "../../../etc/shadow", *rest], ["install", "x.tar", *rest, "--here"],
                  ["journal", "backup", "/var/lib/takeback-deploy/x.db", "/etc/sudoers.d/zz"], ["boot"], ["settle"], ["status", "x"],
                  ["journal", "standing", "/var/lib/takeback/journal.db"], ["logs", "--lines", "5", "-f"], ["-h"], []):  # fmt: skip
        code, said = ssh(*call, *words)
        assert code != 0 and "password is required" in said and "root:" not in said, words
    assert not pi.sh("sh", "-c", "ls /etc/sudoers.d/zz", check=False).startswith("/etc")
    effective = pi.sh("sshd", "-T", "-C", "user=takeback-deploy,host=x,addr=127.0.0.1")
    for line in ("passwordauthentication no", "permitrootlogin no", "allowagentforwarding no", "allowtcpforwarding no"):
        assert line in effective
    pi.sh("visudo", "-c", "-q", "-f", "/etc/sudoers.d/takeback")
    for path in ("keystore.json", "journal.db", "certs"):
        assert pi.sh("stat", "-c", "%U %a", f"/var/lib/takeback/{path}") in ("takeback 600", "takeback 700")


def test_the_root_may_be_read_only(fleet: Fleet) -> None:
    """All that must last is in three folders; the rest of the card is never written."""
    pi = fleet.pis[2]
    binds = []
    for place in ("opt/takeback", "var/lib/takeback", "etc/takeback", "var/lib/takeback-deploy"):
        kept = fleet.folder / "data" / place
        kept.parent.mkdir(parents=True, exist_ok=True)
        pi.sh("systemctl", "stop", "takeback", check=False)
        subprocess.run(["cp", "-a", str(pi.root / place), str(kept)], check=True)
        binds.append(f"--bind={kept}:/{place}")
    pictures = pi.world.glass()["number"]
    pi.cut()
    pi.more = (
        "--read-only --tmpfs=/var/log --tmpfs=/tmp --tmpfs=/var/tmp --tmpfs=/var/lib/systemd --tmpfs=/home "
        + " ".join(binds)
    )
    try:
        pi.on()
        until(lambda: pi.world.glass()["number"] > pictures, "it shows nothing", 60.0)
        pi.world.wait_for("idle", timeout_s=180.0)
        sale(pi.world)
        assert " good " in update(fleet, fleet.release(60), "pi3")
        assert json.loads((fleet.folder / "data/opt/takeback/result.json").read_text())["running"] == "0.1.0-60"
        assert pi.status()["active"] == "active"
    finally:
        pi.cut()
        pi.more = ""
        pi.on()
    until(lambda: pi.status()["active"] == "active", "it does not run")


def test_a_terminal_is_taken_back_only_when_it_owes_nothing_and_its_books_stay(fleet: Fleet) -> None:
    pi = fleet.pis[2]
    assert "removed" in fleet.deploy("remove", "pi3")
    assert not (pi.root / "opt/takeback").exists() and not (pi.root / "etc/systemd/system/takeback.service").exists()
    assert (pi.root / "var/lib/takeback/journal.db").exists() and (pi.root / "etc/takeback/terminal.toml").exists()
    said = fleet.deploy("first", "pi3", "--release", str(fleet.release(2)))
    assert "has keys" in said
    well(pi, on="0.1.0-2")


def test_a_new_form_of_the_journal_waits_until_the_release_is_good(fleet: Fleet) -> None:
    pi = fleet.pis[0]
    books, before = pi.journal(), pi.status()["running"]
    bad = fleet.release(71, FORM_4 | HANGS)
    assert "rolled back" in update(fleet, bad, "pi1", "--window", "40")
    well(pi, on=before)
    assert pi.journal() == books
    good = fleet.release(72, FORM_4)
    world = pi.world
    world.wait_for("idle")
    going = fleet.starts(
        "update", "pi1", "--bundle", str(good), "--window", "8", "--record", str(fleet.folder / "f.json")
    )
    world.wait_for("updating", timeout_s=180.0)
    world.wait_for("idle", timeout_s=180.0)
    assert " good " in going.communicate(timeout=600)[0]
    sale(world)
    well(pi, on="0.1.0-72")
    assert pi.journal()["released"] == books["released"] + 1
    assert "newer form" in fleet.deploy("rollback", "pi1", check=False)
    assert len(list((pi.root / "var/lib/takeback/backup").glob("*.db"))) >= 1
    assert "knows an older form" in update(fleet, fleet.release(73), "pi1")
    well(pi, on="0.1.0-72")
