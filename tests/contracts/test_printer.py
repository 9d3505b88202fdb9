"""Printer: the simulation, and the driver over three printers' bytes, in virtual time and on a pseudo-terminal."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
import zxingcpp

from drivers import escpos, printer_models, serial_port
from drivers.escpos_printer import EscposPrinter
from firmware.errors import PrinterFault, PrinterTrouble
from firmware.hal.paper_grid import columns
from firmware.hal.printer import STATE_OF, Job, Line, PrinterState, Proof
from hal_mocks import parts, picture
from hal_mocks.film import Film
from hal_mocks.paper import ABOVE_IS_VOID, Roll
from hal_mocks.power import Power
from hal_mocks.wire.printer import BOOT_S, CHEAP, FULL, MIDDLE, Hardware, Model, PtyPrinter, Wire
from hal_mocks.world import World
from tests.contracts.bench import REAL, Bench, needs

T = PrinterTrouble


class Sim(Bench):
    """In process."""

    name, proof = "simulation", Proof.PRINTED
    cannot = {"unplug": "silence stands for it: in process there is no port to open again"}

    def __init__(self) -> None:
        self.world = World()
        self.roll = self.world.paper
        self.printer = parts.SimPrinter(self.world, Power(), Film())

    def mute(self, on: bool) -> None:
        self.world.printer_silent = on

    def cure(self) -> None:
        self.roll.cure()


class OnWire(Bench):
    """The driver on a line in virtual time."""

    model: Model

    def __init__(self) -> None:
        self.roll = Roll()
        self.wire = Wire(Hardware(self.roll, self.model, paced=True))
        self.printer = EscposPrinter(self.wire, self.model.baud, now=self.wire.clock)

    def mute(self, on: bool) -> None:
        self.wire.hardware.silent = on

    def cure(self) -> None:
        self.wire.hardware.cured()

    def unplug(self) -> None:
        self.wire.plugged = False

    def plug(self) -> None:
        self.wire.hardware.power_cycle()
        self.wire.now_s += 2 * BOOT_S
        self.wire.plugged = True


class FullOnWire(OnWire):
    name, model, proof = "driver, full model", FULL, Proof.PRINTED


class MiddleOnWire(OnWire):
    name, model, proof = "driver, middle model", MIDDLE, Proof.PROCESSED


class CheapOnWire(OnWire):
    name, model, proof = "driver, cheap model", CHEAP, Proof.HANDED

    def __init__(self) -> None:
        """Its first slip is behind it: that one begins by voiding whatever the printer may have kept from before."""
        super().__init__()
        self.printer.print(Job("0.body", (Line("first"),)))
        assert ABOVE_IS_VOID in texts(self.roll)
        self.roll.rows.clear()

    cannot = {"causes": "it knows 'off line' and 'paper end' only: see the table of diagnoses",
              "near_end": "its answer to n = 4 has no bit for it",
              "stall": "it has no fence: a stall in a short job shows nowhere (the slip is asked about)"}  # fmt: skip


class FullOnPty(Bench):
    """The driver with pyserial on a pseudo-terminal, in real time."""

    name, proof, marks = "driver, pseudo-terminal", Proof.PRINTED, REAL

    def __init__(self) -> None:
        self.folder = TemporaryDirectory()
        self.link = Path(self.folder.name) / "printer"
        self.roll = Roll()
        self.plug()
        self.printer = EscposPrinter(serial_port.opener(str(self.link), 115200), 115200)

    def mute(self, on: bool) -> None:
        self.pty.hardware.silent = on

    def cure(self) -> None:
        self.pty.cure()

    def unplug(self) -> None:
        self.pty.close()
        self.link.unlink()

    def plug(self) -> None:
        self.pty = PtyPrinter(self.roll, threading.RLock())
        os.symlink(self.pty.path, self.link)

    def close(self) -> None:
        self.pty.close()
        self.folder.cleanup()


BENCHES = [Sim, FullOnWire, MiddleOnWire, CheapOnWire, FullOnPty]
SLIP = (Line("回春堂大药房", centre=True), Line("", rule=True), Line("凭证号 VOUCHER", "000123"),
        Line("金额 RMB", "12.50", double=True), Line("交易成功 APPROVED", "015838"))  # fmt: skip


def job(number: int, lines: tuple[Line, ...] = SLIP) -> Job:
    return Job(f"{number}.body", (Line(f"job {number}"), *lines), cut=True)


def texts(roll: Roll) -> list[str]:
    return [r.text.strip() for r in roll.rows]


# -- the suite -----------------------------------------------------------------------------------------------------------


def test_a_job_is_proved_and_is_on_paper_row_by_row(bench) -> None:
    assert bench.printer.print(job(1)) is bench.proof
    assert texts(bench.roll)[0] == "job 1" and len(bench.roll.rows) == 6
    assert "VOUCHER" in bench.roll.rows[3].text and bench.roll.rows[4].double
    assert bench.printer.status() is PrinterState.READY


@needs("causes")
@pytest.mark.parametrize("trouble", STATE_OF, ids=lambda t: t.value)
def test_each_trouble_has_its_state_and_a_cure(bench, trouble: PrinterTrouble) -> None:
    bench.roll.trouble = trouble
    assert bench.printer.status() is STATE_OF[trouble]
    with pytest.raises(PrinterFault) as fault:
        bench.printer.print(job(1))
    assert fault.value.trouble is trouble
    bench.cure()
    assert bench.printer.status() is PrinterState.READY
    assert bench.printer.print(job(2)) is bench.proof


@needs("stall")
@pytest.mark.parametrize("row", range(1, 7))
def test_a_jam_at_any_row_is_no_proof_and_nothing_of_the_job_follows(bench, row: int) -> None:
    bench.printer.status()
    bench.roll.jam_at(row)
    with pytest.raises(PrinterFault) as fault:
        bench.printer.print(job(1))
    assert fault.value.trouble is T.JAM_SUSPECTED and len(bench.roll.rows) == row
    bench.cure()
    assert bench.printer.print(job(2)) is bench.proof
    assert texts(bench.roll)[row:][0] == "job 2" and len(bench.roll.rows) == row + 6


def test_silence_is_unknown_never_printed_and_never_paper_present(bench) -> None:
    bench.mute(True)
    assert bench.printer.status() is PrinterState.UNKNOWN
    with pytest.raises(PrinterFault) as fault:
        bench.printer.print(job(1))
    assert fault.value.trouble is T.NO_REPLY
    bench.mute(False)
    assert bench.printer.print(job(2)) is bench.proof


def test_a_printer_that_falls_silent_between_two_jobs_is_unknown(bench) -> None:
    bench.printer.print(job(1))
    bench.mute(True)
    with pytest.raises(PrinterFault) as fault:
        bench.printer.print(job(2))
    assert fault.value.trouble is T.NO_REPLY


@needs("near_end")
def test_near_end_prints_and_is_told(bench) -> None:
    bench.roll.near_end = True
    assert bench.printer.status() is PrinterState.PAPER_LOW
    assert bench.printer.print(job(1)) is bench.proof


@needs("unplug")
def test_unplugged_is_no_reply_and_back_it_prints(bench) -> None:
    bench.printer.print(job(1))
    bench.unplug()
    assert bench.printer.status() is PrinterState.UNKNOWN
    with pytest.raises(PrinterFault) as fault:
        bench.printer.print(job(2))
    assert fault.value.trouble is T.NO_REPLY
    bench.plug()
    assert bench.printer.print(job(3)) is bench.proof
    assert "job 2" not in texts(bench.roll) and texts(bench.roll)[-6] == "job 3"


def test_the_drawer_opens_when_it_is_told_to(bench) -> None:
    bench.printer.print(job(1))
    assert bench.roll.kicks == 0
    bench.printer.print(Job("2.last", SLIP, kick=True))
    assert bench.roll.kicks == 1


def test_a_code_on_the_slip_can_be_scanned(bench) -> None:
    bench.printer.print(Job("1.body", (Line("扫码 SCAN"), Line("", qr="TB1 000123 12.50 015838")), cut=True))
    (found,) = zxingcpp.read_barcodes(picture.paper(bench.roll))
    assert found.text == "TB1 000123 12.50 015838"


# -- three models in thirteen situations ---------------------------------------------------------------------------------


def _trouble(trouble: PrinterTrouble):
    return lambda wire: setattr(wire.hardware.roll, "trouble", trouble)


def _stale(wire: Wire) -> None:
    """What an earlier fault said, still in the line: out of paper, off line, and a fence."""
    wire.hardware.out += b"\x18\x00\x0c\x00\x72\x13\x11\x37\x229999\x00\x00"


SITUATIONS = {
    "ok": lambda wire: None,
    "near end": lambda wire: setattr(wire.hardware.roll, "near_end", True),
    "paper out": _trouble(T.PAPER_OUT),
    "cover": _trouble(T.COVER_OPEN),
    "cutter": _trouble(T.CUTTER),
    "unrecoverable": _trouble(T.HARDWARE),
    "overheat": _trouble(T.OVERHEAT),
    "feed stall": lambda wire: wire.hardware.roll.jam_at(3),
    "mute": lambda wire: setattr(wire.hardware, "silent", True),
    "XOFF held": lambda wire: wire.hardware.hold(),
    "stale ASB": _stale,
    "unplugged mid-job": lambda wire: setattr(wire, "unplug_at", 200),
    "power-cycled mid-job": lambda wire: setattr(wire, "cycle_at", 200),
}
P, R, H = Proof.PRINTED, Proof.PROCESSED, Proof.HANDED
DIAGNOSES: dict[str, tuple[Proof | PrinterTrouble, Proof | PrinterTrouble, Proof | PrinterTrouble]] = {
    #                        full             middle           cheap
    "ok":                   (P,               R,               H),
    "near end":             (P,               R,               H),
    "paper out":            (T.PAPER_OUT,     T.PAPER_OUT,     T.PAPER_OUT),
    "cover":                (T.COVER_OPEN,    T.COVER_OPEN,    T.OFFLINE),
    "cutter":               (T.CUTTER,        T.CUTTER,        T.OFFLINE),
    "unrecoverable":        (T.HARDWARE,      T.HARDWARE,      T.OFFLINE),
    "overheat":             (T.OVERHEAT,      T.OVERHEAT,      T.OFFLINE),
    "feed stall":           (T.JAM_SUSPECTED, T.JAM_SUSPECTED, T.JAM_SUSPECTED),
    "mute":                 (T.NO_REPLY,      T.NO_REPLY,      T.NO_REPLY),
    "XOFF held":            (T.JAM_SUSPECTED, T.JAM_SUSPECTED, T.JAM_SUSPECTED),
    "stale ASB":            (P,               R,               H),
    "unplugged mid-job":    (T.NO_REPLY,      T.NO_REPLY,      T.NO_REPLY),
    "power-cycled mid-job": (T.NO_REPLY,      T.NO_REPLY,      T.NO_REPLY),
}  # fmt: skip
LONG = tuple(Line(f"row {n}", "0123456789") for n in range(30))


def outcome(printer: EscposPrinter, what: Job) -> Proof | PrinterTrouble:
    try:
        return printer.print(what)
    except PrinterFault as fault:
        return fault.trouble


@pytest.mark.parametrize("model", [FULL, MIDDLE, CHEAP], ids=lambda m: m.name)
@pytest.mark.parametrize("situation", SITUATIONS)
def test_the_diagnosis_of_each_situation(model: Model, situation: str) -> None:
    roll = Roll()
    wire = Wire(Hardware(roll, model, paced=True))
    printer = EscposPrinter(wire, model.baud, now=wire.clock)
    assert printer.status() is PrinterState.READY
    SITUATIONS[situation](wire)
    assert outcome(printer, job(1, LONG)) == DIAGNOSES[situation][(FULL, MIDDLE, CHEAP).index(model)]
    assert wire.hardware.lost_bytes == 0 and wire.hardware.garbage == 0
    assert wire.now_s < 60


# -- every byte is a place to jam ------------------------------------------------------------------------------------------


def printed_bytes(roll: Roll) -> int:
    return sum(len(r.text.encode("gbk")) for r in roll.rows)


@pytest.mark.parametrize("model", [FULL, MIDDLE], ids=lambda m: m.name)
def test_a_jam_at_every_printed_byte_is_never_proved_and_leaves_no_stale_row(model: Model) -> None:
    good = Roll()
    wire = Wire(Hardware(good, model))
    EscposPrinter(wire, model.baud, now=wire.clock).print(job(1))
    total = printed_bytes(good)
    assert total > 100
    for byte in range(1, total + 1):
        roll = Roll()
        wire = Wire(Hardware(roll, model))
        printer = EscposPrinter(wire, model.baud, now=wire.clock)
        printer.status()
        wire.hardware.jam_at_byte = byte
        assert outcome(printer, job(1)) is T.JAM_SUSPECTED, byte
        stood = len(roll.rows)
        assert roll.rows[-1].torn
        wire.hardware.cured()
        assert outcome(printer, job(2)) in (Proof.PRINTED, Proof.PROCESSED)
        assert texts(roll)[stood] == "job 2" and len(roll.rows) == stood + 6


def test_what_a_cheap_printer_kept_is_voided_on_paper_before_the_next_job() -> None:
    """It has no command to drop its buffer, so the rest of the old slip comes out, and under it what it is worth."""
    for row in range(1, 7):
        roll = Roll()
        wire = Wire(Hardware(roll, CHEAP, paced=True))
        printer = EscposPrinter(wire, CHEAP.baud, now=wire.clock)
        printer.print(job(0))
        roll.rows.clear()
        roll.jam_at(row, T.PAPER_OUT)
        assert outcome(printer, job(1)) is T.PAPER_OUT
        wire.hardware.cured()
        assert printer.print(job(2)) is Proof.HANDED
        assert texts(roll).count(ABOVE_IS_VOID) == 1
        assert texts(roll).index(ABOVE_IS_VOID) < texts(roll).index("job 2")


def test_a_stall_in_a_short_job_of_a_cheap_printer_is_handed_over_and_never_called_printed() -> None:
    roll = Roll()
    wire = Wire(Hardware(roll, CHEAP, paced=True))
    printer = EscposPrinter(wire, CHEAP.baud, now=wire.clock)
    printer.print(job(0))
    roll.rows.clear()
    roll.jam_at(2)
    assert outcome(printer, Job("1.last", (Line("a"), Line("b"), Line("c")), cut=True)) is Proof.HANDED
    assert len(roll.rows) == 2 and roll.rows[-1].torn


@pytest.mark.parametrize("buffered", [False, True], ids=["line as fast as the port", "port faster than the line"])
@pytest.mark.parametrize(("baud", "line_s"), [(9600, 0.1), (115200, 0.11), (115200, 0.01)])
def test_a_small_buffer_is_never_overrun_and_every_row_arrives(buffered: bool, baud: int, line_s: float) -> None:
    roll = Roll()
    wire = Wire(Hardware(roll, replace(CHEAP, baud=baud, line_s=line_s), paced=True), buffered)
    printer = EscposPrinter(wire, baud, now=wire.clock)
    assert outcome(printer, job(1, LONG)) is Proof.HANDED
    wire.read(60.0)
    assert wire.hardware.lost_bytes == 0 and len(roll.rows) == 3 + 31


@pytest.mark.parametrize("model", [FULL, MIDDLE], ids=lambda m: m.name)
def test_a_printer_with_a_fence_and_a_small_buffer_is_never_believed_after_an_xoff_and_then_fed_slowly(
    model: Model,
) -> None:
    """What the port had taken when the XOFF came may be lost; the fence would be answered all the same."""
    roll = Roll()
    wire = Wire(Hardware(roll, replace(model, buffer=256, xon_xoff=True, baud=9600, line_s=0.1), paced=True), True)
    printer = EscposPrinter(wire, 9600, now=wire.clock)
    assert isinstance(outcome(printer, job(1, LONG)), PrinterTrouble)
    roll.rows.clear()
    wire.hardware.lost_bytes = 0
    assert isinstance(outcome(printer, job(2, LONG)), Proof)
    assert wire.hardware.lost_bytes == 0 and len(roll.rows) == 31


def test_picture_data_holds_no_real_time_command() -> None:
    rows = [bytes([0x10, n, 0x10, 0x10, n, 0x00]) for n in (0x04, 0x05, 0x14)]
    sent = escpos.raster(rows)
    assert not any(bytes([0x10, n]) in sent for n in (0x04, 0x05, 0x14))
    assert not any(bytes([0x10, n]) in escpos.raster_qr("TB1 000123 12.50 015838", 384) for n in (0x04, 0x05, 0x14))


@pytest.mark.parametrize("paper", ["58", "80"])
@pytest.mark.parametrize("model", ["auto", "epson", "pos-58"])
def test_both_widths_and_every_model_print_the_same_slip(model: str, paper: str) -> None:
    roll = Roll()
    wire = Wire(Hardware(roll, CHEAP if model == "pos-58" else FULL))
    printer = EscposPrinter(wire, 115200, printer_models.of(model, paper), wire.clock)
    printer.print(Job("0.body", (Line("first"),)))
    roll.rows.clear()
    printer.print(Job("1.body", (*SLIP, Line("", qr="TB1 000123")), cut=True))
    width = {"58": 32, "80": 48}[paper]
    assert max(columns(r.text) for r in roll.rows) == width
    assert roll.rows[-1].cut is (model != "pos-58")
    assert roll.rows[2].text == "凭证号 VOUCHER" + " " * (width - 20) + "000123"
    (found,) = zxingcpp.read_barcodes(picture.paper(roll, columns=width))
    assert found.text == "TB1 000123"


@pytest.mark.parametrize("model", [FULL, MIDDLE, CHEAP], ids=lambda m: m.name)
@pytest.mark.parametrize("known", [False, True], ids=["at the first word", "between two jobs"])
def test_a_port_that_takes_no_bytes_is_no_reply_and_works_again_when_it_does(model: Model, known: bool) -> None:
    """A write has its time limit: a line held by CTS, a hung USB bridge."""
    wire = Wire(Hardware(Roll(), model, paced=True))
    printer = EscposPrinter(wire, model.baud, now=wire.clock)
    if known:
        printer.print(job(1))
    wire.stalled = True
    assert printer.status() is PrinterState.UNKNOWN
    assert outcome(printer, job(2)) is T.NO_REPLY
    assert wire.now_s < 60
    wire.stalled = False
    assert isinstance(outcome(printer, job(3)), Proof)


@pytest.mark.parametrize("baud", [1200, 2400, 9600, 19200, 38400, 115200])
@pytest.mark.parametrize("model", [FULL, MIDDLE, CHEAP], ids=lambda m: m.name)
def test_a_port_faster_than_its_line_delays_no_answer_beyond_its_time(model: Model, baud: int) -> None:
    """A question stands in the port's queue behind the job; it must not be taken for silence."""
    wire = Wire(Hardware(Roll(), replace(model, baud=baud), paced=True), buffered=True)
    printer = EscposPrinter(wire, baud, now=wire.clock)
    assert isinstance(outcome(printer, job(1, LONG)), Proof)
    assert wire.hardware.lost_bytes == 0 and wire.hardware.roll.rows[-1].text.startswith("row 29")
