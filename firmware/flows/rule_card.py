"""规则: what may be taken back, from the same table that decides; on the glass and on paper (S17, S34)."""

from __future__ import annotations

from firmware import receipts
from firmware import words as w
from firmware.errors import Refused
from firmware.faults import outcome
from firmware.hal.events import Key
from firmware.hal.printer import Line
from firmware.hal.screen import Screen
from firmware.ledger.lifecycle import Kind
from firmware.money import yuan
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.ui.console import YES_NO
from firmware.withdrawal.pack import Pack, Rule

METHODS = {"chip": "芯片卡 CHIP", "offline": "离线 OFFLINE", "cash": "现金 CASH"}


def rules(t: Terminal) -> None:
    """A screen a line; green at the end prints them all."""
    lines = [r for r in t.pack.rule if not (r.switch and r.switch in t.config.withdraw.off())]
    for rule in lines:
        if not t.console.choose(card(t, rule), YES_NO, t.config.times.prompt_s, False):
            return
    outcome.paper(t, "rules", w.P_RULES, paper(t.pack, t.config.withdraw.off()))


def of_method(t: Terminal, kind: Kind, method: str) -> None:
    """The rule card of a payment method, reached from the amount screen (S17)."""
    found = t.pack.lines(kind.value, method)
    if not found:
        raise Refused(w.R_NOT_LISTED)
    for rule in found:
        t.console.choose(card(t, rule), {Key.ENTER: True, Key.CANCEL: True}, t.config.times.prompt_s, True)


def card(t: Terminal, rule: Rule) -> Screen:
    title = receipts.TITLES[Kind(rule.of)]
    return screens.rows("rule_card", title, (t.console.own(w.ACTIONS[rule.do]), METHODS[rule.method], window(rule)))


def window(rule: Rule) -> str:
    """'同批 23:00前' or '30 天内 30 DAYS'."""
    parts = {"same": ["同批 BATCH"], "earlier": ["结算后 SETTLED"]}.get(rule.batch, [])
    parts += [f"至{rule.until}"] if rule.until else []
    parts += [span(rule.within_s)] if rule.within_s else []
    parts += ["按预订条款 TERMS"] if rule.policy else []
    return " ".join(parts) or "不限 ANY TIME"


def span(seconds: int) -> str:
    if seconds % 86400 == 0:
        return f"{seconds // 86400} 天内 DAYS"
    return f"{seconds} 秒内 SECONDS"


def paper(pack: Pack, off: frozenset[str]) -> list[list[Line]]:
    """Every line with its exceptions, then the kinds of booking."""
    blocks = [forms.pairs([("规则 RULES", pack.name), ("日期 DATE", pack.date)])]
    for rule in pack.rule:
        title = receipts.TITLES[Kind(rule.of)]
        block = [
            Line(title.beside(), METHODS[rule.method]),
            Line(w.ACTIONS[rule.do].zh, w.ACTIONS[rule.do].en),
            Line(window(rule)),
        ]
        if rule.min or rule.max:
            block.append(Line("金额 RMB", f"{yuan(rule.min)} - {yuan(rule.max) if rule.max else '--'}"))
        if rule.switch and rule.switch in off:
            block.append(Line(w.R_SWITCHED_OFF.beside()))
        blocks.append(block)
    final = Line("不可撤回 离线小额至", yuan(pack.offline_final))
    kinds = [
        Line(b.word.beside(), "不可 NO" if b.until_h < 0 else f"{b.until_h}h {b.fee_percent}%") for b in pack.booking
    ]
    return [*blocks, [*kinds, final, Line("其他一律不可", ""), Line("EVERYTHING ELSE IS DENIED")]]
