"""The printer on a serial port: jobs in, proof of paper out. One thread owns what the port says.

Proof = the fence is answered. A full printer answers GS ( H when the paper is out; a middle one GS r in order, then a
clean status must follow; a printer that answers neither can prove nothing: every job ends in NO_REPLY.
"""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Iterator
from typing import Any

from drivers import escpos
from drivers.escpos import Incoming, Reply
from firmware.errors import PrinterFault, PrinterTrouble
from firmware.hal.printer import STATE_OF, Job, PrinterState, Proof

_ANSWER_S = 0.3
_LINE_S, _MARGIN_S = 0.12, 2.5


def diagnose(answers: dict[int, int]) -> PrinterTrouble | None:
    """DLE EOT answers → the first trouble in order; None if all that was answered is fine (hardware facts, 4.3)."""
    second, third, fourth = (answers.get(n, 0) for n in (2, 3, 4))
    checks = (
        (fourth & 0x60 or second & 0x20, PrinterTrouble.PAPER_OUT),
        (second & 0x04, PrinterTrouble.COVER_OPEN),
        (third & 0x08, PrinterTrouble.CUTTER),
        (third & 0x20, PrinterTrouble.HARDWARE),
        (third & 0x44, PrinterTrouble.OVERHEAT),
    )
    return next((trouble for bits, trouble in checks if bits), None)


