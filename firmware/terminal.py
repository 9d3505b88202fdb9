"""class Terminal: the parts, passed, never global."""

from __future__ import annotations

from dataclasses import dataclass

from firmware import __version__
from firmware.config import Config
from firmware.emv.settings import EmvSettings
from firmware.emv.trace import Traced
from firmware.hal.devices import Devices
from firmware.host.exchange import Host
from firmware.ledger.journal import Journal
from firmware.ledger.ledger import Ledger
from firmware.ledger.notices import Notices
from firmware.ledger.outbox import Outbox
from firmware.ledger.parameters import Parameters
from firmware.ledger.session import Session
from firmware.ledger.settlement import Settlement
from firmware.ledger.standing import Pulse
from firmware.ledger.traces import Traces
from firmware.ledger.true_time import TrueTime
from firmware.ledger.uploads import Uploads
from firmware.security.dukpt import Once
from firmware.security.keystore import Keystore
from firmware.security.operators import Operators
from firmware.ui.console import Console
from firmware.withdrawal import pack as packs
from firmware.withdrawal.pack import Pack
from firmware.withdrawal.requests import Requests


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
    uploads: Uploads
    settlement: Settlement
    notices: Notices
    parameters: Parameters
    time: TrueTime
    operators: Operators
    pack: Pack
    requests: Requests
    once: Once
    pulse: Pulse

    @property
    def journal(self) -> Journal:
        return self.ledger.journal

    @property
    def emv(self) -> EmvSettings:
        """What the terminal is and accepts, as of the last download."""
        return self.parameters.settings

    @property
    def operator(self) -> str:
        """Who is signed on at the counter."""
        return self.session.operator


def build(config: Config, devices: Devices, keystore: Keystore) -> Terminal:
    """Wire the parts together. Raises JournalError, KeyProblem, ConfigError."""
    time = TrueTime(devices.clock)
    journal = Journal(devices.disk, time, lambda: keystore.begun)
    journal.check()
    time.restore(journal.setting("floor"))
    ledger = Ledger(journal, keystore, devices.random)
    host = Host(devices.link, config, devices.clock, devices.random)
    session = Session(ledger, host, devices.clock, time, config.merchant.operator)
    pack = packs.load(config.withdraw.rules, config.state_directory())
    console = Console(devices, config.times, config.merchant.language)
    if config.emv.trace:
        kept = Traces(config.state_directory(), time.strict)
        console.watched, console.on_session = Traced, kept.keep
    console.on_tamper = lambda: session.erase(devices.safe)
    return Terminal(
        config=config,
        devices=devices,
        console=console,
        ledger=ledger,
        host=host,
        session=session,
        outbox=Outbox(ledger, host, session, devices.clock, devices.random, config.times),
        uploads=Uploads(ledger, host, session, time, config),
        settlement=Settlement(ledger, host),
        notices=Notices(journal, devices.outlet, time),
        parameters=Parameters(config, keystore),
        time=time,
        operators=Operators(journal, devices.random.bytes, time.strict,
                            (config.operators.argon_kib, config.operators.argon_rounds)),
        pack=pack,
        requests=Requests(journal),
        once=Once(journal, lambda plain: keystore.seal_state(plain, devices.random.bytes), keystore.unseal_state),
        pulse=Pulse(journal, devices.fleet, devices.clock, time, (config.merchant.terminal_id, __version__)),
    )  # fmt: skip
