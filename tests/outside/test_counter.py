"""A shopkeeper's cases at the counter: what should hold, and did not on revision 438b953 (docs/found.md)."""

from __future__ import annotations

from firmware.ledger.lifecycle import Kind
from hal_mocks.person import buys, finds, insert, on, press
from tests.withdrawal.stories import (
    absent_refund,
    books_amount,
    desk,
    kinds,
    menu,
    newest,
    play,
    requests,
    screens,
    seen,
)


def test_a_message_eats_no_key() -> None:
    """The keys of "void the last one", pressed while a message stands, charge the card 0.11 today."""
    d = desk(buys("1250"))
    play(d, [on("idle", press("menu")), on("menu", press("cancel")), on("refused", press("clear")),
             on("idle", press("enter")), on("amount", insert(), press("1", "1", "enter"))])  # fmt: skip
    assert kinds(d) == ["sale released"]


def test_a_customer_who_does_not_agree_gets_no_refund_behind_his_back() -> None:
    for answer in ("2", "3"):
        d = desk(buys("1250"))
        steps = [
            on("contact_result", press(answer)) if s.screen == "contact_result" else s for s in absent_refund("300")
        ]
        play(d, steps)
        assert kinds(d) == ["sale released"]


def test_the_clerks_key_is_not_the_absent_guests_consent() -> None:
    d = desk(books_amount("100000"))
    play(d, [*menu("31"), on("menu", press("2")), on("voucher", press("enter")), on("insert_card", press("1")),
             on("part_amount", press("9000", "enter")), on("reason", press("1")), on("confirm", press("enter")),
             on("consent", press("enter"))])  # fmt: skip
    assert requests(d)[-1].get("consent") != "green"


def test_a_booking_that_cannot_be_cancelled_says_so() -> None:
    d = desk(books_amount("10000", kind="3"))
    play(d, finds(), [on("insert_card", insert()), on("reason", press("cancel"))])
    assert screens(d, "why_not") and "修改" in seen(d, "options")


def test_another_lane_of_the_same_shop_is_not_called_another_shop() -> None:
    from firmware import receipts
    from tests.withdrawal.stories import journal, scan

    d = desk(buys("1250"))
    code = receipts.digital_copy(newest(d, Kind.SALE), d.config.merchant, journal(d).hash_of(newest(d, Kind.SALE)))
    other = desk([])
    play(other, [on("idle", scan(code.replace("10000001", "10000002")))])
    assert "不是本店的小票" not in seen(other, "refused")
