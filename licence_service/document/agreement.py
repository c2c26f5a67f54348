"""The finished page says what the face says, or the line stops before the seal (DOMAIN M10).

Read from the file alone: where each label stands, which values stand at it, whether they are those of the label's
field. The placed list is not asked. A value is told from a label by its hand (values Song, labels Hei, LOOK §1).
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from licence_service.document.explained import Explained, rows_missing
from licence_service.document.reading import Piece, ReadPage, compact, pages
from licence_service.document.sheet import Sheet
from licence_service.document.wording import formatted
from licence_service.errors import PageDisagrees
from licence_service.fields import Field, printed
from licence_service.page import JOINT, LabelBook

_BELOW, _CHAIN, _ASIDE = 8.8, 8.8, 60.0  # mm: how far a value's baseline may lie below its label's, or the line's before
_ALIGNED, _CENTRED = 1.6, 2.0
_RAISED = 2.5  # mm: how far a label may stand above the baseline of the value beside it
_SAME_SIZE = 1.1  # points: the sizes of lines of one list may differ so much
_CLEAR = 2  # mm: a lower line begins at least so far below
_OVERLAP = 0.35
_OUTER = 5.5  # nothing but the frame lies nearer to the trim (LOOK §2)
_POINTER = re.compile(r"其余\d+项见.*$")
_NUMBERED = re.compile(r"^\d+\.")
_SEPARATORS = re.compile(r"[；;—–\-→、]")
CONTINUED, UNTIL = "（续）", "至"
_ABSENT = frozenset({"—", "长期"})


@dataclass(slots=True)
class _Said:
    """What stands at the labels of one group of fields, gathered over all pages."""

    names: tuple[str, ...]
    lines: list[list[str]] = field(default_factory=list)  # one list a label
    rest: list[str] = field(default_factory=list)  # under labels that say they continue


def agree(pdf: bytes, sheet: Sheet) -> None:
    """Raise `PageDisagrees` unless every printed field stands on the page at its own label, whole and as the face prints it.

    Also refused: texts outside the frame, over one another, or under something drawn later.
    """
    agree_read(pages(pdf), sheet)


def agree_read(read: list[ReadPage], sheet: Sheet) -> None:
    """Raise `PageDisagrees` as `agree` does, of pages that were read already."""
    wrong = [*_misplaced(read), *_mislabelled(read, sheet), *rows_missing(read, sheet)]
    if wrong:
        raise PageDisagrees("; ".join(dict.fromkeys(wrong)))


def _misplaced(read: list[ReadPage]) -> Iterator[str]:
    for number, page in enumerate(read, 1):
        ordered = sorted(page.pieces, key=lambda piece: piece.top)
        for place, piece in enumerate(ordered):
            if piece.left < _OUTER or piece.top < _OUTER or piece.right > page.width - _OUTER or piece.bottom > page.height - _OUTER:
                yield f"page {number}: a text lies outside the frame"
            if piece.covered:
                yield f"page {number}: a text is covered"
            for other in ordered[place + 1 :]:
                if other.top > piece.bottom - _OVERLAP:
                    break
                if other.left < piece.right - _OVERLAP and piece.left < other.right - _OVERLAP and other.bottom > piece.top + _OVERLAP:
                    yield f"page {number}: two texts lie over one another"


def _mislabelled(read: list[ReadPage], sheet: Sheet) -> Iterator[str]:
    fields = sheet.template.fields
    said: dict[tuple[str, ...], _Said] = {}
    book, known = LabelBook(fields), Explained(sheet)
    for number, page in enumerate(read, 1):
        groups, free = _groups(page, fields, book)
        for names, continued, values in groups:
            group = said.setdefault(names, _Said(names))
            if continued:
                group.rest += values
            else:
                group.lines.append(values)
        if not all(known.says(compact(piece.text)) for piece in free):
            yield f"page {number}: a value without a label is none of the licence's"
    shown = known.unlabelled({compact(piece.text) for page in read for piece in page.pieces if not piece.hei})
    for group in said.values():
        for lines in group.lines:
            if stands(group.names, lines, group.rest, sheet):
                shown.update(group.names)
            else:
                yield f"at the label of {' and '.join(group.names)} stands something else"
    for name, declared in fields.items():
        if declared.printed and declared.type not in {"image", "table"} and name not in shown and not _wrong_already(name, said):
            yield f"{name} does not stand at its label"


def _wrong_already(name: str, said: Mapping[tuple[str, ...], _Said]) -> bool:
    return any(name in names and group.lines for names, group in said.items())


def _groups(page: ReadPage, fields: Mapping[str, Field], book: LabelBook) -> tuple[list[tuple[tuple[str, ...], bool, list[str]]], list[Piece]]:
    """Return for every label its fields, whether it continues, and the values that stand at it; and the other values."""
    labels: list[tuple[Piece, tuple[str, ...], bool]] = []
    values: list[Piece] = []
    for piece in page.pieces:
        if not piece.hei:
            values.append(piece)
            continue
        word = piece.text.strip()
        continued = word.endswith(CONTINUED)
        if names := book.fields_of(word.removesuffix(CONTINUED)):
            labels.append((piece, names, continued))
    owners = _owners([label for label, _, _ in labels], values)
    groups: list[list[str]] = [[] for _ in labels]
    for place, owner in sorted(owners.items()):
        groups[owner].append(compact(values[place].text))
    free = [value for place, value in enumerate(values) if place not in owners]
    found = [(names, continued, groups[place]) for place, (_, names, continued) in enumerate(labels)]
    return [group for group in found if group[2] or not _is_list(group[0], fields)], free


def _is_list(names: tuple[str, ...], fields: Mapping[str, Field]) -> bool:
    return len(names) == 1 and fields[names[0]].type == "table"


def _owners(labels: list[Piece], values: list[Piece]) -> dict[int, int]:
    """Return which label each value stands at: under it, else beside it; further lines follow the line above them."""
    claims: list[tuple[float, int, int]] = []
    for owner, label in enumerate(labels):
        below = [
            (value.baseline - label.baseline, place)
            for place, value in enumerate(values)
            if _is_under(label, value, _BELOW) and not _is_between(labels, label, value)
        ]
        beside = [(value.left - label.right, place) for place, value in enumerate(values) if _is_beside(label, value, labels)]
        if below or beside:
            claims.append((*min(below or beside), owner))
    owners: dict[int, int] = {}
    for _, place, owner in sorted(claims):
        owners.setdefault(place, owner)
    for start, owner in list(owners.items()):
        following = _next_line(values[start], values, owners, labels)
        while following is not None:
            owners[following] = owner
            following = _next_line(values[following], values, owners, labels)
    return owners


def _next_line(last: Piece, values: list[Piece], owners: Mapping[int, int], labels: list[Piece]) -> int | None:
    """Return the value that goes on under this one, unless a label of its own stands between."""
    for place, value in enumerate(values):
        if place in owners or abs(value.size - last.size) > _SAME_SIZE or not _is_under(last, value, _CHAIN, left_only=True):
            continue
        if not _is_between(labels, last, value):
            return place
    return None


def _is_between(labels: list[Piece], upper: Piece, lower: Piece) -> bool:
    return any(upper.baseline < label.baseline < lower.baseline and abs(label.start - lower.start) < _ALIGNED for label in labels)


def _is_under(upper: Piece, lower: Piece, reach: float, *, left_only: bool = False) -> bool:
    if not _CLEAR < lower.baseline - upper.baseline <= reach:
        return False
    aligned = abs(lower.start - upper.start) < _ALIGNED
    return aligned or (not left_only and abs(lower.left + lower.right - upper.left - upper.right) / 2 < _CENTRED)


def _is_beside(label: Piece, value: Piece, labels: list[Piece]) -> bool:
    if not (-1.0 < value.baseline - label.baseline < _RAISED and 0 <= value.left - label.right < _ASIDE):
        return False
    return not any(label.right < other.left < value.left and abs(other.baseline - label.baseline) < 1 for other in labels)


def stands(names: tuple[str, ...], lines: list[str], rest: list[str], sheet: Sheet) -> bool:
    """Say whether what stands at a label, without spaces, is what the face prints for its fields; `rest` stands where it goes on."""
    fields, face = sheet.template.fields, sheet.face
    if len(names) > 1:
        return _stand_together(names, "".join(lines), sheet)
    name = names[0]
    declared, there = fields[name], "".join(lines)
    if declared.type == "table":
        return True
    if name not in face:
        return there in _ABSENT
    if there == compact(printed(declared, face[name])) or there == compact(formatted(declared, face[name], "bare")):
        return True
    if declared.type not in {"text", "multi_enum"}:
        return False
    shown = _POINTER.sub("", "".join(_NUMBERED.sub("", line) for line in lines))
    items = _SEPARATORS.sub("", shown + "".join(rest))
    return items == _SEPARATORS.sub("", compact(printed(declared, face[name])))


def _stand_together(names: tuple[str, ...], there: str, sheet: Sheet) -> bool:
    fields, face = sheet.template.fields, sheet.face
    if not any(name in face for name in names):
        return there in _ABSENT
    joint = JOINT if JOINT in there else UNTIL
    given = there.split(joint)
    if len(given) != len(names):
        return False
    return all(
        part in ({compact(formatted(fields[name], face[name], form)) for form in (None, "bare")} if name in face else _ABSENT)
        for part, name in zip(given, names, strict=True)
    )


def at_labels(read: list[ReadPage], fields: Mapping[str, Field]) -> dict[tuple[str, ...], str]:
    """Return what stands at the labels of each group of fields, without spaces, over all pages; for files of strangers."""
    said: dict[tuple[str, ...], list[str]] = {}
    book = LabelBook(fields)
    for page in read:
        for names, _, values in _groups(page, fields, book)[0]:
            said.setdefault(names, []).extend(values)
    return {names: "".join(values) for names, values in said.items()}
