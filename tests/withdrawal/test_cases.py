"""S56-S67: every way out, verify first, the case closed by code, the same customer, consent, the matrix of faults."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest

from firmware.errors import KeypadLost, PrinterTrouble
from firmware.faults.policy import MATRIX, Fault, Policy, When
from firmware.hal.events import DeviceGone
from firmware.ledger import export
from firmware.ledger.lifecycle import KEEPS_ITS_STAN, OPEN, TABLES, Kind, State
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, PAN_B, Profile
from hal_mocks.person import buys, do, finds, grants, insert, menu, on, press, refunds, voids, withdraws
from hal_mocks.power import Power
from tests.withdrawal.stories import (
    agree,
    at,
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
    screens,
    seen,
    slip,
    slips,
    words,
)

CASES = menu("34")


def stubborn(d, code: str = "57"):
    """A bank that refuses every reversal."""
    d.world.bank._reversal = lambda request: d.world.bank._answer(request, code)
    return d


def stuck():
    d = stubborn(mood(desk([]), "mute"))
    play(d, buys("1250"), [on("idle", press("menu")), on("menu", press("cancel"))])
    assert kinds(d) == ["sale stuck"]
    return d


@pytest.mark.rule("S56")
def test_every_open_state_is_reached_and_left_by_somebody() -> None:
    """Every incomplete transaction has a way out"""
    ends = set(State) - OPEN - KEEPS_ITS_STAN
    for kind, table in TABLES.items():
        for start in {s for s, _ in table}:
            reached, todo = {start}, [start]
            while todo:
                here = todo.pop()
                new = {to for (state, _), to in table.items() if state is here} - reached
                reached |= new
                todo += new
            assert reached & ends, f"{kind.value} {start.value}"
    d = stuck()
    play(d, CASES, [on("both_views", press("enter")), on("case_do", press("2")), on("case_number", press("88001234", "enter")),
                    *grants()])  # fmt: skip
    assert kinds(d) == ["sale manual_closed"]


@pytest.mark.rule("S57")
def test_a_definite_no_sends_no_reversal_and_doubt_sends_one() -> None:
    """Declined and not authorised: closed at once, no money, clear slip"""
    no = play(mood(desk([]), "decline"), buys("1250"))
    assert money(no) == ["0200"] and kinds(no) == ["sale declined"] and "余额不足" in seen(no, "declined")
    doubt = play(mood(desk([]), "mute"), buys("1250"))
    assert money(doubt) == ["0200", "0400"] and kinds(doubt) == ["sale reversed"]


@pytest.mark.rule("S58")
def test_the_merchants_push_and_the_automatic_path_together_make_one_reversal() -> None:
    """Merchant may trigger it besides the automatic path"""
    d = desk([])
    d.world.dies_after_booking = True
    play(d, buys("1250"), [on("idle", line(True), press("menu")), *CASES[1:], on("both_views", press("enter"))])
    play(d, CASES, [on("voucher", press("cancel"))])
    assert money(d) == ["0200", "0400"] and kinds(d) == ["sale reversed"]
    agree(d)


@pytest.mark.rule("S59")
def test_a_sale_that_the_bank_has_and_that_is_printed_is_shown_and_not_reversed() -> None:
    """Verify first: journal, then host inquiry, then act"""
    d = desk(buys("1250"), CASES, [on("voucher", press("enter")), on("both_views", press("enter"))])
    assert "银行:已入账" in seen(d, "both_views") and "两边一致" in seen(d, "both_views")
    assert money(d) == ["0200"] and kinds(d) == ["sale released"]
    order = [s.name for s in play(stuck(), CASES, [on("both_views", press("enter"))]).film.screens]
    assert order.index("both_views") < order.index("case_do"), "first it is looked at, then something is done"


@pytest.mark.rule("S60")
def test_a_reversal_leaves_within_two_seconds_of_the_line_and_before_any_new_sale() -> None:
    """Reversal queued at once with reason; sent before any new sale"""
    d = desk([])
    d.patience = 3000
    d.world.dies_after_booking = True
    back: list[float] = []
    sent: list[float] = []
    began = d.world.uptime_s

    def watch(seconds, old=d.world.pass_time) -> None:
        old(seconds)
        if d.world.uptime_s > began + 900 and not back:
            d.world.line_up = True
            back.append(d.world.uptime_s)
        if "0400" in d.world.bank.seen and not sent:
            sent.append(d.world.uptime_s)

    d.world.pass_time = watch
    play(d, buys("1250"), [on("idle", press("enter"))])
    assert "有冲正未完成 不能交易" in seen(d, "refused"), "no new sale before it"
    assert sent and 0 <= sent[0] - back[0] <= 2.0
    assert money(d) == ["0200", "0400"] and newest(d, Kind.SALE).reason == "98"


@pytest.mark.rule("S61")
def test_a_stuck_case_is_closed_only_with_the_psps_code_and_a_supervisor() -> None:
    """Entry of PSP case/authorisation code to close a manual case"""
    through = [*CASES, on("both_views", press("enter")), on("case_do", press("2"))]
    without = play(stuck(), through, [on("case_number", press("12", "enter"))])
    assert "须输入案件编号" in seen(without, "refused") and kinds(without) == ["sale stuck"]
    cashier = play(stuck(), through, [on("case_number", press("88001234", "enter")), *grants("01", "246801")])
    assert "权限不足" in seen(cashier, "refused") and kinds(cashier) == ["sale stuck"]
    d = play(stuck(), through, [on("case_number", press("88001234", "enter")), *grants()])
    closed = newest(d, Kind.SALE)
    assert (closed.state, closed.case, closed.approver) == (State.MANUAL_CLOSED, "88001234", "00")


@pytest.mark.rule("S62")
def test_three_presses_from_idle_to_the_card_and_three_reasons_of_a_customer() -> None:
    """ "Void last" in one key; three customer reasons"""
    d = desk(buys("1250"))
    d.film.lines.clear()
    play(d, finds(), [on("insert_card", press("cancel"))])
    before = d.film.text().split("insert_card")[0]
    pressed = [k for row in before.split("\n") if "keys:" in row for k in row.split("keys: ")[1].split()]
    assert len(pressed) <= 3, pressed
    for digit, detail in (("1", "mistake"), ("2", "doubt"), ("3", "personal")):
        steps = [
            on("reason_detail", press(digit)) if s.screen == "reason_detail" else s
            for s in withdraws(reason="customer")
        ]
        assert newest(desk(buys("1250"), steps), Kind.VOID).ground == f"customer.{detail}"


@pytest.mark.rule("S63")
def test_the_same_card_then_the_pin_and_another_card_is_refused_logged_and_needs_a_supervisor() -> None:
    """Same card again (keyed token), then PIN or signature per profile"""
    d = desk(buys("1250"), finds(), [on("insert_card", insert(1)), on("other_card", press("cancel"))])
    (logged,) = journal(d).records("other_card")
    assert logged["shown"] == "620000******0047" and "不是原交易卡片" in seen(d, "refused") and len(d.entries()) == 1
    override = desk(buys("1250"), finds(), [on("insert_card", insert(1)), on("other_card", press("enter")),
                    *grants("01", "246801")])  # fmt: skip
    assert "权限不足" in seen(override, "refused") and len(override.entries()) == 1
    pin = desk(buys("1250", pin="246813"), voids()[:-2], [on("enter_pin", press("246813", "enter")), *grants()],
               cards=(Profile(cvm=CVM_ONLINE_PIN),))  # fmt: skip
    assert newest(pin, Kind.VOID).state is State.RELEASED and newest(pin, Kind.VOID).f22 == "051"
    no_pin = desk(buys("1250", pin="246813"), voids()[:-2], [on("enter_pin", press("cancel"))],
                  cards=(Profile(cvm=CVM_ONLINE_PIN),))  # fmt: skip
    assert kinds(no_pin) == ["sale released"]


@pytest.mark.rule("S64")
@pytest.mark.parametrize("answer", ["cancel", "nobody"])
def test_without_the_customers_green_key_nothing_is_withdrawn(answer: str) -> None:
    """Customer sees options and effect (when, how much, to which card), presses green"""
    shown = words(screens(desk(buys("1250"), refunds("300")), "consent")[0])
    assert "￥3.00" in shown and "*0005" in shown and "11-26" in shown
    steps = voids()
    at_consent = next(n for n, s in enumerate(steps) if s.screen == "consent")
    d = desk(buys("1250"), steps[:at_consent], [on("consent", press("cancel"))] if answer == "cancel" else grants())
    assert money(d) == ["0200"] and requests(d)[-1]["status"] == "abandoned"


@pytest.mark.rule("S65")
def test_an_abandoned_request_is_in_the_export(tmp_path) -> None:
    """Request journaled even if refused or abandoned"""
    d = desk(buys("1250"), refunds()[:6])
    export.write(journal(d), tmp_path, lambda text: None)
    rows = [json.loads(x) for x in (tmp_path / "records.jsonl").read_text().splitlines()]
    assert [(r["status"], r["original"], bool(r["step"])) for r in rows if r["book"] == "request"] == [
        ("abandoned", 1, True)
    ]


@pytest.mark.rule("S66")
def test_a_follow_up_shows_in_the_overdue_list_and_its_compensation_moves_no_card() -> None:
    """Follow-up note, next date, compensation amount (no card movement)"""
    d = desk(buys("1250"), refunds()[:6], menu("43"), [on("menu", press("down", "1")), on("form_number", press("1", "enter")),
             on("follow_days", press("3", "enter")), on("compensation", press("500", "enter"))])  # fmt: skip
    look = [*menu("42"), on("menu", press("4"))]
    play(d, look)
    assert "没有记录" in seen(d, "refused") and requests(d)[-1]["compensation"] == 500
    later(d, 3 * 86400)
    play(d, look, [on("overdue", press("cancel"))])
    assert "R000001" in seen(d, "overdue") and money(d) == ["0200"]


# -- fault × state -----------------------------------------------------------------------------------------------------


def broken(fault: Fault, d) -> None:
    """The part lets us down from now on."""
    world = d.world
    if fault is Fault.PRINTER:
        world.paper.trouble = PrinterTrouble.CUTTER
    elif fault is Fault.NETWORK:
        world.line_up = False
    elif fault is Fault.READER:
        world.reader_up, world.slot = False, None
    elif fault is Fault.DISPLAY:
        world.glass_up = False


def sale_with(fault: Fault, moment: When) -> list[str]:
    """What became of the sale and the refund when the part broke at just that moment."""
    refund = moment is When.REFUND_SENT
    d = desk(buys("1250")) if refund else desk([])
    cut, steps = Power(), refunds("300") if refund else buys("1250")
    name = {When.BEFORE_CARD: "display.show amount", When.CARD_READ: "card.transmit B2", When.SENT: "line",
            When.REFUND_SENT: "line", When.APPROVED: "printer.print body", When.CLOSING: "printer.print last",
            When.RELEASED: "display.show next_copy"}[moment]  # fmt: skip
    if (fault, moment) == (Fault.DISPLAY, When.APPROVED):
        name = "display.show printing"  # the loss is found at a frame
    call, done = cut.call, []

    def watched(what, effect):
        if what == name and not done and (name != "line" or (d.film.now and d.film.now.title.zh in ("消费", "退货"))):
            done.append(1)
            if fault is Fault.CRASH:
                cut.dead = True
            elif fault is Fault.NETWORK and name == "line":
                effect()
                d.world.dies_after_booking = True
                return None
            else:
                broken(fault, d)
        return call(what, effect)

    cut.call = watched  # type: ignore[method-assign]
    if fault is Fault.NETWORK and name == "line":
        d.world.dies_after_booking = True
        cut = Power()
    habits = (
        {"hold": press("enter"), "slip_complete": press("cancel")}
        if fault is not Fault.PRINTER
        else {"slip_complete": press("enter")}
    )
    from hal_mocks.person import Person

    person = Person(steps)
    person.habits |= habits
    d.play(person, cut)
    found = kinds(d)
    d.world.glass_up = d.world.reader_up = d.world.line_up = True
    d.world.paper.cure()
    play(d)
    return [*found, "then", *kinds(d)]


def expected(policy: Policy, refund: bool) -> set[str]:
    """Where the act may stand when the fault has had its way and everything works again."""
    kind = "refund" if refund else "sale"
    return {
        Policy.REFUSE: {"", f"{kind} never_sent"},
        Policy.CANCEL: {"", f"{kind} cancelled", f"{kind} never_sent"},
        Policy.REVERSE: {f"{kind} reversed", f"{kind} never_sent"},
        Policy.UNKNOWN: {f"{kind} done", f"{kind} released", f"{kind} never_sent"},
        Policy.HOLD: {f"{kind} released", f"{kind} reversed"},
        Policy.ASK: {f"{kind} released", f"{kind} reversed"},
        Policy.KEEP: {f"{kind} released"},
        Policy.GO_ON: {f"{kind} released"},
    }[policy]


@pytest.mark.rule("S67")
def test_every_cell_of_fault_by_state_is_defined_and_is_what_happens() -> None:
    """Fault supervisor: each device fault maps to a policy"""
    assert all(set(MATRIX[fault]) == set(When) for fault in Fault) and set(MATRIX) == set(Fault)
    for fault in (Fault.PRINTER, Fault.NETWORK, Fault.READER, Fault.DISPLAY, Fault.CRASH):
        for moment in When:
            policy = MATRIX[fault][moment]
            found = sale_with(fault, moment)
            refund = moment is When.REFUND_SENT
            end = [e for e in found[found.index("then") + 1 :] if e.startswith("refund" if refund else "sale")]
            end = end if not refund or end else [""]
            assert (end[-1] if end else "") in expected(policy, refund), f"{fault.value} {moment.value}: {found}"


def test_a_stuck_case_is_told_to_support_and_register_once_each() -> None:
    d = stuck()
    play(d)
    play(d, buys("100"))
    assert sorted((p, k) for p, k, _ in d.world.told) == [
        ("register", "stuck.1:register"),
        ("support", "stuck.1:support"),
    ]
    assert at and timedelta and slip and slips and do and PAN_B and Mood


@pytest.mark.rule("S67")
@pytest.mark.parametrize("moment", list(When))
def test_a_keypad_that_fails_cancels_before_sending_and_stops_nothing_after(moment: When) -> None:
    """Fault supervisor: each device fault maps to a policy"""
    early = moment in (When.BEFORE_CARD, When.CARD_READ)
    refund = moment is When.REFUND_SENT
    d = desk(buys("1250"), cards=(Profile(),)) if refund else desk([], cards=(Profile(cvm=CVM_ONLINE_PIN),))
    power = Power()
    call = power.call
    names = {When.BEFORE_CARD: "keypad.read_pin", When.CARD_READ: "keypad.read_pin", When.SENT: "line", When.REFUND_SENT: "line",
             When.APPROVED: "printer.print body", When.CLOSING: "printer.print last", When.RELEASED: "display.show next_copy"}  # fmt: skip

    def fails(name, effect):
        if name == names[moment] and early:
            raise KeypadLost("no answer")
        if name == names[moment] and d.terminal:
            d.terminal.devices.inbox.post(DeviceGone("keypad"))
        return call(name, effect)

    power.call = fails  # type: ignore[method-assign]
    play(d, refunds("300") if refund else buys("1250", pin="" if early else "246813"), power=power)
    wanted = Policy.CANCEL if early else Policy.GO_ON
    assert MATRIX[Fault.KEYPAD][moment] is wanted
    if early:
        assert money(d) == [] and d.entries() == [] and "键盘故障" in seen(d, "refused")
    else:
        assert kinds(d)[-1] == ("refund released" if refund else "sale released")
    agree(d)
