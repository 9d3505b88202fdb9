"""What two less trusted accounts can make root do through takeback-update: nothing but its verbs.

The deployment account has sudo for this script, the terminal's account owns the folders that root has to look into
(outside review, security A2 and A3: each became root). Each verb is tried with each kind of argument, each file with each
kind of thing that can stand in its place; the tree outside the script's own folders must be the same afterwards.
sudoers(5) on regular expressions in arguments, open(2) on O_NOFOLLOW, path_resolution(7)."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from deploy.terminal import takeback_update as update
from tests.deploy.shelf import FakeMachine, act, bundle, entry, into_inbox

SUDOERS = (Path(update.__file__).parent / "sudoers").read_text(encoding="utf-8")
SCRIPT = "/usr/local/sbin/takeback-update"
REST = "--id 0123456789abcdef --drain 0 --window 45"
GOOD = (
    "status", "result", "logs", "logs --lines 50", "restart", f"install takeback-1.0.2-2.tar {REST}",
    f"install takeback-1.0.2-2.tar {REST} --only-settled", f"rollback {REST}",
)  # fmt: skip
WORDS = (
    "/etc/shadow", "../../etc/shadow", "..", ".", ".hidden", "-h", "--help", "--here", "x/y", "a b", "a;id", "$(id)", "*", "", "\n",
    "a\nb", "~root", "x\0y",
)  # fmt: skip


def allowed(arguments: str) -> bool:
    """As sudo reads the committed file: whole words as they stand, or a regular expression between ^ and $."""
    text = re.sub(r"\\\n\s*", "", SUDOERS)
    found = [c.strip() for row in re.findall(r"^Cmnd_Alias \w+ = (.*)$", text, re.M) for c in row.split(",")]
    lists = [c.removeprefix(SCRIPT).strip() for c in found]
    assert all(c.startswith(SCRIPT + " ") for c in found), "no command without its arguments"
    return any(re.search(x, arguments) if x.startswith("^") else x == arguments for x in lists)


@pytest.mark.parametrize("words", GOOD)
def test_what_the_engine_sends_is_on_the_list_and_understood(words: str) -> None:
    assert allowed(words)
    update._options(words.split())


def test_the_list_names_no_path_no_wildcard_and_nothing_that_takes_one() -> None:
    rights = [row for row in SUDOERS.splitlines() if row.startswith("takeback-deploy")]
    assert rights == ["takeback-deploy ALL=(root) NOPASSWD: TAKEBACK_LOOK, TAKEBACK_CHANGE"]
    for pattern in re.findall(r"\^(.*?)\$", SUDOERS):
        assert "/" not in pattern and ".*" not in pattern.replace("0-9A-Za-z.+_-]*", "") and "journal" not in pattern


VERBS = ("install", "rollback", "status", "result", "boot", "settle", "restart", "stop", "logs", "logs --lines", "journal",
         "journal backup", "journal standing", "journal restore", "")  # fmt: skip


@pytest.mark.parametrize("verb", VERBS)
@pytest.mark.parametrize("word", WORDS)
def test_no_verb_takes_a_word_of_the_callers_choice(verb: str, word: str) -> None:
    """By sudo's list; and by the script itself, should the list ever be wider."""
    for words in (f"{verb} {word}", f"{verb} {word} {REST}", f"{verb} {REST} {word}", f"{verb} x.tar {REST} {word}"):
        assert not allowed(words) or words.strip() in GOOD, words
    if verb == "install":
        with pytest.raises(SystemExit):
            update._options(["install", word])


@pytest.mark.parametrize("value", ["nan", "inf", "-1", "1e9", "0x10", "", "1_000", "999999"])
@pytest.mark.parametrize("option", ["--drain", "--window"])
def test_a_number_of_seconds_is_one(option: str, value: str) -> None:
    """nan is neither more nor less than anything: it skipped the watching, or waited for ever."""
    with pytest.raises(SystemExit):
        update._options(["rollback", option, value])


def test_no_watching_is_no_choice() -> None:
    with pytest.raises(SystemExit):
        update._options(["rollback", "--window", "0"])


def test_root_does_nothing_with_a_journal_by_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The reviewer's command: a database whose text is a line of sudoers, copied to wherever it is read."""
    monkeypatch.setattr(update.os, "geteuid", lambda: 0)
    for what in ("backup", "restore", "standing"):
        assert update.main(["journal", what, str(tmp_path / "x.db"), str(tmp_path / "sudoers.d-zz")]) == 2
    assert list(tmp_path.iterdir()) == []


