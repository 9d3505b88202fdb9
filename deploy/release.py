"""The recipe of a release: one tar that holds everything a terminal runs, the same bytes whenever it is built.

`build` takes what is committed, never what lies around. The wheelhouse is made by deploy/wheelhouse.sh, in a Debian of
the target's architecture. release.json comes first and names every file with its hash; the signature is over the tar.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from pathlib import Path
from typing import Any

from deploy.terminal.takeback_update import NAMESPACE, PARAMETERS, PLATFORM, SIGNER

ROOT = Path(__file__).resolve().parent.parent
ARCHITECTURES = {"amd64": "amd64", "aarch64": "arm64"}  # as the machine names itself, and as Debian does
PYTHONS = {"bookworm": "3.11", "trixie": "3.13"}  # of Debian and Raspberry Pi OS: one release is for all of them


class NotBuilt(Exception):
    """One sentence with what to do."""


def build(arch: str, counter: int, out: Path, tree: Path = ROOT) -> Path:
    """takeback-VERSION-COUNTER-ARCH.tar in `out`, from the commit that is checked out in `tree`. Raises NotBuilt."""
    if arch not in ARCHITECTURES:
        raise NotBuilt(f"there is no recipe for {arch}: {' or '.join(ARCHITECTURES)}")
    if counter < 1:
        raise NotBuilt("the counter of a release is 1 or more, and higher than that of every release before it")
    if _git(tree, "status", "--porcelain", "--untracked-files=no"):
        raise NotBuilt("there are changes that are not committed: commit them, a release is built from a commit")
    revision, built = _git(tree, "rev-parse", "HEAD"), int(_git(tree, "log", "-1", "--format=%ct"))
    with tempfile.TemporaryDirectory(prefix="takeback-release-") as room:
        source, wheels = Path(room, "source"), Path(room, "wheels")
        _export(tree, source)
        ours = {**os.environ, "PYTHON": sys.executable}
        for suite in reversed(PYTHONS):  # where both have a wheel for any Python, the older one's stays
            command = [str(source / "deploy/wheelhouse.sh"), ARCHITECTURES[arch], suite, str(wheels)]
            done = subprocess.run(command, env=ours, stderr=subprocess.PIPE, text=True)
            _say(done, f"the wheelhouse for {suite}")
        own = _own_wheel(source, wheels, built)
        files = {f"wheels/{w.name}": w.read_bytes() for w in sorted(wheels.glob("*.whl"))}
        files["requirements.txt"] = requirements(sorted(wheels.glob("*.whl"))).encode()
        files["sbom.json"] = _sbom(files["requirements.txt"], source, built)
        version = tomllib.loads((source / "pyproject.toml").read_text(encoding="utf-8"))["project"]["version"]
        assert f"-{version}-" in own.name
        manifest = {"kind": "release", "name": f"{version}-{counter}", "version": version, "counter": counter,
                    "arch": arch, "python": list(PYTHONS.values()), "built": built, "revision": revision,
                    "journal": _journal_form(source), "platform": PLATFORM}  # fmt: skip
    return write(manifest, files, out / f"takeback-{version}-{counter}-{arch}.tar")


def parameters(name: str, counter: int, files: list[Path], out: Path) -> Path:
    """A bundle of a rule pack (with its .sig) and EMV parameters. Raises NotBuilt."""
    strange = [f.name for f in files if f.name not in PARAMETERS]
    if strange or not files:
        raise NotBuilt(f"{(strange or ['nothing'])[0]} is no parameter file: {', '.join(PARAMETERS)}")
    if any(f.name == "rules.toml" for f in files) and not any(f.name == "rules.toml.sig" for f in files):
        raise NotBuilt("a rule pack goes with its own signature: rules.toml.sig beside rules.toml")
    built = max(int(f.stat().st_mtime) for f in files)
    manifest = {"kind": "parameters", "name": name, "counter": counter, "built": built}
    return write(manifest, {f.name: f.read_bytes() for f in files}, out / f"parameters-{name}-{counter}.tar")


def write(manifest: dict[str, Any], files: dict[str, bytes], path: Path) -> Path:
    """Sorted, without owners, all of one time: the same content is the same bytes."""
    manifest = manifest | {"files": {n: hashlib.sha256(files[n]).hexdigest() for n in sorted(files)}}
    path.parent.mkdir(parents=True, exist_ok=True)
    text = json.dumps(manifest, indent=1, sort_keys=True, ensure_ascii=False).encode()
    with tarfile.open(path, "w:", format=tarfile.USTAR_FORMAT) as tar:
        for name, data in [("release.json", text), *sorted(files.items())]:
            info = tarfile.TarInfo(name)
            info.size, info.mtime, info.mode = len(data), manifest["built"], 0o644
            tar.addfile(info, io.BytesIO(data))
    return path


def requirements(wheels: list[Path]) -> str:
    """Every wheel but pip, by name, version and hashes (a wheel for each Python, where it is compiled): what pip
    installs on the terminal, and nothing else."""
    rows: dict[str, list[str]] = {}
    for wheel in wheels:
        name, version = wheel.name.split("-")[:2]
        if name != "pip":
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
            rows.setdefault(f"{name.replace('_', '-')}=={version}", []).append(f" --hash=sha256:{digest}")
    return "\n".join(row + "".join(hashes) for row, hashes in rows.items()) + "\n"


def sign(bundle: Path, key: Path) -> Path:
    """BUNDLE.sig with ssh-keygen; `key` may be in an agent or on a token. Raises NotBuilt."""
    signature = bundle.with_name(bundle.name + ".sig")
    signature.unlink(missing_ok=True)
    _say(subprocess.run(["ssh-keygen", "-Y", "sign", "-f", str(key), "-n", NAMESPACE, str(bundle)],
                        stderr=subprocess.PIPE, text=True, stdin=subprocess.DEVNULL), "the signature")  # fmt: skip
    return signature


def new_key(path: Path) -> str:
    """A signing key, and the line for /etc/takeback/release_signers. Raises NotBuilt."""
    if path.exists():
        raise NotBuilt(f"{path} exists already")
    _say(subprocess.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "takeback releases", "-f", str(path)],
                        stderr=subprocess.PIPE, text=True), "the key")  # fmt: skip
    return signers_line(path.with_name(path.name + ".pub"))


def signers_line(public: Path) -> str:
    kind, blob = public.read_text(encoding="ascii").split()[:2]
    return f'{SIGNER} namespaces="{NAMESPACE}" {kind} {blob}\n'


# -- what is inside ----------------------------------------------------------------------------------------------------


def _export(tree: Path, into: Path) -> None:
    """The commit, as everybody has it: no file of the day, no mode of this umask."""
    into.mkdir()
    packed = subprocess.run(["git", "-C", str(tree), "archive", "HEAD"], capture_output=True, check=True).stdout
    with tarfile.open(fileobj=io.BytesIO(packed)) as tar:
        for member in tar:
            member.mode = 0o755 if member.isdir() or member.mode & 0o100 else 0o644
            tar.extract(member, into, filter="tar")


def _own_wheel(source: Path, wheels: Path, built: int) -> Path:
    environment = {**os.environ, "SOURCE_DATE_EPOCH": str(built)}
    _say(subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation",
                         "--disable-pip-version-check", "-w", str(wheels), str(source)], env=environment, umask=0o022,
                        stderr=subprocess.PIPE, text=True), "the wheel")  # fmt: skip
    return next(wheels.glob("takeback-*.whl"))


def _sbom(required: bytes, source: Path, built: int) -> bytes:
    """CycloneDX 1.6, from the very list that is installed."""
    done = subprocess.run([sys.executable, "-m", "cyclonedx_py", "requirements", "--output-reproducible",
                           "--mc-type", "firmware", "--pyproject", str(source / "pyproject.toml"), "-"],
                          input=required, capture_output=True,
                          env={**os.environ, "SOURCE_DATE_EPOCH": str(built)})  # fmt: skip
    if done.returncode:
        raise NotBuilt(f"the SBOM failed: {done.stderr.decode(errors='replace').strip()[-300:]}")
    return done.stdout


def _journal_form(source: Path) -> int:
    found = re.search(r"^FORM = (\d+)$", (source / "firmware/ledger/journal.py").read_text(encoding="utf-8"), re.M)
    assert found, "the journal names its form"
    return int(found[1])


def _git(tree: Path, *command: str) -> str:
    done = subprocess.run(["git", "-C", str(tree), *command], capture_output=True, text=True)
    if done.returncode:
        raise NotBuilt(f"git {command[0]}: {done.stderr.strip()}")
    return done.stdout.strip()


def _say(done: subprocess.CompletedProcess[str], what: str) -> None:
    if done.returncode:
        raise NotBuilt(f"{what} failed: {(done.stderr or '').strip()[-300:]}")
