"""The printer on a port: jobs in, proof of paper out.

Proof = the fence is answered. A full printer answers GS ( H when the paper is out; a middle one GS r in order, then a
clean status must follow; one without any fence proves nothing and says so. Whoever prints owns the port: nothing
listens between jobs, so what has piled up is sorted first.
"""

from __future__ import annotations

import time
from collections.abc import Callable

from drivers import escpos
from drivers.escpos import Incoming, Reply
from drivers.printer_models import MODELS, Ability, Fence
from drivers.serial_port import Port, PortError, PortStalled
from firmware.errors import PrinterFault, PrinterTrouble
from firmware.hal.printer import STATE_OF, Job, PrinterState, Proof

ANSWER_S = 0.3
LOOK_S = 0.5  # while it prints, look at its status this often: a boot is longer, so no power cut goes unseen
LINE_S, MARGIN_S = 0.12, 2.5
_SLOW_BAUD = 38400
_CHUNK, _PACED_CHUNK = 512, 32  # a small buffer has little room left when it says XOFF


def diagnose(answers: dict[int, int]) -> PrinterTrouble | None:
    """DLE EOT answers → the first trouble in order; None if all that was answered is fine (hardware facts, 4.3)."""
    first, second, third, fourth = (answers.get(n, 0) for n in (1, 2, 3, 4))
    checks = (
        (fourth & 0x60 or second & 0x20, PrinterTrouble.PAPER_OUT),
        (second & 0x04, PrinterTrouble.COVER_OPEN),
        (third & 0x08, PrinterTrouble.CUTTER),
        (third & 0x20, PrinterTrouble.HARDWARE),
        (third & 0x44, PrinterTrouble.OVERHEAT),
        (second & 0x40, PrinterTrouble.HARDWARE),
        (first & 0x08, PrinterTrouble.OFFLINE),
    )
    return next((trouble for bits, trouble in checks if bits), None)


