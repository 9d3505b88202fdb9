"""S1-S10: what can be taken back at all, the sale, cash, settlement, the request and the refund."""

from __future__ import annotations

import pytest

from firmware.ledger import totals
from firmware.ledger.lifecycle import Kind, State
from firmware.withdrawal import rules
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, Profile
from hal_mocks.person import Step, buys, finds, grants, insert, menu, on, press, refunds, voids, withdraws
from tests.withdrawal.stories import (
    agree,
    books_amount,
    cancels,
    cash,
    cash_back,
    completes,
    desk,
    kinds,
    line,
    money,
    newest,
    play,
    requests,
    screens,
    seen,
    settles,
    slip,
    with_rules,
)

LOOK = [*finds(), on("insert_card", insert()), on("options", press("cancel"))]
CASES: dict[str, tuple[list[list[Step]], list[str], str]] = {
    "sale": ([buys("1250")], ["撤销 全额", "退货 可部分", "取消订单 不退款"], ""),
    "part refunded sale": ([buys("1250"), refunds("300")], ["退货 可部分", "取消订单 不退款"], "W22"),
    "sale of an earlier batch": ([buys("1250"), settles()], ["退货 可部分", "取消订单 不退款"], "W04"),
    "booking": ([books_amount(kind="2")], ["取消预订 全部解冻", "修改预订"], "W11"),
    "completion": ([books_amount(), completes("9000")], ["撤销完成", "退货 可部分"], ""),
}
NOTHING: dict[str, tuple[list[list[Step]], str]] = {
    "voided sale": ([buys("1250"), voids()], "W20"),
    "refunded sale": ([buys("1250"), refunds()], "W21"),
    "cancelled booking": ([books_amount(), cancels()], "W25"),
    "refunded cash": ([cash(), cash_back()], "W21"),
}


@pytest.mark.rule("S1")
@pytest.mark.parametrize("case", CASES)
def test_withdraw_offers_just_what_is_allowed_and_says_why_the_rest_is_not(case: str) -> None:
    """One entry 撤回/Withdraw finds the sale, offers only what is allowed and says why the rest is not"""
    before, offered, denied = CASES[case]
    look = (
        LOOK if not denied else [*LOOK[:-1], on("options", press(str(len(offered) + 1))), on("why_not", press("enter"))]
    )
    d = play(desk(*before), look)
    rows = [str(r)[2:] for r in screens(d, "options")[-1].lines]
    assert [r for r in rows if not r.startswith("其余")] == [
        o for o in [next((r for r in rows if r.startswith(want)), "") for want in offered] if o]  # fmt: skip
    assert len([r for r in rows if not r.startswith("其余")]) == len(offered)
    if denied:
        refusal = next(r for r in [*rules.OF_STATE.values(), rules.OTHER_BATCH, rules.FREE_STILL] if r.code == denied)
        assert refusal.why.zh in seen(d, "why_not") and refusal.why.en in seen(d, "why_not")


@pytest.mark.rule("S1")
@pytest.mark.parametrize("case", NOTHING)
def test_where_nothing_is_allowed_the_reason_is_said_before_the_card(case: str) -> None:
    """One entry 撤回/Withdraw finds the sale, offers only what is allowed and says why the rest is not"""
    before, code = NOTHING[case]
    voucher = "000002" if "booking" in case or "sale" in case else ""
    d = play(desk(*before), finds(voucher), [on("why_not", press("enter")), on("contact_slip", press("cancel"))])
    assert code in seen(d, "why_not")
    assert requests(d)[-1]["status"] == "refused"
    assert d.film.now is not None and d.film.now.name == "idle"


@pytest.mark.rule("S2")
def test_a_cash_sale_and_its_refund_count_print_open_the_drawer_and_send_nothing() -> None:
    """Cash tender and cash refund recorded; drawer kick"""
    d = desk(cash("500"), cash_back("200"))
    assert kinds(d) == ["cash released", "cash_refund released"]
    now = totals.of(d.entries())
    assert (now.cash.fen, now.cash_back.fen) == (500, 200)
    assert money(d) == []
    assert slip(d, "现金 CASH SALE", "5.00", "APPROVED") and slip(d, "现金退款 CASH REFUND", "2.00")
    assert d.world.paper.kicks == 2
    agree(d)


