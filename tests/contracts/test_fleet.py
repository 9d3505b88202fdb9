"""Fleet: what is told arrives whole, a trial is seen, and nothing that goes wrong outside reaches the money thread."""

from __future__ import annotations

import json
import sys
import tempfile
import types
from pathlib import Path
from typing import Any

import pytest

from drivers import fleet
from firmware.errors import ConfigError
from firmware.hal.fleet import Vitals
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.world import World
from tests.contracts.bench import Bench

WELL = Vitals("10000001", "0.1.0", 0, 1, 2, 0, 3, 4, 555, -1, 6, True, False, ("printer",))


class Sim(Bench):
    name = "simulation"

    def __init__(self) -> None:
        self.world = World()
        self.fleet = parts.SimFleet(self.world, Power())

    def told(self) -> Vitals | None:
        return self.world.vitals

    def tries(self, on: bool) -> None:
        self.world.on_trial = on


class OnDisk(Bench):
    name = "driver, files"

    def __init__(self) -> None:
        self._made = tempfile.TemporaryDirectory()
        self.folder = Path(self._made.name)
        self.fleet = fleet.Reporter(self.folder, self.folder / "trial.json")

    def told(self) -> Vitals | None:
        found = json.loads((self.folder / fleet.VITALS).read_text())
        return Vitals(**found | {"gone": tuple(found["gone"])})

    def tries(self, on: bool) -> None:
        mark = self.folder / "trial.json"
        mark.write_text('{"hold": true}') if on else mark.unlink(missing_ok=True)


BENCHES = (Sim, OnDisk)


def test_what_is_told_is_known_outside(bench) -> None:
    for vitals in (WELL, WELL):
        bench.fleet.tell(vitals)
        assert bench.told() == vitals


def test_a_trial_holds_until_its_mark_goes(bench) -> None:
    assert bench.fleet.held() is False
    bench.tries(True)
    assert bench.fleet.held() is True
    bench.tries(False)
    assert bench.fleet.held() is False


def test_good_bye_may_be_said_twice(bench) -> None:
    bench.fleet.close()
    bench.fleet.close()


# -- the driver alone ----------------------------------------------------------------------------------------------------


def test_the_metrics_are_prometheus_text(tmp_path: Path) -> None:
    fleet.Reporter(tmp_path, None).tell(WELL)
    rows = (tmp_path / fleet.METRICS).read_text().splitlines()
    assert 'takeback_info{terminal="10000001",version="0.1.0"} 1' in rows
    assert "takeback_oldest_seconds 555" in rows and "takeback_owed 1" in rows and "takeback_signed_on 1" in rows
    assert 'takeback_part_gone{part="printer"} 1' in rows and 'takeback_part_gone{part="reader"} 0' in rows
    assert all(row.startswith("#") or len(row.rsplit(" ", 1)) == 2 for row in rows)
    assert (tmp_path / fleet.METRICS).stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_gone_or_full_stops_no_sale(tmp_path: Path) -> None:
    reporter = fleet.Reporter(tmp_path / "gone", None)
    reporter.tell(WELL)
    fleet.Reporter(None, None).tell(WELL)
    assert fleet.directory({}) is None and fleet.trial_mark({}) is None
    assert fleet.directory({"RUNTIME_DIRECTORY": "/run/a:/run/b"}) == Path("/run/a")


@pytest.mark.parametrize(
    ("text", "held"), [('{"hold": false}', False), ("", True), ("{", True), ('{"hold": true}', True)]
)
def test_half_of_a_mark_holds(tmp_path: Path, text: str, held: bool) -> None:
    (tmp_path / "trial").write_text(text)
    assert fleet.Reporter(None, tmp_path / "trial").held() is held


class PlayedClient:
    """paho's client, as far as the driver knows it."""

    made: PlayedClient

    def __init__(self, version: object, client_id: str) -> None:
        PlayedClient.made = self
        self.said: list[tuple[str, Any]] = []
        self.connected, self.will, self.tls = False, ("", ""), None
        self.on_connect: Any = None

    def max_queued_messages_set(self, count: int) -> None: ...
    def connect_async(self, name: str, port: int, keepalive: int) -> None:
        self.place = (name, port)

    def loop_start(self) -> None: ...
    def loop_stop(self) -> None: ...
    def disconnect(self) -> None: ...
    def will_set(self, topic: str, payload: str, qos: int, retain: bool) -> None:
        self.will = (topic, payload)

    def tls_set(self, *files: str | None) -> None:
        self.tls = files

    def is_connected(self) -> bool:
        return self.connected

    def publish(self, topic: str, payload: Any, qos: int, retain: bool) -> Any:
        assert qos == 1 and retain
        self.said.append((topic.rsplit("/", 1)[1], json.loads(payload) if payload else None))
        return types.SimpleNamespace(wait_for_publish=lambda timeout: None)

    def comes_up(self) -> None:
        self.connected = True
        self.on_connect(self)


@pytest.fixture
def broker(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> fleet.Broker:
    client = types.ModuleType("paho.mqtt.client")
    client.Client = PlayedClient  # type: ignore[attr-defined]
    client.CallbackAPIVersion = types.SimpleNamespace(VERSION2=2)  # type: ignore[attr-defined]
    package = types.ModuleType("paho.mqtt")
    package.client = client  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "paho", types.ModuleType("paho"))
    monkeypatch.setitem(sys.modules, "paho.mqtt", package)
    monkeypatch.setitem(sys.modules, "paho.mqtt.client", client)
    return fleet.Broker("broker.example:8883", "10000001", tmp_path, plain=False)


def test_a_terminal_is_born_speaks_and_dies_at_its_broker(broker: fleet.Broker) -> None:
    reporter, client = fleet.Reporter(None, None, broker), PlayedClient.made
    assert client.place == ("broker.example", 8883) and client.will[0] == "takeback/10000001/death"
    assert str(client.tls[0]).endswith("mqtt-ca.pem") and client.tls[1] is None
    reporter.tell(WELL)
    assert client.said == [], "nobody is there yet, and nobody waits"
    client.comes_up()
    reporter.tell(WELL)
    client.comes_up()
    reporter.close()
    assert [(leaf, said and said.get("sequence")) for leaf, said in client.said] == \
        [("death", None), ("birth", 0), ("state", 1), ("death", None), ("birth", 0), ("death", None)]  # fmt: skip
    assert client.said[1][1]["oldest_s"] == 555 and client.said[-1][1] == {"why": "stopped"}


@pytest.mark.parametrize("address", ["broker", ":1883", "broker:x"])
def test_a_brokers_address_is_name_and_port(broker: fleet.Broker, tmp_path: Path, address: str) -> None:
    with pytest.raises(ConfigError, match="must be NAME:PORT"):
        fleet.Broker(address, "10000001", tmp_path, plain=True)
