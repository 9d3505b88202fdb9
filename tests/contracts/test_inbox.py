"""Inbox: virtual waiting on the desk, a queue on the machine."""

from __future__ import annotations

import threading

from drivers.system import QueueInbox
from firmware.hal.events import CardInserted, Key, KeyPressed
from hal_mocks import parts
from hal_mocks.power import Power
from hal_mocks.world import World
from tests.contracts.bench import Bench, needs


class Sim(Bench):
    name = "simulation"
    cannot = {"threads": "the desk is one thread on purpose"}

    def __init__(self) -> None:
        self.inbox = parts.SimInbox(World(), Power(), lambda: False)


class Machine(Bench):
    name = "driver, a queue"

    def __init__(self) -> None:
        self.inbox = QueueInbox()


BENCHES = [Sim, Machine]


def test_events_come_out_in_the_order_they_were_posted(bench) -> None:
    posted = [KeyPressed(key) for key in Key]
    for event in posted:
        bench.inbox.post(event)
    assert [bench.inbox.next(1.0) for _ in posted] == posted


def test_a_look_does_not_wait_and_a_wait_ends(bench) -> None:
    assert bench.inbox.next(0) is None
    assert bench.inbox.next(0.01) is None
    assert bench.inbox.next(-1.0) is None


def test_all_that_is_queued_is_taken_at_once_in_its_order(bench) -> None:
    posted = [KeyPressed(key) for key in Key]
    for event in posted:
        bench.inbox.post(event)
    assert bench.inbox.take_all() == posted
    assert bench.inbox.take_all() == [] and bench.inbox.next(0) is None


@needs("threads")
def test_posts_from_many_threads_all_arrive(bench) -> None:
    def post() -> None:
        for _ in range(100):
            bench.inbox.post(CardInserted())

    threads = [threading.Thread(target=post) for _ in range(8)]
    for thread in threads:
        thread.start()
    assert [bench.inbox.next(10.0) for _ in range(800)] == [CardInserted()] * 800
    assert bench.inbox.next(0) is None
