"""The scenes that the rules' tests begin in, and what they read off the terminal afterwards."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Any

from firmware.hal.events import CodeScanned, Event
from firmware.hal.screen import Screen
from firmware.ledger.entry import Entry
from firmware.ledger.journal import Journal
from firmware.ledger.lifecycle import Kind
from firmware.words import Word
from hal_mocks import books, parts
from hal_mocks.card.soft_card import PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Act, Person, Step, do, finds, grants, insert, menu, on, press, withdraws
from hal_mocks.power import Power
from hal_mocks.world import World

SERVICE = "1130"  # a week after the desk's first day
OWN = Path(__file__).resolve().parents[2] / "firmware" / "withdrawal" / "packs"


def desk(*steps: list[Step], cards: tuple[Profile, ...] = (Profile(), Profile(pan=PAN_B)), **sections: Any) -> Desk:
    """A desk with two people's cards on which these steps were played."""
    made = Desk(World(wallet=[SoftCard(p) for p in cards]), settings(**sections))
    if steps:
        made.play(Person([s for part in steps for s in part]))
    return made


def play(d: Desk, *steps: list[Step], power: Power | None = None) -> Desk:
    d.play(Person([s for part in steps for s in part]), power)
    return d


def with_rules(folder: Path, *changes: tuple[str, str], **sections: Any) -> dict[str, Any]:
    """Settings whose state directory holds the CN pack as version 2 with these texts replaced."""
    text = (OWN / "cn.toml").read_text(encoding="utf-8")
    for old, new in (("version = 1", "version = 2"), *changes):
        assert text.count(old) >= 1, f"{old!r} is not in the pack"
        text = text.replace(old, new, 1)
    (folder / "rules.toml").write_text(text, encoding="utf-8")
    return {"paths": {"state": str(folder)}, **sections}


def later(d: Desk, seconds: float) -> Desk:
    d.world.pass_time(seconds)
    return d


def at(d: Desk, moment: datetime) -> Desk:
    """The clock, of the terminal and of the truth, moves on to this moment."""
    return later(d, (moment - d.world.now).total_seconds())


def books_amount(amount: str = "10000", kind: str = "1", service: str = SERVICE) -> list[Step]:
    """A booking: amount, class (1 free, 2 fee, 3 none), date, the customer's green key on the terms, card."""
    return [*menu("31"), on("menu", press("1")), on("amount", press(amount, "enter")), on("booking_class", press(kind)),
            on("service", press(service, "enter")), on("consent", press("enter")), on("insert_card", insert())]  # fmt: skip


def amends(total: str) -> list[Step]:
    """A new total of the hold; upwards the card is asked again."""
    return [*menu("31"), on("menu", press("3")), on("voucher", press("enter")), on("insert_card", insert()),
            on("reason", press("1")), on("confirm", press("enter")), on("consent", press("enter")),
            on("amend_what", press("1")), on("new_total", press(total, "enter"))]  # fmt: skip


def completes(amount: str, voucher: str = "", pick: str = "1") -> list[Step]:
    """A completion by request, with the card."""
    return [*menu("31"), on("menu", press("2")), on("voucher", press(*((voucher, "enter") if voucher else ("enter",)))),
            on("insert_card", insert()), on("options", press(pick)), on("part_amount", press(amount, "enter")),
            on("reason", press("2")), on("reason_detail", press("3")), on("confirm", press("enter")),
            on("consent", press("enter"))]  # fmt: skip


def cash(amount: str = "500") -> list[Step]:
    return [*menu("32"), on("amount", press(amount, "enter"))]


def cash_back(amount: str = "all") -> list[Step]:
    part = press("enter") if amount == "all" else press(amount, "enter")
    return [*finds(), on("part_amount", part), on("reason", press("1")), on("confirm", press("enter")),
            on("consent", press("enter")), *grants()]  # fmt: skip


def settles() -> list[Step]:
    return [*menu("41"), on("settle_ask", press("enter"))]


