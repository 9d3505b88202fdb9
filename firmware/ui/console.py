"""Show, ask, choose, card: every wait of the money thread is in here, and each one ends."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TypeVar

from firmware import log
from firmware import words as w
from firmware.config import Times
from firmware.errors import Cancelled, CardAbsent, CardLost, CardMute, DisplayLost, IdleTimeout, NoCard
from firmware.hal.devices import Devices
from firmware.hal.events import (
    CardInserted,
    CardRemoved,
    CodeScanned,
    DeviceBack,
    DeviceGone,
    Event,
    Key,
    KeyPressed,
    RegisterAsked,
    StopAsked,
    Tampered,
)
from firmware.hal.paper_grid import columns
from firmware.hal.reader import Card
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound

T = TypeVar("T")
_FEED_S = 10.0
_ROW = 17
_ASK_READER_S = 3.0
YES_NO = {Key.ENTER: True, Key.CANCEL: False}


class Console:
    """Glass, keys, card slot and buzzer, as one person sees them."""

    def __init__(self, devices: Devices, times: Times, language: str = "zh") -> None:
        self._d, self._times, self._language = devices, times, language
        self.gone: set[str] = set()  # parts that said they are gone and not yet that they are back
        self.paper_low = False  # as of the last look before a sale
        self.scanned = ""  # the code that ended the last find()
        self.news: w.Word | None = None  # something changed at the bank while nobody looked
        self.asked: list[str] = []  # by the cash register, answered at rest
        self.late = False  # something is overdue
        self.stopping = False  # the process is to end at the next safe point
        self.cancelled = False  # the red key ended the last wait for the host
        self.watched: Callable[[Card], Card] = lambda card: card  # where sessions are traced
        self.on_session: Callable[[Card], None] = lambda card: None
        self.on_tamper: Callable[[], None] = lambda: None
        self._codes = False
        self._ahead: Key | None = None  # pressed while a message stood: it counts where it was meant
        self._papers = 0
        self._rest_since_s = devices.clock.monotonic_s()
        self._next_hour = datetime.min

    def show(self, screen: Screen) -> None:
        """Raises DisplayLost."""
        try:
            self._d.display.show(screen)
        except DisplayLost:
            self._gone("display")
            raise
        self._back("display")

    def sound(self, sound: Sound) -> None:
        self._d.signals.sound(sound)

    def wait(self, timeout_s: float) -> Event | None:
        """One event, or None. The watchdog is fed at least every ten seconds, also while nobody does anything."""
        until = self._d.clock.monotonic_s() + timeout_s
        while True:
            self._d.watchdog.feed()
            left = max(0.0, until - self._d.clock.monotonic_s())
            event = self._d.inbox.next(min(left, _FEED_S))
            self._note(event)
            if event is not None or left <= _FEED_S:
                return event

    def _note(self, event: Event | None) -> None:
        """A part lost or back: one log line each, and the idle screen says which."""
        if isinstance(event, DeviceGone):
            self._gone(event.device)
        elif isinstance(event, StopAsked):
            self.stopping = True
        elif isinstance(event, Tampered):
            self.on_tamper()
        elif isinstance(event, RegisterAsked):
            self.asked.append(event.line)
        elif isinstance(event, DeviceBack):
            self._back(event.device)

    def _gone(self, device: str) -> None:
        if device not in self.gone:
            self.gone.add(device)
            log.event("device lost", device=device)

    def _back(self, device: str) -> None:
        if device in self.gone:
            self.gone.discard(device)
            log.event("device back", device=device)

    def key(self, timeout_s: float) -> Key | None:
        """The next key, or None; also None, at once, when the terminal is asked to stop: an open question is then over
        as if nobody had answered. Other events are dropped on the way."""
        until = self._d.clock.monotonic_s() + timeout_s
        while True:
            left = until - self._d.clock.monotonic_s()
            event = self.wait(max(0.0, left))
            if event is None or isinstance(event, StopAsked):
                return None
            if isinstance(event, KeyPressed):
                self._d.signals.sound(Sound.KEY)
                return event.key
            if isinstance(event, CodeScanned) and self._codes:
                self._d.signals.sound(Sound.READ)
                self.scanned = event.text
                return Key.ENTER

    def ask_key(self, timeout_s: float | None = None) -> Key:
        """Raises Cancelled on the red key, IdleTimeout (two beeps) when nobody answers."""
        key = self.key(timeout_s or self._times.prompt_s)
        if key is None:
            self.sound(Sound.ERROR)
            raise IdleTimeout
        if key is Key.CANCEL:
            raise Cancelled
        return key

    def digits(self, draw: Callable[[str], Screen], length: int, check: Callable[[str], Screen | None],
               help_me: Callable[[], None] | None = None, typed: str = "") -> str:  # fmt: skip
        """Digits push in from the right after what is `typed` already; CLEAR removes one; ENTER is taken when `check`
        has no complaint; MENU helps. A nought alone stays to be seen: it is not the same as nothing typed."""
        complaint = None
        while True:
            self.show(complaint or draw(typed))
            complaint = None
            key = self._taken_ahead() or self.ask_key()
            if key.digit is not None:
                typed = (typed + key.digit).lstrip("0") or "0" if length > 6 else typed + key.digit
                typed = typed[:length]
            elif key is Key.CLEAR:
                typed = typed[:-1]
            elif key is Key.MENU and help_me:
                help_me()
            elif key is Key.ENTER:
                complaint = check(typed)
                if complaint is None:
                    return typed
                self.sound(Sound.ERROR)

    def find(self, draw: Callable[[str], Screen], length: int, keys: Mapping[Key, T]) -> str | T:
        """Digits and green (maybe none), one of `keys`, or a scanned code, which is left in `scanned`."""
        typed, self.scanned, self._codes = "", "", True
        try:
            while True:
                self.show(draw(typed))
                key = self._taken_ahead() or self.ask_key()
                if key in keys:
                    return keys[key]
                if key is Key.ENTER:
                    return typed
                if key is Key.CLEAR:
                    typed = typed[:-1]
                elif key.digit is not None:
                    typed = (typed + key.digit)[-length:]
        finally:
            self._codes = False

    def pick(self, name: str, title: w.Word, rows: Sequence[w.Word | str], audience: str = "merchant") -> int:
        """One of `rows`, by digit; four a page, ↓ turns. Raises Cancelled, IdleTimeout."""
        self._nothing_ahead()
        page, pages = 0, max(1, -(-len(rows) // 4))
        while True:
            part = rows[4 * page : 4 * page + 4]
            shown = tuple(f"{n} {self.row(r)}" for n, r in enumerate(part, 1))
            self.show(Screen(name, title, lines=shown, audience=audience))
            key = self.ask_key()
            if key.digit and 1 <= int(key.digit) <= len(part):
                return 4 * page + int(key.digit) - 1
            if key in (Key.DOWN, Key.UP, Key.MENU):
                page = (page + (-1 if key is Key.UP else 1)) % pages

    def row(self, row: w.Word | str) -> str:
        """Both languages where they fit in a row of the glass, else the terminal's own."""
        if isinstance(row, str):
            return row
        return row.beside() if columns(row.beside()) <= _ROW else self.own(row)

    def own(self, word: w.Word) -> str:
        """The terminal's own language."""
        return word.zh if self._language == "zh" else word.en

    def choose(self, screen: Screen, keys: Mapping[Key, T], timeout_s: float, default: T) -> T:
        """Show and wait for one of `keys`; `default` when the time is up. Other keys do nothing."""
        self._nothing_ahead()
        self.show(screen)
        until = self._d.clock.monotonic_s() + timeout_s
        while True:
            key = self.key(max(0.0, until - self._d.clock.monotonic_s()))
            if key is None:
                return default
            if key in keys:
                return keys[key]

    def insist(self, screen: Screen, keys: Mapping[Key, T]) -> T:
        """A question that stays until a person answers (money rule 4)."""
        self.fresh()
        while True:
            self.show(screen)
            self.sound(Sound.PROMPT)
            key = self.key(self._times.prompt_s)
            if key is not None and key in keys:
                return keys[key]

    def tell(self, screen: Screen, sound: Sound, keys: Sequence[Key] = ()) -> Key | None:
        """A message for some seconds. Green, red and `keys` end it, are used up and returned. Any other key ends it too
        and counts where it was meant: at rest, or in the field that is typed in next; it answers no question."""
        self.show(screen)
        self.sound(sound)
        until = self._d.clock.monotonic_s() + self._times.tell_s
        while True:
            key = self.key(max(0.0, until - self._d.clock.monotonic_s()))
            if key in (None, Key.ENTER, Key.CANCEL, *keys):
                return key
            if self._ahead is None:
                self._ahead = key
                return None
            self.sound(Sound.ERROR)  # only one can wait; this one is not lost unheard

    def at_rest(self, timeout_s: float) -> Event | None:
        """The key that ended the last message, else the next event."""
        return KeyPressed(ahead) if (ahead := self._taken_ahead()) else self.wait(timeout_s)

    def _taken_ahead(self) -> Key | None:
        key, self._ahead = self._ahead, None
        return key

    def _nothing_ahead(self) -> None:
        """What was pressed at a message does not answer the question behind it."""
        if self._taken_ahead():
            self.sound(Sound.ERROR)

    def fresh(self) -> bool:
        """Before a question of money or consent is drawn: keys pressed earlier answer nothing, with the error tone.
        True if red was among them, for whoever may stop here."""
        self._nothing_ahead()
        red = False
        for event in self._d.inbox.take_all():
            self._note(event)
            if isinstance(event, StopAsked):
                self._d.inbox.post(event)
            if isinstance(event, KeyPressed):
                self.sound(Sound.ERROR)
                red = red or event.key is Key.CANCEL
        return red

    def quiet_green(self, screen: Screen, quiet_s: float) -> None:
        """Until green comes after a while without a key; an early key begins it anew. Raises Cancelled, IdleTimeout."""
        self.fresh()
        self.show(screen)
        self.sound(Sound.PROMPT)
        since = self._d.clock.monotonic_s()
        while self.ask_key() is not Key.ENTER or self._d.clock.monotonic_s() - since < quiet_s:
            self.sound(Sound.ERROR)
            since = self._d.clock.monotonic_s()

    def rested(self) -> None:
        """An act is over; the counter is at rest from now on."""
        self._rest_since_s = self._d.clock.monotonic_s()

    def rest_s(self) -> float:
        return self._d.clock.monotonic_s() - self._rest_since_s

    def hourly(self, now: datetime) -> bool:
        """True at the first call and then once an hour."""
        if now < self._next_hour:
            return False
        self._next_hour = now + timedelta(hours=1)
        return True

    def paper_number(self) -> int:
        """For papers that belong to no entry: a job id of this life of the terminal."""
        self._papers += 1
        return self._papers

    @contextmanager
    def card(self, screen: Screen, absent: Key | None = None) -> Iterator[Card]:
        """A powered card; powered down on every way out. Raises Cancelled, IdleTimeout, CardUnsupported, ReaderLost,
        and CardAbsent on the key `absent`."""
        card = self.watched(self._connect(screen, absent))
        self._d.signals.lamps(4)
        self.sound(Sound.READ)
        try:
            yield card
        finally:
            card.close()
            self._nothing_ahead()
            self._d.signals.lamps(1)
            self.on_session(card)

    def _connect(self, screen: Screen, absent: Key | None) -> Card:
        self.show(screen)
        self._d.signals.lamps(1, blink=True)
        until = self._d.clock.monotonic_s() + self._times.prompt_s
        while True:
            try:
                return self._d.reader.connect()
            except CardMute:
                self.show(replace(screen, lines=(w.CARD_MUTE,), alarm=True))
                self.sound(Sound.ERROR)
                self._wait_for_card(until - self._d.clock.monotonic_s(), absent)
            except (NoCard, CardLost):  # lost: swapped or half in; the next insertion counts
                self._wait_for_card(until - self._d.clock.monotonic_s(), absent)

    def _wait_for_card(self, left_s: float, absent: Key | None) -> None:
        """Until something happens; now and then the reader is asked anyway, since it may have gone unnoticed."""
        event = self.wait(max(0.0, min(left_s, _ASK_READER_S)))
        if event is None and left_s > _ASK_READER_S:
            return
        if event is None or isinstance(event, StopAsked):
            self.sound(Sound.ERROR)
            raise IdleTimeout
        if event == KeyPressed(Key.CANCEL):
            raise Cancelled
        if absent and event == KeyPressed(absent):
            raise CardAbsent
        if isinstance(event, CardInserted):
            log.event("card inserted")

    def card_out(self, screen: Screen) -> None:
        """Ask for the card back; goes on without it after a while, or when a key is pressed, which counts as at any
        message."""
        if not self._d.reader.present() or self._ahead:
            return
        self.show(screen)
        self.sound(Sound.PROMPT)
        until = self._d.clock.monotonic_s() + self._times.prompt_s
        while (left := until - self._d.clock.monotonic_s()) > 0:
            event = self.wait(left)
            if event is None or isinstance(event, CardRemoved | StopAsked):
                return
            if isinstance(event, KeyPressed):
                self.sound(Sound.KEY)
                self._ahead = None if event.key in (Key.ENTER, Key.CANCEL) else event.key
                return

    def cancel_pressed(self) -> bool:
        """An `abort` for the host wait: has the red key been pressed?"""
        self._d.watchdog.feed()
        while (event := self._d.inbox.next(0)) is not None:
            self._note(event)
            if event == KeyPressed(Key.CANCEL):
                self.cancelled = True
                return True
        return False

    def any_key_waiting(self) -> bool:
        """An `abort` for the idle drain: any key gives way to the person, and so does the end of the process. The key
        itself is put back."""
        self._d.watchdog.feed()
        event = self._d.inbox.next(0)
        self._note(event)
        if isinstance(event, KeyPressed):
            self._d.inbox.post(event)
            return True
        return self.stopping
