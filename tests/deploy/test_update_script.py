"""takeback-update in process: whatever is wrong with a bundle, a release or the moment, the terminal ends on a good release
and its journal is whole. A power cut is tried at each durable step of an update and of the way back."""

from __future__ import annotations

import io
import json
import platform
import re
import shutil
import sqlite3
import tarfile
from pathlib import Path

import pytest

from deploy.terminal import takeback_update as update
from firmware.ledger import lifecycle
from firmware.ledger.lifecycle import State
from tests.deploy.shelf import FakeMachine, act, bundle, entry, into_inbox, journal, vitals


class Cut(BaseException):
    """The power is gone."""


class CutDisk(update.Disk):
    """Goes dark at durable step `at`, before or after it."""

    def __init__(self, at: int, after: bool) -> None:
        self.at, self.after, self.steps = at, after, 0

    def _step(self, do) -> None:  # type: ignore[no-untyped-def]
        self.steps += 1
        if self.steps == self.at and not self.after:
            raise Cut
        do()
        if self.steps == self.at:
            raise Cut

    def replace(self, path: Path, data: bytes) -> None:
        self._step(lambda: super(CutDisk, self).replace(path, data))

    def link(self, target: str, path: Path) -> None:
        self._step(lambda: super(CutDisk, self).link(target, path))

    def rename(self, old: Path, new: Path) -> None:
        self._step(lambda: super(CutDisk, self).rename(old, new))

    def remove(self, path: Path) -> None:
        self._step(lambda: super(CutDisk, self).remove(path))

    def give(self, folder: Path, name: str, data: bytes) -> None:
        self._step(lambda: super(CutDisk, self).give(folder, name, data))

    def tree(self, path: Path) -> None:
        self._step(lambda: super(CutDisk, self).tree(path))


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> FakeMachine:
    """A terminal with release 1, which is good, and a journal."""
    monkeypatch.setattr(update.platform, "machine", lambda: "x86_64")
    monkeypatch.setattr(update.platform, "python_version_tuple", lambda: ("3", "11", "2"))
    (tmp_path / "opt/takeback").mkdir(parents=True)
    (tmp_path / "etc/takeback").mkdir(parents=True)
    (tmp_path / "shelf").mkdir()
    made = FakeMachine(tmp_path)
    entry(tmp_path, "released")
    (tmp_path / "var/lib/takeback/keystore.json").write_text("{}")
    assert act(made.terminal(), "install", str(bundle(tmp_path / "shelf", 1))) == 0
    made.said.clear()
    return made


def install(m: FakeMachine, counter: int = 2, *more: str, disk: update.Disk | None = None, **about: object) -> dict:
    file = bundle(m.root / "shelf", counter, **about)  # type: ignore[arg-type]
    act(m.terminal(disk), "install", str(file), *more)
    return m.terminal().read("result.json")


def boots(m: FakeMachine) -> None:
    """What systemd does at a boot: takeback-boot, the terminal, takeback-settle."""
    m.active = False
    m.starts += 1
    act(m.terminal(), "boot")
    m.active = bool(m.running()) and m.bad.get(m.running()) != "start"
    act(m.terminal(), "settle")


def whole(m: FakeMachine) -> None:
    """It runs, on something that was found good, with nothing half done, and the journal is there."""
    t = m.terminal()
    name = t.running()
    assert m.active and (t.releases / name / "good").exists() and (t.releases / name / "built").exists()
    assert not t.read("trial.json") and not list(t.releases.glob("*.part"))
    for file in t.manifest(name)["files"]:
        assert (t.releases / name / file).exists()
    with journal(m.root) as db:
        assert db.execute("SELECT count(*) FROM entries").fetchone()[0] >= 1
        assert db.execute("PRAGMA user_version").fetchone()[0] in (0, t.manifest(name)["journal"])


