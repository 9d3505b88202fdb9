"""AIDs and CA keys: the catalogue in force, and the host's download into the same file (host facts, 1.3)."""

from __future__ import annotations

from firmware.config import Config
from firmware.emv import catalogue
from firmware.emv.catalogue import Catalogue
from firmware.emv.settings import TYPE_OFFLINE_TOO, TYPE_ONLINE_ONLY, EmvSettings
from firmware.security.keystore import Keystore
from firmware.security.secrets import Pan


class Parameters:
    """`settings` is what the kernel is given. Raises ConfigError for a catalogue that cannot be used."""

    def __init__(self, config: Config, keystore: Keystore) -> None:
        self._config, self._keystore = config, keystore
        self.catalogue = catalogue.load(config.state_directory())
        self.settings = self._made(self.catalogue)

    def _made(self, c: Catalogue) -> EmvSettings:
        """A merchant who sells offline has a terminal that can (type 22); the others say that they cannot (21)."""
        kind = TYPE_OFFLINE_TOO if self._config.withdraw.offline else TYPE_ONLINE_ONLY
        return EmvSettings(c.aids, c.keys, c.revoked, self._listed, terminal_type=kind,
                           apdu_s=self._config.times.apdu_s)  # fmt: skip

    def _listed(self, digits: str) -> bool:
        found = self.catalogue.exceptions
        return bool(found) and self._keystore.card_token(Pan(digits)) in found
