"""Every sound has a screen text: who does not hear it reads it, who does not see it hears it."""

from __future__ import annotations

from pathlib import Path

from firmware.hal.signals import Sound

GOLDEN = Path(__file__).parent.parent / "flows" / "golden"


def test_every_sound_in_every_film_stands_beside_a_screen() -> None:
    heard: set[str] = set()
    for path in sorted(GOLDEN.glob("*.txt")):
        lines = [line.strip() for line in path.read_text(encoding="utf-8").splitlines()]
        for n, line in enumerate(lines):
            if line.startswith("♪"):
                heard.add(line.removeprefix("♪ "))
                beside = [
                    at
                    for at in (*lines[max(0, n - 2) : n], *lines[n + 1 : n + 3])
                    if at.startswith(("+-", "(the glass"))
                ]
                assert beside, f"{path.name}:{n + 1} a sound without a screen"
    assert heard == {s.value for s in Sound} - {Sound.KEY.value}, "a sound no film plays, or one without a name"
