"""S11-S24: the customer who left, the request and its proofs, the merchant's switches, the profile."""

from __future__ import annotations

import json
import random
from pathlib import Path

import pytest

from firmware import receipts
from firmware.errors import JournalError
from firmware.hal.events import RegisterAsked
from firmware.ledger.journal import FILE, verify
from firmware.ledger.lifecycle import Kind, State
from firmware.withdrawal import rules
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, PAN_B, Profile
from hal_mocks.desk import settings
from hal_mocks.person import buys, do, finds, grants, insert, menu, on, press, refunds, voids, withdraws
from hal_mocks.power import Power, When
from tests.withdrawal.stories import (
    absent_refund,
    agree,
    books_amount,
    cash,
    desk,
    journal,
    kinds,
    later,
    line,
    money,
    mood,
    newest,
    play,
    requests,
    scan,
    screens,
    seen,
    settles,
    slip,
    slips,
    with_rules,
)


def asks(d, **question) -> dict:
    """The cash register asks at rest."""
    play(d, [on("idle", lambda x, post: post(RegisterAsked(json.dumps(question))))])
    return json.loads(d.world.answers[-1])


@pytest.mark.rule("S11")
def test_a_customer_who_has_left_is_refunded_by_reference_and_the_contact_is_on_record() -> None:
    """Card-absent referenced refund; optional contact field, consent noted; contact log"""
    d = desk(buys("1250"), absent_refund("300"))
    refund = newest(d, Kind.REFUND)
    assert (refund.state, refund.amount, refund.pan[-4:]) == (State.RELEASED, 300, "0005")
    (contact,) = journal(d).records("contact")
    assert contact["at"] and (contact["channel"], contact["result"]) == ("phone", "agreed")
    assert requests(d)[-1]["consent"] == "absent"
    agree(d)


@pytest.mark.rule("S12")
def test_deleting_a_contact_leaves_money_and_chain_whole() -> None:
    """Contact data kept apart from card data, deletable"""
    d = desk(buys("1250"), absent_refund("300"))
    before, book = kinds(d), journal(d)
    assert book.contact(1) == "13800138000"
    assert not any("13800138000" in text for _, _, text, _ in book.rows())
    play(d, menu("43"), [on("menu", press("down", "2")), on("form_number", press("1", "enter"))])
    after = journal(d)
    assert after.contact(1) == "" and kinds(d) == before
    after.verify()
    assert b"13800138000" not in d.world.files[FILE]


@pytest.mark.rule("S13")
def test_one_flipped_byte_is_named_and_no_command_rewrites_what_was_written() -> None:
    """Query now; "modify" is only a linked correcting entry"""
    d = desk(buys("1250"))
    before = [text for _, _, text, _ in journal(d).rows()]
    play(d, refunds("300"))
    assert [text for _, _, text, _ in journal(d).rows()][: len(before)] == before
    assert newest(d, Kind.REFUND).original == newest(d, Kind.SALE).id
    whole = d.world.files[FILE]
    place = whole.index(b'"amount":1250') + 9
    d.world.files[FILE] = whole[:place] + b"9" + whole[place + 1 :]
    with pytest.raises(JournalError, match="entry 1"):
        verify(d.open())


@pytest.mark.rule("S14")
def test_an_abort_at_any_wire_byte_ends_not_charged() -> None:
    """Abort in flight → reversal; void before settlement"""
    start = desk([]).world.save()
    for at in [*range(0, 300, 9), "red", "booked"]:
        d = desk()
        d.world = d.world.load(start)
        d.world.cut_request_at = at if isinstance(at, int) else -1
        d.world.dies_after_booking = at == "booked"
        more = {"red": [on("asking", press("cancel"))], "booked": [on("idle", line(True))]}
        play(d, buys("1250"), more.get(at, []))
        if [e.state for e in d.entries()] != [State.RELEASED]:  # a cut behind the last byte cuts nothing
            assert sum(a.net for a in d.world.bank.accounts.values()) == 0, at
            assert d.entries()[-1].state in (State.REVERSED, State.NEVER_SENT), at
        agree(d)
    voided = desk(buys("1250"), voids())
    assert sum(a.net for a in voided.world.bank.accounts.values()) == 0


@pytest.mark.rule("S15")
@pytest.mark.parametrize(
    ("switch", "action", "word"), [("void", "void", "撤销 全额"), ("refund", "refund", "退货 可部分")]
)
def test_a_switch_that_is_off_takes_the_line_out_and_refuses_the_register_with_a_code(switch, action, word) -> None:
    """Per-merchant switches for void, refund, partial, card-absent"""
    look = [*finds(), on("insert_card", insert()), on("options", press("cancel"))]
    on_, off = desk(buys("1250"), look), desk(buys("1250"), look, withdraw={switch: False})
    assert word in seen(on_, "options") and word not in seen(off, "options")
    assert asks(off, do="withdraw", voucher="000002", action=action)["code"] == rules.SWITCHED_OFF.code
    assert asks(on_, do="withdraw", voucher="000002", action=action)["code"] == "00"


