"""S53, SEC1: no PAN beyond first six and last four, track 2, PIN, clear PIN block or key in anything the terminal
writes: state files, logs, films, slips, masked wire, stdout, stderr. A planted leak must be found."""

from __future__ import annotations

import base64
import io
import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from drivers.system import SqliteDisk
from firmware import log
from firmware.security import pin
from firmware.security.keystore import FILE as KEYSTORE
from firmware.security.secrets import Key, Pan, PinBlock, Track2, Use
from hal_mocks import desk as desk_module
from hal_mocks.acquirer import Mood
from hal_mocks.card.soft_card import CVM_ONLINE_PIN, PAN_A, PAN_B, Profile, SoftCard
from hal_mocks.desk import Desk
from hal_mocks.person import Person, buys, voids
from hal_mocks.world import KEYSTORE as KEYS

PIN = "602917438516"


def clear_block(digits: str, pan: str) -> bytes:
    buffer = bytearray(12)
    buffer[: len(digits)] = bytes(int(d) for d in digits)
    return bytes(pin.clear_format_0(buffer, len(digits), Pan(pan)))


def secrets(bank_keys: list[tuple[bytes, bytes]]) -> dict[str, bytes]:
    """Name → raw form. Digits are given as ASCII; their packed form is made below."""
    found = {"PAN A": PAN_A.encode(), "PAN B": PAN_B.encode(), "PIN": PIN.encode(),
             "track 2": f"{PAN_A}D3012201".encode(), "PIN block": clear_block(PIN, PAN_B),
             "TMK": KEYS.tmk.reveal(), "journal key": KEYS.journal.reveal(), "token key": KEYS.token.reveal()}  # fmt: skip
    for number, (pik, mak) in enumerate(bank_keys):
        found |= {f"PIK {number}": pik, f"MAK {number}": mak}
    return found


def forms(raw: bytes) -> set[bytes]:
    """ASCII/raw, BCD, hex, base64 at each alignment, UTF-16."""
    shapes = {raw}
    text = raw.decode() if raw.isascii() and raw[:1].isdigit() else ""
    if text:
        packed = text.replace("D", "d")
        shapes.add(
            bytes.fromhex(packed + "f" * (len(packed) % 2)) if len(packed) % 2 == 0 else bytes.fromhex(packed[:-1])
        )
    for shape in list(shapes):
        shapes |= {shape.hex().encode(), shape.hex().upper().encode()}
    for shape in list(shapes):
        for skip in range(3):
            coded = base64.b64encode(b"\0" * skip + shape)
            shapes.add(coded[4 if skip else 0 : -4])
        try:
            shapes |= {shape.decode("ascii").encode("utf-16-le"), shape.decode("ascii").encode("utf-16-be")}
        except UnicodeDecodeError:
            pass
    return {s for s in shapes if len(s) >= 6}


def leaks(data: bytes, wanted: dict[str, bytes]) -> list[str]:
    return [name for name, raw in wanted.items() if any(form in data for form in forms(raw))]