def cancels(pick: str = "1") -> list[Step]:
    """A booking's cancelling: 1 release all (or keep the fee, where that is what is offered)."""
    return withdraws(pick=pick, reason="customer")


def absent_refund(amount: str = "all") -> list[Step]:
    """A refund of a customer who is not here: by reference, with a contact."""
    part = press("enter") if amount == "all" else press(amount, "enter")
    return [*finds(), on("insert_card", press("1")), on("options", press("1")), on("part_amount", part), on("reason", press("2")),
            on("reason_detail", press("2")), on("confirm", press("enter")), on("channel", press("1")),
            on("contact_result", press("1")), on("phone", press("13800138000", "enter")), *grants()]  # fmt: skip


def forces(case: str = "20260001", two: bool = True, part: str = "") -> list[Step]:
    """A forced withdrawal without the customer's card, as a refund by reference."""
    ask = [on("written_ground", press("enter")), on("written_ground_number", press("77001", "enter"))] if part else [
        on("written_ground", press("cancel"))]  # fmt: skip
    amount = [on("part_amount", press(part, "enter"))] if part else []
    second = [on("operator", press("02", "enter")), on("password", press("975310", "enter"))] if two else [
        on("operator", press("00", "enter")), on("password", press("135790", "enter"))]  # fmt: skip
    return [*menu("52"), on("voucher", press("enter")), on("case_number", press(case, "enter")), *ask,
            on("insert_card", press("1")), *amount, on("confirm", press("enter")), *grants(), *second]  # fmt: skip


def scan(text: str) -> Act:
    def act(d: Desk, post: Callable[[Event], None]) -> None:
        d.film.act(f"scanned: {text[:7]}…")
        post(CodeScanned(text))

    return act


def mood(d: Desk, *words: str) -> Desk:
    from hal_mocks.acquirer import Mood

    d.world.bank.moods.extend(Mood(*(w.split(":"))) for w in words)
    return d


def line(up: bool) -> Act:
    return do("line is " + ("up" if up else "down"), lambda d: setattr(d.world, "line_up", up))


# -- what is read afterwards -------------------------------------------------------------------------------------------


def journal(d: Desk) -> Journal:
    """The committed journal, opened by itself."""
    return Journal(parts.SimDisk(d.world, Power()), parts.SimClock(d.world, Power()))


def requests(d: Desk) -> list[dict[str, Any]]:
    return journal(d).records("request")


def newest(d: Desk, kind: Kind) -> Entry:
    return [e for e in d.entries() if e.kind is kind][-1]


def kinds(d: Desk) -> list[str]:
    return [f"{e.kind.value} {e.state.value}" for e in d.entries()]


def money(d: Desk) -> list[str]:
    """Every financial message, reversal and upload that the bank has seen."""
    return [m for m in d.world.bank.seen if m in ("0100", "0200", "0220", "0400")]


def screens(d: Desk, name: str) -> list[Screen]:
    return [s for s in d.film.screens if s.name == name]


def words(screen: Screen) -> str:
    """Everything that stands on it, in both languages."""
    found = [screen.title.zh, screen.title.en, screen.big]
    for each in (*screen.lines, *([screen.keys] if screen.keys else [])):
        found += [each.zh, each.en] if isinstance(each, Word) else [each]
    return "\n".join(found)


def seen(d: Desk, name: str) -> str:
    return "\n".join(words(s) for s in screens(d, name))


def slips(d: Desk) -> list[str]:
    """Each strip of paper."""
    found, strip = [], []
    for row in d.world.paper.rows:
        strip.append(f"[{row.qr}]" if row.qr else row.text)
        if row.cut:
            found.append("\n".join(strip))
            strip = []
    return found


def slip(d: Desk, *parts_of_it: str) -> str:
    """The newest strip that has all of this on it."""
    return next((s for s in reversed(slips(d)) if all(p in s for p in parts_of_it)), "")


def agree(d: Desk) -> None:
    asks = d.config.host.inquiry or d.config.host.repeats_refund
    assert books.disagreements(d.world, d.entries(), may_ask=asks) == []
