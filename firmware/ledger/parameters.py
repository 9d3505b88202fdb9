"""AIDs and CA keys: the catalogue in force, and the host's download into the same file (host facts, 1.3)."""

from __future__ import annotations

from firmware import files, log
from firmware.config import Config
from firmware.emv import catalogue, tags, tlv
from firmware.emv.catalogue import Catalogue
from firmware.emv.settings import TYPE_OFFLINE_TOO, TYPE_ONLINE_ONLY, AidSettings, CaKey, EmvSettings
from firmware.errors import CardBroken, ConfigError, HostError, MessageError, NoAnswer, NotSent
from firmware.hal.link import Abort
from firmware.host import messages
from firmware.host.exchange import Host, never
from firmware.ledger.journal import Journal
from firmware.security.keystore import Keystore
from firmware.security.secrets import Pan

_ITEMS_MAX = 100
_PLAIN_DDOL = tags.UNPREDICTABLE.to_bytes(2, "big") + b"\x04"
_WHOLE, _MORE = b"1", b"2"  # the first byte of a list or an item; 0: the host has none
_AID, _INDEX = 0x9F06, 0x9F22
_MODULUS, _EXPONENT, _CHECKSUM = 0xDF02, 0xDF04, 0xDF03
_PARTIAL, _VERSION, _FLOOR, _DDOL = 0xDF01, 0x9F09, 0x9F1B, 0xDF14
_TAC_DEFAULT, _TAC_ONLINE, _TAC_DENIAL = 0xDF11, 0xDF12, 0xDF13
_THRESHOLD, _MAX_PERCENT, _PERCENT = 0xDF15, 0xDF16, 0xDF17


class Parameters:
    """`settings` is what the kernel is given. Raises ConfigError for a catalogue that cannot be used."""

    def __init__(self, config: Config, keystore: Keystore) -> None:
        self._config, self._keystore = config, keystore
        self.catalogue = catalogue.load(config.state_directory())
        self.settings = self._made(self.catalogue)

    def _made(self, c: Catalogue) -> EmvSettings:
        """A merchant who sells offline has a terminal that can (type 22); the others say that they cannot (21)."""
        kind = TYPE_OFFLINE_TOO if self._config.withdraw.offline else TYPE_ONLINE_ONLY
        m = self._config.merchant
        return EmvSettings(c.aids, c.keys, c.revoked, self._listed, terminal_type=kind,
                           merchant_id=m.merchant_id.encode(), terminal_id=m.terminal_id.encode(),
                           merchant_name=m.name_en.encode("ascii", "replace"),
                           apdu_s=self._config.times.apdu_s)  # fmt: skip

    def _listed(self, digits: str) -> bool:
        found = self.catalogue.exceptions
        return bool(found) and self._keystore.card_token(Pan(digits)) in found

    def download(self, host: Host, journal: Journal, abort: Abort = never) -> str:
        """AIDs, then CA keys, from the acquirer; then one file replaced and the new settings in force. '' when done,
        else the host's code or one word: nothing has changed then. A list the host does not have leaves ours."""
        try:
            aids = tuple(_aid(item) for item in self._items(host, journal, abort, messages.AID_LIST, messages.AID_ITEM,
                                                            messages.AID_END, (_AID,)))  # fmt: skip
            keys = [_key(item) for item in self._items(host, journal, abort, messages.CAPK_LIST, messages.CAPK_ITEM,
                                                       messages.CAPK_END, (_AID, _INDEX))]  # fmt: skip
            made = self.catalogue.with_aids(aids or self.catalogue.aids)
            made = made.with_keys({(k.rid, k.index): k for k in keys} or made.keys)
            text = catalogue.write(made)
            catalogue.read(text, catalogue.FILE)  # what could not be read back is not written
            files.replace(self._config.state_directory().joinpath(catalogue.FILE), text.encode())
        except _Refused as no:
            return no.code
        except (NotSent, NoAnswer, HostError) as broken:
            return "BAD" if isinstance(broken, MessageError) else "NOLINE"
        except (ConfigError, CardBroken, KeyError, ValueError, OSError) as wrong:
            log.event("parameters refused", why=f"{type(wrong).__name__}: {wrong}")
            return "BAD"
        self.catalogue, self.settings = made, self._made(made)
        log.event("parameters taken")
        return ""

    def _items(self, host: Host, journal: Journal, abort: Abort, lists: str, item: str, end: str, names: tuple[int, ...]
               ) -> list[dict[int, bytes]]:  # fmt: skip
        """What the host lists, one by one. Raises _Refused, CardBroken, KeyError, and what Host.ask raises."""

        def ask(kind: str, f62: bytes = b"") -> bytes:
            message = messages.parameters(host.profile, host.caller, journal.next_stan(), journal.batch, kind, f62)
            reply = host.ask(message, abort, signed=False)
            if reply.get(39) != "00":
                raise _Refused(reply.get(39))
            return bytes.fromhex(reply.get(62))

        wanted: list[bytes] = []
        while len(wanted) < _ITEMS_MAX:
            answer = ask(lists, b"1%02d" % len(wanted))
            wanted += _grouped(answer[1:], names)
            if answer[:1] != _MORE:
                break
        found = []
        for name in wanted:
            answer = ask(item, name)
            if answer[:1] != _WHOLE:
                raise ValueError("the host does not have what it lists")
            found.append(dict(tlv.read(answer[1:])))
        if wanted:
            ask(end)
        return found


class _Refused(Exception):
    """The host's code."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


def _grouped(data: bytes, names: tuple[int, ...]) -> list[bytes]:
    """A list's objects, those that name one item together; dates (DF05) are not needed."""
    kept = [(tag, whole) for tag, _, whole in tlv.pieces(data) if tag in names]
    size = len(names)
    groups = [kept[at : at + size] for at in range(0, len(kept), size)]
    if any(tuple(tag for tag, _ in g) != names for g in groups):
        raise ValueError("the list does not name its items in order")
    return [b"".join(whole for _, whole in g) for g in groups]


def _key(item: dict[int, bytes]) -> CaKey:
    """A CA key with its checksum. Raises ConfigError, KeyError."""
    key = CaKey(item[_AID], item[_INDEX][0], item[_MODULUS], item[_EXPONENT])
    return catalogue.checked(key, item[_CHECKSUM], f"CA key {key.rid.hex().upper()} {key.index:02X}")


def _aid(item: dict[int, bytes]) -> AidSettings:
    """An application's parameters; what is not sent has its default. Raises KeyError, ValueError."""

    def number(tag: int) -> int:
        return int(item.get(tag, b"").hex() or "0")

    floor = int.from_bytes(item.get(_FLOOR, b""), "big")
    threshold = int.from_bytes(item.get(_THRESHOLD, b""), "big")
    return AidSettings(item[_AID], item.get(_VERSION, b"\x00\x96"), item[_TAC_DENIAL], item[_TAC_ONLINE],
                       item[_TAC_DEFAULT], partial=item.get(_PARTIAL, b"\0") == b"\0", floor_limit=floor,
                       random_threshold=threshold if threshold < floor else 0, random_percent=number(_PERCENT),
                       random_percent_max=number(_MAX_PERCENT),
                       ddol=item.get(_DDOL, _PLAIN_DDOL))  # fmt: skip
