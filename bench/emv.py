"""The kernel with the card's own time taken out, against what cannot be avoided."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from typing import Any

from pyemv import tlv as their_tlv

from firmware.emv import oda, tlv
from firmware.emv.chip import PublicKey
from firmware.hal.reader import Response
from hal_mocks.card import profile, scheme
from hal_mocks.card.soft_card import CVM_ENCIPHERED_PIN, CVM_OFFLINE_PIN, Profile, SoftCard
from tests.emv.bench import Direct, Play, play

PROFILES: dict[str, dict[str, Any]] = {
    "plain": {},
    "SDA": {"oda": "sda"},
    "DDA, plain PIN": {"oda": "dda", "cvm": CVM_OFFLINE_PIN},
    "CDA, enciphered PIN": {"oda": "cda", "cvm": CVM_ENCIPHERED_PIN},
    "no PSE, no issuer command": {"pse": False, "external_auth": False},
}


class Timed(Direct):
    """Counts, and adds up what the card took."""

    def __init__(self, soft: SoftCard) -> None:
        super().__init__(soft)
        self.seconds, self.count = 0.0, 0

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        began = time.perf_counter()
        answer = super().transmit(apdu, timeout_s)
        self.seconds += time.perf_counter() - began
        self.count += 1
        return answer


def least(p: Profile, aids: int) -> int:
    """Commands the Books ask for: PSE, its record and the end of it, or each AID; SELECT, GPO, each record, what data
    authentication and PIN need, both GENERATE ACs, EXTERNAL AUTHENTICATE."""
    records = len(profile.records(p))
    count = (3 if p.pse else 1 + aids) + 2 + records + 2 + p.external_auth
    count += p.oda == "dda"
    return count + {CVM_OFFLINE_PIN: 2, CVM_ENCIPHERED_PIN: 3}.get(p.cvm, 0)


def measured(rounds: int) -> list[tuple[str, float, float, int, int]]:
    """(profile, ms of ours, ms of ours over bare pow() of its signatures, APDUs, the least)."""
    found = []
    for name, made in PROFILES.items():
        ours, cards = [], []
        for _ in range(rounds):
            soft = SoftCard(Profile(**made))
            soft._records()  # personalisation is not the card's time
            card = Timed(soft)
            world = Play(pins=("1234",))
            began = time.perf_counter()
            done = play(card, soft, world)
            ours.append(time.perf_counter() - began - card.seconds)
            cards.append(card.count)
            assert done.outcome == "approved online", done
        found.append((name, statistics.median(ours) * 1000, min(ours) * 1000, cards[0],
                      least(Profile(**made), len(Play().settings.aids))))  # fmt: skip
    return found


def ratio(ours: Callable[[], object], theirs: Callable[[], object], rounds: int) -> float:
    """Median of ours over median of theirs, taking turns."""
    a: list[float] = []
    b: list[float] = []
    for _ in range(rounds):
        for call, into in ((ours, a), (theirs, b)):
            began = time.perf_counter()
            for _ in range(20):
                call()
            into.append(time.perf_counter() - began)
    return statistics.median(a) / statistics.median(b)


def against_pyemv(rounds: int) -> float:
    """All objects of a record, decoded."""
    record = profile.records(Profile(oda="dda"))[(1, 2)]
    whole = profile.tlv("70", record)
    return ratio(lambda: dict(tlv.flatten(whole)), lambda: their_tlv.decode(whole), rounds)


def against_pow(rounds: int) -> float:
    """An issuer certificate opened and checked, over its bare modular power."""
    signed, rest, exponent = scheme.issuer_certificate(1, "6200000000000005", "1249", scheme.ISSUER)
    key = PublicKey(scheme.CA_1.modulus, scheme.CA_1.exponent)
    n, number = scheme.CA_1.p * scheme.CA_1.q, int.from_bytes(signed, "big")
    return ratio(lambda: oda.certificate(signed, key, 0x02, 4, rest, exponent), lambda: pow(number, 3, n), rounds)
