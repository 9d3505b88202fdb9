"""Every screen, both languages, longest values: it fits 128×64 and has a glyph for every character."""

from __future__ import annotations

import pytest

from drivers import font, glass
from firmware.errors import PrinterTrouble
from firmware.ui import screens
from tests.ui.catalogue import all_screens

NEEDS_ITS_FOOT = {"hold", "slip_complete", "signature", "offer_copy", "consent", "consent_more", "offline_ask", "insert_card", "next_copy",
                  "idle"}  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_every_screen_fits_the_glass_with_its_longest_values(language: str) -> None:
    problems = []
    for screen in all_screens():
        placed, foot = glass.rows(screen, language)
        height = 12 + sum(p.height for p in placed) + (12 if foot else 0)
        if height > glass.HEIGHT and not screen.qr:
            problems.append(f"{screen.name}: {height} px high")
        if screen.name in NEEDS_ITS_FOOT and not foot:
            problems.append(f"{screen.name}: the keys do not fit")
        texts = [(p.text, p.font) for p in placed if not screen.qr]
        texts += [(glass.title(screen, language), "glass12"), (foot, "glass12")]
        for text, face in texts:
            if font.load(face).width(text) > glass.WIDTH:
                problems.append(f"{screen.name}: {text!r} is {font.load(face).width(text)} px wide")
            problems += [f"{screen.name}: no glyph for {c!r}" for c in text if not font.load(face).knows(c)]
    assert sorted(set(problems)) == []


def test_screen_names_are_stable_words() -> None:
    assert {s.name for s in all_screens() if not s.name.replace("_", "").isalpha()} == set()


def test_glyphs_are_whole_below_the_baseline() -> None:
    """The first subset had lost its two lowest rows: a J looked like an I, a comma like a full stop."""
    face = font.load("glass12")
    feet = {c: face.glyph(c).getbbox()[3] for c in "1J,g"}
    assert feet["J"] > feet["1"] and feet[","] > feet["1"] and feet["g"] > feet["1"]
    han = [face.glyph(c).getbbox() for c in "请确认消费冲正缺纸"]
    assert min(b[1] for b in han) == 0 and max(b[3] for b in han) <= 12


def test_every_printer_trouble_has_its_own_instruction() -> None:
    assert set(screens.HOW_TO_CURE) == set(PrinterTrouble)
    assert len(set(screens.HOW_TO_CURE.values())) == len(PrinterTrouble)
