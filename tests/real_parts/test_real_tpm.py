"""SEC7 with a TPM 2.0: swtpm, the software one, behind tpm2-tools. Another TPM, or another boot chain, opens nothing."""

from __future__ import annotations

import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from drivers import tpm
from firmware.errors import KeyProblem
from firmware.security import keystore

pytestmark = pytest.mark.real


class SoftTpm:
    """One chip with a state of its own."""

    def __init__(self) -> None:
        self._state = tempfile.TemporaryDirectory()
        self.port = _free_pair()
        where = f"type=tcp,port={self.port}"
        control = f"type=tcp,port={self.port + 1}"
        self._process = subprocess.Popen(
            ["swtpm", "socket", "--tpm2", "--tpmstate", f"dir={self._state.name}", "--server", where, "--ctrl", control,
             "--flags", "not-need-init,startup-clear"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)  # fmt: skip
        until = time.monotonic() + 10.0
        while time.monotonic() < until and not _answers(self.port + 1):
            time.sleep(0.05)

    @property
    def tcti(self) -> str:
        return f"swtpm:host=127.0.0.1,port={self.port}"

    def stop(self) -> None:
        self._process.terminate()
        self._process.wait(10.0)
        self._state.cleanup()


def _answers(port: int) -> bool:
    with socket.socket() as s:
        s.settimeout(1.0)
        return s.connect_ex(("127.0.0.1", port)) == 0


def _free_pair() -> int:
    while True:
        with socket.socket() as one, socket.socket() as two:
            one.bind(("127.0.0.1", 0))
            port: int = one.getsockname()[1]
            try:
                two.bind(("127.0.0.1", port + 1))
            except OSError:
                continue
            return port


@pytest.fixture
def chips() -> Iterator[tuple[SoftTpm, SoftTpm]]:
    made = SoftTpm(), SoftTpm()
    yield made
    for chip in made:
        chip.stop()


def test_a_key_store_under_a_tpm_opens_there_and_nowhere_else(
    chips: tuple[SoftTpm, SoftTpm], monkeypatch: pytest.MonkeyPatch
) -> None:
    here, there = chips
    with tempfile.TemporaryDirectory() as made:
        state = Path(made)
        secret = tpm.from_tpm(state)
        monkeypatch.setenv("TPM2TOOLS_TCTI", here.tcti)
        keys = keystore.generate()
        keystore.save(keys, state, secret)
        assert keystore.load(state, secret) == keys
        assert not (state / "device.key").exists()
        monkeypatch.setenv("TPM2TOOLS_TCTI", there.tcti)  # the SD card is in another Pi
        with pytest.raises(KeyProblem, match="the TPM refuses"):
            keystore.load(state, secret)
        monkeypatch.setenv("TPM2TOOLS_TCTI", here.tcti)
        assert keystore.load(state, secret) == keys
        tpm.run(["tpm2_pcrextend", "11:sha256=" + "01" * 32])  # another kernel was booted
        with pytest.raises(KeyProblem, match="the TPM refuses"):
            keystore.load(state, secret)


def test_no_tpm_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TPM2TOOLS_TCTI", "swtpm:host=127.0.0.1,port=1")
    with tempfile.TemporaryDirectory() as made, pytest.raises(KeyProblem, match="TPM"):
        tpm.from_tpm(Path(made))()
