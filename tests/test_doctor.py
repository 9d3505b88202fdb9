"""`takeback doctor`: each fault is named with one step, each part by itself, on the desk's parts and as a command."""

from __future__ import annotations

import json
import sqlite3
from dataclasses import replace
from datetime import datetime
from pathlib import Path

import pytest

from drivers.safe import FileSafe
from firmware import __main__ as command
from firmware import doctor
from firmware.doctor import Finding, Health
from firmware.errors import KeypadLost, PrinterTrouble, ReaderLost
from firmware.hal.openers import Openers
from firmware.hal.printer import Proof
from firmware.security import keystore, provision
from hal_mocks import parts
from hal_mocks.desk import Desk, settings
from hal_mocks.film import Film
from hal_mocks.paper import ABOVE_IS_VOID
from hal_mocks.person import Person, buys
from hal_mocks.power import Power
from hal_mocks.world import World


class Clinic:
    """A provisioned state directory and simulated parts."""

    def __init__(self, folder: Path) -> None:
        self.world, power, film = World(), Power(), Film()
        self.film = film
        self.state = folder / "state"
        provision.test_keys(self.state, "bank.test")
        self.config = settings(paths={"state": str(self.state)})
        inbox = parts.SimInbox(self.world, power, lambda: False)
        self.parts = Openers(
            reader=lambda: parts.SimReader(self.world, power), keypad=lambda: parts.SimKeypad(power, inbox),
            display=lambda: parts.SimDisplay(self.world, power, film),
            printer=lambda: parts.SimPrinter(self.world, power, film),
            link=lambda: parts.SimLink(self.world, power, film),
            clock=lambda: parts.SimClock(self.world, power), random=lambda: parts.SimRandom(self.world, power),
        )  # fmt: skip

    def examine(self, **options: bool) -> dict[str, Finding]:
        return {f.part: f for f in doctor.examine(self.config, self.parts, **options)}

    def only_fault(self) -> Finding:
        (fault,) = [f for f in self.examine().values() if f.health is Health.FAULT]
        return fault


@pytest.fixture
def clinic(tmp_path: Path) -> Clinic:
    return Clinic(tmp_path)


def test_a_healthy_terminal_has_every_part_and_no_fault(clinic: Clinic) -> None:
    found = clinic.examine()
    assert list(found) == [
        "keys",
        "parameters",
        "certificates",
        "journal",
        "disk",
        "clock",
        "reader",
        "keypad",
        "display",
        "printer",
        "link",
    ]
    assert {f.health for f in found.values()} == {Health.OK}
    assert clinic.film.now.name == "self_test"


def broken(what: str, clinic: Clinic) -> None:
    def fails(error: Exception):
        def opener():
            raise error

        return opener

    if what == "reader":
        clinic.parts = replace(clinic.parts, reader=fails(ReaderLost("no reader is plugged in")))
    elif what == "reader library":
        clinic.parts = replace(clinic.parts, reader=fails(ModuleNotFoundError("no", name="smartcard")))
    elif what == "keypad":
        clinic.parts = replace(clinic.parts, keypad=fails(KeypadLost("GPIO busy")))
    elif what == "display":
        clinic.world.glass_up = False
    elif what == "line":
        clinic.world.line_up = False
    elif what == "half open":
        clinic.world.half_open = True
    elif what == "printer":
        clinic.world.printer_silent = True
    elif what == "paper":
        clinic.world.paper.trouble = PrinterTrouble.PAPER_OUT
    elif what == "clock":
        clinic.world.now = datetime(1970, 1, 1, 0, 5)
    elif what == "expired":
        clinic.world.now = datetime(2040, 1, 1)
    elif what == "keys":
        (clinic.state / "keystore.json").write_text("{")
    elif what == "parameters":
        (clinic.state / "emv.toml").write_text("[[aid]]\n")
    elif what == "no keys yet":
        keystore.save(keystore.empty(), clinic.state)
    elif what == "opened":
        FileSafe(clinic.state).erase()
    elif what == "key of another":
        other = clinic.state.parent / "other"
        provision.certificates(other, "bank.test")
        (clinic.state / "certs" / "terminal.key").write_bytes((other / "terminal.key").read_bytes())
    elif what == "certificate":
        (clinic.state / "certs" / "ca.pem").unlink()
    elif what == "open to others":
        clinic.state.chmod(0o755)
    elif what == "journal":
        (clinic.state / "journal.db").write_bytes(b"damaged" * 1000)


