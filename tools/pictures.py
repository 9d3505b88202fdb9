"""Draw what the terminal shows and prints: docs/img/glass.png, withdraw.png and slip.png (make pictures)."""

from __future__ import annotations

import sys
from pathlib import Path

from PIL import Image

from firmware.hal.screen import Screen
from hal_mocks import picture
from hal_mocks.acquirer import Mood
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, on, press, refunds

OUT = Path(__file__).resolve().parent.parent / "docs" / "img"


def day() -> Desk:
    """A sale, a jam taken as a digital copy, a sale taken back."""
    desk = Desk()
    desk.play(Person(buys("1250")))
    desk.world.paper.jam_at(7)
    desk.play(Person([*buys("880"), on("hold", press("1")), on("offer_copy", press("enter"))]))
    desk.world.paper.cure()
    desk.world.bank.moods.append(Mood("mute"))
    desk.play(Person(buys("560")))
    return desk


def withdrawal() -> list[Screen]:
    """A part of a sale goes back: what merchant and customer see, in order."""
    desk = Desk()
    desk.play(Person([*buys("1250"), *refunds("300")]))
    names = ["voucher", "insert_card", "options", "part_amount", "reason", "confirm", "consent", "password", "refunded"]
    return [[s for s in desk.film.screens if s.name == name][-1] for name in names]


def sheet(screens: list[Screen], columns: int = 3) -> Image.Image:
    """The glass, four times enlarged, side by side."""
    shots = [picture.screen(s, scale=3) for s in screens]
    width, height = shots[0].width + 16, shots[0].height + 16
    image = Image.new("L", (columns * width, -(-len(shots) // columns) * height), 90)
    for n, shot in enumerate(shots):
        image.paste(shot, (n % columns * width + 8, n // columns * height + 8))
    return image


def main() -> int:
    OUT.mkdir(parents=True, exist_ok=True)
    desk = day()
    first: dict[str, Screen] = {}
    for screen in desk.film.screens:
        first[screen.name] = first.get(screen.name, screen) if screen.name != "amount" else screen
    names = ["idle", "amount", "insert_card", "asking", "hold", "digital_copy", "approved", "reversed", "next_copy"]
    sheet([first[n] for n in names]).save(OUT / "glass.png")
    sheet(withdrawal()).save(OUT / "withdraw.png")
    cut = next(n for n, row in enumerate(desk.world.paper.rows) if row.cut)
    picture.paper(desk.world.paper, desk.world.paper.rows[: cut + 1]).save(OUT / "slip.png")
    return 0


if __name__ == "__main__":
    sys.exit(main())
