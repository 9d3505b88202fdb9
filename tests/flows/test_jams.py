"""S68: paper trouble at every printed row of both copies, cured and not cured; the question about the slip answered
truthfully, wrongly and not at all. No stale slip, no approval on torn paper, no reversal once a person must decide."""

from __future__ import annotations

import pytest

from firmware.errors import PrinterTrouble
from firmware.hal.printer import Proof
from firmware.ledger.lifecycle import State
from firmware.words import PAPER_LOW, READY
from hal_mocks import books
from hal_mocks.desk import Desk
from hal_mocks.paper import approvals
from hal_mocks.person import Person, buys, do, nothing, on, press, slip_is_whole
from hal_mocks.world import World


@pytest.fixture(scope="module")
def start() -> bytes:
    desk = Desk()
    desk.play(Person())
    return desk.world.save()


def printed(start: bytes) -> tuple[int, int, int]:
    """Rows of the merchant's body, of the whole merchant copy, of both copies."""
    desk = Desk(World.load(start))
    desk.play(Person(buys("1250")))
    cuts = [n for n, row in enumerate(desk.world.paper.rows, 1) if row.cut]
    return cuts[0] - 4, cuts[0], cuts[1]


def cure(desk: Desk) -> None:
    desk.world.paper.cure()


def jammed(start: bytes, row: int, *steps, trouble=PrinterTrouble.JAM_SUSPECTED, habits=None) -> Desk:
    desk = Desk(World.load(start))
    desk.world.paper.jam_at(row, trouble)
    person = Person([*buys("1250"), *steps])
    person.habits.update(habits or {})
    desk.play(person)
    return desk


def state(desk: Desk) -> State:
    return desk.entries()[0].state


TROUBLES = [t for t in PrinterTrouble if t is not PrinterTrouble.NO_REPLY]


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda t: t.value)
def test_trouble_at_every_row_of_the_body_cured_gives_one_original_slip(start: bytes, trouble: PrinterTrouble) -> None:
    body, _, _ = printed(start)
    for row in range(1, body + 1):
        desk = jammed(start, row, on("hold", do("cure", cure), press("enter")), trouble=trouble)
        assert books.disagreements(desk.world, desk.entries()) == [], row
        assert state(desk) is State.RELEASED, row


@pytest.mark.parametrize("trouble", TROUBLES, ids=lambda t: t.value)
def test_trouble_at_every_row_of_the_body_not_cured_is_taken_back(start: bytes, trouble: PrinterTrouble) -> None:
    body, _, _ = printed(start)
    for row in range(1, body + 1):
        desk = jammed(start, row, trouble=trouble)
        assert books.disagreements(desk.world, desk.entries()) == [], row
        assert state(desk) is State.REVERSED, row
        assert approvals(desk.world.paper) == [], row
        assert desk.world.given == [], row


def test_red_key_in_the_hold_takes_back_at_once(start: bytes) -> None:
    desk = jammed(start, 7, on("hold", press("cancel")))
    assert state(desk) is State.REVERSED
    assert desk.entries()[0].reason == "96"


def test_digital_copy_releases_before_the_code_is_drawn(start: bytes) -> None:
    desk = jammed(
        start, 7, on("hold", press("1")), on("offer_copy", press("enter")), on("digital_copy", press("enter"))
    )
    names = [s.name for s in desk.film.screens]
    assert state(desk) is State.RELEASED
    assert desk.entries()[0].copy == "qr"
    assert names.index("offer_copy") < names.index("digital_copy")
    assert books.disagreements(desk.world, desk.entries()) == []


def test_digital_copy_declined_goes_on_holding(start: bytes) -> None:
    desk = jammed(start, 7, on("hold", press("1")), on("offer_copy", press("cancel")))
    assert state(desk) is State.REVERSED
    assert "digital_copy" not in [s.name for s in desk.film.screens]


def test_a_second_jam_after_the_cure_is_held_again(start: bytes) -> None:
    again = do("cure, and jam three rows on", lambda d: (d.world.paper.cure(), d.world.paper.jam_at(3)))
    desk = jammed(start, 7, on("hold", again, press("enter")), on("hold", do("cure", cure), press("enter")))
    assert state(desk) is State.RELEASED
    assert books.disagreements(desk.world, desk.entries()) == []


def test_last_block_jammed_at_every_row_truthful_operator(start: bytes) -> None:
    """None of its rows above the approval line is an approval: truth is 'not complete', and the sale is taken back."""
    body, merchant, _ = printed(start)
    for row in range(body + 1, merchant + 1):
        desk = jammed(start, row, habits={"slip_complete": slip_is_whole})
        assert state(desk) is State.REVERSED, row
        assert approvals(desk.world.paper) == [], row
        assert books.disagreements(desk.world, desk.entries()) == [], row


def test_last_block_jammed_absent_operator_is_never_reversed_by_a_timer(start: bytes) -> None:
    body, _, _ = printed(start)
    desk = jammed(start, body + 2, habits={"slip_complete": nothing})
    assert state(desk) is State.CLOSING
    desk.world.paper.cure()
    for _ in range(3):  # three mornings later it still asks
        desk.world.pass_time(86_400)
        person = Person()
        person.habits["slip_complete"] = nothing
        desk.play(person)
    assert state(desk) is State.CLOSING
    assert desk.film.now is not None and desk.film.now.name == "slip_complete"
    assert sum(a.net for a in desk.world.bank.accounts.values()) == 1250


def lost_fence(start: bytes, answer) -> Desk:
    desk = Desk(World.load(start))
    desk.world.fence_lost_on = "last"
    person = Person(buys("1250"))
    person.habits["slip_complete"] = answer
    desk.play(person)
    return desk


