"""The film of a play: glass, keys, wire (masked), paper and what happened to the world, in order."""

from __future__ import annotations

from collections.abc import Callable

from firmware.errors import TakebackError
from firmware.hal.paper_grid import columns
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.host import codec
from firmware.host.codec import Message
from firmware.words import Word
from hal_mocks.acquirer import SPEC

_SECRET = {"35", "36", "52", "62"}
NAMES = {"0200": "financial request", "0210": "reply", "0400": "reversal", "0410": "reversal reply",
         "0100": "booking request", "0110": "booking reply", "0620": "script results", "0630": "its reply",
         "0220": "refund or notice", "0230": "its reply",
         "0500": "settlement", "0510": "settlement reply", "0320": "batch upload", "0330": "upload reply",
         "0800": "sign-on", "0810": "sign-on reply", "0820": "echo", "0830": "echo reply"}  # fmt: skip


class Film:
    """Lines of text; `show` is called with each as it happens, for a live audience."""

    def __init__(self, show: Callable[[str], None] | None = None) -> None:
        self.lines: list[str] = []
        self.screens: list[Screen] = []
        self.now: Screen | None = None
        self._show = show
        self.lit = (0, False)

    def _add(self, text: str) -> None:
        self.lines.append(text)
        if self._show:
            self._show(text)

    def screen(self, screen: Screen) -> None:
        if screen != self.now:
            self._add(box(screen))
        self.now = screen
        self.screens.append(screen)

    def dark(self) -> None:
        self._add("   (the glass is dark)")

    def act(self, what: str) -> None:
        self._add(f"   * {what}")

    def sound(self, sound: Sound) -> None:
        if sound is not Sound.KEY:
            self._add(f"   ♪ {sound.value}")

    def lamps(self, lit: int, blink: bool) -> None:
        self.lit = (lit, blink)

    def wire(self, way: str, frame: bytes) -> None:
        self._add(f"   {way} " + masked(frame))

    def text(self) -> str:
        return "\n".join(self.lines) + "\n"


def masked(frame: bytes) -> str:
    """A frame as one line: no card number, no track, no PIN block, no keys."""
    try:
        message = codec.decode(frame, SPEC)
    except TakebackError:
        return f"({len(frame)} bytes that are no message)"
    return f"{message.mti} {NAMES.get(message.mti, '')}: {_fields(message)}"


def _fields(message: Message) -> str:
    parts = []
    for name in sorted(message.fields, key=int):
        value = message.fields[name]
        if name == "2":
            value = value[:6] + "*" * (len(value) - 10) + value[-4:]
        elif name in _SECRET:
            value = "***"
        elif name == "55":
            value = f"({len(value) // 2} bytes)"
        elif name == "64":
            value = bytes.fromhex(value).decode("ascii", "replace")
        parts.append(f"{name}={value.strip()}")
    return " ".join(parts)


def box(screen: Screen) -> str:
    """A screen as text, with its stable name."""
    body = [f"[{screen.title.beside()}]"]
    if screen.big:
        body.append(screen.big)
    for line in screen.lines:
        body += [line.zh, line.en] if isinstance(line, Word) else [line]
    if screen.qr:
        body.append(f"<QR {len(screen.qr)} characters>")
    if screen.keys:
        body.append(f"({screen.keys.zh})")
    width = max(24, *(columns(t) for t in body))
    edge = f"   +- {screen.name} " + "-" * (width - len(screen.name) - 1) + "+"
    rows = [f"   | {t}{' ' * (width - columns(t))} |" for t in body]
    return "\n".join([edge, *rows, "   +" + "-" * (width + 2) + "+"])
