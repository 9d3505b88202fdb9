"""`takeback doctor`: each part in turn, what was found, and one plain step for each fault.

A part that a running terminal holds is not disturbed: it is named and left alone.
"""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta
from enum import Enum

from firmware.config import Config
from firmware.emv import catalogue
from firmware.errors import (
    CardMute,
    CardUnsupported,
    ConfigError,
    DeviceError,
    HostError,
    JournalError,
    KeypadLost,
    KeyProblem,
    NoAnswer,
    NoCard,
    NotSent,
    PrinterFault,
)
from firmware.hal.events import DeviceGone, Event
from firmware.hal.openers import Openers
from firmware.hal.printer import Job, Line, PrinterState, Proof
from firmware.host import messages
from firmware.host.exchange import Host, never
from firmware.ledger import journal
from firmware.security import certificates, keystore
from firmware.ui import screens
from firmware.words import Word

_SPACE_MIN = 100 * 1024 * 1024
_FIRST_DAY = datetime(2026, 1, 1)
_SOON = timedelta(days=30)


class Health(Enum):
    """How a part is."""

    OK = "ok"
    NOTE = "note"  # works, or was not looked at; something to know
    FAULT = "fault"


@dataclass(frozen=True)
class Finding:
    """One part. `fix` is one step, empty where there is nothing to do."""

    part: str
    health: Health
    found: str
    fix: str = ""
    code: str = ""

    def as_json(self) -> dict[str, str]:
        return {k: v for k, v in asdict(self).items() if k != "code"} | {"health": self.health.value}


def examine(config: Config, parts: Openers, test_print: bool = False) -> Iterator[Finding]:
    """Every part once, in the order in which a sale needs them. Never raises for a bad part."""
    yield _keys(config, parts)
    yield _parameters(config)
    yield _certificates(config, parts)
    running = _journal(config, parts)
    yield running
    yield _disk(config)
    yield _clock(parts)
    if running.health is Health.NOTE and "running" in running.found:
        for part in ("reader", "keypad", "display", "printer"):
            yield Finding(part, Health.NOTE, "not looked at: the running terminal holds it",
                          "sudo systemctl stop takeback, then call doctor again")  # fmt: skip
    else:
        for part, look in (("reader", _reader), ("keypad", _keypad), ("display", _display)):
            yield _guarded(part, look, parts)
        yield _guarded("printer", lambda p: _printer(config, p, test_print), parts)
    yield _guarded("link", lambda p: _link(config, p), parts)


def live(config: Config, parts: Openers, verify: Callable[[], int]) -> Iterator[Finding]:
    """The same from inside a running terminal: its parts are open, its journal is asked by `verify`. Each fault has a
    code, under which the glass knows its steps."""
    for finding in (
        _keys(config, parts),
        _certificates(config, parts),
        _chain(verify),
        _disk(config),
        _clock(parts),
        _guarded("reader", _reader, parts),
        _guarded("printer", lambda p: _printer(config, p, False), parts),
        _guarded("link", lambda p: _link(config, p), parts),
    ):
        yield replace(finding, code=code_of(finding))


def code_of(finding: Finding) -> str:
    """E10 keys … E80 link; a printer's fault by what it says: E71 …"""
    base = {
        "keys": 10,
        "certificates": 20,
        "journal": 30,
        "disk": 40,
        "clock": 50,
        "reader": 60,
        "printer": 70,
        "link": 80,
    }
    number = base[finding.part]
    if finding.part == "printer":
        states = [state.value for state in _PRINTER_FIXES]
        number += next((n for n, state in enumerate(states, 1) if finding.found.endswith(state)), len(states))
    if finding.part == "link" and "no echo" in finding.found:
        number += 1
    return f"E{number}"


def _chain(verify: Callable[[], int]) -> Finding:
    try:
        return Finding("journal", Health.OK, f"{verify()} rows, the chain is whole")
    except JournalError as damage:
        return Finding("journal", Health.FAULT, str(damage), "stop selling; keep the file and restore the last backup")


def _guarded(part: str, look: Callable[[Openers], Finding], parts: Openers) -> Finding:
    """A library that is missing is a fault like any other."""
    try:
        return look(parts)
    except ImportError as missing:
        return Finding(part, Health.FAULT, f"a library is missing ({missing.name})", "pip install 'takeback[real,pi]'")
    except DeviceError as broken:
        return Finding(part, Health.FAULT, broken.what or type(broken).__name__, broken.fix or _FIXES[part])


