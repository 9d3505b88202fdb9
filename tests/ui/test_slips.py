"""Slips: the rows of facts, who sees which, and where the approval may stand."""

from __future__ import annotations

import pytest

from firmware import receipts
from firmware import words as w
from firmware.hal.paper_grid import WIDTH, columns, lay, wrap
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from hal_mocks.desk import settings

MERCHANT = settings(merchant={"name": "一二三四五六七八九十一二三四五六", "name_en": "X" * 30, "terminal_id": "10000001",
                              "merchant_id": "123456789012345", "hotline": "400-000-0000"}).merchant  # fmt: skip
ENTRY = Entry(2, Kind.SALE, State.APPROVED, "000001", "000002", 999_999_999, "2026-11-23T12:00:05",
              pan="620000******0005", rrn="112300000002", auth="015838", code="00", issuer="03010000",
              aid="F054414B450101", label="TAKEBACK TEST 16", cryptogram_kind="TC", cryptogram="30AE245087BB6EAD",
              tvr="8000008000", tsi="7800", atc="0001", cvm="signature", reason="96")  # fmt: skip
ORIGINAL = ENTRY.changed(id=1, stan="000001")


def rows(slip: receipts.Slip) -> list[str]:
    return [g.text for line in (*slip.body, *slip.last) for g in lay(line)]


def slip(copy=w.P_MERCHANT_COPY, duplicate=False, **changes) -> receipts.Slip:
    return receipts.sale_slip(ENTRY.changed(**changes), MERCHANT, copy, "c07af6ad" + "0" * 56, None, duplicate)


@pytest.mark.parametrize("kind", [Kind.SALE, Kind.VOID])
@pytest.mark.parametrize("state", list(State))
def test_every_slip_fits_the_paper_and_a_notice_never_shows_an_approval(kind: Kind, state: State) -> None:
    entry = ENTRY.changed(kind=kind, state=state)
    original = ORIGINAL if kind is Kind.VOID else None
    made = [receipts.sale_slip(entry, MERCHANT, c, "0" * 64, original, d) for c in (w.P_MERCHANT_COPY,
            w.P_CARDHOLDER_COPY) for d in (False, True)]  # fmt: skip
    notices = [receipts.reversal_notice(entry, MERCHANT, original), receipts.fault_slip(entry, MERCHANT, w.CUTTER)]
    for each in made + notices:
        assert max(columns(r) for r in rows(each)) <= WIDTH
    if state is not State.RELEASED:
        assert not [r for n in notices for r in rows(n) if w.APPROVED.zh in r]


def test_body_holds_no_approval_and_the_last_row_is_the_approval() -> None:
    for copy in (w.P_MERCHANT_COPY, w.P_CARDHOLDER_COPY):
        for duplicate in (False, True):
            made = slip(copy, duplicate)
            body = [g.text for line in made.body for g in lay(line)]
            assert not [r for r in body if w.APPROVED.zh in r or w.APPROVED.en in r]
            assert rows(made)[-1].strip() == "交易成功 APPROVED"


def test_all_facts_of_a_receipt_are_there() -> None:
    text = "\n".join(rows(slip()))
    for fact in ("123456789012345", "10000001", "000001", "000002", "112300000002", "015838", "620000******0005",
                 "9,999,999.99", "F054414B450101", "30AE245087BB6EAD", "8000008000", "7800", "c07af6ad", "400-000-0000",
                 "2026-11-23 12:00:05", "03010000"):  # fmt: skip
        assert fact in text, fact


def test_customer_sees_last_four_only_and_has_no_signature_line() -> None:
    text = "\n".join(rows(slip(w.P_CARDHOLDER_COPY)))
    assert "620000" not in text and "************0005" in text
    assert w.P_SIGN.zh not in text and "____" not in text
    assert w.P_SIGN.zh in "\n".join(rows(slip()))


def test_expiry_is_never_printed() -> None:
    assert "3012" not in "\n".join(rows(slip()))


def test_duplicates_say_so_at_head_and_foot() -> None:
    marked = [r.strip() for r in rows(slip(duplicate=True)) if "DUPLICATE" in r]
    assert marked == ["***重打印*** DUPLICATE"] * 2
    assert not [r for r in rows(slip()) if "DUPLICATE" in r]


def test_a_void_names_the_original_voucher() -> None:
    made = receipts.sale_slip(ENTRY.changed(kind=Kind.VOID), MERCHANT, w.P_MERCHANT_COPY, "0" * 64, ORIGINAL)
    assert [r for r in rows(made) if "原凭证号" in r and r.endswith("000001")]


def test_wrapping_breaks_english_at_spaces_and_chinese_anywhere() -> None:
    assert wrap("AAAA BBBB CCCC", 9) == ["AAAA BBBB", "CCCC"]
    assert wrap("一二三四五", 4) == ["一二", "三四", "五"]
    assert wrap("", 4) == []