class DiskDesk(Desk):
    """The desk with its journal on the real disk."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self.folder = folder
        (folder / "journal.db").write_bytes(desk_module.first_journal())

    def devices(self, power):
        from dataclasses import replace

        return replace(super().devices(power), disk=SqliteDisk(self.folder))

    def entries(self):
        return [] if self.terminal is None else self.terminal.journal.all()


@pytest.fixture
def played(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> tuple[Desk, bytes, dict]:
    """A day with everything in it; returns all that was written, and the secrets that were in play."""
    desk = DiskDesk(tmp_path)
    desk.world.wallet = [SoftCard(), SoftCard(Profile(pan=PAN_B, cvm=CVM_ONLINE_PIN))]
    logged = io.StringIO()
    monkeypatch.setattr(desk_module, "_Quiet", lambda: logged)
    keys: list[tuple[bytes, bytes]] = []
    desk.world.bank.moods.extend([Mood("approve"), Mood("approve"), Mood("mute"), Mood("garbage")])
    steps = [
        *buys("1250"),
        *buys("700", card=1, pin=PIN),
        *buys("300", card=1, pin=PIN),
        *buys("400"),
        *voids("000002"),
    ]
    desk.play(Person(steps))
    keys.append(desk.world.bank.keys)
    print(desk.film.text(), logged.getvalue())
    files = b"".join(p.read_bytes() for p in sorted(tmp_path.rglob("*")) if p.is_file() and p.name != KEYSTORE)
    out, err = capfd.readouterr()
    everything = files + out.encode() + err.encode() + desk.film.text().encode() + desk.world.paper.text().encode()
    assert len(desk.entries()) == 5 and b"money" in everything
    return desk, everything, secrets(keys)


def test_nothing_secret_is_in_anything_the_terminal_wrote(played) -> None:
    _, everything, wanted = played
    assert leaks(everything, wanted) == []


def test_masked_numbers_are_there_so_the_search_looks_in_the_right_place(played) -> None:
    _, everything, _ = played
    assert b"620000******0005" in everything and b"620000******0047" in everything


@pytest.mark.parametrize("name", ["PAN A", "PIN", "track 2", "PIN block", "TMK", "journal key", "PIK 0", "MAK 0"])
def test_a_planted_leak_is_caught_in_every_form(played, name: str) -> None:
    _, everything, wanted = played
    for form in forms(wanted[name]):
        assert name in leaks(everything + b"..." + form + b"...", wanted), form


def test_a_run_whose_tests_leave_a_secret_behind_fails_and_says_where() -> None:
    """Not in tmp_path: there this leak would be found by the run that this test is part of."""
    root = Path(__file__).resolve().parent.parent
    with tempfile.TemporaryDirectory(prefix="takeback-canary-") as room:
        Path(room, "test_leaky.py").write_text(
            f"def test_leaky(tmp_path):\n    (tmp_path / 'left.log').write_text({PAN_A!r})\n"
        )
        done = subprocess.run([sys.executable, "-m", "pytest", "-p", "tests.conftest", "--rootdir", room, "--basetemp",
                               f"{room}/left", f"{room}/test_leaky.py"], cwd=root, capture_output=True, text=True)  # fmt: skip
    assert done.returncode == pytest.ExitCode.TESTS_FAILED, done.stdout + done.stderr
    assert "CANARY: test_leaky0/left.log holds PAN A" in done.stdout


def test_secrets_mask_themselves() -> None:
    for secret in (
        Pan(PAN_A),
        Track2(bytes.fromhex(PAN_A + "D301")),
        PinBlock(bytes(8)),
        Key(KEYS.tmk.reveal(), Use.WRAP),
    ):
        for shown in (str(secret), repr(secret), f"{secret}", f"{[secret]}"):
            assert PAN_A not in shown and KEYS.tmk.reveal().hex() not in shown


@pytest.mark.parametrize("size", range(8, 20))
def test_a_masked_number_of_any_length_hides_its_middle(size: int) -> None:
    """Short ones were printed whole (outside review, security A13)."""
    digits = "6234567891234567891"[:size]
    shown = Pan(digits).masked
    assert shown == (digits[:6] if size > 12 else "").ljust(size - 4, "*") + digits[-4:] and shown.count("*") >= 3


def test_the_log_refuses_a_field_that_is_not_on_its_list() -> None:
    with pytest.raises(AssertionError, match="pan"):
        log.event("x", pan=PAN_A)


def test_a_pin_buffer_is_wiped_on_every_way_out() -> None:
    with pytest.raises(RuntimeError), pin.PinBuffer() as buffer:
        buffer.digits[:4] = b"\1\2\3\4"
        raise RuntimeError
    assert buffer.digits == bytes(12) and buffer.count == 0


def test_an_encrypted_block_leaves_no_clear_digits_behind() -> None:
    buffer = pin.PinBuffer()
    buffer.digits[:4] = b"\1\2\3\4"
    buffer.count = 4
    block = pin.encrypted_block(buffer, Pan(PAN_A), Key(bytes(range(16)), Use.PIN))
    assert buffer.digits == bytes(12)
    assert block.reveal() != clear_block("1234", PAN_A)
