"""ESC/POS bytes and the classifier of what a printer says."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from drivers import escpos
from drivers.escpos import Incoming
from drivers.escpos_printer import diagnose
from drivers.printer_models import MODELS
from firmware.errors import PrinterTrouble
from firmware.hal.printer import Job, Line
from hal_mocks.paper import Roll
from hal_mocks.wire.printer import Hardware

AUTO = MODELS["auto"]


def hear(printer: Hardware, data: bytes) -> bytes:
    """Send, and take what it says."""
    for byte in data:
        printer.hear(byte, 0.0)
    printer.advance(0.0)
    said, printer.out = printer.out, b""
    return said


def kinds(data: bytes) -> list[tuple[str, bytes]]:
    return [(r.kind, r.data) for r in Incoming().feed(data)]


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"\x12", [("status", b"\x12")]),
        (b"\x72", [("status", b"\x72")]),
        (b"\x11\x13", [("xon", b"\x11"), ("xoff", b"\x13")]),
        (b"\x10\x00\x00\x00", [("asb", b"\x10\x00\x00\x00")]),
        (b"\x18\x00\x13\x0c\x00", [("xoff", b"\x13"), ("asb", b"\x18\x00\x0c\x00")]),
        (b"\x37\x220001\x00", [("fence", b"0001")]),
        (b"\x37\x2200\x12\x13\x00", [("fence", b"00\x12\x13")]),
        (b"\x00", [("weak", b"\x00")]),
        (b"\x0c", [("weak", b"\x0c")]),
        (b"\xff", [("junk", b"\xff")]),
        (b"\x10\x72", [("status", b"\x72")]),
        (b"\x10\x00\x12\x18\x00\x0c\x00", [("status", b"\x12"), ("asb", b"\x18\x00\x0c\x00")]),
    ],
)
def test_bytes_are_told_apart(data: bytes, expected: list[tuple[str, bytes]]) -> None:
    assert kinds(data) == expected


@given(st.binary(max_size=100))
def test_no_noise_breaks_the_classifier(data: bytes) -> None:
    assert kinds(data + b"\0" * 20) is not None


@pytest.mark.parametrize(
    ("answers", "trouble"),
    [
        ({1: 0x12, 2: 0x12, 3: 0x12, 4: 0x12}, None),
        ({4: 0x72}, PrinterTrouble.PAPER_OUT),
        ({2: 0x32}, PrinterTrouble.PAPER_OUT),
        ({2: 0x16}, PrinterTrouble.COVER_OPEN),
        ({3: 0x1A}, PrinterTrouble.CUTTER),
        ({3: 0x32}, PrinterTrouble.HARDWARE),
        ({3: 0x52}, PrinterTrouble.OVERHEAT),
        ({2: 0x36, 3: 0x1A, 4: 0x72}, PrinterTrouble.PAPER_OUT),
        ({4: 0x1E}, None),
        ({1: 0x1A, 4: 0x12}, PrinterTrouble.OFFLINE),
        ({2: 0x52}, PrinterTrouble.HARDWARE),
    ],
)
def test_diagnosis_in_order(answers: dict[int, int], trouble: PrinterTrouble | None) -> None:
    assert diagnose(answers) is trouble


def test_chinese_goes_out_as_gbk_after_fs_and() -> None:
    data = escpos.encode(Job("1", (Line("消费 SALE", double=True), Line("￥1¥2€"))), AUTO)
    assert data.startswith(b"\x1b@\x1c&\x1da\x0f")
    assert "消费".encode("gbk") in data and b"\x1c!\x08" in data
    assert "￥1￥2".encode("gbk") + b"?" in data


@given(st.text(max_size=40))
def test_no_text_can_speak_to_the_printer(text: str) -> None:
    assert all(b >= 0x20 for b in escpos.characters(text))


def test_the_simulated_printer_prints_what_was_encoded_and_answers_the_fence() -> None:
    roll = Roll()
    printer = Hardware(roll)
    hear(printer, escpos.encode(Job("1", (Line("左", "右"), Line("金额 RMB", "12.50", double=True)), cut=True), AUTO))
    assert [r.kind for r in Incoming().feed(hear(printer, escpos.fence(7)))] == ["fence"]
    assert [r.text for r in roll.rows] == ["左" + " " * 28 + "右", "金额 RMB" + " " * 19 + "12.50"]
    assert roll.rows[-1].cut and roll.rows[-1].double


def test_a_stale_job_resumes_after_the_cure_unless_it_is_dropped() -> None:
    """What real printers do, and why the driver drops."""
    for drop, rows in ((b"", 3), (escpos.DROP_BUFFER, 1)):
        roll = Roll()
        roll.jam_at(1)
        printer = Hardware(roll)
        hear(printer, escpos.encode(Job("1", (Line("a"), Line("b"), Line("c"))), AUTO) + drop)
        assert len(roll.rows) == 1
        printer.cured()
        hear(printer, b"")
        assert len(roll.rows) == rows


def test_a_real_time_query_needs_three_bytes_since_eot_is_itself_a_valid_n() -> None:
    printer = Hardware(Roll())
    assert [len(hear(printer, bytes([b]))) for b in b"\x10\x04\x04"] == [0, 0, 1]


@pytest.mark.parametrize("trouble", [t for t in PrinterTrouble if t is not PrinterTrouble.NO_REPLY])
def test_status_of_each_trouble_is_diagnosed_as_itself(trouble: PrinterTrouble) -> None:
    printer = Hardware(Roll(trouble=trouble))
    answers = {}
    for n in (1, 2, 3, 4):
        (reply,) = Incoming().feed(hear(printer, escpos.query(n)))
        answers[n] = reply.data[0]
    expected = None if trouble is PrinterTrouble.JAM_SUSPECTED else trouble
    assert diagnose(answers) is expected
