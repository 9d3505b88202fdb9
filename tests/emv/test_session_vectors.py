"""Published card sessions replayed byte for byte, clock and unpredictable number injected, as far as they can be.

Mastercard whole; Visa from its second SELECT (its first pass answers a record with zeros); the T=0 card block by block,
since its session mixes both kinds of offline PIN in one run; Amex is contactless: its CDA is in test_oda_vectors.py.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime
from typing import Any

import pytest

from firmware.emv import apdu, cryptogram, kernel, oda, offline_pin, records, selection, tags
from firmware.emv.action_analysis import Ask
from firmware.emv.chip import Chip
from firmware.emv.cvm import CvmList
from firmware.emv.settings import AidSettings, EmvSettings, Method
from firmware.errors import CardBroken
from firmware.hal.random import Random
from firmware.hal.reader import Response
from tests.conftest import vectors
from tests.emv.bench import typed
from tests.emv.test_stage_vectors import Script

SESSIONS = {s["name"]: s for s in vectors("emv/card_sessions")["sessions"]}


class Numbers:
    """The unpredictable number of the session first, then padding."""

    def __init__(self, number: str) -> None:
        self._left = bytes.fromhex(number)

    def bytes(self, count: int) -> bytes:
        taken, self._left = self._left[:count], self._left[count:]
        return taken.ljust(count, b"\0")


def play(script: Script, aid: str, ours: EmvSettings, now: datetime, random: Random, amount: int) -> Chip:
    app = replace(AidSettings(bytes.fromhex(aid)), version=b"\x00\x02")
    candidate = selection.Candidate(bytes.fromhex(aid), app, 1, False, "APP")
    return kernel.begin(script, candidate, amount, ours, now, random, 1)


def test_mastercard_whole() -> None:
    """The card answers an AAC to the TC that is asked for after the host's approval: it has the last word."""
    script = Script(SESSIONS["bertlv-contact-mastercard"]["exchanges"])
    ours = EmvSettings(
        (), country=b"\x00\x36", currency=b"\x00\x36", terminal_type=b"\x22", capabilities=b"\xe0\x28\x00"
    )
    chip = play(script, "A0000000041010", ours, datetime(2012, 3, 16), Numbers("8221F601"), 1000)
    chip.data[tags.TERMINAL_COUNTRY] = b"\x00\x00"
    chip.data[0x9F45] = b"\0\0"
    cvms = CvmList(chip)
    assert cvms.choose() is Method.SIGNATURE
    cvms.succeeded()
    chip.tvr[:] = bytes.fromhex("8000008000")  # its terminal did not look at usage and dates
    first = cryptogram.generate_first(script, chip, Ask.ARQC)
    assert (first.kind, first.value.hex()) == ("ARQC", "4573436b1e4b95dd")
    final = cryptogram.second(script, chip, "00", bytes.fromhex("1122334455667788"), approve=True)
    assert (final.kind, final.value.hex(), script.left) == ("AAC", "c74d18b08248fefc", [])


def test_visa_from_its_second_select() -> None:
    exchanges = SESSIONS["bertlv-contact-visa"]["exchanges"]
    start = [n for n, e in enumerate(exchanges) if e["command"].startswith("00A404")][1]
    script = Script(exchanges[start:])
    ours = EmvSettings(
        (), country=b"\x00\x36", currency=b"\x00\x36", terminal_type=b"\x22", capabilities=b"\xe0\x20\x00"
    )
    chip = play(script, "A0000000031010", ours, datetime(2012, 3, 16), Numbers("D3173A1F"), 1000)
    assert offline_pin.tries_left(script, chip) == 0x10
    cvms = CvmList(chip)
    assert cvms.choose() is Method.SIGNATURE
    cvms.succeeded()
    chip.tvr[:] = bytes.fromhex("8000008000")
    first = cryptogram.generate_first(script, chip, Ask.ARQC)
    assert (first.atc.hex(), first.value.hex()) == ("0029", "7cb3ba090724c524")
    final = cryptogram.second(script, chip, "00", bytes.fromhex("1122334455667788"), approve=True)
    assert final.kind == "TC"
    assert chip.tvr[4] == tags.ISSUER_AUTH_FAILED.mask, "EXTERNAL AUTHENTICATE answered 6700"
    assert script.left == []


def test_the_first_pass_of_visa_is_malformed() -> None:
    script = Script(SESSIONS["bertlv-contact-visa"]["exchanges"])
    with pytest.raises(CardBroken):
        play(
            script,
            "A0000000031010",
            EmvSettings((), capabilities=b"\xe0\x20\x00"),
            datetime(2012, 3, 16),
            Numbers(""),
            1000,
        )


# -- the T=0 card, block by block ---------------------------------------------------------------------------------------------

T0 = SESSIONS["emvpt-full-contact-t0"]["exchanges"]


class OnTheWire(Script):
    """Le of a command with data never reaches a T=0 card; the source writes it in some commands and not in others."""

    def send(self, command: bytes | bytearray) -> bytes:
        expected = self.left[0][0]
        body = bytes(command)
        if len(body) == 6 + body[4] and len(expected) == len(body) - 1:
            body = body[:-1]
        return super().send(body)


AID = "AFFFFFFFFF1234"


def part(first: str, last: str) -> list[dict[str, str]]:
    """From the first command that begins with `first` to the last one that begins with `last`."""
    begin = next(n for n, e in enumerate(T0) if e["command"].startswith(first))
    end = max(n for n, e in enumerate(T0) if e["command"].startswith(last))
    return T0[begin : end + 1]


