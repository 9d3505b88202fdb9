"""`takeback` = `python -m firmware [run|doctor|journal|rules|keys|exceptions|trace|provision] --config FILE`: config →
drivers.board → app."""

from __future__ import annotations

import argparse
import contextlib
import json
import resource
import signal
import sqlite3
import sys
from dataclasses import replace
from pathlib import Path

from firmware import __version__, app, config, doctor, files, log, terminal
from firmware.doctor import Health
from firmware.emv import catalogue, trace
from firmware.errors import ConfigError, DeviceError, DisplayLost, JournalError, KeyProblem, TakebackError
from firmware.hal.devices import Devices
from firmware.hal.events import StopAsked
from firmware.hal.signals import Sound
from firmware.ledger import export, journal, standing, traces, true_time
from firmware.security import keystore, provision
from firmware.security.secrets import Pan
from firmware.ui import screens
from firmware.withdrawal import pack
from firmware.words import JOURNAL_BAD, JOURNAL_GONE, Word

_MARKS = {Health.OK: "ok    ", Health.NOTE: "note  ", Health.FAULT: "FAULT "}


def main(arguments: list[str] | None = None) -> int:
    """0 on success; 1 for a broken terminal; 2 for a wrong call or setting, said in one sentence."""
    parser = argparse.ArgumentParser("takeback", description="Payment terminal that can always take it back.")
    commands = {"run": _run, "doctor": _doctor, "journal": _journal, "rules": _rules, "keys": _keys, "trace": _trace,
                "exceptions": _exceptions, "provision": _provision}  # fmt: skip
    parser.add_argument("command", nargs="?", default="run", choices=tuple(commands))
    words = ("verify", "export", "show", "standing", "migrate", "install", "load", "block", "add", "remove")
    parser.add_argument("what", nargs="?", default="", choices=("", *words),
                        help="journal verify, export, show, standing, migrate; rules show, install; keys show, load, "
                        "block; exceptions show, add, remove")  # fmt: skip
    parser.add_argument("file", nargs="?", type=Path,
                        help="journal export: the folder; rules install: the pack, beside it FILE.sig")  # fmt: skip
    parser.add_argument("--config", help=f"settings (default: $TAKEBACK_CONFIG, else {config.DEFAULT_FILE})")
    parser.add_argument("--test-keys", action="store_true", help="provision: with random test keys and a test CA")
    parser.add_argument("--json", action="store_true", help="doctor: findings as a JSON list")
    parser.add_argument(
        "--share", type=Path, metavar="FILE", help="provision: also write there what a simulated bank needs"
    )
    parser.add_argument("--print", action="store_true", help="doctor: print a test slip and have it proved")
    parser.add_argument("--version", action="version", version=__version__)
    options = parser.parse_args(arguments)
    try:
        settings = config.load(config.find(options.config))
        return commands[options.command](settings, options)
    except ConfigError as wrong:
        sys.stderr.write(f"{wrong}\n")
        return 2
    except (KeyProblem, JournalError) as broken:
        sys.stderr.write(f"{broken}\n")
        return 1


def _run(settings: config.Config, options: argparse.Namespace) -> int:
    from drivers import board

    keys = keystore.load(settings.state_directory(), board.secret(settings))
    try:
        devices = board.build(settings)
    except ImportError as missing:
        sys.stderr.write(f"a part's library is missing ({missing}): pip install '.[real,pi]'\n")
        return 1
    except TakebackError as missing:
        sys.stderr.write(f"a part is missing: {missing}\n")
        return 1
    _no_core_dumps()
    log.event("starting", version=__version__)
    signal.signal(signal.SIGTERM, lambda *_: devices.inbox.post(StopAsked()))
    try:
        running = terminal.build(settings, devices, keys)
        if not keys.begun:  # the journal stands now; a card without room for that word still sells
            with contextlib.suppress(OSError):
                keystore.save(replace(keys, begun=True), settings.state_directory(), board.secret(settings))
        app.run(running)
        running.host.hang_up()
        running.journal.close()
        return 0
    except (JournalError, sqlite3.Error) as broken:
        log.event("journal is not usable: restarting is the cure", why=type(broken).__name__)
        sys.stderr.write(f"{broken}\n")
        devices.signals.sound(Sound.FAULT)
        _last_words(devices, JOURNAL_GONE if str(broken) == journal.GONE else JOURNAL_BAD)
    except DeviceError as broken:
        sys.stderr.write(f"a part failed at start: {broken or type(broken).__name__}\n")
    except KeyboardInterrupt:
        log.event("stopped by hand")
        return 0
    finally:
        devices.fleet.close()
    return 1


def _last_words(devices: Devices, why: Word) -> None:
    try:
        devices.display.show(screens.fault(why))
    except DisplayLost:
        return


def _doctor(settings: config.Config, options: argparse.Namespace) -> int:
    """0 when nothing is wrong, 1 for a fault; a finding a line, or a JSON list."""
    from drivers import board

    log.quiet()
    found = []
    for finding in doctor.examine(settings, board.openers(settings), options.print):
        found.append(finding)
        if not options.json:
            sys.stdout.write(f"{_MARKS[finding.health]} {finding.part:<13} {finding.found}\n")
            sys.stdout.write(f"       {'':<13} → {finding.fix}\n" if finding.fix else "")
            sys.stdout.flush()
    if options.json:
        sys.stdout.write(json.dumps([f.as_json() for f in found], ensure_ascii=False, indent=1) + "\n")
    else:
        sys.stdout.write(doctor.summary(found).beside() + "\n")
    return int(any(f.health is Health.FAULT for f in found))


