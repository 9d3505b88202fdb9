"""Published stage cases: candidate list, final selection, GPO, READ RECORD, restrictions, risk, CVM, actions, DOL, ATR, T=0.

The scripted card takes exactly the published commands in the published order, through our own T=0 layer.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from drivers import apdu_transport
from firmware.emv import action_analysis, atr, cvm, records, restrictions, risk, selection, tags, tlv
from firmware.emv.chip import Chip
from firmware.emv.cvm import CvmList, Why
from firmware.emv.settings import AidSettings, EmvSettings, Method
from firmware.errors import CardBroken, CardError, CardLost, CardUnsupported
from firmware.hal.reader import Response
from hal_mocks.card.t0_line import T0Line
from tests.conftest import vectors
from tests.emv.bench import Dice

STAGES = vectors("emv/kernel_stage_cases")["cases"]
RULES = vectors("emv/rule_cases")
TVR = vectors("emv/tvr_cases")
T0 = vectors("emv/t0_transport_cases")["cases"]


class Script:
    """Answers as published; anything else asked for is a failure."""

    def __init__(self, exchanges: list[dict[str, str]]) -> None:
        self.left = [(bytes.fromhex(e["command"]), bytes.fromhex(e["response"])) for e in exchanges]

    def send(self, command: bytes | bytearray) -> bytes:
        expected, answer = self.left.pop(0)
        assert bytes(command) == expected, f"sent {command.hex()}, published is {expected.hex()}"
        return answer

    def transmit(self, apdu: bytes | bytearray, timeout_s: float) -> Response:
        return apdu_transport.exchange(self.send, apdu)

    def close(self) -> None:
        pass


def settings(aids: list[dict[str, str]], **more: Any) -> EmvSettings:
    return EmvSettings(
        tuple(AidSettings(bytes.fromhex(a["aid"]), partial=a["match"] == "partial") for a in aids), **more
    )


def cases(stage: str) -> list[Any]:
    return [pytest.param(c, id=c["name"]) for c in STAGES if c["stage"] == stage]


def test_every_case_has_its_test() -> None:
    count = {s: len(cases(s)) for s in {c["stage"] for c in STAGES}}
    assert count == {"candidate_list": 12, "final_selection": 9, "gpo": 6, "read_application_data": 10}
    assert (
        sum(
            len(RULES[k]["cases"])
            for k in ("dol", "cvm_list_parse", "cvm_processing", "terminal_action_analysis", "atr")
        )
        == 91
    )
    assert (len(TVR["terminal_risk_management"]), len(TVR["processing_restrictions"]), len(T0)) == (11, 9, 30)


@pytest.mark.parametrize("case", cases("candidate_list"))
def test_candidate_list(case: dict[str, Any]) -> None:
    script, ours = Script(case["exchanges"]), settings(case["terminal_aids"])
    if case["expect"] != "OK":
        with pytest.raises(CardUnsupported) as refused:
            selection.candidates(script, ours)
        assert (
            refused.value.why.en
            == {"CARD_BLOCKED": "CARD IS BLOCKED", "NOT_ACCEPTED": "CARD NOT SUPPORTED"}[case["expect"]]
        )
    else:
        found = selection.candidates(script, ours)
        assert selection.choice_needed(found) is ("required" in case["description"] or "confirmation" in case["description"]
                                                  or len(found) > 1)  # fmt: skip
        if "APP 1..APP 7" in case["description"]:
            assert [c.name for c in found] == [f"APP {n}" for n in range(1, 8)]
    assert script.left == []


@pytest.mark.parametrize("case", cases("final_selection"))
def test_final_selection(case: dict[str, Any]) -> None:
    """TRY_AGAIN and the empty list are one thing here: the candidate is dropped, and the flow asks for the next one."""
    script, ours = Script(case["exchanges"]), settings(case["terminal_aids"])
    raw = bytes.fromhex(case["exchanges"][0]["command"])
    aid = raw[5 : 5 + raw[4]]
    app = selection.match(aid, ours)
    assert app
    candidate = selection.Candidate(aid, app, 1, False, "APP")
    wanted = {"TRY_AGAIN": selection.NotTaken, "NOT_ACCEPTED": selection.NotTaken, "CARD_ERROR": CardLost,
              "CARD_BLOCKED": CardUnsupported}  # fmt: skip
    if case["expect"] == "OK":
        chip, pdol = selection.take(script, candidate, ours, date(2026, 11, 23))
        assert (chip.aid, pdol) == (aid, b"")
    else:
        with pytest.raises(wanted[case["expect"]]):
            selection.take(script, candidate, ours, date(2026, 11, 23))
    assert script.left == []


def a_chip(data: dict[str, str], ours: EmvSettings | None = None, **app: Any) -> Chip:
    made = Chip(ours or EmvSettings(()), AidSettings(bytes(5), **app), bytes(5), "X", date(2026, 11, 23))
    made.data = {int(t, 16): bytes.fromhex(v.split()[0]) for t, v in data.items() if v}
    return made


@pytest.mark.parametrize("case", cases("gpo"))
def test_gpo(case: dict[str, Any]) -> None:
    script = Script(case["exchanges"])
    chip = a_chip(case["terminal_data"]["config"] | case["terminal_data"]["params"])
    found = dict(tlv.flatten(bytes.fromhex(case["fci"])))
    pdol = found.get(tags.PDOL, b"")
    if case["expect"] == "OK":
        records.initiate(script, chip, pdol)
        assert chip.data[tags.AIP].hex() == case["expect_aip"]
        assert chip.data[tags.AFL].hex() == case["expect_afl"]
    else:
        with pytest.raises(selection.NotTaken if case["expect"] == "GPO_NOT_ACCEPTED" else CardBroken) as refused:
            records.initiate(script, chip, pdol)
        assert isinstance(refused.value, selection.NotTaken) is (case["expect"] == "GPO_NOT_ACCEPTED")
    assert script.left == []


@pytest.mark.parametrize("case", cases("read_application_data"))
def test_read_application_data(case: dict[str, Any]) -> None:
    script, chip = Script(case["exchanges"]), a_chip({"94": case["afl"]})
    if case["expect"] in ("OK", "ODA_RECORD_INVALID"):
        records.read_all(script, chip)
        assert (chip.static is None) is (case["expect"] == "ODA_RECORD_INVALID")
    else:
        with pytest.raises(CardBroken):
            records.read_all(script, chip)
    if "AFL" not in case["expect"]:
        assert script.left == []


# -- bits of the TVR ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in TVR["terminal_risk_management"]])
def test_risk_management(case: dict[str, Any]) -> None:
    limit = int(case["config"]["9F1B"], 16)
    ours = EmvSettings((), terminal_type=b"\x22")
    amount = int(case["params"]["81"], 16)
    chip = a_chip({"5A": "6200000000000005"} | case["icc"] | {"9F02": f"{amount:012d}"}, ours, floor_limit=limit)
    mine = [e["amount"] for e in case["txn_log"] if e["pan"].rstrip("F") == chip.pan.reveal()]
    script = Script(case["apdus"])
    risk.manage(script, chip, mine[-1] if mine else 0, Dice())
    assert (bytes(chip.tvr).hex(), bytes(chip.tsi).hex()) == (case["expect_tvr"], case["expect_tsi"])
    assert script.left == []
    assert len(chip.why) == sum(b.bit_count() for b in chip.tvr)


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in TVR["processing_restrictions"]])
def test_restrictions(case: dict[str, Any]) -> None:
    config = {k: bytes.fromhex(v) for k, v in case["config"].items()}
    ours = EmvSettings((), country=config["9F1A"], terminal_type=config["9F35"], additional=config["9F40"])
    chip = a_chip(case["icc"] | {"9C": case["params"]["9C"]}, ours, version=config["9F09"])
    day = case["params"]["9A"]
    chip.today = date(2000 + int(day[:2]), int(day[2:4]), int(day[4:]))
    restrictions.check(chip)
    assert bytes(chip.tvr).hex().upper() == case["expect_tvr"]


# -- rules ------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in RULES["dol"]["cases"]])
def test_dol(case: dict[str, Any]) -> None:
    raw = bytes.fromhex(case["dol"])
    if "error" in str(case.get("expect", "")):
        with pytest.raises(CardBroken):
            tlv.dol(raw)
        return
    entries = tlv.dol(raw)
    if "expect_entries" in case:
        assert [[f"{t:X}", n] for t, n in entries] == case["expect_entries"]
    if "expect_length" in case:
        assert sum(n for _, n in entries) == case["expect_length"]
    if "sources" in case:
        values: dict[int, bytes] = {}
        for source in reversed(case["sources"]):
            values |= {int(t, 16): bytes.fromhex(v) for t, v in source.items()}
        assert tlv.fill_dol(entries, values).hex().upper() == case["expect_data"]


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in RULES["cvm_list_parse"]["cases"]])
def test_cvm_list_is_parsed(case: dict[str, Any]) -> None:
    raw = bytes.fromhex(case["cvm_list"])
    if case.get("expect") == "error":
        with pytest.raises(CardBroken):
            cvm.parse(raw)
        return
    x, y, rules = cvm.parse(raw)
    assert (x, y, [f"{r.code:02X}{r.condition:02X}" for r in rules]) == (case["x"], case["y"], case["rules"])


_LACKS = {"signature": 0x20, "online PIN": 0x40, "plaintext offline PIN": 0x80, "enciphered offline PIN": 0x10}
_WHY = {"failed": Why.WRONG, "bypassed": Why.BYPASSED, "pin pad not working": Why.NO_PAD,
        "pin try limit exceeded": Why.TRY_LIMIT}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in RULES["cvm_processing"]["cases"]])
def test_cvm_processing(case: dict[str, Any]) -> None:
    context = case.get("context", {})
    capabilities = 0xF8
    for lacking in context.get("unsupported", []):
        capabilities &= ~_LACKS.get(lacking, 0) & 0xFF
    cash = context.get("unattended_cash", False)
    ours = EmvSettings((), terminal_type=b"\x24" if cash else b"\x22", capabilities=bytes([0x20, capabilities, 0xC8]))
    chip = a_chip({"82": "1000", "9F02": f"{context.get('amount', 2000):012d}", "9C": "01" if cash else "00", "5F2A": "0156",
                   "9F42": "0156" if context.get("in_application_currency", True) else "0840"}, ours)  # fmt: skip
    if case["rules"] is not None:
        head = case["amount_x"].to_bytes(4, "big") + case["amount_y"].to_bytes(4, "big")
        chip.data[tags.CVM_LIST] = head + b"".join(bytes.fromhex(r) for r in case["rules"])
    results = list(case["perform"])
    cvms = CvmList(chip)
    while cvms.choose():
        result = results.pop(0)
        cvms.failed(_WHY[result]) if result in _WHY else cvms.succeeded()
    assert results == []
    assert chip.data[tags.CVM_RESULTS].hex().upper() == case["expect_cvm_results"]
    assert f"{chip.tvr[2]:02X}" == case["expect_tvr_byte3"]
    assert bool(chip.tsi[0] & tags.TSI_CVM_DONE) is case["expect_tsi_cvm_performed"]


_TYPES = {"online capable": b"\x22", "online only": b"\x21", "offline only": b"\x23", "unable to go online": b"\x22",
          "offline only (uses online codes)": b"\x23"}  # fmt: skip


@pytest.mark.parametrize("case", [pytest.param(c, id=f"{n}-{c['name']}") for n, c in
                                  enumerate(RULES["terminal_action_analysis"]["cases"])])  # fmt: skip
def test_action_analysis(case: dict[str, Any]) -> None:
    codes, able = case["action_codes"], case["capability"]
    icc = {
        f"9F{b}": codes[n] for n, b in (("iac_denial", "0E"), ("iac_online", "0F"), ("iac_default", "0D")) if n in codes
    }
    tacs = {n: bytes.fromhex(codes[n]) for n in ("tac_denial", "tac_online", "tac_default") if n in codes}
    chip = a_chip(icc, EmvSettings((), terminal_type=_TYPES[able]), **tacs)
    chip.tvr[:] = bytes.fromhex(case["tvr"])
    if able == "unable to go online":
        found = action_analysis.unable_to_go_online(chip)
    else:
        found = action_analysis.first(chip, "uses online codes" in able)
    assert (found.name != "AAC") if case["expect"] == "not AAC" else (found.name == case["expect"])


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in RULES["atr"]["cases"]])
def test_atr(case: dict[str, Any]) -> None:
    assert atr.is_emv(bytes.fromhex(case["atr"])) is case["ok"]


# -- T=0 --------------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("case", [pytest.param(c, id=c["name"]) for c in T0])
def test_t0(case: dict[str, Any]) -> None:
    """As a PC/SC reader shows it, and with a reader of our own that speaks procedure bytes to a card on the wire."""
    script = Script(case["exchanges"])
    send = script.send if case["mode"] == "pcsc" else T0Line(script.send).apdu
    raw = "".join(e["command"] for e in case["exchanges"])
    apdu = {
        "READ RECORD SFI 1 record 1": "00B2010C00",
        "SELECT 1PAY.SYS.DDF01": "00A404000E315041592E5359532E444446303100",
    }
    command = bytes.fromhex(apdu.get(case["operation"], raw))
    if case["mode"] == "tpdu" and command[4:] == b"\x00":
        command = command[:4]  # case 1 has no fifth byte at the APDU level
    found = apdu_transport.exchange(send, bytes(command))
    assert (found.data.hex().upper(), f"{found.sw:04X}") == (case["expected_data"], case["expected_sw"])
    assert script.left == []


def test_an_empty_settings_object_still_says_what_it_is() -> None:
    """Guards the helpers above: a terminal of type 21 is online only, and has each method."""
    ours = EmvSettings(())
    assert ours.online_only
    assert all(ours.has(m) for m in Method)
    assert replace(ours, terminal_type=b"\x23").offline_only
    assert issubclass(selection.NotTaken, CardError)
