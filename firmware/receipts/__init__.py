"""Entry → rows of paper. The approval stands only in the last block, which is printed after the body is proved."""

from __future__ import annotations

from dataclasses import dataclass

from firmware import __version__, money
from firmware import words as w
from firmware.config import Merchant
from firmware.hal.paper_grid import WIDTH, wrap
from firmware.hal.printer import Line
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import LET_GO, Kind, State
from firmware.words import Word

TITLES = {
    Kind.SALE: w.SALE, Kind.VOID: w.VOID, Kind.REFUND: w.REFUND, Kind.PREAUTH: w.BOOKING,
    Kind.PREAUTH_VOID: w.BOOKING_VOID,
    Kind.COMPLETION: w.COMPLETION, Kind.COMPLETION_NOTICE: w.COMPLETION_NOTICE, Kind.COMPLETION_VOID: w.COMPLETION_VOID,
    Kind.INCREMENT: w.INCREMENT, Kind.OFFLINE_SALE: w.OFFLINE_SALE, Kind.CASH: w.CASH, Kind.CASH_REFUND: w.CASH_REFUND,
}  # fmt: skip
_SIGNED = frozenset({Kind.SALE, Kind.PREAUTH, Kind.OFFLINE_SALE})
_REVERSED = {
    Kind.SALE: w.REVERSED_SALE, Kind.VOID: w.REVERSED_VOID, Kind.PREAUTH: w.REVERSED_BOOKING,
    Kind.COMPLETION: w.REVERSED_COMPLETION, Kind.PREAUTH_VOID: w.REVERSED_OTHER, Kind.COMPLETION_VOID: w.REVERSED_OTHER,
    Kind.INCREMENT: w.REVERSED_OTHER,
}  # fmt: skip
Facts = tuple[tuple[str, str], ...]
_CVM = {"pin": w.P_PIN, "none": w.P_NO_CVM}


@dataclass(frozen=True)
class Slip:
    """`body` is harmless alone; `last` ends with the approval line and is printed only from CLOSING on."""

    body: tuple[Line, ...]
    last: tuple[Line, ...] = ()


def title(entry: Entry) -> Word:
    return TITLES[entry.kind]


def sale_slip(entry: Entry, merchant: Merchant, copy: Word, chain: str, original: Entry | None = None,
              duplicate: bool = False, extra: Facts = (), last_four: bool = False) -> Slip:  # fmt: skip
    """One copy of an approved entry. `chain` is the journal hash, eight hex are printed; `extra` are facts that the
    rules know (until when it can be taken back)."""
    customer = copy is w.P_CARDHOLDER_COPY
    body = [
        *_head(merchant, title(entry), duplicate),
        _centre(copy),
        *_business(entry, merchant),
        *_card(entry, customer or last_four),
        *_linked(entry, original),
        *_ground(entry, customer),
        Line("金额 RMB", money.yuan(entry.amount), double=True),
        *_booking(entry),
        *_chip(entry),
        *_verification(entry, customer),
        _pair("校验 HASH", chain[:8]),
        _pair("版本 VER", __version__),
        *[_pair(*fact) for fact in extra],
        *([_pair("热线 HOTLINE", merchant.hotline)] if merchant.hotline else []),
        *_promises(entry, customer),
        *([Line("", qr=digital_copy(entry, merchant, chain))] if customer and entry.kind in _SIGNED else []),
    ]
    return Slip(tuple(body), _approval(entry, duplicate))


def _linked(entry: Entry, original: Entry | None) -> list[Line]:
    """What it belongs to: the voucher for a void, RRN and date for a refund, the authorisation for a completion."""
    order = [_pair("订单号 ORDER", entry.order)] if entry.order else []
    if original is None:
        return order
    found = [*order, _pair("原凭证号 ORIG", original.voucher)]
    if entry.kind in (Kind.REFUND, Kind.CASH_REFUND):
        found += [_pair("原参考号 ORIG RRN", original.rrn or "--"), _pair("原日期 ORIG DATE", original.at[:10])]
        found += [_pair("原金额 ORIG RMB", money.yuan(original.amount))]
    if entry.kind in (Kind.COMPLETION, Kind.COMPLETION_NOTICE, Kind.PREAUTH_VOID, Kind.INCREMENT):
        found += [_pair("原授权码 ORIG AUTH", original.auth or "------")]
    return found


