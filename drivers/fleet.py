"""How the terminal stands, for those who look after many: a metrics file for node_exporter's textfile collector, the
same as JSON for `takeback-update`, and, where the settings name one, an MQTT broker.

Over MQTT (after Sparkplug B): `takeback/TERMINAL/birth` with everything and a sequence number, `…/state` at each
change, both retained; `…/death` is the last will, so a terminal that vanishes is missed without being polled.
"""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from firmware.errors import ConfigError
from firmware.hal.fleet import Vitals

METRICS = "takeback.prom"
VITALS = "vitals.json"
_HELP = {
    "open": "entries that are undecided, held or closing",
    "owed": "reversals the bank has not acknowledged",
    "uploads": "offline sales and notices the bank has not taken",
    "unknown": "refunds of which nobody knows what became of them",
    "stuck": "reversals the bank refused three times",
    "unsettled": "entries of the open batch",
    "oldest_s": "age of the oldest owed reversal or upload",
    "host_s": "time since the bank last answered, -1 if not since the start",
    "clock_s": "how far the wall clock is from the bank's time",
}


def directory(environ: Mapping[str, str] | None = None) -> Path | None:
    """systemd's RuntimeDirectory; None on a laptop."""
    given = (os.environ if environ is None else environ).get("RUNTIME_DIRECTORY")
    return Path(given.split(":")[0]) if given else None


def trial_mark(environ: Mapping[str, str] | None = None) -> Path | None:
    """The file by which takeback-update says that this release is on trial."""
    given = (os.environ if environ is None else environ).get("TAKEBACK_TRIAL")
    return Path(given) if given else None


def metrics(vitals: Vitals) -> str:
    """Prometheus' text format."""
    rows = [f'takeback_info{{terminal="{vitals.terminal}",version="{vitals.version}"}} 1']
    for name, what in _HELP.items():
        metric = "takeback_" + (name.removesuffix("_s") + "_seconds" if name.endswith("_s") else name)
        rows += [f"# HELP {metric} {what}", f"# TYPE {metric} gauge", f"{metric} {getattr(vitals, name)}"]
    rows += ["# TYPE takeback_signed_on gauge", f"takeback_signed_on {int(vitals.signed_on)}",
             "# TYPE takeback_busy gauge", f"takeback_busy {int(vitals.busy)}",
             "# TYPE takeback_part_gone gauge"]  # fmt: skip
    for part in ("reader", "keypad", "display", "printer", "link"):
        rows.append(f'takeback_part_gone{{part="{part}"}} {int(part in vitals.gone)}')
    return "\n".join(rows) + "\n"


class Broker:
    """One MQTT client with a thread of its own: the money thread hands over and goes on."""

    def __init__(self, address: str, terminal: str, certs: Path, plain: bool) -> None:
        from paho.mqtt import client  # most terminals do without

        name, _, port = address.rpartition(":")
        if not name or not port.isdecimal():
            raise ConfigError(f"[fleet] mqtt must be NAME:PORT, not {address!r}")
        self._topic, self._sequence = f"takeback/{terminal}", 0
        self._last: dict[str, Any] | None = None
        self._client = client.Client(client.CallbackAPIVersion.VERSION2, client_id=f"takeback-{terminal}")
        self._client.max_queued_messages_set(20)  # retained state: only the newest is worth anything
        self._client.will_set(f"{self._topic}/death", json.dumps({"why": "lost"}), qos=1, retain=True)
        if not plain:
            own = certs / "mqtt.pem"
            self._client.tls_set(str(certs / "mqtt-ca.pem"), str(own) if own.exists() else None,
                                 str(certs / "mqtt.key") if own.exists() else None)  # fmt: skip
        self._client.on_connect = self._connected
        self._client.connect_async(name, int(port), keepalive=30)
        self._client.loop_start()

    def _connected(self, client: Any, *about: Any) -> None:
        """Born again, with everything, and not dead any more."""
        client.publish(f"{self._topic}/death", b"", qos=1, retain=True)
        if self._last:
            self._publish("birth", self._last)

    def state(self, facts: dict[str, Any]) -> None:
        first, self._last = self._last is None, facts
        if self._client.is_connected():
            self._publish("birth" if first else "state", facts)

    def _publish(self, leaf: str, facts: dict[str, Any]) -> None:
        self._sequence = 0 if leaf == "birth" else self._sequence + 1
        text = json.dumps(facts | {"sequence": self._sequence}, ensure_ascii=False)
        self._client.publish(f"{self._topic}/{leaf}", text, qos=1, retain=True)

    def close(self) -> None:
        """Waits for the broker at most a second."""
        if self._client.is_connected():
            said = self._client.publish(f"{self._topic}/death", json.dumps({"why": "stopped"}), qos=1, retain=True)
            try:
                said.wait_for_publish(timeout=1.0)
            except (ValueError, RuntimeError):
                pass
        self._client.disconnect()
        self._client.loop_stop()


class Reporter:
    """Fleet on files and a broker. What cannot be written is not worth stopping a sale for."""

    def __init__(self, folder: Path | None, trial: Path | None, broker: Broker | None = None) -> None:
        self._folder, self._trial, self._broker = folder, trial, broker

    def tell(self, vitals: Vitals) -> None:
        facts = asdict(vitals)
        if self._folder:
            self._put(METRICS, metrics(vitals))
            self._put(VITALS, json.dumps(facts, ensure_ascii=False) + "\n")
        if self._broker:
            self._broker.state(facts)

    def _put(self, name: str, text: str) -> None:
        """Renamed over, so that a reader never sees half; not synced: it lives in memory."""
        assert self._folder
        part = self._folder / f".{name}.part"
        try:
            part.write_text(text, encoding="utf-8")
            part.chmod(0o644)
            part.replace(self._folder / name)
        except OSError:
            return

    def held(self) -> bool:
        if self._trial is None:
            return False
        try:
            return bool(json.loads(self._trial.read_text(encoding="utf-8")).get("hold"))
        except FileNotFoundError:
            return False
        except (OSError, ValueError):
            return True  # half of a mark is a mark: takeback-update writes it whole or not at all

    def close(self) -> None:
        if self._broker:
            self._broker.close()
