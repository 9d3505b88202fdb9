"""The ledger as flows see it: the journal plus what seals and matches card numbers."""

from __future__ import annotations

from datetime import date
from typing import Any

from firmware.emv.chip import Chip, Cryptogram
from firmware.hal.random import Random
from firmware.host import messages
from firmware.host.exchange import Host
from firmware.host.messages import Details
from firmware.ledger.entry import Entry
from firmware.ledger.facts import chip_facts
from firmware.ledger.in_flight import InFlight
from firmware.ledger.journal import Journal
from firmware.ledger.lifecycle import LET_GO, Kind, State
from firmware.security.keystore import Keystore
from firmware.security.secrets import Pan


class Ledger:
    """Journal + keystore. Nothing in here talks to a person or a part other than disk and random."""

    def __init__(self, journal: Journal, keystore: Keystore, random: Random) -> None:
        self.journal, self.keystore, self._random = journal, keystore, random

    def in_flight(self, kind: Kind, amount: int, host: Host, chip: Chip, first: Cryptogram | None = None,
                  original: Entry | None = None, **facts: Any) -> InFlight:  # fmt: skip
        """The one safe door to the host: durable before the first byte leaves, settled or owed on every way out."""
        facts = self.card_facts(chip, first) | facts
        if host_f55 := messages.reversal_f55(host.profile, chip) if first else "":
            facts["f55"] = host_f55
        if original:
            facts |= {"original": original.id, "order": original.order}
        return InFlight(self, kind, amount, facts, chip, original)

    def by_reference(self, kind: Kind, amount: int, original: Entry, **facts: Any) -> InFlight:
        """The same door without the card, from what the journal has sealed."""
        return InFlight(self, kind, amount, linked_facts(original) | facts, None, original)

    def declined_by_card(self, kind: Kind, amount: int, chip: Chip, first: Cryptogram, **facts: Any) -> Entry:
        """The card said AAC at once: journaled, nothing sent, nothing owed."""
        known = self.card_facts(chip, first) | {"why": "card"} | facts
        return self.journal.close_at_once(kind, amount, State.DECLINED, **known)

    def card_facts(self, chip: Chip, first: Cryptogram | None) -> dict[str, Any]:
        """What the journal keeps of a card: masked, tokenised, sealed."""
        facts = {
            "pan": chip.pan.masked,
            "token": self.keystore.card_token(chip.pan),
            "card": self.keystore.seal(f"{chip.pan.reveal()}={chip.expiry}".encode(), self._random.bytes).hex(),
            "f22": "051" if chip.pin_asked else "052",
            "f23": chip.sequence,
            "aid": chip.aid.hex().upper(),
            "label": chip.label,
        }
        return facts | (chip_facts(chip, first) if first else {})

    def wrong_pins(self, chip: Chip, today: date) -> int:
        """How often this card's issuer has said today that the PIN was wrong."""
        day, _, count = self.journal.setting(self._pin_name(chip)).partition(" ")
        return int(count) if day == today.isoformat() else 0

    def pin_was(self, chip: Chip, wrong: bool, today: date) -> None:
        """Durable, so that a boot is no new try."""
        if wrong or self.wrong_pins(chip, today):
            count = self.wrong_pins(chip, today) + 1 if wrong else 0
            self.journal.set(**{self._pin_name(chip): f"{today.isoformat()} {count}"})

    def draw_stan(self) -> None:
        """A new journal does not know which numbers an earlier one has spent, and reversing a spent one may undo
        somebody else's sale: the first is drawn by lot, and nothing is sure until the first settlement. Durable."""
        start = int.from_bytes(self._random.bytes(4), "big") % 999_999
        self.journal.set(stan=str(start), stan_drawn="1")

    def _pin_name(self, chip: Chip) -> str:
        return f"pin {self.keystore.card_token(chip.pan)[:16]}"

    def script_facts(self, host: Host, chip: Chip) -> dict[str, str]:
        """Results of issuer scripts, owed to the host until it has taken them (0620)."""
        return {"scripts": messages.script_f55(host.profile, chip), "scripts_owed": "yes"} if chip.scripts else {}

    def scripts_done(self, host: Host, entry: Entry, chip: Chip) -> Entry:
        """Results that came after the entry was settled."""
        self.journal.set(scripts="1")
        return self.journal.note(entry, **self.script_facts(host, chip))

    def details(self, entry: Entry) -> Details:
        """What request and reversal share, unsealed for the wire only. Raises KeyProblem."""
        pan, expiry = self.keystore.unseal(bytes.fromhex(entry.card)).decode().split("=")
        return Details(entry.kind.value, entry.amount, entry.stan, entry.batch, entry.f22, entry.f23, Pan(pan), expiry)

    def same_card(self, entry: Entry, chip: Chip) -> bool:
        """By keyed token; no card number is opened for it."""
        return entry.token == self.keystore.card_token(chip.pan)

    def spent(self, chip: Chip) -> int:
        """Fen of this card's latest payment in the open batch: the terminal's log (EMV Book 3, §10.6.1)."""
        if not chip.app.floor_limit:
            return 0  # whatever was spent, the limit is exceeded
        token = self.keystore.card_token(chip.pan)
        paid = LET_GO | {State.APPROVED}
        batch = reversed(self.journal.of_batch(self.journal.batch))
        return next((e.amount for e in batch if e.token == token and e.kind in _LOGGED and e.state in paid), 0)

    def origin(self, entry: Entry) -> Entry | None:
        return self.journal.get(entry.original) if entry.original else None


_LOGGED = frozenset({Kind.SALE, Kind.OFFLINE_SALE})
_OF_THE_CARD = ("pan", "token", "card", "f22", "f23", "aid", "label")


def linked_facts(original: Entry) -> dict[str, Any]:
    """What an entry without a card of its own takes over from its original."""
    return {name: getattr(original, name) for name in (*_OF_THE_CARD, "order")} | {"original": original.id}
