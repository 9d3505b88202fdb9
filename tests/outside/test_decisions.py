"""What each answer of a bank decides, case by case as in docs/decisions/0011 (the tables of its section). The answers are
those of hosts and terminals that we did not write; the source stands beside each.

PS: posp_server (ConardLKL), a published Chinese POS front end. CJ: a payment company's host. XP: another. LY:
LiaoYang_POS (CaoEnXin), a published terminal. OP, P1: further published terminals of the same dialect."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from firmware.host.codec import Message
from firmware.host.profiles import UNIONPAY
from firmware.ledger.lifecycle import Kind
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_SIGNATURE, Profile
from hal_mocks.desk import Desk, enrolled
from hal_mocks.person import Step, buys, do, finds, grants, insert, menu, on, press, refunds, voids
from tests.withdrawal.stories import (
    absent_refund,
    agree,
    books_amount,
    completes,
    desk,
    journal,
    kinds,
    later,
    line,
    money,
    mood,
    newest,
    play,
    seen,
    settles,
    slip,
)  # fmt: skip

REAL = {"inquiry": False, "repeats_refund": False}
REST: list[Step] = [on("idle", press("menu")), on("menu", press("cancel"))]
CASE = [*menu("34"), on("both_views", press("enter"))]
CODE = [on("case_number", press("77001", "enter")), *grants()]


def says(d: Desk, code: str, times: int = 10**6) -> Callable[[Message], Message]:
    """The bank answers so many reversals with `code` and does nothing; then it is honest again."""
    left, honest = [times], d.world.bank._reversal

    def answer(request: Message) -> Message:
        left[0] -= 1
        return d.world.bank._answer(request, code) if left[0] >= 0 else honest(request)

    d.world.bank._reversal = answer
    return honest


# -- a sale (4.1) ------------------------------------------------------------------------------------------------------

DOUBT = ("09", "22", "68", "90", "91", "92", "96", "98", "A7", "ZZ", "L9")
REFUSED = ("01", "05", "12", "14", "25", "51", "54", "61", "C8", "U9")


@pytest.mark.parametrize("code", DOUBT)
def test_a_code_that_leaves_it_open_is_reversed(code: str) -> None:
    """CJ-T: class B and E, the outcome is open; what is in no table is no answer."""
    d = mood(desk([], host=REAL), f"decline:{code}")
    play(d, buys("1250"))
    assert kinds(d) == ["sale reversed"] and newest(d, Kind.SALE).reason == "98"


@pytest.mark.parametrize("word", ["decline", "bare_decline"])
@pytest.mark.parametrize("code", REFUSED)
def test_a_definite_refusal_is_a_refusal_with_or_without_a_mac(code: str, word: str) -> None:
    """LY trancomm.c 726 checks the MAC of approvals only; XP sends its own refusals without one."""
    d = mood(desk([], host=REAL), f"{word}:{code}")
    play(d, buys("1250"), REST)
    assert kinds(d) == ["sale declined"]
    assert money(d) == ["0200", *(["0400"] if word == "bare_decline" else [])]
    agree(d)


@pytest.mark.parametrize("answer", ["25", "01", "96", "mute"])
def test_the_courtesy_after_a_bare_refusal_is_sent_once_and_changes_nothing(answer: str) -> None:
    """PS answers 01 to the reversal of what it has refused; a forged refusal is undone by the same 0400."""
    d = mood(desk([], host=REAL), "bare_decline:51")
    d.world.bank.moody = ("0200", "0400")
    if answer == "mute":
        mood(d, "mute")
    else:
        says(d, answer)
    play(d, buys("1250"), REST, buys("700"), REST)
    assert kinds(d) == ["sale declined", "sale released"] and d.world.bank.seen.count("0400") == 1


def test_a_refusal_that_somebody_on_the_line_made_up_is_undone_by_the_courtesy() -> None:
    d = desk([], host=REAL)
    bank, honest = d.world.bank, d.world.bank._financial
    forged = [1]

    def financial(request: Message, m: Mood) -> Message:
        reply = honest(request, m)
        return bank._answer(request, "51") if forged else reply

    bank._financial = financial
    signed = bank._signed
    bank._signed = lambda r, m: bank._encode(r, sign=False) if r.get(39) == "51" else signed(r, m)
    play(d, buys("1250"), REST)
    assert kinds(d) == ["sale declined"] and [a.net for a in bank.accounts.values()] == [0]


@pytest.mark.parametrize("code", ["77", "T4", "A0", "99"])
def test_a_batch_or_key_that_does_not_fit_is_refused_and_signs_on_by_itself(code: str) -> None:
    """PS and XP look at the batch before they book: nothing stands (host facts, 1.5 class D)."""
    d = mood(desk([], host=REAL), f"decline:{code}")
    play(d, buys("1250"), buys("700"))
    assert kinds(d) == ["sale declined", "sale released"] and d.world.bank.seen[-3:] == ["0200", "0800", "0200"]


@pytest.mark.parametrize("code", sorted(UNIONPAY.success - {"00"}))
def test_every_success_is_one_for_sale_reversal_upload_and_settlement(code: str) -> None:
    """CJ-I: 00, 11 and the flawed successes A2 A4 A5 A6 are class A; to the card each is 00 (EMV Book 4, §A6: 8A)."""
    d = desk([], host=REAL)
    honest = d.world.bank._answer

    def answer(request: Message, said: str, **more: object) -> Message:
        return honest(request, code if said == "00" and request.mti not in ("0800", "0820") else said, **more)

    d.world.bank._answer = answer
    play(d, buys("1250"), settles())
    assert kinds(d) == ["sale released"] and "对账平" in seen(d, "settled")
    flawed = code in UNIONPAY.flawed
    assert ("ASK BANK" in slip(d, "结算")) == flawed


@pytest.mark.parametrize("field", ["3", "4", "42"])
def test_a_reply_about_another_transaction_is_not_ours(field: str) -> None:
    """Host facts 1.2: MTI, 3, 4, 11, 41 and 42 belong together."""
    d = desk([], host=REAL)
    honest = d.world.bank._financial

    def financial(request: Message, m: Mood) -> Message:
        reply = honest(request, m)
        other = reply.get(int(field))[:-1] + ("1" if reply.get(int(field))[-1] != "1" else "2")
        return Message(reply.mti, {**reply.fields, field: other}, reply.header)

    d.world.bank._financial = financial
    play(d, buys("1250"))
    assert kinds(d) == ["sale reversed"]


# -- 94 (4.1, 1.3) -----------------------------------------------------------------------------------------------------


def test_94_on_a_number_that_an_old_journal_may_have_spent_is_never_reversed() -> None:
    """PS matches 94 by terminal, batch and number alone: the original may be another customer's sale, of before the SD
    card was changed. No 0400, at no time; the numbers jump; nobody is told to pay again."""
    d = desk([], host=REAL)
    d.world.files["journal.db"] = enrolled()
    mood(d, "decline:94")
    play(d, buys("1250"), [on("declined", press("1"))])
    first = newest(d, Kind.SALE)
    assert kinds(d) == ["sale stuck"] and "0400" not in d.world.bank.seen
    assert "DUPLICATE: NO RETRY" in seen(d, "stuck") and "重新支付" not in seen(d, "stuck")
    play(d, buys("700"))
    assert kinds(d)[-1] == "sale released" and abs(int(newest(d, Kind.SALE).stan) - int(first.stan)) > 3
    play(d, [*menu("22")], REST)  # signs on: what is stuck is tried again, this one never
    assert "0400" not in d.world.bank.seen
    play(d, CASE, [on("case_do", press("1"))])
    assert "0400" not in d.world.bank.seen, "nor when somebody asks for it"
    play(d, CASE, [on("case_do", press("2"))], CODE)
    assert newest(d, Kind.SALE).state.value == "released" and kinds(d)[0] == "sale manual_closed"


def test_a_journal_that_has_settled_once_knows_its_numbers() -> None:
    d = desk([], host=REAL)
    d.world.files["journal.db"] = enrolled()
    play(d, buys("1250"), settles())
    mood(d, "decline:94")
    play(d, buys("700"))
    assert kinds(d)[-1] == "sale reversed" and "0400" in d.world.bank.seen


def test_94_to_a_void_leaves_the_sale_alone_until_somebody_knows() -> None:
    """CJ answers 94 to what was done before. The void is reversed, nobody can say what stands: no refund on top."""
    d = desk(buys("1250"), host=REAL)
    mood(d, "decline:94")
    play(d, voids())
    assert kinds(d) == ["sale released", "void reversed"] and newest(d, Kind.VOID).unproven == "94"
    play(d, finds("000002"), [on("why_not", press("enter"))] * 4)
    assert "0220" not in d.world.bank.seen


# -- a reversal (4.2) --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["25", "12", "40", "58", "FE"])
def test_no_such_original_is_unproven_listed_and_no_reason_to_pay_again(code: str) -> None:
    """XP: 25 of what never arrived, of two rows, of another amount; LY and OP end on 12 as well."""
    d = desk([], host=REAL)
    says(d, code)
    mood(d, "deaf")
    play(d, buys("1250"))
    assert kinds(d) == ["sale reversed"] and newest(d, Kind.SALE).unproven == code
    assert "银行称无此笔 待核实" in seen(d, "reversed") and "重新支付" not in seen(d, "reversed")
    play(d, buys("700"), settles())
    assert "VERIFY" in slip(d, "结算"), "listed on the settlement that shows it"
    assert d.entries()[0].unproven == "", "and proved by it, since the bank's totals leave it out"


@pytest.mark.parametrize(("code", "state"), [("25", "stuck"), ("12", "stuck"), ("94", "stuck"), ("CA", "reversed")])
def test_no_such_original_of_what_was_approved_is_a_case(code: str, state: str) -> None:
    """PS answers 25 on the next day, and the sale stands; CA and U9 say that it was undone before."""
    d = desk([], host=REAL)
    says(d, code)
    d.world.paper.jam_at(7)  # the bank said yes, the paper no, and nobody cures it
    play(d, buys("1250"))
    assert newest(d, Kind.SALE).auth and kinds(d) == [f"sale {state}"]


def test_a_reversal_of_another_host_day_is_unproven_although_the_bank_says_yes() -> None:
    """CJ answers 00 after its 日切 although the row has moved to the history and the sale stands."""
    d = desk([], host=REAL)
    d.world.dies_after_booking = True  # the answer and the line are gone
    play(d, buys("1250"))
    assert kinds(d) == ["sale owed"]
    later(d, 86400)
    play(d, [on("idle", line(True))], REST)
    assert kinds(d) == ["sale reversed"] and newest(d, Kind.SALE).unproven == "00"


@pytest.mark.parametrize("answer", ["91", "96", "94", "no_mac", "no_f4"])
def test_a_reversal_that_gets_no_answer_to_go_by_holds_the_till_for_three_tries_at_most(answer: str) -> None:
    """JS, RO, VG: nobody blocks a shop for longer than one menu item. juks/iso-8583-socket-queue #17 is the shop that
    was. Here the poisoned debt steps aside at once and becomes a case after a day; one behind it is not held up."""
    d = desk([], host=REAL)
    d.patience = 40
    bank, honest = d.world.bank, d.world.bank._reversal

    def reversal(request: Message) -> Message:
        if request.get(4) != "000000001250":
            return honest(request)
        if answer == "no_f4":
            reply = bank._answer(request, "00")
            return Message(reply.mti, {n: v for n, v in reply.fields.items() if n != "4"}, reply.header)
        return bank._answer(request, "00" if answer == "no_mac" else answer)

    signed = bank._signed
    bank._signed = lambda r, m: (
        bank._encode(r, sign=False)
        if answer == "no_mac" and r.mti == "0410" and r.get(4) == "000000001250"
        else signed(r, m)
    )
    bank._reversal = reversal
    mood(d, "mute", "mute")
    play(d, buys("1250"), REST)
    play(d, buys("700"), buys("300"), REST)  # the second is lost as well, its reversal is answered, the third is paid
    assert kinds(d)[1:] == ["sale reversed", "sale released"], "nobody waits behind a poisoned one"
    assert kinds(d)[0] == ("sale reversed" if answer == "94" else "sale owed")
    later(d, 86400)
    play(d, REST)
    if answer != "94":
        assert kinds(d)[0] == "sale stuck"
        play(d, CASE, [on("case_do", press("3"))], CODE)
        assert kinds(d)[0] == "sale manual_closed" and newest(d, Kind.SALE).state.value == "released"


# -- what people find out ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("key", "stands"), [("enter", "yes"), ("2", "no")])
def test_a_case_is_closed_with_the_truth_and_the_truth_decides_what_may_go_back(key: str, stands: str) -> None:
    """A close without an answer to 'does it stand at the bank?' does not exist (host habits, 4)."""
    d = desk(buys("1250"), host=REAL)
    mood(d, "mute")
    play(d, refunds("300"))
    play(d, CASE, [on("close_ask", press(key))], CODE)
    assert newest(d, Kind.REFUND).stands == stands
    if stands == "no":
        d.world.bank.accounts.pop(("000001", newest(d, Kind.REFUND).stan))  # as the person was told
        d.world.bank.accounts["000001", "000002"].net = 1250
    agree(d)
    play(d, refunds("1250", voucher="000002"))
    assert d.world.bank.seen.count("0220") == (1 if stands == "yes" else 2)


def test_who_does_not_know_closes_nothing() -> None:
    d = desk(buys("1250"), host=REAL)
    mood(d, "mute")
    play(d, refunds("300"))
    for way_out in (press("cancel"), press("down")):  # red, and a key without a meaning until the time is up
        play(d, CASE, [on("close_ask", way_out)])
        assert kinds(d)[-1] == "refund unknown"


def test_a_sale_closed_as_standing_counts_in_the_totals_and_is_refunded_like_any_other() -> None:
    d = desk([], host=REAL)
    says(d, "57")
    mood(d, "mute")
    play(d, buys("1250"), REST)
    play(d, CASE, [on("case_do", press("2"))], CODE)
    agree(d)
    play(d, settles())
    assert "对账平" in seen(d, "settled"), "the bank has it, and so have we"


# -- refunds and uploads (4.3) -----------------------------------------------------------------------------------------


@pytest.mark.parametrize("word", ["decline", "bare_decline"])
@pytest.mark.parametrize(("code", "state"), [("61", "declined"), ("25", "declined"), ("14", "declined"), ("94", "unknown"),
                                             ("96", "unknown"), ("22", "unknown")])  # fmt: skip
def test_a_refund_is_refused_by_a_definite_no_and_unknown_otherwise(word: str, code: str, state: str) -> None:
    d = mood(desk(buys("1250"), host=REAL), f"{word}:{code}")
    play(d, refunds("300"))
    assert kinds(d)[-1] == f"refund {state}" and "0400" not in d.world.bank.seen


@pytest.mark.parametrize(("word", "state"), [("decline:ZZ", "declined"), ("bare_decline:ZZ", "unknown")])
def test_an_unknown_code_to_a_refund_is_a_no_with_a_mac_only(word: str, state: str) -> None:
    d = mood(desk(buys("1250"), host=REAL), word)
    play(d, refunds("300"))
    assert kinds(d)[-1] == f"refund {state}"


def test_a_notice_that_the_bank_never_takes_does_not_keep_the_shop_from_settling_for_ever() -> None:
    """CJ-T: offline sales once more one by one, then given up. Ours stays and stands on the slip."""
    d = desk(books_amount("10000"), host=REAL)
    d.patience = 40
    bank, honest = d.world.bank, d.world.bank._financial
    bank._financial = lambda r, m: bank._answer(r, "96") if r.mti == "0220" else honest(r, m)
    play(d, [*menu("31"), on("menu", press("2")), on("voucher", press("enter")), on("insert_card", press("1")),
             on("part_amount", press("9000", "enter")), on("reason", press("1")), on("confirm", press("enter"))],
         grants(), settles())  # fmt: skip
    assert kinds(d)[-1] == "completion_notice upload_owed" and journal(d).batch == "000001"
    later(d, 86400)
    play(d, settles())
    assert journal(d).batch == "000002" and "NOT UPLOADED" in slip(d, "结算")


# -- a signature that did not match (4.2, D21) -------------------------------------------------------------------------


def test_a_void_that_the_bank_always_refuses_is_tried_three_times_and_stays_in_sight() -> None:
    d = desk([], cards=(Profile(cvm=CVM_SIGNATURE),), host=REAL)
    d.patience = 10
    mood(d, "approve", *["decline:12"] * 9)
    play(d, buys("1250"), [on("signature", press("cancel"))])
    for _ in range(5):
        later(d, 7200)
        play(d, REST)
    assert kinds(d) == ["sale released", *["void declined"] * 3]
    assert "MISMATCH: NO VOID" in seen(d, "mismatch") + seen(d, "idle")
    assert "签名不符 撤销未完成" in slip(d, "故障单") and "APPROVED" not in slip(d, "故障单")
    assert sorted(party for party, key, _ in d.world.told if "mismatch" in key) == ["register", "support"]
    d.world.bank.moods.clear()
    play(d, settles())
    assert "NOT VOIDED" in slip(d, "结算")
    play(d, absent_refund(), REST)
    assert kinds(d)[-1] == "refund released" and "MISMATCH" not in str(d.film.screens[-1]), "a person gave it back"


def test_a_mismatch_is_not_forgotten_behind_the_next_sale() -> None:
    d = desk([], cards=(Profile(cvm=CVM_SIGNATURE), Profile()), host=REAL)
    mood(d, "approve", "decline:96")
    play(d, buys("1250"), [on("signature", press("cancel"))], buys("700", card=1), REST)
    later(d, 120)
    play(d, REST)
    agree(d)
    assert d.world.bank.accounts["000001", "000003"].net == 0


def test_a_completion_is_offered_what_is_held_and_never_a_fen_below_one() -> None:
    d = desk(books_amount("10000"))
    play(d, completes("0"))
    assert not [e for e in d.entries() if e.kind is Kind.COMPLETION] and "金额不能为零" in seen(d, "part_amount")


def test_paying_again_with_the_card_still_inside_asks_once_more() -> None:
    d = mood(desk([], host=REAL), "decline:51")
    d.person.habits.pop("remove_card", None)
    play(d, buys("1250"), [on("declined", press("1")), on("insert_card", insert())])
    assert kinds(d)[0] == "sale declined"


def test_a_host_that_never_answers_a_script_report_keeps_no_customer_waiting() -> None:
    """It moves no money: it is sent at rest, where any key ends the wait, and given up after three silences (D16)."""
    d = desk([], host=REAL)
    bank = d.world.bank
    bank.scripts, bank.moody = [(0x72, "unblock")], ("0620",)
    mood(d, *["mute"] * 99)
    play(d, buys("1250"), REST)
    assert "0620" in bank.seen and newest(d, Kind.SALE).scripts_owed == "yes"
    waited: list[float] = []
    look = do("looks at the clock", lambda x: waited.append(x.world.uptime_s))
    play(d, [on("idle", look, press("enter")), on("amount", look, press("cancel"))])
    assert waited[1] - waited[0] < 5.0, "between green and the amount"
    d.patience = 300
    play(d, REST, [on("idle", do("an hour", lambda x: x.world.pass_time(3600)))] * 3, REST)
    assert newest(d, Kind.SALE).scripts_owed == "" and bank.seen.count("0620") <= 6
