#!/bin/sh
# What a technician's laptop needs: pyinfra and the SBOM tool into .venv, ssh-keygen from Debian.
set -eu
cd "$(dirname "$0")/.."
command -v ssh-keygen >/dev/null 2>&1 || tools/need.sh openssh-client
stamp="$(sha256sum requirements/deploy.txt | cut -c1-64)"
[ "$(cat .venv/stamp-deploy 2>/dev/null || true)" != "$stamp" ] || exit 0
.venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes -r requirements/deploy.txt
printf '%s\n' "$stamp" > .venv/stamp-deploy
