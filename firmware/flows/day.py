"""Operators and their day: sign on and off, passwords, who is enrolled, the clock (S24 of the journal: each is on
record)."""

from __future__ import annotations

from firmware import words as w
from firmware.errors import Refused
from firmware.flows import grants
from firmware.hal.screen import Screen
from firmware.hal.signals import Sound
from firmware.security.operators import PASSWORD_LENGTH, Role, check_password
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.words import Word

BOOK = "operator"
CASHIER, SUPERVISOR, ADMIN = "01", "00", "99"
_ROLE_OF = {"0": Role.CASHIER, "8": Role.SUPERVISOR, "9": Role.ADMIN}


def first_start(t: Terminal) -> None:
    """No default password: three people get their own before anything else is done."""
    for title, number, role in ((w.SET_ADMIN, ADMIN, Role.ADMIN), (w.SET_SUPERVISOR, SUPERVISOR, Role.SUPERVISOR),
                                (w.SET_CASHIER, CASHIER, Role.CASHIER)):  # fmt: skip
        if number not in t.operators.numbers():
            enrol(t, title, number, role, by="first start")
    t.console.tell(screens.outcome("saved", w.FIRST_START, w.SAVED), Sound.SUCCESS)


def enrol(t: Terminal, title: Word, number: str, role: Role, by: str) -> None:
    """A new password, typed twice. Raises Cancelled, IdleTimeout, Refused."""
    chosen = new_password(t, title)
    t.operators.enrol(number, role, chosen)
    t.journal.record(BOOK, operator=number, event="password", role=role.value, by=by)


def new_password(t: Terminal, title: Word) -> str:
    def check(typed: str) -> Screen | None:
        try:
            check_password(typed)
        except ValueError:
            return screens.refused(w.R_EASY)
        return None

    def ask(prompt: Word) -> str:
        draw = lambda typed: screens.new_password(title, len(typed), prompt)  # noqa: E731
        return t.console.digits(draw, PASSWORD_LENGTH, check)

    if (chosen := ask(w.NEW_PASSWORD)) != ask(w.REPEAT_PASSWORD):
        raise Refused(w.R_DIFFERENT)
    return chosen


def operator_on(t: Terminal) -> None:
    """签到 of a cashier: number, password."""
    number, role = grants.identify(t, w.OPERATOR_ON, CASHIER)
    t.journal.record(BOOK, operator=number, event="on", role=role.value, settings={"operator": number})
    t.console.tell(screens.outcome("operator_on", w.OPERATOR_ON, w.SIGNED_ON), Sound.SUCCESS)


def operator_off(t: Terminal) -> None:
    """签退: the counter is nobody's; the host is told, unless money is owed (rule 8)."""
    if t.outbox.owed:
        raise Refused(w.STILL_OWED)
    t.console.show(screens.asking(w.SIGN_OFF, 0))
    told = t.session.sign_off(t.console.cancel_pressed)
    t.journal.record(BOOK, operator=t.operator, event="off", host=told, settings={"operator": ""})
    t.console.tell(screens.outcome("operator_off", w.OPERATOR_OFF, w.SIGNED_OFF), Sound.SUCCESS)


def unlock(t: Terminal) -> None:
    """After a while at rest the same person, or a supervisor, types the password again."""
    number, role = grants.identify(t, w.LOCKED, t.operator)
    if number != t.operator and role is Role.CASHIER:
        raise Refused(w.R_NOT_ALLOWED)


def change_password(t: Terminal) -> None:
    number, role = grants.identify(t, w.CHANGE_PASSWORD, t.operator)
    enrol(t, w.CHANGE_PASSWORD, number, role, by=number)
    t.console.tell(screens.outcome("saved", w.CHANGE_PASSWORD, w.SAVED), Sound.SUCCESS)


def administrator(t: Terminal) -> str:
    """Raises Refused for anybody else."""
    number, role = grants.identify(t, w.OPERATORS, ADMIN)
    if role is not Role.ADMIN:
        raise Refused(w.R_NOT_ALLOWED)
    return number


def add(t: Terminal) -> None:
    """The administrator enrols somebody, or resets a password: 01-79 cashiers, 80-89 supervisors, 90-99
    administrators."""
    by = administrator(t)
    number = grants.ask_digits(t, "operator", w.ADD_OPERATOR, 2, w.TYPE_OPERATOR).rjust(2, "0")
    role = Role.SUPERVISOR if number == SUPERVISOR else _ROLE_OF.get(number[0], Role.CASHIER)
    enrol(t, w.ADD_OPERATOR, number, role, by)
    t.console.tell(screens.outcome("saved", w.ADD_OPERATOR, w.SAVED), Sound.SUCCESS)


def remove(t: Terminal) -> None:
    """Never the last who can grant, nor the last administrator."""
    by = administrator(t)
    number = grants.ask_digits(t, "operator", w.RESET_OPERATOR, 2, w.TYPE_OPERATOR).rjust(2, "0")
    known = t.operators.numbers()
    if number not in known:
        raise Refused(w.R_NOTHING_HERE)
    role = known[number]
    if role is not Role.CASHIER and list(known.values()).count(role) == 1:
        raise Refused(w.R_NOT_ALLOWED)
    t.operators.remove(number)
    t.journal.record(BOOK, operator=number, event="removed", by=by)
    t.console.tell(screens.outcome("saved", w.RESET_OPERATOR, w.SAVED), Sound.SUCCESS)


def fix_clock(t: Terminal) -> None:
    """A supervisor vouches for the clock (rule 13), on record."""
    by = grants.grant(t, t.operator)
    t.session.correct_clock(by)
    t.console.tell(screens.outcome("saved", w.FIX_CLOCK, w.SAVED), Sound.SUCCESS)
