"""SEC2: while a PIN is typed it is in memory, so the search works; after encryption, cancel, time-out, a broken glass or a
VERIFY it is not. Searched from outside, as root, in the firmware's own process; what pcscd keeps is printed and bounded."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator

import pytest

from hal_mocks import real
from hal_mocks.card.soft_card import PAN_A, PAN_B
from tests.real_parts.memory import PIN, forms, found

pytestmark = pytest.mark.real

ONLINE, PLAIN, ENCIPHERED = 1, 2, 3


@pytest.fixture
def terminal() -> Iterator[real.RealTerminal]:
    real.ensure_pcscd()
    with real.terminal() as made:
        yield made


def typed(t: real.RealTerminal, card: int) -> dict[str, bytes]:
    """To the last digit, not yet green. The positive control: it is there now, in the buffer and in no other form."""
    real.buy(t.world, "700", card=card)
    t.world.wait_for("enter_pin")
    t.world.press(*PIN)
    wanted = forms(PIN, PAN_B if card == ONLINE else PAN_A)
    until = time.monotonic() + 5.0
    while (there := found(t.pid, wanted)) == {} and time.monotonic() < until:
        time.sleep(0.1)
    assert there == {"values": 1}, there
    return wanted


def pcscd() -> int:
    listed = subprocess.run(["pgrep", "-x", "pcscd"], capture_output=True, text=True, check=True).stdout.split()
    return int(listed[-1])


def test_nothing_is_left_after_encryption(terminal: real.RealTerminal) -> None:
    wanted = typed(terminal, ONLINE)
    terminal.world.press("enter")
    terminal.world.wait_for("next_copy", "asking")
    assert found(terminal.pid, wanted) == {}
    terminal.world.wait_for("next_copy")
    assert found(terminal.pid, wanted) == {}


def test_nothing_is_left_after_the_red_key(terminal: real.RealTerminal) -> None:
    wanted = typed(terminal, ONLINE)
    terminal.world.press("cancel")
    terminal.world.wait_for("refused", "remove_card", "idle")
    assert found(terminal.pid, wanted) == {}


def test_nothing_is_left_after_a_time_out(terminal: real.RealTerminal) -> None:
    wanted = typed(terminal, ONLINE)
    terminal.world.wait_for("refused", "remove_card", "idle", timeout_s=30.0)
    assert found(terminal.pid, wanted) == {}


def test_nothing_is_left_after_the_card_is_pulled_and_the_payment_fails(terminal: real.RealTerminal) -> None:
    wanted = typed(terminal, ONLINE)
    terminal.world.pull()
    terminal.world.press("enter")
    terminal.world.wait_for("refused", "idle")
    assert found(terminal.pid, wanted) == {}


@pytest.mark.parametrize("card", [PLAIN, ENCIPHERED])
def test_an_offline_verify_leaves_nothing_in_the_firmware(terminal: real.RealTerminal, card: int,
                                                         capsys: pytest.CaptureFixture[str]) -> None:  # fmt: skip
    """The plain block goes through pyscard's list and pcscd's buffers, which are not ours: what stays there is printed."""
    wanted = typed(terminal, card)
    terminal.world.press("enter")
    terminal.world.wait_for("next_copy")
    ours = found(terminal.pid, wanted)
    theirs = found(pcscd(), wanted)
    with capsys.disabled():
        print(
            f"\n{'plain' if card == PLAIN else 'enciphered'} VERIFY: firmware {ours or 'nothing'}, pcscd {theirs or 'nothing'}"
        )
    assert ours == {}
    if card == ENCIPHERED:
        assert theirs == {}
