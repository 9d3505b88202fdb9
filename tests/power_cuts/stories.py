"""The three stories that are cut, and the world each begins in."""

from __future__ import annotations

from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, CVM_SIGNATURE, Profile, SoftCard
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Person, Step, buys, grants, menu, on, press, refunds, voids, withdraws
from hal_mocks.world import World
from tests.power_cuts.sweep import Story, mend
from tests.withdrawal import stories as acts


def signed_on(desk: Desk) -> None:
    desk.play(Person())


def sold(desk: Desk) -> None:
    desk.play(Person(buys("1250")))


def bank_will(*moods: str):
    """Signed on; the bank's next answers to a 0200 have these moods."""

    def prepare(desk: Desk) -> None:
        signed_on(desk)
        desk.world.bank.moods.extend(Mood(m) for m in moods)

    return prepare


def stubborn_card(desk: Desk) -> None:
    """The card says no after the host said yes."""
    signed_on(desk)
    desk.world.wallet[0] = SoftCard(Profile(refuses_second=True))


def jams_at(row: int):
    def prepare(desk: Desk) -> None:
        signed_on(desk)
        desk.world.paper.jam_at(row)

    return prepare


SALE = Story("sale", signed_on, lambda: buys("1250"), mend)
VOID = Story("void", sold, voids, mend)
REVERSAL = Story("reversal of a sale", bank_will("mute"), lambda: buys("1250"), mend)
STUBBORN = Story("card refuses after approval", stubborn_card, lambda: buys("1250"), mend)
SLOW = Story("request arrives after its reversal", bank_will("slow"), lambda: buys("1250"), mend)
LATE = Story("approval arrives too late", bank_will("late"), lambda: buys("1250"), mend)
MAIN = (SALE, VOID, REVERSAL)


def _void_unanswered(desk: Desk) -> None:
    sold(desk)
    desk.world.bank.moods.append(Mood("mute"))


def _signature_card(desk: Desk) -> None:
    signed_on(desk)
    desk.world.wallet[0] = SoftCard(Profile(cvm=CVM_SIGNATURE))


def _mismatch() -> list[Step]:
    return [*buys("1250"), on("signature", press("cancel"))]


def _pin_card(desk: Desk) -> None:
    signed_on(desk)
    desk.world.wallet[0] = SoftCard(Profile(cvm=CVM_ONLINE_PIN))


MORE = (
    Story("sale with PIN", _pin_card, lambda: buys("1250", pin="2468"), mend),
    Story("signature matches", _signature_card, lambda: buys("1250"), mend),
    Story("signature does not match", _signature_card, _mismatch, mend),
    STUBBORN,
    SLOW,
    LATE,
    Story("reversal of a void", _void_unanswered, voids, mend),
    Story("jam at line 7", jams_at(7), lambda: buys("1250"), mend),
    Story("jam in the last block", jams_at(27), lambda: buys("1250"), mend),
    Story("bank declines", bank_will("decline"), lambda: buys("1250"), mend),
)


# -- everything that can be taken back ---------------------------------------------------------------------------------


def after(*steps: list[Step], moods: tuple[str, ...] = (), change=lambda world: None):
    """These acts were done before; the bank's next answers have these moods."""

    def prepare(desk: Desk) -> None:
        change(desk.world)
        desk.play(Person([s for part in steps for s in part]))
        desk.world.bank.moods.extend(Mood(m) for m in moods)

    return prepare


def _twice() -> list[Step]:
    return [*refunds("300"), *refunds("950", voucher="000002", pick="1")]


def _amend_up() -> list[Step]:
    return acts.amends("15000")


def _notice() -> list[Step]:
    return [
        *menu("31"),
        on("menu", press("2")),
        on("voucher", press("enter")),
        on("insert_card", press("1")),
        on("part_amount", press("9000", "enter")),
        on("reason", press("1")),
        on("confirm", press("enter")),
        *grants(),
    ]


def _offline(desk: Desk) -> None:
    desk.config = settings(withdraw={"offline": True})
    desk.world.wallet[0] = SoftCard(Profile(offline_ok=True))
    signed_on(desk)


def _offline_sale() -> list[Step]:
    return [
        on("idle", acts.line(False), press("enter")),
        *buys("20000")[1:],
        on("offline_ask", press("enter")),
        on("idle", acts.line(True)),
    ]


def _skewed(world: World) -> None:
    world.bank.skew = 1


SOLD, HELD = buys("1250"), acts.books_amount("10000")
FAMILY = (
    Story("refund", after(SOLD), lambda: refunds("300"), mend),
    Story("two partial refunds", after(SOLD), _twice, mend),
    Story("refund without an answer", after(SOLD, moods=("mute",)), lambda: refunds("300"), mend),
    Story("refund that arrives late", after(SOLD, moods=("slow",)), lambda: refunds("300"), mend),
    Story("booking", after([]), lambda: acts.books_amount("10000"), mend),
    Story("booking without an answer", after([], moods=("mute",)), lambda: acts.books_amount("10000"), mend),
    Story("booking made larger", after(HELD), _amend_up, mend),
    Story("booking made larger without an answer", after(HELD, moods=("mute",)), _amend_up, mend),
    Story("completion", after(HELD), lambda: acts.completes("9000"), mend),
    Story("completion without an answer", after(HELD, moods=("mute",)), lambda: acts.completes("9000"), mend),
    Story("completion by notice", after(HELD), _notice, mend),
    Story("completion voided", after(HELD, acts.completes("9000")), lambda: withdraws(pick="1"), mend),
    Story("booking cancelled", after(HELD), acts.cancels, mend),
    Story("booking cancelled without an answer", after(HELD, moods=("mute",)), acts.cancels, mend),
    Story("cash", after([]), acts.cash, mend),
    Story("cash refund", after(acts.cash()), lambda: acts.cash_back("200"), mend),
    Story("offline sale", _offline, _offline_sale, mend),
    Story("forced refund", after(SOLD), acts.forces, mend),
    Story("settlement", after(SOLD, buys("700"), voids()), acts.settles, mend),
    Story("settlement with a fen of difference", after(SOLD, change=_skewed), acts.settles, mend),
)