@pytest.mark.rule("S3")
@pytest.mark.parametrize("skew", [0, 1])
def test_settlement_is_the_journals_sum_and_a_fen_of_difference_is_printed(skew: int) -> None:
    """Order no. on every sale; settlement (结算) closes a batch; a mismatch is printed, not hidden"""
    d = desk(buys("1250"), buys("700"), voids())
    d.world.bank.skew = skew
    play(d, settles())
    assert all(e.order for e in d.entries())
    paper = slip(d, "结算总计单")
    assert "消费 DEBIT 2" in paper and "19.50" in paper and "撤回 CREDIT 1" in paper and "7.00" in paper
    assert ("对账不平 NOT BALANCED" in paper) == bool(skew)
    assert ("差额 DIFFERENCE" in paper and "-0.01" in paper) == bool(skew)
    mine = totals.of(e for e in d.entries() if e.batch == "000001")
    assert (mine.debit.fen, mine.credit.fen) == (
        d.world.bank.totals("000001")[0] - skew,
        d.world.bank.totals("000001")[2],
    )
    assert d.world.bank.settled == {"000001": "202" if skew else "207"}
    play(d, buys("100"))
    assert newest(d, Kind.SALE).batch == "000002"


@pytest.mark.rule("S4")
def test_changing_one_line_of_the_rules_changes_what_is_offered(tmp_path) -> None:
    """Rules keyed on amount, time and type: changing one line changes eligibility with no code change"""
    changed = desk(buys("1250"), LOOK, **with_rules(tmp_path, ('do = "void"\nstates = ["standing"]\n', 'do = "void"\nstates = ["standing"]\nmin = 2000\n')))  # fmt: skip
    plain = desk(buys("1250"), LOOK)
    assert "撤销 全额" in seen(plain, "options") and "撤销 全额" not in seen(changed, "options")
    dearer = desk(buys("2000"), LOOK, **with_rules(tmp_path, ('do = "void"\nstates = ["standing"]\n', 'do = "void"\nstates = ["standing"]\nmin = 2000\n')))  # fmt: skip
    assert "撤销 全额" in seen(dearer, "options")


@pytest.mark.rule("S5")
def test_a_type_without_a_line_cannot_be_withdrawn_by_any_way_in(tmp_path) -> None:
    """Deny by default: a type absent from the table cannot be withdrawn by any key path"""
    sections = with_rules(tmp_path, *[('of = "cash"', 'of = "balance"')])
    ways = [finds(), finds("000002"), [on("idle", press("clear")), on("voucher", press("menu")), on("find_by", press("2")),
            on("order", press("2611230001", "enter"))]]  # fmt: skip
    for way in ways:
        d = play(desk(cash("500"), **sections), way, [on("contact_slip", press("cancel"))])
        assert kinds(d) == ["cash released"]
        assert "此类交易不能撤回" in seen(d, "refused")


@pytest.mark.rule("S6")
def test_a_sale_takes_at_most_six_keys_besides_its_digits() -> None:
    """Sale: amount, card, PIN/none, approve, print in ≤ 6 key presses besides digits; one host charge"""
    d = desk(buys("1250"))
    keys = [k for row in d.film.lines if "keys:" in row for k in row.split("keys: ")[1].split() if not k.isdigit()]
    assert len(keys) <= 6
    assert [a.net for a in d.world.bank.accounts.values()] == [1250]


@pytest.mark.rule("S7")
@pytest.mark.parametrize("where", ["insert_card", "enter_pin"])
def test_red_before_the_request_is_sent_leaves_cancelled_and_the_host_sees_nothing(where: str) -> None:
    """Red key cancels at every step before the request is sent"""
    steps = buys("1250")[:2]
    steps += [on("insert_card", press("cancel"))] if where == "insert_card" else [
        on("insert_card", insert()), on("enter_pin", press("1", "2", "cancel"))]  # fmt: skip
    d = desk(steps, cards=(Profile(cvm=CVM_ONLINE_PIN),))
    assert money(d) == []
    assert kinds(d) == ["sale cancelled"]
    assert desk(buys("1250")[:1], [on("amount", press("12", "cancel"))]).entries() == []


