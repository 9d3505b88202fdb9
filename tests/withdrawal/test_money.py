"""S36-S55: query, confirming, deadlines, what became of a refund, wording, training, packs, export, secrets, reports."""

from __future__ import annotations

import io
import json
import re
import resource
import subprocess
import sys
from datetime import datetime, timedelta
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from firmware import words as w
from firmware.errors import ConfigError
from firmware.hal.screen import Screen
from firmware.ledger import export, totals
from firmware.ledger.lifecycle import Kind, State
from firmware.security import provision
from firmware.withdrawal import pack as packs
from firmware.withdrawal.requests import NEXO, REASONS
from firmware.words import Word
from hal_mocks import desk as desk_module
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, PAN_B, Profile
from hal_mocks.person import buys, do, finds, insert, menu, on, press, refunds, voids, withdraws
from hal_mocks.power import Power
from tests.test_canary import PIN, leaks, secrets
from tests.withdrawal.stories import (
    OWN,
    absent_refund,
    agree,
    at,
    books_amount,
    cancels,
    completes,
    desk,
    forces,
    journal,
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

ROOT = Path(__file__).resolve().parents[2]
QUERY = [*menu("14"), on("voucher", press("enter")), on("entry", press("enter")), on("both_views", press("enter"))]


@pytest.mark.rule("S36")
def test_a_query_shows_the_journals_view_and_the_banks_and_flags_a_difference() -> None:
    """Query by voucher, RRN, order, last 4, amount+time; local and host view"""
    d = desk(buys("1250"), QUERY)
    assert (
        "交易成功" in seen(d, "entry")
        and "银行:已入账" in seen(d, "both_views")
        and "两边一致" in seen(d, "both_views")
    )
    del d.world.bank.accounts["000001", "000002"]
    play(d, QUERY)
    shown = screens(d, "both_views")[-1]
    assert "银行:无此交易" in words(shown) and "两边不一致!" in words(shown) and shown.alarm
    silent = desk(buys("1250"), QUERY, host={"inquiry": False})
    assert "银行不提供查询" in seen(silent, "both_views")


@pytest.mark.rule("S37")
def test_account_bank_and_what_is_left_stand_on_one_screen_and_an_unknown_bank_says_so() -> None:
    """Confirm screen: masked PAN, issuer name from BIN table, remaining limit"""
    shown = words(screens(desk(buys("1250"), refunds("300"), refunds("200", pick="1")), "confirm")[-1])
    assert "620000******0005" in shown and "测试银行" in shown and "￥9.50" in shown and "￥2.00" in shown
    strange = desk(buys("1250"), refunds("300"), cards=(Profile(pan="6212345600000007"),))
    assert "未知发卡行" in seen(strange, "confirm")


@pytest.mark.rule("S38")
def test_one_live_withdrawal_at_a_time() -> None:
    """Submit per type and policy: ≤ 1 live withdrawal per original"""
    d = desk(buys("1250"), host={"inquiry": False, "repeats_refund": False})
    d.world.bank.moods.append(Mood("mute"))
    play(d, refunds("300"), finds("000002"), [on("why_not", press("enter"))] * 3, [on("contact_slip", press("cancel"))])
    assert kinds(d) == ["sale released", "refund unknown"] and "W23" in seen(d, "why_not")
    left = desk(buys("1250"), refunds()[:4])
    play(left, voids("000002"))
    assert [r["status"] for r in requests(left)] == ["abandoned", "granted"]


@pytest.mark.rule("S39")
def test_the_form_prints_with_its_blanks_and_its_scanned_code_reopens_the_request() -> None:
    """Prints a refund form with blanks and code; support reference stored"""
    d = desk(buys("1250"), [*menu("43"), on("menu", press("2")), on("voucher", press("enter")),
             on("support", press("5501", "enter"))])  # fmt: skip
    form = slip(d, "退款申请表")
    assert "[R000001]" in form and form.count("_" * 32) == 5
    play(d, [on("idle", scan("R000001")), *refunds()[2:]])
    (row,) = requests(d)
    assert (row["status"], row["support"], newest(d, Kind.REFUND).request) == ("granted", "5501", 1)
    assert newest(d, Kind.REFUND).way == "form"


@pytest.mark.rule("S40")
@pytest.mark.parametrize(("today", "due"), [
    (datetime(2026, 11, 23, 12), "2026-11-26"), (datetime(2026, 11, 26, 12), "2026-12-01"),
    (datetime(2026, 12, 30, 12), "2027-01-05"), (datetime(2027, 2, 4, 12), "2027-02-17")])  # fmt: skip
def test_the_expected_day_skips_weekends_and_holidays(today: datetime, due: str) -> None:
    """Pending state with expected date in business days"""
    d = desk([])
    d.world.now = today
    play(d, buys("1250"), refunds())
    assert newest(d, Kind.REFUND).due == due
    assert due in slip(d, "退货 REFUND") and due[5:] in seen(d, "consent")


@pytest.mark.rule("S41")
def test_the_amount_is_echoed_twice_may_be_changed_before_and_never_after_it_was_sent() -> None:
    """Amount echoed twice; change before send; after send only a new linked entry"""
    d = desk(buys("1250"), refunds("900")[:-5], [on("confirm", press("cancel"))], refunds("300"))
    assert "￥3.00" in words(screens(d, "confirm")[-1]) and "￥3.00" in words(screens(d, "consent")[-1])
    assert newest(d, Kind.REFUND).amount == 300 and money(d) == ["0200", "0220"]
    t = d.terminal
    assert t
    sent = t.requests.get(newest(d, Kind.REFUND).request)
    with pytest.raises(AssertionError, match="linked entry"):
        t.requests.note(sent, amount=200)
    play(d, refunds("100", voucher="000002", pick="1"))
    assert [e.amount for e in d.entries() if e.kind is Kind.REFUND] == [300, 100]


def pending(d) -> None:
    d.world.bank.refunds_are = "pending"


@pytest.mark.rule("S42")
def test_what_becomes_of_a_refund_is_looked_up_at_rest_survives_a_boot_and_beeps_once() -> None:
    """Background poll, progress screen, last-checked time"""
    d = desk(buys("1250"))
    pending(d)
    play(d, refunds())
    play(d)
    asked = newest(d, Kind.REFUND)
    assert asked.posting == "pending" and asked.polled
    for account in d.world.bank.accounts.values():
        account.status = "posted"
    later(d, 3700)
    d.film.lines.clear()
    play(d, [on("idle", press("menu")), on("menu", press("cancel"))])
    refund = newest(d, Kind.REFUND)
    assert refund.posting == "posted" and refund.polled > asked.polled
    assert "退款状态有变化" in seen(d, "idle")
    later(d, 7300)
    d.film.lines.clear()
    play(d, menu("42"), [on("menu", press("3")), on("progress", press("enter"))])
    assert "已完成" in seen(d, "progress") and "2026-11-26" in seen(d, "progress")
    assert d.film.text().count("♪ prompt") == 0, "it beeped once, when it changed"


@pytest.mark.rule("S43")
def test_past_its_day_there_is_an_alert_and_a_slip_to_show() -> None:
    """Overdue alert, contact line, evidence slip"""
    d = desk(buys("1250"), host={"inquiry": False})
    play(d, refunds())
    at(d, datetime(2026, 11, 26, 12))
    play(d)
    assert "有逾期退款" not in words(screens(d, "idle")[-1])
    at(d, datetime(2026, 11, 27, 12))
    play(d, menu("42"), [on("menu", press("4")), on("overdue", press("enter"))])
    assert "有逾期退款" in words(screens(d, "idle")[-1])
    paper = slip(d, "退款进度凭据")
    assert "2026-11-26" in paper and "400-000-0000" in paper and newest(d, Kind.REFUND).rrn in paper


def offered(d, voucher: str = "") -> str:
    play(d, finds(voucher), [on("insert_card", insert()), on("options", press("cancel"))])
    return seen(d, "options")


def offered_at(d, moment: datetime) -> str:
    """What is offered when the key is pressed at just this moment."""
    play(d, [on("idle", do("time passes", lambda x: at(x, moment)), press("clear")), on("voucher", press("enter")),
             on("insert_card", insert()), on("options", press("cancel"))])  # fmt: skip
    return seen(d, "options")


@pytest.mark.rule("S44")
def test_a_window_closes_to_the_second_and_a_clock_set_back_does_not_open_it_again(tmp_path) -> None:
    """Window per type: from, until; countdown on screen"""
    rules = with_rules(
        tmp_path, ('do = "void"\nstates = ["standing"]\n', 'do = "void"\nstates = ["standing"]\nfrom_s = 60\n')
    )
    start = desk(buys("1250"), **rules)
    sold = datetime.fromisoformat(newest(start, Kind.SALE).at)
    saved = start.world.save()
    for moment, there in ((sold + timedelta(seconds=59), False), (sold + timedelta(seconds=60), True),
                          (sold.replace(hour=23, minute=0, second=0), True),
                          (sold.replace(hour=23, minute=0, second=1), False)):  # fmt: skip
        d = desk(**rules)
        d.world = d.world.load(saved)
        assert ("撤销 全额" in offered_at(d, moment)) == there, moment
    late = desk(**rules)
    late.world = late.world.load(saved)
    later(late, 12 * 3600)
    assert "撤销 全额" not in offered(late)
    late.world.bank_lag = timedelta(hours=-4)  # the bank knows better
    late.world.line_up = False
    later(late, -4 * 3600)
    play(late, [on("idle", do("line", lambda x: setattr(x.world, "line_up", True)), press("clear")), on("voucher", press("enter")),
                on("insert_card", insert()), on("options", press("cancel"))])  # fmt: skip
    assert "撤销 全额" not in "\n".join(words(s) for s in screens(late, "options"))
    assert re.search(r"剩(\d+d )?\d\d:\d\d:\d\d", seen(start, "options") or offered(start))


@pytest.mark.rule("S44")
def test_a_window_that_closes_while_the_customer_makes_up_his_mind_is_closed() -> None:
    """Window per type: from, until; countdown on screen"""
    d = desk(buys("1250"))
    late = datetime.fromisoformat(newest(d, Kind.SALE).at).replace(hour=23, minute=0, second=1)
    steps = [
        on("consent", do("it gets late", lambda x: at(x, late)), press("enter")) if s.screen == "consent" else s
        for s in voids()
    ]
    play(d, steps)
    assert "已过撤回期限" in seen(d, "refused") and money(d) == ["0200"] and requests(d)[-1]["status"] == "refused"


@pytest.mark.rule("S44")
def test_a_clock_set_back_in_the_middle_of_the_day_bends_no_window() -> None:
    """Window per type: from, until; countdown on screen"""
    d = desk(buys("1250"))
    later(d, 12 * 3600)  # past 23:00; the terminal signs on at this boot

    def back(x) -> None:
        x.world.bank_lag = timedelta(hours=-6)
        x.world.now -= timedelta(hours=6)

    play(d, [on("idle", do("the clock is set back", back), press("clear")), on("voucher", press("enter")),
             on("insert_card", insert()), on("options", press("cancel"))])  # fmt: skip
    assert "撤销 全额" not in seen(d, "options")


@pytest.mark.rule("S45")
def test_parts_have_a_cap_and_an_order_can_be_cancelled_without_money(tmp_path) -> None:
    """Partial cap per type; cancel-without-refund"""
    half = with_rules(tmp_path, ("cap_percent = 100", "cap_percent = 50"))
    d = desk(buys("1000"), refunds("501"), **half)
    assert "最多可退" in seen(d, "part_amount") and money(d) == ["0200"]
    d = desk(buys("1000"), refunds("500"), **half)
    assert newest(d, Kind.REFUND).amount == 500
    nothing = desk(buys("1000"), withdraws(pick="3", reason="customer"))
    paper = slip(nothing, "取消订单 不退款")
    assert "退款 REFUNDED               0.00" in paper and "误操作 BY MISTAKE" in paper
    assert money(nothing) == ["0200"] and requests(nothing)[-1]["status"] == "done"


@pytest.mark.rule("S46")
@pytest.mark.parametrize(
    ("takes", "status", "open_"), [(0, "failed", "rejected 12.50"), (1000, "adjusted", "adjusted 2.50")]
)
def test_a_refund_that_comes_back_is_in_the_list_and_in_the_next_settlement(takes, status, open_) -> None:
    """States REFUND_ADJUSTED, REFUND_FAILED; open-liability list"""
    d = desk(buys("1250"))
    pending(d)
    play(d, refunds())
    d.world.bank.reject(("000001", newest(d, Kind.REFUND).stan), takes)
    later(d, 3700)
    play(d, menu("42"), [on("menu", press("down", "1")), on("liable", press("enter"))], settles())
    t = d.terminal
    assert t and t.requests.get(1).status.value == status
    assert open_ in seen(d, "liable") and open_ in slip(d, "结算总计单")
    agree(d)


@pytest.mark.rule("S47")
def test_the_liability_is_told_before_consent_stands_on_the_slip_and_its_version_is_stored() -> None:
    """Disclosure on customer screen before consent, on slip"""
    d = desk(buys("1250"), refunds())
    assert "如有延迟由商户负责" in seen(d, "consent_more") and screens(d, "consent_more")[0].audience == "customer"
    assert newest(d, Kind.SALE).disclosure == "D1" and newest(d, Kind.REFUND).disclosure == "D1"
    assert "退款延迟或有调整 由商户负责" in slip(d, "退货 REFUND", "持卡人存根")
    refused = desk(buys("1250"), refunds()[:-3], [on("consent_more", press("cancel"))])
    assert money(refused) == ["0200"]


BLAME = re.compile(
    r"fraud|stolen|suspect|guilt|fault of|invalid|refus|declin|insufficient|欺诈|盗|怀疑|责怪|过错|拒绝|余额不足|黑名单|无效|W\d\d|DE ?39",
    re.I,
)


def blames(texts: list[str]) -> list[str]:
    return [t for t in texts if BLAME.search(t)]


def for_customers(d) -> list[str]:
    """Every screen for the customer's eyes, every slip for the customer's hand."""
    copies = [
        s
        for s in slips(d)
        if "CARDHOLDER COPY" in s or "CONTACT SLIP" in s or "NOTICE\n" in s or "REVERSAL NOTICE" in s or "EVIDENCE" in s
    ]
    return [words(s) for s in d.film.screens if s.audience == "customer"] + copies


@pytest.mark.rule("S48")
def test_no_blame_and_no_code_in_anything_that_is_meant_for_the_customer() -> None:
    """Neutral customer wording; decline reasons only to merchant"""
    d = desk(buys("1250"), refunds("300"), absent_refund("100"), books_amount(), cancels())
    d.world.bank.moods.append(Mood("decline"))
    play(d, buys("700"), finds("000099"), forces(part="200"), voids())
    assert len(for_customers(d)) > 12
    assert blames(for_customers(d)) == []
    assert "余额不足" in seen(d, "declined") and screens(d, "declined")[0].audience == "merchant"
    assert blames(["W07", "银行拒绝"]) == ["W07", "银行拒绝"], "the lint would see it"
    assert [g for g in (*w.GROUNDS.values(), *w.CUSTOMER_GROUNDS.values()) if blames([g.zh, g.en])] == []


@pytest.mark.rule("S49")
def test_training_touches_neither_totals_nor_network_and_its_slips_say_testing() -> None:
    """Training mode, no host, slips marked 测试/TESTING"""
    d = desk(buys("1250"))
    before, sent, rows = totals.of(d.entries()), len(d.world.bank.seen), len(list(journal(d).rows()))
    play(d, menu("53"), [on("amount", press("8800", "enter")), on("training_card", press("enter")), on("reason", press("1")),
         on("consent", press("enter"))])  # fmt: skip
    assert totals.of(d.entries()) == before
    assert len(d.world.bank.seen) == sent + 1, "the boot's own sign-on and nothing else"
    assert len(list(journal(d).rows())) == rows
    practised = [s for s in slips(d) if "88.00" in s]
    assert len(practised) == 2 and all(s.count("测试 凭证无效 TESTING, NOT VALID") == 2 for s in practised)
    assert not any("APPROVED" in s for s in practised)


@pytest.mark.rule("S50")
def test_a_signed_newer_pack_is_taken_an_older_or_a_forged_one_is_not_and_the_settlement_names_it(
    tmp_path: Path,
) -> None:
    """Rule packs with version and date, signed, sent over SSH"""
    provision.test_keys(tmp_path, "bank.test")
    key = serialization.load_pem_private_key((tmp_path / "certs" / "rules.key").read_bytes(), None)
    assert isinstance(key, Ed25519PrivateKey)

    def send(version: int, sign=key.sign) -> packs.Pack:
        text = (OWN / "cn.toml").read_text(encoding="utf-8").replace("version = 1", f"version = {version}").encode()
        (tmp_path / "new.toml").write_bytes(text)
        (tmp_path / "new.sig").write_bytes(sign(text))
        return packs.install(tmp_path / "new.toml", tmp_path / "new.sig", "cn", tmp_path)

    assert send(5).name == "CN 5"
    with pytest.raises(ConfigError, match="not newer"):
        send(4)
    with pytest.raises(ConfigError, match="signature"):
        send(6, Ed25519PrivateKey.generate().sign)
    d = desk(buys("1250"), settles(), paths={"state": str(tmp_path)})
    assert "规则 RULES                  CN 5" in slip(d, "结算总计单") and newest(d, Kind.SALE).rules == "CN 5"


@pytest.mark.rule("S51")
def test_every_hold_that_is_open_is_listed_with_its_age() -> None:
    """Ageing of holds and pending refunds"""
    d = desk(books_amount("10000"), books_amount("20000"), books_amount("30000"), completes("30000"))
    later(d, 3 * 86400)
    play(d, menu("42"), [on("menu", press("down", "2")), on("holds", press("enter"))])
    shown = seen(d, "holds")
    assert shown.count("3d") == 2 and "100.00" in shown and "200.00" in shown and "300.00" not in shown
    assert "100.00" in slip(d, "预授权账龄")


@pytest.mark.rule("S52")
def test_a_third_party_rebuilds_every_total_from_the_export_and_finds_a_change(tmp_path: Path) -> None:
    """Open journal export (JSON Lines/CSV), documented"""
    d = desk(buys("1250"), refunds("300"), buys("700"), voids(), settles(), buys("99"))
    export.write(journal(d), tmp_path, lambda text: None)
    check = [sys.executable, "-I", str(ROOT / "tools" / "verify_export.py"), str(tmp_path)]
    good = subprocess.run(check, capture_output=True, text=True)
    now = totals.of(e for e in d.entries() if e.batch == "000001")
    assert good.returncode == 0, good.stderr
    assert f"batch 000001: debit 2 / {now.debit.fen}, credit 2 / {now.credit.fen}, net {now.net}" in good.stdout
    for name, old, new in (("entries.jsonl", '"amount": 300', '"amount": 301'), ("chain.jsonl", "1250", "1251")):
        text = (tmp_path / name).read_text()
        (tmp_path / name).write_text(text.replace(old, new, 1))
        assert subprocess.run(check, capture_output=True).returncode == 1
        (tmp_path / name).write_text(text)
    assert (tmp_path / "entries.csv").read_text().count("\n") == len(d.entries()) + 1
    assert "docs/export.md" in (export.__doc__ or "") and (ROOT / "docs" / "export.md").exists()


@pytest.mark.rule("S53")
def test_after_a_thousand_sales_no_card_number_pin_track_or_key_is_on_disk_log_glass_or_in_a_core_dump(
    monkeypatch,
) -> None:
    """No full PAN, PIN or track on disk, log, screen; keys apart"""
    logged = io.StringIO()
    monkeypatch.setattr(desk_module, "_Quiet", lambda: logged)
    d = desk(cards=(Profile(), Profile(pan=PAN_B, cvm=CVM_ONLINE_PIN)))
    for _ in range(20):
        play(d, *[buys("700", card=1, pin=PIN) if n % 25 == 0 else buys("100") for n in range(50)], settles())
    play(d, refunds("50", pick="1"), books_amount(), buys("100"), voids(), settles())
    sales = [e for e in d.entries() if e.kind is Kind.SALE]
    assert len(sales) == 1001 and {e.state for e in sales} == {State.RELEASED}
    paper = d.world.paper.text().encode()
    everything = d.world.files["journal.db"] + logged.getvalue().encode() + d.film.text().encode() + paper
    assert b"620000******0047" in everything and b"money" in everything
    assert leaks(everything, secrets([d.world.bank.keys])) == []
    told = "import os, firmware.__main__ as m; m._no_core_dumps(); os.abort()"
    limits = resource.getrlimit(resource.RLIMIT_CORE)[1]
    dead = subprocess.Popen([sys.executable, "-c", told], cwd=ROOT,
                            preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CORE, (limits, limits)))  # fmt: skip
    import os

    assert not os.WCOREDUMP(os.waitpid(dead.pid, 0)[1])


