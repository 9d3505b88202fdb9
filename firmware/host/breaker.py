"""The circuit breaker of the line: after three failures in a row nobody waits for a dead line again and again."""

from __future__ import annotations

OPENS_AFTER = 3
FIRST_S, LONGEST_S = 0.4, 1.3  # with jitter never above two seconds: a reversal leaves within two of the line's return


class Breaker:
    """Closed: everything passes. Open: nothing does, until one probe may; it closes the breaker or opens it for longer.
    Times are monotonic seconds."""

    def __init__(self) -> None:
        self._failures, self._until_s = 0, 0.0

    def lets_through(self, now_s: float) -> bool:
        return self._failures < OPENS_AFTER or now_s >= self._until_s

    def failed(self, now_s: float, jitter: int) -> None:
        """`jitter` 0–255 makes the wait up to half as long again, so that two hundred terminals do not call at once."""
        self._failures += 1
        wait = min(LONGEST_S, FIRST_S * 2.0 ** min(8, max(0, self._failures - OPENS_AFTER)))
        self._until_s = now_s + wait * (1 + jitter / 512)

    def worked(self) -> None:
        self._failures = 0
