"""Every stage × outcome of the kernel through real pcscd and pyscard, T=0 and T=1, and a card pulled at every APDU."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from drivers.pcsc_reader import PcscReader
from firmware.errors import CardError, DeviceError
from hal_mocks import real
from hal_mocks.card.soft_card import Profile, SoftCard
from hal_mocks.wire.vpcd import VpcdCard
from tests.emv.bench import play
from tests.emv.outcomes import CASES

pytestmark = pytest.mark.real


@pytest.fixture(scope="module", params=[0, 1], ids=["T=0", "T=1"])
def slot(request: pytest.FixtureRequest) -> Iterator[tuple[PcscReader, VpcdCard]]:
    """A card in the reader that answers. What the tests before left there may still be leaving."""
    real.ensure_pcscd()
    reader, card = PcscReader("Virtual PCD 00 00"), VpcdCard(SoftCard(), protocol=request.param)
    card.insert()
    until = time.monotonic() + 20.0
    while not _answers(reader):
        assert time.monotonic() < until, "pcscd did not see the card"
        time.sleep(0.2)
    yield reader, card
    card.pull()
    time.sleep(1.0)


def _answers(reader: PcscReader) -> bool:
    try:
        session = reader.connect()
        session.transmit(bytes.fromhex("00A4040007F054414B45010100"), 5.0)
    except (CardError, DeviceError):
        return False
    session.close()
    return True


def test_every_outcome_through_pcscd(slot: tuple[PcscReader, VpcdCard]) -> None:
    reader, card = slot
    wrong = []
    session = reader.connect()
    assert session.atr() in (SoftCard.ATR, SoftCard.ATR_T1)
    assert session.pad() is False
    session.close()
    for case in CASES:
        soft = SoftCard(Profile(**case.profile))
        card.become(soft)
        session = reader.connect()
        try:
            done = play(session, soft, case.play())
        finally:
            session.close()
        if (done.outcome, case.tvr or done.tvr, case.cvm or done.cvm) != (case.outcome, done.tvr, done.cvm):
            wrong.append((case.stage, case.name, done.outcome, done.tvr, done.cvm))
    assert wrong == []


def test_a_reader_without_a_card_answers_with_an_error_of_ours() -> None:
    real.ensure_pcscd()
    with pytest.raises((CardError, DeviceError)):
        PcscReader("Virtual PCD 00 01").connect()
