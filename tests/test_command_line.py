"""`takeback`: each mistake is one sentence that says what to do, with an exit code."""

from __future__ import annotations

import contextlib
import errno
import gc
import io
import json
import os
import shutil
import signal
import sqlite3
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from deploy.terminal import takeback_update
from drivers.system import SqliteDisk, SystemClock
from firmware import words
from firmware.__main__ import main
from firmware.hal.devices import Devices
from firmware.hal.events import StopAsked
from firmware.ledger import journal
from firmware.ledger.journal import Journal
from firmware.ledger.lifecycle import Event, Kind
from firmware.security import keystore
from firmware.terminal import Terminal
from hal_mocks.desk import Desk
from hal_mocks.film import Film
from hal_mocks.power import Power, PowerCut

ROOT = Path(__file__).resolve().parent.parent
GOOD = '[merchant]\nname = "店"\nterminal_id = "10000001"\nmerchant_id = "123456789012345"\n'


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("STATE_DIRECTORY", str(tmp_path / "state"))
    path = tmp_path / "terminal.toml"
    path.write_text(GOOD, encoding="utf-8")
    return path


def call(*words: str) -> int:
    return main(list(words))


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ("", "[merchant] name is missing"),
        (GOOD + 'colour = "red"\n', "[merchant] colour is not a setting"),
        (GOOD + "[pink]\n", "[pink] is not a section"),
        (GOOD.replace("10000001", "1"), "[merchant] terminal_id: length 1 is out of range 8..8"),
        (GOOD + "[limits]\nsale_max = 0\n", "[limits] sale_max: 0 is out of range"),
        (GOOD + '[limits]\nsale_max = "5"\n', "[limits] sale_max must be int"),
        (GOOD + "[times]\nhold_s = true\n", "[times] hold_s must be int"),
        (GOOD + '[merchant2]\nlanguage = "zh"\n', "is not a section"),
        (GOOD + 'language = "fr"\n', "must be one of zh, en"),
        ("limits = 5\n" + GOOD, "[limits] must be a table"),
        ("[merchant\n", "not valid TOML"),
    ],
)
def test_each_wrong_setting_is_one_sentence_naming_file_and_key(
    settings: Path, capsys: pytest.CaptureFixture[str], change: str, sentence: str
) -> None:
    settings.write_text(change, encoding="utf-8")
    assert call("run", "--config", str(settings)) == 2
    told = capsys.readouterr().err
    assert sentence in told and str(settings) in told and told.count("\n") == 1


