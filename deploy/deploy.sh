#!/bin/sh
# deploy/deploy.sh VERB …, or user@pi [--release BUNDLE]: see deploy/README.md. Sets up .venv with pyinfra from hash-locked requirements, once.
set -eu
here="$(cd "$(dirname "$0")/.." && pwd)"
(cd "$here" && ./run deploy-tools >&2)
PYTHONPATH="$here" exec "$here/.venv/bin/python" -m deploy "$@"
