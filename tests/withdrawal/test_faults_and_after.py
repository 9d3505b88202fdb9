"""S68-S83: paper, glass, crash, line; self-test, notices, retry, forced withdrawal, guidance, slips, the rate."""

from __future__ import annotations

import json
from datetime import datetime

import pytest

from firmware import words as w
from firmware.errors import PrinterTrouble
from firmware.hal.events import DeviceGone
from firmware.ledger import export
from firmware.ledger.lifecycle import Kind, State
from firmware.withdrawal import regulator
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, Profile
from hal_mocks.person import Person, buys, do, menu, on, press, refunds, voids
from hal_mocks.power import Power, When
from tests.withdrawal.stories import (
    absent_refund,
    agree,
    books_amount,
    cancels,
    cash,
    cash_back,
    completes,
    desk,
    forces,
    journal,
    kinds,
    later,
    line,
    money,
    mood,
    newest,
    play,
    requests,
    seen,
    settles,
    slip,
    slips,
)


def cures(d, post) -> None:
    """The paper path is cleared, green key."""
    do("the paper is cleared", lambda x: x.world.paper.cure())(d, post)
    press("enter")(d, post)


@pytest.mark.rule("S68")
def test_a_jam_at_any_printed_row_is_held_cured_or_taken_back() -> None:
    """Pre-check; jam, paper-out, cover, cutter, overheat told apart; hold; reprint; reversal"""
    start = desk([]).world.save()
    for row in range(1, 45, 2):
        for cured in (True, False):
            d = desk()
            d.world = d.world.load(start)
            d.world.paper.jam_at(row)
            person = Person(buys("1250"))
            person.habits["hold"] = cures if cured else press("cancel")
            d.play(person)
            d.world.paper.cure()
            play(d)
            agree(d)
    for trouble in (
        PrinterTrouble.PAPER_OUT,
        PrinterTrouble.COVER_OPEN,
        PrinterTrouble.CUTTER,
        PrinterTrouble.OVERHEAT,
    ):
        d = desk([])
        d.world.paper.trouble = trouble
        play(d, buys("1250")[:1])
        from firmware.ui.screens import HOW_TO_CURE

        assert HOW_TO_CURE[trouble].zh in seen(d, "refused") and money(d) == []


@pytest.mark.rule("S69")
def test_the_glass_lost_at_any_frame_asks_no_pin_blind_and_the_outcome_is_printed() -> None:
    """Display loss found; finish or reverse; guide by beep, LED, printed prompt, ECR"""
    frames = ["amount", "insert_card", "reading", "enter_pin", "asking", "printing", "next_copy"]
    for frame in frames:
        d = desk([], cards=(Profile(cvm=CVM_ONLINE_PIN),))
        power = Power()
        call = power.call

        def dark(name, effect, frame=frame, d=d, call=call):
            if name == f"display.show {frame}" and d.film.now and d.film.now.name != "idle":
                d.world.glass_up = False
            return call(name, effect)

        power.call = dark  # type: ignore[method-assign]
        d.film.lines.clear()
        play(d, buys("1250", pin="246813"), power=power)
        told = d.film.text()
        if frame == "enter_pin":
            assert money(d) == [], "no PIN is asked blind"
        if frame != "amount":
            assert "♪ fault" in told
        d.world.glass_up = True
        play(d)
        agree(d)
        if "sale reversed" in kinds(d):
            assert slip(d, "故障单", "屏幕故障") or slip(d, "冲正通知")


@pytest.mark.rule("S70")
def test_a_cut_at_every_journal_write_of_a_refund_and_its_boot_leave_books_that_agree() -> None:
    """Crash-safe journal; recover at boot before the menu"""
    start = desk(buys("1250")).world.save()
    steps = 0
    for when in When:
        at = 0
        while True:
            at += 1
            d = desk()
            d.world = d.world.load(start)
            power = Power(when=when)
            call, writes = power.call, [0]

            def counted(name, effect, at=at, call=call, writes=writes, power=power):
                writes[0] += name == "disk.commit"
                power.cut_on = name if name == "disk.commit" and writes[0] == at else ""
                return call(name, effect)

            power.call = counted  # type: ignore[method-assign]
            if not d.play(Person(refunds("300")), power).cut:
                break
            steps += 1
            play(d)
            agree(d)
    assert steps > 30