def test_a_good_release_is_switched_to_and_the_old_one_kept_for_rollback(machine: FakeMachine) -> None:
    found = install(machine)
    assert (found["outcome"], found["running"]) == ("good", "1.0.2-2")
    assert machine.said == ["stop", "start 1.0.2-2"]
    assert machine.terminal().status()["before"] == "1.0.1-1"
    whole(machine)
    act(machine.terminal(), "rollback")
    assert machine.running() == "1.0.1-1"
    whole(machine)
    act(machine.terminal(), "rollback")
    assert machine.terminal().read("result.json")["why"] == "there is no earlier good release on this terminal"
    assert machine.running() == "1.0.1-1" and machine.active


@pytest.mark.parametrize(("how", "outcome", "why"), [
    ("start", "rolled back", "does not start"), ("hang", "rolled back", "did not keep running"),
    ("doctor", "rolled back", "printer"), ("mute", "rolled back", "doctor does not run"),
    ("migrate", "rolled back", "does not open"), ("version", "refused", "does not say its version"),
    ("build", "refused", "does not install")])  # fmt: skip
def test_a_bad_release_takes_itself_back(machine: FakeMachine, how: str, outcome: str, why: str) -> None:
    machine.bad["1.0.2-2"] = how
    found = install(machine)
    assert found["outcome"] == outcome and why in found["why"] and found["running"] == "1.0.1-1"
    whole(machine)
    machine.bad.clear()
    assert install(machine)["outcome"] == "good", "the same counter again, since it never was good"


def test_the_first_release_of_a_terminal_without_keys_lies_ready_and_does_not_start(tmp_path: Path) -> None:
    (tmp_path / "opt/takeback").mkdir(parents=True)
    (tmp_path / "var/lib/takeback").mkdir(parents=True)
    m = FakeMachine(tmp_path)
    file = _rewritten(bundle(tmp_path, 1), {"arch": platform.machine().replace("x86_64", "amd64"),
                                            "python": [".".join(platform.python_version_tuple()[:2])]})  # fmt: skip
    assert act(m.terminal(), "install", str(file)) == 0
    assert m.running() == "1.0.1-1" and m.said == [] and m.terminal().read("result.json")["outcome"] == "good"


def test_a_change_that_is_killed_at_any_step_is_settled(machine: FakeMachine) -> None:
    for at in range(1, 60):
        disk = CutDisk(at, True)
        try:
            install(machine, at + 1, disk=disk)
            assert disk.steps < at
            break
        except Cut:
            act(machine.terminal(), "settle")
        whole(machine)
        assert machine.terminal().read("result.json")["outcome"]
    else:
        pytest.fail("never came to an end")


def test_a_fault_the_old_release_finds_too_is_the_shops(machine: FakeMachine) -> None:
    machine.faults = ["printer"]
    assert install(machine)["outcome"] == "good"


@pytest.mark.parametrize(("about", "why"), [
    ({"arch": "aarch64"}, "is for aarch64"), ({"python": ["3.9", "3.10"]}, "is for Python 3.9 and 3.10, here is"),
    ({"platform": 99}, "run `deploy first` once more"), ({"counter": 0}, "counter 0, 1 was good"),
    ({"name": "../../etc"}, "manifest is wrong"), ({"built": 1.5}, "manifest is wrong: built"),
    ({"files": {}}, "which its manifest does not name"), ({"files": {"program": "0" * 64}}, "does not name|not what"),
    ({"kind": "firmware"}, "manifest"),
])  # fmt: skip
def test_a_bundle_that_does_not_fit_is_refused_and_nothing_stops(machine: FakeMachine, about: dict, why: str) -> None:
    file = _rewritten(bundle(machine.root / "shelf", 2), about)
    assert act(machine.terminal(), "install", str(file)) == 1
    found = machine.terminal().read("result.json")
    assert found["outcome"] == "refused" and re.search(why, found["why"]), found["why"]
    assert "stop" not in machine.said
    whole(machine)


def _rewritten(file: Path, about: dict) -> Path:
    """The same bundle with other words in its manifest."""
    with tarfile.open(file) as tar:
        held = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    held["release.json"] = json.dumps(json.loads(held["release.json"]) | about).encode()
    with tarfile.open(file, "w:") as tar:
        for name, data in held.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return file


