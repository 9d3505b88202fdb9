"""Paper: what is on it, and what goes wrong with it. The same roll sits behind the in-process and the wire door."""

from __future__ import annotations

from dataclasses import dataclass, field

from firmware.errors import PrinterTrouble
from firmware.words import APPROVED, P_DUPLICATE, P_MERCHANT_COPY, P_REVERSAL_NOTICE

ABOVE_IS_VOID = "以上作废 ABOVE IS VOID"


@dataclass
class Row:
    """One printed row. `torn`: the jam hit this very row, it cannot be read."""

    text: str
    double: bool = False
    torn: bool = False
    cut: bool = False
    qr: str = ""
    raster: tuple[int, bytes] = (0, b"")  # bytes across, dots as one-bit rows


@dataclass(frozen=True)
class Approval:
    """One approval line on paper, with what stands above it."""

    voucher: str
    copy: str
    duplicate: bool
    row: int


@dataclass
class Roll:
    """`trouble_at` maps a row number (counted from 1 over the roll's life) to what happens there, once."""

    rows: list[Row] = field(default_factory=list)
    trouble: PrinterTrouble | None = None
    trouble_at: dict[int, PrinterTrouble] = field(default_factory=dict)
    fed: int = 0
    near_end: bool = False
    kicks: int = 0  # of the cash drawer that hangs on the printer

    def feed(self, row: Row) -> bool:
        """Print one row. False if the printer stopped at it (then half of it may be there, torn)."""
        if self.trouble:
            return False
        self.fed += 1
        happens = self.trouble_at.pop(self.fed, None)
        if happens:
            self.trouble = happens
            row.torn = True
        self.rows.append(row)
        return happens is None

    def cure(self) -> None:
        """A person clears the paper path."""
        self.trouble = None

    def jam_at(self, row: int, trouble: PrinterTrouble = PrinterTrouble.JAM_SUSPECTED) -> None:
        """Trouble at the row-th row from now."""
        self.trouble_at[self.fed + row] = trouble

    def text(self, start: int = 0) -> str:
        """The roll as text, tears marked; from a row on, for those who have seen what is above it."""
        return "\n".join(_shown(row) for row in self.rows[start:])


def _shown(row: Row) -> str:
    text = (f"[QR {row.qr}]" if row.qr else row.text).rstrip() + ("  ~~torn~~" if row.torn else "")
    return text + ("\n" + "-" * 8 + " cut " + "-" * 19 if row.cut else "")


def approvals(roll: Roll) -> list[Approval]:
    """Every readable approval line, read as a person would: under which voucher, which copy, a duplicate or not."""
    found: list[Approval] = []
    voucher, copy, duplicate, begun = "", "", False, 0
    for number, row in enumerate(roll.rows):
        text = "" if row.torn else row.text.strip()
        if text.startswith("凭证号 VOUCHER"):
            voucher = text.split()[-1]
        elif text in ("商户存根 MERCHANT COPY", "持卡人存根 CARDHOLDER COPY"):
            copy, duplicate = ("merchant" if text == P_MERCHANT_COPY.beside() else "cardholder"), False
        elif text == P_DUPLICATE.beside():
            duplicate = True
        elif text == P_REVERSAL_NOTICE.beside():
            copy, voucher = "notice", ""
        elif text == ABOVE_IS_VOID:
            found = [a for a in found if a.row < begun]
        elif text == APPROVED.beside():
            found.append(Approval(voucher, copy, duplicate, number))
        if row.cut:
            duplicate, begun = False, number + 1
    return found
