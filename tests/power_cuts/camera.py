"""One run, photographed at every step: each photo is the world that a power cut at that step would leave behind.

What a cut leaves is what lies outside the terminal at that moment; what the firmware still does in the dark reaches no
part (tests/power_cuts/test_dark_parts.py). So a run need not be played again for each of its cuts; that both ways leave
the same world, test_power_cuts.py looks at every step.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from hal_mocks.power import Power, When
from hal_mocks.world import World

T = TypeVar("T")


@dataclass(frozen=True)
class Photo:
    """The world as bytes, and the cut that leaves it."""

    step: int
    when: When
    saved: bytes

    def world(self) -> World:
        """As the next boot finds it: the card has lost its power too."""
        world = World.load(self.saved)
        if world.slot:
            world.slot.reset()
        return world


class Camera(Power):
    """A switch that is never thrown. A photo before each call's effect and one after it (a cut before the call returns
    and one after it leave the same world); where nothing but time has passed since the last photo, none is kept."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._w, self._last = world, b""
        self.photos: list[Photo] = []
        self.cuts = 0

    def call(self, name: str, effect: Callable[[], T]) -> T:
        step = self.steps + 1
        self._shoot(step, When.BEFORE)
        try:
            result = super().call(name, effect)
        except Exception:
            self._shoot(step, When.DURING)
            raise
        self._shoot(step, When.DURING)
        return result

    def _shoot(self, step: int, when: When) -> None:
        self.cuts += 1
        timeless = pickle.dumps({n: v for n, v in vars(self._w).items() if n not in ("now", "uptime_s")})
        if timeless != self._last:
            self._last = timeless
            self.photos.append(Photo(step, when, self._w.save()))
