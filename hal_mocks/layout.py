"""What a glass promises in words."""

from __future__ import annotations

from firmware.hal.screen import Screen
from firmware.words import HAND_OVER


def says_hand_over(screen: Screen) -> bool:
    """Does this screen let the goods go?"""
    return HAND_OVER in (screen.title, *screen.lines)
