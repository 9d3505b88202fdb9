"""The three stories that are cut, and the world each begins in."""

from __future__ import annotations

from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, CVM_SIGNATURE, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.person import Person, Step, buys, on, press, voids
from tests.power_cuts.sweep import Story, mend


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
