"""S25-S35: bookings, their terms and deadlines; the rules on glass and paper; the decision table."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

import pytest

from firmware.ledger.lifecycle import Kind, State
from firmware.withdrawal import pack as packs
from firmware.withdrawal import rules
from firmware.withdrawal.subject import STATES, Subject
from hal_mocks.acquirer import Mood
from hal_mocks.person import buys, finds, grants, insert, menu, on, press, refunds, voids, withdraws
from tests.withdrawal.stories import (
    agree,
    amends,
    at,
    books_amount,
    cancels,
    cash,
    cash_back,
    completes,
    desk,
    kinds,
    later,
    line,
    money,
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
    words,
)

SERVICE_NOON = datetime(2026, 11, 30, 12)


@pytest.mark.rule("S25")
def test_a_completion_may_be_115_percent_of_the_hold_and_not_a_fen_more() -> None:
    """Booking with service date; pre-auth, completion ≤ profile % of pre-auth; expiry shown"""
    d = desk(books_amount("10000"), completes("11501"))
    assert newest(d, Kind.PREAUTH).service == "2026-11-30T12:00:00" and "冻结至 HELD TO" in slip(d, "预授权 BOOKING")
    assert "最多扣" in seen(d, "part_amount") and kinds(d) == ["preauth released"]
    d = desk(books_amount("10000"), completes("11500"))
    assert kinds(d) == ["preauth released", "completion released"]
    assert d.world.bank.accounts[("000001", newest(d, Kind.COMPLETION).stan)].net == 11500
    agree(d)


def holds(d) -> list[int]:
    return [a.hold for a in d.world.bank.accounts.values() if a.hold]


@pytest.mark.rule("S26")
def test_amending_keeps_one_hold_topped_up_or_capped_and_a_lost_answer_leaves_the_old_one() -> None:
    """Cancel, amend amount and date: amend keeps one live hold"""
    up = desk(books_amount("10000"), amends("15000"))
    assert holds(up) == [15000] and kinds(up)[-1] == "increment released"
    lost = desk(books_amount("10000"))
    lost.world.bank.moods.append(Mood("mute"))
    play(lost, amends("15000"))
    assert holds(lost) == [10000] and kinds(lost)[-1] == "increment reversed"
    down = desk(books_amount("10000"), amends("6000"))
    assert holds(down) == [10000] and newest(down, Kind.PREAUTH).cap == 6000 and money(down) == ["0100"]
    play(down, completes("6001"))
    assert "最多扣" in seen(down, "part_amount")
    play(down, completes("6000"))
    assert holds(down) == [] and kinds(down)[-1] == "completion released"
    dated = desk(
        books_amount("10000"), [*amends("1")[:-2], on("amend_what", press("2")), on("service", press("1205", "enter"))]
    )
    assert newest(dated, Kind.PREAUTH).service.startswith("2026-12-05") and holds(dated) == [10000]
    for d in (up, lost, down, dated):
        agree(d)


@pytest.mark.rule("S27")
def test_a_cancel_request_is_entered_on_the_device_and_has_number_time_and_stub() -> None:
    """Cancel request entered on the device"""
    d = desk(books_amount(), [*menu("43"), on("menu", press("2")), on("voucher", press("enter")),
             on("support", press("4711", "enter"))])  # fmt: skip
    (row,) = requests(d)
    assert row["id"] == 1 and row["at"].startswith("2026-11-23T") and row["support"] == "4711"
    assert "R000001" in slip(d, "退款申请表") and "R000001" in seen(d, "request")


@pytest.mark.rule("S28")
def test_no_message_leaves_before_the_merchant_confirms() -> None:
    """Merchant confirms before money moves"""
    d = desk(books_amount(), cancels()[:-4], [on("confirm", press("cancel"))])
    assert money(d) == ["0100"] and requests(d)[-1]["status"] == "abandoned"
    play(d, cancels())
    assert money(d) == ["0100", "0100"]


@pytest.mark.rule("S29")
def test_the_disposition_agreed_is_the_effect_at_the_host_and_both_have_confirmed() -> None:
    """Disposition: release all, keep part, keep all; both confirm"""
    whole = desk(books_amount("10000"), cancels())
    part = desk(books_amount("10000", kind="2"))
    at(part, SERVICE_NOON - timedelta(hours=47))
    play(part, cancels("1"))
    every = desk(books_amount("10000"), completes("10000"))
    for d, action, kept in ((whole, "release", 0), (part, "keep_part", 3000), (every, "complete", 10000)):
        row = requests(d)[-1]
        assert (row["action"], row["merchant"], row["consent"]) == (action, "green", "green")
        assert holds(d) == [] and sum(a.net for a in d.world.bank.accounts.values()) == kept
        agree(d)


@pytest.mark.rule("S30")
def test_where_cancelling_is_off_or_the_booking_is_done_there_is_a_contact_slip() -> None:
    """Contact slip with hotline and case number"""
    done = desk(books_amount(), completes("9000"))
    voucher = newest(done, Kind.PREAUTH).voucher
    play(done, finds(voucher), [on("why_not", press("enter"))] * 3, [on("contact_slip", press("enter"))])
    assert "预授权已完成" in seen(done, "why_not")
    assert "R000002" in slip(done, "客服联系单", "400-000-0000")
    none = desk(books_amount(kind="3"), withdraw={"booking_cancel": False})
    play(none, finds(), [on("why_not", press("enter"))] * 3, [on("contact_slip", press("enter"))])
    assert "R000001" in slip(none, "客服联系单", "400-000-0000")


@pytest.mark.rule("S31")
@pytest.mark.parametrize(("kind", "hours", "offered"), [
    ("1", 24, ("取消预订 全部解冻", "取消预订 全部解冻", "")),
    ("2", 48, ("取消预订 全部解冻", "取消预订 全部解冻", "取消预订 扣手续费")),
    ("3", 24, ("", "", "")),
])  # fmt: skip
def test_free_until_t_then_for_a_fee_or_never_to_the_second(kind, hours, offered) -> None:
    """Cancel policy per booking class (free until T, fee, none): T−1 s, T, T+1 s"""
    for shift, wanted in zip((-1, 0, 1), offered, strict=True):
        d = desk(books_amount(kind=kind))
        moment = SERVICE_NOON - timedelta(hours=hours) + timedelta(seconds=shift)
        look = [*finds(), on("insert_card", insert()), on("options", press("cancel"))]
        reach(d, moment, look)
        shown = seen(d, "options")
        assert ("全部解冻" in shown, "扣手续费" in shown) == ("全部解冻" in wanted, "扣手续费" in wanted), shift


def reach(d, moment, steps) -> None:
    """The menu of options is drawn just at this moment: the clock is set at the card prompt."""
    from hal_mocks.person import do

    first, *rest = steps
    play(d, [on(first.screen, do("time passes", lambda x: at(x, moment)), *first.acts), *rest])


@pytest.mark.rule("S32")
def test_no_hold_without_the_customers_key_on_the_terms_whose_version_is_on_the_slip() -> None:
    """Terms shown and acknowledged before a booking; printed"""
    refused = desk(books_amount()[:-2], [on("consent", press("cancel"))])
    assert money(refused) == [] and refused.entries() == []
    d = desk(books_amount())
    assert "前免费取消" in seen(d, "consent") and screens(d, "consent")[0].audience == "customer"
    assert "条款 TERMS                    T1" in slip(d, "商户存根") and "本人已阅读并同意预订条款" in slip(
        d, "商户存根"
    )


@pytest.mark.rule("S33")
def test_cancel_by_is_on_the_slip_and_bookings_due_within_a_day_are_listed() -> None:
    """Cancel-by time on slip; reminder list on the merchant menu"""
    d = desk(books_amount())
    assert "免费取消至 CANCEL BY 11-29 12:00" in "\n".join(slips(d))
    look = [*menu("31"), on("menu", press("4"))]
    play(d, look)
    assert "没有记录" in seen(d, "refused")
    at(d, SERVICE_NOON - timedelta(hours=47))
    play(d, look, [on("reminders", press("cancel"))])
    assert newest(d, Kind.PREAUTH).voucher in seen(d, "reminders")


@pytest.mark.rule("S34")
def test_the_rules_on_glass_and_paper_are_the_table_that_decides(tmp_path) -> None:
    """Rules screen with exceptions, printable; text generated from the same table the engine uses"""
    through = [*menu("51"), *[on("rule_card", press("enter"))] * 20]
    plain = desk(through)
    changed = desk(
        through,
        **with_rules(tmp_path, ("within_s = 2592000", "within_s = 172800"), ('until = "23:00"', 'until = "21:30"')),
    )
    assert (
        "30 天内" in slip(plain, "撤回规则")
        and "至23:00" in slip(plain, "撤回规则")
        and "CN 1" in slip(plain, "撤回规则")
    )
    assert (
        "2 天内" in slip(changed, "撤回规则")
        and "至21:30" in slip(changed, "撤回规则")
        and "CN 2" in slip(changed, "撤回规则")
    )
    assert "其他一律不可" in slip(plain, "撤回规则")
    off = desk(through, withdraw={"void": False})
    assert "本店未开通此功能" in slip(off, "撤回规则") and "撤销 全额" not in seen(off, "rule_card")


# -- the decision table ------------------------------------------------------------------------------------------------

GOLDEN = Path(__file__).parent / "decisions.txt"
PACK = packs.load("cn", Path("none"))
SOLD = datetime(2026, 11, 23, 12)
EDGES = {"at once": SOLD, "23:00": SOLD.replace(hour=23), "23:00:01": SOLD.replace(hour=23, second=1),
         "7 d": SOLD + timedelta(days=7), "7 d 1 s": SOLD + timedelta(days=7, seconds=1),
         "30 d": SOLD + timedelta(days=30), "30 d 1 s": SOLD + timedelta(days=30, seconds=1)}  # fmt: skip
BOOKING_EDGES = {
    f"{h} h {s:+d} s": SERVICE_NOON - timedelta(hours=h) + timedelta(seconds=s) for h in (48, 24) for s in (-1, 0, 1)
}
TYPES = [(k.value, m) for k in Kind for m in ("chip", "offline", "cash")]


def decide(kind: str, method: str, state: str, now: datetime, name: str, off: str) -> str:
    """For each action 'yes' or the code of its refusal; what no line speaks of is W01 and left out."""
    booked = SERVICE_NOON if name else None
    subject = Subject(kind, method, state, SOLD, 10000, 10000, "000001", False, name, booked)
    case = rules.Circumstances(now, "000001", {off} if off else set())
    said = {a: rules.judge_action(PACK, a, subject, case) for a in rules.ACTIONS}
    return " ".join(f"{a}={'yes' if r is None else r.code}" for a, r in said.items() if r is not rules.NOT_LISTED)


def decision_table() -> str:
    """Every type × method × state × moment × switch. Moments that are decided alike stand in one block; a switch is named
    where it changes something; a type and method without any line stand in one row at the end."""
    blocks, silent = [], []
    for kind, method in TYPES:
        names = ("free", "fee", "none") if (kind, method) == ("preauth", "chip") else ("",)
        rows = [line for name in names for state in STATES for line in _block(kind, method, state, name)]
        (blocks if any("=" in r for r in rows) else silent).append((f"{kind} {method}", rows))
    assert not any("=" in r for _, rows in silent for r in rows)
    text = "".join(f"== {title}\n" + "\n".join(rows) + "\n\n" for title, rows in blocks)
    return text + "== everything is W01: " + ", ".join(title for title, _ in silent) + "\n"


def _block(kind: str, method: str, state: str, name: str) -> list[str]:
    edges = EDGES | (BOOKING_EDGES if name else {})
    found: dict[tuple[str, ...], list[str]] = {}
    for edge, now in edges.items():
        plain = decide(kind, method, state, now, name, "")
        others = {off: decide(kind, method, state, now, name, off) for off in rules.SWITCHES}
        found.setdefault((plain, *(f"    no {o}: {r}" for o, r in others.items() if r != plain)), []).append(edge)
    title = f"{state} {name}".strip()
    return [line for rows, when in found.items() for line in (
        f"{title} [{'always' if len(when) == len(edges) else ', '.join(when)}] {rows[0]}", *rows[1:])]  # fmt: skip


@pytest.mark.rule("S35")
def test_the_full_decision_table_is_the_reviewed_one_and_the_terminal_follows_it(pytestconfig: pytest.Config) -> None:
    """Eligibility = f(type, method, state, time, amount): the full decision table is a test fixture"""
    found = decision_table()
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.write_text(found, encoding="utf-8")
    assert found == GOLDEN.read_text(encoding="utf-8")
    assert decide("sale", "chip", "standing", EDGES["23:00"], "", "").startswith("void=yes refund=yes")
    assert decide("sale", "chip", "standing", EDGES["23:00:01"], "", "").startswith("void=W07 refund=yes")
    look = [*finds(), on("insert_card", insert()), on("options", press("cancel"))]
    for state, refunded in (("standing", False), ("part_refunded", True)):
        for off in ("", "void") if refunded else ("", "void", "refund"):
            before = refunds("300", pick="1" if off else "2") if refunded else []
            d = desk(buys("10000"), before, look, withdraw={off: False} if off else {})
            said = decide("sale", "chip", state, SOLD, "", off)
            wanted = {a for a in rules.ACTIONS if f"{a}=yes" in said}
            shown = words(screens(d, "options")[-1]) if requests(d)[-1]["action"] == "" else _only(d)
            assert {a for a in ("void", "refund", "cancel_order") if WORDS[a] in shown} == wanted & set(WORDS), (
                state,
                off,
            )


WORDS = {"void": "撤销 全额", "refund": "退货 可部分", "cancel_order": "取消订单 不退款"}


def _only(d) -> str:
    """Where one action alone is left there is no menu: the request says which it is."""
    rows = requests(d)
    return WORDS.get(rows[-1]["action"], "") if rows else ""


def test_every_cell_of_the_table_that_says_yes_comes_from_a_line_of_the_pack() -> None:
    for kind, method in TYPES:
        for state in STATES:
            row = decide(kind, method, state, SOLD, "free" if kind == "preauth" else "", "")
            for action in (part.split("=")[0] for part in row.split() if part.endswith("=yes")):
                rule = PACK.find(kind, method, action)
                assert rule and state in rule.states


def test_an_expired_hold_is_shown_as_expired() -> None:
    d = desk(books_amount())
    later(d, 31 * 86400)
    play(d, finds(), [on("why_not", press("enter"))] * 5, [on("contact_slip", press("cancel"))])
    assert "预授权已过期" in seen(d, "why_not")


def test_a_completion_notice_is_owed_until_the_bank_has_it_and_is_never_reversed() -> None:
    d = desk(books_amount("10000"))
    first = [
        *menu("31"),
        on("menu", press("2")),
        on("voucher", press("enter")),
        on("insert_card", line(False), press("1")),
    ]
    rest = [
        on("part_amount", press("9000", "enter")),
        on("reason", press("1")),
        on("confirm", press("enter")),
        *grants(),
    ]
    play(d, first, rest)
    assert newest(d, Kind.COMPLETION_NOTICE).state is State.UPLOAD_OWED
    d.world.line_up = True
    play(d)
    assert newest(d, Kind.COMPLETION_NOTICE).state is State.UPLOADED and "0400" not in money(d)
    assert holds(d) == []
    agree(d)


def test_a_completion_void_brings_the_hold_back() -> None:
    d = desk(books_amount("10000"), completes("9000"), withdraws(pick="1"))
    assert holds(d) == [10000] and kinds(d)[-1] == "completion_void released"
    agree(d)
    assert cash() and cash_back() and scan("x") and settles() and voids()
