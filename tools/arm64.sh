#!/bin/sh
# An arm64 Debian 12 under qemu-user: the wheel and everything a terminal runs on install there and import.
#
# The emulator is registered in a private binfmt_misc inside a user namespace (kernels from 6.7), so nothing on the
# machine changes. Root, the packages that are built from source, and their wheels are cached under ~/.cache/takeback,
# keyed by what goes into them; the first run takes some six minutes, later ones less than one. Needs root.
set -eu
cd "$(dirname "$0")/.."
here="$PWD"
[ "$(id -u)" = 0 ] || { echo "test-arm64 makes a root file system: run it as root" >&2; exit 1; }
tools/need.sh mmdebstrap arch-test qemu-user-static

packages="python3,python3-venv,python3-dev,gcc,swig,libpcsclite-dev,libpcsclite1,pkg-config,ca-certificates"
recipe="bookworm arm64 $packages $(date +%Y-%m)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/takeback"
tarball="$cache/arm64-$(printf %s "$recipe" | sha256sum | cut -c1-16).tar"
wheels="$cache/arm64-wheels-$(cat requirements/device.txt | sha256sum | cut -c1-16)"
mkdir -p "$cache" "$wheels"
if [ ! -s "$tarball" ]; then
    echo "making an arm64 Debian 12 (once, about four minutes)" >&2
    python3 tools/foreign.py mmdebstrap --mode=root --skip=output/mknod,chroot/mount/sys,chroot/mount/dev --quiet --variant=minbase --architectures=arm64 --include="$packages" bookworm "$tarball.part.tar"
    mv "$tarball.part.tar" "$tarball"
fi

root="$(mktemp -d "${TMPDIR:-/tmp}/takeback-arm64.XXXXXX")"
clean() { umount "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf --one-file-system "$root"; }
trap clean EXIT INT TERM
tar -C "$root" -xf "$tarball" --exclude='./dev/*'
mkdir -p "$root/srv/wheels"
cp -r "$wheels/." "$root/srv/wheels/"
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
.venv/bin/python -m pip wheel --quiet --no-deps --no-build-isolation -w "$root/srv/own" "$here"
cp requirements/device.txt "$root/srv/"
cat > "$root/srv/go" <<'SCRIPT'
set -eu
cd /srv
[ "$(uname -m)" = aarch64 ]
python3 -m venv venv
# built once, then installed from the wheels without any index
[ -n "$(ls wheels)" ] || venv/bin/python -m pip wheel --quiet --require-hashes -r device.txt -w wheels
venv/bin/python -m pip install --quiet --no-index --no-deps wheels/*.whl
venv/bin/python -m pip install --quiet --no-index --no-deps own/*.whl
venv/bin/python - <<'PYTHON'
import importlib
import platform
for name in ("smartcard.scard", "lgpio", "luma.oled.device", "PIL.Image", "serial", "smbus2", "cryptography", "iso8583", "segno"):
    importlib.import_module(name)
import drivers.board, firmware.app, firmware.__main__
from drivers import glass
from firmware.ui import screens
assert glass.draw(screens.remove_card()).getbbox()
try:
    import RPi.GPIO
except RuntimeError as no_pi:
    assert "Raspberry Pi" in str(no_pi), no_pi
print(f"arm64: the wheel and all it needs import on {platform.machine()}, Python {platform.python_version()}")
PYTHON
venv/bin/takeback --version
SCRIPT
pip_settings="$(env | grep '^PIP_' || true)"
cat > "$root/srv/enter" <<'SCRIPT'
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" sh /srv/go
SCRIPT
# shellcheck disable=SC2086
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 $pip_settings \
    python3 tools/foreign.py sh "$root/srv/enter" "$root"
cp "$root/srv/wheels/"*.whl "$wheels/" 2>/dev/null || true
