"""Cards nobody has written down: features, keys, habits and defects at random, against what the Books say must come of it."""

from __future__ import annotations

import random
from typing import Any

import pytest

from firmware.emv import tags
from hal_mocks.card import scheme
from hal_mocks.card.soft_card import (
    CVM_ENCIPHERED_PIN,
    CVM_NONE,
    CVM_OFFLINE_PIN,
    CVM_ONLINE_PIN,
    CVM_PIN_THEN_SIGNATURE,
    CVM_SIGNATURE,
    Profile,
    SoftCard,
)
from tests.emv.bench import OFFLINE_TOO, SETTINGS, Direct, Play, Played, play, terminal
from tests.emv.test_transport import Habits

ISSUERS, CARDS = (scheme.ISSUER, scheme.ISSUER_2), (scheme.ICC, scheme.ICC_2)
TERMINALS = (SETTINGS, OFFLINE_TOO, terminal(OFFLINE_TOO, floor_limit=10_000))
SPOILABLE = ("90", "92", "93", "9F32", "9F46", "9F47", "9F48", "8F")


def a_card(dice: random.Random) -> dict[str, Any]:
    """Any combination that can be personalised; now and then a defect."""
    oda = dice.choice(("", "sda", "dda", "cda"))
    authority = dice.choice((1, 2))
    icc = dice.choice(CARDS)
    made: dict[str, Any] = {
        "oda": oda, "authority": authority, "issuer": ISSUERS[authority - 1] if dice.random() < 0.8 else scheme.ISSUER, "icc": icc,
        "pan": f"62{dice.randrange(10**14):014d}", "sequence": f"{dice.randrange(100):02d}", "pse": dice.random() < 0.6,
        "format_2": dice.random() < 0.5, "external_auth": dice.random() < 0.7, "priority": dice.randrange(16),
        "cvm": dice.choice((CVM_NONE, CVM_SIGNATURE, CVM_ONLINE_PIN, CVM_OFFLINE_PIN, CVM_ENCIPHERED_PIN, CVM_PIN_THEN_SIGNATURE)),
        "offline_ok": oda != "" and dice.random() < 0.3, "long_cdol": dice.random() < 0.3, "sign_aip": dice.random() < 0.7,
        "hashed": dice.choice(("", "", "own", "default")), "limits": dice.choice(("", "0909", "0000", "FF00")),
        "second_app": dice.choice(("", "", "OTHER")), "shows_tries": dice.random() < 0.7, "ddol": dice.choice(("9F3704", "9F37049A03", "9A03")),
    }  # fmt: skip
    if dice.random() < 0.2:
        made["expiry"] = dice.choice(("251031", "261122", "261123", "491231"))
    if oda and dice.random() < 0.25:
        made["spoil"] = {dice.choice(SPOILABLE): dice.randrange(200)}
    if dice.random() < 0.1:
        made["drop_tag"] = dice.choice(("8E", "9F08", "5F25", "9F07", "9F42", "9F46", "90", "9F49", "57", "5F34"))
    return made


def expected_oda(p: Profile, done: Played) -> tuple[int, ...]:
    """Which bits of TVR byte 1 may be set, from how the card was made."""
    touched = set(p.spoil) | {p.drop_tag}
    if p.oda == "":
        return (tags.ODA_NOT_PERFORMED.mask,)
    chain = {"90", "92", "9F32", "8F"} | ({"93"} if p.oda == "sda" else {"9F46", "9F47", "9F48"})
    failed = {"sda": tags.SDA_FAILED, "dda": tags.DDA_FAILED, "cda": tags.CDA_FAILED}[p.oda].mask
    selected = tags.SDA_SELECTED.mask if p.oda == "sda" else 0
    bad_ddol = p.oda == "dda" and p.ddol == "9A03" and p.drop_tag != "9F49"
    assert done.chip
    present = {t for t in touched & chain if t == p.drop_tag or int(t, 16) in done.chip.data}
    if present or bad_ddol:
        return (selected | failed, selected | failed | tags.ICC_DATA_MISSING.mask)
    return (selected,)


@pytest.mark.parametrize("seed", range(40))
def test_a_hundred_random_cards(seed: int) -> None:
    dice = random.Random(8583 + seed)
    for number in range(25):
        made = a_card(dice)
        soft = SoftCard(Profile(**made))
        habit = dice.choice(("", "t0", "6700", "6F00"))
        world = Play(dice.choice(TERMINALS), pins=tuple(dice.choice(("1234", "9999")) for _ in range(9)),
                     arc=dice.choice(("00", "00", "51", "", "Y3")), choice=dice.randrange(2))  # fmt: skip
        done = play(Habits(soft, habit) if habit else Direct(soft), soft, world)
        label = f"seed {seed}, card {number}: {made} {world} {done.outcome}"
        assert "CardBroken" not in done.outcome, label  # nothing here breaks a rule that ends a session
        assert done.chip, label
        assert done.chip.tvr[0] in expected_oda(soft.profile, done), (label, done.chip.why)
        assert bool(done.chip.tvr[1] & tags.APP_EXPIRED.mask) is (soft.profile.expiry in ("251031", "261122")), label
        assert (len(soft.tcs) == 1) is ("approved" in done.outcome or "signature wrong" in done.outcome), label
        if "approved offline" in done.outcome:
            assert world.amount < done.chip.app.floor_limit, label
            assert not done.chip.tvr[0] & 0xEC, label
        if done.outcome in ("declined offline", "declined by the card"):
            assert soft.arqc == b"", label
