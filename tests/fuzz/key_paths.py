"""Random key paths against the rule table: `make fuzz`.

Each path is a seed: keys, cards, scans and faults at random on the desk, begun from a world in which something was sold, booked
or paid in cash. Whatever is pressed:

- no withdrawal is carried out that the table denies (judged here again, from the journal before it);
- nothing leaves before it is granted; the sum of refunds never passes the original; the books agree in the end;
- no word of blame and no code stands on a screen or slip for the customer;
- every flow comes to a named end: the terminal is at rest, or asks a question that only a person answers.
"""

from __future__ import annotations

import random
import re
import sys
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from pathlib import Path

from firmware.hal.events import Key, KeyPressed
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.withdrawal import pack as packs
from firmware.withdrawal import rules, subject
from hal_mocks import books
from hal_mocks.acquirer import Mood
from hal_mocks.desk import Desk
from hal_mocks.person import Act, Person, buys, insert, press, pull, refunds, slip_is_whole, voids
from hal_mocks.world import World
from tests.fuzz import report
from tests.power_cuts.sweep import mend
from tests.withdrawal import stories as acts

PACK = packs.load("cn", Path("none"))
BLAME = re.compile(
    r"fraud|stolen|suspect|guilt|invalid|refus|declin|insufficient|欺诈|盗|怀疑|责怪|过错|拒绝|余额不足|黑名单|无效|W\d\d",
    re.I,
)
DOES = {Kind.VOID: "void", Kind.REFUND: "refund", Kind.CASH_REFUND: "cash_refund", Kind.COMPLETION_VOID: "completion_void",
        Kind.PREAUTH_VOID: "release"}  # fmt: skip
AT_REST = ("idle", "slip_complete", "signature")
SCENES = (
    lambda: buys("1250"),
    lambda: [*buys("1250"), *refunds("300")],
    lambda: [*buys("1250"), *acts.settles()],
    lambda: acts.books_amount("10000"),
    lambda: acts.books_amount("10000", kind="2"),
    lambda: [*acts.books_amount("10000"), *acts.completes("9000")],
    lambda: acts.cash("500"),
    lambda: [*buys("1250"), *voids()],
)


@dataclass
class Finger:
    """A person who presses whatever comes to mind, a little guided, so that flows are entered at all."""

    dice: random.Random
    left: int
    visited: Counter[str] = field(default_factory=Counter)
    done: bool = False

    def act(self, desk: Desk, post) -> bool:
        name = desk.film.now.name if desk.film.now else ""
        self.visited[name] += 1
        if self.left <= 0:
            return self._leave(desk, post, name)
        if name in ("asking", "reading", "printing") and self.dice.random() < 0.97:
            return False  # mostly one waits
        self.left -= 1
        if self.dice.random() < 0.015:
            self._fault(desk)
        elif name == "slip_complete":  # of the paper nobody lies here
            slip_is_whole(desk, post)
        elif self.dice.random() < 0.8 and (guided := self._guided(name)):
            guided(desk, post)
        else:
            post(KeyPressed(self.dice.choice(list(Key))))
        return True

    def _guided(self, name: str) -> Act | None:
        """What somebody would do who wants to get somewhere, wherever that is."""
        d = self.dice
        table: dict[str, tuple[Act, ...]] = {
            "idle": (press("clear"), press("clear"), press("clear"), press("menu"), press("enter")),
            "menu": tuple(press(*["down"] * d.randrange(5), str(d.randrange(1, 5))) for _ in range(3)),
            "voucher": (press("enter"), press("enter"), press("2", "enter"), press("3", "enter"), press("menu"),
                        acts.scan(d.choice(("R000001", "R000002", "20000002 2611231200 1250 112300000002 015838 0", "?")))),
            "find_by": tuple(press(str(n)) for n in range(1, 5)), "last4": (press("0005", "enter"),),
            "order": (press("2611230001", "enter"),), "rrn": (press("112300000002", "enter"),), "date": (press("1123", "enter"),),
            "insert_card": (insert(), insert(), insert(), insert(1), press("1")),
            "options": (press("1"), press("2"), press("3"), press("4")), "part_amount": (press("enter"), press("100", "enter")),
            "reason": (press("1"), press("2"), press("4"), press("down", "1")), "reason_detail": (press("1"), press("3")),
            "operator": (press("00", "enter"), press("00", "enter"), press("02", "enter"), press("01", "enter")),
            "password": (press("135790", "enter"), press("135790", "enter"), press("975310", "enter"), press("246801", "enter")),
            "case_number": (press("20260001", "enter"), press("1", "enter")), "amount": (press("700", "enter"),),
            "service": (press("1130", "enter"),), "new_total": (press("15000", "enter"), press("5000", "enter")),
            "remove_card": (pull,), "phone": (press("enter"),), "form_number": (press("1", "enter"),),
            "written_ground": (press("cancel"), press("enter")), "slip_complete": (slip_is_whole,),
        }  # fmt: skip
        ones = (
            "pick_entry",
            "channel",
            "contact_result",
            "booking_class",
            "amend_what",
            "case_do",
            "cases",
            "requests",
        )
        table |= dict.fromkeys(ones, (press("1"), press("2")))
        return d.choice(table.get(name, (press("enter"),)))

    def _fault(self, desk: Desk) -> None:
        d, w = self.dice, desk.world
        d.choice((lambda: w.bank.moods.append(Mood(d.choice(("mute", "decline", "late", "slow", "bad_mac")))),
                  lambda: setattr(w, "line_up", not w.line_up), lambda: w.paper.jam_at(d.randrange(1, 40)),
                  lambda: w.paper.cure(), lambda: w.pass_time(d.choice((60, 3600, 90000)))))()  # fmt: skip

    def _leave(self, desk: Desk, post, name: str) -> bool:
        """Enough: questions that stay are answered truthfully, the rest runs out by itself."""
        self.done = True
        if name in ("slip_complete", "signature", "next_copy", "remove_card"):
            Person().act(desk, post)
            return True
        return False


