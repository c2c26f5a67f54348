"""The annotated copy of every type, endorsements and all: the licence's own pages, the mark under everything and whole on the frame, PDF/A-3u (SH-12)."""

from collections.abc import Callable, Iterator
from datetime import timedelta

import pytest

from licence_service.document.annotated import MarkWords, marked
from licence_service.document.placed import Area, Item, Letters, Photo, Placed, Run, Stamp, Symbol
from licence_service.document.strokes import PT
from licence_service.errors import FaceRejected
from licence_service.store.lendings import Lending, new_lending_id
from tests.pdfa import VeraPdf
from tests.templates.conftest import SLUGS, Made

Make = Callable[[str], Made]
Box = tuple[float, float, float, float]
every_type = pytest.mark.parametrize("slug", SLUGS)
# A page and a table, a photograph; `make test-long` looks at the copy of every type with foreign eyes.
SOME = ("road_transport_certificate", "practitioner_qualification")
LONG = "蜀安市示例城市轨道交通建设投资发展集团有限责任公司第二分公司人力资源部采购组"
SHORT, LONGEST = (
    MarkWords("示例银行", "办理贷款", "2026年11月28日", "2026年12月28日 12:00"),
    MarkWords(LONG, LONG, "2026年11月28日", "2026年12月28日 12:00"),
)


def pages(made: Made) -> Placed:
    """Return the pages of a type's licence as they are placed for a copy."""
    service = made.world.service
    annotator = service.shown.lending.annotator
    record = service.book.get(made.answer["licence_id"])
    return service.printer.place(annotator._sheet(record, *annotator._made_here(record, service.now())))


def boxes(items: tuple[Item, ...]) -> Iterator[Box]:
    """Yield the places of what a licence says on a page: texts, code, seal, photographs."""
    for one in items:
        if isinstance(one, Run):
            yield one.x, one.y - 0.9 * one.size / PT, one.x + one.width, one.y + 0.15 * one.size / PT
        elif isinstance(one, Symbol):
            yield one.x, one.y - one.side, one.x + one.side, one.y
        elif isinstance(one, Stamp):
            yield one.x - 15, one.y - 15, one.x + 15, one.y + 15
        elif isinstance(one, Photo):
            yield one.x, one.y, one.x + one.width, one.y + one.height


@every_type
@pytest.mark.parametrize("words", [SHORT, LONGEST], ids=["short", "longest"])
def test_the_mark_lies_under_everything_and_once_whole_where_nothing_stands(made: Make, slug: str, words: MarkWords) -> None:
    one = made(slug)
    plain, fonts = pages(one), one.world.service.printer.fonts
    for before, after in zip(plain.pages, marked(plain, words, fonts).pages, strict=True):
        own = after.items[: len(after.items) - len(before.items)]
        assert after.items[len(own) :] == before.items  # whatever the licence says is drawn later
        (ribbon,) = [each for each in own if isinstance(each, Area)]
        for left, top, right, bottom in boxes(before.items):
            apart = right <= ribbon.x or left >= ribbon.x + ribbon.width or bottom <= ribbon.y or top >= ribbon.y + ribbon.height
            assert apart, (before.part, left, top)
        assert ribbon.x > 0
        assert ribbon.y + ribbon.height < after.height
        on_ribbon = [each for each in own if isinstance(each, Letters) and not each.angle]
        assert "".join(each.text for each in on_ribbon).replace("　", "").replace(" ", "") == "".join(words.lines()).replace("　", "").replace(
            " ", ""
        )
        assert min(each.size for each in on_ribbon) >= 4.5
        assert sum(isinstance(each, Letters) and bool(each.angle) for each in own) >= 6


@pytest.mark.parametrize("slug", [slug if slug in SOME else pytest.param(slug, marks=pytest.mark.long) for slug in SLUGS])
def test_the_sealed_copy_is_pdfa_3u(made: Make, verapdf: VeraPdf, slug: str) -> None:
    one = made(slug)
    service, now = one.world.service, one.world.service.now()
    lending = Lending(new_lending_id(), one.answer["licence_id"], "0" * 26, None, 1, now, now + timedelta(days=30), LONG, "办理车辆贷款")
    copy = service.shown.lending.annotator.copy(service.book.get(one.answer["licence_id"]), lending)
    target = one.path.with_name(f"{slug}-copy.pdf")
    target.write_bytes(service.archive.get(copy.document_sha256))
    assert verapdf.failures(target) == []


def test_words_that_are_too_long_or_have_no_glyph_are_refused(made: Make) -> None:
    one = made(SLUGS[0])
    fonts = one.world.service.printer.fonts
    for words, faulty in ((MarkWords("行" * 400, "用", "今天", "明天"), "receiver"), (MarkWords("行", "用\U0001f3e6", "今天", "明天"), "purpose")):
        with pytest.raises(FaceRejected) as refused:
            marked(pages(one), words, fonts)
        assert {fault.path for fault in refused.value.faults} == {faulty}
