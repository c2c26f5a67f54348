"""Reads `templates/` into a checked, read-only collection. Everything that can be wrong is named when loading."""

import hashlib
import re
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter, ValidationError

from licence_service import page, rules
from licence_service.digests import canonical, sha256
from licence_service.errors import TemplateRejected, UnknownType
from licence_service.fields import Asker, Field, Shown
from licence_service.licence import Act
from licence_service.rules import RulePack
from licence_service.template import EndorsementKind, Template

_EDITION = re.compile(r"\d{4}-\d{2}(?:-\d{2})?")
_SLUG = re.compile(r"[a-z][a-z0-9_]{2,78}")
_TEMPLATE = TypeAdapter(Template)
_KIND = TypeAdapter(EndorsementKind)
_FAMILY = TypeAdapter(page.Family)
_PACK = TypeAdapter(RulePack)
_PACK_ID = re.compile(r"[a-z0-9][a-z0-9_]{2,78}")


@dataclass(frozen=True, slots=True)
class Sample:
    """One fictional licence of a type, as `sample.toml` gives it.

    `photos` names stand-ins to be drawn; `endorsements` are facts by kind; `before` holds the values that a change
    in the sample replaced.
    """

    as_of: date
    issuer: str
    face: Mapping[str, Any]
    photos: Mapping[str, str]
    endorsements: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True, slots=True)
class Catalogue:
    """All types with all their editions, endorsement kinds, families and rule packs."""

    editions: Mapping[str, tuple[Template, ...]]  # oldest first
    kinds: Mapping[str, EndorsementKind]
    families: Mapping[str, page.Family]
    samples: Mapping[str, Sample]
    packs: tuple[RulePack, ...]

    @property
    def slugs(self) -> tuple[str, ...]:
        """Return the type names in the order of their index."""
        return tuple(sorted(self.editions, key=lambda slug: self.editions[slug][-1].index))

    def in_force(self, slug: str, day: date) -> Template:
        """Return the edition used on a day."""
        used = [edition for edition in self.editions.get(slug, ()) if edition.used_from <= day]
        if not used:
            raise UnknownType
        return used[-1]

    def edition(self, slug: str, edition: str) -> Template:
        """Return one edition by name; licences keep the edition they were made with."""
        for one in self.editions.get(slug, ()):
            if one.edition == edition:
                return one
        raise UnknownType

    def by_index(self, index: int) -> str | None:
        """Return the type name behind the small number in a code on paper."""
        return next((slug for slug, editions in self.editions.items() if editions[-1].index == index), None)


def read_catalogue(folder: Path) -> Catalogue:
    """Read and check every file; raise `TemplateRejected` with the file's name and all that is wrong in it."""
    codes = {path.stem: _code_table(path) for path in sorted((folder / "_codes").glob("*.toml"))}
    kinds = {path.stem: _kind(path, codes) for path in sorted((folder / "_endorsements").glob("*.toml"))}
    families = {path.stem: _family(path) for path in sorted((folder / "_families").glob("*.toml"))}
    editions: dict[str, tuple[Template, ...]] = {}
    samples: dict[str, Sample] = {}
    for home in sorted(path for path in folder.iterdir() if path.is_dir() and not path.name.startswith(("_", "."))):
        if not _SLUG.fullmatch(home.name):
            raise TemplateRejected(f"{home.name}: a type's name is lower-case letters, digits and underscores")
        files = [path for path in sorted(home.glob("*.toml")) if path.name != "sample.toml"]
        found = [_template(path, codes, kinds, families) for path in files]
        if not found:
            raise TemplateRejected(f"{home.name}: no edition")
        editions[home.name] = tuple(sorted(found, key=lambda each: each.used_from))
        samples[home.name] = _sample(home / "sample.toml")
    _distinct(editions)
    packs = tuple(_pack(path, kinds, editions) for path in sorted((folder / "_rules").glob("*.toml")))
    for one, other, slug in rules.overlaps(packs):
        raise TemplateRejected(f"_rules/{one.id}.toml: {one.way} for {slug} overlaps in time with _rules/{other.id}.toml")
    return Catalogue(editions, kinds, families, samples, packs)


def _toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise TemplateRejected(f"{path.parent.name}/{path.name}: {error}") from error