_FIXES = {
    "reader": "plug the reader in, then: sudo systemctl restart pcscd",
    "keypad": "check the keypad's wires against keypad_rows and keypad_columns in the settings",
    "display": "check the glass: i2cdetect -y 1 must show its address, or raspi-config must switch the bus on",
    "printer": "check the printer's cable and power, then printer_port and printer_baud in the settings",
    "link": "check network and [host] address and port in the settings, then call the bank",
}


# -- what lies on the disk ---------------------------------------------------------------------------------------------


def _keys(config: Config, parts: Openers) -> Finding:
    state = config.state_directory()
    try:
        kept = keystore.load(state, parts.secret)
    except KeyProblem as problem:
        return Finding("keys", Health.FAULT, str(problem), "restore the key store, or: takeback provision")
    if kept.blank:
        return Finding("keys", Health.FAULT, "no TMK was loaded yet", "takeback keys load, by two custodians")
    if kept.erased:
        return Finding("keys", Health.FAULT, "the case was opened and the TMK is erased", "takeback keys load")
    loose = state.stat().st_mode & 0o077
    if loose:
        return Finding("keys", Health.FAULT, f"others may read {state}", f"chmod 700 {state}")
    return Finding("keys", Health.OK, "the key store opens and its check value is right")


def _parameters(config: Config) -> Finding:
    """AIDs and CA keys, and how many of these are for test cards only."""
    try:
        found = catalogue.load(config.state_directory())
    except ConfigError as wrong:
        return Finding("parameters", Health.FAULT, str(wrong), "mend or remove the file, or download: menu, 5, 4")
    said = f"{len(found.aids)} applications, {len(found.keys)} CA keys, {found.test_keys} of them for test cards"
    return Finding("parameters", Health.OK, said)


def _certificates(config: Config, parts: Openers) -> Finding:
    folder = config.state_directory() / "certs"
    now = parts.clock().now()
    try:
        ends = certificates.expiry(folder)
    except KeyProblem as problem:
        return Finding("certificates", Health.FAULT, str(problem), "install the bank's ca.pem, terminal.pem and .key")
    if ends <= now:
        return Finding("certificates", Health.FAULT, f"expired on {ends:%Y-%m-%d}", "ask the bank for a new one")
    if ends - now < _SOON:
        return Finding("certificates", Health.NOTE, f"ends on {ends:%Y-%m-%d}", "ask the bank for a new one now")
    return Finding("certificates", Health.OK, f"good until {ends:%Y-%m-%d}")


def _journal(config: Config, parts: Openers) -> Finding:
    path = config.state_directory() / journal.FILE
    begun = keystore.begun(config.state_directory(), parts.secret)
    if not path.exists() and begun:
        return Finding("journal", Health.FAULT, journal.GONE, "stop selling; call the bank")
    if not path.exists():
        return Finding("journal", Health.OK, "empty: nothing has been sold yet")
    db = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=0.2)
    try:
        rows = journal.verify(db, lambda: begun)
    except JournalError as damage:
        return Finding("journal", Health.FAULT, str(damage), "stop selling; keep the file and restore the last backup")
    except sqlite3.OperationalError as held:
        if "locked" in str(held):
            return Finding("journal", Health.NOTE, "the terminal is running and holds it")
        return Finding("journal", Health.FAULT, str(held), f"check who may read {path}")
    except sqlite3.Error as damage:
        return Finding("journal", Health.FAULT, str(damage), "stop selling; keep the file and restore the last backup")
    finally:
        db.close()
    return Finding("journal", Health.OK, f"{rows} rows, the chain is whole")


def _disk(config: Config) -> Finding:
    state = config.state_directory()
    if not state.is_dir():
        return Finding("disk", Health.FAULT, f"{state} does not exist", "takeback provision makes it")
    free = shutil.disk_usage(state).free
    if free < _SPACE_MIN:
        return Finding("disk", Health.FAULT, f"{free >> 20} MB are free", "journalctl --vacuum-size=50M frees some")
    return Finding("disk", Health.OK, f"{free >> 20} MB are free")