def test_a_wrong_signature_a_missing_one_and_a_link_are_refused(machine: FakeMachine) -> None:
    file = bundle(machine.root / "shelf", 2)
    sig = file.with_name(file.name + ".sig")
    for damage, why in ((lambda: sig.write_bytes(b"forged"), "not signed by anybody"), (sig.unlink, "cannot be read"),
                        (lambda: (file.unlink(), file.symlink_to("/etc/shadow")), "cannot be read")):  # fmt: skip
        damage()
        assert act(machine.terminal(), "install", str(file)) == 1
        assert why in machine.terminal().read("result.json")["why"]
    assert "stop" not in machine.said
    whole(machine)


def test_every_cut_off_bundle_is_refused(machine: FakeMachine) -> None:
    data = bundle(machine.root / "shelf", 2).read_bytes()
    with tarfile.open(fileobj=io.BytesIO(data)) as tar:
        ends = max(m.offset_data + m.size for m in tar)  # the rest is padding
    for size in range(0, ends, 256):
        file = bundle(machine.root / "shelf", 2)
        file.write_bytes(data[:size])
        assert act(machine.terminal(), "install", str(file)) == 1, size
        assert machine.terminal().read("result.json")["outcome"] == "refused"
    whole(machine)


def test_a_downgrade_is_refused_though_its_signature_is_good(machine: FakeMachine) -> None:
    old = bundle(machine.root / "shelf", 2)
    install(machine, 3)
    assert act(machine.terminal(), "install", str(old)) == 1
    assert "counter 2, 3 was good" in machine.terminal().read("result.json")["why"]
    assert machine.running() == "1.0.3-3"


def test_the_same_again_changes_nothing(machine: FakeMachine) -> None:
    install(machine)
    machine.said.clear()
    assert install(machine)["why"] == "it is in force already"
    assert machine.said == []


# -- money ---------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("state", [*update.OPEN, *update.WAITING])
def test_nothing_is_updated_while_money_is_open_or_owed(machine: FakeMachine, state: str) -> None:
    entry(machine.root, state)
    found = install(machine)
    assert found["outcome"] == "refused" and "nothing was changed" in found["why"]
    whole(machine)
    assert machine.running() == "1.0.1-1"


def test_the_states_are_those_of_the_ledger() -> None:
    assert set(update.OPEN) == {s.value for s in lifecycle.OPEN}
    assert set(update.WAITING) == {State.OWED.value, State.UPLOAD_OWED.value, State.UNKNOWN.value}


def test_a_running_terminal_that_says_it_is_busy_is_not_even_stopped(machine: FakeMachine) -> None:
    vitals(machine.root, open=1)
    assert "an act is open at the counter (1)" in install(machine)["why"]
    vitals(machine.root, busy=True)
    assert "somebody is in the middle of an act" in install(machine)["why"]
    vitals(machine.root, owed=2)
    assert "the bank is still owed an answer (2)" in install(machine)["why"]
    assert machine.said == []


def test_drain_waits_until_nothing_is_owed(machine: FakeMachine) -> None:
    vitals(machine.root, owed=1)
    waited = machine.wait

    def wait(seconds: float) -> None:
        waited(seconds)
        if machine.time > 20:
            vitals(machine.root)

    machine.wait = wait  # type: ignore[method-assign]
    assert install(machine, 2, "--drain", "60")["outcome"] == "good"
    machine.time = 0.0
    vitals(machine.root, owed=1)
    machine.wait = waited  # type: ignore[method-assign]
    assert install(machine, 3, "--drain", "10")["outcome"] == "refused"


def test_an_unsettled_batch_stops_an_update_only_where_the_shop_wants_it(machine: FakeMachine) -> None:
    assert "1 entries are unsettled" in install(machine, 2, "--only-settled")["why"]
    assert install(machine, 2)["outcome"] == "good"


def test_a_new_form_of_the_journal_is_held_and_comes_back_with_the_copy(machine: FakeMachine) -> None:
    machine.bad["1.0.2-2"] = "hang"
    seen: list[bool] = []
    pulse = machine.pulse

    def watched() -> tuple[str, str]:
        seen.append(machine.terminal().read("trial.json").get("hold", False))
        return pulse()

    machine.pulse = watched  # type: ignore[method-assign]
    assert install(machine, 2, journal=4)["outcome"] == "rolled back"
    assert seen and all(seen), "on trial with a new form it must not write"
    with journal(machine.root) as db:
        assert db.execute("PRAGMA user_version").fetchone() == (0,) or db.execute("PRAGMA user_version").fetchone() == (
            3,
        )
    whole(machine)