def _validated(adapter: TypeAdapter[Any], raw: object, path: Path) -> Any:  # noqa: ANN401 - what the adapter makes
    try:
        return adapter.validate_python(raw)
    except ValidationError as error:
        wrong = "; ".join(f"{'.'.join(map(str, one['loc']))}: {one['msg']}" for one in error.errors())
        raise TemplateRejected(f"{path.parent.name}/{path.name}: {wrong}") from error


def _family(path: Path) -> page.Family:
    family: page.Family = _validated(_FAMILY, _toml(path), path)
    return replace(family, slug=path.stem)


def _pack(path: Path, kinds: Mapping[str, EndorsementKind], editions: Mapping[str, tuple[Template, ...]]) -> RulePack:
    if not _PACK_ID.fullmatch(path.stem):
        raise TemplateRejected(f"_rules/{path.name}: a pack's name is lower-case letters, digits and underscores")
    raw = _toml(path)
    if given := sorted({"id", "digest"} & raw.keys()):
        raise TemplateRejected(f"_rules/{path.name}: {', '.join(given)}: the file's name and content give it")
    pack: RulePack = _validated(_PACK, raw, path)
    if wrong := rules.check(pack, kinds, editions):
        raise TemplateRejected(f"_rules/{path.name}: {'; '.join(wrong)}")
    return rules.named(pack, path.stem)


def _code_table(path: Path) -> Mapping[str, str]:
    values = _toml(path).get("values")
    if not isinstance(values, dict) or not values:
        raise TemplateRejected(f"_codes/{path.name}: a code table has [values]")
    return {str(code): str(label) for code, label in values.items()}


def _filled(fields: Mapping[str, Field], codes: Mapping[str, Mapping[str, str]], path: Path) -> dict[str, Field]:
    """Give every field the values of the code table that it names."""
    for name, field in fields.items():
        if field.code_table and field.code_table not in codes:
            raise TemplateRejected(f"{path.parent.name}/{path.name}: {name}: no code table {field.code_table}")
    return {name: replace(field, codes=codes[field.code_table]) if field.code_table else field for name, field in fields.items()}


def _kind(path: Path, codes: Mapping[str, Mapping[str, str]]) -> EndorsementKind:
    kind: EndorsementKind = _validated(_KIND, _toml(path), path)
    if kind.asserted == bool(kind.written_by):
        raise TemplateRejected(f"_endorsements/{path.name}: a kind is either asserted or written by acts")
    for name in (kind.date_field, kind.conditions_until):
        if name and name not in kind.facts:
            raise TemplateRejected(f"_endorsements/{path.name}: no fact {name}")
    if wrong := list(_shown_to_all(kind.facts)):
        raise TemplateRejected(f"_endorsements/{path.name}: {'; '.join(wrong)}")
    return replace(kind, slug=path.stem, facts=_filled(kind.facts, codes, path))


def _template(
    path: Path, codes: Mapping[str, Mapping[str, str]], kinds: Mapping[str, EndorsementKind], families: Mapping[str, page.Family]
) -> Template:
    if not _EDITION.fullmatch(path.stem):
        raise TemplateRejected(f"{path.parent.name}/{path.name}: an edition is named by its year and month")
    template: Template = _validated(_TEMPLATE, _toml(path), path)
    if template.family in families:
        template = replace(template, pages=page.assembled(template.pages, families[template.family]))
    wrong = list(_problems(template, kinds, families))
    if wrong:
        raise TemplateRejected(f"{path.parent.name}/{path.name}: {'; '.join(wrong)}")
    fields = _filled(template.fields, codes, path)
    used = sorted({field.code_table for field in template.fields.values() if field.code_table})
    sources = [path, path.parent.parent / "_families" / f"{template.family}.toml", *(path.parent.parent / "_codes" / f"{name}.toml" for name in used)]
    digest = hashlib.sha256(b"".join(hashlib.sha256(source.read_bytes()).digest() for source in sources)).hexdigest()
    return replace(template, slug=path.parent.name, edition=path.stem, digest=digest, fields=fields)