@pytest.mark.parametrize(
    ("what", "part", "fix"),
    [
        ("reader", "reader", "plug the reader in"), ("reader library", "reader", "pip install"),
        ("keypad", "keypad", "wires"), ("display", "display", "i2cdetect"), ("line", "link", "check network"),
        ("half open", "link", "certificate"), ("printer", "printer", "cable and power"),
        ("paper", "printer", "new roll"), ("clock", "clock", "timedatectl"), ("expired", "certificates", "new one"),
        ("keys", "keys", "restore"), ("parameters", "parameters", "mend or remove"), ("opened", "keys", "takeback keys load"),
        ("no keys yet", "keys", "takeback keys load, by two custodians"), ("key of another", "certificates", "install"),
        ("certificate", "certificates", "install"), ("open to others", "keys", "chmod 700"),
        ("journal", "journal", "stop selling"),
    ],
)  # fmt: skip
def test_each_fault_is_named_alone_with_one_step(clinic: Clinic, what: str, part: str, fix: str) -> None:
    broken(what, clinic)
    fault = clinic.only_fault()
    assert fault.part == part and fix in fault.fix
    assert "\n" not in fault.found + fault.fix


def test_the_last_line_says_no_more_than_was_looked_at(clinic: Clinic) -> None:
    assert doctor.summary(list(clinic.examine().values())).en == "ALL WELL"
    clinic.world.paper.near_end = True
    assert doctor.summary(list(clinic.examine().values())).en == "NO FAULT FOUND"
    clinic.world.line_up = False
    assert doctor.summary(list(clinic.examine().values())).en == "1 FAULT"


def test_a_certificate_that_ends_soon_is_a_note(clinic: Clinic) -> None:
    clinic.world.now = datetime.fromtimestamp((clinic.state / "certs" / "ca.pem").stat().st_mtime)
    from datetime import timedelta

    clinic.world.now += timedelta(days=800)
    assert clinic.examine()["certificates"].health is Health.NOTE


def test_a_running_terminal_is_left_alone(clinic: Clinic) -> None:
    db = sqlite3.connect(clinic.state / "journal.db", isolation_level=None)
    db.execute("PRAGMA locking_mode=EXCLUSIVE")
    db.execute("BEGIN EXCLUSIVE")
    found = clinic.examine()
    assert found["journal"].health is Health.NOTE
    for part in ("reader", "keypad", "display", "printer"):
        assert found[part].health is Health.NOTE and "systemctl stop" in found[part].fix
    db.close()


@pytest.mark.parametrize(("proof", "health"), [(Proof.PRINTED, Health.OK), (Proof.HANDED, Health.NOTE)])
def test_a_test_slip_says_how_sure_the_printer_is(clinic: Clinic, proof: Proof, health: Health) -> None:
    clinic.world.printer_proof = proof
    assert clinic.examine(test_print=True)["printer"].health is health
    assert any(row.qr for row in clinic.world.paper.rows)
    assert ABOVE_IS_VOID not in clinic.world.paper.text()


def test_a_real_journal_is_verified(tmp_path: Path) -> None:
    clinic = Clinic(tmp_path)
    desk = Desk()
    desk.play(Person(buys("1250")))
    (clinic.state / "journal.db").write_bytes(desk.world.files["journal.db"])
    found = clinic.examine()["journal"]
    assert found.health is Health.OK and "the chain is whole" in found.found


# -- as a command ----------------------------------------------------------------------------------------------------------


@pytest.fixture
def laptop(tmp_path: Path) -> str:
    """A laptop with nothing attached."""
    state = tmp_path / "state"
    provision.test_keys(state, "bank.test")
    file = tmp_path / "terminal.toml"
    file.write_text(
        f'[merchant]\nname = "回春堂"\nterminal_id = "10000001"\nmerchant_id = "123456789012345"\n'
        f'[parts]\nprinter_port = "{tmp_path}/none"\n[paths]\nstate = "{state}"\n[host]\nport = 9\n[times]\nconnect_s = 1\n'
    )
    return str(file)


def test_on_a_bare_laptop_it_names_what_is_missing_and_exits_with_1(laptop: str, capsys) -> None:
    assert command.main(["doctor", "--config", laptop]) == 1
    said = capsys.readouterr().out
    for part in ("keys", "reader", "keypad", "display", "printer", "link"):
        assert part in said
    assert said.count("FAULT ") == said.count("→") >= 4
    assert "ok     keys" in said


def test_json_is_one_list_of_findings(laptop: str, capsys) -> None:
    assert command.main(["doctor", "--json", "--config", laptop]) == 1
    found = json.loads(capsys.readouterr().out)
    assert {tuple(f) for f in found} == {("part", "health", "found", "fix")}
    assert {f["health"] for f in found} <= {"ok", "note", "fault"}