class EscposPrinter:
    """`opener` gives a port; it is called when the port is needed and again after it was unplugged."""

    def __init__(self, opener: Callable[[], Port], baud: int, model: Ability = MODELS["auto"],
                 now: Callable[[], float] = time.monotonic) -> None:  # fmt: skip
        self._opener, self._baud, self._model, self._now = opener, baud, model, now
        self._port: Port | None = None
        self._ability = model.probed(frozenset(), Fence.NONE)
        self._fence_known = False
        self._number = 0
        self._status: int | None = None
        self._fences: set[bytes] = set()
        self._paced = self._choked = False
        self._stale = False  # the printer may still hold bytes of a job that was not proved
        self._forget()

    def print(self, job: Job) -> Proof:
        try:
            self._ready()
            data = escpos.encode(job, self._ability, spoil=self._stale)
            self._stale = True
            proof = self._printed(data)
        except PortError:
            self._close()
            raise PrinterFault(PrinterTrouble.NO_REPLY) from None
        except PrinterFault:
            self._paced = self._paced or self._choked  # slower from now on
            self._drop()
            raise
        self._stale = False
        return proof

    def status(self) -> PrinterState:
        try:
            self._listen(0.0)
            self._know()
            answers, whole = self._ask_all()
        except PortError:
            self._close()
            return PrinterState.UNKNOWN
        trouble = diagnose(answers)
        if trouble:
            return STATE_OF[trouble]
        if not whole:
            return PrinterState.UNKNOWN
        return PrinterState.PAPER_LOW if answers.get(4, 0) & 0x0C else PrinterState.READY

    # -- a job -----------------------------------------------------------------------------------------------------

    def _ready(self) -> None:
        """An open port, a known printer, an empty buffer. Raises PrinterFault, PortError. Nothing is sent to a printer
        that says nothing: what cannot be proved need not be begun."""
        self._listen(0.0)
        if not self._know():
            raise PrinterFault(PrinterTrouble.NO_REPLY)
        if self._stale:
            self._drop()
        if not self._fence_known:
            self._look()
            self._ability = self._model.probed(self._ability.asks, self._probe_fence())
            self._fence_known = True
        if self._held and not self._wait(lambda: not self._held, LOOK_S):
            why = self._why()
            self._close()  # it may have forgotten that it said XOFF: the next try begins from the start
            raise PrinterFault(why)

    def _printed(self, data: bytes) -> Proof:
        """Send, then wait for what this printer can prove. Raises PrinterFault, PortError."""
        self._choked = False
        paper_s = len(data) * 10 / self._baud + data.count(b"\n") * LINE_S
        until = self._now() + paper_s + MARGIN_S
        if not self._send(data, until):
            raise PrinterFault(self._why())
        if self._ability.fence is Fence.NONE:
            return self._unproved(self._now() + paper_s)
        self._number += 1
        self._no_fences()
        strong = self._ability.fence is Fence.STRONG
        if not self._send(escpos.fence(self._number) if strong else escpos.WEAK_FENCE, until):
            raise PrinterFault(self._why())
        wanted = f"{self._number % 10000:04d}".encode()
        if not self._watch(until, lambda: wanted in self._fences if strong else self._weak >= 2):
            raise PrinterFault(self._why())
        if self._choked and not self._paced:  # what was already on its way may have been lost
            raise PrinterFault(self._why())
        if strong:
            return Proof.PRINTED
        return self._clean(Proof.PROCESSED)

    def _unproved(self, until: float) -> Proof:
        """No fence: give it the time printing takes, and look. Raises PrinterFault."""
        self._watch(until, lambda: False)
        if self._held:
            raise PrinterFault(self._why())
        return self._clean(Proof.HANDED)

    def _clean(self, proof: Proof) -> Proof:
        """Only with a clean status. Raises PrinterFault."""
        self._look()
        return proof

    def _watch(self, until: float, done: Callable[[], bool]) -> bool:
        """Until `done`. False when the time is up. Every half second, and when the printer reports trouble by itself,
        it is asked: only what it answers now counts, an automatic status may be old. Raises PrinterFault, PortError."""
        look = self._now() + LOOK_S
        while not done():
            left = min(look, until) - self._now()
            if left > 0 and not self._alarmed:
                self._listen(left)
                continue
            self._look()
            look = self._now() + LOOK_S
            if self._now() >= until:
                return done()
        return True

    def _look(self) -> None:
        """Only with a whole and clean answer does a job go on. Raises PrinterFault, PortError."""
        self._alarmed = False
        answers, whole = self._ask_all()
        trouble = diagnose(answers)
        if trouble or not whole:
            raise PrinterFault(trouble or PrinterTrouble.NO_REPLY)

    def _why(self) -> PrinterTrouble:
        """Ask what is wrong. Fine in every answer but no fence: a jam is suspected. No answer: unknown."""
        answers, whole = self._ask_all()
        if not whole:
            return diagnose(answers) or PrinterTrouble.NO_REPLY
        return diagnose(answers) or PrinterTrouble.JAM_SUSPECTED

    def _drop(self) -> None:
        """What it still holds must never come out as a slip: where it cannot drop it, the next job voids it."""
        if self._ability.drops and self._port is not None:
            try:
                self._write(escpos.DROP_BUFFER)
                self._listen(0.05)
                self._stale = False
            except PortError:
                self._close()

    # -- what it can do --------------------------------------------------------------------------------------------

    def _know(self) -> bool:
        """Probe once after opening, and again while it has never answered."""
        if not self._ability.asks:
            self._probe()
        return bool(self._ability.asks)

    def _probe(self) -> None:
        """No answer is 'unknown', never 'ok'. Raises PortError."""
        self._listen(0.05)
        self._forget()
        if self._ask(1) is None and self._ask(4) is None:
            return
        if self._model.drops:
            self._write(escpos.DROP_BUFFER)
        self._write(escpos.RESET)
        asks = frozenset(n for n in sorted(self._model.asks) if self._ask(n) is not None)
        self._ability, self._fence_known = self._model.probed(asks, Fence.NONE), False
        if self._ability.asb:
            self._write(escpos.ASB_ON)
        if asks and not self._ability.drops:
            self._stale = True  # who knows what it kept from before we came

    def _probe_fence(self) -> Fence:
        """Asked of a printer without trouble: one in trouble answers no fence. Raises PortError."""
        if self._model.fence is Fence.NONE:
            return Fence.NONE
        if self._model.fence is Fence.STRONG:
            self._no_fences()
            self._write(escpos.fence(0))
            if self._wait(lambda: b"0000" in self._fences, LOOK_S):
                return Fence.STRONG
        self._no_fences()
        self._write(escpos.WEAK_FENCE)
        return Fence.WEAK if self._wait(lambda: self._weak >= 2, LOOK_S) else Fence.NONE

    def _no_fences(self) -> None:
        self._fences.clear()
        self._weak = 0

    def _ask_all(self) -> tuple[dict[int, int], bool]:
        """Answers by n, and whether all it knows were given. Silence, asked twice, ends the asking: a late answer
        must not be taken for the next one's."""
        answers: dict[int, int] = {}
        for n in sorted(self._ability.asks):
            value = self._ask(n)
            if value is None:
                value = self._ask(n)
            if value is None:
                return answers, False
            answers[n] = value
        return answers, bool(answers)

    def _ask(self, n: int) -> int | None:
        """DLE EOT n: one matching byte, or None. Real-time commands pass an XOFF."""
        self._status = None
        try:
            self._write(escpos.query(n))
        except PortStalled:
            return None
        self._wait(lambda: self._status is not None, ANSWER_S)
        return self._status

    # -- the port --------------------------------------------------------------------------------------------------

    def _opened(self) -> Port:
        """Raises PortError."""
        if self._port is None:
            self._port = self._opener()
            self._ability = self._model.probed(frozenset(), Fence.NONE)
            self._forget()
        return self._port

    def _forget(self) -> None:
        self._incoming = Incoming()
        self._held = self._alarmed = False
        self._weak = 0  # such replies carry no number: two are asked for, so that one byte of noise is no proof
        self._status = None
        self._fences.clear()

    def _close(self) -> None:
        if self._port is not None:
            self._port.close()
        self._port = None

    def _write(self, data: bytes) -> None:
        self._opened().write(data)

    def _send(self, data: bytes, until: float) -> bool:
        """All of it, XOFF heeded. False if the time is gone. Raises PrinterFault, PortError.

        A port takes bytes faster than its line carries them; what it took no XOFF can stop, and a question waits behind
        it. So a printer that is known to say XOFF, or that could not prove a loss, or on a slow line, gets little at a
        time, each as long as the line needs."""
        look = self._now() + LOOK_S
        paced = self._paced or self._ability.fence is Fence.NONE or self._baud < _SLOW_BAUD
        size = _PACED_CHUNK if paced else _CHUNK
        for at in range(0, len(data), size):
            clear = self._now() + size * 10 / self._baud
            self._listen(0.0)
            if self._now() >= look:
                self._look()
                look = self._now() + LOOK_S
            while self._held:
                if self._now() >= until:
                    return False
                self._listen(min(LOOK_S, until - self._now()))
            try:
                self._write(data[at : at + size])
            except PortStalled:
                return False
            if paced:
                self._wait(lambda: False, clear - self._now())
        return True

    def _wait(self, done: Callable[[], bool], timeout_s: float) -> bool:
        until = self._now() + timeout_s
        while not done() and (left := until - self._now()) > 0:
            self._listen(left)
        return done()

    def _listen(self, timeout_s: float) -> None:
        """Sort what has come; wait for it at most so long. Raises PortError."""
        for reply in self._incoming.feed(self._opened().read(timeout_s)):
            self._sort(reply)

    def _sort(self, reply: Reply) -> None:
        """Each kind into its own place, so that no question takes another's answer."""
        if reply.kind in ("xon", "xoff"):
            self._held = reply.kind == "xoff"
            self._choked = self._choked or self._held
        elif reply.kind == "status":
            self._status = reply.data[0]
        elif reply.kind == "fence":
            self._fences.add(reply.data)
        elif reply.kind == "weak":
            self._weak += 1
        elif reply.kind == "asb":
            self._alarmed = escpos.asb_trouble(reply.data)
