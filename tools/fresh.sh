#!/bin/sh
# A minimal Debian 12 with nothing but git: clone, ./run demo, ./run test, with an empty pip cache. Needs root.
# QUICK=1 leaves out the power-cut sweeps, which know nothing of the machine (CI has run them a moment before).
#
# The root is made by mmdebstrap and cached under ~/.cache/takeback, keyed by what goes into it. The machine's own pip
# settings and certificates (a proxy, a mirror) are taken along if it has any; nothing of them is in the project.
set -eu
cd "$(dirname "$0")/.."
here="$PWD"
[ "$(id -u)" = 0 ] || { echo "test-fresh makes a root file system: run it as root" >&2; exit 1; }
tools/need.sh mmdebstrap

recipe="bookworm minbase git,ca-certificates $(date +%Y-%m)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/takeback"
tarball="$cache/fresh-$(printf %s "$recipe" | sha256sum | cut -c1-16).tar"
mkdir -p "$cache"
if [ ! -s "$tarball" ]; then
    echo "making a minimal Debian 12" >&2
    mmdebstrap --quiet --variant=minbase --include=git,ca-certificates bookworm "$tarball.part.tar"
    mv "$tarball.part.tar" "$tarball"
fi

root="$(mktemp -d "${TMPDIR:-/tmp}/takeback-fresh.XXXXXX")"
clean() { umount "$root/proc" "$root/dev" 2>/dev/null || true; rm -rf --one-file-system "$root"; }
trap clean EXIT INT TERM
tar -C "$root" -xf "$tarball" --exclude='./dev/*'
mount -t proc proc "$root/proc"
mount --bind /dev "$root/dev"
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
git clone --quiet --bare "$here" "$root/srv/takeback.git"

cat > "$root/srv/go" <<'EOF'
set -eu
cd "$HOME"
git config --global --add safe.directory '*'
git clone --quiet /srv/takeback.git takeback
cd takeback
start=$(date +%s)
./run demo > /srv/demo.txt
echo "fresh demo: $(tail -n 1 /srv/demo.txt), $(( $(date +%s) - start )) s set-up included"
[ -z "$QUICK" ] || exec ./run test ARGS="--ignore=tests/power_cuts"
exec ./run test
EOF
pip_settings="$(env | grep '^PIP_' || true)"
# shellcheck disable=SC2086
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 "QUICK=${QUICK:-}" $pip_settings \
    chroot "$root" sh /srv/go
