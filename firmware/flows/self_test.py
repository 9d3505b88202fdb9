"""自检: what `takeback doctor` finds, from the menu: each fault with its code and one plain step at a time (S74,
S81)."""

from __future__ import annotations

from firmware import doctor
from firmware import words as w
from firmware.doctor import Finding, Health
from firmware.hal.events import Key
from firmware.hal.openers import Openers
from firmware.hal.signals import Sound
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.words import Word

STEP_S = 60


def self_test(t: Terminal) -> None:
    """Parts as they are now; a fault opens its guide."""
    t.console.show(screens.self_test())
    faults = [f for f in doctor.live(t.config, _parts(t), t.journal.verify) if f.health is Health.FAULT]
    if not faults:
        t.console.tell(screens.outcome("all_well", w.SELF_TEST_ACT, w.ALL_WELL), Sound.SUCCESS)
    for finding in faults:
        guide(t, finding)


def guide(t: Terminal, finding: Finding) -> None:
    """One instruction a screen; green: done, next; red: enough."""
    steps = w.FIX_STEPS[finding.code]
    t.console.sound(Sound.FAULT)
    for number, what in enumerate(steps, 1):
        title = Word(f"{finding.code} {w.DO_THIS.zh}", f"{finding.code} {w.DO_THIS.en}")
        screen = screens.step(title, number, len(steps), what, STEP_S)
        if not t.console.choose(screen, {Key.ENTER: True, Key.CANCEL: False}, float(STEP_S), False):
            return


def _parts(t: Terminal) -> Openers:
    """The parts that are open already."""
    d = t.devices
    return Openers(reader=lambda: d.reader, keypad=lambda: d.keypad, display=lambda: d.display,
                   printer=lambda: d.printer,
                   link=lambda: d.link, clock=lambda: d.clock, random=lambda: d.random)  # fmt: skip
