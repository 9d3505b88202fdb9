#!/bin/sh
# Lock requirements/*.in (or the named ones) with hashes and without any index address (needs uv: pip install uv).
set -eu
cd "$(dirname "$0")/.."
for name in ${*:-dev real pi device deploy}; do
    beside=""  # what goes into one .venv must agree
    [ "$name" != deploy ] || beside="--constraint requirements/dev.txt"
    # shellcheck disable=SC2086
    python3 -m uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
        --no-emit-find-links --no-header $beside "requirements/$name.in" -o "requirements/$name.txt"
done
