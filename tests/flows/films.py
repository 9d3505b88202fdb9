"""The stories whose films are kept as golden files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_OFFLINE_PIN, CVM_ONLINE_PIN, CVM_SIGNATURE, PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Person, Step, buys, do, finds, grants, menu, on, press, refunds, voids, withdraws
from tests.withdrawal import stories as acts


@dataclass(frozen=True)
class Film:
    """`prepare` sets the scene; then one power cycle with `steps`."""

    prepare: Callable[[Desk], None]
    steps: Callable[[], list[Step]]


def fine(desk: Desk) -> None:
    return None


def card(profile: Profile) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        desk.world.wallet[0] = SoftCard(profile)

    return prepare


def mood(*words: str, moody: tuple[str, ...] = ("0200",)) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        desk.world.bank.moody = moody
        desk.world.bank.moods.extend(Mood(*w.split(":")) for w in words)

    return prepare


def jam(row: int) -> Callable[[Desk], None]:
    return lambda desk: desk.world.paper.jam_at(row)


def two_cards(desk: Desk) -> None:
    desk.world.wallet.append(SoftCard(Profile(pan=PAN_B)))


def line_dies(desk: Desk) -> None:
    desk.world.dies_after_booking = True


def line_down(desk: Desk) -> None:
    desk.world.line_up = False


def sold_then(*words: str) -> Callable[[Desk], None]:
    def prepare(desk: Desk) -> None:
        desk.play(Person(buys("1250")))
        mood(*words, moody=("0220",))(desk)
        desk.film.lines.clear()

    return prepare


def sold_long_ago(desk: Desk) -> None:
    sold_then()(desk)
    desk.world.pass_time(40 * 86400)


def booked_for_a_fee(desk: Desk) -> None:
    desk.play(Person(acts.books_amount("10000", kind="2")))
    desk.world.pass_time(5 * 86400 + 7200)
    desk.film.lines.clear()


def stuck(desk: Desk) -> None:
    mood("mute", "decline:57", "decline:57", "decline:57", "decline:12", moody=("0200", "0400"))(desk)
    desk.play(Person(buys("1250")))
    desk.film.lines.clear()


def skewed(desk: Desk) -> None:
    desk.world.bank.skew = 1


def offline(desk: Desk) -> None:
    desk.config = settings(withdraw={"offline": True})
    desk.world.wallet[0] = SoftCard(Profile(offline_ok=True))


def fresh(desk: Desk) -> None:
    """Out of the box: nobody has a password."""
    desk.world.files.clear()
    desk.config = settings(operators={"sign_on": True})


def scripted(desk: Desk) -> None:
    desk.world.wallet[0] = SoftCard(Profile(oda="cda"))
    desk.world.bank.scripts = [(0x71, "unblock_pin"), (0x72, "wrong_mac")]


CURE = do("the paper is cleared", lambda d: d.world.paper.cure())
LINE_UP = do("the line returns", lambda d: setattr(d.world, "line_up", True))
FILMS: dict[str, Film] = {
    "sale": Film(fine, lambda: buys("1250")),
    "sale_with_pin": Film(card(Profile(cvm=CVM_ONLINE_PIN)), lambda: buys("1250", pin="602917438516")),
    "sale_with_signature": Film(card(Profile(cvm=CVM_SIGNATURE)), lambda: buys("1250")),
    "signature_does_not_match": Film(
        card(Profile(cvm=CVM_SIGNATURE)), lambda: [*buys("1250"), on("signature", press("cancel"))]
    ),
    "declined_by_bank": Film(mood("decline"), lambda: buys("1250")),
    "declined_by_card": Film(card(Profile(declines_first=True)), lambda: buys("1250")),
    "card_refuses_after_approval": Film(card(Profile(refuses_second=True)), lambda: buys("1250")),
    "card_needs_offline_pin": Film(card(Profile(cvm=CVM_OFFLINE_PIN, second_app="DEBIT", label="CREDIT")), lambda: [
        *buys("1250"), on("choose_application", press("1")), *[on("enter_pin", press("9999", "enter"))] * 2,
        on("enter_pin", press("1234", "enter"))]),
    "card_pin_blocked": Film(card(Profile(cvm=CVM_OFFLINE_PIN, priority=0x81)), lambda: [
        *buys("1250"), on("application", press("enter")), *[on("enter_pin", press("9999", "enter"))] * 3]),
    "issuer_scripts": Film(scripted, lambda: buys("1250")),
    "jam_cured": Film(jam(7), lambda: [*buys("1250"), on("hold", CURE, press("enter"))]),
    "jam_taken_back": Film(jam(7), lambda: buys("1250")),
    "jam_digital_copy": Film(
        jam(7), lambda: [*buys("1250"), on("hold", press("1")), on("offer_copy", press("enter"))]
    ),
    "no_answer_one_reversal": Film(mood("mute"), lambda: buys("1250")),
    "line_dies_queue_drains": Film(line_dies, lambda: [*buys("1250"), on("idle", LINE_UP)]),
    "no_line_never_sent": Film(line_down, lambda: [on("idle", press("enter"))]),
    "refused_three_times_is_stuck": Film(
        mood("mute", "decline:57", "decline:57", "decline:57", moody=("0200", "0400")), lambda: buys("1250")
    ),
    "wrong_mac": Film(mood("bad_mac"), lambda: buys("1250")),
    "bank_asks_for_sign_on": Film(mood("not_signed"), lambda: [*buys("1250"), *buys("1250")]),
    "void": Film(fine, lambda: [*buys("1250"), *voids()]),
    "void_unanswered": Film(mood("approve", "mute"), lambda: [*buys("1250"), *voids()]),
    "void_other_card": Film(two_cards, lambda: [*buys("1250"), *voids(card=1)]),
    "void_twice": Film(fine, lambda: [*buys("1250"), *voids(), *voids("000002")[:3]]),
    "reprint_query_queue": Film(
        fine,
        lambda: [
            *buys("1250"),
            on("idle", press("menu")), on("menu", press("3")), on("voucher", press("2", "enter")),
            on("idle", press("menu")), on("menu", press("4")), on("voucher", press("enter")), on("entry", press("enter")),
            on("idle", press("menu")), on("menu", press("down")), on("menu", press("1")),
            on("idle", press("menu")), on("menu", press("down")), on("menu", press("3")),
        ],
    ),
    "refund_in_two_parts": Film(fine, lambda: [*buys("1250"), *refunds("300"), *refunds(voucher="000002", pick="1")]),
    "refund_without_an_answer": Film(sold_then("mute"), lambda: refunds("300")),
    "refund_refused_after_the_window": Film(sold_long_ago, lambda: [
        *finds("000002"), *[on("why_not", press("enter"))] * 3, on("contact_slip", press("enter"))]),
    "booking_held_amended_completed_voided": Film(fine, lambda: [
        *acts.books_amount("10000"), *acts.amends("15000"), *acts.completes("15000", voucher="000002"),
        *withdraws(pick="1")]),
    "booking_cancelled_for_a_fee": Film(booked_for_a_fee, acts.cancels),
    "forced_reversal": Film(sold_long_ago, acts.forces),
    "case_closed_by_code": Film(
        stuck, lambda: [*menu("34"), on("both_views", press("enter")), on("case_do", press("2")),
                 on("case_number", press("88001234", "enter")), *grants()]),
    "settlement_balanced": Film(fine, lambda: [*buys("1250"), *voids(), *buys("700"), *acts.settles()]),
    "settlement_with_a_fen_of_difference": Film(skewed, lambda: [*buys("1250"), *acts.settles()]),
    "cash_and_back": Film(fine, lambda: [*acts.cash("500"), *acts.cash_back("200")]),
    "offline_then_uploaded": Film(offline, lambda: [
        on("idle", acts.line(False), press("enter")), *buys("20000")[1:], on("offline_ask", press("enter")),
        on("idle", LINE_UP)]),
    "customer_is_not_here": Film(fine, lambda: [*buys("1250"), *acts.absent_refund("300")]),
    "refund_form_reopened": Film(fine, lambda: [
        *buys("1250"), *menu("43"), on("menu", press("2")), on("voucher", press("enter")),
        on("support", press("5501", "enter")), on("idle", acts.scan("R000001")), *refunds()[2:]]),
    "rules_on_paper": Film(fine, lambda: [*menu("51"), *[on("rule_card", press("enter"))] * 20]),
    "training": Film(fine, lambda: [*menu("53"), on("amount", press("8800", "enter")), on("training_card", press("enter")),
                                    on("reason", press("1")), on("consent", press("enter"))]),
    "first_start": Film(fresh, lambda: [
        on("idle", press("enter")),
        *[on("new_password", press(p, "enter", p, "enter")) for p in ("864209", "135790", "246801")],
        on("saved", press("enter")), on("operator", press("enter")), on("password", press("246801", "enter"))]),
    "cancel_at_amount": Film(fine, lambda: [on("idle", press("enter")), on("amount", press("1", "2", "cancel"))]),
}  # fmt: skip


def play(name: str) -> Desk:
    desk = Desk()
    FILMS[name].prepare(desk)
    desk.play(Person(FILMS[name].steps()))
    return desk
