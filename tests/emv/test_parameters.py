"""AIDs and CA keys as data: the file, its mistakes, and the download that replaces it whole or not at all."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from firmware import files
from firmware.emv import catalogue
from firmware.errors import ConfigError
from firmware.security.secrets import Pan
from hal_mocks import downloads
from hal_mocks.card import scheme
from hal_mocks.card.soft_card import PAN_A, Profile, SoftCard
from hal_mocks.desk import Desk, settings
from hal_mocks.person import Person, buys, grants, menu
from hal_mocks.world import KEYSTORE

GOOD = catalogue.write(catalogue.own())


def test_what_comes_with_the_firmware_reads_back_to_itself() -> None:
    own = catalogue.own()
    assert catalogue.read(GOOD, "emv.toml") == own
    assert own.test_keys == len(own.keys) == 2, "no live key comes with the project"
    assert {k.rid for k in own.keys.values()} == {scheme.RID}


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("x = [", "not valid TOML"),
        ("", "there is no .*aid"),
        ("[aid]\naid = 'F054414B450101'", r"must be written as \[\[aid\]\]"),
        ("[[aids]]\n", "is not known; known: aid, ca_key"),
        ("[[aid]]\nversion = '0096'", "aid is missing"),
        ("[[aid]]\naid = 'F054'", "2 bytes are out of range 5..16"),
        ("[[aid]]\naid = 'no hex here'", "must be hex digits"),
        ("[[aid]]\naid = 12", "must be hex digits"),
        ("[[aid]]\naid = 'F054414B450101'\ncolour = 'red'", "colour is not known; known: aid, ddol"),
        ("[[aid]]\naid = 'F054414B450101'\ntac_online = '00'", "1 bytes are out of range 5..5"),
        ("[[aid]]\naid = 'F054414B450101'\nfloor_limit = -1", "whole number 0..999999999"),
        ("[[aid]]\naid = 'F054414B450101'\nfloor_limit = 1.5", "whole number"),
        ("[[aid]]\naid = 'F054414B450101'\npartial = 1", "must be true or false"),
        ("[[aid]]\naid = 'F054414B450101'\nddol = '9F0206'", "must ask for 9F37"),
        ("[[aid]]\naid = 'F054414B450101'\nddol = '9F'", "cut off"),
        ("[[aid]]\naid = 'F054414B450101'\nrandom_percent = 9\nrandom_percent_max = 3", "above random_percent_max"),
        ("[[aid]]\naid = 'F054414B450101'\nrandom_threshold = 9", "must be below floor_limit"),
        ("[[aid]]\naid = 'F054414B450101'\n[[aid]]\naid = 'F054414B450101'", "an AID is there twice"),
        (GOOD.replace('index = "02"', 'index = "01"'), "SHA-1 does not match"),
        (GOOD + "\n" + GOOD[GOOD.index("[[ca_key]]") : GOOD.rindex("[[ca_key]]")], "a CA key is there twice"),
        (GOOD + "\n[[revoked]]\nrid = 'F054414B45'\nindex = '01'", "serial is missing"),
        (GOOD + "\n[[exception]]\ntoken = '6200'", "2 bytes are out of range 16..16"),
    ],
)
def test_a_mistake_refuses_the_file_whole_with_a_sentence(text: str, says: str) -> None:
    with pytest.raises(ConfigError, match=says) as refused:
        catalogue.read(text, "/x/emv.toml")
    assert str(refused.value).startswith("/x/emv.toml: ")


def test_each_byte_of_a_key_changed_is_noticed() -> None:
    line = next(row for row in GOOD.splitlines() if row.startswith("modulus"))
    for at in range(line.index('"') + 1, len(line) - 1):
        other = line[:at] + ("0" if line[at] != "0" else "1") + line[at + 1 :]
        with pytest.raises(ConfigError):
            catalogue.read(GOOD.replace(line, other), "emv.toml")


def test_revoked_and_listed_cards_are_known_to_the_terminal(tmp_path: Path) -> None:
    token = KEYSTORE.card_token(Pan(PAN_A))
    (tmp_path / catalogue.FILE).write_text(
        GOOD
        + "\n[[revoked]]\nrid = 'F054414B45'\nindex = '01'\nserial = '000001'\n"
        + f"[[exception]]\ntoken = '{token}'\n"
    )
    d = shop(tmp_path, Profile(oda="dda"))
    d.play(Person(buys("1250")))
    assert d.entries()[0].tvr[:2] == "18", "on the exception file, and DDA failed"


# -- download -----------------------------------------------------------------------------------------------------------


def shop(state: Path, card: Profile | None = None) -> Desk:
    d = Desk(conf=settings(paths={"state": str(state)}))
    d.world.wallet[0] = SoftCard(card or Profile())
    return d


def asks(d: Desk) -> None:
    d.play(Person([*menu("54"), *grants()]))


def test_the_bank_s_parameters_are_in_force_at_once_and_after_a_boot(tmp_path: Path) -> None:
    d = shop(tmp_path)
    d.world.bank.offers.aids = [
        downloads.application(floor=5_000),
        downloads.application(bytes.fromhex("A000000333010101")),
    ]
    asks(d)
    assert "应用2个 公钥2个" in d.film.text()
    assert d.terminal and d.terminal.emv.aids[0].floor_limit == 5_000
    found = catalogue.load(tmp_path)
    assert [a.aid.hex().upper() for a in found.aids] == ["F054414B450101", "A000000333010101"]
    assert set(found.keys) == {(scheme.RID, 1), (scheme.RID, 2)}
    d.play(Person(buys("1250")))
    assert d.terminal.emv.aids[0].floor_limit == 5_000
    assert oct((tmp_path / catalogue.FILE).stat().st_mode)[-3:] == "600"


def test_a_long_list_comes_in_pages(tmp_path: Path) -> None:
    d = shop(tmp_path)
    d.world.bank.offers.aids = [downloads.application(bytes.fromhex(f"F054414B4501{n:02X}")) for n in range(1, 8)]
    asks(d)
    assert len(catalogue.load(tmp_path).aids) == 7


Change = Callable[[downloads.Offers], None]


def _flip(offers: downloads.Offers) -> None:
    modulus = offers.keys[1][0xDF02]
    offers.keys[1][0xDF02] = modulus[:-2] + bytes([modulus[-2] ^ 1]) + modulus[-1:]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(_flip, id="a key that is not what its checksum says"),
        pytest.param(lambda o: setattr(o, "gone", True), id="listed and not there"),
        pytest.param(lambda o: o.aids[0].pop(0xDF13), id="no denial code"),
        pytest.param(lambda o: o.aids[0].update({0xDF12: b"\1"}), id="a short code"),
        pytest.param(lambda o: o.aids[0].update({0xDF17: b"\xff"}), id="not a number"),
        pytest.param(lambda o: o.aids.append(o.aids[0]), id="twice"),
    ],
)
def test_bad_parameters_change_nothing(tmp_path: Path, spoil: Change) -> None:
    d = shop(tmp_path)
    asks(d)
    before = (tmp_path / catalogue.FILE).read_bytes()
    spoil(d.world.bank.offers)
    asks(d)
    assert "参数有误" in d.film.text()
    assert (tmp_path / catalogue.FILE).read_bytes() == before
    d.play(Person(buys("1250")))
    assert d.entries()[-1].state.value == "released"


def test_no_line_no_change(tmp_path: Path) -> None:
    d = shop(tmp_path)
    d.play(Person())
    d.world.line_up = False
    asks(d)
    assert not (tmp_path / catalogue.FILE).exists()


def test_an_empty_list_leaves_what_is_there(tmp_path: Path) -> None:
    d = shop(tmp_path)
    d.world.bank.offers.keys = []
    asks(d)
    assert len(catalogue.load(tmp_path).keys) == 2


class Stop(Exception):
    """The power goes inside a file operation."""


@pytest.mark.parametrize("call", ["open", "fsync", "replace"])
@pytest.mark.parametrize("times", [1, 2])
def test_a_cut_inside_the_replacement_leaves_the_old_file_or_the_new(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str,
                                                                    times: int) -> None:  # fmt: skip
    path = tmp_path / "f"
    files.replace(path, b"old" * 1000)
    left = times
    true: Any = {"open": os.open, "fsync": os.fsync, "replace": Path.replace}[call]

    def cut(*args: Any, **more: Any) -> Any:
        nonlocal left
        left -= 1
        if left == 0:
            raise Stop
        return true(*args, **more)

    monkeypatch.setattr(*((Path, "replace") if call == "replace" else (os, call)), cut)
    try:
        files.replace(path, b"new" * 1000)
    except Stop:
        pass
    monkeypatch.undo()
    assert path.read_bytes() in (b"old" * 1000, b"new" * 1000)