@pytest.mark.rule("S71")
def test_an_exception_at_every_part_of_a_refund_leaves_the_money_decided() -> None:
    """Unhandled error → safe state, watchdog restart"""
    start = desk(buys("1250")).world.save()
    probe = Power()
    d = desk()
    d.world = d.world.load(start)
    play(d, refunds("300"), power=probe)
    for at in range(150, probe.steps, 17):
        d = desk()
        d.world = d.world.load(start)
        power = Power()
        call = power.call

        def fails(name, effect, at=at, call=call, power=power):
            if power.steps == at and not name.startswith(("clock", "watchdog", "inbox", "disk", "signals")):
                power.steps += 1
                raise RuntimeError("a defect of ours")
            return call(name, effect)

        power.call = fails  # type: ignore[method-assign]
        play(d, refunds("300"), power=power)
        play(d)
        agree(d)
        assert d.film.now is not None and d.film.now.name == "idle"


@pytest.mark.rule("S72")
def test_no_money_is_begun_in_the_down_half_of_a_flapping_line() -> None:
    """Link state by real host echo, back-off, no flapping of UI"""
    d = desk([])
    for _ in range(4):
        play(d, [on("idle", line(False), press("enter")), *buys("1250")[1:]], [on("idle", line(True))])
        assert newest(d, Kind.SALE).state is State.NEVER_SENT
        play(d, buys("100"))
    half = desk(buys("100"))
    half.world.half_open = True
    later(half, 60)
    play(half, buys("1250"))
    half.world.half_open = False
    play(half)
    assert "0400" not in money(d) + money(half) and "sale reversed" not in kinds(d) + kinds(half)
    agree(d)


@pytest.mark.rule("S73")
def test_a_reply_cut_after_any_byte_is_unknown_and_taken_back() -> None:
    """Cut mid-message = unknown → reversal"""
    start = desk(buys("1250")).world.save()
    for at in range(0, 120, 5):
        for steps, kind in ((buys("700"), Kind.SALE), (voids("000002"), Kind.VOID)):
            d = desk()
            d.world = d.world.load(start)
            d.world.bank.moods.append(Mood("cut", at=at))
            play(d, steps)
            assert newest(d, kind).state is State.REVERSED, at
            agree(d)


@pytest.mark.rule("S74")
@pytest.mark.parametrize(("fault", "code", "step"), [
    (lambda d: setattr(d.world.paper, "trouble", PrinterTrouble.PAPER_OUT), "E71", "放入新纸卷"),
    (lambda d: setattr(d.world.paper, "trouble", PrinterTrouble.CUTTER), "E73", "清切刀"),
    (lambda d: setattr(d.world, "printer_silent", True), "E77", "检查电源和数据线"),
    (lambda d: setattr(d.world, "reader_up", False), "E60", "拔下读卡器再插上"),
    (lambda d: setattr(d.world, "line_up", False), "E80", "检查网线和路由器"),
    (lambda d: d.world.files.pop("keys", None), "E10", "密钥缺失"),
])  # fmt: skip
def test_each_fault_has_its_own_code_and_plain_steps_in_the_self_test(fault, code, step) -> None:
    """Self-test with plain fix steps and code"""
    d = desk([])
    fault(d)
    person = Person(menu("24"))
    person.habits["step"] = press("enter")
    d.play(person)
    shown = [s for s in d.film.screens if s.name == "step" and s.title.zh.startswith(code)]
    assert step in "".join(line.zh for s in shown for line in s.lines)
    assert len(w.FIX_STEPS) == len({tuple(steps) for steps in w.FIX_STEPS.values()}), "no two faults are told alike"


