"""One question, one answer: matching, foreign replies, MAC, and what is closed afterwards (money rule 7)."""

from __future__ import annotations

import pytest
from pytest_mock import MockerFixture

from firmware.errors import Foreign, KeyProblem, MacWrong, MessageError, NoAnswer, NotSent
from firmware.hal.clock import Clock
from firmware.hal.link import HostLink
from firmware.hal.random import Random
from firmware.host import codec, mac, messages
from firmware.host.codec import Message
from firmware.host.exchange import ECHO_AFTER_S, Host, WorkingKeys
from firmware.host.messages import Details
from firmware.security.secrets import Key, Pan, Use
from hal_mocks.desk import settings

KEYS = WorkingKeys(Key(bytes(range(16)), Use.PIN), Key(bytes(range(8)), Use.MAC))
DETAILS = Details("void", 1250, "000123", "000007", "052", "001", Pan("6200000000000005"), "3012")


@pytest.fixture
def link(mocker: MockerFixture):
    made = mocker.create_autospec(HostLink, instance=True)
    made.connect.return_value = False
    return made


@pytest.fixture
def clock(mocker: MockerFixture):
    made = mocker.create_autospec(Clock, instance=True)
    made.monotonic_s.return_value = 1000.0
    return made


@pytest.fixture
def host(link, clock, mocker: MockerFixture) -> Host:
    """A host that has just been heard."""
    dice = mocker.create_autospec(Random, instance=True)
    dice.bytes.return_value = b"\0"
    made = Host(link, settings(), clock, dice)
    made.keys, made._heard_s = KEYS, 1000.0
    return made


def request(host: Host) -> Message:
    return messages.linked(host.profile, host.caller, DETAILS, None, "112300000002", "015838", "000007000122")


def reply(host: Host, key: Key = KEYS.mak, **changes: str) -> bytes:
    asked = request(host)
    fields = {n: asked.fields[n] for n in ("3", "4", "11", "41", "42")} | {"39": "00"}
    fields |= {n.removeprefix("f"): v for n, v in changes.items() if n != "mti"}
    m = Message(changes.get("mti", "0210"), {**fields, "64": "00" * 8}, asked.header)
    raw = codec.encode(m, host.profile.spec)
    return raw[:-8] + mac.ecb_mac(key, raw[11:-8])


def bare(host: Host, code: str) -> bytes:
    asked = request(host)
    fields = {n: asked.fields[n] for n in ("3", "4", "11", "41", "42")} | {"39": code}
    return codec.encode(Message("0210", fields, asked.header), host.profile.spec)


def test_a_matching_reply_with_its_mac_is_the_answer(host: Host, link) -> None:
    link.exchange.return_value = reply(host)
    assert host.ask(request(host)).get(39) == "00"
    link.connect.assert_called_once()
    link.close.assert_not_called()


def test_the_request_carries_a_mac_over_type_to_field_63(host: Host, link) -> None:
    link.exchange.return_value = reply(host)
    host.ask(request(host))
    (frame, *_), _ = link.exchange.call_args
    assert frame[-8:] == mac.ecb_mac(KEYS.mak, frame[11:-8])


@pytest.mark.parametrize(
    "changes", [{"f11": "000124"}, {"f41": "10000002"}, {"f3": "000000"}, {"f4": "000000001251"}, {"mti": "0410"}]
)
def test_a_foreign_reply_is_dropped_and_the_next_one_taken(host: Host, link, changes: dict[str, str]) -> None:
    link.exchange.return_value = reply(host, **changes)
    link.receive.return_value = reply(host)
    assert host.ask(request(host)).get(11) == "000123"


def test_foreign_replies_without_end_are_no_answer_of_ours(host: Host, link) -> None:
    link.exchange.return_value = link.receive.return_value = reply(host, f11="000001")
    with pytest.raises(Foreign):
        host.ask(request(host))
    link.close.assert_called()


@pytest.mark.parametrize(
    ("make", "error"),
    [
        (lambda h: reply(h, key=Key(bytes(8), Use.MAC)), MacWrong),
        (lambda h: bare(h, "00"), MacWrong),
        (lambda h: bare(h, "10"), MacWrong),
        (lambda h: bare(h, "11"), MacWrong),
        (lambda h: b"rubbish" * 5, MessageError),
    ],
)
def test_what_cannot_be_believed_raises_and_hangs_up(host: Host, link, make, error: type[Exception]) -> None:
    link.exchange.return_value = make(host)
    with pytest.raises(error):
        host.ask(request(host))
    link.close.assert_called_once()


