#!/bin/sh
# The aarch64 release, installed as on a Pi: built by the recipe, signed, and taken by takeback-update in an arm64 Debian 12
# and 13 under qemu-user; then everything a terminal runs on is imported, and `takeback doctor` looks at what is there.
#
# The emulator is registered in a private binfmt_misc inside a user namespace (kernels from 6.7), so nothing on the
# machine changes. Root and wheels are cached (deploy/wheelhouse.sh); the first run takes some eight minutes. Needs root.
set -eu
cd "$(dirname "$0")/.."
here="$PWD"
[ "$(id -u)" = 0 ] || { echo "test-arm64 makes a root file system: run it as root" >&2; exit 1; }
tools/deploy_tools.sh
room="$(mktemp -d "${TMPDIR:-/tmp}/takeback-arm64.XXXXXX")"
trap 'rm -rf --one-file-system "$room"' EXIT INT TERM
git clone --quiet "$here" "$room/tree" # what is committed, whatever lies around
PYTHONPATH="$here" .venv/bin/python - "$room" <<'PYTHON'
import sys
from pathlib import Path
from deploy import release
room = Path(sys.argv[1])
bundle = release.build("aarch64", 1, room, room / "tree")
(room / "signers").write_text(release.new_key(room / "key"))
release.sign(bundle, room / "key")
print(f"{bundle.name}, {bundle.stat().st_size >> 20} MB")
PYTHON
for suite in bookworm trixie; do
root="$room/$suite"
mkdir "$root"
tar -C "$root" -xf "$(ROOM_ONLY=1 deploy/wheelhouse.sh arm64 "$suite" "$room")" --exclude='./dev/*'
mkdir -p "$root/opt/takeback" "$root/etc/takeback" "$root/var/lib/takeback" "$root/srv" "$root/proc" "$root/dev"
for table in passwd group; do cp "$root/usr/share/base-passwd/$table.master" "$root/etc/$table"; done # it was never configured
for kind in auth account password session; do echo "$kind required pam_permit.so" > "$root/etc/pam.d/common-$kind"; done
cp "$room/signers" "$root/etc/takeback/release_signers"
cp deploy/terminal.example.toml "$root/etc/takeback/terminal.toml"
mkdir -p "$root/var/lib/takeback-deploy/inbox"
cp "$room"/*.tar "$room"/*.sig "$root/var/lib/takeback-deploy/inbox/"
install -D -m 755 deploy/terminal/takeback_update.py "$root/usr/local/sbin/takeback-update"
cat > "$root/srv/go" <<'SCRIPT'
set -eu
cd /srv
[ "$(uname -m)" = aarch64 ]
useradd --system --home-dir /var/lib/takeback takeback
chown takeback: /var/lib/takeback
chmod 700 /var/lib/takeback
rm -f /usr/bin/gcc /usr/bin/swig # nothing is compiled on a terminal
python3 - <<'PYTHON'
import importlib.util
from importlib.machinery import SourceFileLoader
from pathlib import Path
loader = SourceFileLoader("takeback_update", "/usr/local/sbin/takeback-update")
update = importlib.util.module_from_spec(importlib.util.spec_from_loader("takeback_update", loader))
loader.exec_module(update)
terminal = update.Terminal()
with terminal.alone():
    bundle = terminal.take(next(terminal.inbox.glob("*.tar")).name)
    name = terminal.unpack(bundle, terminal.check(bundle))
    terminal.build(name)
    terminal.disk.link(f"releases/{name}", terminal.current)
found = terminal.doctor(name)
assert found is not None, "takeback doctor does not run"
print(f"takeback doctor runs as the terminal's user and misses: {', '.join(sorted(found))}")
assert found == {"keys", "certificates", "reader", "keypad", "display", "printer", "link"}, found
PYTHON
cd /
/opt/takeback/current/venv/bin/python - <<'PYTHON'
import importlib
import platform
for name in ("smartcard.scard", "lgpio", "luma.oled.device", "PIL.Image", "serial", "smbus2", "cryptography", "iso8583", "segno",
             "paho.mqtt.client"):
    importlib.import_module(name)
import drivers.board, firmware.app, firmware.__main__
from drivers import glass
from firmware.ui import screens
assert glass.draw(screens.remove_card()).getbbox()
try:
    import RPi.GPIO
except RuntimeError as no_pi:
    assert "Raspberry Pi" in str(no_pi), no_pi
print(f"arm64: the release and all it needs import on {platform.machine()}, Python {platform.python_version()}")
PYTHON
/opt/takeback/current/venv/bin/takeback --version
SCRIPT
cat > "$root/srv/enter" <<'SCRIPT'
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" sh /srv/go
SCRIPT
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 python3 tools/foreign.py sh "$root/srv/enter" "$root"
done
