#!/bin/sh
# Install what the real parts need on a laptop: pcscd with the virtual reader, and pyscard into .venv.
set -eu
cd "$(dirname "$0")/.."
packages="pcscd vsmartcard-vpcd gcc swig libpcsclite-dev pkg-config python3-dev"
missing=""
for p in $packages; do
    dpkg-query -W -f '${Status}' "$p" 2>/dev/null | grep -q 'ok installed' || missing="$missing $p"
done
if [ -n "$missing" ]; then
    sudo=""
    [ "$(id -u)" = 0 ] || sudo="sudo"
    echo "installing$missing" >&2
    $sudo apt-get update -qq
    # shellcheck disable=SC2086
    DEBIAN_FRONTEND=noninteractive $sudo apt-get install -y -qq --no-install-recommends $missing >/dev/null
fi
.venv/bin/python -c 'import smartcard.scard' 2>/dev/null ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/real.txt