def test_a_bare_refusal_is_handed_on_for_the_profile_to_weigh(host: Host, link) -> None:
    link.exchange.return_value = bare(host, "51")
    assert "64" not in host.ask(request(host)).fields


def test_a_partial_approval_matches_with_its_smaller_amount(host: Host, link) -> None:
    link.exchange.return_value = reply(host, f39="10", f4="000000000625")
    assert host.ask(request(host)).get(4) == "000000000625"


@pytest.mark.parametrize("error", [NotSent, NoAnswer])
def test_the_links_two_errors_pass_unchanged(host: Host, link, error: type[Exception]) -> None:
    link.exchange.side_effect = error
    with pytest.raises(error):
        host.ask(request(host))


def test_without_keys_nothing_is_sent(host: Host, link) -> None:
    host.keys = None
    with pytest.raises(KeyProblem):
        host.ask(request(host))
    link.exchange.assert_not_called()
    link.connect.assert_not_called()


# -- no money on a line that has not answered ----------------------------------------------------------------------------


def echo_reply(host: Host) -> bytes:
    asked = messages.echo(host.profile, host.caller, "000007")
    return codec.encode(Message("0830", {"41": asked.get(41), "42": asked.get(42), "39": "00"}, asked.header),
                        host.profile.spec)  # fmt: skip


def sent(host: Host, link) -> list[str]:
    return [codec.decode(call.args[0], host.profile.spec).mti for call in link.exchange.call_args_list]


@pytest.mark.parametrize("why", ["new", "silent for a while"])
def test_a_new_or_quiet_line_is_asked_for_an_echo_before_money(host: Host, link, clock, why: str) -> None:
    link.connect.return_value = why == "new"
    clock.monotonic_s.return_value = 1000.0 if why == "new" else 1000.0 + ECHO_AFTER_S + 1
    link.exchange.side_effect = [echo_reply(host), reply(host)]
    assert host.ask(request(host)).get(39) == "00"
    assert sent(host, link) == ["0820", "0200"]


def test_a_line_that_answered_a_moment_ago_is_not_asked(host: Host, link) -> None:
    link.exchange.side_effect = [reply(host)]
    host.ask(request(host))
    assert sent(host, link) == ["0200"]


def test_no_echo_means_not_sent_so_that_nothing_is_owed(host: Host, link) -> None:
    """A refused client certificate and a half-open line both look connected."""
    link.connect.return_value = True
    link.exchange.side_effect = NoAnswer("alert")
    with pytest.raises(NotSent):
        host.ask(request(host))
    assert sent(host, link) == ["0820"]
    link.close.assert_called()


def test_a_reversal_and_a_sign_on_need_no_echo(host: Host, link) -> None:
    link.connect.return_value = True
    link.exchange.side_effect = NoAnswer
    with pytest.raises(NoAnswer):
        host.ask(messages.reversal(host.profile, host.caller, DETAILS, "98", "", "", ""))
    assert sent(host, link) == ["0400"]


def test_after_three_failures_nobody_waits_until_one_probe_is_let_through(host: Host, link, clock) -> None:
    link.connect.side_effect = NotSent
    for _ in range(3):
        assert not host.reachable()
    assert link.connect.call_count == 3
    with pytest.raises(NotSent):
        host.ask(request(host))
    assert not host.reachable() and link.connect.call_count == 3
    clock.monotonic_s.return_value += 2.0
    assert not host.reachable() and not host.reachable() and link.connect.call_count == 4
    clock.monotonic_s.return_value += 2.0
    link.connect.side_effect = None
    assert host.reachable() and host.reachable() and link.connect.call_count == 6


def test_an_abort_is_no_failure_of_the_line(host: Host, link) -> None:
    def connect(budget_s: float, abort) -> bool:
        if abort():
            raise NotSent
        return False

    link.connect.side_effect = connect
    for _ in range(5):
        assert not host.reachable(lambda: True)
    assert host.reachable()
