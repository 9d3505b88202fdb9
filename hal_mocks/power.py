"""The power switch: every HAL call and every commit passes here, and at step k the light goes out."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class PowerCut(BaseException):
    """The terminal is dark. Raised by every call from then on; no `except Exception` can catch it."""


class EndOfPlay(BaseException):
    """The person has nothing more to do and the terminal is at rest."""


class When(Enum):
    """Where in step k the power goes."""

    BEFORE = "before the call takes effect"
    DURING = "after the effect, before it returns"
    AFTER = "after it returns"


class Power:
    """Counts steps; cuts at one of them, by number or the first time by name. `trace` names the steps."""

    def __init__(self, cut_at: int = 0, when: When = When.BEFORE, cut_on: str = "") -> None:
        self.cut_at, self.when, self.cut_on = cut_at, when, cut_on
        self.steps, self.dead = 0, False
        self.trace: list[str] = []

    def check(self) -> None:
        if self.dead:
            raise PowerCut

    def call(self, name: str, effect: Callable[[], T]) -> T:
        """Run one HAL call under the switch."""
        self.check()
        self.steps += 1
        self.trace.append(name)
        here = self.steps == self.cut_at or name == self.cut_on
        if here and self.when is When.BEFORE:
            self._out()
        try:
            result = effect()
        except Exception:  # a part that says no is a step like any other: the light goes out there too
            self._after(here)
            raise
        self._after(here)
        return result

    def _after(self, here: bool) -> None:
        if here and self.when is When.DURING:
            self._out()
        self.dead = self.dead or here

    def _out(self) -> None:
        self.dead = True
        raise PowerCut
