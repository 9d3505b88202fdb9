"""培训模式: a sale and its withdrawal to practise, on the same screens, with slips marked 测试 / TESTING. It touches
neither journal nor network nor card (S49)."""

from __future__ import annotations

from firmware import words as w
from firmware.faults import outcome
from firmware.flows import grants, steps
from firmware.hal.printer import Line
from firmware.hal.signals import Sound
from firmware.receipts import forms
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal.requests import REASONS


def training(t: Terminal) -> None:
    """Sale, then withdraw; red leaves at any time."""
    amount = steps.ask_amount(t, w.TRAINING)
    grants.pressed_enter(t, screens.question("training_card", w.TRAINING, w.INSERT_CARD, amount))
    _slip(t, amount, w.SALE)
    t.console.tell(screens.done("training", w.R_TRAINING, w.SALE, amount), Sound.SUCCESS)
    t.console.pick("reason", w.TRAINING, [w.GROUNDS[r] for r in REASONS])
    grants.consent(t, w.TRAINING, amount, (w.E_TODAY.fill(card="*0000"),))
    _slip(t, amount, w.WITHDRAW)
    t.console.tell(screens.done("training", w.R_TRAINING, w.WITHDRAW, amount), Sound.SUCCESS)


def _slip(t: Terminal, amount: int, act: w.Word) -> None:
    rows = forms.pairs([("交易 TYPE", act.beside()), ("金额 RMB", screens.money(amount)), ("凭证号 VOUCHER", "------")])
    head = [Line(w.P_TRAINING.beside(), centre=True, double=True)]
    outcome.paper(t, "training", w.TRAINING, [head, rows, head])
