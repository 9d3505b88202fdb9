#!/bin/sh
# deploy/wheelhouse.sh amd64|arm64 bookworm|trixie FOLDER: everything a terminal runs on, as wheels, into FOLDER. Needs root.
#
# Everything is fetched by hash. What has no wheel for that Python is compiled in a Debian of that architecture and suite (arm64
# under qemu-user, in a namespace of its own, so that nothing on the machine changes), without debug information and with a
# fixed time, so that the same sources give the same bytes. That Debian is unpacked, never configured: nothing is emulated
# but the compiler. Both are cached under ~/.cache/takeback, keyed by what goes into them; FRESH=1 builds the wheels anew.
# PYTHON is one with pip and setuptools (.venv's).
set -eu
arch="$1"; suite="$2"; out="$3"
mkdir -p "$out"
out="$(cd "$out" && pwd)"
cd "$(dirname "$0")/.."
pip="${PYTHON:-.venv/bin/python} -m pip --quiet --disable-pip-version-check"
[ "$(id -u)" = 0 ] || { echo "a wheelhouse is built in a root file system of its own: run this as root" >&2; exit 1; }
case "$arch" in
    amd64) machine=x86_64; tools/need.sh mmdebstrap; enter="unshare --mount --pid --fork" ;;
    arm64) machine=aarch64; tools/need.sh mmdebstrap arch-test qemu-user-static; enter="python3 tools/foreign.py" ;;
    *) echo "amd64 or arm64, not $arch" >&2; exit 2 ;;
esac
case "$suite" in # and what has no wheel there
    bookworm) python=311; glibc=36; compiled="pyscard" ;;
    trixie) python=313; glibc=41; compiled="pyscard lgpio" ;;
    *) echo "bookworm or trixie, not $suite" >&2; exit 2 ;;
esac

packages="base-files,base-passwd,bash,coreutils,dash,findutils,grep,gzip,libc-bin,login,passwd,sed,tar,util-linux,openssh-client,\
python3,python3-venv,python3-dev,gcc,swig,libpcsclite-dev,libpcsclite1,pkg-config"
recipe="$suite $arch $packages $(date +%Y-%m)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/takeback"
tarball="$cache/$suite-$arch-$(printf %s "$recipe" | sha256sum | cut -c1-16).tar"
wheels="$cache/$suite-$arch-wheels-$(cat requirements/device.txt deploy/wheelhouse.sh | sha256sum | cut -c1-16)"
mkdir -p "$cache"
if [ ! -s "$tarball" ]; then
    echo "unpacking a Debian $suite for $arch (once)" >&2
    mmdebstrap --quiet --mode=root --variant=extract --architectures="$arch" --include="$packages" \
        --hook-dir=/usr/share/mmdebstrap/hooks/merged-usr "$suite" "$tarball.part.tar" >&2
    mv "$tarball.part.tar" "$tarball"
fi
[ "${ROOM_ONLY:-}" != 1 ] || { echo "$tarball"; exit 0; }
if [ -z "${FRESH:-}" ] && [ -e "$wheels/whole" ]; then
    cp "$wheels/"*.whl "$out/"
    exit 0
fi

room="$(mktemp -d "${TMPDIR:-/tmp}/takeback-wheels.XXXXXX")"
trap 'rm -rf --one-file-system "$room"' EXIT INT TERM
mkdir "$room/wheels" "$room/sources" "$room/root"

# one list for what has a wheel, one for what is compiled; setuptools is in the first
awk -v compiled=" $compiled " -v fetch="$room/fetch.txt" -v compile="$room/compile.txt" '
    /^[a-z0-9]/ { name = $1; sub(/==.*/, "", name); to = index(compiled, " " name " ") ? compile : fetch }
    { print > to }' requirements/device.txt
platforms=""
for minor in $(seq "$glibc" -1 17); do # the first that fits is taken
    platforms="$platforms --platform manylinux_2_${minor}_$machine"
done
# shellcheck disable=SC2086
$pip download --no-deps --require-hashes --only-binary :all: --implementation cp --python-version "$python" \
    --abi "cp$python" --abi abi3 --abi none $platforms --platform "manylinux2014_$machine" -r "$room/fetch.txt" -d "$room/wheels" >&2
$pip download --no-deps --require-hashes --no-binary :all: --no-build-isolation -r "$room/compile.txt" -d "$room/sources" >&2

root="$room/root"
tar -C "$root" -xf "$tarball" --exclude='./dev/*'
mkdir -p "$root/dev" "$root/proc" "$root/srv/sources" "$root/srv/wheels" "$root/srv/setuptools"
${PYTHON:-.venv/bin/python} -m zipfile -e "$room"/wheels/setuptools-*.whl "$root/srv/setuptools"
cp "$room/sources/"*.tar.gz "$root/srv/"
cat > "$root/srv/go" <<'EOF'
set -eu
umask 022
for packed in /srv/*.tar.gz; do tar -C /srv/sources --no-same-owner -xf "$packed"; done
for source in /srv/sources/*; do
    cd "$source"
    PYTHONPATH=/srv/setuptools python3 setup.py --quiet bdist_wheel --dist-dir /srv/wheels
done
EOF
cat > "$root/srv/enter" <<'EOF'
mount -t proc proc "$1/proc"
mount --rbind /dev "$1/dev"
mount -t tmpfs sources "$1/srv/sources" # lgpio links its files as they lie in the folder: here always in the same order
exec chroot "$1" sh /srv/go
EOF
# PYPI=1 is lgpio's own word for taking its C library into the wheel
# shellcheck disable=SC2086
env -i PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 SOURCE_DATE_EPOCH=1700000000 CFLAGS="-g0 -O2" PYPI=1 \
    $enter sh "$root/srv/enter" "$root" >&2
cp "$root/srv/wheels/"*.whl "$room/wheels/"
cp "$room/wheels/"*.whl "$out/"
touch "$room/wheels/whole"
rm -rf "$wheels.part" "$wheels"
cp -r "$room/wheels" "$wheels.part"
mv "$wheels.part" "$wheels"
