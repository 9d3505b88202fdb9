"""SEC6: the case is opened. The TMK leaves the store and the working keys the journal, durably, whatever the power does;
nothing is sold until keys are loaded again, and what is owed still leaves then."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from drivers.safe import FileSafe, Switch
from firmware.errors import KeyProblem
from firmware.hal.events import Tampered
from firmware.ledger.lifecycle import State
from firmware.security import keystore
from hal_mocks import books
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, on, press
from hal_mocks.power import Power, When
from hal_mocks.world import KEYSTORE


def opens(desk: Desk, post: Any) -> None:
    """A screwdriver."""
    desk.film.act("the case is opened")
    desk.world.case_open = True
    post(Tampered())


def settings_of(desk: Desk) -> dict[str, str]:
    db = desk.open()
    try:
        return dict(db.execute("SELECT name, value FROM settings").fetchall())
    finally:
        db.close()


def erased(desk: Desk) -> bool:
    kept = settings_of(desk)
    return (
        desk.world.erased and not kept.get("working_keys") and not kept.get("signed_on") and kept.get("tampered") == "1"
    )


def test_sec6_an_opened_case_erases_the_keys_at_once_and_blocks_sales() -> None:
    d = Desk()
    d.play(Person([*buys("1250"), on("idle", opens), *buys("700")]))
    assert erased(d)
    assert [e.state for e in d.entries()] == [State.RELEASED]
    assert "密钥已清除" in d.film.text()
    assert d.terminal
    assert d.terminal.host.keys is None
    record = d.terminal.journal.last_record("tamper")
    assert record is not None


def test_a_terminal_whose_keys_were_never_loaded_says_so_and_sells_nothing() -> None:
    """No tamper: nothing is erased, told or printed."""
    d = Desk(keystore=replace(KEYSTORE, tmk=None, blank=True))
    d.play(Person([*buys("1250")]))
    assert "请先装入主密钥" in d.film.text() and "密钥已清除" not in d.film.text()
    assert d.entries() == [] and not d.world.bank.seen and not d.world.erased and not d.world.paper.text()
    assert d.terminal and d.terminal.journal.last_record("tamper") is None
    d.keystore = KEYSTORE  # two custodians
    d.play(Person([*buys("1250")]))
    assert [e.state for e in d.entries()] == [State.RELEASED]


def test_an_open_case_counts_before_the_first_keys_too() -> None:
    d = Desk(keystore=replace(KEYSTORE, tmk=None, blank=True))
    d.world.case_open = True
    d.play(Person())
    assert erased(d) and "密钥已清除" in d.film.text()


def test_sec6_it_is_told_on_paper_and_to_the_support_once() -> None:
    d = Desk()
    d.play(Person([on("idle", opens)]))
    d.play(Person())
    d.play(Person())
    assert d.world.paper.text().count("密钥已清除") == 1
    assert "故障单" in d.world.paper.text()
    assert len([told for told in d.world.told if "tamper" in told[1]]) <= 2  # support and cash register, each once


def test_sec6_the_keys_in_memory_are_overwritten() -> None:
    d = Desk()
    d.play(Person())
    t = d.terminal
    assert t
    assert t.host.keys
    held = [t.host.keys.pik, t.host.keys.mak, t.ledger.keystore.tmk]
    t.session.erase(t.devices.safe)
    for key in held:
        assert key
        assert not any(key.reveal())
    assert any(KEYSTORE.tmk.reveal()), "the store's own object is another one"


def test_sec6_it_is_blocked_after_a_boot_too_also_with_the_case_closed() -> None:
    d = Desk()
    d.play(Person([on("idle", opens)]))
    d.world.case_open = False
    assert "密钥已清除" in d.film.text()[d.film.text().rindex("+- idle") :], "the idle screen says it"
    sent = list(d.world.bank.seen)
    d.play(Person(buys("1250")))
    assert erased(d)
    assert "0200" not in d.world.bank.seen[len(sent) :]
    assert d.entries() == []
    told = d.film.text()
    assert "密钥已清除" in told[told.rindex("+- refused") :].split("+-")[1], "the sale is refused with the reason"


def test_sec6_a_case_that_was_opened_in_the_dark_is_noticed_at_the_next_boot() -> None:
    d = Desk()
    d.play(Person(buys("1250")))
    d.world.case_open = True
    d.play(Person(buys("700")))
    assert erased(d)
    assert len(d.entries()) == 1


@pytest.mark.parametrize("when", When)
def test_sec6_it_is_durable_whatever_the_power_does(when: When) -> None:
    """Cut at every step from the event on: after the next boot everything is erased, and the case may be closed by then."""
    base = Desk()
    base.play(Person())
    saved = base.world.save()
    whole = Desk(type(base.world).load(saved))
    trace = whole.play(Person([on("idle", opens)])).power.trace
    first = trace.index("safe.erase")
    for at in range(first + 1, len(trace) + 1):
        d = Desk(type(base.world).load(saved))
        d.play(Person([on("idle", opens)]), Power(at, when))
        if d.world.erased:  # a cut before anything happened leaves the keys, and an open case
            d.world.case_open = False
        d.play(Person())
        assert erased(d), (at, trace[at - 1])


def test_sec6_opened_while_the_pin_is_typed_no_block_is_made() -> None:
    d = Desk()
    d.world.wallet[0] = SoftCard(Profile(cvm=CVM_ONLINE_PIN))
    d.play(Person([*buys("1250"), on("enter_pin", press("12"), opens, press("34", "enter"))]))
    assert erased(d)
    assert "0200" not in d.world.bank.seen


def test_sec6_what_is_owed_leaves_once_the_keys_are_back() -> None:
    """A sale without an answer, then the case is opened: the reversal waits, and goes after a new TMK."""
    d = Desk()
    d.world.bank.moody = ("0200", "0400")
    d.world.bank.moods.extend([Mood("mute"), Mood("mute"), Mood("mute"), Mood("mute")])
    d.play(Person([*buys("1250"), on("idle", opens)]))
    assert [e.state for e in d.entries()] == [State.OWED]
    d.world.case_open = d.world.erased = False  # two custodians load a TMK; the bank has the same
    db = d.open()
    db.execute("UPDATE settings SET value='' WHERE name='tampered'")
    db.commit()
    d.world.files["journal.db"] = db.serialize()
    db.close()
    d.world.bank.moods.clear()
    d.play(Person())
    assert [e.state for e in d.entries()] == [State.REVERSED]
    assert books.disagreements(d.world, d.entries()) == []


# -- the driver ---------------------------------------------------------------------------------------------------------


def test_the_file_loses_its_tmk_and_keeps_what_debts_need(tmp_path: Path) -> None:
    made = keystore.generate()
    keystore.save(made, tmp_path)
    safe = FileSafe(tmp_path)
    assert safe.open() is False
    safe.erase()
    safe.erase()
    left = keystore.load(tmp_path)
    assert left.erased
    assert (left.journal, left.token, left.state) == (made.journal, made.token, made.state)


def test_a_store_that_cannot_be_opened_is_removed(tmp_path: Path) -> None:
    (tmp_path / keystore.FILE).write_text("{")
    FileSafe(tmp_path).erase()
    with pytest.raises(KeyProblem, match="missing"):
        keystore.load(tmp_path)
    FileSafe(tmp_path).erase()


class Line:
    """One GPIO line and its pull-up."""

    BCM, IN, PUD_UP = "BCM", "in", "up"

    def __init__(self, *levels: int | Exception) -> None:
        self.levels = list(levels)

    def setwarnings(self, on: bool) -> None: ...
    def setmode(self, mode: str) -> None: ...
    def setup(self, line: int, way: str, pull_up_down: str) -> None:
        assert pull_up_down == "up", "a cut wire must read as open"

    def input(self, line: int) -> int:
        level = self.levels.pop(0) if len(self.levels) > 1 else self.levels[0]
        if isinstance(level, Exception):
            raise level
        return level


@pytest.mark.parametrize(
    ("levels", "events"),
    [((0,), 0), ((0, 1, 0), 0), ((0, 1, 1, 0), 1), ((1,), 1), ((0, 1, 1, 1, 1, 0, 0, 1, 1, 0), 2),
     ((RuntimeError("gone"),), 1)],
)  # fmt: skip
def test_the_switch_is_sure_before_it_speaks_and_speaks_once(levels: tuple[Any, ...], events: int) -> None:
    posted: list[Any] = []
    done = threading.Event()
    looks = iter(range(12))

    def sleep(seconds: float) -> None:
        assert seconds == 0.02
        if next(looks, None) is None:
            done.set()
            threading.Event().wait()

    Switch(Line(*levels), 7, sleep).watch(posted.append)
    assert done.wait(10.0)
    assert posted == [Tampered()] * events
