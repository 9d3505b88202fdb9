"""Waves, gate and record in process, with links that are played."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from deploy import fleet, inventory, release
from deploy.fleet import Lost, Outcome, Record
from deploy.inventory import BadInventory, Fleet, Target

OURS = Fleet(Path("known"), Path("admin"), Path("deploy"), Path("signers"), window_s=1)


def targets(count: int) -> list[Target]:
    return [Target(f"t{n}", f"192.0.2.{n}") for n in range(count)]


def test_canaries_then_a_tenth_then_the_rest_always_in_the_same_order() -> None:
    found = fleet.waves(targets(25), ("t7", "t3"))
    assert [[t.name for t in w] for w in found[:2]] == [["t3", "t7"], ["t0", "t1", "t2"]]
    assert [len(w) for w in found] == [2, 3, 20]
    assert [len(w) for w in fleet.waves(targets(1), ())] == [1]
    assert [[t.name for t in w] for w in fleet.waves(targets(3), ())] == [["t0"], ["t1"], ["t2"]]
    assert fleet.waves([], ()) == []


@pytest.mark.parametrize(("outcomes", "may_fail", "proved", "halts"), [
    (["good", "already"], 0, False, False), (["good", "rolled back"], 0, True, True), (["good", "rolled back"], 1, True, False),
    (["lost", "good"], 0, True, True), (["interrupted", "good"], 0, True, True), (["refused", "good"], 0, False, False),
    (["refused", "unreachable"], 0, False, True), (["refused", "unreachable"], 0, True, False)])  # fmt: skip
def test_the_gate(outcomes: list[str], may_fail: int, proved: bool, halts: bool) -> None:
    found = [Outcome(str(n), o) for n, o in enumerate(outcomes)]
    assert bool(fleet.halted(found, may_fail, proved)) is halts


class Played:
    """Terminals that answer as they are told: good, rolled back, refused, drops (the link breaks while it works), mute."""

    def __init__(self, how: dict[str, str], wave: list[Target], log: list[str]) -> None:
        self.how, self.log = how, log
        self.dropped = {t.name: "no connection" for t in wave if how.get(t.name) == "unreachable"}
        self.names = [t.name for t in wave if t.name not in self.dropped]
        self.jobs: dict[str, str] = {}
        self.asked: dict[str, int] = {}

    def run(self, name: str, *command: str, timeout_s: float = 1.0) -> tuple[bool, str]:
        how, verb = self.how.get(name, "good"), command[3] if command[0] == "sudo" else command[0]
        if verb == "status":
            return True, json.dumps({"sha256": "", "running": "old", "active": "active", "trial": {}})
        if verb == "sha256sum":
            return False, "no such file"
        if verb == "install":
            self.log.append(name)
            if how == "refused":
                return False, "refused: another change is running"
            self.jobs[name] = command[command.index("--id") + 1]
            return True, ""
        self.asked[name] = self.asked.get(name, 0) + 1
        if how == "drops" and self.asked[name] == 1:
            raise Lost("the link broke")
        done = "" if how == "mute" or self.asked[name] < 3 else how.replace("drops", "good")
        return True, json.dumps({"id": self.jobs[name], "outcome": done, "running": "new", "why": ""})

    def put(self, name: str, file: Path, to: str, timeout_s: float = 1.0) -> None:
        if self.how.get(name) == "full":
            raise Lost("no space")

    def again(self, name: str) -> None:
        self.log.append(f"again {name}")

    def each(self, names: list[str], act: Callable[[str], Any]) -> dict[str, Any]:
        return {n: act(n) for n in names}


@pytest.fixture
def roll(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., tuple[dict[str, str], list[str], list[str]]]:
    """Roll a bundle out over played terminals: outcomes, who was asked to install, what was said."""
    now = [0.0]
    monkeypatch.setattr(fleet.time, "sleep", lambda s: now.__setitem__(0, now[0] + s))
    monkeypatch.setattr(fleet.time, "monotonic", lambda: now[0])
    bundle = release.write({"kind": "release", "name": "1", "built": 1}, {"a": b"a"}, tmp_path / "takeback-1.tar")
    bundle.with_name(bundle.name + ".sig").write_bytes(b"s")

    def run(count: int, how: dict[str, str], **more: Any) -> tuple[dict[str, str], list[str], list[str]]:
        log: list[str] = []
        said: list[str] = []

        @contextlib.contextmanager
        def connect(wave: list[Target]) -> Iterator[Played]:
            yield Played(how, wave, log)

        found = fleet.roll_out(
            connect, OURS, targets(count), bundle, Record(tmp_path / "record.json"), said.append, **more
        )
        return {o.name: o.outcome for o in found}, log, said

    return run


def test_a_bad_canary_stops_the_rest(roll: Any) -> None:
    found, log, said = roll(20, {"t0": "rolled back"})
    assert found == {"t0": "rolled back"} and log == ["t0"]
    assert said[-1] == "HALT after wave 1: t0 did not keep the release"


def test_hosts_that_are_not_there_or_say_no_stop_nobody(roll: Any) -> None:
    found, log, _ = roll(12, {"t1": "unreachable", "t5": "refused", "t6": "drops"})
    assert found["t1"] == "unreachable" and found["t5"] == "refused" and found["t6"] == "good"
    assert sum(o == "good" for o in found.values()) == 10
    assert "again t6" in log


def test_a_terminal_that_never_answers_again_is_lost_and_halts(roll: Any) -> None:
    found, _, said = roll(20, {"t1": "mute"})
    assert found["t1"] == "lost" and "HALT after wave 2: t1 did not keep the release" in said


def test_the_record_resumes_where_it_was_halted(roll: Any) -> None:
    assert roll(20, {"t2": "rolled back"})[0]["t2"] == "rolled back"
    found, log, said = roll(20, {})
    assert len(found) == 20 and all(o in ("good", "already") for o in found.values())
    assert "t0" not in log and "t1" not in log and "t2" in log, "who has it is not asked again"


def test_a_broken_upload_is_that_terminals_trouble(roll: Any) -> None:
    found, _, said = roll(3, {"t0": "full"})
    assert found == {"t0": "lost"} and "no space" in " ".join(said)


# -- inventory -----------------------------------------------------------------------------------------------------------

GOOD = '[fleet]\nknown_hosts = "k"\nadmin_key = "k"\ndeploy_key = "k"\nsigners = "k"\n[terminal.a]\naddress = "192.0.2.1"\n'


@pytest.mark.parametrize(("text", "why"), [
    (GOOD.replace('signers = "k"\n', ""), r"\[fleet\] signers is missing"),
    (GOOD.replace('signers = "k"', 'signers = "gone"'), "gone does not exist"),
    (GOOD + "pot = 1\n", r"\[terminal.a\] pot is not known"), (GOOD + 'port = "x"\n', "port must be int"),
    (GOOD + '[terminal.b]\naddress = "192.0.2.1"\n', "a and b have the same address"),
    (GOOD.replace("[fleet]", '[fleet]\ncanary = ["z"]'), "canary 'z' is not a terminal"),
    (GOOD.replace("[fleet]", "[fleet]\ncanary = 1"), "must be a list of texts"), ("[fleets]\n", r"\[fleets\] is not known"),
    ("=", "fleet.toml")])  # fmt: skip
def test_each_mistake_of_an_inventory_is_one_sentence(tmp_path: Path, text: str, why: str) -> None:
    (tmp_path / "k").touch()
    (tmp_path / "fleet.toml").write_text(text)
    with pytest.raises(BadInventory, match=why):
        inventory.load(tmp_path / "fleet.toml")


def test_terminals_are_picked_by_name_or_all_or_user_at_host(tmp_path: Path) -> None:
    (tmp_path / "k").touch()
    (tmp_path / "fleet.toml").write_text(GOOD)
    found = inventory.load(tmp_path / "fleet.toml")
    assert found.pick(["all"]) == found.pick(["a"]) == [Target("a", "192.0.2.1")]
    with pytest.raises(BadInventory, match="no terminal 'b'; known: a"):
        found.pick(["b"])
    ours, one = inventory.single("pi@shop.example:2222", found.fleet)
    assert (ours.admin, one.address, one.port) == ("pi", "shop.example", 2222)
    for wrong in ("pi@", "@host", "pi@host:x"):
        with pytest.raises(BadInventory, match="is not user@host"):
            inventory.single(wrong, found.fleet)


def test_a_terminal_may_reach_its_bank_and_what_stands_in_the_inventory() -> None:
    one = Target("a", "192.0.2.1", reach=("198.51.100.0/24",))
    assert inventory.allowed(one, {"host": {"address": "203.0.113.7"}}) == ["198.51.100.0/24", "203.0.113.7"]
    assert inventory.allowed(one, {"host": {"address": "bank.example"}}) == ["198.51.100.0/24"]
    with pytest.raises(BadInventory, match=r"\[host\] address is a name"):
        inventory.allowed(Target("a", "192.0.2.1"), {"host": {"address": "bank.example"}})
    with pytest.raises(BadInventory, match="is no IP address"):
        inventory.allowed(Target("a", "192.0.2.1", reach=("bank",)), {})


# -- bundles -------------------------------------------------------------------------------------------------------------


def test_the_same_content_is_the_same_bytes_and_parameters_say_what_they_lack(tmp_path: Path) -> None:
    about = {"kind": "parameters", "name": "x", "counter": 1, "built": 1_700_000_000}
    files = {"emv.toml": b"a", "rules.toml": b"b"}
    one = release.write(about, files, tmp_path / "1.tar").read_bytes()
    assert one == release.write(about, dict(reversed(files.items())), tmp_path / "2.tar").read_bytes()
    (tmp_path / "rules.toml").write_text("x")
    with pytest.raises(release.NotBuilt, match="goes with its own signature"):
        release.parameters("x", 1, [tmp_path / "rules.toml"], tmp_path)
    with pytest.raises(release.NotBuilt, match=r"keys\.toml is no parameter file"):
        release.parameters("x", 1, [tmp_path / "keys.toml"], tmp_path)
    with pytest.raises(release.NotBuilt, match="no recipe for mips"):
        release.build("mips", 1, tmp_path)
    with pytest.raises(release.NotBuilt, match="1 or more"):
        release.build("amd64", 0, tmp_path)
