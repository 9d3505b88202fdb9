"""The stories through real pcscd + pyscard, the serial driver on a pseudo-terminal and TLS, the firmware as its own
process. `make test-real`; here a missing part is a failure, never a skip."""

from __future__ import annotations

import time
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


# -- the reader alone ---------------------------------------------------------------------------------------------------


def wait(condition) -> bool:
    until = time.monotonic() + 5.0
    while time.monotonic() < until:
        if condition():
            return True
        time.sleep(0.02)
    return False


def empty(reader) -> bool:
    """pcscd looks every 400 ms: a card of the test before may still seem to be there."""
    from firmware.errors import DeviceError, NoCard

    try:
        reader.connect().close()
    except NoCard:
        return True
    except DeviceError:
        return False
    return False


def test_reader_sees_cards_come_and_go_and_a_pulled_card_ends_its_session() -> None:
    from drivers.pcsc_reader import PcscReader
    from firmware.errors import CardLost
    from firmware.hal.events import CardInserted, CardRemoved
    from hal_mocks.card.soft_card import SoftCard
    from hal_mocks.wire.vpcd import VpcdCard

    real.ensure_pcscd()
    events: list[object] = []
    reader = PcscReader("Virtual PCD 00 00")
    assert wait(lambda: empty(reader))
    reader.start(events.append)
    plastic = VpcdCard(SoftCard())
    plastic.insert()
    assert wait(lambda: CardInserted() in events) and reader.present()
    card = reader.connect()
    select = bytes.fromhex("00A404000E315041592E5359532E444446303100")
    assert card.transmit(select, 2.0).sw == 0x9000
    plastic.pull()
    with pytest.raises(CardLost):
        card.transmit(select, 2.0)
    assert wait(lambda: CardRemoved() in events)
    other = VpcdCard(SoftCard())
    other.insert()
    with pytest.raises(CardLost):
        card.transmit(select, 2.0)  # the old session never talks to the new card
    card.close()
    assert wait(lambda: events.count(CardInserted()) == 2)
    fresh = reader.connect()
    assert fresh.transmit(select, 2.0).sw == 0x9000
    fresh.close()
    other.pull()


def test_a_mute_card_is_given_up_in_time() -> None:
    from drivers.pcsc_reader import PcscReader
    from firmware.errors import CardLost
    from hal_mocks.card.soft_card import SoftCard
    from hal_mocks.wire.vpcd import VpcdCard

    class Mute(SoftCard):
        def process(self, apdu: bytes) -> bytes:
            time.sleep(2.0)
            return b"\x90\x00"

    real.ensure_pcscd()
    reader = PcscReader("Virtual PCD 00 00")
    reader.start(lambda event: None)
    assert wait(lambda: empty(reader))
    plastic = VpcdCard(Mute())
    plastic.insert()
    assert wait(reader.present)
    card = reader.connect()
    began = time.monotonic()
    with pytest.raises(CardLost):
        card.transmit(b"\x00\xa4\x04\x00\x00", 0.3)
    assert time.monotonic() - began < 1.5
    plastic.pull()
    card.close()
