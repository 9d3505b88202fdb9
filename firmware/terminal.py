"""class Terminal: the parts, passed, never global."""

from __future__ import annotations

from dataclasses import dataclass

from firmware.config import Config
from firmware.emv.settings import ACCEPTED, EmvSettings
from firmware.hal.devices import Devices
from firmware.host.exchange import Host
from firmware.ledger.journal import Journal
from firmware.ledger.ledger import Ledger
from firmware.ledger.outbox import Outbox
from firmware.ledger.session import Session
from firmware.security.keystore import Keystore
from firmware.ui.console import Console


@dataclass(frozen=True)
class Terminal:
    """Everything a flow may touch."""

    config: Config
    devices: Devices
    console: Console
    ledger: Ledger
    host: Host
    session: Session
    outbox: Outbox
    emv: EmvSettings

    @property
    def journal(self) -> Journal:
        return self.ledger.journal


def build(config: Config, devices: Devices, keystore: Keystore) -> Terminal:
    """Wire the parts together. Raises JournalError, KeyProblem."""
    journal = Journal(devices.disk, devices.clock)
    ledger = Ledger(journal, keystore, devices.random)
    host = Host(devices.link, config, devices.clock, devices.random)
    session = Session(ledger, host, devices.clock, config.merchant.operator)
    outbox = Outbox(ledger, host, session, devices.clock, devices.random, config.times)
    settings = EmvSettings(ACCEPTED, apdu_s=float(config.times.apdu_s))
    return Terminal(config, devices, Console(devices, config.times), ledger, host, session, outbox, settings)
