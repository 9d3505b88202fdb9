"""The stories through real pcscd + pyscard, the serial driver on a pseudo-terminal and TLS, the firmware as its own
process. `make test-real`; here a missing part is a failure, never a skip."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal_mocks import real

pytestmark = pytest.mark.real


def test_all_stories_leave_books_that_agree(capsys: pytest.CaptureFixture[str]) -> None:
    lines: list[str] = []
    wrong = real.play(lines.append)
    film = "\n".join(lines)
    assert wrong == []
    for title in real.STORIES:
        assert f"=== {title}" in film
    for screen in ("hold", "reversed", "reversal_pending", "enter_pin", "next_copy"):
        assert f"[{screen}]" in film


def test_nothing_secret_is_written_by_the_real_process(tmp_path: Path) -> None:
    from firmware.security import keystore
    from hal_mocks.card.soft_card import PAN_A, PAN_B
    from tests.test_canary import clear_block, leaks

    real.ensure_pcscd()
    with real.terminal() as t:
        real.buy(t.world, "700", card=1)
        t.world.wait_for("enter_pin")
        t.world.press(*"602917438516", "enter")
        t.world.wait_for("next_copy")
        t.world.press("enter")
        t.world.wait_for("idle")
        t.power_off()
        keys = keystore.load(t.folder / "state")
        wanted = {"A": PAN_A.encode(), "B": PAN_B.encode(), "PIN": b"602917438516",
                  "block": clear_block("602917438516", PAN_B), "TMK": keys.tmk.reveal(),
                  "journal": keys.journal.reveal(), "token": keys.token.reveal()}  # fmt: skip
        files = [
            p for p in t.folder.rglob("*") if p.is_file() and p.name != "keystore.json" and p.parent.name != "certs"
        ]
        assert {"journal.db", "firmware.log"} <= {p.name for p in files}
        for path in files:
            assert leaks(path.read_bytes(), wanted) == [], path.name
        assert leaks(("\n".join(t.world.news()) + t.world.paper()).encode(), wanted) == []
