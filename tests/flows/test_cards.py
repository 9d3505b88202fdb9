"""What the whole kernel brings to the counter: choice of application, PIN in the card, scripts, offline at once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from firmware.emv import catalogue
from firmware.ledger.lifecycle import Kind, State
from hal_mocks import books
from hal_mocks.acquirer import Mood
from hal_mocks.card import scheme
from hal_mocks.card.soft_card import (
    CVM_ENCIPHERED_PIN,
    CVM_OFFLINE_PIN,
    CVM_ONLINE_PIN,
    CVM_PLAIN_AND_SIGNATURE,
    PAN_B,
    Profile,
    SoftCard,
)
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Person, buys, do, insert, on, press

FLOOR = replace(catalogue.own(), aids=(replace(catalogue.own().aids[0], floor_limit=5_000), *catalogue.own().aids[1:]))


def desk(card: dict[str, Any] | None = None, **shop: Any) -> Desk:
    made = Desk(conf=settings(**shop) if shop else None)
    made.world.wallet[0] = SoftCard(Profile(**card or {}))
    return made


def agrees(played: Desk) -> bool:
    return books.disagreements(played.world, played.entries()) == []


def screens(played: Desk) -> list[str]:
    return [line.split("+- ")[1].split(" ")[0] for line in played.film.text().splitlines() if "+- " in line]


def states(played: Desk) -> list[tuple[Kind, State]]:
    return [(e.kind, e.state) for e in played.entries()]


# -- which application --------------------------------------------------------------------------------------------------


def test_the_customer_chooses_among_two_applications() -> None:
    d = desk({"second_app": "DEBIT", "label": "CREDIT"})
    d.play(Person([*buys("1250"), on("choose_application", press("2"))]))
    assert d.entries()[0].label == "DEBIT"
    assert agrees(d)


def test_one_that_asks_to_be_confirmed_can_be_refused() -> None:
    for key, state in (("enter", State.RELEASED), ("cancel", State.CANCELLED)):
        d = desk({"priority": 0x81})
        d.play(Person([*buys("1250"), on("application", press(key))]))
        assert [e.state for e in d.entries()] == [state]
        assert agrees(d)


UNUSABLE = [{"blocked_first": True}, {"refuses_options": True}]


@pytest.mark.parametrize("bad", UNUSABLE)
@pytest.mark.parametrize("key", ["enter", "cancel", "nobody"])
def test_an_application_that_cannot_be_used_leaves_the_other_to_whoever_confirms_it(
    bad: dict[str, Any], key: str
) -> None:
    """EMV 4.4 Book 1, §12.4: after an application that the cardholder chose was removed, none is selected without the
    cardholder's confirmation, also where only one is left (review R2)."""
    d = desk({"second_app": "DEBIT", "label": "CREDIT", **bad})
    steps = [
        *buys("1250"),
        on("choose_application", press("1")),
        on("application", *([press(key)] if key != "nobody" else [])),
    ]
    d.play(Person(steps))
    assert "此应用不可用" in d.film.text()
    assert screens(d)[screens(d).index("try_another") + 1] == "application"
    assert "DEBIT" in d.film.text().split("+- application")[1], "it says which"
    entry = d.entries()[-1]
    assert (entry.label, entry.state) == (("DEBIT", State.RELEASED) if key == "enter" else ("", State.CANCELLED))
    assert ("0200" in d.world.bank.seen) is (key == "enter")
    assert agrees(d)


@pytest.mark.parametrize("more", [("enter",), ("enter", "enter"), ("1", "enter", "enter", "1", "enter")])
def test_keys_typed_ahead_confirm_no_other_account(more: tuple[str, ...]) -> None:
    """Whoever presses 1 and green meant the first application, whatever becomes of it."""
    d = desk({"second_app": "DEBIT", "label": "CREDIT", "blocked_first": True})
    d.play(Person([*buys("1250"), on("choose_application", press("1", *more))]))
    assert [e.state for e in d.entries()] == [State.CANCELLED]
    assert "0200" not in d.world.bank.seen


def test_when_the_second_is_the_one_that_cannot_be_used_the_first_is_confirmed_too() -> None:
    class SecondRefuses(SoftCard):
        def _options(self, data: bytes) -> bytes:
            return b"\x69\x85" if self._selected == 1 else super()._options(data)

    d = desk()
    d.world.wallet[0] = SecondRefuses(Profile(pse=False, second_app="DEBIT", label="CREDIT"))
    d.play(Person([*buys("1250"), on("choose_application", press("2")), on("application", press("enter"))]))
    assert [(e.label, e.state) for e in d.entries()] == [("CREDIT", State.RELEASED)]


# -- tried again ----------------------------------------------------------------------------------------------------------


