"""`first`, `remove` and the first key store: what needs the administrator of a terminal, not the deployment user."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable

from deploy import engine
from deploy.engine import Link
from deploy.first import ADDRESSES, FILES, TEMPORARY, Plan
from deploy.fleet import Lost
from deploy.inventory import DEPLOY_USER, Fleet, Target

Say = Callable[[str], None]
UPDATE = "/usr/local/sbin/takeback-update"


def first(fleet: Fleet, targets: list[Target], dry: bool, say: Say) -> set[str]:
    """Compare, show, carry out. Returns who failed or was not there."""
    with engine.connected(fleet, targets, admin=True, sudo=True) as link:
        for name, why in link.dropped.items():
            say(f"{name:<16} unreachable: {why}")
        _show_diffs(link, dry)
        homes = {t.name: _room(link, t.name) for t in targets if t.name in link.names}
        for target in targets:
            if target.name in homes:
                link.shows_diff(dry)
                Plan(link, fleet, target, homes[target.name]).make()
        if dry:
            for name in link.names:
                planned = link.planned(name)
                say(f"{name:<16} would change: {', '.join(planned)}" if planned else f"{name:<16} nothing to change")
            return set(link.dropped)
        link.shows_diff(False)
        failed = link.carry_out()
        for name in link.names:
            say(f"{name:<16} {failed.get(name) or f'set up, {link.changed(name)} changes'}")
    return set(failed) | set(link.dropped)


def _show_diffs(link: Link, on: bool) -> None:
    """pyinfra logs diffs and errors; without a handler they would vanish."""
    logger = logging.getLogger("pyinfra")
    if not logger.handlers:
        handler = logging.StreamHandler(sys.stdout)
        handler.setFormatter(logging.Formatter("%(message)s"))
        logger.addHandler(handler)
    logger.setLevel(logging.INFO if on else logging.WARNING)


def _room(link: Link, name: str) -> str:
    """A folder of the administrator's own for files on their way. Returns its path."""
    return link.run(name, "sh", "-c", f"umask 077; mkdir -p ~/{TEMPORARY}; cd ~/{TEMPORARY}; pwd", sudo=False)[
        1
    ].strip()


def keys(fleet: Fleet, targets: list[Target], say: Say) -> int:
    """A key store where none is there, with test keys or waiting for two custodians; then the terminal starts. 0 when
    all are well."""
    with_test_keys = {t.name for t in targets if t.test_keys}
    with engine.connected(fleet, targets, admin=True, sudo=True) as link:
        found = link.each(link.names, lambda name: _keys(link, name, name in with_test_keys))
    for name, (_, what) in found.items():
        say(f"{name:<16} {what}")
    for name, why in link.dropped.items():
        say(f"{name:<16} unreachable: {why}")
    return int(bool(link.dropped) or not all(well for well, _ in found.values()))


def _keys(link: Link, name: str, test_keys: bool) -> tuple[bool, str]:
    """Did it go well, and what to say."""
    try:
        if link.run(name, "test", "-e", "/var/lib/takeback/keystore.json")[0]:
            return True, "has keys"
        which = ["--test-keys", "--share", "/var/lib/takeback/bank.json"] if test_keys else []
        for command in (["/usr/local/bin/takeback", "provision", *which], ["systemctl", "restart", "takeback.service"]):
            ok, said = link.run(name, *command, timeout_s=90.0)
            if not ok:
                return False, f"{command[0]}: {said}"
        return True, "has test keys now, and runs" if test_keys else "runs, and waits for its keys: takeback keys load"
    except Lost as lost:
        return False, f"lost: {lost}"


def remove(fleet: Fleet, targets: list[Target], everything: bool, say: Say) -> set[str]:
    """Stop at a safe point with nothing owed, then take it off. Returns from whom it could not be."""
    with engine.connected(fleet, targets, admin=True, sudo=True) as link:
        found = link.each(link.names, lambda name: _remove(link, name, everything))
    answers = {**link.dropped, **found}
    for name, why in answers.items():
        say(f"{name:<16} {why or 'removed'}")
    return {name for name, why in answers.items() if why}


def _remove(link: Link, name: str, everything: bool) -> str:
    """'' or why not."""
    gone = [dest for dest, _ in FILES.values()] + [ADDRESSES, "/opt/takeback"]
    if everything:
        gone += ["/var/lib/takeback", "/etc/takeback", f"/var/lib/{DEPLOY_USER}"]
    units = ["takeback.service", "takeback-boot.service", "takeback-settle.service"]
    try:
        for command in ([UPDATE, "stop"], ["systemctl", "disable", *units], ["rm", "-rf", *gone],
                        ["systemctl", "daemon-reload"]):  # fmt: skip
            ok, said = link.run(name, *command, timeout_s=200.0)
            if not ok:
                return said.strip() or f"{command[0]} failed"
    except Lost as lost:
        return str(lost)
    return ""
