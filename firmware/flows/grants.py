"""Who says yes: the reason, the customer's green key, the supervisor's password."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Cancelled, Refused
from firmware.hal.events import Key
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.security.operators import GRANTS, PASSWORD_LENGTH, Role, Wrong
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal.requests import REASONS
from firmware.words import Word

_TRIES = 3
SUPERVISOR = "00"


def reason(t: Terminal) -> tuple[str, str]:
    """(ground, case number). A customer's reason has one of three details; a legal one needs its case number (S55,
    S62, S77). Raises Cancelled, IdleTimeout, Refused."""
    ground = REASONS[t.console.pick("reason", w.REASON, [w.GROUNDS[r] for r in REASONS])]
    if ground == "customer":
        details = list(w.CUSTOMER_GROUNDS)
        picked = t.console.pick("reason_detail", w.REASON, list(w.CUSTOMER_GROUNDS.values()))
        return f"customer.{details[picked]}", ""
    return ground, case_number(t) if ground == "legal" else ""


def case_number(t: Terminal) -> str:
    """At least four digits. Raises Refused without."""
    typed = ask_digits(t, "case_number", w.CASE_CLOSE, 12, w.TYPE_CASE)
    if len(typed) < 4:
        raise Refused(w.R_CASE_NEEDED)
    return typed


def ask_digits(t: Terminal, name: str, title: Word, length: int, prompt: Word) -> str:
    """Digits as they were typed, leading zeros and all. Raises Cancelled, IdleTimeout."""
    found = t.console.find(lambda d: screens.digits(name, title, d, min(length, 16), prompt), length, {})
    return found if isinstance(found, str) else ""


def consent(
    t: Terminal, title: Word, fen: int, effects: tuple[Word | str, ...], more: tuple[Word | str, ...] = ()
) -> None:
    """The customer sees what will happen and presses green (S64). Raises Cancelled for red or nobody."""
    if t.console.fresh():
        raise Cancelled
    if not t.console.choose(screens.consent(title, fen, effects), YES_NO, t.config.times.prompt_s, False):
        raise Cancelled
    if more and not t.console.choose(screens.consent_more(more), YES_NO, t.config.times.prompt_s, False):
        raise Cancelled


def password(t: Terminal, title: Word) -> str:
    """Six digits, shown as stars. Raises Cancelled, IdleTimeout."""

    def check(typed: str) -> Screen | None:
        return None if len(typed) == PASSWORD_LENGTH else screens.password(title, len(typed))

    return t.console.digits(lambda typed: screens.password(title, len(typed)), PASSWORD_LENGTH, check)


def identify(t: Terminal, title: Word, default: str = SUPERVISOR) -> tuple[str, Role]:
    """Number and password. Raises Refused after three wrong ones or while locked, Cancelled, IdleTimeout."""
    number = ask_digits(t, "operator", title, 2, w.TYPE_OPERATOR) or default
    number = number.rjust(2, "0")
    for _ in range(_TRIES):
        locked = t.operators.locked_s(number)
        if locked:
            raise Refused(w.R_LOCKED.fill(seconds=locked))
        found = t.operators.check(number, password(t, title))
        if not isinstance(found, Wrong):
            return number, found
        t.journal.record("wrong_password", operator=number)
        t.console.tell(screens.refused(w.R_WRONG_PASSWORD), Sound.ERROR)
    raise Refused(w.R_WRONG_PASSWORD)


def grant(t: Terminal, asked_by: str, people: int = 1) -> str:
    """One supervisor, or two different ones; with dual control not the one who asks (S9, S78). Returns '00' or '00+99'.
    Raises Refused, Cancelled, IdleTimeout."""
    if not t.operators.ready:
        raise Refused(w.R_NO_OPERATOR)
    granted: list[str] = []
    for title in (w.GRANT, w.SECOND_GRANT)[:people]:
        number, role = identify(t, title)
        if role not in GRANTS:
            raise Refused(w.R_NOT_ALLOWED)
        if number in granted or ((t.pack.dual_control or people > 1) and number == asked_by):
            raise Refused(w.R_DUAL)
        granted.append(number)
    return "+".join(granted)


def pressed_enter(t: Terminal, screen: Screen) -> None:
    """Green goes on. Raises Cancelled for red, IdleTimeout."""
    if t.console.fresh():
        raise Cancelled
    t.console.show(screen)
    while t.console.ask_key() is not Key.ENTER:
        pass
