"""A text in both languages."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Word:
    """`zh` stands first for a merchant in China, `en` beside it."""

    zh: str
    en: str

    def fill(self, **values: object) -> Word:
        """Replace {name} in both."""
        return Word(self.zh.format(**values), self.en.format(**values))

    def beside(self) -> str:
        """Both on one line: '消费 SALE'."""
        return f"{self.zh} {self.en}"