@pytest.mark.rule("S75")
def test_each_party_hears_once_of_what_a_person_must_solve_also_after_boots_and_cuts() -> None:
    """Event out-queue (webhook/mail/ECR) and customer slip"""
    d = desk([], host={"inquiry": False, "repeats_refund": False})
    d.world.parties_up = False
    play(d, buys("1250"))
    d.world.bank.moods.append(Mood("mute"))
    play(d, refunds("300"))
    play(d)
    assert d.world.told == []
    d.world.parties_up = True
    for name in ("outlet.send", ""):
        play(d, power=Power(cut_on=name, when=When.DURING) if name else None)
    play(d)
    assert sorted(p for p, _, _ in d.world.told) == ["register", "support"]
    assert len({k for _, k, _ in d.world.told}) == 2 and all('"voucher"' in text for _, _, text in d.world.told)
    forced = desk(buys("1250"), forces())
    notices = [s for s in slips(forced) if "通知单" in s]
    assert len(notices) == 1
    cut = desk(buys("1250"))
    play(cut, forces(), power=Power(cut_on="printer.print customer_notice", when=When.DURING))
    play(cut)
    play(cut)
    notices = [s for s in slips(cut) if "通知单" in s]
    assert [("重打印" in s) for s in notices] == [False, True], "the second one says that it is one"


@pytest.mark.rule("S76")
def test_a_retry_is_a_new_entry_under_the_same_order_and_never_a_second_charge() -> None:
    """Retry once under the same order number as a new entry, only after the first is surely without effect"""
    d = play(mood(desk([]), "decline"), buys("1250"), [on("declined", press("1")), on("insert_card")])
    d = desk([])
    mood(d, "decline", "mute", "decline")
    from hal_mocks.person import insert

    retry = [on("remove_card"), on("insert_card", insert())]
    play(d, buys("1250"), [on("declined", press("1")), on("insert_card", insert()), on("reversed", press("1")),
                           on("insert_card", insert()), on("declined", press("1"))])  # fmt: skip
    sales = [e for e in d.entries() if e.kind is Kind.SALE]
    assert len({e.order for e in sales}) == 1 and len({e.stan for e in sales}) == 3, "two retries, then no more"
    assert [e.state for e in sales] == [State.DECLINED, State.REVERSED, State.DECLINED]
    good = play(mood(desk([]), "mute"), buys("1250"), [on("reversed", press("1")), on("insert_card", insert())])
    assert [e.state for e in good.entries()] == [State.REVERSED, State.RELEASED]
    assert sum(a.net for a in good.world.bank.accounts.values()) == 1250 and retry
    agree(good)
    owed = mood(desk([]), "mute", "mute")
    owed.world.bank.moody = ("0200", "0400")
    play(owed, buys("1250"), [on("reversal_pending", press("1"))])
    assert len([e for e in owed.entries() if e.kind is Kind.SALE]) == 1, "while it is owed there is no retry"


@pytest.mark.rule("S77")
def test_a_legal_reason_needs_its_case_number() -> None:
    """Legal/fraud reason with case no."""
    steps = [on("reason", press("down", "1")) if s.screen == "reason" else s for s in voids()]
    place = next(n for n, s in enumerate(steps) if s.screen == "reason") + 1
    without = desk(buys("1250"), steps[:place], [on("case_number", press("enter"))])
    assert "须输入案件编号" in seen(without, "refused") and money(without) == ["0200"]
    d = desk(buys("1250"), steps[:place], [on("case_number", press("20260001", "enter"))], steps[place:])
    assert (newest(d, Kind.VOID).ground, newest(d, Kind.VOID).case) == ("legal", "20260001")


