"""The desk under your fingers: keys from the keyboard, the glass in the terminal, cards and faults by letter."""

from __future__ import annotations

import os
import select
import shutil
import sys
import termios
import time
import tty
from collections.abc import Callable
from pathlib import Path

from drivers import glass
from firmware.hal.events import CardInserted, CardRemoved, CodeScanned, Event, Key, KeyPressed
from firmware.hal.screen import Screen
from hal_mocks import books, picture
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, CVM_SIGNATURE, PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.film import Film, box
from hal_mocks.parts import SimInbox
from hal_mocks.person import Person
from hal_mocks.power import EndOfPlay, Power
from hal_mocks.world import World

KEYS = {"\r": Key.ENTER, "\n": Key.ENTER, "\x7f": Key.CLEAR, "\b": Key.CLEAR, "\x1b": Key.CANCEL, "m": Key.MENU,
        "+": Key.DOWN, "-": Key.UP, **{str(d): Key(str(d)) for d in range(10)}}  # fmt: skip
HELP = """\
Enter=OK  Esc=cancel  Backspace=clear  m=menu  +/-=page
a b s = insert card (no PIN, PIN, signature)   o = pull card
j = jam at line 7   e = no paper at line 7   c = cure     l = cut / restore the line
Backspace at rest = withdraw; supervisor 00 has the password 135790, 02 has 975310; f = scan form R000001
d = bank declines next   n = bank books, no answer   k = power cut   p = paper to PNG   q = quit"""


class LiveInbox(SimInbox):
    """Waits for a person with real time."""

    def __init__(self, desk: LiveDesk, power: Power) -> None:
        super().__init__(desk.world, power, lambda: False)
        self._desk = desk

    def _next(self, timeout_s: float) -> Event | None:
        until = time.monotonic() + timeout_s
        while not self._queue:
            left = until - time.monotonic()
            began = time.monotonic()
            ready, _, _ = select.select([sys.stdin], [], [], max(0.0, min(left, 1.0)))
            self._w.pass_time(time.monotonic() - began)
            if ready:
                self._desk.typed(os.read(sys.stdin.fileno(), 1).decode("latin-1"), self.post)
            elif left <= 0:
                return None
        return self._queue.popleft()


class LiveFilm(Film):
    """Redraws the glass in the terminal; the last lines of the film stand below."""

    def screen(self, screen: Screen) -> None:
        super().screen(screen)
        notes = [line.strip() for line in self.lines if not line.lstrip().startswith(("+-", "|"))][-4:]
        wide = shutil.get_terminal_size().columns >= glass.WIDTH
        picture_rows = half_blocks(screen) if wide else [*pixels(screen), *box(screen).splitlines()]
        rows = [*picture_rows, "", *HELP.splitlines(), "", *(n[:200] for n in notes)]
        sys.stdout.write("\x1b[H\x1b[2J" + "\r\n".join(rows) + "\r\n")
        sys.stdout.flush()


def pixels(screen: Screen) -> list[str]:
    """128×64 as 64×16 braille cells: it fits any terminal of 80 columns."""
    image = glass.draw(screen)
    dots = ((0, 0, 1), (0, 1, 2), (0, 2, 4), (1, 0, 8), (1, 1, 16), (1, 2, 32), (0, 3, 64), (1, 3, 128))
    return [
        "".join(chr(0x2800 + sum(bit for dx, dy, bit in dots if image.getpixel((x + dx, y + dy))))
                for x in range(0, glass.WIDTH, 2))
        for y in range(0, glass.HEIGHT, 4)
    ]  # fmt: skip


def half_blocks(screen: Screen) -> list[str]:
    """128×64 as 128×32 characters, as sharp as the glass, for a wide terminal."""
    image = glass.draw(screen)
    signs = {(0, 0): " ", (1, 0): "▀", (0, 1): "▄", (1, 1): "█"}
    return [
        "".join(signs[bool(image.getpixel((x, y))), bool(image.getpixel((x, y + 1)))] for x in range(glass.WIDTH))
        for y in range(0, glass.HEIGHT, 2)
    ]


class LiveDesk(Desk):
    """A desk whose person is you."""

    def __init__(self) -> None:
        cards = [SoftCard(), SoftCard(Profile(pan=PAN_B, cvm=CVM_ONLINE_PIN)), SoftCard(Profile(cvm=CVM_SIGNATURE))]
        super().__init__(World(wallet=cards))
        self.film = LiveFilm()
        self.power = Power()

    def inbox(self, power: Power) -> SimInbox:
        self.power = power
        return LiveInbox(self, power)

    def typed(self, char: str, post: Callable[[Event], None]) -> None:
        if char in KEYS:
            post(KeyPressed(KEYS[char]))
        elif char in "abs":
            self.film.act(f"card {char} goes in")
            self.world.slot = self.world.wallet["abs".index(char)]
            post(CardInserted())
        elif char == "o":
            self.film.act("card comes out")
            self.world.slot = None
            post(CardRemoved())
        elif char == "k":
            self.film.act("power cut")
            self.power.dead = True
            self.power.check()
        elif char == "f":
            post(CodeScanned("R000001"))
        elif char == "q":
            raise EndOfPlay
        else:
            self._world(char)

    def _world(self, char: str) -> None:
        from firmware.errors import PrinterTrouble

        world = self.world
        if char == "j":
            world.paper.jam_at(7)
        elif char == "e":
            world.paper.jam_at(7, PrinterTrouble.PAPER_OUT)
        elif char == "c":
            world.paper.cure()
        elif char == "l":
            world.line_up = not world.line_up
        elif char in "dn":
            world.bank.moods.append(Mood("decline" if char == "d" else "mute"))
        elif char == "p":
            picture.paper(world.paper).save("paper.png")
            self.film.act(f"paper is in {Path('paper.png').resolve()}")
        else:
            return
        self.film.act({"j": "jam at line 7", "e": "no paper at line 7", "c": "cured", "p": "printed",
                       "l": "line is " + ("up" if world.line_up else "down"), "d": "bank will decline",
                       "n": "bank will book and say nothing"}[char])  # fmt: skip


def main() -> int:
    """Until q. Prints the paper and the books at the end."""
    if not sys.stdin.isatty():
        print("the interactive desk needs a terminal: run ./run demo PLAY=interactive in one")
        return 2
    before = termios.tcgetattr(sys.stdin)
    desk = LiveDesk()
    try:
        tty.setcbreak(sys.stdin)
        while desk.play(Person()).cut:
            continue
    finally:
        termios.tcsetattr(sys.stdin, termios.TCSADRAIN, before)
    print("\n" + desk.world.paper.text())
    print(books.table(desk.world, desk.entries()))
    return 0