@pytest.mark.rule("S8")
def test_a_refund_that_the_merchant_starts_says_so_in_journal_and_on_paper() -> None:
    """Merchant-started refund, no customer request needed"""
    d = desk(buys("1250"), refunds(reason="operator"))
    assert newest(d, Kind.REFUND).started_by == "merchant"
    assert "发起 BY            商户 MERCHANT" in slip(d, "退货 REFUND")
    assert newest(desk(buys("1250"), refunds()), Kind.REFUND).started_by == "customer"


@pytest.mark.rule("S9")
def test_nothing_leaves_before_a_supervisor_grants_it_and_with_dual_control_not_the_one_who_asks() -> None:
    """Refund request with states requested → approved / declined; supervisor PIN approves"""
    wrong = refunds()[:-1] + [on("password", press("000000", "enter", "000000", "enter", "000000", "enter"))] * 1
    d = desk(buys("1250"), refunds()[:-2], [on("operator", press("cancel"))])
    assert money(d) == ["0200"] and requests(d)[-1]["status"] == "refused"
    d = desk(buys("1250"), wrong, [on("refused", press("enter")), on("password", press("000000", "enter")),
             on("refused", press("enter")), on("password", press("000000", "enter"))])  # fmt: skip
    assert money(d) == ["0200"] and requests(d)[-1]["status"] == "refused"
    sections = {"withdraw": {"rules": "demo"}, "operators": {"sign_on": True}}
    on_duty = [on("idle", press("enter")), on("operator", press("00", "enter")), on("password", press("135790", "enter")),
               on("operator_on", press("enter")), *buys("1250")[1:]]  # fmt: skip
    own = desk(on_duty, refunds(), **sections)
    assert "申请人不能自己批准" in seen(own, "refused") and money(own) == ["0200"]
    other = desk(on_duty, refunds()[:-2], grants("02", "975310"), **sections)
    assert newest(other, Kind.REFUND).approver == "02" and newest(other, Kind.REFUND).operator == "00"


@pytest.mark.rule("S10")
def test_a_refund_goes_to_the_card_that_paid_and_lowers_the_net_once() -> None:
    """Refund goes to the original card, lowers merchant totals"""
    d = desk(buys("1250"), refunds("300"))
    assert totals.of(d.entries()).net == 950
    assert [a.net for a in d.world.bank.accounts.values()] == [950, 0]
    agree(d)
    other = desk(buys("1250"), [*finds(), on("insert_card", insert(1)), on("other_card", press("cancel"))])
    assert "不是原交易卡片" in seen(other, "refused") and totals.of(other.entries()).net == 1250
    allowed = desk(buys("1250"), [*finds(), on("insert_card", insert(1)), on("other_card", press("enter")), *grants(),
                   on("options", press("1")), on("part_amount", press("enter")), on("reason", press("1")),
                   on("confirm", press("enter")), on("channel", press("3")), on("contact_result", press("1")),
                   on("phone", press("enter")), *grants()])  # fmt: skip
    assert newest(allowed, Kind.REFUND).pan.endswith("0005"), "the money goes to the card that paid"
    agree(allowed)


def test_a_refund_without_an_answer_is_unknown_and_is_settled_by_asking() -> None:
    d = desk(buys("1250"))
    d.world.dies_after_booking = True
    play(d, refunds("300"), [on("idle", line(True))])
    assert newest(d, Kind.REFUND).state in (State.DONE, State.RELEASED)
    assert "结果未知 勿重复退货" in seen(d, "unknown")
    agree(d)


def test_the_menu_offers_every_act(tmp_path) -> None:
    d = desk(menu("11"), [on("amount", press("cancel"))], voids("000009")[:2])
    assert "没有此凭证号" in seen(d, "refused")
    assert withdraws()[0].screen == "idle"