def _ground(entry: Entry, customer: bool) -> list[Line]:
    """Why, on whose wish, with what proof, who granted it, when the money arrives (S8, S82)."""
    if not entry.ground:
        return []
    base, _, detail = entry.ground.partition(".")
    word = w.CUSTOMER_GROUNDS.get(detail) or w.GROUNDS[base]
    lines = [_pair("原因 REASON", word.beside()),
             _pair("发起 BY", "商户 MERCHANT" if entry.started_by == "merchant" else "顾客 CUSTOMER"),
             _pair("凭据 PROOF", _WAYS.get(entry.way, entry.way)),
             _pair("申请号 REQUEST", f"R{entry.request:06d}")]  # fmt: skip
    lines += [_pair("预计到账 DUE", entry.due)] if entry.due else []
    lines += [_pair("案号 CASE", entry.case)] if entry.case else []
    return lines if customer else [*lines, _pair("批准 GRANTED", entry.approver or "--")]


_WAYS = {"voucher": "凭证号 VOUCHER", "rrn": "参考号 RRN", "code": "扫码 CODE", "card": "原卡 CARD",
         "order": "订单号 ORDER",
         "last4": "后四位 LAST 4", "amount": "金额时间 AMOUNT", "form": "申请表 FORM"}  # fmt: skip


def _booking(entry: Entry) -> list[Line]:
    if not entry.service:
        return []
    kind = w.BOOKING_KINDS.get(entry.booking, w.BOOKING)
    return [_pair("服务日 SERVICE", entry.service[:16].replace("T", " ")), _pair("种类 CLASS", kind.beside()),
            _pair("冻结至 HELD TO", entry.expires[:10]), _pair("条款 TERMS", entry.terms)]  # fmt: skip


def _promises(entry: Entry, customer: bool) -> list[Line]:
    """What the customer was told before (S32, S47)."""
    told = [*_wrapped(w.P_KEEP)]
    if entry.terms and not customer:
        told += _wrapped(w.P_TERMS_READ)
    if entry.disclosure and customer:
        told += [*_wrapped(w.P_LIABLE), _pair("告知 NOTICE", entry.disclosure)]
    return told


def _approval(entry: Entry, duplicate: bool) -> tuple[Line, ...]:
    """The last block: date of the approval, authorisation code, and the words that make it a receipt."""
    return (
        Line("", rule=True),
        _pair("参考号 RRN", entry.rrn),
        _pair("授权码 AUTH", entry.auth or "------"),
        *([Line(w.P_DUPLICATE.beside(), centre=True)] if duplicate else []),
        Line(w.APPROVED.beside(), centre=True, double=True),
    )


_TAKEN_BACK = frozenset({State.OWED, State.REVERSED, State.STUCK})


def reversal_notice(entry: Entry, merchant: Merchant, original: Entry | None = None) -> Slip:
    """冲正通知: what was taken back, or is still being taken back. Never shows an approval."""
    return Slip((
        *_head(merchant, w.P_REVERSAL_NOTICE if entry.state in _TAKEN_BACK else w.NOTIFY),
        _pair("交易 TYPE", title(entry).beside()),
        *_business(entry, merchant),
        *_card(entry, customer=True),
        *([_pair("原凭证号 ORIG", original.voucher)] if original else []),
        _pair("金额 RMB", money.yuan(entry.amount)),
        *([_pair("原因 REASON",
                 w.REVERSAL_REASONS[entry.reason].beside())] if entry.reason in w.REVERSAL_REASONS else []),
        *([_pair("案号 CASE", entry.case), _pair("批准 GRANTED", entry.approver)] if entry.case else []),
        Line("", rule=True),
        *[Line(t, centre=True) for t in (outcome(entry).zh, outcome(entry).en)],
    ))  # fmt: skip


def fault_slip(entry: Entry, merchant: Merchant, trouble: Word) -> Slip:
    """故障单: a person has to act; the money's state is named."""
    return Slip((
        *_head(merchant, w.P_FAULT),
        *_wrapped(trouble),
        _pair("交易 TYPE", title(entry).beside()),
        *_business(entry, merchant),
        _pair("金额 RMB", money.yuan(entry.amount)),
        Line("", rule=True),
        *[Line(t, centre=True) for t in (outcome(entry).zh, outcome(entry).en)],
    ))  # fmt: skip


