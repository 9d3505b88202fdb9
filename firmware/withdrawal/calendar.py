"""Business days: no weekend, no holiday of the profile (S40)."""

from __future__ import annotations

from collections.abc import Collection
from datetime import date, timedelta


def business_day(start: date, days: int, holidays: Collection[str]) -> date:
    """The `days`-th business day after `start`."""
    day = start
    while days:
        day += timedelta(days=1)
        days -= day.weekday() < 5 and day.isoformat() not in holidays
    return day