def test_whole_slip_whose_proof_is_lost_truthful_operator(start: bytes) -> None:
    desk = lost_fence(start, slip_is_whole)
    assert state(desk) is State.RELEASED
    assert books.disagreements(desk.world, desk.entries()) == []


def test_whole_slip_wrong_answer_is_the_only_way_to_an_approval_on_reversed_money(start: bytes) -> None:
    desk = lost_fence(start, press("cancel"))
    assert state(desk) is State.REVERSED
    assert len(approvals(desk.world.paper)) == 1
    assert books.disagreements(desk.world, desk.entries(), wrong_answers=True) == []


def test_torn_slip_called_complete_releases_and_can_be_reprinted(start: bytes) -> None:
    body, _, _ = printed(start)
    reprint = [on("idle", do("cure", cure), press("menu")), on("menu", press("3")), on("voucher", press("enter"))]
    desk = jammed(start, body + 2, *reprint, habits={"slip_complete": press("enter")})
    assert state(desk) is State.RELEASED
    (slip,) = approvals(desk.world.paper)
    assert slip.duplicate


def test_customers_copy_jammed_at_every_row_costs_no_money(start: bytes) -> None:
    _, merchant, both = printed(start)
    for row in range(merchant + 1, both + 1):
        desk = jammed(start, row)
        assert state(desk) is State.RELEASED, row
        assert "printer_trouble" in [s.name for s in desk.film.screens], row
        assert books.disagreements(desk.world, desk.entries()) == [], row
        assert [a.copy for a in approvals(desk.world.paper)] == ["merchant"], row


def test_no_stale_slip_prints_after_paper_returns(start: bytes) -> None:
    """After every jam the next sale's paper holds that sale and nothing of the one before."""
    body, merchant, both = printed(start)
    for row in range(1, both + 1):
        desk = jammed(start, row, habits={"slip_complete": slip_is_whole})
        before = len(desk.world.paper.rows)
        desk.world.paper.cure()
        desk.play(Person(buys("500")))
        fresh = [r.text for r in desk.world.paper.rows[before:]]
        old = desk.entries()[0].voucher
        assert not [t for t in fresh if "VOUCHER" in t and t.endswith(old)], row
        assert desk.entries()[-1].state is State.RELEASED


@pytest.mark.parametrize("trouble", [*TROUBLES, PrinterTrouble.NO_REPLY], ids=lambda t: t.value)
def test_bad_printer_before_the_card_refuses_the_sale_with_what_to_do(start: bytes, trouble: PrinterTrouble) -> None:
    desk = Desk(World.load(start))
    if trouble is PrinterTrouble.NO_REPLY:
        desk.world.printer_silent = True
    else:
        desk.world.paper.trouble = trouble
    desk.play(Person([on("idle", press("enter"))]))
    names = [s.name for s in desk.film.screens]
    if trouble is PrinterTrouble.JAM_SUSPECTED:
        assert "amount" in names  # no status bit tells a jam: it shows when the fence is missing
    else:
        assert "refused" in names and "amount" not in names
    assert desk.entries() == []


@pytest.mark.parametrize("trouble", [PrinterTrouble.PAPER_OUT, PrinterTrouble.COVER_OPEN, PrinterTrouble.NO_REPLY])
def test_printer_that_fails_while_the_card_is_read_costs_nothing(start: bytes, trouble: PrinterTrouble) -> None:
    desk = Desk(World.load(start))

    def fail(d: Desk) -> None:
        d.world.paper.trouble = trouble
        d.world.printer_silent = trouble is PrinterTrouble.NO_REPLY

    first, second, third = buys("1250")
    desk.play(Person([first, second, on("insert_card", do("the printer fails", fail), *third.acts)]))
    assert desk.entries() == []
    assert desk.world.bank.accounts == {}
    assert "refused" in [s.name for s in desk.film.screens]


def test_silent_printer_in_the_middle_is_unknown_and_held(start: bytes) -> None:
    desk = Desk(World.load(start))
    silence = do("the printer falls silent", lambda d: setattr(d.world, "printer_silent", True))
    desk.play(Person([*buys("1250"), on("asking", silence)]))
    holds = [s for s in desk.film.screens if s.name == "hold"]
    assert holds and holds[0].lines[0].en == "SILENT: CHECK CABLE"
    assert state(desk) is State.REVERSED


@pytest.mark.parametrize(("answer", "end"), [("enter", State.RELEASED), ("cancel", State.REVERSED)])
def test_a_printer_without_a_fence_leaves_the_last_word_to_a_person(start: bytes, answer: str, end: State) -> None:
    """A cheap printer proves nothing: the goods are held until somebody has looked at the slip."""
    desk = Desk(World.load(start))
    desk.world.printer_proof = Proof.HANDED
    desk.play(Person([*buys("1250"), on("slip_complete", press(answer))]))
    assert state(desk) is end
    names = [s.name for s in desk.film.screens]
    assert names.index("slip_complete") < names.index("approved" if end is State.RELEASED else "reversed")


def test_paper_near_its_end_sells_and_stands_on_the_idle_screen_until_a_new_roll_is_in(start: bytes) -> None:
    desk = Desk(World.load(start))
    desk.world.paper.near_end = True
    desk.play(Person(buys("1250")))
    assert state(desk) is State.RELEASED and desk.film.now.lines == (PAPER_LOW,)

    def new_roll(d: Desk) -> None:
        d.world.paper.near_end = False

    first, second, third = buys("300")
    desk.play(Person([on("idle", do("a new roll", new_roll), *first.acts), second, third]))
    assert desk.film.now.name == "idle" and desk.film.now.lines == (READY,)
