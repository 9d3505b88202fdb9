#!/bin/sh
# Run a command in the test kernel, with this machine's files: tools/uml/run.sh .venv/bin/python -m pytest …
set -eu
here="$(cd "$(dirname "$0")" && pwd)"
kernel="$("$here/build.sh")"
"$here/../need.sh" kmod iproute2 udev mount
said="$(mktemp)"
home="$(mktemp -d)"
trap 'rm -rf "$said" "$home"' EXIT INT TERM
root="$(cd "$here/../.." && pwd)"
HOME="$home" timeout 300 "$kernel/linux" mem=512M root=/dev/root rootfstype=hostfs rootflags=/ ro quiet \
    "init=$here/init.sh" g_serial.iSerialNumber=TB0001 con=null ssl=null con0=fd:0,fd:1 "TAKEBACK_ROOT=$root" "TAKEBACK_KERNEL=$kernel" \
    "PYTHONPATH=${PYTHONPATH:-}" PYTHONDONTWRITEBYTECODE=1 -- "$@" < /dev/null 2>&1 | tee "$said" || true
grep -q '^rc=0' "$said"
