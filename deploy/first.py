"""What makes a bare Raspberry Pi OS a terminal, as pyinfra operations: the same again changes nothing."""

from __future__ import annotations

import hashlib
import io
import tomllib
from pathlib import Path
from typing import Any

from pyinfra.facts.files import File, FileContents
from pyinfra.operations import apt, files, server, systemd

from deploy.engine import Link
from deploy.inventory import DEPLOY_USER, Fleet, Target, allowed

HERE = Path(__file__).resolve().parent / "terminal"
PACKAGES = ["ca-certificates", "libccid", "openssh-client", "pcscd", "polkitd", "python3", "sudo",
            "systemd-timesyncd", "tzdata", "util-linux"]  # fmt: skip
FILES = {
    "takeback_update.py": ("/usr/local/sbin/takeback-update", "755"),
    "takeback.sh": ("/usr/local/bin/takeback", "755"),
    "takeback.service": ("/etc/systemd/system/takeback.service", "644"),
    "takeback-boot.service": ("/etc/systemd/system/takeback-boot.service", "644"),
    "takeback-settle.service": ("/etc/systemd/system/takeback-settle.service", "644"),
    "sysusers.conf": ("/etc/sysusers.d/takeback.conf", "644"),
    "tmpfiles.conf": ("/etc/tmpfiles.d/takeback.conf", "644"),
    "modules.conf": ("/etc/modules-load.d/takeback.conf", "644"),
    "udev.rules": ("/etc/udev/rules.d/60-takeback.rules", "644"),
    "polkit.rules": ("/etc/polkit-1/rules.d/60-takeback.rules", "644"),
    "journald.conf": ("/etc/systemd/journald.conf.d/takeback.conf", "644"),
    "watchdog.conf": ("/etc/systemd/system.conf.d/takeback.conf", "644"),
    "sshd.conf": ("/etc/ssh/sshd_config.d/takeback.conf", "644"),
    "sudoers": ("/etc/sudoers.d/takeback", "440"),
}
ADDRESSES = "/etc/systemd/system/takeback.service.d/addresses.conf"
STATE = "/var/lib/takeback"
BOOT_LINES = {"/boot/firmware/config.txt": ("dtparam=i2c_arm=on", "dtparam=i2c_arm_baudrate=400000", "dtparam=spi=on",
                                            "dtparam=watchdog=on")}  # fmt: skip
CMDLINE = "/boot/firmware/cmdline.txt"
MARK = "/etc/takeback/platform"  # what was set up, once it was done to its end
TEMPORARY = ".takeback-upload"  # in the admin's home, mode 0700: nothing secret lies in /tmp


