"""Every act on the wire, as the table of the host facts (1.3-1.6) has it: type, processing code, condition, F60.1, and which
fields it carries. Read off the line, in the order in which the desk's acts send them."""

from __future__ import annotations

from typing import Any

from firmware.host import codec
from firmware.host.codec import Message
from hal_mocks.acquirer import SPEC, Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, CVM_SIGNATURE, Profile
from hal_mocks.desk import Desk
from hal_mocks.person import buys, grants, insert, menu, on, press, refunds, voids, withdraws
from tests.withdrawal import stories as acts


def sent(
    *steps: Any, cards: tuple[Profile, ...] = (Profile(),), moods: tuple[str, ...] = (), **sections: Any
) -> list[Message]:
    """Every request but sign-on, echo and inquiry."""
    d = acts.desk(cards=cards, **sections)
    found: list[Message] = []
    receive = d.world.bank.receive

    def heard(frame: bytes) -> list[bytes]:
        message = codec.decode(frame, SPEC)
        if message.mti not in ("0800", "0820"):
            found.append(message)
        return receive(frame)

    d.world.bank.receive = heard  # type: ignore[method-assign]
    d.world.bank.moods.extend(Mood(m) for m in moods)
    acts.play(d, *steps)
    return found


def shape(message: Message) -> tuple[str, ...]:
    return message.mti, message.get(3), message.get(25), message.get(60)[:2]


HOLD, SALE = acts.books_amount("10000"), buys("1250")


def test_type_processing_code_condition_and_transaction_type_of_every_act() -> None:
    notice = [*menu("31"), on("menu", press("2")), on("voucher", press("enter")), on("insert_card", press("1")),
              on("part_amount", press("9000", "enter")), on("reason", press("1")), on("confirm", press("enter")),
              *grants()]  # fmt: skip
    plays: dict[tuple[str, ...], list[Any]] = {
        ("0200", "000000", "00", "22"): [SALE], ("0200", "200000", "00", "23"): [SALE, voids()],
        ("0220", "200000", "00", "25"): [SALE, refunds("300")], ("0100", "030000", "06", "10"): [HOLD],
        ("0100", "030000", "60", "10"): [HOLD, acts.amends("15000")], ("0100", "200000", "06", "11"): [HOLD, acts.cancels()],
        ("0200", "000000", "06", "20"): [HOLD, acts.completes("9000")], ("0220", "000000", "06", "24"): [HOLD, notice],
        ("0200", "200000", "06", "21"): [HOLD, acts.completes("9000"), withdraws(pick="1")],
        ("0200", "310000", "00", "01"): [[*menu("33"), on("insert_card", insert())]],
    }  # fmt: skip
    for wanted, steps in plays.items():
        assert shape(sent(*steps)[-1]) == wanted


def test_a_refund_names_rrn_and_day_and_carries_no_track_and_no_pin() -> None:
    sale, refund = sent(SALE, refunds("300"))
    assert refund.get(61) == "000000" + "000000" + "1123" and refund.get(37) and refund.get(4) == "000000000300"
    assert not {"35", "36", "38", "52", "53", "26", "55"} & refund.fields.keys()
    assert refund.get(11) != sale.get(11)


def test_a_refund_that_is_repeated_is_the_same_but_for_its_mac() -> None:
    """Money rule 9: the same STAN, the same fields, so that the bank can tell."""
    _, first, again = sent(SALE, refunds("300"), moods=("approve", "deaf"), host={"inquiry": False})
    assert {k: v for k, v in first.fields.items() if k != "64"} == {k: v for k, v in again.fields.items() if k != "64"}


def test_bookings_name_what_went_before_with_its_date_and_authorisation() -> None:
    hold, done, undone = sent(HOLD, acts.completes("9000"), withdraws(pick="1"))
    assert hold.get(55) and hold.get(35)
    assert done.get(61) == "000001" + hold.get(11) + "1123" and len(done.get(38)) == 6
    assert undone.get(61) == "000001" + done.get(11) + "1123" and undone.get(38) != done.get(38)


