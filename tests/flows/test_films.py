"""Golden films: glass, keys, masked wire and paper of each story, word for word. --update-golden rewrites them."""

from __future__ import annotations

from pathlib import Path

import pytest

from hal_mocks import books
from tests.flows import films

GOLDEN = Path(__file__).parent / "golden"


def film(name: str) -> str:
    desk = films.play(name)
    table = books.table(desk.world, desk.entries())
    stuck = (
        ["sale 000002 stuck", "sale 000002 manual_closed"] if "stuck" in name or "by_code" in name else []
    )  # a person and the bank have to talk; money is still there
    assert [d for d in books.disagreements(desk.world, desk.entries()) if d.split(":")[0] not in stuck] == []
    return desk.film.text() + "\n== paper ==\n" + desk.world.paper.text() + "\n\n== books ==\n" + table + "\n"


@pytest.mark.parametrize("name", films.FILMS)
def test_film_is_the_golden_one(name: str, pytestconfig: pytest.Config) -> None:
    path = GOLDEN / f"{name}.txt"
    found = film(name)
    if pytestconfig.getoption("--update-golden"):
        GOLDEN.mkdir(exist_ok=True)
        path.write_text(found, encoding="utf-8")
    assert path.exists(), f"{path.name} is missing: make golden"
    assert found == path.read_text(encoding="utf-8")


def test_no_orphan_films() -> None:
    assert {p.stem for p in GOLDEN.glob("*.txt")} == set(films.FILMS)
