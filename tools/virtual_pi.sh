#!/bin/sh
# tools/virtual_pi.sh bookworm|trixie FOLDER: the root of a virtual Raspberry Pi, as an imager leaves it (SSH, an administrator with sudo,
# Python), into FOLDER, and beside it FOLDER.debs, an archive of what `deploy first` installs. Needs root.
#
# Its card reader is vpcd, whose driver lies there as hardware would be plugged in; pcscd itself is not installed. Root and
# archive are cached under ~/.cache/takeback, keyed by what goes into them.
set -eu
suite="$1"; out="$2"
cd "$(dirname "$0")/.."
[ "$(id -u)" = 0 ] || { echo "a virtual Pi is a root file system: run this as root" >&2; exit 1; }
tools/need.sh mmdebstrap dpkg-dev

image="systemd-sysv,dbus,udev,openssh-server,sudo,python3,systemd-timesyncd,kmod,iproute2,procps,ca-certificates,e2fsprogs"
brings="libccid pcscd polkitd tzdata prometheus-node-exporter"
recipe="$suite $image $brings $(cat tools/virtual_pi.sh | sha256sum) $(date +%Y-%m)"
cache="${XDG_CACHE_HOME:-$HOME/.cache}/takeback"
tarball="$cache/pi-$suite-$(printf %s "$recipe" | sha256sum | cut -c1-16).tar"
mkdir -p "$cache" "$out" "$out.debs"
if [ ! -s "$tarball" ]; then
    echo "making the root of a virtual Pi with $suite (once, about a minute)" >&2
    room="$(mktemp -d "${TMPDIR:-/tmp}/takeback-pi.XXXXXX")"
    trap 'umount "$room/system/proc" "$room/system/dev" 2>/dev/null || true; rm -rf --one-file-system "$room"' EXIT INT TERM
    mmdebstrap --quiet --variant=minbase --include="$image" "$suite" "$room/root.tar"
    mkdir "$room/system" "$room/debs"
    tar -C "$room/system" -xf "$room/root.tar" --exclude='./dev/*'
    cp /etc/resolv.conf "$room/system/etc/resolv.conf"
    [ ! -f /etc/ssl/certs/ca-certificates.crt ] || cp /etc/ssl/certs/ca-certificates.crt "$room/system/etc/ssl/certs/"
    mount -t proc proc "$room/system/proc"
    mount --bind /dev "$room/system/dev"
    chroot "$room/system" apt-get update -qq
    # shellcheck disable=SC2086
    chroot "$room/system" apt-get install -y -qq --no-install-recommends --download-only $brings vsmartcard-vpcd
    umount "$room/system/proc" "$room/system/dev"
    cp "$room/system/var/cache/apt/archives/"*.deb "$room/debs/"
    mkdir "$room/vpcd"
    dpkg-deb -x "$room/debs"/vsmartcard-vpcd_*.deb "$room/vpcd"
    rm "$room/debs"/vsmartcard-vpcd_*.deb
    (cd "$room/debs" && dpkg-scanpackages -m . 2>/dev/null > Packages)
    mkdir "$room/all" "$room/all/system"
    tar -C "$room/all/system" -xf "$room/root.tar" --exclude='./dev/*'
    cp -a "$room/vpcd/usr/lib/pcsc" "$room/all/system/usr/lib/"
    (cd "$room/vpcd" && find usr/lib etc -name '*vpcd*' | tar -cf - -T -) | tar -C "$room/all/system" -xf -
    mv "$room/debs" "$room/all/debs"
    tar -C "$room/all" -cf "$tarball.part" system debs
    mv "$tarball.part" "$tarball"
fi
tar -C "$out" --strip-components=1 -xf "$tarball" system
tar -C "$out.debs" --strip-components=1 -xf "$tarball" debs