def outcome(entry: Entry) -> Word:
    """The words of the design, by kind and state."""
    if entry.unproven:
        return w.UNPROVEN
    if entry.signed == "no" and entry.state in LET_GO:
        return w.MISMATCH
    if entry.state is State.MANUAL_CLOSED and entry.stands:
        return w.CLOSED_STANDS if entry.stands == "yes" else w.CLOSED_NOTHING
    if entry.state is State.REVERSED:
        return _REVERSED.get(entry.kind, w.REVERSED_OTHER)
    if entry.state is State.OWED:
        return w.REVERSAL_PENDING
    if entry.state is State.STUCK:
        return w.STUCK if entry.reason else w.MAY_STAND
    if entry.state is State.DECLINED:
        return w.DECLINED if entry.code else w.DECLINED_CARD
    if entry.state in (State.APPROVED, State.CLOSING):
        return w.HOLD_GOODS
    return _OUTCOMES.get(entry.state, w.RESULT_UNKNOWN)


_OUTCOMES = {
    State.NEVER_SENT: w.NEVER_SENT,
    State.CANCELLED: w.NOT_CHARGED,
    State.RELEASED: w.APPROVED,
    State.DONE: w.DONE_AT_BANK,
    State.FAILED: w.FAILED_AT_BANK,
    State.UPLOAD_OWED: w.UPLOAD_WAITS,
    State.UPLOADED: w.UPLOADED,
    State.UPLOAD_REFUSED: w.UPLOAD_REFUSED,
    State.NEVER_UPLOAD: w.NEVER_UPLOADED,
    State.MANUAL_CLOSED: w.CLOSED_BY_HAND,
}


def digital_copy(entry: Entry, merchant: Merchant, chain: str) -> str:
    """The QR's text: terminal, date, amount, RRN, auth, 8 hex of the journal hash. Fits version 3."""
    when = entry.at[2:16].replace("-", "").replace("T", "").replace(":", "")
    return f"{merchant.terminal_id} {when} {entry.amount} {entry.rrn} {entry.auth} {chain[:8]}".upper()


def _head(merchant: Merchant, act: Word, duplicate: bool = False) -> list[Line]:
    return [
        *([Line(w.P_DUPLICATE.beside(), centre=True)] if duplicate else []),
        Line(merchant.name, centre=True, double=True),
        *([Line(merchant.name_en, centre=True)] if merchant.name_en else []),
        Line(act.beside(), centre=True),
    ]


def _business(entry: Entry, merchant: Merchant) -> list[Line]:
    return [
        Line("", rule=True),
        _pair("商户编号 MID", merchant.merchant_id),
        _pair("终端编号 TID", merchant.terminal_id),
        _pair("操作员 OPER", entry.operator or merchant.operator),
        _pair("批次号 BATCH", entry.batch),
        _pair("凭证号 VOUCHER", entry.voucher),
        _pair("时间 TIME", entry.at.replace("T", " ")[:19]),
        *([_pair("规则 RULES", entry.rules)] if entry.rules else []),
    ]


def _card(entry: Entry, customer: bool) -> list[Line]:
    """First six and last four for the merchant, last four for the customer. The expiry date never."""
    shown = "*" * (len(entry.pan) - 4) + entry.pan[-4:] if customer else entry.pan
    if not entry.pan:
        return []
    return [_pair("卡号 CARD", shown), *([_pair("发卡行 ISSUER", entry.issuer)] if entry.issuer else [])]


def _chip(entry: Entry) -> list[Line]:
    if not entry.cryptogram:
        return []
    return [
        _pair("AID", entry.aid),
        _pair("应用 APP", entry.label),
        _pair(entry.cryptogram_kind, entry.cryptogram),
        _pair(f"TVR {entry.tvr}", f"TSI {entry.tsi}"),
        _pair("ATC", entry.atc),
    ]


def _verification(entry: Entry, customer: bool) -> list[Line]:
    """The signature line is on the merchant's copy only."""
    if entry.kind not in _SIGNED:
        return _signature() if entry.cvm == "signature" and not customer else []
    if entry.cvm != "signature":
        return [Line(_CVM[entry.cvm or "none"].beside(), centre=True)]
    if customer:
        return []
    return [*_wrapped(w.P_CONSENT), *_signature()]


def _signature() -> list[Line]:
    return [Line(w.P_SIGN.beside()), Line(""), Line("_" * WIDTH)]


def _pair(left: str, right: str) -> Line:
    return Line(left, right)


def _centre(word: Word) -> Line:
    return Line(word.beside(), centre=True)


def _wrapped(word: Word) -> list[Line]:
    """Both languages, each broken at the paper's edge."""
    return [Line(part) for text in (word.zh, word.en) for part in wrap(text, WIDTH)]
