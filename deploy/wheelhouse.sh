#!/bin/sh
# deploy/wheelhouse.sh amd64|arm64 bookworm|trixie FOLDER: everything a terminal runs on, as wheels, into FOLDER. Needs root.
#
# Packages that have a wheel are fetched by hash; the others are built in a Debian of that architecture and suite (arm64 under
# qemu-user, in a namespace of its own, so that nothing on the machine changes), without debug information and with a
# fixed time, so that the same sources give the same bytes. PYPI=1 is lgpio's own word for taking its C library into the
# wheel. Root and wheels are cached under ~/.cache/takeback, keyed by what goes into them; FRESH=1 builds the wheels anew.
set -eu
arch="$1"; suite="$2"; out="$3"
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "a wheelhouse is built in a root file system of its own: run this as root" >&2; exit 1; }
case "$arch" in
    amd64) tools/need.sh mmdebstrap; enter="unshare --mount --pid --fork" ;;
    arm64) tools/need.sh mmdebstrap arch-test qemu-user-static; enter="python3 tools/foreign.py" ;;
    *) echo "amd64 or arm64, not $arch" >&2; exit 2 ;;
esac
case "$suite" in bookworm | trixie) ;; *) echo "bookworm or trixie, not $suite" >&2; exit 2 ;; esac

packages="python3,python3-venv,python3-dev,gcc,swig,libpcsclite-dev,libpcsclite1,pkg-config,ca-certificates,openssh-client"
recipe="$suite $arch $packages $(date +%Y-%m)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/takeback"
tarball="$cache/$suite-$arch-$(printf %s "$recipe" | sha256sum | cut -c1-16).tar"
wheels="$cache/$suite-$arch-wheels-$(cat requirements/device.txt deploy/wheelhouse.sh | sha256sum | cut -c1-16)"
mkdir -p "$cache" "$out"
if [ ! -s "$tarball" ]; then
    echo "making a Debian $suite for $arch (once, up to five minutes)" >&2
    if [ "$arch" = arm64 ]; then
        python3 tools/foreign.py mmdebstrap --mode=root --skip=output/mknod,chroot/mount/sys,chroot/mount/dev --quiet \
            --variant=minbase --architectures=arm64 --include="$packages" "$suite" "$tarball.part.tar"
    else
        mmdebstrap --quiet --variant=minbase --include="$packages" "$suite" "$tarball.part.tar"
    fi
    mv "$tarball.part.tar" "$tarball"
fi
[ "${ROOM_ONLY:-}" != 1 ] || { echo "$tarball"; exit 0; }
if [ -z "${FRESH:-}" ] && [ -e "$wheels/whole" ]; then
    cp "$wheels/"*.whl "$out/"
    exit 0
fi

root="$(mktemp -d "${TMPDIR:-/tmp}/takeback-wheels.XXXXXX")"
trap 'rm -rf --one-file-system "$root"' EXIT INT TERM
tar -C "$root" -xf "$tarball" --exclude='./dev/*'
cp /etc/resolv.conf "$root/etc/resolv.conf"
[ ! -f /etc/pip.conf ] || cp /etc/pip.conf "$root/etc/pip.conf"
[ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
cp requirements/device.txt "$root/srv/"
cat > "$root/srv/go" <<'EOF'
set -eu
cd /srv
python3 -m venv venv
# what builds is fetched by hash too, not only what is built
sed -n '/^setuptools==/,/[^\\]$/p' device.txt > build.txt
venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r build.txt
venv/bin/python -m pip wheel --quiet --disable-pip-version-check --require-hashes --no-build-isolation -r device.txt -w wheels
EOF
cat > "$root/srv/enter" <<'EOF'
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
exec chroot "$1" sh /srv/go
EOF
pip_settings="$(env | grep '^PIP_' || true)"
# shellcheck disable=SC2086
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 SOURCE_DATE_EPOCH=1700000000 CFLAGS="-g0 -O2" PYPI=1 \
    $pip_settings $enter sh "$root/srv/enter" "$root" >&2
cp "$root/srv/wheels/"*.whl "$out/"
rm -rf "$wheels.part" "$wheels"
mkdir "$wheels.part"
cp "$root/srv/wheels/"*.whl "$wheels.part/"
touch "$wheels.part/whole"
mv "$wheels.part" "$wheels"
