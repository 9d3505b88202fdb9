"""`./run demo` is what a stranger sees first: each story is told to its end, on glass and paper, under its own title."""

from __future__ import annotations

import re

import pytest

from hal_mocks import demo


@pytest.fixture(scope="module")
def told() -> dict[str, str]:
    """What the demo says of each story, by the number in its title."""
    lines: list[str] = []
    assert demo.main(lines.append) == 0, lines[-1]
    parts = re.split(r"^=== (.*) ===$", "\n".join(lines), flags=re.MULTILINE)
    return {title[0]: text for title, text in zip(parts[1::2], parts[2::2], strict=True) if title[0].isdigit()}


def after(text: str, *marks: str) -> str:
    """What follows once every mark has come, in this order."""
    for mark in marks:
        assert mark in text, f"{mark!r} does not come, or not in its turn"
        text = text.partition(mark)[2]
    return text


def test_the_fourth_story_ends_with_the_reversal_acknowledged_and_the_customer_told(told: dict[str, str]) -> None:
    """README: "a network that dies after the bank booked the sale" and "the money is put back by itself"; issue 12,
    item 8: the story stopped at "the line returns", and the money came back under the title of the fifth."""
    rest = after(told["4"], "* the bank has booked it; the line dies", "* the line returns", "> 0400 reversal:")
    acknowledged, _, rest = after(rest, "< 0410 reversal reply:").partition("\n")
    assert " 4=000000000560 " in acknowledged and " 39=00 " in acknowledged
    screen = after(rest, "+- reversed ")
    assert screen.index("￥5.60") < screen.index("已冲正 未扣款") < screen.index("REVERSED, NOT CHARGED")
    slip = after(screen, "冲正通知 REVERSAL NOTICE", "冲正通知 REVERSAL NOTICE")
    assert re.search(
        r"凭证号 VOUCHER +000005\n(.*\n)*金额 RMB +5\.60\n(.*\n)* +已冲正 未扣款\n +REVERSED, NOT CHARGED", slip
    )


def test_no_story_leaves_its_reversal_to_the_next(told: dict[str, str]) -> None:
    """What a story owes is paid back before the next title comes (and story 3 pays in its own time, too)."""
    assert sorted(told) == ["1", "2", "3", "4", "5", "6"]
    paid = {number: text.count("< 0410 reversal reply:") for number, text in told.items()}
    assert paid == {"1": 0, "2": 0, "3": 1, "4": 1, "5": 0, "6": 0}


def test_each_slip_stands_with_the_story_that_printed_it(told: dict[str, str]) -> None:
    """The paper used to be one roll after the last story, out of sight of what it proves."""
    sums = {"1": "12.50", "2": "8.80", "3": "9.90", "4": "5.60", "5": "12.50", "6": "4.30"}
    for number, amount in sums.items():
        slips = told[number].partition("--- the paper of this story ---")[2]
        found = re.findall(r"^金额 RMB +(-?[\d.]+)$", slips, re.MULTILINE)
        assert {f.removeprefix("-") for f in found} <= {amount}, number
        assert found or number == "3", "only story 3 stops before its amount is printed"