@pytest.mark.rule("S54")
def test_the_x_report_is_the_journal_at_that_instant_also_with_a_sale_half_done() -> None:
    """X report any time: counts, sums, open, unknown"""
    d = desk(buys("1250"), refunds("300"))
    d.world.dies_after_booking = True
    d.world.bank.moods.append(Mood("approve"))
    play(d, buys("700"), menu("42"), [on("menu", press("1")), on("x_report", press("enter")), on("idle", line(True))])
    shown = words(screens(d, "x_report")[-1])
    assert "消费1 12.50" in shown and "撤回1 3.00" in shown and "未完1 7.00" in shown
    assert "净额 NET                    9.50" in slip(d, "当前汇总")


@pytest.mark.rule("S55")
def test_every_withdrawal_has_a_reason_that_a_register_understands() -> None:
    """Reason codes: operator, customer, emergency, fault, legal, other"""
    assert set(NEXO) == set(REASONS) == set(w.GROUNDS)
    assert set(NEXO.values()) <= {"CustCancel", "MerchantCancel", "Malfunction", "Unable2Compl", "SuspectedFraud"}
    for reason in ("operator", "emergency", "fault", "other"):
        assert newest(desk(buys("1250"), withdraws(reason=reason)), Kind.VOID).ground == reason
    silent = desk(buys("1250"), withdraws()[:4])
    assert money(silent) == ["0200"] and len(silent.entries()) == 1


def test_a_scene_that_is_cut_leaves_an_abandoned_request() -> None:
    d = desk(buys("1250"))
    play(d, refunds(), power=Power(cut_on="display.show consent"))
    play(d)
    assert requests(d)[-1]["status"] == "abandoned" and requests(d)[-1]["step"] == "power"
    assert isinstance(Word("一", "A"), Word) and Screen and json