@pytest.mark.rule("S78")
def test_a_forced_one_works_after_the_window_with_two_people_and_never_past_the_amount_left() -> None:
    """Ignores window and merchant switch, never the remaining amount or a money state; dual control"""

    def late(**sections):
        d = desk(buys("1250"), **sections)
        return later(d, 40 * 86400)

    plain = late()
    play(plain, refunds())
    assert money(plain) == ["0200"], "the window has closed"
    one = play(late(), forces(two=False))
    assert "申请人不能自己批准" in seen(one, "refused") and money(one) == ["0200"]
    two = play(late(withdraw={"refund": False}), forces())
    refund = newest(two, Kind.REFUND)
    assert (refund.amount, refund.approver, refund.ground, refund.case) == (1250, "00+02", "legal", "20260001")
    agree(two)
    again = play(two, forces())
    assert money(again) == ["0200", "0220"] and "W21" in seen(again, "why_not")


@pytest.mark.rule("S79")
def test_the_whole_is_the_default_a_part_needs_a_written_ground_and_the_customer_gets_a_notice() -> None:
    """Full amount by default, customer notice"""
    d = desk(buys("1250"), forces())
    assert newest(d, Kind.REFUND).amount == 1250 and "通知单" in slip(d, "400-000-0000", "通知单")
    part = desk(buys("1250"), forces(part="200"))
    assert newest(part, Kind.REFUND).amount == 200 and newest(part, Kind.REFUND).why == "77001"


@pytest.mark.rule("S80")
def test_the_report_fits_its_schema_is_printed_exported_and_the_same_each_time(tmp_path) -> None:
    """Regulator report file: what, when, why, who, hash of evidence"""
    d = desk(buys("1250"), forces())
    book = journal(d)
    export.write(book, tmp_path, lambda text: None)
    (path,) = tmp_path.glob("regulator-*.json")
    made = json.loads(path.read_text())
    assert regulator.faults(made) == []
    assert (
        regulator.faults({**made, "who": "00"})
        and regulator.faults({**made, "x": 1})
        and regulator.faults({**made, "case": ""})
    )
    assert made["evidence"] == book.hash_of(newest(d, Kind.REFUND)) and made["who"] == "00+02"
    assert made["evidence"][:16] in slip(d, "监管报告") and "20260001" in slip(d, "监管报告")
    first = path.read_bytes()
    play(d)
    export.write(journal(d), tmp_path, lambda text: None)
    assert path.read_bytes() == first and len(list(tmp_path.glob("regulator-*.json"))) == 1


@pytest.mark.rule("S81")
def test_a_fault_reaches_its_screen_within_a_second_and_says_one_thing_at_a_time() -> None:
    """Guided fault screen: one instruction at a time, timer"""
    d = desk([])
    times: list[float] = []
    shown = d.film.screen

    def watch(screen) -> None:
        if screen.name == "hold" and len(times) == 1:
            times.append(d.world.uptime_s)
        if "读卡器故障" in str(screen.lines) and len(times) == 3:
            times.append(d.world.uptime_s)
        shown(screen)

    d.film.screen = watch  # type: ignore[method-assign]
    fed = d.world.paper.feed

    def jams(row):
        if not fed(row):
            times.append(d.world.uptime_s)
            return False
        return True

    d.world.paper.feed = jams  # type: ignore[method-assign]
    d.world.paper.jam_at(7)

    def gone(x, post) -> None:
        times.append(d.world.uptime_s)
        post(DeviceGone("reader"))

    cure = do("cleared", lambda x: x.world.paper.cure())
    play(
        d,
        buys("1250"),
        [on("hold", cure, press("enter")), on("idle", gone), on("idle", press("menu")), on("menu", press("cancel"))],
    )
    assert len(times) == 4 and times[1] - times[0] < 1.0 and times[3] - times[2] < 1.0
    hold = next(s for s in d.film.screens if s.name == "hold")
    assert len(hold.lines) == 1 and hold.big == "60s"
    guided = desk([])
    guided.world.paper.trouble = PrinterTrouble.PAPER_OUT
    person = Person(menu("24"))
    person.habits["step"] = press("enter")
    guided.play(person)
    steps = [s for s in guided.film.screens if s.name == "step"]
    bigs = [s.big for s in steps if s.title.zh.startswith("E71")]
    assert bigs == ["1/3  60s", "2/3  60s", "3/3  60s"] and all(len(s.lines) == 1 for s in steps)