def test_missing_file_says_what_to_copy(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("--config", str(tmp_path / "none.toml")) == 2
    assert "terminal.example.toml" in capsys.readouterr().err


def test_the_example_is_valid(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from firmware import config

    assert config.load(ROOT / "deploy" / "terminal.example.toml").merchant.language == "zh"
    monkeypatch.setenv("TAKEBACK_CONFIG", "/x/y.toml")
    assert config.find(None) == Path("/x/y.toml")
    assert config.find("/a.toml") == Path("/a.toml")


def test_run_without_keys_says_provision(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("run", "--config", str(settings)) == 1
    assert "takeback provision --test-keys" in capsys.readouterr().err


def test_provision_makes_keys_once_and_never_over_old_ones(settings: Path, tmp_path: Path) -> None:
    assert call("provision", "--test-keys", "--config", str(settings)) == 0
    before = (tmp_path / "state" / "keystore.json").read_bytes()
    assert call("provision", "--test-keys", "--config", str(settings)) == 2
    assert (tmp_path / "state" / "keystore.json").read_bytes() == before
    modes = {p.stat().st_mode & 0o077 for p in (tmp_path / "state").rglob("*")}
    assert modes == {0}, "state is for its owner only"


def test_provision_without_test_keys_makes_a_store_that_waits_for_two_custodians(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert call("provision", "--share", str(tmp_path / "bank.json"), "--config", str(settings)) == 2
    assert call("provision", "--config", str(settings)) == 0
    assert "takeback keys load" in capsys.readouterr().out
    assert not (tmp_path / "state" / "certs").exists(), "the host's side brings certificates"
    assert call("keys", "--config", str(settings)) == 0
    assert "TMK not loaded yet: takeback keys load" in capsys.readouterr().out
    for again in ((), ("--test-keys",)):
        assert call("provision", *again, "--config", str(settings)) == 2
    assert not keystore.load(tmp_path / "state").erased


def test_journal_verify(settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("journal", "verify", "--config", str(settings)) == 1
    assert "nothing has been sold" in capsys.readouterr().err
    j = Journal(SqliteDisk(tmp_path / "state"), SystemClock())
    j.move(j.begin(Kind.SALE, 1), Event.NOT_SENT)
    assert call("journal", "verify", "--config", str(settings)) == 1, "the terminal still runs"
    j.close()
    assert call("journal", "verify", "--config", str(settings)) == 0
    assert "2 rows" in capsys.readouterr().out


def test_journal_standing_counts_what_is_owed_and_migrate_brings_it_to_this_form(
    settings: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    book = Journal(SqliteDisk(tmp_path / "state"), SystemClock())
    book.move(book.begin(Kind.SALE, 100), Event.SILENCE, reason="98")
    book.close()
    assert call("journal", "standing", "--config", str(settings)) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["owed"] == 1 and said["quiet"] is False and said["unsettled"] == 1 and said["open"] == 0
    assert call("journal", "migrate", "--config", str(settings)) == 0
    assert "the chain is whole" in capsys.readouterr().out


def test_test_keys_are_shared_with_a_simulated_bank_and_nobody_else(settings: Path, tmp_path: Path) -> None:
    from hal_mocks.peers import _received

    shared = tmp_path / "bank.json"
    assert call("provision", "--test-keys", "--share", str(shared), "--config", str(settings)) == 0
    assert shared.stat().st_mode & 0o777 == 0o600
    keys = keystore.load(tmp_path / "state")
    assert keys.tmk and _received(shared, tmp_path / "certs") == keys.tmk.reveal()
    assert sorted(f.name for f in (tmp_path / "certs").iterdir()) == ["bank.key", "bank.pem", "ca.pem"]


def test_a_stop_from_systemd_ends_the_process_well(
    settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """SIGTERM becomes an event in the inbox, and the exit code is 0."""
    from drivers import board
    from firmware import app

    settings.write_text(GOOD + '[parts]\nfront = "panel"\n', encoding="utf-8")
    assert call("provision", "--test-keys", "--config", str(settings)) == 0
    seen = []

    def run(t: Terminal) -> None:
        os.kill(os.getpid(), signal.SIGTERM)
        seen.append(t.devices.inbox.next(5.0))

    monkeypatch.setattr(app, "run", run)
    monkeypatch.setattr(board, "build", lambda config: Desk().devices(Power()))
    before = signal.getsignal(signal.SIGTERM)
    try:
        assert call("run", "--config", str(settings)) == 0
    finally:
        signal.signal(signal.SIGTERM, before)
    assert seen == [StopAsked()]


def test_no_gpio_here_says_what_to_install(settings: Path, capsys: pytest.CaptureFixture[str],
                                           monkeypatch: pytest.MonkeyPatch) -> None:  # fmt: skip
    monkeypatch.setattr("drivers.pcsc_reader.library", lambda: None)
    assert call("provision", "--test-keys", "--config", str(settings)) == 0
    assert call("run", "--config", str(settings)) == 1
    assert "rpi-lgpio" in capsys.readouterr().err


# -- keys, exceptions, traces -------------------------------------------------------------------------------------------


def test_cards_are_put_on_the_exception_list_and_taken_off_by_number_and_kept_as_tokens(
    settings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ("--config", str(settings))
    assert call("provision", "--test-keys", *here) == 0
    number = "6212345600000007"
    for what, said in (("add", "1 cards"), ("add", "1 cards"), ("show", "1 cards"), ("remove", "0 cards")):
        monkeypatch.setattr("sys.stdin", io.StringIO(number + "\n"))
        assert call("exceptions", what, *here) == 0
        assert said in capsys.readouterr().out
        assert number not in (settings.parent / "state" / "emv.toml").read_text()
    monkeypatch.setattr("sys.stdin", io.StringIO("12\n"))
    assert call("exceptions", "add", *here) == 2
    assert "8 to 19 digits" in capsys.readouterr().err


def test_keys_are_shown_by_check_value_and_loaded_by_two(
    settings: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    here = ("--config", str(settings))
    assert call("provision", "--test-keys", *here) == 0
    assert call("keys", *here) == 0
    assert capsys.readouterr().out.count("TMK ") == 1
    monkeypatch.setattr("sys.stdin", io.StringIO("00\n000000\n"))
    assert call("keys", "load", *here) == 1
    assert "may not load keys" in capsys.readouterr().err


def test_no_trace_says_how_to_get_one(settings: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert call("trace", "--config", str(settings)) == 1
    assert "[emv] trace = true" in capsys.readouterr().err
    folder = settings.parent / "state" / "traces"
    folder.mkdir(parents=True)
    (folder / "1.json").write_text('{"atr": "3b00", "atr_is_emv": false, "said": [["00a40400", "6f00", "9000"]]}')
    assert call("trace", "--config", str(settings)) == 0
    assert "SELECT" in capsys.readouterr().out


# -- a journal that is gone --------------------------------------------------------------------------------------------


class Counter:
    """`takeback run` as systemd calls it, on the real disk and the desk's other parts. What it says and shows."""

    def __init__(self, folder: Path, settings: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        from drivers import board
        from firmware import app

        self.state, self.settings, self.film = folder / "state", settings, Film()
        self.journal = self.state / journal.FILE
        monkeypatch.setattr(board, "build", self._parts)
        monkeypatch.setattr(app, "run", lambda t: t.journal.next_stan())
        monkeypatch.setattr(signal, "signal", lambda *_: None)

    def _parts(self, config: object) -> Devices:
        desk = Desk()
        self.film = desk.film
        return replace(desk.devices(Power()), disk=SqliteDisk(self.state))

    def runs(self) -> int:
        return call("run", "--config", str(self.settings))


@pytest.fixture
def counter(settings: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Counter:
    """Provisioned, and started once: a STAN is used."""
    made = Counter(tmp_path, settings, monkeypatch)
    assert call("provision", "--test-keys", "--config", str(settings)) == 0
    assert made.runs() == 0
    return made


def gone(file: Path) -> None:
    file.unlink()


def emptied(file: Path) -> None:
    file.write_bytes(b"")


def log_lost(file: Path) -> None:
    """A main file into which nothing ever came: all of it stood in a log that is no more (security review A1)."""
    file.unlink()
    db = sqlite3.connect(file)
    db.execute("PRAGMA journal_mode=WAL")
    db.close()
    assert file.stat().st_size


LOSSES = pytest.mark.parametrize("lose", [gone, emptied, log_lost])


@LOSSES
def test_a_terminal_that_has_begun_a_journal_never_begins_another_by_itself(
    counter: Counter, capsys: pytest.CaptureFixture[str], lose: Callable[[Path], None]
) -> None:
    """Security review A1, money review D2: it started as if new, without a word, and its STANs began at 000001 again."""
    lose(counter.journal)
    for _ in range(2):
        capsys.readouterr()
        assert counter.runs() == 1
        said = capsys.readouterr().err
        assert "流水缺失" in said and "call the bank" in said and "backup/" in said and "provision" in said
        assert counter.film.now and counter.film.now.name == "fault" and words.JOURNAL_GONE in counter.film.now.lines


@LOSSES
@pytest.mark.parametrize("command", [("keys",), ("keys", "load"), ("journal", "show"), ("journal", "standing"),
                                     ("journal", "migrate"), ("journal", "verify")], ids=" ".join)  # fmt: skip
def test_no_other_command_begins_it_either(
    counter: Counter, capsys: pytest.CaptureFixture[str], lose: Callable[[Path], None], command: tuple[str, ...]
) -> None:
    """A journal that `takeback keys` had made would let the next start go on as new."""
    lose(counter.journal)
    assert call(*command, "--config", str(counter.settings)) == 1
    assert "流水缺失" in capsys.readouterr().err
    assert counter.runs() == 1


@LOSSES
def test_doctor_says_that_the_journal_is_gone(
    counter: Counter, capsys: pytest.CaptureFixture[str], lose: Callable[[Path], None]
) -> None:
    lose(counter.journal)
    call("doctor", "--json", "--config", str(counter.settings))
    (found,) = [f for f in json.loads(capsys.readouterr().out) if f["part"] == "journal"]
    assert found["health"] == "fault" and "流水缺失" in found["found"]


def test_a_journal_with_a_wrong_index_stops_the_terminal_and_says_what_to_do(
    counter: Counter, capsys: pytest.CaptureFixture[str]
) -> None:
    """Money review D9: quick_check compares no index with its table (sqlite.org/pragma.html#pragma_quick_check)."""
    db = sqlite3.connect(counter.journal)
    db.execute("PRAGMA writable_schema=ON")
    db.execute("UPDATE sqlite_master SET sql = replace(sql, '(state)', '(kind)') WHERE name = 'entries_state'")
    db.execute("INSERT INTO entries VALUES (1, 'owed', 'sale', '000001', '000009', 0, '{}')")
    db.commit()
    db.close()
    assert counter.runs() == 1
    said = capsys.readouterr().err
    assert "entries_state" in said and "restore the last backup" in said
    assert counter.film.now and words.JOURNAL_BAD in counter.film.now.lines
    gc.collect()  # the process is gone, and its lock with it
    assert call("journal", "verify", "--config", str(counter.settings)) == 1
    assert "entries_state" in capsys.readouterr().err


def test_a_backup_that_is_put_back_sells_again(counter: Counter) -> None:
    """The copy that an update makes."""
    copy = counter.state / "backup" / "journal-7.db"
    takeback_update.journal_backup(counter.journal, copy)
    counter.journal.unlink()
    assert counter.runs() == 1
    shutil.copy(copy, counter.journal)
    assert counter.runs() == 0


def test_new_keys_begin_a_new_journal(counter: Counter) -> None:
    """A technician who provisions anew has a fresh key store; one who keeps the journal goes on with it."""
    for left in (True, False):
        (counter.state / keystore.FILE).unlink()
        if not left:
            counter.journal.unlink()
        assert call("provision", "--test-keys", "--config", str(counter.settings)) == 0
        assert counter.runs() == 0
    counter.journal.unlink()
    assert counter.runs() == 1, "and is missed from its first start on"


def test_a_first_start_that_a_power_cut_ended_begins_again(counter: Counter, monkeypatch: pytest.MonkeyPatch) -> None:
    """The key store is told when the journal is there: cut before that, nothing is missed yet."""
    (counter.state / keystore.FILE).unlink()
    counter.journal.unlink()
    assert call("provision", "--test-keys", "--config", str(counter.settings)) == 0

    def cut(*_: object) -> None:
        raise PowerCut

    with monkeypatch.context() as dark, contextlib.suppress(PowerCut):
        dark.setattr(keystore, "save", cut)
        counter.runs()
    gc.collect()  # the process is gone, and its lock with it
    assert counter.journal.exists() and not keystore.load(counter.state).begun
    assert counter.runs() == 0 and keystore.load(counter.state).begun


def test_a_key_store_that_cannot_be_written_does_not_stop_a_shop(
    counter: Counter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No room on the card: a journal that stands is worth more than the word that it stood."""
    keystore.save(replace(keystore.load(counter.state), begun=False), counter.state)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(keystore, "save", full)
    assert counter.runs() == 0


def test_keys_that_change_do_not_forget_the_journal(counter: Counter) -> None:
    kept = keystore.load(counter.state)
    assert kept.begun
    for other in (kept.without_tmk(), kept.with_tmk(bytes(range(16)))):
        keystore.save(other, counter.state)
        assert keystore.load(counter.state).begun
