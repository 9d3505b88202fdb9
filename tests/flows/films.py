"""The stories whose films are kept as golden files."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_OFFLINE_PIN, CVM_ONLINE_PIN, CVM_SIGNATURE, PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.person import Person, Step, buys, do, on, press, voids


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
    "card_needs_offline_pin": Film(card(Profile(cvm=CVM_OFFLINE_PIN)), lambda: buys("1250")),
    "jam_cured": Film(jam(7), lambda: [*buys("1250"), on("hold", CURE, press("enter"))]),
    "jam_taken_back": Film(jam(7), lambda: buys("1250")),
    "jam_digital_copy": Film(
        jam(7), lambda: [*buys("1250"), on("hold", press("1")), on("offer_copy", press("enter"))]
    ),
    "no_answer_one_reversal": Film(mood("mute"), lambda: buys("1250")),
    "line_dies_queue_drains": Film(line_dies, lambda: [*buys("1250"), on("idle", LINE_UP)]),
    "no_line_never_sent": Film(line_down, lambda: [on("idle", press("enter"))]),
    "refused_three_times_is_stuck": Film(
        mood("mute", "decline:12", "decline:12", "decline:12", moody=("0200", "0400")), lambda: buys("1250")
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
    "cancel_at_amount": Film(fine, lambda: [on("idle", press("enter")), on("amount", press("1", "2", "cancel"))]),
}  # fmt: skip


def play(name: str) -> Desk:
    desk = Desk()
    FILMS[name].prepare(desk)
    desk.play(Person(FILMS[name].steps()))
    return desk