def _journal(settings: config.Config, options: argparse.Namespace) -> int:
    """Check, export or show a journal that nobody else has open."""
    from drivers import board

    path = settings.state_directory() / journal.FILE
    if not path.exists():
        raise JournalError(
            journal.GONE if board.begun(settings) else f"{path} does not exist: nothing has been sold yet"
        )
    if options.what in ("export", "show", "standing", "migrate"):
        return _journal_out(settings, options)
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=1.0)
    try:
        count = journal.verify(db, lambda: board.begun(settings))
    except sqlite3.Error as broken:
        raise JournalError(f"{path} cannot be read ({broken}); is the terminal still running?") from None
    finally:
        db.close()
    sys.stdout.write(f"{count} rows, the chain is whole\n")
    return 0


def _journal_out(settings: config.Config, options: argparse.Namespace) -> int:
    """Entries as lines on the terminal, or everything as files in a folder."""
    from drivers import board

    book = journal.Journal(board.disk(settings), board.openers(settings).clock(), lambda: board.begun(settings))
    try:
        if options.what == "standing":
            now = true_time.TrueTime(board.openers(settings).clock())
            now.restore(book.setting("floor"))
            _say(json.dumps(standing.of(book, now.strict()).as_json()))
        elif options.what == "migrate":  # opening it did
            _say(f"{book.verify()} rows, the chain is whole")
        elif options.what == "show":
            for entry in book.all():
                sys.stdout.write(json.dumps(export.public(entry), ensure_ascii=False) + "\n")
        elif options.file is None:
            sys.stderr.write("journal export needs a folder: takeback journal export FOLDER\n")
            return 2
        else:
            export.write(book, options.file, _say)
    except OSError as broken:
        sys.stderr.write(f"{options.file} cannot be written: {broken}\n")
        return 1
    finally:
        book.close()
    return 0


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")


def _rules(settings: config.Config, options: argparse.Namespace) -> int:
    """Which pack is in force; or put a newer, signed one in its place (the terminal takes it at its next start)."""
    state, profile = settings.state_directory(), settings.withdraw.rules
    if options.what == "install":
        if options.file is None:
            sys.stderr.write("rules install needs a file: takeback rules install PACK.toml (beside it PACK.toml.sig)\n")
            return 2
        made = pack.install(options.file, options.file.with_name(options.file.name + ".sig"), profile, state)
        sys.stdout.write(f"{made.name} of {made.date} is installed; it counts from the next start\n")
        return 0
    now = pack.load(profile, state)
    sys.stdout.write(f"{now.name} of {now.date}, {len(now.rule)} rules\n")
    return 0


def _keys(settings: config.Config, options: argparse.Namespace) -> int:
    """Show what is there, or take a TMK or DUKPT key from two custodians."""
    from drivers import board
    from firmware import ceremony

    clock, random = board.openers(settings).clock(), board.openers(settings).random().bytes
    book = journal.Journal(board.disk(settings), clock, lambda: board.begun(settings))
    desk = ceremony.Ceremony(settings, book, clock, board.secret(settings), random, ceremony.ask, _say)
    try:
        return {"load": desk.load, "block": desk.block}.get(options.what, desk.show)()
    finally:
        book.close()


def _exceptions(settings: config.Config, options: argparse.Namespace) -> int:
    """The exception list: how many cards are on it; put one there, or take one off. The terminal takes the list at
    its next start. A card number is asked for, never an argument, and never stored: only its token is."""
    from drivers import board
    from firmware import ceremony

    state = settings.state_directory()
    listed = catalogue.load(state)
    if options.what not in ("add", "remove"):
        _say(f"{len(listed.exceptions)} cards are on the exception list")
        return 0
    try:
        card = Pan(ceremony.ask("card number: ").strip())
    except ValueError:
        sys.stderr.write("that is no card number: 8 to 19 digits\n")
        return 2
    token = keystore.load(state, board.secret(settings)).card_token(card)
    kept = listed.exceptions | {token} if options.what == "add" else listed.exceptions - {token}
    files.replace(state / catalogue.FILE, catalogue.write(replace(listed, exceptions=kept)).encode())
    _say(f"{len(kept)} cards are on the exception list; it counts from the next start")
    return 0


def _trace(settings: config.Config, options: argparse.Namespace) -> int:
    """What a card and the terminal said: the newest of the kept sessions."""
    kept = sorted((settings.state_directory() / traces.FOLDER).glob("*.json"))
    if not kept:
        sys.stderr.write("no session was kept: set [emv] trace = true, then use a card\n")
        return 1
    for line in trace.lines(kept[-1].read_text(encoding="utf-8")):
        _say(line)
    return 0


def _no_core_dumps() -> None:
    """Card data lives in memory while a card is read: no image of it may ever reach a disk (S53)."""
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _provision(settings: config.Config, options: argparse.Namespace) -> int:
    """A key store: of test keys, or without a TMK, which two custodians bring then."""
    if options.share and not options.test_keys:
        sys.stderr.write("only test keys are shared: takeback provision --test-keys --share FILE\n")
        return 2
    directory = settings.state_directory()
    if (directory / keystore.FILE).exists():
        sys.stderr.write(f"{directory / keystore.FILE} exists; remove it first if its journal is no longer needed\n")
        return 2
    from drivers import board

    if not options.test_keys:
        provision.blank(directory, board.secret(settings))
        sys.stdout.write("a key store without TMK is made: start the terminal, let people choose their passwords,\n"
                         "stop it, and let two of them call: takeback keys load\n")  # fmt: skip
        return 0
    keys = provision.test_keys(directory, settings.host.server_name, board.secret(settings))
    if options.share:
        files.replace(options.share, provision.for_the_bank(keys, directory).encode())
    sys.stdout.write(f"test keys and certificates are in {directory}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