@cache
def scene(number: int) -> bytes:
    return acts.desk(SCENES[number]()).world.save()


def denied(before: list[Entry], after: list[Entry], desk: Desk) -> list[str]:
    """Withdrawals that the table would have refused, judged from the journal as it was when each began."""
    found = []
    known = {e.id for e in before}
    for e in after:
        if e.id in known or e.kind not in DOES or not e.original:
            continue
        original = next(o for o in after if o.id == e.original)
        family = [c for c in after if c.id < e.id and (c.original == original.id or c.original in
                  {x.id for x in after if x.original == original.id})]  # fmt: skip
        when = datetime.fromisoformat(e.at)
        then = original.changed(state=State.RELEASED) if original.state is State.MANUAL_CLOSED else original
        about = subject.of(then, family, when)
        case = rules.Circumstances(when, e.batch, (), forced=e.ground == "legal" and "+" in e.approver)
        no = rules.judge_action(PACK, DOES[e.kind], about, case)
        if no and e.ground:
            found.append(f"{e.kind.value} of {original.voucher} in spite of {no.code}")
        if not e.approver and e.ground != "operator":
            found.append(f"{e.kind.value} {e.voucher} was not granted")
    return found


def customers(desk: Desk) -> list[str]:
    texts = [acts.words(s) for s in desk.film.screens if s.audience == "customer"]
    texts += [
        s
        for s in acts.slips(desk)
        if "CARDHOLDER COPY" in s or "CONTACT SLIP" in s or "NOTICE\n" in s or "REVERSAL NOTICE" in s or "EVIDENCE" in s
    ]
    return [f"the customer reads: {m.group()!r}" for t in texts if (m := BLAME.search(t))]


def path(seed: int) -> tuple[list[str], Counter[str]]:
    """One random path. What is wrong with it, and which screens it saw."""
    dice = random.Random(seed)
    desk = Desk(World.load(scene(dice.randrange(len(SCENES)))))
    before = desk.entries()
    finger = Finger(dice, dice.randrange(10, 60))
    try:
        desk.play(finger)  # type: ignore[arg-type]
    except Exception as crash:
        return [f"{type(crash).__name__}: {crash}"], finger.visited
    found = [] if desk.film.now and desk.film.now.name in AT_REST else [f"it ends at {desk.film.now}"]
    if "program_error" in desk.film.text() or "程序错误" in desk.film.text():
        found.append("an error of our own was shown")
    mend(desk.world)
    desk.play(Person())
    found += denied(before, desk.entries(), desk) + customers(desk)
    found += books.disagreements(desk.world, desk.entries(), wrong_answers=True)
    return [f"seed {seed}: {f}" for f in found], finger.visited


def many(seeds: range) -> tuple[list[str], Counter[str]]:
    found: list[str] = []
    visited: Counter[str] = Counter()
    for seed in seeds:
        wrong, seen = path(seed)
        found += wrong
        visited += seen
    return found, visited


def run(paths: int, seed: int) -> tuple[report.Findings, dict[str, object]]:
    chunks = [range(seed + at, seed + min(at + 250, paths)) for at in range(0, paths, 250)]
    found: list[str] = []
    visited: Counter[str] = Counter()
    with ProcessPoolExecutor(2) as pool:
        for number, (wrong, seen) in enumerate(pool.map(many, chunks), 1):
            found += wrong
            visited += seen
            if number % 20 == 0:
                print(f"{min(number * 250, paths)} paths, {len(found)} findings", flush=True)
    print(f"{len(visited)} screens seen")
    return found, {"screens": dict(visited.most_common())}


if __name__ == "__main__":
    sys.exit(report.command("paths", 100_000, "random key paths", run))