def tried_again(first: SoftCard, change: Any, *answers: Any) -> Desk:
    """Declined, 1 = pay again; before the card is read anew the world `change`s."""
    d = desk()
    d.world.wallet[0] = first
    d.world.bank.moods.append(Mood("decline"))
    again = on("insert_card", do("the account changes", change), insert())
    d.play(Person([*buys("1250"), *answers, on("declined", press("1")), again, on("application", press("enter"))]))
    return d


def other_card(d: Desk) -> None:
    d.world.wallet[0] = SoftCard(Profile(pan=PAN_B))


def first_blocked(d: Desk) -> None:
    d.world.wallet[0].profile.blocked_first = True


def test_a_second_try_with_the_same_account_asks_nothing_more() -> None:
    d = tried_again(SoftCard(), lambda d: None)
    assert [e.state for e in d.entries()] == [State.DECLINED, State.RELEASED]
    assert "application" not in screens(d)


def test_a_second_try_with_another_card_is_confirmed_by_its_number() -> None:
    """The kind of review R2: what is charged changed between two tries of one sale."""
    d = tried_again(SoftCard(), other_card)
    assert "620000******0047" in d.film.text().split("+- application")[1]
    assert [e.state for e in d.entries()] == [State.DECLINED, State.RELEASED]
    assert agrees(d)


def test_a_second_try_whose_first_choice_was_blocked_meanwhile_is_confirmed() -> None:
    """Without a PSE a blocked application is not listed (EMV Book 1, §12.3.3), so the other would be the only one."""
    card = SoftCard(Profile(pse=False, second_app="DEBIT", label="CREDIT"))
    d = tried_again(card, first_blocked, on("choose_application", press("1")))
    assert "DEBIT" in d.film.text().split("+- application")[1]
    assert [(e.label, e.state) for e in d.entries()] == [("CREDIT", State.DECLINED), ("DEBIT", State.RELEASED)]


def test_a_second_try_that_is_not_confirmed_charges_nothing() -> None:
    d = desk()
    d.world.bank.moods.append(Mood("decline"))
    again = on("insert_card", do("another card", other_card), insert())
    d.play(Person([*buys("1250"), on("declined", press("1")), again, on("application", press("cancel"))]))
    assert [e.state for e in d.entries()] == [State.DECLINED, State.CANCELLED]
    assert d.world.bank.seen.count("0200") == 1
    assert agrees(d)


def test_a_card_without_any_usable_application_is_refused() -> None:
    d = desk({"blocked_first": True})
    d.play(Person(buys("1250")))
    assert "不支持此卡" in d.film.text()
    assert [e.state for e in d.entries()] in ([], [State.CANCELLED])


# -- PIN in the card ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("card", [{"cvm": CVM_OFFLINE_PIN}, {"cvm": CVM_ENCIPHERED_PIN, "oda": "cda"},
                                  {"cvm": CVM_ENCIPHERED_PIN, "pin_key": scheme.PIN}])  # fmt: skip
def test_the_card_verifies_the_pin_and_the_slip_says_so(card: dict[str, Any]) -> None:
    d = desk(card)
    d.play(Person(buys("1250", pin="1234")))
    entry = d.entries()[0]
    assert (entry.state, entry.cvm, entry.f22) == (State.RELEASED, "pin", "051")
    assert "已验证密码" in d.world.paper.text()
    assert agrees(d)


def test_a_wrong_pin_is_asked_for_again_and_the_last_try_is_announced() -> None:
    d = desk({"cvm": CVM_OFFLINE_PIN})
    wrong = on("enter_pin", press("9999", "enter"))
    d.play(Person([*buys("1250"), wrong, wrong, on("enter_pin", press("1234", "enter"))]))
    assert d.entries()[0].state is State.RELEASED
    text = d.film.text()
    assert text.index("还可试2次") < text.index("最后一次输入密码")
    assert d.world.wallet[0].pin_left == 3


def test_a_pin_that_is_blocked_is_said_and_the_payment_denied() -> None:
    d = desk({"cvm": CVM_OFFLINE_PIN})
    wrong = on("enter_pin", press("9999", "enter"))
    d.play(Person([*buys("1250"), wrong, wrong, wrong]))
    assert d.entries()[0].state is State.DECLINED
    assert "密码已锁定" in d.film.text()
    d.play(Person(buys("1250")))  # next time nobody is asked
    assert d.entries()[1].state is State.DECLINED
    assert agrees(d)


def test_plain_pin_and_signature_together() -> None:
    d = desk({"cvm": CVM_PLAIN_AND_SIGNATURE})
    d.play(Person([*buys("1250", pin="1234"), on("signature", press("enter"))]))
    assert (d.entries()[0].cvm, d.entries()[0].signed) == ("signature", "yes")