def test_what_was_written_since_the_copy_is_never_thrown_away(machine: FakeMachine, tmp_path: Path) -> None:
    path, copy = tmp_path / "var/lib/takeback/journal.db", tmp_path / "copy.db"
    update.journal_backup(path, copy)
    with journal(tmp_path) as db:
        db.execute("PRAGMA user_version = 9")
    entry(tmp_path, "owed")
    with pytest.raises(sqlite3.DataError, match="may not come back"):
        update.journal_restore(path, copy)
    assert update.journal_standing(path)["owed"] == 1


@pytest.mark.parametrize("at_boot", [False, True])
def test_a_release_whose_journal_has_grown_is_kept_and_people_are_told(machine: FakeMachine, at_boot: bool) -> None:
    """The hold should make this impossible; if it ever happens, the books come first."""
    machine.bad["1.0.2-2"] = "hang"
    waited = machine.wait

    def wait(seconds: float) -> None:
        waited(seconds)
        if (
            machine.running() == "1.0.2-2"
            and update.journal_standing(machine.root / "var/lib/takeback/journal.db").get("owed") is None
        ):
            entry(machine.root, "owed")
            if at_boot:
                raise Cut

    machine.wait = wait  # type: ignore[method-assign]
    if at_boot:
        with pytest.raises(Cut):
            install(machine, 2, journal=4)
        machine.wait = waited  # type: ignore[method-assign]
        t = machine.terminal()
        t.write("trial.json", t.read("trial.json") | {"verdict": "it hung"})
        act(machine.terminal(), "boot")
        machine.active = True
    else:
        install(machine, 2, journal=4)
    found = machine.terminal().read("result.json")
    assert found["outcome"] == "kept" and "may not come back" in found["why"] and machine.running() == "1.0.2-2"
    assert update.journal_standing(machine.root / "var/lib/takeback/journal.db")["owed"] == 1
    whole(machine)


def test_rollback_is_refused_when_the_old_release_does_not_know_the_journal(machine: FakeMachine) -> None:
    install(machine, 2, journal=4)
    assert act(machine.terminal(), "rollback") == 1
    assert "newer form" in machine.terminal().read("result.json")["why"]
    whole(machine)
    machine.said.clear()
    assert "knows an older form" in install(machine, 3, journal=3)["why"]
    assert machine.said == [], "nobody stood still for it"


# -- parameters ----------------------------------------------------------------------------------------------------------


def test_parameters_go_the_same_way_and_come_back_the_same_way(machine: FakeMachine) -> None:
    state = machine.root / "var/lib/takeback"
    assert install(machine, 5, kind="parameters", files={"emv.toml": b"new"})["outcome"] == "good"
    assert (state / "emv.toml").read_bytes() == b"new"
    machine.bad["1.0.1-1"] = "hang"
    assert install(machine, 6, kind="parameters", files={"emv.toml": b"newer"})["outcome"] == "rolled back"
    assert (state / "emv.toml").read_bytes() == b"new"
    machine.bad["1.0.1-1"] = "rules"
    files = {"rules.toml": b"x", "rules.toml.sig": b"y", "emv.toml": b"newest"}
    assert "rule pack is not taken" in install(machine, 7, kind="parameters", files=files)["why"]
    assert (state / "emv.toml").read_bytes() == b"new"
    assert "counter 4, 5 was good" in install(machine, 4, kind="parameters", files={"emv.toml": b"old"})["why"]
    machine.bad.clear()
    assert machine.terminal().status()["parameters"] == 5


# -- power ---------------------------------------------------------------------------------------------------------------


