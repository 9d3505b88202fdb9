"""Every text a person reads, as a pair: Chinese and English side by side (decision 0003)."""

from __future__ import annotations

from firmware.words.texts import *  # noqa: F403
from firmware.words.withdraw_texts import *  # noqa: F403
from firmware.words.word import Word

__all__ = ["Word"]
