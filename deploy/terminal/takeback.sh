#!/bin/sh
# takeback, as the terminal's user, with the terminal's state: takeback doctor, takeback journal show …
set -eu
as=""
[ "$(id -un)" = takeback ] || as="runuser -u takeback --"
[ "$(id -u)" = 0 ] || [ -z "$as" ] || exec sudo "$0" "$@"
cd /var/lib/takeback 2>/dev/null || cd /
# shellcheck disable=SC2086
exec $as env STATE_DIRECTORY=/var/lib/takeback PYTHONDONTWRITEBYTECODE=1 LANG=C.UTF-8 \
    /opt/takeback/current/venv/bin/takeback "$@"
