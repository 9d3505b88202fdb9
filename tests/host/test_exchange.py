"""One question, one answer: matching, foreign replies, MAC, and what is closed afterwards (money rule 7)."""

from __future__ import annotations

import pytest
from pytest_mock import MockerFixture

from firmware.errors import Foreign, KeyProblem, MacWrong, MessageError, NoAnswer, NotSent
from firmware.hal.link import HostLink
from firmware.host import codec, mac, messages
from firmware.host.codec import Message
from firmware.host.exchange import Host, WorkingKeys
from firmware.host.messages import Details
from firmware.security.secrets import Key, Pan
from hal_mocks.desk import settings

KEYS = WorkingKeys(Key(bytes(range(16))), Key(bytes(range(8))))
DETAILS = Details("void", 1250, "000123", "000007", "052", "001", Pan("6200000000000005"), "3012")


@pytest.fixture
def link(mocker: MockerFixture):
    return mocker.create_autospec(HostLink, instance=True)


@pytest.fixture
def host(link) -> Host:
    made = Host(link, settings())
    made.keys = KEYS
    return made


def request(host: Host) -> Message:
    return messages.void(host.profile, host.caller, DETAILS, None, "112300000002", "015838", "000007000122")


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
        (lambda h: reply(h, key=Key(bytes(8))), MacWrong),
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
