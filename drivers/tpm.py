"""The device secret under a TPM 2.0, through tpm2-tools: sealed with a policy over PCRs, so that neither another
terminal nor another boot chain can open it. Needs `apt-get install tpm2-tools`; tried with swtpm (make test-real)."""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from firmware import files
from firmware.errors import KeyProblem
from firmware.security.sealing import Secret, derived

PUBLIC, PRIVATE = "tpm.pub", "tpm.priv"
PCRS = "sha256:7,11"  # secure boot state; the kernel's stub
_TIMEOUT_S = 20
Run = Callable[[list[str], bytes], bytes]


def run(command: list[str], given: bytes = b"") -> bytes:
    """One tool. Raises KeyProblem with its last line."""
    try:
        done = subprocess.run(command, input=given, capture_output=True, timeout=_TIMEOUT_S, check=False)
    except FileNotFoundError:
        raise KeyProblem(f"{command[0]} is not installed: sudo apt-get install tpm2-tools") from None
    except subprocess.TimeoutExpired:
        raise KeyProblem(f"{command[0]} does not answer: is the TPM there?") from None
    if done.returncode:
        last = done.stderr.decode(errors="replace").strip().splitlines() or ["no reason given"]
        raise KeyProblem(f"the TPM refuses ({command[0]}): {(last[-2:] or last)[0][:120]}")
    return done.stdout


def from_tpm(directory: Path, tool: Run = run) -> Secret:
    """Sealed blobs beside the key store; made at the first call."""

    def secret() -> bytes:
        if not (directory / PUBLIC).exists():
            _create(directory, tool)
        with tempfile.TemporaryDirectory() as made:
            folder = Path(made)
            primary, sealed = str(folder / "primary.ctx"), str(folder / "sealed.ctx")
            _primary(primary, tool)
            blobs = ["-u", str(directory / PUBLIC), "-r", str(directory / PRIVATE)]
            tool(["tpm2_load", "-Q", "-C", primary, *blobs, "-c", sealed], b"")
            _flush(tool)
            return derived(tool(["tpm2_unseal", "-c", sealed, "-p", f"pcr:{PCRS}"], b""))

    return secret


def _primary(context: str, tool: Run) -> None:
    """The contexts are files: what is loaded is flushed, since a chip holds three objects and not every system has a
    resource manager."""
    tool(["tpm2_createprimary", "-Q", "-C", "o", "-g", "sha256", "-G", "ecc", "-c", context], b"")
    _flush(tool)


def _flush(tool: Run) -> None:
    tool(["tpm2_flushcontext", "-Q", "-t"], b"")


def _create(directory: Path, tool: Run) -> None:
    """32 random bytes under the PCRs as they are now. The private part is an encrypted blob of the TPM's own."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as made:
        folder = Path(made)
        primary, policy = str(folder / "primary.ctx"), str(folder / "policy")
        _primary(primary, tool)
        tool(["tpm2_createpolicy", "-Q", "--policy-pcr", "-l", PCRS, "-L", policy], b"")
        _flush(tool)
        public, private = folder / PUBLIC, folder / PRIVATE
        tool(["tpm2_create", "-Q", "-C", primary, "-L", policy, "-i", "-", "-u", str(public), "-r", str(private),
              "-a", "fixedtpm|fixedparent"], os.urandom(32))  # fmt: skip
        _flush(tool)
        files.replace(directory / PRIVATE, private.read_bytes())
        files.replace(directory / PUBLIC, public.read_bytes())
