"""`takeback keys`: what is in the key store, and the two ceremonies that put something there.

Dual control (SEC10): two different supervisors, each with his password, each with his half. Nobody sees the other's,
nothing typed is echoed, logged or kept; what is stored is sealed and replaced whole, and the journal has who and when.
"""

from __future__ import annotations

import getpass
import sys
from collections.abc import Callable

from firmware.config import Config
from firmware.errors import KeyProblem
from firmware.hal.clock import Clock
from firmware.ledger.journal import Journal
from firmware.ledger.true_time import TrueTime
from firmware.security import custody, des, keystore
from firmware.security.custody import Component
from firmware.security.dukpt import SCHEMES, Once, Register
from firmware.security.operators import Operators, Role, Wrong
from firmware.security.sealing import Secret

Ask = Callable[[str], str]


def ask(prompt: str) -> str:
    """Not echoed on a terminal; a line of a pipe otherwise."""
    if sys.stdin.isatty():
        return getpass.getpass(prompt)
    sys.stdout.write(prompt + "\n")
    return sys.stdin.readline().rstrip("\n")


class Ceremony:
    """One sitting of two custodians at a terminal that is not running."""

    def __init__(self, config: Config, book: Journal, clock: Clock, secret: Secret, random: Callable[[int], bytes],
                 ask: Ask, say: Callable[[str], None]) -> None:  # fmt: skip
        self._directory, self._secret, self._book, self._random = config.state_directory(), secret, book, random
        self._ask, self._say = ask, say
        time = TrueTime(clock)
        time.restore(book.setting("floor"))
        self._people = Operators(book, random, time.strict, (config.operators.argon_kib, config.operators.argon_rounds))

    def show(self) -> int:
        """Check values only."""
        keys = keystore.load(self._directory, self._secret)
        none = f"TMK {'not loaded yet' if keys.blank else 'erased'}: takeback keys load"
        self._say(f"TMK {des.check_value(keys.tmk).hex().upper()}" if keys.tmk else none)
        self._say("DUKPT loaded" if self._once(keys).loaded else "DUKPT not loaded")
        return 0

    def load(self) -> int:
        """A TMK in two components. Working keys of the old one are forgotten; owed reversals stay owed."""
        first, one = self._custodian("first", "")
        second, two = self._custodian("second", first)
        raw = custody.combined(one, two)
        self._store_tmk(raw, (first, second))
        self._say(f"TMK {custody.check_of(raw).hex().upper()} is loaded; sign on with the host")
        return 0

    def block(self) -> int:
        """A TR-31 key block under a key in two components: a TMK (K0), or a DUKPT initial key (B1) with its KSN."""
        first, one = self._custodian("first", "")
        second, two = self._custodian("second", first)
        kbpk = custody.good_kbpk(custody.combined(one, two))
        found = custody.unwrap(kbpk, self._ask("key block: ").strip())
        if found.use == "TMK":
            self._store_tmk(found.key, (first, second))
            self._say(f"TMK {custody.check_of(found.key).hex().upper()} is loaded; sign on with the host")
            return 0
        scheme = SCHEMES["tdes" if found.algorithm == "T" else "aes"]
        ksn = found.ksn or _hex(self._ask("initial KSN: "))
        keys = keystore.load(self._directory, self._secret)
        self._once(keys).load(Register.load(scheme, found.key, ksn))
        self._book.record("keys", by=first, and_by=second, what="DUKPT")
        self._say("DUKPT keys are loaded")
        return 0

    def _custodian(self, which: str, other: str) -> tuple[str, Component]:
        """Number, password, component, check value. Raises KeyProblem; a wrong password counts as anywhere else."""
        number = self._ask(f"{which} supervisor's number: ").strip()
        if number == other:
            raise KeyProblem("two different supervisors are needed")
        role = self._people.check(number, self._ask(f"password of {number}: "))
        if isinstance(role, Wrong) or role not in (Role.SUPERVISOR, Role.ADMIN):
            raise KeyProblem(f"{number} may not load keys, or the password is wrong")
        return number, Component.typed(self._ask("component, 32 hex digits: "), self._ask("its check value: "))

    def _store_tmk(self, raw: bytes, by: tuple[str, str]) -> None:
        """The new store first, then the journal: cut between the two, the old working keys do not fit the new TMK
        and the terminal signs on again."""
        keystore.save(keystore.load(self._directory, self._secret).with_tmk(raw), self._directory, self._secret)
        self._book.record("keys", by=by[0], and_by=by[1], what="TMK",
                          settings={"working_keys": "", "signed_on": "", "tampered": ""})  # fmt: skip

    def _once(self, keys: keystore.Keystore) -> Once:
        return Once(self._book, lambda plain: keys.seal_state(plain, self._random), keys.unseal_state)


def _hex(text: str) -> bytes:
    try:
        return bytes.fromhex(text.strip())
    except ValueError:
        raise KeyProblem("a KSN is hex digits") from None