def test_the_reversal_of_a_completion_keeps_its_own_stan_in_f61() -> None:
    _, done, reversal = sent(HOLD, acts.completes("9000"), moods=("approve", "mute"))
    assert reversal.mti == "0400" and reversal.get(11) == done.get(11) and reversal.get(39) == "98"
    assert reversal.get(61) == "000001" + done.get(11) + "0000"
    assert not {"26", "35", "37", "52", "53"} & reversal.fields.keys()


def test_an_offline_sale_is_uploaded_with_its_tc() -> None:
    steps = [on("idle", acts.line(False), press("enter")), *buys("20000")[1:], on("offline_ask", press("enter")),
             on("idle", acts.line(True))]  # fmt: skip
    (upload,) = sent(steps, cards=(Profile(offline_ok=True),), withdraw={"offline": True})
    assert shape(upload) == ("0200", "000000", "00", "36")
    f55 = upload.get(55).lower()
    assert "9f270140" in f55 and "8a025933" in f55 and "9f2608" in f55 and not upload.get(35)


def test_a_settlement_says_its_totals_in_62_digits_and_ends_balanced_or_not() -> None:
    ask, end = (m for m in sent(SALE, buys("700"), voids(), acts.settles()) if m.mti in ("0500", "0320"))
    assert ask.get(60) == "00" + "000001" + "201" and "64" not in ask.fields
    assert ask.get(48) == "000000001950" + "002" + "000000000700" + "001" + "0" + "0" * 30 + "0"
    assert (end.get(60)[8:], end.get(48)) == ("207", "0000")


def test_a_mismatch_uploads_every_detail_with_type_stan_card_and_amount() -> None:
    d = Desk()
    d.world.bank.skew = 1
    acts.play(d, SALE, refunds("300"), acts.settles())
    rows = sorted(d.world.bank.details.values())
    assert [(r[:2], int(r[-12:])) for r in rows] == [("22", 1250), ("25", 300)]
    assert all(r[8:28] == "0000" + "6200000000000005" for r in rows)


def test_a_balance_is_shown_to_the_customer_and_owes_nothing() -> None:
    d = acts.desk([*menu("33"), on("insert_card", insert()), on("enter_pin", press("246813", "enter"))],
                  cards=(Profile(cvm=CVM_ONLINE_PIN),))  # fmt: skip
    (shown,) = acts.screens(d, "balance")
    assert shown.big == "￥8,888.00" and shown.audience == "customer" and d.entries() == []
    silent = acts.mood(acts.desk([]), "mute")
    acts.play(silent, [*menu("33"), on("insert_card", insert())])
    assert silent.entries() == [] and acts.money(silent) == ["0200"], "no reversal is owed"


def test_the_shops_slip_of_a_void_has_a_line_for_the_signature_where_the_card_wants_one() -> None:
    d = acts.desk(buys("1250"), voids(), cards=(Profile(cvm=CVM_SIGNATURE),))
    assert "持卡人签名" in acts.slip(d, "消费撤销 VOID", "商户存根")
    assert "持卡人签名" not in acts.slip(d, "消费撤销 VOID", "持卡人存根")


def test_the_offline_caps_count_what_waits(tmp_path) -> None:
    sections = acts.with_rules(
        tmp_path, ("offline_total = 300000", "offline_total = 25000"), withdraw={"offline": True}
    )
    d = acts.desk([], cards=(Profile(offline_ok=True),), **sections)
    first = [on("idle", acts.line(False), press("enter")), *buys("20000")[1:], on("offline_ask", press("enter"))]
    acts.play(d, first)
    acts.play(d, buys("6000"))
    assert acts.kinds(d)[-1] == "sale never_sent" and len(acts.screens(d, "offline_ask")) == 1
