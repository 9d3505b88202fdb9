"""Papers around a withdrawal: contact slip, refund form, stub, evidence, rules, reports. None of them is a receipt."""

from __future__ import annotations

from collections.abc import Sequence

from firmware import __version__, money
from firmware import words as w
from firmware.config import Merchant
from firmware.hal.paper_grid import WIDTH, wrap
from firmware.hal.printer import Line
from firmware.ledger.entry import Entry
from firmware.ledger.totals import Sum, Totals
from firmware.words import Word

Rows = Sequence[tuple[str, str]]


RULES = "规则 RULES"


def paper(merchant: Merchant, title: Word, at: str, blocks: Sequence[Sequence[Line]], rules: str) -> tuple[Line, ...]:
    """Head, blocks with a line between them, foot with the rule pack in force (S24)."""
    lines = [Line(merchant.name, centre=True, double=True), Line(title.beside(), centre=True),
             Line("终端编号 TID", merchant.terminal_id), Line("时间 TIME", at[:19].replace("T", " "))]  # fmt: skip
    for block in blocks:
        lines += [Line("", rule=True), *block]
    named = any(line.left == RULES for block in blocks for line in block)
    return (*lines, *([] if named else [Line(RULES, rules)]), Line("版本 VER", __version__))


def contact(merchant: Merchant, entry: Entry, case: str) -> list[list[Line]]:
    """客服联系单: for the customer, when the terminal cannot help (S30). No reason, no blame."""
    return [pairs([("原凭证号 VOUCHER", entry.voucher), ("原日期 DATE", entry.at[:10]),
                   ("金额 RMB", money.yuan(entry.amount)), ("案号 CASE", case)]),
            [*text(w.P_HELP), Line("热线 HOTLINE", merchant.hotline or "--")]]  # fmt: skip


def form(entry: Entry, code: str, at: str) -> list[list[Line]]:
    """退款申请表 with blanks, and the code that reopens the request (S39)."""
    blanks = ["姓名 NAME", "电话 PHONE", "原因 REASON", "附件 PAPERS", "签名 SIGN"]
    return [pairs([("申请号 REQUEST", code), (w.P_REQUEST_TIME.beside(), at[:16].replace("T", " ")),
                   ("原凭证号 VOUCHER", entry.voucher), ("金额 RMB", money.yuan(entry.amount))]),
            [row for name in blanks for row in (Line(name), Line("_" * WIDTH))],
            [Line("", qr=code)]]  # fmt: skip


def evidence(merchant: Merchant, entry: Entry, status: Word, checked: str) -> list[list[Line]]:
    """退款进度凭据: what was asked, when it should have arrived, when we last looked (S43)."""
    return [pairs([("凭证号 VOUCHER", entry.voucher), ("参考号 RRN", entry.rrn), ("金额 RMB", money.yuan(entry.amount)),
                   ("提交 SENT", entry.at[:16].replace("T", " ")), ("预计 DUE", entry.due or "--"),
                   ("状态 STATUS", status.beside()), ("查询 CHECKED", checked[:16].replace("T", " ") or "--")]),
            [*text(w.P_HELP), Line("热线 HOTLINE", merchant.hotline or "--")]]  # fmt: skip


def settlement(
    mine: Totals, host: Totals | None, balanced: bool, batch: str, rules: str, unsolved: Rows
) -> list[list[Line]]:
    """结算总计单: ours, the host's beside it where they differ, and what is still open (S3)."""
    verdict = w.BALANCED if balanced else w.NOT_BALANCED
    blocks = [pairs([("批次号 BATCH", batch), ("规则 RULES", rules)]), sums(mine)]
    if host and not balanced:
        blocks.append([Line("银行 BANK", ""), *sums(host)[:2],
                       Line("差额 DIFFERENCE", signed(mine.net - host.net))])  # fmt: skip
    blocks.append([Line(verdict.beside(), centre=True, double=True)])
    if unsolved:
        blocks.append(pairs(unsolved))
    return blocks


def sums(totals: Totals) -> list[Line]:
    rows = [("消费 DEBIT", totals.debit), ("撤回 CREDIT", totals.credit), ("现金 CASH", totals.cash),
            ("退现金 CASH BACK", totals.cash_back), ("冻结 HELD", totals.held), ("未完 OPEN", totals.open)]  # fmt: skip
    shown = [(name, s) for n, (name, s) in enumerate(rows) if s.count or n < 2]
    return [*[Line(f"{name} {s.count}", money.yuan(s.fen)) for name, s in shown],
            Line("净额 NET", signed(totals.net))]  # fmt: skip


def count(s: Sum) -> str:
    return f"{s.count} / {money.yuan(s.fen)}"


def signed(fen: int) -> str:
    return ("-" if fen < 0 else "") + money.yuan(abs(fen))


def pairs(rows: Rows) -> list[Line]:
    return [Line(left, right) for left, right in rows]


def text(word: Word) -> list[Line]:
    """Both languages, each broken at the paper's edge."""
    return [Line(part) for each in (word.zh, word.en) for part in wrap(each, WIDTH)]
