"""The page of a receipt: PDF/A-3u whatever it says, one sheet however much there is to say."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from licence_service.document import reading
from licence_service.document.pdf import draw
from licence_service.document.placed import Run
from licence_service.document.receipt import ReceiptWords, Row, place
from licence_service.errors import FaceRejected
from licence_service.wording import HEADLINES
from tests.pdfa import VeraPdf
from tests.printing import fonts

AT = datetime(2026, 11, 28, 4, 0, tzinfo=UTC)


def words(overall: str = "valid", rows: int = 5, more: int = 1) -> ReceiptWords:
    row = Row("证照标识", "Identifier", "1.2.156.3005.2.11100000000019713D071", ("登记簿中有此证照 The register holds this licence",) * more)
    return ReceiptWords(overall, HEADLINES[overall], True, (row,) * rows, (row,) * 5, (Row("摘要", "Digest", "0f" * 32),) * 2)


@pytest.mark.parametrize("overall", sorted(HEADLINES))
def test_every_verdict_makes_a_page_that_is_pdfa_and_says_its_words(overall: str, verapdf: VeraPdf, tmp_path: Path) -> None:
    said = words(overall)
    pdf = draw(place(said, fonts()), b"{}", title="回执", created_at=AT, fonts=fonts(), attached_as="receipt.json")
    target = tmp_path / "receipt.pdf"
    target.write_bytes(pdf)

    assert verapdf.failures(target) == []
    assert "".join("".join(reading.text(pdf)).split()) == "".join("".join(said.texts()).split())


def size_of_values(rows: int) -> float:
    items = place(words(rows=rows, more=2), fonts()).pages[0].items
    return max(item.size for item in items if isinstance(item, Run) and item.text.startswith("1.2."))


def test_much_to_say_is_set_smaller_and_too_much_is_refused() -> None:
    assert size_of_values(8) < size_of_values(3)
    with pytest.raises(FaceRejected):
        place(words(rows=60), fonts())
