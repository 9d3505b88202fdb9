"""The menu as data: which word, which flow. A digit chooses; ↓ turns the page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from firmware import words as w
from firmware.flows import query, queue, reprint, sale, sign_on, void
from firmware.terminal import Terminal
from firmware.words import Word

Flow = Callable[[Terminal], None]


@dataclass(frozen=True)
class Item:
    """One row."""

    word: Word
    flow: Flow


MAIN: tuple[tuple[Item, ...], ...] = (
    (
        Item(w.SALE, sale.sale),
        Item(w.VOID, void.void),
        Item(w.REPRINT, reprint.reprint),
        Item(w.QUERY, query.query),
    ),
    (
        Item(w.QUEUE, queue.queue),
        Item(w.SIGN_ON, sign_on.sign_on),
        Item(w.ECHO, sign_on.echo),
    ),
)
