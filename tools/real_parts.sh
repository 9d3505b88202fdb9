#!/bin/sh
# Install what the real parts need on a laptop: pcscd with the virtual reader, a software TPM, and pyscard into .venv.
set -eu
cd "$(dirname "$0")/.."
tools/need.sh swtpm tpm2-tools libtss2-tcti-swtpm0 pcscd vsmartcard-vpcd gcc swig libpcsclite-dev pkg-config python3-dev
.venv/bin/python -c 'import smartcard.scard' 2>/dev/null ||
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/real.txt