def _clock(parts: Openers) -> Finding:
    now = parts.clock().now()
    if now < _FIRST_DAY:
        return Finding("clock", Health.FAULT, f"the clock says {now:%Y-%m-%d %H:%M}", "sudo timedatectl set-ntp true")
    return Finding("clock", Health.OK, f"{now:%Y-%m-%d %H:%M}")


# -- parts -------------------------------------------------------------------------------------------------------------


def _reader(parts: Openers) -> Finding:
    reader = parts.reader()
    try:
        reader.connect().close()
    except NoCard:
        return Finding("reader", Health.OK, "it answers; there is no card in it")
    except (CardMute, CardUnsupported):
        return Finding("reader", Health.NOTE, "it answers; the card in it does not", "turn the card, or try another")
    return Finding("reader", Health.OK, "it answers, and so does the card in it")


def _keypad(parts: Openers) -> Finding:
    seen: list[Event] = []
    parts.keypad().start(seen.append)
    if DeviceGone("keypad") in seen:
        raise KeypadLost("no answer")
    return Finding("keypad", Health.OK, "its lines can be had")


def _display(parts: Openers) -> Finding:
    parts.display().show(screens.self_test())
    return Finding("display", Health.OK, "it took a screen: look at it")


_PRINTER_FIXES = {
    PrinterState.PAPER_OUT: "put a new roll in",
    PrinterState.COVER_OPEN: "close its cover",
    PrinterState.CUTTER: "clear the cutter, then open and close the cover",
    PrinterState.HARDWARE: "switch it off and on; if that does not help, have it repaired",
    PrinterState.OVERHEAT: "let it cool down",
    PrinterState.OFFLINE: "close its cover and press its feed key",
    PrinterState.UNKNOWN: _FIXES["printer"],
}


def _printer(config: Config, parts: Openers, test_print: bool) -> Finding:
    printer = parts.printer()
    state = printer.status()
    if state in _PRINTER_FIXES:
        where = config.parts.printer_port
        found = f"no answer on {where}" if state is PrinterState.UNKNOWN else f"{where}: {state.value}"
        return Finding("printer", Health.FAULT, found, _PRINTER_FIXES[state])
    if test_print:
        try:
            proof = printer.print(_test_slip(config))
        except PrinterFault as fault:
            return Finding("printer", Health.FAULT, f"the test slip is not proved: {fault}", "clear the paper path")
        if proof is Proof.HANDED:
            return Finding("printer", Health.NOTE, "the test slip was handed over; this model proves nothing",
                           "look at it: after each sale the terminal will ask")  # fmt: skip
        return Finding("printer", Health.OK, f"the test slip is {proof.value}")
    if state is PrinterState.PAPER_LOW:
        return Finding("printer", Health.NOTE, "the paper is nearly at its end", "keep a new roll ready")
    return Finding("printer", Health.OK, "it answers and has paper")


def _test_slip(config: Config) -> Job:
    lines = (Line(config.merchant.name, centre=True), Line("打印测试 PRINTER TEST", centre=True, double=True),
             Line("", rule=True), Line("终端号 TERMINAL", config.merchant.terminal_id),
             Line("", qr=f"TAKEBACK {config.merchant.terminal_id}"), Line("", rule=True))  # fmt: skip
    return Job("doctor", lines, cut=True)


def _link(config: Config, parts: Openers) -> Finding:
    host = Host(parts.link(), config, parts.clock(), parts.random())
    try:
        host.ask(messages.echo(host.profile, host.caller, "000000"), never, signed=False)
    except NotSent as down:
        return Finding("link", Health.FAULT, f"no line to {config.host.address}:{config.host.port} ({down})",
                       _FIXES["link"])  # fmt: skip
    except (NoAnswer, HostError) as mute:
        return Finding("link", Health.FAULT, f"connected, but no echo ({mute})",
                       "the bank may refuse this terminal's certificate: call it")  # fmt: skip
    finally:
        host.hang_up()
    return Finding("link", Health.OK, f"{config.host.address}:{config.host.port} answers an echo")


def summary(findings: list[Finding]) -> Word:
    """One word for all; well is only what was looked at and needs nothing."""
    bad = sum(f.health is Health.FAULT for f in findings)
    if bad:
        return Word(f"{bad} 项故障", f"{bad} FAULT" + "S" * (bad > 1))
    noted = any(f.health is Health.NOTE for f in findings)
    return Word("未见故障", "NO FAULT FOUND") if noted else Word("一切正常", "ALL WELL")
