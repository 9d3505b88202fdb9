"""SEC3, SEC4, SEC5, SEC7, SEC10 of the security list: one key one use, sealed to the device, two custodians, keys used once."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from psec import tr31

from drivers import board, tpm
from firmware import ceremony, files
from firmware.errors import KeyProblem, WrongKeyUse
from firmware.host import mac
from firmware.ledger.journal import Journal
from firmware.security import custody, des, keystore, pin, sealing
from firmware.security.custody import Component
from firmware.security.dukpt import SCHEMES, Once, Register
from firmware.security.operators import Operators, Role
from firmware.security.secrets import Key, Pan, Use
from hal_mocks import parts
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, Profile, SoftCard
from hal_mocks.desk import PASSWORDS, Desk, settings
from hal_mocks.person import Person, buys, on, press
from hal_mocks.power import Power, PowerCut, When
from hal_mocks.world import KEYSTORE, World
from tests.emv.bench import typed

# -- SEC4: one key, one use ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("use", Use)
def test_sec4_a_key_does_what_it_is_for_and_nothing_else(use: Use) -> None:
    key = Key(bytes(range(16)), use)
    calls: dict[Use, Callable[[], Any]] = {
        Use.WRAP: lambda: des.decrypt(key, bytes(8), Use.WRAP),
        Use.PIN: lambda: pin.encrypted_block(typed("1234"), Pan("6200000000000005"), key),
        Use.MAC: lambda: mac.ecb_mac(key, b"text"),
        Use.BLOCKS: lambda: key.bytes_for(Use.BLOCKS),
        Use.DERIVE: lambda: des.encrypt(key, bytes(8), Use.DERIVE),
        Use.CARD: lambda: keystore.Keystore(None, key, key, key).seal(b"x", lambda n: bytes(n)),
        Use.TOKEN: lambda: keystore.Keystore(None, key, key, key).card_token(Pan("6200000000000005")),
        Use.STATE: lambda: keystore.Keystore(None, key, key, key).seal_state(b"x", lambda n: bytes(n)),
    }
    assert set(calls) == set(Use)
    for wanted, call in calls.items():
        if wanted is use:
            call()
        else:
            with pytest.raises(WrongKeyUse):
                call()


def test_sec4_working_keys_come_out_with_their_use() -> None:
    wrap = Key(bytes(range(16)), Use.WRAP)
    f62 = b"".join(des.encrypt(wrap, bytes([n] * size), Use.WRAP) + pad + des.check_value(Key(bytes([n] * size), use))
                   for n, size, use, pad in ((2, 16, Use.PIN, b""), (3, 8, Use.MAC, bytes(8))))  # fmt: skip
    pik, mak = mac.working_keys(wrap, f62)
    assert (pik.use, mak.use) == (Use.PIN, Use.MAC)
    with pytest.raises(WrongKeyUse):
        mac.working_keys(pik, f62)
    with pytest.raises(KeyProblem, match="there is no TMK"):
        mac.working_keys(None, f62)


# -- SEC7: sealed to the device ---------------------------------------------------------------------------------------------


def test_sec7_a_copied_key_store_does_not_open_on_another_device(tmp_path: Path) -> None:
    serial = tmp_path / "serial-number"
    serial.write_bytes(b"100000001234\0")
    home = tmp_path / "state"
    here = sealing.from_file(home, hardware=(serial,))
    made = keystore.generate()
    keystore.save(made, home, here)
    assert keystore.load(home, here) == made
    serial.write_bytes(b"100000009999\0")  # the card is in another Pi
    with pytest.raises(KeyProblem, match="another device"):
        keystore.load(home, here)
    serial.unlink()
    with pytest.raises(KeyProblem, match="another device"):
        keystore.load(home, here)


def test_sec7_nothing_of_a_key_is_readable_in_the_file(tmp_path: Path) -> None:
    made = keystore.generate()
    keystore.save(made, tmp_path)
    raw = b"".join(p.read_bytes() for p in tmp_path.iterdir())
    for key in (made.tmk, made.journal, made.token, made.state):
        assert key
        assert key.reveal() not in raw
        assert key.reveal().hex().encode() not in raw.lower()
    assert {p.stat().st_mode & 0o777 for p in tmp_path.iterdir()} == {0o600}


def test_sec7_each_byte_of_the_file_changed_is_noticed(tmp_path: Path) -> None:
    keystore.save(keystore.generate(), tmp_path)
    path = tmp_path / keystore.FILE
    good = json.loads(path.read_text())
    for at in range(0, len(good["sealed"]), 7):
        other = good["sealed"][:at] + ("0" if good["sealed"][at] != "0" else "1") + good["sealed"][at + 1 :]
        path.write_text(json.dumps(good | {"sealed": other}))
        with pytest.raises(KeyProblem, match="damaged"):
            keystore.load(tmp_path)
    (tmp_path / sealing.KEY_FILE).write_bytes(b"short")
    with pytest.raises(KeyProblem, match="damaged"):
        keystore.load(tmp_path)


def test_sec7_a_tpm_that_is_not_there_says_what_to_do(tmp_path: Path) -> None:
    def absent(command: list[str], given: bytes) -> bytes:
        return tpm.run(["takeback-no-such-tool", *command], given)

    with pytest.raises(KeyProblem, match="apt-get install tpm2-tools"):
        tpm.from_tpm(tmp_path, absent)()
    with pytest.raises(KeyProblem, match="the TPM refuses"):
        tpm.run(["false"])


def test_the_board_takes_the_key_file_from_the_settings(tmp_path: Path) -> None:
    conf = settings(paths={"state": str(tmp_path)}, security={"device_key": str(tmp_path / "elsewhere" / "device.key")})
    keystore.save(keystore.generate(), tmp_path, board.secret(conf))
    assert (tmp_path / "elsewhere" / "device.key").exists()
    assert not (tmp_path / sealing.KEY_FILE).exists()


# -- SEC10: two custodians ----------------------------------------------------------------------------------------------------


HALVES = ("0123456789ABCDEF0011223344556677", "FEDCBA987654321089ABCDEF01234567")


def check(text: str) -> str:
    return custody.check_of(bytes.fromhex(text)).hex()


@pytest.mark.parametrize(
    ("value", "kcv", "says"),
    [
        (HALVES[0][:-2], "000000", "32 hex digits"),
        ("xyz", "000000", "are hex digits"),
        (HALVES[0], "000000", "does not match its check value"),
        (HALVES[0], "", "does not match its check value"),
    ],
)
def test_sec10_a_component_is_checked_before_it_counts(value: str, kcv: str, says: str) -> None:
    with pytest.raises(KeyProblem, match=says) as refused:
        Component.typed(value, kcv)
    assert value not in str(refused.value)


def test_sec10_the_same_component_twice_is_no_key() -> None:
    one = Component.typed(HALVES[0], check(HALVES[0])[:6])
    with pytest.raises(KeyProblem, match="same one"):
        custody.combined(one, one)


class Sitting:
    """A ceremony with answers prepared."""

    def __init__(self, folder: Path, *answers: str) -> None:
        self.world = World()
        self.clock = parts.SimClock(self.world, Power())
        self.book = Journal(parts.SimDisk(self.world, Power()), self.clock)
        self.config = settings(paths={"state": str(folder)})
        self.secret = board.secret(self.config)
        if not (folder / keystore.FILE).exists():
            keystore.save(keystore.generate(), folder, self.secret)
        people = Operators(self.book, bytes, lambda: self.world.now, (8, 1))
        for number, role in (("00", Role.SUPERVISOR), ("02", Role.SUPERVISOR), ("01", Role.CASHIER)):
            people.enrol(number, role, PASSWORDS[number])
        self.answers, self.said = list(answers), []
        self.ceremony = ceremony.Ceremony(
            self.config, self.book, self.clock, self.secret, bytes, self.ask, self.said.append
        )

    def ask(self, prompt: str) -> str:
        return self.answers.pop(0)


def person(number: str, half: str) -> tuple[str, str, str, str]:
    return number, PASSWORDS[number], half, check(half)


def test_sec10_two_supervisors_load_a_tmk(tmp_path: Path) -> None:
    s = Sitting(tmp_path, *person("00", HALVES[0]), *person("02", HALVES[1]))
    s.book.set(working_keys="00", signed_on="1", tampered="1")
    assert s.ceremony.load() == 0
    wanted = bytes(a ^ b for a, b in zip(*(bytes.fromhex(h) for h in HALVES), strict=True))
    tmk = keystore.load(tmp_path, s.secret).tmk
    assert tmk
    assert tmk.reveal() == wanted
    assert [s.book.setting(n) for n in ("working_keys", "signed_on", "tampered")] == ["", "", ""]
    record = s.book.last_record("keys")
    assert record
    assert (record["by"], record["and_by"], record["what"]) == ("00", "02", "TMK")
    assert custody.check_of(wanted).hex().upper() in s.said[0]
    assert not any(h in line for h in HALVES for line in s.said)


@pytest.mark.parametrize(
    ("answers", "says"),
    [
        ((*person("00", HALVES[0]), "00"), "two different supervisors"),
        (person("01", HALVES[0]), "may not load keys"),
        (("00", "000000", HALVES[0], "x"), "may not load keys"),
        (("77", "000000", HALVES[0], "x"), "may not load keys"),
        ((*person("00", HALVES[0]), *person("02", HALVES[0])), "same one"),
    ],
)
def test_sec10_one_alone_cannot(tmp_path: Path, answers: tuple[str, ...], says: str) -> None:
    s = Sitting(tmp_path, *answers)
    before = (tmp_path / keystore.FILE).read_bytes()
    with pytest.raises(KeyProblem, match=says):
        s.ceremony.load()
    assert (tmp_path / keystore.FILE).read_bytes() == before


def block_of(usage: str, key: bytes, mode: str = "D", algorithm: str = "T", ksn: str = "") -> tuple[str, str, str]:
    """A key block under two halves of a KBPK."""
    kbpk = bytes(a ^ b for a, b in zip(*(bytes.fromhex(h) for h in HALVES), strict=True))
    header = tr31.Header("B", usage, algorithm, mode, "00", "E")
    if ksn:
        header.blocks["KS"] = ksn
    return HALVES[0], HALVES[1], tr31.KeyBlock(kbpk, header).wrap(key)


def test_sec4_a_tmk_in_a_key_block(tmp_path: Path) -> None:
    one, two, block = block_of("K0", bytes(range(16)))
    s = Sitting(tmp_path, *person("00", one), *person("02", two), block)
    assert s.ceremony.block() == 0
    tmk = keystore.load(tmp_path, s.secret).tmk
    assert tmk
    assert tmk.reveal() == bytes(range(16))


@pytest.mark.parametrize(("usage", "mode"), [("P0", "E"), ("M3", "G"), ("K0", "E"), ("B0", "X"), ("D0", "B")])
def test_sec4_a_key_of_another_usage_is_not_taken(tmp_path: Path, usage: str, mode: str) -> None:
    one, two, block = block_of(usage, bytes(range(16)), mode)
    s = Sitting(tmp_path, *person("00", one), *person("02", two), block)
    with pytest.raises(KeyProblem, match="is not taken here"):
        s.ceremony.block()


def test_dukpt_keys_in_a_key_block_serve_the_next_sale(tmp_path: Path) -> None:
    one, two, block = block_of("B1", bytes.fromhex("6AC292FAA1315B4D858AB3A3D7D5933A"), "X", ksn="FFFF9876543210E00000")
    s = Sitting(tmp_path, *person("00", one), *person("02", two), block)
    assert s.ceremony.block() == 0
    assert s.ceremony.show() == 0
    assert "DUKPT loaded" in s.said


def test_sec10_the_first_tmk_of_a_terminal_comes_from_two_custodians_too(tmp_path: Path) -> None:
    keystore.save(keystore.empty(), tmp_path, board.secret(settings(paths={"state": str(tmp_path)})))
    s = Sitting(tmp_path, *person("00", HALVES[0]), *person("02", HALVES[1]))
    s.ceremony.show()
    assert s.said.pop(0) == "TMK not loaded yet: takeback keys load"
    before = keystore.load(tmp_path, s.secret)
    assert before.blank and not before.erased
    assert s.ceremony.load() == 0
    after = keystore.load(tmp_path, s.secret)
    assert after.tmk and not after.blank
    for kept in ("journal", "token", "state"):
        assert getattr(after, kept).reveal() == getattr(before, kept).reveal()


def test_show_says_check_values_only(tmp_path: Path) -> None:
    s = Sitting(tmp_path)
    s.ceremony.show()
    tmk = keystore.load(tmp_path, s.secret).tmk
    assert tmk
    assert s.said[0] == f"TMK {des.check_value(tmk).hex().upper()}"


# -- SEC5: a DUKPT key is used once -------------------------------------------------------------------------------------------


class Cut(Exception):
    pass


class Slot:
    """A store in which the power may go before or after a write."""

    def __init__(self) -> None:
        self.kept: dict[str, str] = {}
        self.cut = ""

    def setting(self, name: str, default: str = "") -> str:
        return self.kept.get(name, default)

    def set(self, **values: str) -> None:
        if self.cut == "before":
            raise Cut
        self.kept |= values
        if self.cut == "after":
            raise Cut


def once(slot: Slot) -> Once:
    return Once(slot, lambda b: b, lambda b: b)


@pytest.mark.parametrize("scheme", ["tdes", "aes"])
def test_sec5_no_key_is_used_twice_whatever_is_cut(scheme: str) -> None:
    s, slot = SCHEMES[scheme], Slot()
    once(slot).load(
        Register.load(
            s,
            bytes(range(16)),
            bytes.fromhex("FFFF9876543210E00000" if scheme == "tdes" else "12345678901234560000" + "0000"),
        )
    )
    used: list[bytes] = []
    for n in range(60):
        slot.cut = ("", "before", "after")[n % 3]
        try:
            used.append(once(slot).take().ksn)
        except Cut:
            slot.cut = ""
    assert len(used) == len(set(used)) == 20
    assert used == sorted(used)


def test_sec5_used_keys_are_gone_from_the_register() -> None:
    register = Register.load(SCHEMES["tdes"], bytes(range(16)), bytes.fromhex("FFFF9876543210E00000"))
    assert bytes(range(16)) not in register.keys.values()
    for _ in range(200):
        register, spent = register.spend()
        assert spent.transaction_key not in register.keys.values()
        assert spent.key.bytes_for(Use.PIN) not in register.keys.values()


def test_sec5_it_stops_when_the_keys_are_used_up() -> None:
    s = SCHEMES["tdes"]
    register = Register.load(s, bytes(range(16)), bytes.fromhex("FFFF9876543210E00000"))
    last = Register(s, register.base, (1 << 21) - (1 << 11), {1 << 11: bytes(16)})
    after, _ = last.spend()
    with pytest.raises(KeyProblem, match="used up"):
        after.spend()


@pytest.mark.parametrize("base", ["FFFF9876543210E00001", "FFFF", ""])
def test_sec5_a_ksn_that_is_not_a_beginning_is_refused(base: str) -> None:
    with pytest.raises(KeyProblem, match="counter at zero"):
        Register.load(SCHEMES["tdes"], bytes(16), bytes.fromhex(base))


def dukpt_desk() -> Desk:
    d = Desk(conf=settings(security={"pin_keys": "dukpt"}))
    d.world.wallet[0] = SoftCard(Profile(cvm=CVM_ONLINE_PIN))
    return d


def test_dukpt_pin_blocks_carry_their_ksn_and_each_another() -> None:
    d = dukpt_desk()
    d.play(Person())
    assert d.terminal
    d.terminal.once.load(Register.load(SCHEMES["tdes"], bytes(range(16)), bytes.fromhex("FFFF9876543210E00000")))
    seen: list[str] = []
    receive = d.world.bank.receive_at
    d.world.bank.receive_at = lambda now, frame: (seen.append(frame.hex()), receive(now, frame))[1]
    d.play(Person([*buys("1250", pin="1234"), *buys("700", pin="1234")]))
    named = [f for f in seen if f[22:26] == "0200"]
    assert [b"KSN".hex() + f"FFFF9876543210E0000{n}".lower() in f for n, f in enumerate(named, 1)] == [True, True]
    assert all(e.state.value == "released" for e in d.entries())


def test_a_dukpt_key_is_overwritten_when_its_pin_is_encrypted(monkeypatch: pytest.MonkeyPatch) -> None:
    d = dukpt_desk()
    d.play(Person())
    assert d.terminal
    d.terminal.once.load(Register.load(SCHEMES["tdes"], bytes(range(16)), bytes.fromhex("FFFF9876543210E00000")))
    used: list[Key] = []
    take = Once.take

    def watched(self: Once) -> Any:
        used.append((made := take(self)).key)
        assert any(made.key.reveal())
        return made

    monkeypatch.setattr(Once, "take", watched)
    d.play(Person(buys("1250", pin="1234")))
    assert len(used) == 1
    assert not any(used[0].reveal())


def test_dukpt_without_keys_refuses_before_anything_is_sent() -> None:
    d = dukpt_desk()
    d.play(Person(buys("1250", pin="1234")))
    assert "没有工作密钥" in d.film.text()
    assert "0200" not in d.world.bank.seen


# -- SEC3: tries -----------------------------------------------------------------------------------------------------------


def test_sec3_a_card_whose_pin_was_wrong_three_times_is_not_asked_again_today() -> None:
    d = Desk()
    d.world.wallet[0] = SoftCard(Profile(cvm=CVM_ONLINE_PIN))
    for _ in range(3):
        d.world.bank.moods.append(Mood("decline", "55"))
        d.play(Person(buys("1250", pin="9999")))  # each time a boot: no new tries by pulling the plug
    sent = d.world.bank.seen.count("0200")
    d.play(Person(buys("1250")))
    assert "密码已锁定" in d.film.text()
    assert d.world.bank.seen.count("0200") == sent
    d.world.pass_time(86_400.0)
    d.play(Person(buys("1250", pin="1234")))
    assert d.entries()[-1].state.value == "released"


def test_sec3_a_right_pin_forgets_the_wrong_ones() -> None:
    d = Desk()
    d.world.wallet[0] = SoftCard(Profile(cvm=CVM_ONLINE_PIN))
    for code in ("55", "55", "", "55", "55"):
        if code:
            d.world.bank.moods.append(Mood("decline", code))
        d.play(Person(buys("1250", pin="1234")))
    assert d.world.bank.seen.count("0200") == 5


# -- working keys, files --------------------------------------------------------------------------------------------------------


def test_working_keys_are_replaced_in_one_durable_step() -> None:
    """Cut at every step of a boot and its sign-on: what the journal has is one whole set, the old one or the new one."""
    d = Desk()
    d.play(Person())
    saved = d.world.save()
    found = set()
    at = 0
    while True:
        at += 1
        again = Desk(World.load(saved))
        again.play(Person())
        before = again.world.save()
        once_more = Desk(World.load(before))
        played = once_more.play(Person([on("idle", press("menu")), on("menu", press("down")), on("menu", press("2"))]),
                                Power(at, When.AFTER))  # fmt: skip
        db = once_more.open()
        rows = dict(db.execute("SELECT name, value FROM settings").fetchall())
        db.close()
        found.add((rows["working_keys"], rows["signed_on"]))
        if not played.cut:
            break
    assert len(found) > 1, "the cuts no longer reach the second sign-on"
    for keys, signed in found:
        assert signed
        mac.working_keys(KEYSTORE.tmk, bytes.fromhex(keys))  # whole: both check values are right


def test_every_key_of_the_store_is_of_another_use() -> None:
    uses = [getattr(KEYSTORE, f.name).use for f in fields(KEYSTORE) if f.name not in ("blank", "begun")]
    assert len(set(uses)) == len(uses)


def test_a_device_key_is_made_whole(tmp_path: Path) -> None:
    assert len(sealing.from_file(tmp_path)()) == 32
    assert sealing.from_file(tmp_path)() == sealing.from_file(tmp_path)()
    assert len((tmp_path / sealing.KEY_FILE).read_bytes()) == 32
    files.replace(tmp_path / "x", b"1")
    assert issubclass(PowerCut, BaseException)