@pytest.mark.rule("S15")
def test_partial_and_card_absent_have_their_switches_too() -> None:
    """Per-merchant switches for void, refund, partial, card-absent"""
    whole = desk(buys("1250"), [s for s in refunds() if s.screen != "part_amount"], withdraw={"partial": False})
    assert newest(whole, Kind.REFUND).amount == 1250 and not screens(whole, "part_amount")
    here = desk(buys("1250"), finds(), [on("insert_card", press("1", "cancel"))], withdraw={"card_absent": False})
    assert "顾客不在" not in seen(here, "insert_card") and len(here.entries()) == 1
    assert "现金" not in seen(
        desk([*menu("32")[:1], on("menu", press("down", "down", "cancel"))], withdraw={"cash": False}), "menu"
    )


def offline_sale(fen: str):
    d = desk([], cards=(Profile(offline_ok=True),), withdraw={"offline": True})
    return play(d, [on("idle", line(False), press("enter")), *buys(fen)[1:], on("offline_ask", press("enter"))])


@pytest.mark.rule("S16")
def test_a_payment_that_cannot_be_taken_back_says_so_before_it_is_made_and_answers_so_afterwards() -> None:
    """Types flagged irreversible (e.g. small offline)"""
    d = offline_sale("4000")
    assert "此笔不可撤回" in seen(d, "offline_ask")
    assert newest(d, Kind.OFFLINE_SALE).final == "yes"
    d.world.line_up = True
    play(d, finds(), [on("why_not", press("enter")), on("contact_slip", press("enter"))])
    assert "不可撤回" in seen(d, "why_not") and "W03" in seen(d, "why_not")
    assert "客服联系单" in slip(d, "400-000-0000", "R000001")
    dearer = offline_sale("6000")
    assert "此笔不可撤回" not in seen(dearer, "offline_ask") and newest(dearer, Kind.OFFLINE_SALE).final == ""


@pytest.mark.rule("S17")
def test_the_menu_key_on_the_amount_screen_shows_the_rules_of_the_method() -> None:
    """Rule card per payment method, F-key on the sale screen"""
    d = desk(
        buys("1250")[:1], [on("amount", press("menu")), on("rule_card", press("enter")), on("amount", press("cancel"))]
    )
    shown = seen(d, "rule_card")
    assert "至23:00" in shown and "30 天内" in shown and "芯片卡 CHIP" in shown


@pytest.mark.rule("S18")
def test_each_failed_condition_is_listed_and_the_consent_is_stored_with_its_operator() -> None:
    """Refund conditions + explicit merchant consent"""
    d = desk(buys("1250"), settles())
    later(d, 31 * 86400)
    play(d, finds("000002"), [on("why_not", press("enter"))] * 3, [on("contact_slip", press("cancel"))])
    listed = seen(d, "why_not")
    assert "已结算 请用退货" in listed and listed.count("已过撤回期限") >= 2
    good = desk(buys("1250"), refunds("300"))
    row = requests(good)[-1]
    assert (row["merchant"], row["operator"], row["approver"]) == ("green", "01", "00")


@pytest.mark.rule("S19")
def test_order_voucher_and_reason_are_needed_stored_and_printed() -> None:
    """Checklist: order no., voucher no. or RRN, reason code"""
    without = desk(buys("1250"), refunds()[:5])  # nobody gives a reason
    assert money(without) == ["0200"] and requests(without)[-1]["status"] == "abandoned"
    d = desk(buys("1250"), refunds("300"))
    row, refund = requests(d)[-1], newest(d, Kind.REFUND)
    assert (
        row["order"] == refund.order
        and row["proof"] == newest(d, Kind.SALE).rrn
        and row["reason"] == "customer.mistake"
    )
    paper = slip(d, "退货 REFUND")
    assert refund.order in paper and "误操作 BY MISTAKE" in paper and newest(d, Kind.SALE).rrn in paper


