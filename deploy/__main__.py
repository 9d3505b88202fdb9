"""`python -m deploy`, called by deploy/deploy.sh: build, sign, first (or user@pi), update, rollback, status, logs …"""

from __future__ import annotations

import argparse
import dataclasses
import json
import os
import sys
from pathlib import Path
from typing import Any

from deploy import inventory, release
from deploy.inventory import BadInventory, Fleet, Inventory, Target
from deploy.release import NotBuilt


def main(arguments: list[str] | None = None) -> int:
    """0 when every terminal ended as wanted; 1 when one did not; 2 for a wrong call or inventory, in one sentence."""
    words = sys.argv[1:] if arguments is None else arguments
    if words and "@" in words[0]:
        words = ["first", *words]  # deploy.sh user@pi
    options = _parser().parse_args(words)
    try:
        return int(options.act(options))
    except (BadInventory, NotBuilt) as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("deploy", description="Install, update, roll back and look after terminals.")
    verbs = parser.add_subparsers(dest="verb", required=True)

    def verb(name: str, act: Any, what: str, *targets: str) -> argparse.ArgumentParser:
        made = verbs.add_parser(name, help=what)
        made.set_defaults(act=act)
        if targets:
            made.add_argument(
                "targets", nargs="+", metavar="TERMINAL", help="names of the inventory, all, or user@host"
            )
            made.add_argument("--inventory", type=Path, default=Path(os.environ.get("TAKEBACK_FLEET", "fleet.toml")))
        return made

    made = verb("build", lambda o: _done(release.build(o.arch, o.counter, o.out)), "a release, from the commit")
    made.add_argument("--arch", required=True, choices=tuple(release.ARCHITECTURES))
    made.add_argument("--counter", type=int, required=True, help="higher than that of every release before it")
    made.add_argument("--out", type=Path, default=Path("dist"))
    made = verb("parameters", lambda o: _done(release.parameters(o.name, o.counter, o.files, o.out)),
                "a bundle of rules.toml, rules.toml.sig and emv.toml")  # fmt: skip
    made.add_argument("name")
    made.add_argument("files", nargs="+", type=Path)
    made.add_argument("--counter", type=int, required=True)
    made.add_argument("--out", type=Path, default=Path("dist"))
    made = verb("sign", lambda o: _done(release.sign(o.bundle, o.key)), "a bundle")
    made.add_argument("bundle", type=Path)
    made.add_argument("--key", type=Path, required=True)
    made = verb("key", lambda o: _said(release.new_key(o.path)), "a signing key; prints the line for `signers`")
    made.add_argument("path", type=Path)

    made = verb("first", _first, "make a terminal of a bare Raspberry Pi OS; the same again changes nothing", "targets")
    made.add_argument("--release", type=Path, help="install it too")
    made.add_argument("--dry", action="store_true", help="show what would change, with diffs, and change nothing")
    made = verb("update", _update, "bring a release, or parameters, in waves", "targets")
    made.add_argument("--bundle", type=Path, required=True)
    made.add_argument("--drain", type=int, metavar="SECONDS", help="wait so long for money that is owed")
    made.add_argument("--window", type=int, metavar="SECONDS", help="watch a new release so long")
    made.add_argument("--record", type=Path, help="who has what (default: fleet.json beside the inventory)")
    made.add_argument("--dry", action="store_true", help="show who would get it, and change nothing")
    verb("rollback", _rollback, "to the release that was good before", "targets")
    verb("status", _status, "one line each; --json for all of it", "targets").add_argument(
        "--json", action="store_true"
    )
    verb("logs", _logs, "of the terminal's service", "targets").add_argument("--lines", type=int, default=50)
    verb("restart", _restart, "at a safe point", "targets")
    made = verb("remove", _remove, "take Takeback off a terminal; journal, keys and settings stay", "targets")
    made.add_argument("--everything", action="store_true", help="these too")
    return parser


def _done(path: Path) -> int:
    return _said(f"{path}\n")


def _said(text: str) -> int:
    sys.stdout.write(text)
    sys.stdout.flush()
    return 0


def _line(text: str) -> None:
    _said(text + "\n")


def _chosen(options: argparse.Namespace) -> tuple[Fleet, list[Target]]:
    """Terminals by inventory; `user@host` takes everything else from it. Raises BadInventory."""
    found: Inventory = inventory.load(options.inventory)
    fleet, targets = found.fleet, []
    for word in options.targets:
        if "@" in word:
            fleet, target = inventory.single(word, fleet)
            known = [t for t in found.targets if (t.address, t.port) == (target.address, target.port)]
            targets += known or [target]
        else:
            targets += found.pick([word])
    return fleet, list(dict.fromkeys(targets))


