"""The device wheel: firmware, drivers and fonts, and nothing of the simulated world."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def names(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    out = tmp_path_factory.mktemp("wheel")
    source = out / "source"
    subprocess.run(["git", "clone", "--quiet", str(ROOT), str(source)], check=True)
    subprocess.run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--no-build-isolation", "--no-index",
                    "-w", str(out), str(source)], check=True, env={**os.environ, "PIP_FIND_LINKS": ""})  # fmt: skip
    shutil.rmtree(source)  # test cards stand in the tests; the canary searches what is left here
    (wheel,) = out.glob("takeback-*.whl")
    return zipfile.ZipFile(wheel).namelist()


def test_no_simulation_and_no_test_is_in_the_wheel(names: list[str]) -> None:
    tops = {n.split("/")[0] for n in names if ".dist-info" not in n}
    assert tops == {"firmware", "drivers"}


def test_fonts_and_their_licences_are_in_the_wheel(names: list[str]) -> None:
    assert {n for n in names if "fonts" in n} == {
        "drivers/fonts/glass12.tbf", "drivers/fonts/glass16.tbf", "drivers/fonts/paper24.tbf",
        "drivers/fonts/LICENCES.md",
    }  # fmt: skip


def test_the_rule_packs_are_in_the_wheel(names: list[str]) -> None:
    assert {n for n in names if n.endswith(".toml")} == {"firmware/emv/data/emv.toml",
        *(f"firmware/withdrawal/packs/{p}.toml" for p in ("cn", "demo"))}  # fmt: skip


def test_every_module_is_in_the_wheel(names: list[str]) -> None:
    wanted = {str(p.relative_to(ROOT)) for d in ("firmware", "drivers") for p in (ROOT / d).rglob("*.py")}
    assert wanted <= set(names)
