"""House rules as tests: short functions, no float near money, no wall clock outside its driver, no print, words."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
CODE = sorted(p for d in ("firmware", "drivers", "hal_mocks") for p in (ROOT / d).rglob("*.py"))
FIRMWARE = [p for p in CODE if p.parts[len(ROOT.parts)] == "firmware"]
Function = ast.FunctionDef | ast.AsyncFunctionDef


def name(path: Path) -> str:
    return str(path.relative_to(ROOT))


def functions(paths: list[Path]) -> Iterator[tuple[str, Function]]:
    for path in paths:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, Function):
                yield f"{name(path)}:{node.name}", node


def lines(node: Function) -> int:
    body = node.body[1:] if ast.get_docstring(node) and len(node.body) > 1 else node.body
    return (body[-1].end_lineno or 0) - body[0].lineno + 1


def test_functions_are_short() -> None:
    sizes = {where: lines(node) for where, node in functions(CODE)}
    assert {w: n for w, n in sizes.items() if n > 70} == {}
    assert median(sizes.values()) <= 8


def test_every_module_and_every_public_class_says_what_it_is() -> None:
    silent = []
    for path in CODE:
        tree = ast.parse(path.read_text(encoding="utf-8"))
        silent += [] if ast.get_docstring(tree) else [name(path)]
        silent += [f"{name(path)}:{n.name}" for n in tree.body if isinstance(n, ast.ClassDef)
                   and not n.name.startswith("_") and not ast.get_docstring(n)]  # fmt: skip
    assert silent == []


TIMED = {
    "firmware/ledger/outbox.py",
    "firmware/host/breaker.py",
    "firmware/ledger/true_time.py",
}  # they wait, they do not count


def test_no_float_near_money() -> None:
    """Floats live where durations do: parameters and names that end in _s, and literals handed to them."""
    for path in [*(ROOT / "firmware" / "ledger").glob("*.py"), ROOT / "firmware/money.py", *(ROOT / "firmware" / "receipts").glob("*.py"),
                 *(ROOT / "firmware" / "host").glob("*.py"), *(ROOT / "firmware" / "withdrawal").glob("*.py")]:  # fmt: skip
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.BinOp) and isinstance(node.op, ast.Div):
                assert name(path) in TIMED, f"{name(path)}:{node.lineno} divides"
            if isinstance(node, ast.Constant) and isinstance(node.value, float):
                assert name(path) in TIMED, f"{name(path)}:{node.lineno} has a float"
            assert not (isinstance(node, ast.Name) and node.id in ("float", "Decimal")) or name(path) in TIMED


BANNED_IMPORTS = {
    "random",
    "secrets",
    "time",
    "socket",
    "serial",
    "smartcard",
    "RPi",
    "luma",
    "threading",
    "subprocess",
}
BANNED_CALLS = {"print", "datetime.now", "date.today", "datetime.utcnow", "os.urandom"}
ALLOWED = {
    ("firmware/security/sealing.py", "os.urandom"): "a device key is made once, before there is a terminal",
    ("firmware/security/provision.py", "datetime.now"): "certificates need a date; the terminal never calls it in use",
}


def called(node: ast.Call) -> str:
    f = node.func
    if isinstance(f, ast.Attribute) and isinstance(f.value, ast.Name):
        return f"{f.value.id}.{f.attr}"
    return f.id if isinstance(f, ast.Name) else ""


def imported(node: ast.AST) -> set[str]:
    if isinstance(node, ast.Import):
        return {a.name.split(".")[0] for a in node.names}
    return {node.module.split(".")[0]} if isinstance(node, ast.ImportFrom) and node.module else set()


def test_firmware_takes_time_chance_and_wires_from_the_hal() -> None:
    found = set()
    for path in FIRMWARE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            found |= {(name(path), module) for module in imported(node) & BANNED_IMPORTS}
            if isinstance(node, ast.Call) and called(node) in BANNED_CALLS:
                found.add((name(path), called(node)))
    assert found == set(ALLOWED)


def test_only_the_disk_commits() -> None:
    for path in FIRMWARE:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Attribute) and node.attr == "commit":
                assert ast.unparse(node) == "self._disk.commit" or path.name == "disk.py", name(path)


def test_reveal_is_called_where_secrets_must_come_out_and_nowhere_else() -> None:
    rooms = {name(p).rsplit("/", 1)[0] for p in FIRMWARE if ".reveal()" in p.read_text(encoding="utf-8")}
    assert rooms <= {"firmware/security", "firmware/host", "firmware/ledger", "firmware/emv"}


def test_no_test_sleeps() -> None:
    for path in (ROOT / "tests").rglob("test_*.py"):
        if "real_parts" not in path.parts and path != Path(__file__):
            assert "time.sleep(" not in path.read_text(encoding="utf-8"), name(path)


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True, check=True).stdout.split(
        "\n"
    )
    return [ROOT / line for line in listed if line and (ROOT / line).is_file()]


def test_no_committed_file_names_a_machine_path_or_an_index_or_a_live_looking_card() -> None:
    test_cards = {"6200000000000005", "6200000000000047", "4012345678909", "5555555551234567", "0000000000000000"}
    index = re.compile(r"--(extra-)?index-url|--find-links|pypi\.org|registry\.npmjs")
    for path in tracked():
        if path.suffix in (".tbf", ".png") or path == Path(__file__):
            continue
        text = path.read_text(encoding="utf-8")
        assert not index.search(text), name(path)
        assert str(ROOT.parent) + "/" not in text, f"{name(path)} names this machine"
        if path.suffix in (".py", ".md", ".txt", ".toml") and "requirements" not in path.parts:
            for found in re.findall(r"(?<![0-9A-Fa-f])[3-6]\d{15}(?![0-9A-Fa-f])", text):
                assert found in test_cards or not luhn(found), f"{name(path)}: {found[:6]}… looks like a live card"


def luhn(digits: str) -> bool:
    total = 0
    for place, char in enumerate(reversed(digits)):
        value = int(char) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def test_every_test_that_the_architecture_promises_exists() -> None:
    text = "".join((ROOT / page).read_text(encoding="utf-8") for page in ("ARCHITECTURE.md", "docs/faults.md"))
    promised = set(re.findall(r"`(tests/[\w/]+(?:\.py)?)(?:::(\w+))?`", text))
    assert len(promised) > 12
    for path, function in promised:
        assert (ROOT / path).exists(), path
        assert not function or f"def {function}(" in (ROOT / path).read_text(encoding="utf-8"), function


def found() -> dict[str, dict[str, str]]:
    """docs/found.md: review → number of the finding → what keeps it mended, or that it is open."""
    reviews: dict[str, dict[str, str]] = {}
    for line in (ROOT / "docs" / "found.md").read_text(encoding="utf-8").split("\n"):
        if line.startswith("## "):
            reviews[line[3:]] = {}
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if line.startswith("| ") and cells[0] != "id":
            assert len(cells) == 3 and cells[1], line
            for number in cells[0].split(", "):
                table = reviews[list(reviews)[-1]]
                assert number not in table, f"{number} stands twice"
                table[number] = cells[2]
    return reviews


def numbered(letter: str, first: int, last: int) -> set[str]:
    return {f"{letter}{n}" for n in range(first, last + 1)}


NUMBERED = {  # how far each outside review of revision 438b953 counted
    "Money": numbered("D", 1, 22) | numbered("B.", 1, 10) | numbered("C.", 1, 5) | numbered("G.", 1, 10),
    "Counter": numbered("D", 0, 12) | numbered("N", 1, 12) | numbered("4.", 1, 9) | {f"1{x}" for x in "bcdefg"},
    "EMV": numbered("R", 1, 14) | numbered("4.", 1, 12),
    "Security": numbered("A", 1, 12) | numbered("A13.", 1, 10),
    "Parts": numbered("D", 1, 16) | numbered("5.", 1, 7),
    "House": numbered("4.", 1, 8) | numbered("5.", 1, 10),
    "Tests": numbered("", 0, 22),
}


def test_no_finding_of_an_outside_review_is_left_out_of_the_page() -> None:
    page = found()
    assert set(page) == set(NUMBERED)
    assert {review: sorted(numbers - set(page[review])) for review, numbers in NUMBERED.items()} == {
        review: [] for review in NUMBERED
    }


def test_each_finding_is_open_or_kept_mended_by_a_test_that_exists() -> None:
    """Neither "mended" nor "TEST?" is an answer: a test that can be run, or the word "open"."""
    wrong = []
    for review, table in found().items():
        for number, kept in table.items():
            named = re.findall(r"`(tests/[\w/]+\.py)::(test_\w+)`", kept)
            wrong += [
                f"{review} {number}: no test {function}" for path, function in named if not is_there(path, function)
            ]
            if "TEST?" in kept or kept.count("::") != len(named) or not (named or re.match(r"open\b", kept)):
                wrong.append(f"{review} {number}: {kept}")
    assert wrong == []


def is_there(path: str, function: str) -> bool:
    return (ROOT / path).exists() and f"def {function}(" in (ROOT / path).read_text(encoding="utf-8")


def test_every_word_has_both_languages() -> None:
    from firmware import words

    table = {n: v for n, v in vars(words).items() if isinstance(v, words.Word)}
    assert len(table) > 90
    for key, word in table.items():
        assert word.zh.strip() and word.en.strip(), key
        assert word.en.isascii(), key
