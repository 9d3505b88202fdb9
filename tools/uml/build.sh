#!/bin/sh
# Build the test kernel once from Debian's source (about 4 minutes on 2 cores); print the folder that holds it.
#
# Cached under ~/.cache/takeback, keyed by source and config. Needs root or sudo for apt only.
set -eu
cd "$(dirname "$0")"
source=linux-source-6.12
key="$(echo "$source" | cat - config | sha256sum | cut -c1-16)" # the kernel, not this script
out="${XDG_CACHE_HOME:-$HOME/.cache}/takeback/uml-$key"
if [ -x "$out/linux" ]; then echo "$out"; exit 0; fi

../need.sh "$source" gcc make flex bison bc xz-utils libc6-dev

work="$(mktemp -d "${TMPDIR:-/tmp}/takeback-uml.XXXXXX")"
trap 'rm -rf "$work"' EXIT INT TERM
echo "building a User-Mode Linux kernel from $source (once, about 4 minutes)" >&2
tar -C "$work" --strip-components=1 -xf "/usr/src/$source.tar.xz"
config="$PWD/config"
cd "$work"
{
    make ARCH=um tinyconfig
    cat "$config" >> .config
    make ARCH=um olddefconfig
    for option in GPIO_SIM I2C_CHARDEV I2C_STUB HOSTFS PCI_MSI USB_ACM USB_DUMMY_HCD USB_G_SERIAL; do
        grep -q "^CONFIG_$option=" .config || { echo "the kernel lost CONFIG_$option" >&2; exit 1; }
    done
    make ARCH=um -j "$(nproc)" linux modules
} > build.log 2>&1 || { tail -n 40 build.log >&2; exit 1; }
strip linux
mkdir -p "$out.part"
cp linux drivers/i2c/i2c-stub.ko "$out.part/"
rm -rf "$out"; mv "$out.part" "$out"
echo "$out"