# -- acts on terminals; the engine is imported here, since gevent must be there first ---------------------------------


def _update(options: argparse.Namespace) -> int:
    from deploy import engine, fleet

    ours, targets = _chosen(options)
    ours = dataclasses.replace(ours, drain_s=ours.drain_s if options.drain is None else options.drain,
                               window_s=ours.window_s if options.window is None else options.window)  # fmt: skip
    for file in (options.bundle, options.bundle.with_name(options.bundle.name + ".sig")):
        if not file.is_file():
            raise NotBuilt(f"{file} does not exist: deploy build, then deploy sign")
    if options.dry:
        for number, wave in enumerate(fleet.waves(targets, ours.canary), 1):
            _line(f"wave {number}: {', '.join(t.name for t in wave)}")
        return _status(options)
    record = fleet.Record(options.record or options.inventory.with_name("fleet.json"))
    found = fleet.roll_out(lambda wave: engine.connected(ours, wave), ours, targets, options.bundle, record, _line)
    untried = [t.name for t in targets if t.name not in {o.name for o in found}]
    if untried:
        _line(f"not tried: {', '.join(untried)}")
    return int(bool(untried) or any(o.outcome not in fleet.WELL for o in found))


def _asked(options: argparse.Namespace, *words: str) -> tuple[dict[str, str], bool]:
    """One command of takeback-update on each; what it said, and whether all went well."""
    from deploy import engine, fleet

    ours, targets = _chosen(options)
    with engine.connected(ours, targets) as link:
        answers = dict(link.dropped)

        def one(name: str) -> tuple[bool, str]:
            try:
                return link.run(name, *fleet.UPDATE, *words)
            except fleet.Lost as lost:
                return False, str(lost)

        found = link.each(link.names, one)
    answers |= {name: said for name, (_, said) in found.items()}
    return answers, all(ok for ok, _ in found.values()) and not link.dropped


def _status(options: argparse.Namespace) -> int:
    answers, well = _asked(options, "status")
    if getattr(options, "json", False):
        return _said(json.dumps({n: _parsed(a) for n, a in answers.items()}, ensure_ascii=False, indent=1) + "\n")
    for name, answer in sorted(answers.items()):
        s = _parsed(answer)
        if "running" not in s:
            _line(f"{name:<16} {s['why']}")
            continue
        owed = _owed(s["vitals"])
        trial = " ON TRIAL" if s["trial"] else ""
        _line(f"{name:<16} {s['running']:<12} {s['active']:<10}{trial} {owed}, {s['free_mb']} MB free")
    return int(not well)


def _owed(v: dict[str, Any]) -> str:
    if not v:
        return "no figures"
    oldest = f"owes {v['owed'] + v['uploads']} (oldest {v['oldest_s']} s)"
    return f"{oldest}, unknown {v['unknown']}, stuck {v['stuck']}"


def _parsed(answer: str) -> dict[str, Any]:
    try:
        found: dict[str, Any] = json.loads(answer)
        return found
    except ValueError:
        return {"why": answer}


def _rollback(options: argparse.Namespace) -> int:
    from deploy import engine, fleet

    ours, targets = _chosen(options)
    with engine.connected(ours, targets) as link:
        found = [fleet.Outcome(n, "unreachable", why=why) for n, why in link.dropped.items()]
        found += link.each(link.names, lambda name: fleet.go_back(link, name, ours)).values()
    for outcome in found:
        _line(fleet.line(outcome))
    return int(any(o.outcome != "good" for o in found))


def _logs(options: argparse.Namespace) -> int:
    answers, well = _asked(options, "logs", "--lines", str(options.lines))
    for name, answer in sorted(answers.items()):
        _line(f"== {name}\n{answer}")
    return int(not well)


def _restart(options: argparse.Namespace) -> int:
    answers, well = _asked(options, "restart")
    for name, answer in sorted(answers.items()):
        _line(f"{name:<16} {answer or 'restarted'}")
    return int(not well)


def _first(options: argparse.Namespace) -> int:
    from deploy import setup

    ours, targets = _chosen(options)
    _line(f"{', '.join(t.name for t in targets)}: comparing" if options.dry else "setting up")
    failed = setup.first(ours, targets, options.dry, _line)
    if options.dry or not options.release:
        return int(bool(failed))
    options.bundle, options.drain, options.window, options.record = options.release, None, None, None
    options.targets = [t.name for t in targets if t.name not in failed] or options.targets
    return _update(options) or setup.keys(ours, targets, _line) or int(bool(failed))


def _remove(options: argparse.Namespace) -> int:
    from deploy import setup

    ours, targets = _chosen(options)
    return int(bool(setup.remove(ours, targets, options.everything, _line)))


if __name__ == "__main__":
    sys.exit(main())