def test_a_reader_with_a_pad_of_its_own_takes_the_pin() -> None:
    """No digit comes to our keypad, and no PIN screen of ours is shown."""
    d = desk({"cvm": CVM_OFFLINE_PIN})
    d.world.pads = ["9999", "1234", "-"]
    d.play(Person(buys("1250")))
    entry = d.entries()[0]
    assert (entry.state, entry.cvm, entry.f22) == (State.RELEASED, "pin", "051")
    assert "请在读卡器上输入" in d.film.text()
    assert "还可试2次" in d.film.text()
    assert "+- enter_pin" not in d.film.text()
    assert agrees(d)


@pytest.mark.parametrize("typed", ["cancel", "-"])
def test_red_or_nothing_on_the_reader_s_pad_ends_it(typed: str) -> None:
    d = desk({"cvm": CVM_OFFLINE_PIN})
    d.world.pads = [typed, "-"]
    d.play(Person(buys("1250")))
    assert [e.state for e in d.entries()] == [State.CANCELLED]
    assert "0200" not in d.world.bank.seen


def test_an_enciphered_pin_is_typed_on_our_keys_also_with_such_a_reader() -> None:
    """The pad makes plain blocks only."""
    d = desk({"cvm": CVM_ENCIPHERED_PIN, "oda": "dda"})
    d.world.pads = ["9999", "-"]
    d.play(Person(buys("1250", pin="1234")))
    assert d.entries()[0].state is State.RELEASED
    assert d.world.pads == ["9999", "-"]


def test_green_without_a_digit_passes_by_only_where_the_merchant_allows_it() -> None:
    strict = desk({"cvm": CVM_ONLINE_PIN})
    strict.play(Person([*buys("1250"), on("enter_pin", press("enter")), on("enter_pin", press("1234", "enter"))]))
    assert strict.entries()[0].cvm == "pin"
    lax = desk({"cvm": CVM_OFFLINE_PIN}, emv={"pin_bypass": True})
    lax.play(Person([*buys("1250"), on("enter_pin", press("enter"))]))
    assert lax.entries()[0].state is State.DECLINED, "our scheme's action codes deny it"
    assert lax.entries()[0].tvr[4:6] == "88"


def test_who_passed_by_once_is_not_asked_for_another_pin() -> None:
    """Plain PIN, else online PIN, else signature: one green key passes by both PINs."""
    d = desk({"cvm": "0000000000000000" + "4100" + "4200" + "1E00"}, emv={"pin_bypass": True})
    d.play(Person([*buys("1250"), on("enter_pin", press("enter")), on("signature", press("enter"))]))
    entry = d.entries()[0]
    assert (entry.state, entry.cvm, entry.tvr[4:6]) == (State.RELEASED, "signature", "08")
    assert d.film.text().count("+- enter_pin") == 1


@pytest.mark.parametrize("cvm", [CVM_OFFLINE_PIN, CVM_ONLINE_PIN])
def test_no_glass_no_pin(cvm: str) -> None:
    d = desk({"cvm": cvm})
    dark = do("glass goes dark", lambda desk: setattr(desk.world, "glass_up", False))
    d.play(Person([*buys("1250"), on("enter_pin", press("12"), dark, press("34", "enter"))]))
    assert d.world.wallet[0].pin_left in (-1, 3), "no VERIFY was sent"
    assert State.RELEASED not in [e.state for e in d.entries()]


# -- scripts ------------------------------------------------------------------------------------------------------------


def test_scripts_are_run_and_their_results_reported_to_the_issuer() -> None:
    d = desk({"cvm": CVM_OFFLINE_PIN})
    d.world.wallet[0].pin_left = 1
    d.world.bank.scripts = [(0x71, "unblock_pin"), (0x72, "change_pin")]
    d.play(Person(buys("1250", pin="1234")))
    entry = d.entries()[0]
    assert entry.state is State.RELEASED
    assert d.world.wallet[0].done_scripts == ["2400", "2402"]
    assert d.world.wallet[0].pin == "4321"
    assert d.world.bank.script_results == {(entry.batch, entry.stan): "2000000001" + "2000000002"}
    assert entry.scripts_owed == ""
    assert agrees(d)


def test_a_script_that_fails_never_undoes_the_sale() -> None:
    for tag, byte_5 in ((0x71, "20"), (0x72, "00")):
        d = desk()
        d.world.bank.scripts = [(tag, "wrong_mac")]
        d.play(Person(buys("1250")))
        entry = d.entries()[0]
        assert (entry.state, entry.tvr[8:10]) == (State.RELEASED, byte_5)
        assert d.world.bank.script_results[entry.batch, entry.stan].startswith("11")