def ours(**more: Any) -> EmvSettings:
    return EmvSettings((AidSettings(bytes.fromhex(AID)),), country=b"\x02\x46", currency=b"\x09\x78",
                       terminal_type=b"\x22", **more)  # fmt: skip


def read_card() -> Chip:
    """Selection, GPO and all records of the session."""
    script = OnTheWire(T0[:7] + part("80A8", "00B2021C"))
    found = selection.candidates(script, ours())
    assert [c.name for c in found] == ["VESA ELECTRON"]
    chip, pdol = selection.take(script, found[0], ours(), datetime(2020, 7, 24).date())
    records.initiate(script, chip, pdol)
    records.read_all(script, chip)
    chip.data |= {tags.UNPREDICTABLE: bytes.fromhex("01234567"), tags.AMOUNT: bytes.fromhex("000000000001"),
                  tags.AMOUNT_OTHER: bytes(6), tags.TERMINAL_COUNTRY: b"\x02\x46", tags.TRANSACTION_TYPE: b"\x21",
                  tags.TRANSACTION_CURRENCY: b"\x09\x78", tags.DATE: bytes.fromhex("200724")}  # fmt: skip
    assert script.left == []
    return chip


def test_t0_selection_and_records() -> None:
    chip = read_card()
    assert chip.data[tags.AIP].hex() == "3c00"
    assert chip.static


def test_t0_dynamic_data_authentication() -> None:
    """INTERNAL AUTHENTICATE as sent; the signature's hash is right for the card's key in oda_chains.json."""
    chip = read_card()
    chain = next(v for v in vectors("emv/oda_chains")["vectors"] if v["name"] == "emvpt-dda")
    key = oda.PublicKey(bytes.fromhex(chain["icc_modulus"]), 3)
    script = OnTheWire(part("0088", "00C0000083"))
    chip.data[tags.DDOL] = b"\x9f\x37\x04"
    oda._dynamic(script, chip, key)
    assert chip.data[tags.DYNAMIC_NUMBER].hex() == "002c"
    assert script.left == []


def test_t0_plain_pin() -> None:
    script = OnTheWire([e for e in T0 if e["command"].startswith("00200080")])
    assert offline_pin.verify_plain(script, read_card(), typed("1234")).ok
    assert script.left == []


def test_t0_enciphered_pin() -> None:
    """The published block has zeros where ours has random bytes."""
    chain = next(v for v in vectors("emv/oda_chains")["vectors"] if v["name"] == "emvpt-enciphered-pin")
    key = oda.PublicKey(bytes.fromhex(chain["icc_modulus"]), 3)
    plain = bytes.fromhex(chain["expected"]["plain"])
    script = OnTheWire([e for e in T0 if e["command"].startswith(("0084", "00200088"))])
    verdict = offline_pin.verify_enciphered(script, read_card(), typed("1234"), key, Numbers(plain[17:].hex()))
    assert verdict is not None
    assert verdict.ok
    assert script.left == []


def test_t0_first_cryptogram_and_issuer_authentication() -> None:
    chip = read_card()
    script = OnTheWire(part("80AE80", "0082"))
    first = cryptogram.generate_first(script, chip, Ask.ARQC)
    assert (first.kind, first.atc.hex(), first.value.hex()) == ("ARQC", "00f3", "b0189101d11416c1")
    assert apdu.external_authenticate(script, bytes.fromhex("1234567812345678"), 5.0) == Response(b"", 0x9000)
    assert script.left == []


def test_t0_second_cryptogram() -> None:
    chip = read_card()
    script = OnTheWire(part("80AE40", "80AE40"))
    chip.data[tags.ARC] = b"Y3"
    final = cryptogram.second(script, chip, "Y3", b"", approve=True)
    assert final.kind == "TC"


def test_every_session_is_named() -> None:
    assert set(SESSIONS) == {
        "emvpt-full-contact-t0",
        "bertlv-contact-visa",
        "bertlv-contact-mastercard",
        "bertlv-amex-cda",
    }


def test_the_static_card_image_replays() -> None:
    """Selection through both PSE records, GPO, records; its AIP says SDA, its certificate is another issuer's."""
    image = vectors("emv/card_images")["images"][0]["image"]
    app = image["applications"][0]

    class Image:
        def transmit(self, command: bytes | bytearray, timeout_s: float) -> Response:
            ins, p1, sfi = command[1], command[2], command[3] >> 3
            raw = ""
            if ins == 0xA4:
                name = bytes(command[5:-1])
                raw = image["pse_fci"] if name == apdu.PSE else app["fci"] if name.hex().upper() == app["aid"] else ""
                self.files = image["pse_files"] if name == apdu.PSE else app["files"]
            elif ins == 0xB2:
                raw = self.files.get(str(sfi), self.files.get("2", {}) if self.files is image["pse_files"] else {}).get(
                    str(p1), ""
                )
            elif ins == 0xA8:
                raw = app["gpo"]
            return Response(bytes.fromhex(raw), 0x9000 if raw else 0x6A83 if ins == 0xB2 else 0x6A82)

        def close(self) -> None:
            pass

    terminal = EmvSettings((AidSettings(bytes.fromhex(app["aid"])),), capabilities=b"\x20\xf8\xc8")
    card = Image()
    found = selection.candidates(card, terminal)
    assert [c.aid.hex().upper() for c in found] == [app["aid"]]
    chip = kernel.begin(card, found[0], 100, terminal, datetime(2011, 1, 1), Numbers(""), 1)
    assert chip.tvr[0] & tags.SDA_FAILED.mask
    assert chip.tvr[0] & tags.SDA_SELECTED.mask
