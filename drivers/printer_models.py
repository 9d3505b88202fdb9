"""What printers can do: a table of models for what no probe can find out, narrowed by what the probe at start finds."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum


class Fence(Enum):
    """What a printer answers when everything before it is done, best first."""

    STRONG = "strong"  # GS ( H function 48: when the printing is completed
    WEAK = "weak"  # GS r 1, in order: when the data was processed
    NONE = "none"


@dataclass(frozen=True)
class Ability:
    """One printer. `asks` are the n of DLE EOT n that it answers, `drops` says that DLE ENQ 2 empties its buffer."""

    columns: int = 32
    asks: frozenset[int] = frozenset({1, 2, 3, 4})
    fence: Fence = Fence.STRONG
    asb: bool = True
    drops: bool = True
    cutter: bool = True
    native_qr: bool = False
    four_bytes: bool = False  # GB18030's four-byte characters; GBK printers print rubbish for them

    @property
    def dots(self) -> int:
        return self.columns * 12

    def probed(self, asks: frozenset[int], fence: Fence) -> Ability:
        """What the table promises and the probe confirms. Where n = 3 is silent, the other real-time commands are
        not believed either."""
        full = 3 in asks
        return replace(self, asks=asks, fence=fence, asb=self.asb and full, drops=self.drops and full)


_CHEAP = Ability(asks=frozenset({1, 4}), fence=Fence.NONE, asb=False, drops=False, cutter=False)
MODELS = {
    "auto": Ability(),
    "epson": Ability(native_qr=True),  # TM-T88IV and later, TM-m30, TM-T20: GS ( H, native codes
    "tm-t88iii": Ability(fence=Fence.WEAK),
    "pos-58": _CHEAP,  # POS-5890, ZJ-5870, MOB-58 and their many names
    "pos-80": replace(_CHEAP, cutter=True),
}


def of(name: str, paper_mm: str) -> Ability:
    """A model of the table on 58 mm (32 columns) or 80 mm (48 columns) paper. Raises KeyError."""
    return replace(MODELS[name], columns=48 if paper_mm == "80" else 32)
