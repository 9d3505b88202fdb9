"""The key store's file, and a tamper switch on a GPIO line: closed to ground, open = high by the pull-up."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from firmware.errors import KeyProblem
from firmware.hal.events import Post, Tampered
from firmware.security import keystore
from firmware.security.sealing import Secret

_LOOK_S = 0.02
_SURE = 2  # looks in a row: 40 ms, longer than a relay's spark and shorter than any screwdriver


class Switch:
    """Watches one line in a thread. A line that cannot be read counts as open: cutting its wire must not help."""

    def __init__(self, gpio: Any, line: int, sleep: Callable[[float], None] = time.sleep) -> None:
        self._gpio, self._line, self._sleep = gpio, line, sleep
        self._claimed = False

    def open(self) -> bool:
        try:
            if not self._claimed:
                self._gpio.setwarnings(False)
                self._gpio.setmode(self._gpio.BCM)
                self._gpio.setup(self._line, self._gpio.IN, pull_up_down=self._gpio.PUD_UP)
                self._claimed = True
            return bool(self._gpio.input(self._line))
        except Exception:  # RuntimeError, ValueError and lgpio.error: three families
            self._claimed = False
            return True

    def watch(self, post: Post) -> None:
        threading.Thread(target=self._watch, args=(post,), name="tamper", daemon=True).start()

    def _watch(self, post: Post) -> None:
        seen, told = 0, False
        while True:
            seen = seen + 1 if self.open() else 0
            if seen >= _SURE and not told:
                post(Tampered())
            told = seen >= _SURE
            self._sleep(_LOOK_S)


class FileSafe:
    """`switch` None: a case without one."""

    def __init__(self, directory: Path, secret: Secret | None = None, switch: Switch | None = None) -> None:
        self._directory, self._secret, self._switch = directory, secret, switch

    def start(self, post: Post) -> None:
        if self._switch:
            self._switch.watch(post)

    def open(self) -> bool:
        return self._switch.open() if self._switch else False

    def erase(self) -> None:
        try:
            kept = keystore.load(self._directory, self._secret)
        except KeyProblem:
            (self._directory / keystore.FILE).unlink(missing_ok=True)  # nobody can open it; nobody shall
            return
        if not kept.erased:
            keystore.save(kept.without_tmk(), self._directory, self._secret)