def _problems(template: Template, kinds: Mapping[str, EndorsementKind], families: Mapping[str, page.Family]) -> Iterator[str]:
    """Name every reference that leads nowhere."""
    names = [template.holder_name, template.number.field, template.issuer_field, template.issued_field, *template.compare, *template.searchable]
    names += [name for name in (template.holder_id, template.number.prefix_field, template.conditions_until) if name]
    names += [template.parent.field] if template.parent else []
    names += [template.term.start] if template.term.rule != "none" else []
    for name, field in template.fields.items():
        names += [other for other in (field.after, field.agrees_with, field.repeats, *field.sum_of) if other]
        if field.pattern and not _compiles(field.pattern):
            yield f"{name}: the pattern is no regular expression"
        wanted = [(field.after, "date"), (field.agrees_with, "citizen_id"), *((part, "integer") for part in field.sum_of)]
        strange = [(other, kind) for other, kind in wanted if other and other in template.fields and template.fields[other].type != kind]
        yield from (f"{name}: {other} is no {kind} field" for other, kind in strange)
        if field.type in {"enum", "multi_enum"} and not field.codes and not field.code_table:
            yield f"{name}: a code field needs codes or a code_table"
        if field.recorded_as and field.recorded_as not in template.endorsements:
            yield f"{name}: {field.recorded_as} is no endorsement kind of this type"
    yield from (f"no field {name}" for name in dict.fromkeys(names) if name not in template.fields)
    yield from (f"no act {act}" for act in template.acts if act not in {each.value for each in Act})
    yield from (f"no endorsement kind {kind}" for kind in template.endorsements if kind not in kinds)
    if template.term.rule != "none" and template.term.years <= 0 and template.term.months <= 0:
        yield "a term has years or months"
    yield from _shown_to_all(template.fields)
    if template.family not in families:
        yield f"no family {template.family}"
    if bool(template.code) == bool(template.local_code):
        yield "a type has either the ministry's code or a local_code"
    yield from page.check(template.pages, template.fields, {slug: kinds[slug] for slug in template.endorsements if slug in kinds})


def _shown_to_all(fields: Mapping[str, Field]) -> Iterator[str]:
    """Name every sensitive field that the public would see in clear: it could reach codes, pages and addresses."""
    return (
        f"{name}: a sensitive field is not shown to the public in full"
        for name, each in fields.items()
        if each.sensitive and each.disclose.get(Asker.PUBLIC) is Shown.FULL
    )


def _compiles(pattern: str) -> bool:
    try:
        re.compile(pattern)
    except re.error:
        return False
    return True


def _distinct(editions: Mapping[str, tuple[Template, ...]]) -> None:
    indexes: dict[int, str] = {}
    for slug, each in editions.items():
        if len({template.used_from for template in each}) != len(each):
            raise TemplateRejected(f"{slug}: two editions are used from the same day")
        for template in each:
            if indexes.setdefault(template.index, slug) != slug:
                raise TemplateRejected(f"{slug}: index {template.index} belongs to {indexes[template.index]}")


def _sample(path: Path) -> Sample:
    raw = _toml(path)
    needed = {"as_of", "issuer", "face"}
    if needed - raw.keys():
        raise TemplateRejected(f"{path.parent.name}/sample.toml: missing keys {sorted(needed - raw.keys())}")
    unknown = raw.keys() - needed - {"photos", "endorsements"}
    if unknown:
        raise TemplateRejected(f"{path.parent.name}/sample.toml: unknown keys {sorted(unknown)}")
    return Sample(raw["as_of"], raw["issuer"], raw["face"], raw.get("photos", {}), tuple(raw.get("endorsements", ())))


def kind_digest(kind: EndorsementKind) -> str:
    """Return the digest of a kind as declared: what is put in force."""
    return sha256(canonical(kind_data(kind)))


def kind_data(kind: EndorsementKind) -> dict[str, Any]:
    """Return a kind as JSON that `kind_of` reads back."""
    said: dict[str, Any] = _KIND.dump_python(kind, mode="json", exclude_defaults=True)
    return said


def kind_of(said: Mapping[str, Any]) -> EndorsementKind:
    """Read back what `kind_data` gave."""
    return _KIND.validate_python(said)


def file_schema() -> dict[str, Any]:
    """Return the JSON Schema of an edition file, for editors; it lies beside the templates as `schema.json`."""
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", **_TEMPLATE.json_schema()}
