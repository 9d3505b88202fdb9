"""A release is the same bytes whenever it is built, whatever the umask, and says truly what is in it."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import subprocess
import tarfile
import tempfile
from pathlib import Path

import pytest

from deploy import release
from deploy.release import NotBuilt
from firmware import __version__
from firmware.ledger import journal
from tests.deploy.pis import ROOT

pytestmark = pytest.mark.deploy


@pytest.fixture(scope="module")
def room() -> Path:
    """Beside the virtual Pis, not in pytest's folder: the canary searches that, and a source tree holds its test cards."""
    return Path(tempfile.mkdtemp(dir=os.environ["TAKEBACK_RIG"]))


@pytest.fixture(scope="module")
def built(room: Path) -> tuple[Path, Path]:
    """The same commit in two trees, under two umasks."""
    made = []
    for name, mask in (("one", 0o022), ("another", 0o077)):
        before = os.umask(mask)
        try:
            subprocess.run(["git", "clone", "-q", str(ROOT), str(room / name)], check=True)
            made.append(release.build("amd64", 7, room / f"{name}-out", room / name))
        finally:
            os.umask(before)
    return made[0], made[1]


def test_twice_built_is_the_same_bytes(built: tuple[Path, Path]) -> None:
    one, another = built
    assert one.name == f"takeback-{__version__}-7-amd64.tar"
    assert one.read_bytes() == another.read_bytes()


def test_the_manifest_names_every_file_and_the_journals_form(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as tar:
        held = {m.name: tar.extractfile(m).read() for m in tar}  # type: ignore[union-attr]
    manifest = json.loads(held.pop("release.json"))
    assert manifest["files"] == {n: hashlib.sha256(b).hexdigest() for n, b in held.items()}
    assert manifest["journal"] == journal.FORM and manifest["arch"] == "amd64" and manifest["counter"] == 7
    head = subprocess.run(
        ["git", "rev-parse", "HEAD"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout.strip()
    assert manifest["revision"] == head
    wheels = [n for n in held if n.endswith(".whl")]
    hashes = re.findall(r"--hash=sha256:(\w+)", held["requirements.txt"].decode())
    assert sorted(hashes) == sorted(d for n, d in manifest["files"].items() if n in wheels and "/pip-" not in n)
    assert manifest["python"] == ["3.11", "3.13"]
    for python in ("cp311", "cp313"):
        assert [n for n in wheels if f"pyscard-2.3.1-{python}" in n], f"what is compiled is there for {python}"
    assert not [n for n in held if "hal_mocks" in n]


def test_the_sbom_lists_what_is_installed_and_nothing_of_this_machine(built: tuple[Path, Path]) -> None:
    with tarfile.open(built[0]) as tar:
        file = tar.extractfile("sbom.json")
        assert file
        text = file.read().decode()
        rows = tar.extractfile("requirements.txt")
        assert rows
        wanted = {line.split("==")[0].lower() for line in io.TextIOWrapper(rows)}
    sbom = json.loads(text)
    assert sbom["bomFormat"] == "CycloneDX" and sbom["specVersion"] == "1.6"
    found = {c["name"].lower().replace("_", "-") for c in sbom["components"]}
    assert wanted - {"takeback"} <= found, wanted - found
    assert str(ROOT) not in text and "file:" not in text


def test_only_what_is_committed_is_built(room: Path) -> None:
    subprocess.run(["git", "clone", "-q", str(ROOT), str(room / "tree")], check=True)
    (room / "tree/README.md").write_text("changed")
    with pytest.raises(NotBuilt, match="not committed"):
        release.build("amd64", 1, room, room / "tree")