@pytest.mark.rule("S20")
def test_each_check_of_the_original_has_its_own_message() -> None:
    """Checks: original exists, approved, same merchant, not voided, amount ≤ remaining, card matches"""
    declined = mood(desk([]), "decline")
    play(declined, buys("1250"), finds("000003"), [on("contact_slip", press("cancel"))])
    over = desk(buys("1250"), finds(), [on("insert_card", insert()), on("options", press("2")),
                                        on("part_amount", press("1251", "enter"), press("cancel"))])  # fmt: skip
    told = {
        "exists": seen(desk(buys("1250"), finds("000009")), "refused"),
        "approved": seen(declined, "refused"),
        "merchant": seen(desk(buys("1250"), [on("idle", press("clear")), on("voucher", scan(
            "20000002 2611231200 1250 112300000002 015838 00000000"))]), "refused"),
        "not voided": seen(desk(buys("1250"), voids(), finds("000002"), [on("contact_slip", press("cancel"))]), "refused"),
        "remaining": seen(over, "part_amount"),
        "card": seen(desk(buys("1250"), finds(), [on("insert_card", insert(1)), on("other_card", press("cancel"))]), "refused"),
    }  # fmt: skip
    wanted = {"exists": "没有此凭证号", "approved": "原交易未成功", "merchant": "非本机小票", "not voided": "此交易已撤销",
              "remaining": "最多可退", "card": "不是原交易卡片"}  # fmt: skip
    assert {k: wanted[k] in v for k, v in told.items()} == dict.fromkeys(wanted, True)


def code_of(d) -> str:
    """What the customer's slip of the last sale carries."""
    entry = newest(d, Kind.SALE)
    return receipts.digital_copy(entry, d.config.merchant, journal(d).hash_of(entry))


@pytest.mark.rule("S21")
def test_a_scanned_slip_of_ours_is_proof_and_one_of_another_shop_or_a_forged_one_is_refused() -> None:
    """Proof match by voucher, scanned receipt code, or card token"""
    d = desk(buys("1250"))
    code = code_of(d)
    assert f"[{code}]" in slips(d)[1], "the customer's copy carries it"
    play(d, [on("idle", scan(code)), *withdraws()[2:]])
    assert newest(d, Kind.VOID).way == "code"
    for wrong, why in ((code.replace("10000001", "20000002"), "非本机小票"), (code[:-1] + "G", "小票校验不符")):
        other = play(desk(buys("1250")), [on("idle", press("clear")), on("voucher", scan(wrong))])
        assert why in seen(other, "refused") and len(other.entries()) == 1
    by_card = [
        on("idle", press("clear")),
        on("voucher", press("menu")),
        on("find_by", press("4")),
        on("insert_card", insert()),
    ]
    assert newest(desk(buys("1250"), by_card, withdraws()[3:]), Kind.VOID).way == "card"


@pytest.mark.rule("S22")
def test_no_trace_of_keys_sends_a_withdrawal_that_was_not_granted() -> None:
    """One state machine, no skipping: no trace reaches SENT without APPROVED"""
    for seed in range(12):
        dice = random.Random(seed)
        d = desk(buys("1250"))
        cut = Power(dice.randrange(1, 500), When.AFTER) if dice.random() < 0.5 else None
        steps = refunds("300") if dice.random() < 0.5 else voids()
        play(d, steps[: dice.randrange(len(steps) + 1)], power=cut)
        play(d)
        granted: set[int] = set()
        for _, entry, text, _ in journal(d).rows():
            fact = json.loads(text)
            if entry == 0 and fact["book"] == "request" and fact["status"] == "granted":
                granted.add(fact["id"])
            assert not fact.get("request") or fact["request"] in granted, f"seed {seed}"
    plain = desk(buys("1250"))
    with pytest.raises(AssertionError, match="granted"):
        from firmware.flows import carry_out, finding, withdraw

        t = plain.terminal
        assert t
        t.devices.reader._p.dead = False
        found = finding.Found(newest(plain, Kind.SALE), "voucher")
        case = withdraw.judged(t, found, t.requests.ask(found.entry, "01"), rules.WITHDRAWALS, False)
        case.verdict = case.verdicts[0]
        carry_out.carry_out(t, case)


@pytest.mark.rule("S23")
@pytest.mark.parametrize("moods", [("mute", "mute"), ("late", "approve"), ("slow", "approve"), ("bad_mac", "mute"),
                                   ("garbage", "duplicate"), ("decline:61", "approve")])  # fmt: skip
def test_the_sum_of_refunds_never_passes_the_original_whatever_the_bank_does(moods) -> None:
    """Referenced refund, exact minor units; sum of refunds never passes the original"""
    d = mood(desk(buys("1250")), *moods)
    play(d, refunds("700"), refunds("700", voucher="000002", pick="1"), refunds("all", voucher="000002", pick="1"))
    play(d)
    if moods[0] != "decline:61":
        assert "最多可退" in seen(d, "part_amount"), "the terminal itself says no, before anybody is asked"
    back = sum(e.amount for e in d.entries() if e.kind is Kind.REFUND and e.state in (State.RELEASED, State.DONE))
    assert back <= 1250
    assert d.world.bank.accounts[("000001", "000002")].net == 1250 - back
    agree(d)


