"""撤回: one key for everything that can be taken back. Find it, show the card, choose what is allowed, say why the
rest is not, have the customer agree and the merchant grant, then do it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from firmware import words as w
from firmware.errors import Cancelled, CardAbsent, FlowEnd, Refused
from firmware.flows import booking, carry_out, contacts, finding, grants, steps
from firmware.flows.finding import Found
from firmware.flows.withdrawal_case import Case
from firmware.hal.events import Key
from firmware.hal.screen import Screen
from firmware.ledger.entry import Entry
from firmware.terminal import Terminal
from firmware.ui import screens
from firmware.withdrawal import banks, rules, subject
from firmware.withdrawal.deadlines import expected, left
from firmware.withdrawal.requests import Request, Status
from firmware.withdrawal.rules import Circumstances, Verdict
from firmware.words import Word


def withdraw(t: Terminal) -> None:
    """The key 撤回 (clear, at rest)."""
    steps.ready(t)
    run(t, finding.find(t, w.WITHDRAW))


def by_scan(t: Terminal, code: str) -> None:
    """A slip or a form was held before the scanner at rest."""
    steps.ready(t)
    run(t, finding.by_code(t, code))


def run(t: Terminal, found: Found, only: frozenset[str] = rules.WITHDRAWALS | {"amend"},
        forced: tuple[str, str] | None = None) -> None:  # fmt: skip
    """From the transaction found to the slip. The request is on record from here on, whatever becomes of it (S65).
    `forced`: case number and the number of a written ground for less than the whole."""
    t.session.keep_time()
    request = _request(t, found)
    with kept(t, request):
        case = judged(t, found, request, only, forced is not None)
        if forced:
            case.case_number, case.written = forced
            case.request = t.requests.note(
                request, reason="legal", started_by="merchant", case=forced[0], why=forced[1]
            )
        _refuse_if_nothing(t, case)
        _card(t, case)
        _choose(t, case)
        _amount(t, case)
        _reason(t, case)
        _confirm(t, case)
        _consent(t, case)
        _verify(t, case)
        _grant(t, case)
        if case.rule.do == "amend":
            booking.amend(t, case)
        else:
            carry_out.carry_out(t, case)


def complete(t: Terminal) -> None:
    """预授权完成: at most the profile's percent of what is held, or what it was amended down to."""
    steps.ready(t)
    run(t, finding.find(t, w.COMPLETION), frozenset({"complete", "complete_notice"}))


def change(t: Terminal) -> None:
    """Amount or date of a booking."""
    steps.ready(t)
    run(t, finding.find(t, w.B_AMEND), frozenset({"amend"}))


def family(t: Terminal, entry: Entry) -> list[Entry]:
    """Everything that was done to an entry, and to what was done to it."""
    children = t.journal.children(entry)
    return [*children, *(g for c in children for g in t.journal.children(c))]


def circumstances(t: Terminal, forced: bool = False) -> Circumstances:
    return Circumstances(t.time.strict(), t.journal.batch, t.config.withdraw.off(), forced)


def judged(t: Terminal, found: Found, request: Request, only: frozenset[str], forced: bool) -> Case:
    about = subject.of(found.entry, family(t, found.entry), t.time.strict())
    found_all = rules.judge_all(t.pack, about, circumstances(t, forced))
    return Case(found, about, [v for v in found_all if v.rule.do in only], request, forced)


def _request(t: Terminal, found: Found) -> Request:
    """A new one, or the one whose form was reopened. Only one is live at a time (S38)."""
    if found.request:
        if found.request.status not in (Status.ABANDONED, Status.REQUESTED):
            raise Refused(w.R_LIVE, "W42")
        if found.request.status is Status.ABANDONED:
            return t.requests.move(found.request, Status.REQUESTED)
        return found.request
    for row in t.journal.records("request", original=found.entry.id):
        request = t.requests.get(row["id"])
        if request.status in (Status.REQUESTED, Status.GRANTED):
            t.requests.move(request, Status.ABANDONED, step="replaced")
    return t.requests.ask(found.entry, t.operator, way=found.way, order=found.entry.order, proof=found.entry.rrn)


@contextmanager
def kept(t: Terminal, request: Request) -> Iterator[None]:
    """Whoever leaves early leaves an abandoned request, or a refused one with its code."""
    try:
        yield
    except Refused as no:
        _end(t, request, Status.REFUSED, no.code)
        raise
    except FlowEnd as gone:
        _end(t, request, Status.ABANDONED, type(gone).__name__)
        raise


