"""What every bench has."""

from __future__ import annotations

from typing import Any, ClassVar

import pytest

REAL = (pytest.mark.real,)
needs = pytest.mark.needs


class Bench:
    """`name` is the test's id, `marks` its pytest marks, `cannot` the controls it lacks and why."""

    name: ClassVar[str]
    marks: ClassVar[tuple[Any, ...]] = ()
    cannot: ClassVar[dict[str, str]] = {}

    def close(self) -> None:
        """Everything is given back."""
