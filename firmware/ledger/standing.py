"""What a terminal still owes, as counts: for the fleet's alarm, and for whoever wants to switch it off or update it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta

from firmware.hal.clock import Clock
from firmware.hal.fleet import Fleet, Vitals
from firmware.ledger.entry import Entry
from firmware.ledger.journal import Journal
from firmware.ledger.lifecycle import OPEN, State
from firmware.ledger.true_time import TrueTime

_EVERY_S = 30
_WAITING = (State.OWED, State.UPLOAD_OWED)


@dataclass(frozen=True)
class Standing:
    """Entries by what is still to be done about them; `oldest_s` is the age of the oldest that waits for the bank."""

    open: int
    owed: int
    uploads: int
    unknown: int
    stuck: int
    unsettled: int
    oldest_s: int

    @property
    def quiet(self) -> bool:
        """Nothing is in flight and nothing waits for the bank: what an update asks for. STUCK and an unsettled batch
        wait for people, and may do so through an update."""
        return not (self.open or self.owed or self.uploads or self.unknown)

    def as_json(self) -> dict[str, int | bool]:
        return asdict(self) | {"quiet": self.quiet}


def of(journal: Journal, now: datetime) -> Standing:
    """As the journal stands. An entry counts in one column only."""
    waiting = journal.in_state(*_WAITING, State.UNKNOWN, State.STUCK, *OPEN)

    def count(*states: State) -> int:
        return sum(e.state in states for e in waiting)

    return Standing(count(*OPEN), count(State.OWED), count(State.UPLOAD_OWED), count(State.UNKNOWN),
                    count(State.STUCK), journal.batch_size,
                    _age_s((e for e in waiting if e.state in _WAITING), now))  # fmt: skip


def _age_s(entries: Iterable[Entry], now: datetime) -> int:
    oldest = min((datetime.fromisoformat(e.at) for e in entries), default=now)
    return max(0, (now - oldest) // timedelta(seconds=1))


class Pulse:
    """Tells the fleet when the journal has changed, and every half minute."""

    def __init__(self, journal: Journal, fleet: Fleet, clock: Clock, time: TrueTime, who: tuple[str, str]) -> None:
        self._journal, self._fleet, self._clock, self._time, self._who = journal, fleet, clock, time, who
        self._due_s = 0
        self._told: tuple[object, ...] = ()

    def beat(self, signed_on: bool, heard_s: int | None, gone: Iterable[str], busy: bool = False) -> None:
        """`heard_s`: monotonic time of the bank's last word, None before it."""
        now_s = int(self._clock.monotonic_s())
        seen = (self._journal.writes, signed_on, tuple(sorted(gone)), busy)
        if seen == self._told and now_s < self._due_s:
            return
        self._told, self._due_s = seen, now_s + _EVERY_S
        s = of(self._journal, self._time.strict())
        terminal, version = self._who
        off = abs(self._clock.now() - self._time.strict()) // timedelta(seconds=1)
        self._fleet.tell(Vitals(terminal, version, s.open, s.owed, s.uploads, s.unknown, s.stuck, s.unsettled,
                                s.oldest_s, -1 if heard_s is None else now_s - heard_s, off, signed_on,
                                busy, seen[2]))  # fmt: skip
