"""T=0 and T=1 habits of cards over the software card, and answers to reset."""

from __future__ import annotations

import pytest

from drivers import apdu_transport
from firmware.emv import atr
from firmware.hal.reader import Response
from hal_mocks.card.soft_card import Profile, SoftCard
from hal_mocks.card.t0_line import without_le
from hal_mocks.wire.vpcd import T0Door
from tests.emv.bench import Play, play


class Habits:
    """The software card with a habit, behind the real driver's transport."""

    def __init__(self, soft: SoftCard, habit: str) -> None:
        soft.reset()
        self._send = T0Door(soft).process if habit == "t0" else without_le(soft.process, habit)

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        return apdu_transport.exchange(self._send, apdu)

    def close(self) -> None:
        pass


@pytest.mark.parametrize("habit", ["t0", "6700", "6F00"])
@pytest.mark.parametrize(
    "profile",
    [{}, {"oda": "cda"}, {"pse": False, "second_app": "OTHER"}, {"blocked_first": True, "second_app": "OTHER"}],
)
def test_a_payment_with_every_habit(habit: str, profile: dict[str, object]) -> None:
    soft = SoftCard(Profile(**profile))
    assert play(Habits(soft, habit), soft, Play()).outcome == "approved online"


def test_a_cryptogram_is_never_asked_for_twice() -> None:
    """6F00 to a read is asked again without Le; to GENERATE AC or VERIFY it is an answer."""
    for command in ("80AE80001D" + "00" * 30, "0020008008" + "24" * 8, "8024000008" + "00" * 8 + "00"):
        sent: list[bytes] = []

        def send(apdu: bytes, sent: list[bytes] = sent) -> bytes:
            sent.append(apdu)
            return b"\x6f\x00"

        assert apdu_transport.exchange(send, bytes.fromhex(command)).sw == 0x6F00
        assert len(sent) == 1


def test_both_answers_to_reset_of_the_software_card_are_emv() -> None:
    assert atr.is_emv(SoftCard.ATR)
    assert atr.is_emv(SoftCard.ATR_T1)


@pytest.mark.parametrize("raw", [b"", b"\x3b", b"\x3b\xff", b"\x00" * 33, bytes(range(33)), b"\x3b" + b"\xff" * 32])
def test_what_is_no_answer_to_reset_is_no_error_either(raw: bytes) -> None:
    assert atr.is_emv(raw) is False