def sweep(tmp_path: Path, how: str, form: int, again: tuple[int, ...]) -> set[str]:
    """Cut at each durable step, before and after it; then at boots that are cut themselves. Returns where it ended."""
    good = tmp_path.with_name(tmp_path.name + "-good")
    shutil.copytree(tmp_path, good, symlinks=True)
    ends, at = set(), 0
    while True:
        at += 1
        for after, boot_cut in [(a, b) for a in (False, True) for b in again]:
            shutil.rmtree(tmp_path)
            shutil.copytree(good, tmp_path, symlinks=True)
            m, disk = FakeMachine(tmp_path, {"1.0.2-2": how}, active=True, starts=1), CutDisk(at, after)
            try:
                install(m, 2, disk=disk, journal=form)
            except Cut:
                _boot_cut_at(m, boot_cut)
                boots(m)
                boots(m)
            whole(m)
            ends.add(m.running())
        if disk.steps < at:
            assert at > 15
            return ends


@pytest.mark.parametrize(("how", "form"), [("", 3), ("hang", 4), ("doctor", 4)])
def test_a_power_cut_at_every_durable_step_ends_on_a_good_release(
    machine: FakeMachine, how: str, form: int, tmp_path: Path
) -> None:
    assert sweep(tmp_path, how, form, (0,)) == ({"1.0.1-1"} if how else {"1.0.1-1", "1.0.2-2"})


@pytest.mark.slow
@pytest.mark.parametrize("how", ["", "start", "hang", "doctor", "migrate"])
@pytest.mark.parametrize("form", [3, 4])
def test_so_does_a_second_cut_at_every_step_of_the_boot_after_it(
    machine: FakeMachine, how: str, form: int, tmp_path: Path
) -> None:
    assert sweep(tmp_path, how, form, (1, 2, 3, 4)) == ({"1.0.1-1"} if how else {"1.0.1-1", "1.0.2-2"})


def _boot_cut_at(m: FakeMachine, step: int) -> None:
    """A boot that does not get far; 0: none."""
    m.active = False
    try:
        act(m.terminal(CutDisk(step, True)), "boot")
    except Cut:
        pass


def test_a_release_that_is_never_found_good_gives_up_after_its_boots(machine: FakeMachine) -> None:
    t = machine.terminal()
    manifest = t.check(t.take(into_inbox(t, bundle(machine.root / "shelf", 2))))
    t.unpack(t.opt / "incoming" / "takeback-1.0.2-2.tar", manifest)
    t.build("1.0.2-2")
    t.write("trial.json", {"release": "1.0.2-2", "back_to": "1.0.1-1", "tries": 0, "window": 45, "hold": False,
                           "backup": "", "kind": "release", "rollback": False})  # fmt: skip
    t.disk.link("releases/1.0.2-2", t.current)
    for _ in range(update.TRIES):
        act(machine.terminal(), "boot")
        assert machine.running() == "1.0.2-2"
    act(machine.terminal(), "boot")
    assert machine.running() == "1.0.1-1"
    assert "3 boots" in machine.terminal().read("result.json")["why"]


def test_a_disk_that_fills_up_at_any_step_leaves_the_old_release_running(machine: FakeMachine) -> None:
    class Full(update.Disk):
        def __init__(self, at: int) -> None:
            self.at, self.steps = at, 0

        def replace(self, path: Path, data: bytes) -> None:
            self.steps += 1
            if (self.steps >= self.at and path.name != "trial.json") or self.steps == self.at:
                raise OSError(28, "No space left on device")
            super().replace(path, data)

    for at in range(1, 30):
        disk = Full(at)
        found = install(machine, 2, disk=disk)
        whole(machine)
        if disk.steps < at:
            assert found["outcome"] == "good"
            break
        assert machine.running() in ("1.0.1-1", "1.0.2-2")
    else:
        pytest.fail("the disk never had room")


def test_two_changes_never_run_at_once_and_the_second_touches_nothing(machine: FakeMachine) -> None:
    t = machine.terminal()
    t.write("trial.json", {"release": "x", "kind": "release"})
    assert act(machine.terminal(), "install", str(bundle(machine.root / "shelf", 2))) == 1
    assert machine.terminal().read("trial.json") == {"release": "x", "kind": "release"}
    t.disk.remove(t.opt / "trial.json")
    with t.alone():
        assert act(machine.terminal(), "install", str(bundle(machine.root / "shelf", 2))) == 1
    whole(machine)