def test_a_card_pulled_before_the_late_script_has_paid_all_the_same() -> None:
    plain = desk()
    plain.play(Person(buys("1250")))
    d = desk()
    d.world.bank.scripts = [(0x72, "unblock_pin")]
    d.world.wallet[0].pull_at = plain.world.wallet[0].apdus + 1
    d.play(Person(buys("1250")))
    entry = d.entries()[0]
    assert entry.state is State.RELEASED
    assert d.world.bank.script_results == {(entry.batch, entry.stan): "0000000000"}
    assert agrees(d)


def test_results_wait_for_the_line_and_go_before_everything_else() -> None:
    d = desk()
    d.world.bank.scripts = [(0x71, "unblock_pin")]
    d.world.bank.moody = ("0620",)
    d.world.bank.moods.append(Mood("mute"))
    d.play(Person(buys("1250")))
    d.play(Person(buys("700")))
    seen = d.world.bank.seen
    assert seen.count("0620") == 2
    assert seen.index("0620") < len(seen) - 1 - seen[::-1].index("0200")
    assert len(d.world.bank.script_results) == 1


def test_a_bank_that_no_longer_takes_our_mac_gets_them_after_a_sign_on() -> None:
    d = desk()
    d.world.bank.scripts = [(0x71, "unblock_pin")]
    d.world.bank.moody = ("0620",)
    d.world.bank.moods.append(Mood("not_signed"))
    d.play(Person([*buys("1250"), *buys("700")]))
    assert d.world.bank.seen.count("0620") == 2
    assert len(d.world.bank.script_results) == 1
    assert agrees(d)


# -- offline at once ------------------------------------------------------------------------------------------------------


@pytest.fixture
def floor(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catalogue, "load", lambda directory: FLOOR)


def test_below_the_floor_limit_the_card_approves_without_the_bank(floor: None) -> None:
    d = desk({"offline_ok": True}, withdraw={"offline": True})
    d.play(Person([*buys("1250"), on("offline_ask", press("enter"))]))
    assert states(d) == [(Kind.OFFLINE_SALE, State.UPLOADED)]
    assert d.entries()[0].tvr == "0000000000"
    assert "0200" in d.world.bank.seen, "uploaded afterwards"
    assert agrees(d)


def test_who_does_not_want_it_offline_goes_to_the_bank(floor: None) -> None:
    d = desk({"offline_ok": True}, withdraw={"offline": True})
    d.play(Person([*buys("1250"), on("offline_ask", press("cancel"))]))
    assert states(d) == [(Kind.SALE, State.RELEASED)]


def test_a_card_that_wants_its_bank_gets_it(floor: None) -> None:
    d = desk({"oda": "cda"}, withdraw={"offline": True})
    d.play(Person([*buys("1250"), on("offline_ask", press("enter"))]))
    assert states(d) == [(Kind.OFFLINE_SALE, State.CANCELLED), (Kind.SALE, State.RELEASED)]
    assert agrees(d)


def test_what_was_spent_before_counts(floor: None) -> None:
    """The terminal's log: 30.00 and 30.00 of the same card are above 50.00 (Book 3, §10.6.1)."""
    d = desk({"offline_ok": True}, withdraw={"offline": True})
    d.play(Person([*buys("3000"), on("offline_ask", press("enter")), *buys("3000")]))
    assert [k for k, _ in states(d)] == [Kind.OFFLINE_SALE, Kind.SALE]
    assert int(d.entries()[1].tvr[6:8], 16) & 0x80


def test_a_wrong_signature_on_an_offline_approval_is_a_decline(floor: None) -> None:
    d = desk({"oda": "cda", "offline_ok": True, "bad_signature": "cda1"}, withdraw={"offline": True})
    d.play(Person([*buys("1250"), on("offline_ask", press("enter"))]))
    assert states(d) == [(Kind.OFFLINE_SALE, State.DECLINED)]


def test_a_wrong_signature_on_the_tc_takes_the_money_back() -> None:
    d = desk({"oda": "cda", "bad_signature": "cda2"})
    d.play(Person(buys("1250")))
    assert [e.state for e in d.entries()] == [State.REVERSED]
    assert d.entries()[0].reason == "06"


def test_a_wrong_signature_on_the_arqc_never_reaches_the_bank() -> None:
    d = desk({"oda": "cda", "bad_signature": "cda1"})
    d.play(Person(buys("1250")))
    assert [e.state for e in d.entries()] == [State.DECLINED]
    assert "0200" not in d.world.bank.seen


def test_default_codes_forbid_what_cannot_be_proved() -> None:
    """No line, offline allowed by the shop, no data authentication: the card is asked for a decline (Z3)."""
    d = desk({}, withdraw={"offline": True})
    d.play(Person())
    d.world.line_up = False
    d.play(Person(buys("1250")))
    assert states(d) == [(Kind.SALE, State.NEVER_SENT)]
    assert "offline_ask" not in d.film.text()
