"""Virtual Pis: systemd-nspawn containers with real systemd and sshd, each on a loopback address of its own in the test's
network namespace. What is killed here is killed as the power kills it: every process of a Pi at once, its disk as it is."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from firmware import __version__

ROOT = Path(__file__).resolve().parent.parent.parent
_BOOT = """
umount -R /sys/fs/cgroup && mount -t cgroup2 none /sys/fs/cgroup
mkdir -p /sys/fs/cgroup/takeback-{name} && echo $$ > /sys/fs/cgroup/takeback-{name}/cgroup.procs
exec systemd-nspawn --quiet --register=no --keep-unit --boot --directory={root} --machine={name} --console=pipe \
 --resolv-conf=off --timezone=off --link-journal=no --system-call-filter=bpf --capability=CAP_BPF,CAP_NET_ADMIN,CAP_PERFMON \
 --bind={desk}:/srv/desk --bind=/dev/pts:/srv/pts --bind-ro={debs}:/srv/debs {more}
"""
VPCD = 0x8C7B


class Pi:
    """One of them. `address` is where its sshd listens, `desk` the folder it shares with whoever plays the world."""

    def __init__(self, folder: Path, number: int, admin_key: Path, suite: str = "bookworm") -> None:
        self.name, self.address = f"pi{number}", f"127.0.0.{10 + number}"
        self.vpcd, self.bank = VPCD + 16 * number, 19580 + number
        self._folder, self._admin_key, self._suite = folder, admin_key, suite
        self.root, self.desk = folder / self.name, folder / f"{self.name}.desk"
        self._disk = folder / f"{self.name}.disk"
        self._nspawn: subprocess.Popen[bytes] | None = None
        self._peers: subprocess.Popen[bytes] | None = None
        self.world: Any = None
        self.more = ""
        self._make()

    def _make(self) -> None:
        """As it comes from the imager: an address, host keys, the administrator's key."""
        for made in (self.root, self.desk, self._disk):
            made.mkdir()
        _do("mount", "-t", "tmpfs", "-o", "size=1500m", "tmpfs", str(self._disk))
        for part in ("upper", "work"):
            (self._disk / part).mkdir()
        _do("mount", "-t", "overlay", "overlay", "-o", f"lowerdir={self._folder}/{self._suite},upperdir={self._disk}/upper,"
            f"workdir={self._disk}/work", str(self.root))  # fmt: skip
        self.write("etc/ssh/sshd_config.d/listen.conf", f"ListenAddress {self.address}\n")
        self.write("etc/hostname", self.name + "\n")
        self.write("etc/hosts", f"127.0.0.1 localhost {self.name}\n")
        self.write("etc/machine-id", "")
        self.write("etc/apt/sources.list", "deb [trusted=yes] file:/srv/debs ./\n")
        self.write("boot/firmware/config.txt", "arm_64bit=1\n")
        self.write("boot/firmware/cmdline.txt", "console=tty1 root=PARTUUID=1-02 rootfstype=ext4 rootwait\n")
        self.write("etc/fstab", "PARTUUID=1-02 / ext4 defaults,noatime 0 1\n")
        reader = self.root / "etc/reader.conf.d/vpcd"
        reader.write_text(reader.read_text().replace("0x8C7B", hex(self.vpcd)))
        for old in (self.root / "etc/ssh").glob("ssh_host_*"):
            old.unlink()
        _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.root / "etc/ssh/ssh_host_ed25519_key"))
        _do("chroot", str(self.root), "useradd", "-m", "-s", "/bin/bash", "pi")
        self.write("etc/sudoers.d/pi", "pi ALL=(ALL) NOPASSWD: ALL\n")
        self.write("home/pi/.ssh/authorized_keys", self._admin_key.with_name(self._admin_key.name + ".pub").read_text())
        _do("chroot", str(self.root), "chown", "-R", "pi:pi", "/home/pi/.ssh")

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def host_key(self) -> str:
        kind, blob = (self.root / "etc/ssh/ssh_host_ed25519_key.pub").read_text().split()[:2]
        return f"{self.address} {kind} {blob}\n"

    def plays(self) -> None:
        """Bank, printer, panel and cards beside a Pi that has test keys; `world` is the hand that plays them."""
        from hal_mocks.peers import Remote

        shared = self.desk / "bank.json"
        shutil.copy(self.root / "var/lib/takeback/bank.json", shared)
        command = [sys.executable, "-m", "hal_mocks", "peers", "--dir", str(self.desk), "--bank", str(shared),
                   "--bank-port", str(self.bank), "--vpcd-port", str(self.vpcd)]  # fmt: skip
        shop = {**os.environ, "TZ": "Asia/Shanghai"}
        self._peers = subprocess.Popen(command, cwd=ROOT, env=shop, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        assert self._peers.stdout
        self._peers.stdout.readline()
        self.plugged()
        self.world = Remote(self.desk)

    def plugged(self) -> None:
        """Panel and printer of whoever plays the world reach the Pi."""
        for shown in (self.desk, self.desk / "panel.sock"):
            shown.chmod(0o777)
        printer = (self.desk / "printer").resolve()
        printer.chmod(0o666)
        link = self.desk / "ttyUSB0"
        link.unlink(missing_ok=True)
        link.symlink_to(f"/srv/pts/{printer.name}")

    # -- power -------------------------------------------------------------------------------------------------------

    def on(self) -> None:
        script = _BOOT.format(name=self.name, root=self.root, desk=self.desk, debs=self._folder / f"{self._suite}.debs",
                              more=self.more)  # fmt: skip
        log = (self._folder / f"{self.name}.log").open("ab")
        self._nspawn = subprocess.Popen(["unshare", "--mount", "sh", "-ec", script], stdin=subprocess.DEVNULL,
                                        stdout=log, stderr=log)  # fmt: skip
        until(lambda: answers(self.address, 22), f"{self.name} does not boot", 180.0)

    def cut(self) -> None:
        """The power goes."""
        os.kill(self.leader, signal.SIGKILL)
        self.gone()

    def gone(self) -> None:
        """Wait until the container is dark."""
        assert self._nspawn
        self._nspawn.wait(timeout=120)

    @property
    def leader(self) -> int:
        """The container's first process."""
        assert self._nspawn
        children = Path(f"/proc/{self._nspawn.pid}/task/{self._nspawn.pid}/children").read_text().split()
        return int(children[0])

    @property
    def dark(self) -> bool:
        return self._nspawn is None or self._nspawn.poll() is not None

    def off(self) -> None:
        if self._peers:
            self.world.stop()
            self._peers.wait(timeout=60)
        if not self.dark:
            self.cut()
        for mounted in (self.root, self._disk):
            subprocess.run(["umount", "-l", str(mounted)], check=False)

    # -- looking -----------------------------------------------------------------------------------------------------

    def sh(self, *command: str, check: bool = True, **more: Any) -> str:
        """A command inside, as its root, without SSH."""
        done = subprocess.run(["nsenter", "-t", str(self.leader), "-m", "-u", "-i", "-p", "-C", "-r", "-w", *command],
                              capture_output=True, text=True, timeout=300, **more)  # fmt: skip
        assert not check or done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
        return str(done.stdout).strip()

    def status(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.sh("/usr/local/sbin/takeback-update", "status"))
        return found

    def result(self) -> dict[str, Any]:
        path = self.root / "opt/takeback/result.json"
        found: dict[str, Any] = json.loads(path.read_text()) if path.exists() else {}
        return found

    def journal(self) -> dict[str, int]:
        """Entries by state, and the chain; the terminal stands still meanwhile."""
        self.sh("systemctl", "stop", "takeback")
        self.sh("takeback", "journal", "verify")
        found: dict[str, int] = json.loads(self.sh(
            "runuser", "-u", "takeback", "--", "/usr/local/sbin/takeback-update", "journal", "standing",
            "/var/lib/takeback/journal.db"))  # fmt: skip
        self.sh("systemctl", "start", "takeback")
        return found


class Fleet:
    """The laptop: keys, inventory, releases, and deploy.sh itself."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pis: list[Pi] = []
        for name in ("admin", "deploy", "release"):
            _do("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name))
        blob = " ".join((folder / "release.pub").read_text().split()[:2])
        (folder / "signers").write_text(f'release namespaces="takeback-release" {blob}\n')

    def pi(self, suite: str = "bookworm") -> Pi:
        made = Pi(self.folder, len(self.pis) + 1, self.folder / "admin", suite)
        self.pis.append(made)
        return made

    def inventory(self, more: str = "", fleet: str = "") -> Path:
        """fleet.toml for all Pis; `more` are further terminals."""
        rows = [f'[fleet]\nknown_hosts = "known_hosts"\nadmin_key = "admin"\ndeploy_key = "deploy"\nsigners = "signers"\n'
                f'window_s = 4\ndrain_s = 0\n{fleet}']  # fmt: skip
        for pi in self.pis:
            (self.folder / f"{pi.name}.toml").write_text(settings(pi))
            rows.append(
                f'[terminal.{pi.name}]\naddress = "{pi.address}"\nsettings = "{pi.name}.toml"\ntest_keys = true\n'
            )
        (self.folder / "fleet.toml").write_text("\n".join(rows) + more)
        (self.folder / "known_hosts").write_text("".join(pi.host_key() for pi in self.pis))
        return self.folder / "fleet.toml"

    def deploy(self, *words: str, check: bool = True, timeout_s: float = 900.0) -> str:
        """deploy/deploy.sh, as a technician types it."""
        done = subprocess.run([str(ROOT / "deploy/deploy.sh"), *words], cwd=self.folder, capture_output=True, text=True,
                              timeout=timeout_s)  # fmt: skip
        assert not check or done.returncode == 0, f"deploy {' '.join(words)}:\n{done.stdout}\n{done.stderr}"
        self.code = done.returncode
        return done.stdout + done.stderr

    def starts(self, *words: str) -> subprocess.Popen[str]:
        """The same, in the background."""
        return subprocess.Popen([str(ROOT / "deploy/deploy.sh"), *words], cwd=self.folder, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True, start_new_session=True)  # fmt: skip

    def release(self, counter: int, changes: dict[str, tuple[str, str]] | None = None) -> Path:
        """A signed release of the commit that is checked out, with these words put in place of others, file by file."""
        made = self.folder / f"dist/takeback-{__version__}-{counter}-amd64.tar"
        if made.exists():
            return made
        tree = self.folder / f"tree-{counter}"
        _do("git", "clone", "-q", str(ROOT), str(tree))
        for file, (old, new) in (changes or {}).items():
            file = file.strip()  # a second change of the same file has a blank behind its name
            text = (tree / file).read_text(encoding="utf-8")
            assert text.count(old) == 1, (file, old)
            (tree / file).write_text(text.replace(old, new), encoding="utf-8")
        if changes:
            _do(
                "git", "-C", str(tree), "-c", "user.name=t", "-c", "user.email=t@example.org", "commit", "-qam", "other"
            )
        code = ("import sys; from pathlib import Path; from deploy import release; "
                "b = release.build(sys.argv[1], int(sys.argv[2]), Path(sys.argv[3]), Path(sys.argv[4])); "
                "release.sign(b, Path(sys.argv[5])); print(b)")  # fmt: skip
        done = subprocess.run([sys.executable, "-c", code, "amd64", str(counter), str(self.folder / "dist"), str(tree),
                               str(self.folder / "release")], cwd=ROOT, capture_output=True, text=True, check=False)  # fmt: skip
        assert done.returncode == 0, done.stderr
        return made

    def close(self) -> None:
        for pi in self.pis:
            with contextlib.suppress(Exception):
                pi.off()


def settings(pi: Pi) -> str:
    """A shop without hardware: panel, pseudo-terminal and bank are the test's."""
    return f'''[merchant]
name = "回春堂大药房"
terminal_id = "{10000000 + int(pi.name[2:])}"
merchant_id = "123456789012345"

[times]
prompt_s = 20
host_s = 3
connect_s = 2
hold_s = 4
tell_s = 1
retry_s = 1
retry_max_s = 2

[host]
address = "127.0.0.1"
port = {pi.bank}
server_name = "bank.test"

[parts]
front = "panel"
panel = "/srv/desk/panel.sock"
printer_port = "/srv/desk/ttyUSB0"
reader_like = "Virtual PCD 00 00"

[operators]
sign_on = false
'''


def until(true: Any, what: str, seconds: float = 120.0) -> None:
    """Wait for something that the machine does in its own time; a busy one has several times as much as it needs."""
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end, what
        time.sleep(0.05)


def answers(address: str, port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((address, port), timeout=1.0) as s:
        return s.recv(3) == b"SSH"
    return False


def _do(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, f"{command}: {done.stdout}{done.stderr}"