def _end(t: Terminal, request: Request, status: Status, step: str) -> None:
    """What was granted and sent nothing is abandoned; what has an entry tells its own story."""
    now = t.requests.get(request.id)
    if now.status is Status.REQUESTED:
        t.requests.move(request, status, step=step)
    elif now.status is Status.GRANTED:
        t.requests.move(request, Status.ABANDONED, step=step)


def _refuse_if_nothing(t: Terminal, case: Case) -> None:
    """Why each of them is not possible, then the customer's contact slip (S1, S16, S30)."""
    if rules.allowed(case.verdicts):
        return
    found = [v.refusal for v in case.verdicts if v.refusal]
    why = next((r for r in found if r is not rules.OTHER_BATCH), found[0] if found else rules.NOT_LISTED)
    show_denied(t, case.verdicts)
    contacts.offer_slip(t, case.entry, case.request)
    raise Refused(why.why, why.code)


def show_denied(t: Terminal, verdicts: list[Verdict]) -> None:
    for verdict in verdicts:
        if verdict.refusal:
            screen = screens.why_not(w.ACTIONS[verdict.rule.do], verdict.refusal.why, verdict.refusal.code)
            t.console.choose(screen, {Key.ENTER: True, Key.CANCEL: True}, t.config.times.prompt_s, True)


def _card(t: Terminal, case: Case) -> None:
    """The same card again (S63); with key 1 the customer is not here, if the merchant allows that."""
    wanted = [v for v in rules.allowed(case.verdicts) if v.rule.card == "same"]
    if not wanted:
        return
    absent_ok = "card_absent" not in t.config.withdraw.off() and any(
        _goes_without(v) for v in rules.allowed(case.verdicts)
    )
    entry = case.entry
    prompt = screens.withdraw_card(
        w.WITHDRAW, entry.amount, entry.stan, entry.pan, t.console.own(w.WITHDRAW_CARD), absent_ok
    )
    try:
        with t.console.card(prompt, Key.D1 if absent_ok else None) as card:
            case.chip = steps.begin(t, card, w.WITHDRAW, entry.amount)
    except CardAbsent:
        case.absent = True
        case.verdicts = [v for v in case.verdicts if not v.allowed or _goes_without(v)]
        return
    if not t.ledger.same_card(entry, case.chip):
        _other_card(t, case)


def _goes_without(verdict: Verdict) -> bool:
    """A refund by reference, and what needs no card."""
    return verdict.rule.do == "refund" or verdict.rule.card == "none"


def _other_card(t: Terminal, case: Case) -> None:
    """Refused and logged; a supervisor may let a refund go back to the card that paid, shown by another one."""
    assert case.chip
    t.journal.record("other_card", request=case.request.id, original=case.entry.id, shown=case.chip.pan.masked)
    keys = {Key.ENTER: True, Key.CANCEL: False}
    screen = screens.question("other_card", w.OTHER_CARD, w.OTHER_CARD_ASK)
    if not t.console.choose(screen, keys, t.config.times.prompt_s, False):
        raise Refused(w.OTHER_CARD, "W43")
    approver = grants.grant(t, t.operator)
    t.journal.record("override", request=case.request.id, by=approver, what="other_card")
    case.chip = None
    case.verdicts = [v for v in case.verdicts if not v.allowed or _goes_without(v)]
    case.absent = True
    if not rules.allowed(case.verdicts):
        raise Refused(w.OTHER_CARD, "W43")


def _choose(t: Terminal, case: Case) -> None:
    """Only what is allowed, with the time that is left; the last row says why the rest is not."""
    good, bad = rules.allowed(case.verdicts), [v for v in case.verdicts if not v.allowed]
    if not good:
        raise Refused(w.R_CARD_ABSENT, "W44")
    if only_amend := not any(v.rule.do in rules.WITHDRAWALS for v in good) and bool(bad):
        show_denied(t, bad)  # somebody asked to take it back: first it is said that this cannot be done
    while len(good) > 1 or only_amend:
        rows = [w.ACTIONS[v.rule.do] for v in good] + ([w.WHY_NOT] if bad else [])
        picked = t.console.pick("options", _titled(good, t), rows)
        if picked < len(good):
            good = [good[picked]]
            break
        show_denied(t, bad)
    case.verdict = good[0]
    t.requests.note(case.request, action=case.verdict.rule.do)


def _titled(good: list[Verdict], t: Terminal) -> Word:
    """撤回, and the countdown of the first window that closes."""
    first = min((v for v in good if v.ends), key=lambda v: v.ends or t.time.strict(), default=None)
    if first is None:
        return w.WITHDRAW
    clock = left(first, t.time.strict())
    return Word(f"{w.WITHDRAW.zh} 剩{clock}", f"UNDO {clock}")


