"""The collection of templates: the real folder loads, and each mistake is refused with the name of its file."""

import shutil
from collections.abc import Callable
from datetime import date
from pathlib import Path

import pytest

from licence_service.catalogue import read_catalogue
from licence_service.errors import TemplateRejected, UnknownType
from licence_service.fields import check_face
from licence_service.licence import Act

REAL = Path(__file__).parents[2] / "templates"
FAMILY = """
[family]
label = "从业资格"
accent = "#35397F"
waves = 2
strands = 3
phase_step = 0.62
envelope = 0.5
lobes = 10
[blocks]
head = [{ kind = "text", x = 30, y = 30, content = "{$title}" }]
"""
CODES = '[values]\n1 = "男"\n2 = "女"\n'
KIND = """
title = { zh = "继续教育", en = "Continuing education" }
asserted = true
date_field = "date"
disclose = ["public"]
[facts]
date = { label = "日期", type = "date", disclose = {} }
"""
EDITION = """
title = { zh = "小证", en = "Small licence" }
category = "道路运输"
family = "person"
used_from = 2026-01-01
index = 900
code = "11100000000019713D071"
holder = "person"
holder_name = "person_name"
number = { field = "license_no" }
term = { rule = "exact", years = 6 }
acts = ["issue", "renew"]
endorsements = ["continuing_education"]
[fields]
person_name = { label = "姓名", type = "string", disclose = {}, printed = false }
sex = { label = "性别", type = "enum", code_table = "sex", disclose = {}, printed = false }
license_no = { label = "证号", type = "string", disclose = {}, printed = false }
valid_from = { label = "起", type = "date", disclose = {}, printed = false }
valid_to = { label = "止", type = "date", disclose = {}, printed = false, after = "valid_from" }
issuer_name = { label = "机关", type = "string", disclose = {}, printed = false }
issue_date = { label = "日期", type = "date", disclose = {}, printed = false }
[[pages]]
part = "正本"
before = ["head"]
"""
FILE, KIND_FILE = "small_licence/2026-01.toml", "_endorsements/continuing_education.toml"
SAMPLE = 'as_of = 2026-11-28\nissuer = "11519900MB9900021Q"\n[face]\nperson_name = "陈安途"\n'
Change = Callable[[Path], object]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A small, right catalogue of one type."""
    for name, content in {
        "_families/person.toml": FAMILY, "_codes/sex.toml": CODES, KIND_FILE: KIND,
        "small_licence/2026-01.toml": EDITION, "small_licence/sample.toml": SAMPLE,
    }.items():  # fmt: skip
        path = tmp_path / "templates" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    return tmp_path / "templates"


def replaced(name: str, old: str, new: str) -> Change:
    def change(folder: Path) -> None:
        path = folder / name
        content = path.read_text(encoding="utf-8")
        assert old in content
        path.write_text(content.replace(old, new, 1), encoding="utf-8")

    return change


def edition(old: str, new: str) -> Change:
    return replaced("small_licence/2026-01.toml", old, new)


def test_the_real_templates_are_all_correct() -> None:
    catalogue = read_catalogue(REAL)

    assert len(catalogue.slugs) == 23
    assert [catalogue.editions[slug][-1].index for slug in catalogue.slugs] == list(range(1, 24))
    assert all(catalogue.by_index(catalogue.editions[slug][-1].index) == slug for slug in catalogue.slugs)


def test_the_real_samples_keep_the_rules_of_their_types() -> None:
    catalogue = read_catalogue(REAL)
    for slug in catalogue.slugs:
        sample, template = catalogue.samples[slug], catalogue.editions[slug][-1]
        photos = dict.fromkeys(sample.photos, "sha256:" + "0" * 64)
        face, faults = check_face(template.fields, template.with_term(dict(sample.face) | photos), today=sample.as_of)

        assert (faults, template.term_faults(face)) == ((), ()), slug


def test_a_small_catalogue_is_read_with_everything_filled_in(folder: Path) -> None:
    catalogue = read_catalogue(folder)
    template = catalogue.in_force("small_licence", date(2026, 1, 1))

    assert catalogue.slugs == ("small_licence",)
    assert (template.slug, template.edition, template.index) == ("small_licence", "2026-01", 900)
    assert dict(template.fields["sex"].codes or {}) == {"1": "男", "2": "女"}
    assert catalogue.kinds["continuing_education"].slug == "continuing_education"
    assert catalogue.families["person"].slug == "person"
    assert catalogue.samples["small_licence"].face == {"person_name": "陈安途"}
    assert len(template.pages[0].elements) == 1
    assert catalogue.by_index(900) == "small_licence"
    assert catalogue.by_index(1) is None
    assert {act for act in template.acts if act in {each.value for each in Act}} == {"issue", "renew"}


def test_the_edition_of_a_day_is_the_newest_that_is_used_then(folder: Path) -> None:
    (folder / "small_licence/2027-07.toml").write_text(EDITION.replace("2026-01-01", "2027-07-01"), encoding="utf-8")
    catalogue = read_catalogue(folder)

    assert catalogue.in_force("small_licence", date(2027, 6, 30)).edition == "2026-01"
    assert catalogue.in_force("small_licence", date(2027, 7, 1)).edition == "2027-07"
    assert catalogue.edition("small_licence", "2026-01").used_from == date(2026, 1, 1)
    for slug, day in (("small_licence", date(2025, 12, 31)), ("other", date(2027, 1, 1))):
        with pytest.raises(UnknownType):
            catalogue.in_force(slug, day)
    for slug, name in (("small_licence", "2020-01"), ("other", "2026-01")):
        with pytest.raises(UnknownType):
            catalogue.edition(slug, name)


@pytest.mark.rule("SH-06")
@pytest.mark.parametrize(("said", "hours"), [("", 24), ("status_fresh_hours = 1", 1), ("status_fresh_hours = 720", 720)])
def test_an_edition_says_how_old_a_status_may_be(folder: Path, said: str, hours: int) -> None:
    edition('holder = "person"', f'{said}\nholder = "person"')(folder)

    assert read_catalogue(folder).edition("small_licence", "2026-01").status_fresh_hours == hours


@pytest.mark.rule("SH-06")
def test_of_the_real_types_only_what_is_carried_at_sea_may_be_older_than_a_day() -> None:
    catalogue = read_catalogue(REAL)
    hours = {slug: editions[-1].status_fresh_hours for slug, editions in catalogue.editions.items()}

    assert {slug: limit for slug, limit in hours.items() if limit != 24} == {"ship_operation_certificate": 168}


@pytest.mark.parametrize("name", [FILE, "_families/person.toml", "_codes/sex.toml"])
def test_the_digest_of_an_edition_covers_all_that_it_is_made_of(folder: Path, name: str) -> None:
    before = read_catalogue(folder).edition("small_licence", "2026-01").digest
    (folder / name).write_text((folder / name).read_text(encoding="utf-8") + "\n# a remark\n", encoding="utf-8")

    assert len(before) == 64
    assert read_catalogue(folder).edition("small_licence", "2026-01").digest != before


@pytest.mark.parametrize(
    ("change", "named", "said"),
    [
        (edition('family = "person"', 'family = "person"\nfamilie = "x"'), FILE, "familie"),
        (edition('type = "string", disclose', 'type = "string", colour = "red", disclose'), FILE, "colour"),
        (edition('holder = "person"', 'holder = "person"\nstatus_fresh_hours = 0'), FILE, "status_fresh_hours"),
        (edition('holder = "person"', 'holder = "person"\nstatus_fresh_hours = 721'), FILE, "status_fresh_hours"),
        (edition('holder = "person"', 'holder = "person"\nstatus_fresh_hours = "a week"'), FILE, "status_fresh_hours"),
        (edition('holder_name = "person_name"', 'holder_name = "holder"'), FILE, "no field holder"),
        (edition('number = { field = "license_no" }', 'number = { field = "no" }'), FILE, "no field no"),
        (edition('after = "valid_from"', 'after = "start"'), FILE, "no field start"),
        (edition('after = "valid_from"', 'after = "license_no"'), FILE, "license_no is no date field"),
        (edition('after = "valid_from"', 'agrees_with = "license_no"'), FILE, "license_no is no citizen_id field"),
        (edition('after = "valid_from"', 'sum_of = ["license_no"]'), FILE, "license_no is no integer field"),
        (edition('after = "valid_from"', 'pattern = "("'), FILE, "valid_to: the pattern"),
        (edition('after = "valid_from"', 'recorded_as = "change"'), FILE, "change is no endorsement kind"),
        (edition('code_table = "sex", ', ""), FILE, "sex: a code field"),
        (edition('code_table = "sex"', 'code_table = "six"'), FILE, "no code table six"),
        (edition('"renew"]', '"renew", "dance"]'), FILE, "no act dance"),
        (edition('["continuing_education"]', '["dancing"]'), FILE, "no endorsement kind dancing"),
        (edition('family = "person"', 'family = "dog"'), FILE, "no family dog"),
        (edition('code = "11100000000019713D071"', ""), FILE, "local_code"),
        (edition('holder = "person"', 'holder = "person"\nlocal_code = "001"'), FILE, "local_code"),
        (edition('{ rule = "exact", years = 6 }', '{ rule = "exact" }'), FILE, "years or months"),
        (edition('{ rule = "exact", years = 6 }', '{ rule = "about", years = 6 }'), FILE, "term.rule"),
        (edition('before = ["head"]', 'before = ["tail"]'), FILE, "no block 'tail'"),
        (edition("disclose = {}, printed", 'disclose = { neighbour = "full" }, printed'), FILE, "disclose.neighbour"),
        (edition("index = 900", "index = "), FILE, "line 6"),
        (edition("index = 900", "index = 900\nindex = 901"), FILE, "overwrite"),
        (replaced(KIND_FILE, "asserted = true", ""), KIND_FILE, "either asserted"),
        (replaced(KIND_FILE, 'date_field = "date"', 'date_field = "day"'), KIND_FILE, "no fact day"),
        (replaced(KIND_FILE, "asserted = true", 'asserted = true\ncolour = "x"'), KIND_FILE, "colour"),
        (replaced("_codes/sex.toml", "[values]", "[vals]"), "_codes/sex.toml", "[values]"),
        (replaced("_families/person.toml", "waves = 2", ""), "_families/person.toml", "waves"),
        (replaced("small_licence/sample.toml", "as_of = 2026-11-28", ""), "small_licence/sample.toml", "as_of"),
        (replaced("small_licence/sample.toml", "as_of", "colour = 1\nas_of"), "small_licence/sample.toml", "colour"),
        (lambda folder: (folder / "small_licence/sample.toml").unlink(), "small_licence/sample.toml", "No such file"),
        (lambda folder: (folder / FILE).rename(folder / "small_licence/newest.toml"), "small_licence/newest.toml", "year and month"),
        (lambda folder: (folder / "small_licence/2026-01.toml").write_bytes(b"\xff"), FILE, "utf-8"),
        (lambda folder: (folder / "small_licence/2026-01.toml").unlink(), "small_licence", "no edition"),
        (lambda folder: (folder / "small_licence").rename(folder / "Small-Licence"), "Small-Licence", "lower-case"),
        (lambda folder: shutil.copytree(folder / "small_licence", folder / "twin_licence"), "twin_licence", "index 900 belongs to small_licence"),
        (lambda folder: shutil.copy(folder / "small_licence/2026-01.toml", folder / "small_licence/2026-02.toml"), "small_licence", "same day"),
    ],
)  # fmt: skip
def test_a_mistake_is_refused_with_the_name_of_its_file(folder: Path, change: Change, named: str, said: str) -> None:
    change(folder)

    with pytest.raises(TemplateRejected) as refused:
        read_catalogue(folder)
    assert refused.value.detail.startswith(f"{named}:")
    assert said in refused.value.detail


def test_all_that_is_wrong_in_a_file_is_named_at_once(folder: Path) -> None:
    edition('"renew"]', '"dance"]')(folder)
    edition('family = "person"', 'family = "dog"')(folder)

    with pytest.raises(TemplateRejected) as refused:
        read_catalogue(folder)
    assert "no act dance" in refused.value.detail
    assert "no family dog" in refused.value.detail
