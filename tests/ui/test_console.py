"""What the console notes of its parts."""

from __future__ import annotations

import io
import json

import pytest

from firmware import log
from firmware.errors import DisplayLost
from firmware.ui import screens
from firmware.ui.console import Console
from hal_mocks.desk import Desk, settings
from hal_mocks.power import Power


def test_a_glass_that_goes_dark_is_logged_once_and_counts_as_gone_until_it_shows_something_again() -> None:
    desk, said = Desk(), io.StringIO()
    console = Console(desk.devices(Power()), settings().times)
    desk.world.glass_up = False
    log.to(said)
    try:
        for _ in range(3):
            with pytest.raises(DisplayLost):
                console.show(screens.updating())
        assert console.gone == {"display"}
        desk.world.glass_up = True
        for _ in range(2):
            console.show(screens.updating())
    finally:
        log.to(None)
    assert console.gone == set()
    assert [json.loads(line)["event"] for line in said.getvalue().splitlines()] == ["device lost", "device back"]
