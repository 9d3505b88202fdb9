#!/bin/sh
# make test-kernel: the kernel's own tests, with rpi-lgpio beside .venv (it has no business on a laptop otherwise).
set -eu
cd "$(dirname "$0")/../.."
key="$(sha256sum < requirements/pi.txt | cut -c1-16)"
[ -e ".venv/pi/$key" ] || {
    rm -rf .venv/pi
    .venv/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
        --target .venv/pi -r requirements/pi.txt
    touch ".venv/pi/$key"
}
PYTHONPATH="$PWD/.venv/pi" tools/uml/run.sh "$PWD/.venv/bin/python" -m pytest --color=no -c "$PWD/pyproject.toml" \
    --rootdir "$PWD" -m kernel "$PWD/tests/kernel"
