"""A settlement cut after any byte of any of its messages, either way, resumes to the right totals; requests that race."""

from __future__ import annotations

import pytest

from firmware.ledger import totals
from firmware.ledger.lifecycle import Kind, State
from hal_mocks.acquirer import Mood
from hal_mocks.person import buys, menu, on, press, refunds, voids
from tests.power_cuts.sweep import records, unsettled
from tests.withdrawal.stories import (
    agree,
    desk,
    journal,
    kinds,
    line,
    money,
    newest,
    play,
    requests,
    scan,
    seen,
    settles,
    slip,
)


def day(skew: int = 0):
    """Ten entries, so that the details of a mismatch need two messages."""
    d = desk(*[buys(str(100 + n)) for n in range(8)], voids(), refunds("50", voucher="000002"))
    d.world.bank.skew = skew
    return d


def evening(d) -> None:
    """Settle, and whatever was cut is taken up from the menu until it is done."""
    play(d, settles())
    for _ in range(6):
        rows = records(d, "settlement")
        if rows and rows[-1]["phase"] == "closed":
            return
        play(d, settles() if rows[-1]["phase"] == "put_off" else menu("41"))


@pytest.mark.parametrize("skew", [0, 1])
@pytest.mark.parametrize(("kind", "length"), [("0500", 100), ("0320", 420)])
def test_cut_after_any_byte_of_a_request(skew: int, kind: str, length: int) -> None:
    saved = day(skew).world.save()
    for at in range(0, length, 1 if kind == "0500" else 3):
        d = desk()
        d.world = d.world.load(saved)
        d.world.cut_request_at, d.world.cut_kinds = at, (kind,)
        evening(d)
        right(d, skew, f"{kind} cut after {at}")


@pytest.mark.parametrize("skew", [0, 1])
@pytest.mark.parametrize("kind", ["0500", "0320"])
def test_cut_after_any_byte_of_a_reply_or_no_reply_or_nonsense(skew: int, kind: str) -> None:
    saved = day(skew).world.save()
    moods = [Mood("cut", at=at) for at in range(130)] + [
        Mood(m) for m in ("mute", "late", "garbage", "wrong_stan", "deaf")
    ]
    moods += [Mood("flip", at=at) for at in range(0, 900, 7)]
    for mood in moods:
        d = desk()
        d.world = d.world.load(saved)
        d.world.bank.moods.append(mood)
        d.world.bank.moody = (kind,)
        evening(d)
        right(d, skew, f"{kind} {mood}", flipped=mood.word == "flip")


def right(d, skew: int, what: str, flipped: bool = False) -> None:
    """The batch is closed with the journal's own sum; the bank has every detail of a mismatch, each once. A bit that flips in
    the totals on their way back may only make a match look like a mismatch, never the other way round."""
    row = records(d, "settlement")[-1]
    mine = totals.of(e for e in d.entries() if e.batch == "000001")
    assert row["phase"] == "closed" and row["mine"] == mine.f48(), what
    assert (mine.debit.count, mine.credit.count) == (8, 2), what
    if not flipped:
        assert unsettled(d) == [], what
        assert ("对账不平" in slip(d, "结算总计单")) == bool(skew), what
    if skew:
        assert "对账不平" in slip(d, "结算总计单"), what
        assert {stan for b, stan in d.world.bank.details if b == "000001"} == {
            e.stan for e in d.entries() if e.batch == "000001"}, what  # fmt: skip
    assert journal(d).batch == "000002" or journal(d).batch > "000001"


def test_while_a_settlement_is_half_done_nothing_is_sold() -> None:
    d = day()
    d.world.bank.moods.append(Mood("mute"))
    d.world.bank.moody = ("0320",)
    play(d, settles(), [on("idle", press("enter"))])
    assert "结算未完成 请先结算" in seen(d, "refused")
    evening(d)
    right(d, 0, "resumed")


def test_a_settlement_waits_for_what_is_open_owed_or_unknown() -> None:
    d = desk(buys("1250"), host={"inquiry": False, "repeats_refund": False})
    d.world.bank.moods.append(Mood("mute"))
    play(d, refunds("300"), menu("41"))
    assert "有未完成交易 不能结算" in seen(d, "refused") and records(d, "settlement") == []
    owed = desk(buys("1250"))
    owed.world.dies_after_booking = True
    play(owed, buys("700"), menu("41"), [on("idle", line(True))])
    assert "有冲正未完成" in seen(owed, "refused")


def test_the_batch_that_is_nearly_full_asks_for_a_settlement(tmp_path) -> None:
    from tests.withdrawal.stories import with_rules

    d = desk(*[buys("100")] * 9, **with_rules(tmp_path, ("journal_limit = 500", "journal_limit = 10")))
    play(d, buys("100"), buys("100"))
    assert "流水将满 请结算" in seen(d, "idle") and "流水将满 请结算" in seen(d, "refused")
    assert len(d.entries()) == 10


def test_the_last_settlement_is_printed_again_as_a_duplicate() -> None:
    d = desk(buys("1250"), settles(), menu("42"), [on("menu", press("2"))])
    assert "重打印" in slip(d, "结算总计单")


def test_two_requests_for_one_sale_race_and_the_second_finds_what_is_left() -> None:
    """A form for 700 waits while 900 is refunded; reopened, it may have 350 at most."""
    d = desk(
        buys("1250"),
        [*menu("43"), on("menu", press("2")), on("voucher", press("enter")), on("support", press("1", "enter"))],
    )
    play(d, refunds("900", voucher="000002"))
    second = [on("idle", scan("R000001")), *refunds("700", pick="1")[2:]]
    play(d, second)
    assert "最多可退" in seen(d, "part_amount") and "￥3.50" in seen(d, "part_amount")
    play(d, [on("idle", scan("R000001")), *refunds("350", pick="1")[2:]])
    back = [e.amount for e in d.entries() if e.kind is Kind.REFUND and e.state is State.RELEASED]
    assert back == [900, 350] and d.world.bank.accounts["000001", "000002"].net == 0
    assert [r["status"] for r in requests(d)][:2] == ["granted", "granted"] and money(d).count("0220") == 2
    agree(d)


def test_another_terminal_of_the_shop_was_faster_and_the_bank_says_no() -> None:
    """The race that only the bank can see: what is left there is less than here."""
    d = desk(buys("1250"))
    d.world.bank.accounts["000001", "000002"].net = 200
    play(d, refunds("300"))
    assert newest(d, Kind.REFUND).state is State.DECLINED and newest(d, Kind.REFUND).code == "61"
    assert kinds(d) == ["sale released", "refund declined"]