class EscposPrinter:
    """`port` is a device name. Opened when needed and again after it was unplugged."""

    def __init__(self, port: str, baud: int) -> None:
        self._name, self._baud = port, baud
        self._port: Any = None
        self._replies: queue.SimpleQueue[Reply] = queue.SimpleQueue()
        self._knows: set[int] = set()
        self._strong = self._weak = False
        self._number = 0
        self._held = threading.Event()
        self._dirty = True

    def print(self, job: Job) -> Proof:
        if not self._open():
            raise PrinterFault(PrinterTrouble.NO_REPLY)
        if self._dirty:
            self._clean()
        data = escpos.encode(job)
        rows = data.count(b"\n")
        budget = len(data) * 10 / self._baud + rows * _LINE_S + _MARGIN_S
        self._dirty = True
        try:
            if not self._write(data, budget):
                raise PrinterFault(self._why())
            proof = self._prove(budget)
        except PrinterFault:
            self._write(escpos.DROP_BUFFER, 1.0, held_too=True)
            raise
        self._dirty = False
        return proof

    def status(self) -> PrinterState:
        if not self._open():
            return PrinterState.UNKNOWN
        answers = self._ask_all()
        trouble = diagnose(answers)
        if trouble:
            return STATE_OF[trouble]
        if not answers:
            return PrinterState.UNKNOWN
        return PrinterState.PAPER_LOW if answers.get(4, 0) & 0x0C else PrinterState.READY

    # -- proof -----------------------------------------------------------------------------------------------------

    def _prove(self, budget_s: float) -> Proof:
        """Raises PrinterFault; then the rest of the job is dropped before anything else is printed."""
        self._number += 1
        if self._strong:
            self._write(escpos.fence(self._number), 1.0)
            if self._wait_for("fence", f"{self._number % 10000:04d}".encode(), budget_s):
                return Proof.PRINTED
            raise PrinterFault(self._why())
        if self._weak:
            self._write(escpos.WEAK_FENCE, 1.0)
            if self._wait_for("weak", b"", budget_s):
                answers = self._ask_all()
                trouble = diagnose(answers)
                if trouble or not answers:
                    raise PrinterFault(trouble or PrinterTrouble.NO_REPLY)
                return Proof.PROCESSED
        raise PrinterFault(self._why())

    def _wait_for(self, kind: str, data: bytes, budget_s: float) -> bool:
        """True if the reply came; False on time, or as soon as the printer reports trouble by itself."""
        for reply in self._heard(budget_s):
            if reply.kind == kind and (not data or reply.data == data):
                return True
            if reply.kind == "gone" or (reply.kind == "asb" and escpos.asb_trouble(reply.data)):
                return False
        return False

    def _heard(self, budget_s: float) -> Iterator[Reply]:
        """What the printer says, until the time is up."""
        until = time.monotonic() + budget_s
        while (left := until - time.monotonic()) > 0:
            try:
                yield self._replies.get(timeout=left)
            except queue.Empty:
                return

    def _why(self) -> PrinterTrouble:
        """Ask what is wrong. Fine in every answer but no fence: a jam is suspected. No answer: unknown."""
        answers = self._ask_all()
        if not answers:
            return PrinterTrouble.NO_REPLY
        return diagnose(answers) or PrinterTrouble.JAM_SUSPECTED

    def _ask_all(self) -> dict[int, int]:
        answers = {}
        for n in sorted(self._knows) or (1, 2, 3, 4):
            value = self._ask(n)
            if value is not None:
                answers[n] = value
        return answers

    def _ask(self, n: int) -> int | None:
        """DLE EOT n: one matching byte, or None."""
        if not self._write(escpos.query(n), 1.0, held_too=True):
            return None
        return next((reply.data[0] for reply in self._heard(_ANSWER_S) if reply.kind == "status"), None)

    # -- the port --------------------------------------------------------------------------------------------------

    def _open(self) -> bool:
        """Open and probe; True if there is a port."""
        if self._port is not None:
            return True
        import serial

        try:
            self._port = serial.Serial(self._name, self._baud, timeout=0.1, write_timeout=2.0)
        except (OSError, serial.SerialException):
            self._port = None
            return False
        self._replies = queue.SimpleQueue()  # what an older port still says must not be heard
        threading.Thread(target=self._listen, args=(self._port, self._replies), name="printer", daemon=True).start()
        self._probe()
        return self._port is not None

    def _probe(self) -> None:
        """What this printer can say. No answer is 'unknown', never 'ok'."""
        self._held.clear()
        self._write(escpos.DROP_BUFFER + escpos.RESET + escpos.ASB_ON, 1.0)
        time.sleep(0.05)
        self._drain()
        self._knows = {n for n in (1, 2, 3, 4) if self._ask(n) is not None}
        self._write(escpos.fence(0), 1.0)
        self._strong = self._wait_for("fence", b"0000", 1.0 if self._knows else _ANSWER_S)
        self._write(b"" if self._strong else escpos.WEAK_FENCE, 1.0)
        self._weak = not self._strong and self._wait_for("weak", b"", 0.5)
        self._dirty = False

    def _clean(self) -> None:
        """After a job that was not proved: drop what the printer still holds, so that it never comes out."""
        self._write(escpos.DROP_BUFFER, 1.0, held_too=True)
        time.sleep(0.05)
        self._drain()
        if not (self._strong or self._weak):
            self._probe()

    def _drain(self) -> None:
        while True:
            try:
                self._replies.get_nowait()
            except queue.Empty:
                return

    def _write(self, data: bytes, budget_s: float, held_too: bool = False) -> bool:
        """All of it, XOFF heeded (real-time commands pass it). False if the port or the time is gone."""
        import serial

        until = time.monotonic() + budget_s
        for at in range(0, len(data), 64):
            while self._held.is_set() and not held_too:
                if time.monotonic() > until:
                    return False
                time.sleep(0.01)
            port = self._port
            if port is None:
                return False
            try:
                port.write(data[at : at + 64])
            except (OSError, TypeError, serial.SerialException):  # TypeError: closed by the listener meanwhile
                self._lost(port)
                return False
        return True

    def _lost(self, port: Any) -> None:
        """This port is gone; a listener of an older one must not take the new one with it."""
        if self._port is port:
            self._port, self._dirty = None, True
        try:
            if port is not None:
                port.close()
        except Exception:
            return

    def _listen(self, port: Any, replies: queue.SimpleQueue[Reply]) -> None:
        """The one reader of this port; ends when the port does."""
        incoming = Incoming()
        while self._port is port:
            try:
                data = port.read(port.in_waiting or 1)
            except Exception:
                self._lost(port)
                replies.put(Reply("gone", b""))
                return
            for reply in incoming.feed(data):
                if reply.kind in ("xon", "xoff"):
                    (self._held.clear if reply.kind == "xon" else self._held.set)()
                else:
                    replies.put(reply)