class Plan:
    """The operations for one terminal, in order."""

    def __init__(self, link: Link, fleet: Fleet, target: Target, temporary: str) -> None:
        self._link, self._fleet, self._target = link, fleet, target
        self._more = {"_temp_dir": temporary}
        self._done = hashlib.sha256(b"".join((HERE / src).read_bytes() for src in sorted(FILES))).hexdigest()
        marked = link.fact(target.name, FileContents, path=MARK)
        self._unfinished = marked != [self._done]  # the last time did not get to its end: everybody hears of everything

    def _do(self, operation: Any, *args: Any, **kwargs: Any) -> Any:
        return self._link.prepare(operation, *args, host=self._target.name, _timeout=self._fleet.step_s, **kwargs)

    def _put(self, name: str, src: Any, dest: str, mode: str = "644", user: str = "root", group: str = "root") -> Any:
        return self._do(files.put, name=name, src=src, dest=dest, mode=mode, user=user, group=group, **self._more)

    def make(self) -> None:
        """Packages, files, users; then what must hear of them."""
        wanted = [*PACKAGES, *self._fleet.packages, *(["prometheus-node-exporter"] if self._target.metrics else [])]
        self._do(apt.packages, name="packages", packages=sorted(wanted), update=True, cache_time=86400,
                 no_recommends=True)  # fmt: skip
        placed = {dest: self._put(dest, str(HERE / src), dest, mode) for src, (dest, mode) in FILES.items()}
        self._when([placed["/etc/sysusers.d/takeback.conf"]], "users and groups", "systemd-sysusers")
        self._when([placed["/etc/tmpfiles.d/takeback.conf"]], "directories",
                   "systemd-tmpfiles --create /etc/tmpfiles.d/takeback.conf")  # fmt: skip
        self._when(
            [placed["/etc/sudoers.d/takeback"]], "sudoers are in order", "visudo -c -q -f /etc/sudoers.d/takeback"
        )
        self._people()
        settings = self._settings()
        units = [*(op for dest, op in placed.items() if dest.startswith("/etc/systemd/system")), settings]
        self._when(units, "systemd reads its units", "systemctl daemon-reload")
        self._when([placed["/etc/ssh/sshd_config.d/takeback.conf"]], "sshd takes its settings",
                   "sshd -t && systemctl reload ssh")  # fmt: skip
        self._when([placed["/etc/systemd/journald.conf.d/takeback.conf"]], "journald takes its limits",
                   "systemctl try-restart systemd-journald")  # fmt: skip
        self._when([placed["/etc/udev/rules.d/60-takeback.rules"]], "udev takes its rules",
                   "udevadm control --reload 2>/dev/null && udevadm trigger || true")  # fmt: skip
        self._when([placed["/etc/polkit-1/rules.d/60-takeback.rules"]], "polkit takes its rule",
                   "systemctl try-restart polkit")  # fmt: skip
        self._secrets()
        self._enabled()
        self._pi()
        self._put("all of this was done", io.StringIO(self._done + "\n"), MARK)

    def _when(self, ops: list[Any], name: str, *commands: str) -> None:
        self._do(server.shell, name=name, commands=list(commands),
                 _if=[lambda: self._unfinished or any(op.did_change() for op in ops)])  # fmt: skip

    def _people(self) -> None:
        """Who may bring releases, and whose releases are taken."""
        public = self._fleet.deploy_key.with_name(self._fleet.deploy_key.name + ".pub").read_text(encoding="ascii")
        home = f"/var/lib/{DEPLOY_USER}"
        self._put("who may deploy", io.StringIO(f"restrict {public}"), f"{home}/.ssh/authorized_keys", "600",
                  DEPLOY_USER, DEPLOY_USER)  # fmt: skip
        self._put("whose releases are taken", str(self._fleet.signers), "/etc/takeback/release_signers")

    def _settings(self) -> Any:
        """Settings, what the terminal may reach, and the shop's time."""
        target = self._target
        table: dict[str, Any] = {}
        if target.settings:
            table = tomllib.loads(target.settings.read_text(encoding="utf-8"))
            self._put("settings", str(target.settings), "/etc/takeback/terminal.toml", "640", "root", "takeback")
        reach = "".join(f"IPAddressAllow={a}\n" for a in allowed(target, table))
        self._do(files.link, name="the shop's time", path="/etc/localtime",
                 target=f"/usr/share/zoneinfo/{self._fleet.timezone}", force=True, force_backup=False)  # fmt: skip
        return self._put("what it may reach", io.StringIO(f"# made by deploy first\n[Service]\n{reach}"), ADDRESSES)

    def _secrets(self) -> None:
        """Certificates and what else is this terminal's alone. Their content is never shown, not even as a diff."""
        if not self._target.secrets:
            return
        self._link.shows_diff(False)
        for file in sorted(f for f in self._target.secrets.rglob("*") if f.is_file()):
            place = file.relative_to(self._target.secrets)
            for folder in reversed(place.parents[:-1]):
                self._do(files.directory, name=f"{STATE}/{folder}", path=f"{STATE}/{folder}", user="takeback",
                         group="takeback", mode="700")  # fmt: skip
            self._put(f"secret {place}", str(file), f"{STATE}/{place}", "600", "takeback", "takeback")

    def _enabled(self) -> None:
        self._do(systemd.service, name="pcscd.socket", service="pcscd.socket", enabled=True, running=True)
        for unit in ("systemd-timesyncd", "takeback-boot", "takeback-settle", "takeback"):
            self._do(systemd.service, name=f"{unit} starts at boot", service=f"{unit}.service", enabled=True,
                     running=None)  # fmt: skip
        if self._target.metrics:
            self._do(files.link, name="metrics", path="/var/lib/prometheus/node-exporter/takeback.prom",
                     target="/run/takeback/takeback.prom")  # fmt: skip

    def _pi(self) -> None:
        """What only a Raspberry Pi has: its buses, fsck at boot, a read-only root."""
        name = self._target.name
        for file, lines in BOOT_LINES.items():
            if self._link.fact(name, File, path=file):
                for line in lines:
                    self._do(files.line, name=f"{file}: {line}", path=file, line=f"^{line}$", replace=line)
        cmdline = self._link.fact(name, FileContents, path=CMDLINE)
        if cmdline and "fsck.repair=" not in cmdline[0]:
            self._put("fsck at boot", io.StringIO(f"{cmdline[0].rstrip()} fsck.repair=yes\n"), CMDLINE, "755")
        if self._target.data_partition:
            self._data(self._target.data_partition)
        if self._target.read_only_root:
            off = '[ "$(raspi-config nonint get_overlay_conf)" = 0 ]'
            self._do(server.shell, name="read-only root from the next boot", _if=[lambda: not self._read_only()],
                     commands=[f"{off} || raspi-config nonint enable_overlayfs"])  # fmt: skip

    def _read_only(self) -> bool:
        return self._link.run(self._target.name, "raspi-config", "nonint", "get_overlay_conf")[1].strip() == "0"

    def _data(self, device: str) -> None:
        """One ext4 partition for all that must last, checked at boot; the root may then be read-only."""
        rows = [f"{device} /data ext4 noatime,data=ordered,nodev,x-systemd.growfs 0 2"]
        for place in ("/opt/takeback", STATE, "/etc/takeback"):
            rows.append(f"/data{place} {place} none bind,x-systemd.requires-mounts-for=/data 0 0")
        moves = " && ".join(f"mkdir -p /data{row.split()[1]} {row.split()[1]} && cp -an {row.split()[1]}/. "
                            f"/data{row.split()[1]}/" for row in rows[1:])  # fmt: skip
        lines = [self._do(files.line, name=f"fstab: {row.split()[1]}", path="/etc/fstab",
                          line=rf"^\S+\s+{row.split()[1]}\s.*$", replace=row) for row in rows]  # fmt: skip
        late = "echo 'data_partition is for a terminal without a release' >&2; exit 1"
        self._when(lines, "data partition", f"[ ! -e /opt/takeback/current ] || {{ {late}; }}",
                   f"mkdir -p /data && systemctl daemon-reload && mount /data && {moves}",
                   "mount -a && findmnt /data && findmnt /opt/takeback")  # fmt: skip