@pytest.mark.rule("S24")
def test_a_change_of_profile_is_on_record_and_every_receipt_names_its_profile() -> None:
    """Policy profile (CN, demo): masking, retention, windows"""
    d = desk(buys("1250"))
    d.config = settings(withdraw={"rules": "demo"})
    play(d, buys("700"))
    changes = [(r["before"], r["now"]) for r in journal(d).records("rules")]
    assert changes == [("", "CN 1"), ("CN 1", "DEMO 1")]
    assert "规则 RULES                  CN 1" in slip(d, "12.50", "商户存根")
    assert "规则 RULES                DEMO 1" in slip(d, "7.00", "商户存根")
    mood(d, "mute")
    play(
        d, buys("300"), menu("42"), [on("menu", press("1")), on("x_report", press("enter"))], finds("000099"), settles()
    )
    assert len(slips(d)) > 6 and [s for s in slips(d) if "规则 RULES" not in s] == []


def test_a_void_asks_for_the_pin_where_the_card_does() -> None:
    d = desk(buys("1250", card=1, pin="246813"), voids(card=1)[:-2], [on("enter_pin", press("246813", "enter")), *grants()],
             cards=(Profile(), Profile(pan=PAN_B, cvm=CVM_ONLINE_PIN)))  # fmt: skip
    assert newest(d, Kind.VOID).state is State.RELEASED and newest(d, Kind.VOID).f22 == "051"


def test_the_profile_decides_how_much_of_a_card_is_shown_and_how_long_a_contact_is_kept(tmp_path) -> None:
    changes = (('pan_shown = "6+4"', 'pan_shown = "0+4"'), ("retention_days = 1825", "retention_days = 2"))
    d = desk(buys("1250"), absent_refund("300"), **with_rules(tmp_path, *changes))
    assert "620000" not in slip(d, "商户存根", "消费 SALE") and "************0005" in slip(d, "商户存根", "消费 SALE")
    assert journal(d).contact(1) == "13800138000"
    later(d, 3 * 86400)
    play(d)
    assert journal(d).contact(1) == "" and journal(d).records("contact")


def test_a_register_that_asks_in_the_middle_of_a_sale_is_answered_at_rest() -> None:
    d = desk([])
    ask = {"do": "last"}
    play(d, [on("idle", press("enter")), on("amount", lambda x, post: post(RegisterAsked(json.dumps(ask))), press("1250", "enter")),
             *buys("1250")[2:]])  # fmt: skip
    assert json.loads(d.world.answers[-1])["state"] == "released"


def test_every_code_that_a_register_can_read_is_in_its_page() -> None:
    page = (Path(__file__).resolve().parents[2] / "docs" / "register.md").read_text(encoding="utf-8")
    codes = {r.code for r in vars(rules).values() if isinstance(r, rules.Refusal)} | {
        r.code for r in rules.OF_STATE.values()
    }
    assert {code for code in codes | {"00", "W90"} if f"| {code} |" not in page} == set()


def test_found_by_every_way() -> None:
    d = desk(buys("1250"))
    rrn = newest(d, Kind.SALE).rrn
    ways = {"1": [on("rrn", press(rrn, "enter")), on("date", press("1123", "enter"))],
            "2": [on("order", press("2611230001", "enter"))], "3": [on("last4", press("0005", "enter"))]}  # fmt: skip
    for digit, more in ways.items():
        play(d, [on("idle", press("clear")), on("voucher", press("menu")), on("find_by", press(digit)), *more,
                 on("insert_card", press("cancel"))])  # fmt: skip
        assert requests(d)[-1]["original"] == 1
    play(d, [on("idle", press("clear")), on("voucher", press("menu")), on("find_by", press("down", "1")),
             on("find_amount", press("1250", "enter")), on("time", press("1200", "enter")),
             on("insert_card", press("cancel"))])  # fmt: skip
    assert requests(d)[-1]["way"] == "amount"


def test_a_question_that_cannot_be_read_is_answered_with_what_can_be_asked() -> None:
    d = desk(cash())
    assert asks(d, do="dance")["code"] == "W90"
    assert asks(d, do="last")["state"] == "released"
    assert asks(d, do="withdraw", voucher="000099", action="void")["code"] == "W13"
    assert asks(d, do="query", voucher="000002")["kind"] == "cash"
    assert do("nothing", lambda x: None) and grants() and books_amount()
