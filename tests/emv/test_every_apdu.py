"""At every APDU of each kind of card: it is pulled, the power goes, it answers nonsense, the program itself fails. The
books agree afterwards, and nothing is left open (money rules 1, 3 and 6)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from typing import Any

from firmware.config import Config
from hal_mocks import books
from hal_mocks.card import scheme
from hal_mocks.card.soft_card import (
    CVM_ENCIPHERED_PIN,
    CVM_OFFLINE_PIN,
    CVM_ONLINE_PIN,
    Profile,
    SoftCard,
)
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Person, Step, buys, on, press
from tests.power_cuts.camera import Camera

OFFLINE = {"withdraw": {"offline": True}}


@dataclass(frozen=True)
class Kind:
    """One kind of card in one kind of shop."""

    profile: dict[str, Any] = field(default_factory=dict)
    pin: str = ""
    shop: dict[str, Any] = field(default_factory=dict)
    line_up: bool = True
    scripts: tuple[tuple[int, str], ...] = ()
    more: tuple[Step, ...] = ()

    def config(self) -> Config | None:
        return settings(**self.shop) if self.shop else None


KINDS = {
    "plain": Kind(),
    "online PIN": Kind({"cvm": CVM_ONLINE_PIN}, "1234"),
    "SDA, AIDs by list, format 2": Kind({"oda": "sda", "pse": False, "format_2": True}),
    "DDA and plain PIN": Kind({"oda": "dda", "cvm": CVM_OFFLINE_PIN}, "1234"),
    "CDA and enciphered PIN": Kind({"oda": "cda", "cvm": CVM_ENCIPHERED_PIN, "limits": "0909"}, "1234"),
    "two applications, PIN key of its own": Kind(
        {"second_app": "OTHER", "pin_key": scheme.PIN, "cvm": CVM_ENCIPHERED_PIN}, "1234",
        more=(on("choose_application", press("2")),)),
    "issuer's word in the CDOL, long": Kind({"external_auth": False, "long_cdol": True}),
    "scripts before and after": Kind({"oda": "dda"}, scripts=((0x71, "unblock_pin"), (0x72, "change_pin"))),
    "offline for want of a line": Kind({"offline_ok": True}, shop=OFFLINE, line_up=False,
                                       more=(on("offline_ask", press("enter")),)),
}  # fmt: skip


def desk_for(kind: Kind) -> Desk:
    desk = Desk(conf=kind.config())
    desk.play(Person([on("idle", press("menu"))]))  # signed on while the line is up
    desk.world.wallet[0] = SoftCard(Profile(**kind.profile))
    desk.world.bank.scripts = list(kind.scripts)
    desk.world.line_up = kind.line_up
    return desk


def person(kind: Kind) -> Person:
    return Person([*buys("1250", pin=kind.pin)[:3], *kind.more[: kind.profile.get("second_app", "") != ""],
                   *buys("1250", pin=kind.pin)[3:], *kind.more[kind.profile.get("second_app", "") != "" :]])  # fmt: skip


def plays(kind: Kind) -> tuple[int, Desk, Camera]:
    """(APDUs of the whole payment, the desk, its photos at each step)."""
    desk = desk_for(kind)
    camera = Camera(desk.world)
    desk.play(person(kind), camera)
    assert desk.entries()[-1].state.value in ("released", "upload_owed"), desk.entries()
    return desk.world.wallet[0].apdus, desk, camera


class Failing(SoftCard):
    """Does one thing at one APDU."""

    fails_at = 0
    how = ""

    def process(self, apdu: bytes | bytearray) -> bytes:
        raw = super().process(apdu)
        if self.apdus == self.fails_at:
            if self.how == "program":
                raise RuntimeError("planted")
            return b"\x6f\x00" if self.how == "refuses" else b"\x77\x05\x9f\x27\x90\x00"
        return raw


def healed(desk: Desk) -> list[str]:
    """The line is back, the terminal comes to rest: what do the books say?"""
    desk.world.line_up, desk.world.slot = True, None
    desk.play(Person())
    return books.disagreements(desk.world, desk.entries(), wrong_answers=True)


def pulled(kind: Kind, at: int) -> list[str]:
    desk = desk_for(kind)
    desk.world.wallet[0].pull_at = at
    desk.play(person(kind))
    return healed(desk)


def fails(kind: Kind, at: int, how: str) -> list[str]:
    desk = desk_for(kind)
    card = Failing(Profile(**kind.profile))
    card.fails_at, card.how = at, how
    desk.world.wallet[0] = card
    desk.play(person(kind))
    return healed(desk)


def dark(desk: Desk, camera: Camera) -> Iterator[tuple[str, list[str]]]:
    """The power goes before and after each step of the payment, its APDUs among them."""
    for photo in camera.photos:
        yield f"step {photo.step}, {photo.when.name}", healed(Desk(photo.world(), desk.config))


def sweep(name: str) -> tuple[int, int, list[str]]:
    """(APDUs, payments that went wrong, what is wrong after them)."""
    kind = KINDS[name]
    apdus, desk, camera = plays(kind)
    ways = {}
    for at in range(1, apdus + 1):
        ways[f"pulled at {at}"] = pulled(kind, at)
        for how in ("refuses", "nonsense", "program"):
            ways[f"{how} at {at}"] = fails(kind, at, how)
    ways |= {f"dark at {at}": found for at, found in dark(desk, camera)}
    return apdus, len(ways), [f"{name}, {way}: {p}" for way, found in ways.items() for p in found]


def test_the_books_agree_at_every_apdu_of_every_kind_of_card(tells: Callable[[str], None]) -> None:
    with ProcessPoolExecutor(2) as pool:
        swept = list(pool.map(sweep, KINDS))
    assert [f for *_, found in swept for f in found] == []
    runs, apdus = sum(n for _, n, _ in swept), sum(n for n, *_ in swept)
    tells(f"{runs} runs, {apdus} APDUs of {len(KINDS)} kinds of card")
    assert runs > 7 * apdus and apdus * 7 > 600
