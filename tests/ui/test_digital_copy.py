"""The digital copy: fits version 3 at two pixels a module, and a reader decodes it from the rendered PNG."""

from __future__ import annotations

from io import BytesIO

import pytest
import zxingcpp
from PIL import Image

from drivers import glass
from firmware import receipts
from firmware.ledger.entry import Entry
from firmware.ledger.lifecycle import Kind, State
from firmware.ui import screens
from hal_mocks import picture
from hal_mocks.desk import settings

ENTRY = Entry(1, Kind.SALE, State.RELEASED, "000001", "000002", 999_999_999, "2026-11-23T12:00:05",
              rrn="112300000002", auth="015838")  # fmt: skip


@pytest.mark.parametrize("language", ["zh", "en"])
def test_the_code_on_the_glass_can_be_read(language: str) -> None:
    text = receipts.digital_copy(ENTRY, settings().merchant, "c07af6ad" + "0" * 56)
    png = BytesIO()
    picture.screen(screens.digital_copy(text), language).save(png, "PNG")
    (found,) = zxingcpp.read_barcodes(Image.open(png))
    assert found.text == text == "10000001 2611231200 999999999 112300000002 015838 C07AF6AD"


def test_it_is_version_three_with_room() -> None:
    code = glass.qr_code("1" * 8 + " " + "9" * 10 + " 999999999 112300000002 015838 C07AF6AD")
    assert code.version == 3
    assert len(list(code.matrix)) * 2 <= glass.HEIGHT - 4
