"""Cashiers, supervisors, the administrator: passwords as Argon2id hashes, no default ones, a lock whose delay grows and
survives a reboot."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum
from itertools import pairwise
from typing import Protocol

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

FREE_TRIES = 3
FIRST_LOCK, LONGEST_LOCK = timedelta(seconds=30), timedelta(hours=1)
PASSWORD_LENGTH = 6


class Role(Enum):
    """What somebody may do. A supervisor grants withdrawals; the administrator keeps operators and rules."""

    CASHIER = "cashier"
    SUPERVISOR = "supervisor"
    ADMIN = "admin"


GRANTS = frozenset({Role.SUPERVISOR, Role.ADMIN})


class Store(Protocol):
    """Durable settings (the journal's)."""

    def setting(self, name: str, default: str = "") -> str: ...
    def set(self, **settings: str) -> None: ...


@dataclass(frozen=True)
class Wrong:
    """The password was not right, or nobody has that number; `locked_s` until the next try counts."""

    locked_s: int = 0


class Operators:
    """`cost` is Argon2id's (KiB, rounds); `now` a clock that cannot be set back."""

    def __init__(self, store: Store, random: Callable[[int], bytes], now: Callable[[], datetime],
                 cost: tuple[int, int]) -> None:  # fmt: skip
        self._store, self._random, self._now, self._cost = store, random, now, cost

    def numbers(self) -> dict[str, Role]:
        """Who is enrolled: two digits → role."""
        return {n: Role(r) for n, r in json.loads(self._store.setting("operators", "{}")).items()}

    @property
    def ready(self) -> bool:
        """Is there somebody who can grant, and somebody who keeps the others?"""
        return {Role.SUPERVISOR, Role.ADMIN} <= set(self.numbers().values())

    def enrol(self, number: str, role: Role, password: str) -> None:
        """A new operator, or a new password. Durable. Raises ValueError for a password that is too easy."""
        check_password(password)
        salt = self._random(16)
        known = {n: r.value for n, r in self.numbers().items()} | {number: role.value}
        stored = f"{self._cost[0]}${self._cost[1]}${salt.hex()}${self._hash(password, salt, *self._cost).hex()}"
        self._store.set(**{"operators": json.dumps(known), f"password_{number}": stored, f"lock_{number}": ""})

    def remove(self, number: str) -> None:
        known = {n: r.value for n, r in self.numbers().items() if n != number}
        self._store.set(**{"operators": json.dumps(known), f"password_{number}": "", f"lock_{number}": ""})

    def check(self, number: str, password: str) -> Role | Wrong:
        """A wrong try is durable before it is answered, so that pulling the plug does not give another one."""
        locked = self.locked_s(number)
        if locked:
            return Wrong(locked)
        stored, role = self._store.setting(f"password_{number}"), self.numbers().get(number)
        kib, rounds, salt, wanted = (stored or f"{self._cost[0]}${self._cost[1]}${'00' * 16}$").split("$")
        right = hmac.compare_digest(self._hash(password, bytes.fromhex(salt), int(kib), int(rounds)).hex(), wanted)
        if right and role:
            if self._fails(number):
                self._store.set(**{f"lock_{number}": ""})
            return role
        return Wrong(self._failed(number))

    def locked_s(self, number: str) -> int:
        """Seconds until this number is listened to again."""
        until = self._store.setting(f"lock_{number}").partition("|")[2]
        return max(0, int((datetime.fromisoformat(until) - self._now()).total_seconds())) if until else 0

    def _fails(self, number: str) -> int:
        return int(self._store.setting(f"lock_{number}").partition("|")[0] or 0)

    def _failed(self, number: str) -> int:
        fails = self._fails(number) + 1
        over = fails - FREE_TRIES
        wait = min(LONGEST_LOCK, FIRST_LOCK * 2 ** min(over, 8)) if over >= 0 else timedelta(0)
        until = (self._now() + wait).isoformat() if wait else ""
        self._store.set(**{f"lock_{number}": f"{fails}|{until}"})
        return int(wait.total_seconds())

    @staticmethod
    def _hash(password: str, salt: bytes, kib: int, rounds: int) -> bytes:
        return Argon2id(salt=salt, length=32, iterations=rounds, lanes=1, memory_cost=kib).derive(password.encode())


def check_password(password: str) -> None:
    """Six digits, not all the same, no run like 123456. Raises ValueError."""
    if len(password) != PASSWORD_LENGTH or not password.isdigit():
        raise ValueError("a password has six digits")
    steps = {(int(b) - int(a)) % 10 for a, b in pairwise(password)}
    if steps <= {0} or steps <= {1} or steps <= {9}:
        raise ValueError("this password is too easy")
