"""May it be taken back? One pure function of type, method, state, time and amount (S35); what no line of the pack
allows is denied (S5). The same judgement drives the menu, the refusals, the printed rules and the tests."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from firmware import words as w
from firmware.withdrawal.pack import Booking, Pack, Rule
from firmware.withdrawal.subject import Subject
from firmware.words import Word

ACTIONS = ("void", "refund", "cancel_order", "completion_void", "release", "keep_part", "complete", "complete_notice",
           "amend", "void_here", "cash_refund")  # fmt: skip
WITHDRAWALS = frozenset(ACTIONS) - {"complete", "complete_notice", "amend"}
SWITCHES = ("void", "refund", "partial", "card_absent", "booking_cancel", "cash")


@dataclass(frozen=True)
class Refusal:
    """`code` is what a cash register reads; `why` is for the merchant's eyes."""

    code: str
    why: Word


NOT_LISTED = Refusal("W01", w.R_NOT_LISTED)
SWITCHED_OFF = Refusal("W02", w.R_SWITCHED_OFF)
FINAL = Refusal("W03", w.R_FINAL)
OTHER_BATCH = Refusal("W04", w.OTHER_BATCH)
SAME_BATCH = Refusal("W05", w.R_SAME_BATCH)
TOO_EARLY = Refusal("W06", w.R_TOO_EARLY)
TOO_LATE = Refusal("W07", w.R_TOO_LATE)
AMOUNT = Refusal("W08", w.R_AMOUNT)
NO_CANCEL = Refusal("W09", w.R_NO_CANCEL)
FEE_NOW = Refusal("W10", w.R_FEE_NOW)
FREE_STILL = Refusal("W11", w.R_FREE_STILL)
NOTHING_LEFT = Refusal("W12", w.R_NOTHING_LEFT)
NOT_FOUND = Refusal("W13", w.NOT_FOUND)
OF_STATE = {
    "voided": Refusal("W20", w.ALREADY_VOIDED),
    "refunded": Refusal("W21", w.R_REFUNDED),
    "part_refunded": Refusal("W22", w.R_PART_REFUNDED),
    "busy": Refusal("W23", w.STILL_OWED),
    "completed": Refusal("W24", w.R_COMPLETED),
    "cancelled": Refusal("W25", w.R_CANCELLED),
    "expired": Refusal("W26", w.R_EXPIRED),
    "waiting": Refusal("W27", w.R_WAITING),
    "not_made": Refusal("W28", w.R_NOT_MADE),
    "open": Refusal("W29", w.RELEASE_FIRST),
    "owed": Refusal("W30", w.REVERSAL_PENDING),
    "reversed": Refusal("W31", w.REVERSED_SALE),
    "unproven": Refusal("W37", w.UNPROVEN),
    "stuck": Refusal("W32", w.STUCK),
    "unknown": Refusal("W33", w.RESULT_UNKNOWN),
    "refused": Refusal("W34", w.R_UPLOAD_REFUSED),
    "standing": Refusal("W35", w.R_STANDING),
    "held": Refusal("W36", w.R_HELD),
}


@dataclass(frozen=True)
class Verdict:
    """One line judged. `refusal` None: allowed. `ends` is when its window closes, if it has one."""

    rule: Rule
    refusal: Refusal | None
    ends: datetime | None = None

    @property
    def allowed(self) -> bool:
        return self.refusal is None


@dataclass(frozen=True)
class Circumstances:
    """What the judgement depends on besides rule and subject. `off` are the merchant's switches that are off; `forced`
    ignores window and switch, never amount or state (S78)."""

    now: datetime
    batch: str
    off: Collection[str] = ()
    forced: bool = False


def judge_all(pack: Pack, subject: Subject, case: Circumstances) -> list[Verdict]:
    """Every line for this type and method, in the order of the pack."""
    lines = pack.lines(subject.kind, subject.method)
    return [Verdict(r, judge(pack, r, subject, case), ends(pack, r, subject)) for r in lines]


def judge_action(pack: Pack, action: str, subject: Subject, case: Circumstances) -> Refusal | None:
    """Deny by default."""
    rule = pack.find(subject.kind, subject.method, action)
    return judge(pack, rule, subject, case) if rule else NOT_LISTED


def judge(pack: Pack, rule: Rule, subject: Subject, case: Circumstances) -> Refusal | None:
    """The first reason why not, or None."""
    if rule.do not in ACTIONS:
        return NOT_LISTED
    if subject.final:
        return FINAL
    if subject.state not in rule.states:
        return OF_STATE[subject.state]
    if not subject.left:
        return NOTHING_LEFT
    if rule.batch == "same" and subject.batch != case.batch:
        return OTHER_BATCH
    if rule.batch == "earlier" and subject.batch == case.batch:
        return SAME_BATCH
    if subject.amount < rule.min or (rule.max and subject.amount > rule.max):
        return AMOUNT
    if case.forced:
        return None
    if rule.switch and rule.switch in case.off:
        return SWITCHED_OFF
    return _window(rule, subject, case.now) or _policy(pack, rule, subject, case.now)


def _window(rule: Rule, subject: Subject, now: datetime) -> Refusal | None:
    if rule.from_s and now < subject.at + timedelta(seconds=rule.from_s):
        return TOO_EARLY
    end = _end(rule, subject)
    return TOO_LATE if end and now > end else None


def _end(rule: Rule, subject: Subject) -> datetime | None:
    """The last moment in which it is still allowed."""
    found = []
    if rule.within_s:
        found.append(subject.at + timedelta(seconds=rule.within_s))
    if rule.until:
        end = subject.at.replace(hour=int(rule.until[:2]), minute=int(rule.until[3:]), second=0)
        found.append(end if end >= subject.at else end + timedelta(days=1))
    return min(found) if found else None


def _policy(pack: Pack, rule: Rule, subject: Subject, now: datetime) -> Refusal | None:
    """A booking's class: free until T, then for a fee, or never (S31)."""
    if not rule.policy:
        return None
    booking = pack.booking_class(subject.booking)
    if booking is None or booking.until_h < 0:
        return NO_CANCEL
    free = now <= free_until(booking, subject)
    if rule.policy == "booking":
        return None if free else (FEE_NOW if booking.fee_percent else TOO_LATE)
    if not booking.fee_percent:
        return NOT_LISTED
    return FREE_STILL if free else None


def free_until(booking: Booking, subject: Subject) -> datetime:
    return (subject.service or subject.at) - timedelta(hours=booking.until_h)


def ends(pack: Pack, rule: Rule, subject: Subject) -> datetime | None:
    """When the line closes: the nearest of window and booking class."""
    booking = pack.booking_class(subject.booking) if rule.policy == "booking" else None
    return free_until(booking, subject) if booking and booking.until_h >= 0 else _end(rule, subject)


def fee(pack: Pack, subject: Subject) -> int:
    """Fen a late cancellation costs."""
    booking = pack.booking_class(subject.booking)
    return subject.left * booking.fee_percent // 100 if booking else 0


def most(pack: Pack, rule: Rule, subject: Subject) -> int:
    """The highest amount one more step may have, in fen."""
    if rule.do in ("complete", "complete_notice"):
        most_of_hold = subject.left * min(rule.cap_percent, pack.completion_percent) // 100
        return min(most_of_hold, subject.cap) if subject.cap else most_of_hold
    if not rule.partial:
        return subject.left
    spent = subject.amount - subject.left
    return max(0, min(subject.left, subject.amount * rule.cap_percent // 100 - spent))


def allowed(verdicts: Sequence[Verdict]) -> list[Verdict]:
    return [v for v in verdicts if v.allowed]
