"""What stands on the glass: a plain value, free of fonts and pixels."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.words import Word

__all__ = ["Screen", "Word"]


@dataclass(frozen=True)
class Screen:
    """One picture, 128×64. `name` is stable: tests and logs speak names.

    `title` is the inverse bar, `big` one 16 px row (an amount), `lines` what to do (a Word is drawn in both
    languages, the terminal's own first; a str as it is), `keys` the foot. `qr` is drawn instead of the lines.
    `audience`: whose eyes it is for; the customer sees no code and no word of blame.
    """

    name: str
    title: Word
    big: str = ""
    lines: tuple[Word | str, ...] = ()
    keys: Word | None = None
    qr: str = ""
    alarm: bool = False
    audience: str = "merchant"