@pytest.mark.rule("S82")
def test_every_withdrawal_slip_has_ground_original_amounts_and_time() -> None:
    """Every withdrawal slip carries ground and customer's proof"""
    plays = {
        "消费撤销 VOID": (buys("1250"), voids()),
        "退货 REFUND": (buys("1250"), refunds("300")),
        "现金退款 CASH REFUND": (cash("500"), cash_back()),
        "预授权撤销 BOOKING VOID": (books_amount(), cancels()),
        "完成撤销 COMPLETION VOID": (books_amount(), completes("9000"), voids()),
    }
    for title, steps in plays.items():
        d = desk(*steps)
        for copy in ("商户存根", "持卡人存根"):
            paper = slip(d, title, copy)
            for need in (
                "原因 REASON",
                "原凭证号 ORIG",
                "金额 RMB",
                "时间 TIME    2026-11-23",
                "凭据 PROOF",
                "申请号 REQUEST",
            ):
                assert need in paper, f"{title} {copy}: {need}"
    absent = desk(buys("1250"), absent_refund())
    assert "原因 REASON" in slip(absent, "退货 REFUND", "持卡人存根")


@pytest.mark.rule("S83")
def test_a_retry_is_offered_at_once_and_the_rate_is_reported_by_reason() -> None:
    """Same-visit retry offered; withdrawal rate report"""
    d = play(mood(desk([]), "decline"), buys("1250"))
    assert "1=重新支付" in seen(d, "declined")
    many = desk(*[buys("100") for _ in range(4)], voids(), refunds("50", voucher="000002"))
    play(many, menu("42"), [on("menu", press("down", "3")), on("rate", press("enter"))])
    shown = seen(many, "rate")
    assert "操作更正 OPERATOR 1" in shown and "顾客要求 CUSTOMER 1" in shown and "PER 100 50" in shown
    assert "每百笔 PER 100" in slip(many, "撤回统计")


def test_an_offline_sale_is_uploaded_when_the_line_is_back_and_can_be_voided_before() -> None:
    d = desk([], cards=(Profile(offline_ok=True),), withdraw={"offline": True})
    from hal_mocks.person import insert

    play(d, [on("idle", line(False), press("enter")), *buys("20000")[1:], on("offline_ask", press("enter"))])
    assert newest(d, Kind.OFFLINE_SALE).state is State.UPLOAD_OWED
    saved = d.world.save()
    d.world.line_up = True
    play(d)
    assert newest(d, Kind.OFFLINE_SALE).state is State.UPLOADED
    agree(d)
    early = desk(withdraw={"offline": True})
    early.world = early.world.load(saved)
    assert early.world.bank.seen.count("0200") == 0 and insert
    assert datetime and requests and settles


def test_over_the_offline_cap_nothing_is_offered() -> None:
    d = desk([], cards=(Profile(offline_ok=True),), withdraw={"offline": True})
    play(d, [on("idle", line(False), press("enter")), *buys("30001")[1:]])
    assert kinds(d) == ["sale never_sent"] and not seen(d, "offline_ask")


def test_red_while_the_bank_is_asked_offers_no_offline_sale() -> None:
    d = desk([], cards=(Profile(offline_ok=True),), withdraw={"offline": True})
    play(d, buys("20000"), [on("asking", press("cancel"))])
    assert kinds(d) == ["sale never_sent"] and not seen(d, "offline_ask")


def test_an_amendment_given_up_after_it_was_granted_is_abandoned() -> None:
    d = desk(books_amount(), [*menu("31"), on("menu", press("3")), on("voucher", press("enter"))])
    from hal_mocks.person import insert

    play(d, [*menu("31"), on("menu", press("3")), on("voucher", press("enter")), on("insert_card", insert()),
             on("reason", press("1")), on("confirm", press("enter")), on("consent", press("enter")),
             on("amend_what", press("cancel"))])  # fmt: skip
    assert requests(d)[-1]["status"] == "abandoned" and kinds(d) == ["preauth released"]
