"""Operators and their day: first start, roles, a lock that grows and survives a boot, the idle lock, the clock."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from firmware.security.operators import check_password
from hal_mocks.desk import Desk, enrolled, settings
from hal_mocks.person import Step, buys, do, grants, menu, on, press, refunds
from hal_mocks.world import World
from tests.withdrawal.stories import desk, journal, kinds, later, money, play, seen

ON = {"operators": {"sign_on": True}}
FIRST = [
    *[on("new_password", press(p, "enter", p, "enter")) for p in ("864209", "135790", "246801")],
    on("saved", press("enter")),
]
SIGN_ON = [on("operator", press("enter")), on("password", press("246801", "enter")), on("operator_on", press("enter"))]


def fresh() -> Desk:
    made = Desk(World(), settings(**ON))
    made.world.files.clear()
    return made


def test_out_of_the_box_three_people_get_their_own_passwords_before_anything_is_sold() -> None:
    d = play(fresh(), [on("idle", press("enter")), *FIRST, *SIGN_ON, *buys("1250")[1:]])
    assert kinds(d) == ["sale released"]
    assert {r["operator"] for r in journal(d).records("operator")} == {"99", "00", "01"}
    assert journal(d).setting("password_00").startswith("8$1$") and "135790" not in d.world.files["journal.db"].decode(
        "latin-1"
    )


def test_no_default_password_survives_since_there_is_none() -> None:
    d = play(fresh(), [on("idle", press("enter")), on("new_password", press("cancel"))], [on("idle", press("enter"))])
    assert kinds(d) == [] and money(d) == []
    for tried in ("000000", "123456", "111111"):
        assert not any(journal(d).setting(f"password_{n}") for n in ("00", "01", "99")), tried


@pytest.mark.parametrize("easy", ["111111", "123456", "654321", "12345", "1234567", "abcdef"])
def test_an_easy_password_is_refused(easy: str) -> None:
    with pytest.raises(ValueError):
        check_password(easy)
    if len(easy) == 6 and easy.isdigit():
        d = play(fresh(), [on("idle", press("enter")), on("new_password", press(easy, "enter"))])
        assert "密码太简单 请换" in seen(d, "refused")


def test_two_passwords_that_differ_are_not_taken() -> None:
    d = play(fresh(), [on("idle", press("enter")), on("new_password", press("864209", "enter", "864208", "enter"))])
    assert "两次输入不同" in seen(d, "refused") and not journal(d).setting("password_99")


def wrong(times: int) -> list[Step]:
    found: list[Step] = [on("operator", press("00", "enter"))]
    for _ in range(times):
        found += [on("password", press("000000", "enter")), on("refused", press("enter"))]
    return found


def test_the_lock_grows_with_each_wrong_try_and_outlives_a_boot() -> None:
    d = desk(buys("1250"), refunds()[:-2], wrong(3))
    assert "密码不正确" in seen(d, "refused")
    play(d, refunds(voucher="000002")[:-2], [on("operator", press("00", "enter"))])
    assert "已锁定" in seen(d, "refused"), "three wrong ones: thirty seconds, also after the boot"
    waits = []
    for _ in range(3):
        later(d, 600)
        play(d, refunds(voucher="000002")[:-2], wrong(1), [on("refused", press("enter"))])
        stored = journal(d).setting("lock_00").partition("|")[2]
        failed = journal(d).records("wrong_password")[-1]["at"]
        waits.append((datetime.fromisoformat(stored) - datetime.fromisoformat(failed)).total_seconds())
    assert waits[0] < waits[1] < waits[2], waits
    later(d, 7200)
    play(d, refunds(voucher="000002"))
    assert money(d) == ["0200", "0220"] and journal(d).setting("lock_00") == ""


def test_a_wrong_try_is_durable_before_it_is_answered() -> None:
    from hal_mocks.power import Power

    d = desk(buys("1250"))
    play(d, refunds()[:-2], wrong(1), power=Power(cut_on="display.show refused"))
    assert journal(d).setting("lock_00").startswith("1|")


def test_a_cashier_grants_nothing_and_only_the_administrator_keeps_operators() -> None:
    d = desk(buys("1250"), refunds()[:-2], grants("01", "246801"))
    assert "权限不足" in seen(d, "refused") and money(d) == ["0200"]
    d = desk(menu("44"), [on("menu", press("4")), *grants("00", "135790")])
    assert "权限不足" in seen(d, "refused")
    d = desk(menu("44"), [on("menu", press("4")), *grants("99", "864209"), on("operator", press("05", "enter")),
             on("new_password", press("908172", "enter", "908172", "enter"))])  # fmt: skip
    assert journal(d).records("operator")[-1]["by"] == "99" and "05" in journal(d).setting("operators")
    last = desk(
        menu("44"), [on("menu", press("down", "1")), *grants("99", "864209"), on("operator", press("99", "enter"))]
    )
    assert "权限不足" in seen(last, "refused"), "never the last administrator"


def test_signing_off_leaves_the_counter_to_nobody_and_the_next_sale_asks_who() -> None:
    d = desk([on("idle", press("enter")), *SIGN_ON, *buys("100")[1:]], menu("44"), [on("menu", press("2")), on("operator_off", press("enter"))],
             [on("idle", press("enter")), *SIGN_ON, *buys("200")[1:]], **ON)  # fmt: skip
    assert kinds(d) == ["sale released"] * 2
    assert [r["event"] for r in journal(d).records("operator")] == ["on", "off", "on"]


def test_after_a_while_at_rest_the_password_is_asked_again() -> None:
    sections = {"operators": {"sign_on": True, "idle_lock_s": 60}}
    rest = do("nobody comes", lambda x: x.world.pass_time(120))
    d = desk([on("idle", press("enter")), *SIGN_ON, *buys("100")[1:]], [on("idle", rest, press("enter")), on("operator", press("cancel"))],
             **sections)  # fmt: skip
    assert kinds(d) == ["sale released"]
    again = [on("idle", press("enter")), on("operator", press("enter")), on("password", press("246801", "enter"))]
    play(d, [on("idle", rest, *again[0].acts), *again[1:], *buys("200")[1:]])
    assert kinds(d) == ["sale released"] * 2


def test_a_supervisor_vouches_for_a_clock_that_the_floor_distrusts_and_it_is_on_record() -> None:
    d = desk(buys("100"))
    d.world.bank_lag = timedelta(days=40)
    later(d, 40 * 86400)
    play(d, [on("idle", press("enter"))])
    assert "时钟异常 请签到" in seen(d, "refused")
    play(d, menu("44"), [on("menu", press("down", "2")), *grants()], buys("200"))
    assert kinds(d) == ["sale released"] * 2
    assert journal(d).records("clock")[-1]["by"] == "00"


def test_the_desks_people_cost_nothing_twice() -> None:
    assert enrolled() is enrolled()
