#!/bin/sh
# make test-deploy: virtual Pis under systemd-nspawn with real systemd and sshd, in a network namespace of the test's own,
# where only loopback is. Without root or nspawn it is skipped with a reason, except in CI, where that is a failure.
set -eu
cd "$(dirname "$0")/.."
no() { echo "test-deploy is skipped: $1" >&2; [ -z "${CI:-}" ] || exit 1; exit 0; }
[ "$(id -u)" = 0 ] || no "it makes namespaces and mounts: run it as root"
tools/deploy_tools.sh
tools/need.sh systemd-container systemd openssh-client mosquitto fuse3 e2fsprogs iproute2 procps gcc libc6-dev mmdebstrap
tools/real_parts.sh
unshare --net --mount true 2>/dev/null || no "this machine allows no namespaces"
folder="$(mktemp -d "${TMPDIR:-/tmp}/takeback-fleet.XXXXXX")"
trap 'rm -rf --one-file-system "$folder"' EXIT INT TERM
for suite in bookworm trixie; do tools/virtual_pi.sh "$suite" "$folder/$suite"; done
# the namespace has no network: the wheels of the releases are there before. They are built once more and must be the same bytes
for suite in bookworm trixie; do
    deploy/wheelhouse.sh amd64 "$suite" "$folder/wheels/$suite"
    FRESH=1 deploy/wheelhouse.sh amd64 "$suite" "$folder/wheels-again/$suite"
done
diff -r "$folder/wheels" "$folder/wheels-again"
[ "${1:-}" != --bench ] || set -- -m bench.fleet
[ "${1:-}" = -m ] || set -- -m pytest -m deploy -s "$@"
TAKEBACK_RIG="$folder" unshare --net --mount sh -c 'ip link set lo up && exec "$@"' sh .venv/bin/python "$@"