def _amount(t: Terminal, case: Case) -> None:
    """The whole, or a part of it where the line and the merchant allow parts. A forced one is whole unless a written
    ground (its case number) says otherwise (S79)."""
    rule = case.rule
    most = rules.most(t.pack, rule, case.about)
    case.amount = {"keep_part": rules.fee(t.pack, case.about), "cancel_order": 0}.get(rule.do, most)
    parts = rule.partial and "partial" not in t.config.withdraw.off() and rule.do not in ("amend", "cancel_order")
    if parts and not (case.forced and not case.written):
        completes = rule.do in ("complete", "complete_notice")
        usual = min(most, case.about.left) if completes else most
        over = w.R_OVER_CAP if completes else w.R_OVER_LEFT
        case.amount = ask_part(t, w.ACTIONS[rule.do], most, usual, over)
    t.requests.note(case.request, amount=case.amount)


def ask_part(t: Terminal, title: Word, most: int, usual: int, over: Word) -> int:
    """Empty takes the usual: all that is left, of a hold what is held and not the limit above it. Nought is a mistake.
    Raises Cancelled, IdleTimeout."""

    def check(typed: str) -> Screen | None:
        if typed and not int(typed):
            return screens.part_amount(title, 0, usual, w.AMOUNT_ZERO)
        if int(typed or usual) > most:
            return screens.part_amount(title, int(typed), usual, over.fill(most=screens.money(most)))
        return None

    return int(t.console.digits(lambda d: screens.part_amount(title, int(d or 0), usual), 9, check) or usual)


def _reason(t: Terminal, case: Case) -> None:
    if case.forced:
        return
    ground, case.case_number = grants.reason(t)
    by = "customer" if ground.startswith("customer") else "merchant"
    case.request = t.requests.note(case.request, reason=ground, started_by=by, case=case.case_number)


def _confirm(t: Terminal, case: Case) -> None:
    """The merchant checks account, bank and amount; the reason is wrong or the sum is: red, and nothing has
    happened."""
    issuer = banks.name(case.entry.pan).zh
    screen = screens.confirm(w.CONFIRM, case.amount, case.entry.pan, issuer, case.about.left)
    grants.pressed_enter(t, screen)
    t.requests.note(case.request, merchant="green")


def _consent(t: Terminal, case: Case) -> None:
    """The customer, who is here, sees the effect and agrees; one who is not was or will be contacted (S11, S64)."""
    if case.forced:
        return
    if case.absent:  # nobody but the customer can press the customer's green key
        if case.rule.do not in ("complete", "complete_notice"):  # those were agreed to when the booking was made
            contacts.ask(t, case.request)
        t.requests.note(case.request, consent="absent")
        return
    grants.consent(t, w.CONSENT, case.amount, effects(t, case), (w.E_LIABLE,) if case.rule.do == "refund" else ())
    t.requests.note(case.request, consent="green", disclosure=t.pack.disclosure)


def effects(t: Terminal, case: Case) -> tuple[Word]:
    """When, and to which card; how much stands above it in large digits. One text in both languages."""
    card, day = "*" + case.entry.pan[-4:], f"{expected(t.pack, t.time.strict()):%m-%d}"
    words = {"refund": w.E_DAYS, "cancel_order": w.E_NO_MONEY, "release": w.E_RELEASE, "keep_part": w.E_FEE,
             "cash_refund": w.E_CASH, "amend": w.E_AMEND, "complete": w.E_PAY, "complete_notice": w.E_PAY}  # fmt: skip
    word = words.get(case.rule.do, w.E_TODAY)
    return (word.fill(card=card, date=day),)


def _verify(t: Terminal, case: Case) -> None:
    """PIN where rule and card ask for it; a signature stands on the slip."""
    if case.chip and case.rule.verify and case.rule.do != "amend":
        case.pin = steps.verify_cardholder(t, case.chip, case.amount)


def _grant(t: Terminal, case: Case) -> None:
    """Nothing leaves before this is durable (S9, S28)."""
    level = "two" if case.forced else case.rule.grant
    try:
        approver = grants.grant(t, t.operator, 2 if level == "two" else 1) if level != "none" else ""
    except (Refused, Cancelled) as no:
        why = no.why if isinstance(no, Refused) else w.R_NOT_GRANTED
        raise Refused(why, "W45") from None
    late = rules.judge(t.pack, case.rule, case.about, circumstances(t, case.forced))
    if late:  # the window closed while people made up their minds
        raise Refused(late.why, late.code)
    case.request = t.requests.move(case.request, Status.GRANTED, approver=approver)
