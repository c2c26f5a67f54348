"""A file beside the record: what differs, what may be said of it, which codes and pairs it carries."""

import json
from typing import Any

import pytest

from licence_service.comparison import Comparison, Outcome, Presented, compared, printed_pairs
from licence_service.fields import Asker, Field, Shown

PUBLIC = {Asker.PUBLIC: Shown.FULL}
FIELDS = {
    "plate": Field("车牌号", "plate", PUBLIC, "Plate"),
    "name": Field("姓名", "string", {Asker.PUBLIC: Shown.MASKED}, "Name"),
    "address": Field("地址", "string", {Asker.PUBLIC: Shown.NONE}, "Address"),
    "valid_from": Field("有效期起", "date", PUBLIC, "From"),
    "valid_to": Field("有效期止", "date", PUBLIC, "To"),
    "photo": Field("照片", "image", {}, "Photo"),
    "number": Field("证号", "string", PUBLIC, "Number"),
}
FACE: dict[str, Any] = {
    "plate": "川A12345", "name": "王小明", "address": "顺达路18号", "valid_from": "2026-05-10", "valid_to": "2030-05-09",
    "photo": "sha256:aa", "number": "5199",
}  # fmt: skip
TEXTS = ("证号 5199 号", "车牌号", "川A12345", "姓名", "王小明", "地址", "顺达路18号", "有效期", "2026年5月10日 至 2030年5月9日")
VALUES = {("plate",): "川A12345", ("name",): "王小明", ("address",): "顺达路18号", ("valid_from", "valid_to"): "2026年5月10日至2030年5月9日"}


def said(texts: tuple[str, ...] = TEXTS, values: dict[tuple[str, ...], str] | None = None, pages: int = 2, **face: Any) -> Presented:
    """Return what a file says; `face` changes its attached data."""
    data = {"face": {**FACE, **face}, "version": 1}
    return Presented((), json.dumps(data), texts, VALUES if values is None else values, pages)


def result(file: Presented, *, alike: bool = True, active: bool = False) -> Comparison:
    """Compare with the original."""
    return compared(FIELDS, FACE, Asker.PUBLIC, file, said(), alike=alike, active=active)


def test_a_file_that_says_and_looks_the_same_is_as_recorded() -> None:
    assert result(said()) == Comparison(Outcome.AS_RECORDED)


@pytest.mark.parametrize("why", [{"alike": False}, {"active": True}])
def test_what_looks_otherwise_or_could_act_is_altered_elsewhere(why: dict[str, bool]) -> None:
    told = result(said(), **why)
    assert (told.outcome, told.differences, told.elsewhere) == (Outcome.ALTERED, (), True)


def test_another_number_of_pages_or_other_words_are_altered_elsewhere() -> None:
    assert result(said(pages=3)).elsewhere
    assert result(said(texts=(*TEXTS, "永久有效"))).elsewhere


def test_other_attached_data_beside_the_face_are_altered_elsewhere() -> None:
    file = Presented((), json.dumps({"face": FACE, "version": 2}), TEXTS, VALUES, 2)
    assert result(file).elsewhere


def test_a_field_changed_in_the_data_is_named() -> None:
    (one,) = result(said(plate="川A99999")).differences
    assert (one.name, one.zh, one.en, one.recorded, one.in_file, one.where) == ("plate", "车牌号", "Plate", "川A12345", "川A99999", "data")


def test_a_value_that_the_asker_may_see_masked_is_shown_masked() -> None:
    (one,) = result(said(name="另一内容")).differences
    assert (one.name, one.recorded, one.in_file) == ("name", "王＊＊", "另一内容")


def test_a_field_that_the_asker_may_not_see_is_never_named() -> None:
    found = result(said(address="另一内容"))
    assert (found.outcome, found.differences, found.elsewhere) == (Outcome.ALTERED, (), True)


def test_a_field_changed_in_print_is_named_at_its_label() -> None:
    values = {**VALUES, ("plate",): "川A99999"}
    texts = tuple(text.replace("川A12345", "川A99999") for text in TEXTS)
    (one,) = result(said(texts, values)).differences
    assert (one.name, one.recorded, one.in_file, one.where) == ("plate", "川A12345", "川A99999", "print")


def test_of_a_term_only_the_day_that_differs_is_named() -> None:
    values = {**VALUES, ("valid_from", "valid_to"): "2026年5月10日至2099年5月9日"}
    texts = tuple(text.replace("2030年", "2099年") for text in TEXTS)
    (one,) = result(said(texts, values)).differences
    assert (one.name, one.recorded, one.in_file) == ("valid_to", "2030年5月9日", "2099年5月9日")


def test_a_term_that_cannot_be_taken_apart_names_both_days() -> None:
    values = {**VALUES, ("valid_from", "valid_to"): "长期"}
    found = result(said(values=values)).differences
    assert [(one.name, one.in_file) for one in found] == [("valid_from", "长期"), ("valid_to", "长期")]


def test_words_that_stand_without_their_label_are_no_difference_but_absent_ones_are() -> None:
    unlabelled = {names: text for names, text in VALUES.items() if names != ("plate",)}
    assert result(said(values=unlabelled)).outcome is Outcome.AS_RECORDED
    texts = tuple(text.replace("川A12345", "…") for text in TEXTS)
    (one,) = result(said(texts, unlabelled)).differences
    assert (one.name, one.in_file) == ("plate", None)


def test_a_value_that_has_no_label_is_looked_for_in_all_words() -> None:
    (one,) = result(said(tuple(text.replace("5199", "5200") for text in TEXTS))).differences
    assert (one.name, one.where) == ("number", "print")


def test_a_photo_that_differs_is_said_without_digests() -> None:
    found = result(said(photo="sha256:bb"))
    assert (found.outcome, found.differences, found.elsewhere) == (Outcome.ALTERED, (), True)


@pytest.mark.parametrize("value", [["x"], {"a": 1}, 5, "x" * 1000, "2026-99-99", None, True])
def test_whatever_a_file_says_in_a_field_is_shown_and_never_raises(value: object) -> None:
    for name in FIELDS:
        changed: dict[str, Any] = {name: value}
        for one in result(said(**changed)).differences:
            assert one.in_file is None or len(one.in_file) <= 200


@pytest.mark.parametrize("attached", [None, "", "x", "[]", "null", '{"face": 5}', "[" * 100_000])
def test_attached_data_of_any_kind_are_read(attached: str | None) -> None:
    told = result(Presented((), attached, TEXTS, VALUES, 2))
    assert told.outcome is Outcome.ALTERED
    assert not told.differences


def test_nothing_is_said_where_nothing_can_be_compared() -> None:
    assert compared(FIELDS, {}, Asker.PUBLIC, said(), said(), alike=True, active=False).outcome is Outcome.UNDECIDED
    assert compared(FIELDS, FACE, Asker.PUBLIC, said(texts=()), said(), alike=True, active=False).outcome is Outcome.UNDECIDED
    assert compared(FIELDS, FACE, Asker.PUBLIC, said(), Presented(), alike=True, active=False).outcome is Outcome.UNDECIDED


def test_number_and_check_code_in_print_are_found_and_few() -> None:
    file = Presented(
        (), json.dumps({"metadata": {"CertificateNumber": "A-77"}}), ("5199 00", "查验码", "YP01", "7NVQ", "3X5Q", *(f"{n}12345" for n in range(50)))
    )
    pairs = printed_pairs(file)
    assert pairs[0] == ("A-77", "YP017NVQ3X5Q")
    assert len(pairs) <= 6
    assert printed_pairs(Presented()) == ()
