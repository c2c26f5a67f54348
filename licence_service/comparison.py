"""An uploaded file beside the record: which fields differ, and whether it is only another way to save the same page.

Pure. It is asked only once the uploader has shown that the paper is before him: by the genuine signed code of this
very version, or by its number and check code in print. A field that the asker may not see is never named, only that something
differs; failed comparisons are counted like wrong check codes.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from licence_service.fields import Asker, Face, Field, Value, disclose, printed

MOST_SHOWN = 200  # characters of a value that a file says
MOST_PAIRS = 6
_CHECK_CODE = re.compile(r"(?<!\S)([0-9A-HJKMNP-TV-Z]{4}) ([0-9A-HJKMNP-TV-Z]{4}) ([0-9A-HJKMNP-TV-Z]{4})(?!\S)")  # as it is printed
_NUMBER = re.compile(r"\S*\d{4,}\S*")
_TABLES = frozenset({"table", "image"})
_FACE, _NUMBER_NAME = "face", "CertificateNumber"


class Outcome(StrEnum):
    """What became of the content of a file whose bytes are not the archived ones."""

    AS_RECORDED = "as_recorded"  # saved again: looks and says the same, its seal is lost; get the original
    ALTERED = "altered"
    UNDECIDED = "undecided"  # not read: nothing is said about its content


@dataclass(frozen=True, slots=True)
class Presented:
    """What a file says of itself, read by the bounded child; nothing of it is believed.

    `codes` are the texts of its codes, `attached` its licence.json, `texts` its pages' words in order, `values` what
    stands at which labels (field names → words without spaces), `pages` how many it has.
    """

    codes: tuple[str, ...] = ()
    attached: str | None = field(default=None, repr=False)
    texts: tuple[str, ...] = field(default=(), repr=False)
    values: Mapping[tuple[str, ...], str] = field(default_factory=dict, repr=False)
    pages: int = 0

    def data(self) -> Mapping[str, Any]:
        """Return the attached licence data, empty where they are not a JSON object."""
        try:
            found = json.loads(self.attached or "")
        except (ValueError, RecursionError):
            return {}
        return found if isinstance(found, dict) else {}


@dataclass(frozen=True, slots=True)
class Difference:
    """One field that differs. `recorded` is None where this asker may not see it, `in_file` where the file says nothing."""

    name: str
    zh: str
    en: str
    recorded: str | None
    in_file: str | None
    where: str  # "data" in the attached data, "print" on the page


@dataclass(frozen=True, slots=True)
class Comparison:
    """The answer: the outcome and the fields that differ; `elsewhere` says that something other than a field differs too."""

    outcome: Outcome
    differences: tuple[Difference, ...] = ()
    elsewhere: bool = False


def printed_pairs(presented: Presented) -> tuple[tuple[str, str], ...]:
    """Return a few (number, check code) that the file carries, for `Book.by_number_and_code`; the attached number goes first."""
    texts = [text.strip() for text in presented.texts]
    codes = list(dict.fromkeys("".join(found.groups()) for found in _CHECK_CODE.finditer(" ".join(texts))))[:2]
    metadata = presented.data().get("metadata")
    attached = metadata.get(_NUMBER_NAME) if isinstance(metadata, dict) else None
    candidates = [attached] if isinstance(attached, str) else []
    candidates += [text for text in texts if _NUMBER.fullmatch(text)]
    numbers = list(dict.fromkeys(text[:MOST_SHOWN] for text in candidates if text))
    return tuple((number, code) for code in codes for number in numbers)[:MOST_PAIRS]


def compared(fields: Mapping[str, Field], face: Face, asker: Asker, file: Presented, original: Presented, *, alike: bool, active: bool) -> Comparison:
    """Compare a file with the record of the version that its code names.

    `face` is the record's face of that version, `original` what the archived document says, `alike` whether both
    look the same (`uploaded.look_alike`), `active` whether the file holds active content, which is never benign.
    """
    if not face or not original.texts or not file.texts:  # erased, not read, or a picture in a PDF: nothing to compare
        return Comparison(Outcome.UNDECIDED)
    seen = _shown(fields, disclose(fields, face, asker), face)
    found = {one.name: one for one in (*_in_print(fields, face, file, original, seen), *_in_data(fields, face, file.data(), seen))}
    rest = not alike or file.pages != original.pages or _words(file) != _words(original)
    rest = rest or _without_face(file.data()) != _without_face(original.data())
    if not found and not rest and not active:
        return Comparison(Outcome.AS_RECORDED)
    # A field that the asker may not see is never named: file after file, or value after value in one, it would answer what it holds.
    ordered = [found[name] for name in fields if name in found and name in seen]
    return Comparison(Outcome.ALTERED, tuple(ordered), elsewhere=not ordered)


def _shown(fields: Mapping[str, Field], seen: Mapping[str, Value], face: Face) -> dict[str, str]:
    """Return the words for what this asker may see; a masked value stays as it is."""
    return {
        name: printed(fields[name], value) if value == face[name] and fields[name].type not in _TABLES else str(value)
        for name, value in seen.items()
        if fields[name].type not in _TABLES
    }


def _in_data(fields: Mapping[str, Field], face: Face, data: Mapping[str, Any], seen: Mapping[str, str]) -> Iterator[Difference]:
    """Compare the attached data field by field; a file that has none says nothing there."""
    said = data.get(_FACE)
    if not isinstance(said, dict):
        return
    for name, one in fields.items():
        if said.get(name) != face.get(name):
            yield Difference(name, one.label, one.label_en, seen.get(name), _in_words(one, said.get(name)), "data")


def _in_words(one: Field, value: object) -> str | None:
    """Return what a file says in a field, as the page would print it; whatever cannot be printed is shown as it is, cut."""
    if value is None or one.type in _TABLES:
        return None
    try:
        return printed(one, value)[:MOST_SHOWN]  # type: ignore[arg-type]  # of a stranger's JSON; checked by failing
    except (ValueError, TypeError, AttributeError):
        return str(value)[:MOST_SHOWN]


def _in_print(
    fields: Mapping[str, Field], face: Face, file: Presented, original: Presented, seen: Mapping[str, str]
) -> Iterator[Difference]:  # fmt: skip
    """Compare what stands at each label with what stands there on the original; without the label, whether the words stand anywhere."""
    words = _words(file)
    for names, there in original.values.items():
        here = file.values.get(names)
        if here == there or (here is None and there in words):
            continue
        for name, wanted in zip(names, _parts(names, there), strict=True):
            mine = dict(zip(names, _parts(names, here), strict=True)).get(name) if here is not None else None
            if mine != wanted and name in fields and fields[name].type not in _TABLES:
                lost = mine == _compact(seen.get(name, ""))  # a label may stand twice, and one of the two be gone
                yield Difference(
                    name, fields[name].label, fields[name].label_en, seen.get(name), mine[:MOST_SHOWN] if mine and not lost else None, "print"
                )
    labelled = {name for names in original.values for name in names}
    whole = _words(original)
    for name, one in fields.items():
        if name not in labelled and name in face and one.printed and one.type not in _TABLES:
            wanted = _compact(printed(one, face[name]))
            if wanted in whole and wanted not in words:
                yield Difference(name, one.label, one.label_en, seen.get(name), None, "print")


def _parts(names: tuple[str, ...], there: str) -> list[str]:
    """Take apart what stands at a label of several fields, such as a term from … to …; the same words for all where it cannot be."""
    parts = re.split(r"至|—|→", there) if len(names) > 1 else [there]
    return parts if len(parts) == len(names) else [there] * len(names)


def _without_face(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {name: value for name, value in data.items() if name != _FACE}


def _words(said: Presented) -> str:
    return _compact("".join(said.texts))


def _compact(words: str) -> str:
    return re.sub(r"\s", "", words)