# -- what can stand in a folder that is not root's ------------------------------------------------------------------------


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    monkeypatch.setattr(update.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(update.platform, "python_version_tuple", lambda: ("3", "11", "2"))
    for folder in ("opt/takeback", "etc/takeback", "shelf"):
        (tmp_path / folder).mkdir(parents=True)
    (tmp_path / "etc/secret").write_text("of root")
    made = FakeMachine(tmp_path)
    entry(tmp_path, "released")
    (tmp_path / "var/lib/takeback/keystore.json").write_text("{}")
    assert act(made.terminal(), "install", str(bundle(tmp_path / "shelf", 1))) == 0
    return made


def _to_link(file: Path, secret: Path) -> None:
    file.symlink_to(secret)


def _to_hard_link(file: Path, secret: Path) -> None:
    os.link(secret, file)


def _to_pipe(file: Path, secret: Path) -> None:
    os.mkfifo(file)


def _to_folder(file: Path, secret: Path) -> None:
    file.mkdir()


def _to_nowhere(file: Path, secret: Path) -> None:
    file.symlink_to(secret.parent / "not yet there")


TRAPS = (_to_link, _to_hard_link, _to_pipe, _to_folder, _to_nowhere)
Trap = Callable[[Path, Path], None]


def gone(file: Path) -> None:
    if file.is_dir() and not file.is_symlink():
        shutil.rmtree(file)
    else:
        file.unlink(missing_ok=True)


def outside(m: FakeMachine) -> dict[str, tuple[int, str]]:
    return {str(p): (p.stat().st_uid, p.read_text()) for p in sorted((m.root / "etc").rglob("*")) if p.is_file()}


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("which", ["", ".sig"])
def test_nothing_in_the_inbox_is_followed_or_waited_for(machine: FakeMachine, trap: Trap, which: str) -> None:
    before, t = outside(machine), machine.terminal()
    name = into_inbox(t, bundle(machine.root / "shelf", 2))
    gone(t.inbox / (name + which))
    trap(t.inbox / (name + which), machine.root / "etc/secret")
    assert act(t, "install", name) == 1
    assert machine.terminal().read("result.json")["outcome"] == "refused"
    assert outside(machine) == before and machine.running() == "1.0.1-1" and machine.active


def test_an_inbox_that_is_a_link_is_none(machine: FakeMachine) -> None:
    t = machine.terminal()
    name = into_inbox(t, bundle(machine.root / "shelf", 2))
    t.inbox.rename(machine.root / "elsewhere")
    t.inbox.symlink_to(machine.root / "elsewhere")
    assert act(t, "install", name) == 1 and machine.running() == "1.0.1-1"


def parameters(m: FakeMachine, counter: int) -> str:
    return str(bundle(m.root / "shelf", counter, kind="parameters", files={"emv.toml": b"new = 1\n"}))


@pytest.mark.parametrize("trap", TRAPS)
@pytest.mark.parametrize("name", ["emv.toml", "emv.toml.part", "rules.toml"])
def test_nothing_in_the_terminals_folder_is_followed(machine: FakeMachine, trap: Trap, name: str) -> None:
    """A genuine bundle of parameters: root's file behind the link was overwritten and given away (A3)."""
    before, state = outside(machine), machine.root / "var/lib/takeback"
    gone(state / name)
    trap(state / name, machine.root / "etc/secret")
    code = act(machine.terminal(), "install", parameters(machine, 1))
    assert outside(machine) == before and not (machine.root / "etc/not yet there").exists()
    assert (state / name).is_symlink() or not (state / name).is_file() or (state / name).read_text() != "of root" or (
        trap is _to_hard_link)  # fmt: skip
    assert machine.active
    if name == "emv.toml.part":
        assert code == 0 and (state / "emv.toml").read_text() == "new = 1\n"


@pytest.mark.parametrize("trap", TRAPS)
def test_parameters_that_go_back_give_nothing_of_roots_away(machine: FakeMachine, trap: Trap) -> None:
    """The old file was copied before, and put back readable for the terminal's account (A3, 2)."""
    state = machine.root / "var/lib/takeback"
    trap(state / "emv.toml", machine.root / "etc/secret")
    machine.bad["1.0.1-1"] = "doctor"
    act(machine.terminal(), "install", parameters(machine, 1))
    copies = [
        p for p in (*state.iterdir(), *(machine.root / "opt/takeback").rglob("*")) if p.is_file() and not p.is_symlink()
    ]
    assert not [p for p in copies if p.read_bytes() == b"of root" and p.stat().st_nlink == 1]


@pytest.mark.parametrize("trap", TRAPS)
def test_old_copies_are_cleared_away_in_the_folder_and_nowhere_else(machine: FakeMachine, trap: Trap) -> None:
    elsewhere, state = machine.root / "etc/of root", machine.root / "var/lib/takeback"
    elsewhere.mkdir()
    for number in range(5):
        (elsewhere / f"journal-{number}.db").write_text("of root")
    shutil.rmtree(state / "backup", ignore_errors=True)
    trap(state / "backup", elsewhere if trap is _to_link else machine.root / "etc/secret")
    machine.terminal()._prune({})
    assert len(list(elsewhere.iterdir())) == 5


@pytest.mark.parametrize("said", ["{", "[]", "null", '"x"', '{"busy": false}', '{"open": "many", "owed": [], "uploads": {}}',
                                  "[" * 100_000, "9" * 9999, ""])  # fmt: skip
def test_vitals_may_be_anything(machine: FakeMachine, said: str) -> None:
    run = machine.root / "run/takeback"
    run.mkdir(parents=True)
    (run / "vitals.json").write_text(said)
    assert isinstance(machine.terminal().status()["vitals"], dict)
    assert act(machine.terminal(), "install", str(bundle(machine.root / "shelf", 2))) == 0


@pytest.mark.parametrize("trap", TRAPS)
def test_vitals_are_no_way_to_read_roots_files_or_to_hold_root_up(machine: FakeMachine, trap: Trap) -> None:
    run = machine.root / "run/takeback"
    run.mkdir(parents=True)
    (machine.root / "etc/secret").write_text('{"of": "root"}')
    trap(run / "vitals.json", machine.root / "etc/secret")
    assert machine.terminal().status()["vitals"] == {}
