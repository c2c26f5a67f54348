"""An officer looks (DOMAIN SH-08, SH-11): by plate, number or identity number, with reason, place and name, and every look is kept.

Not being able to show a licence is not being without one: where the officer says so, a look that finds a right in force gives a signed note
that the holder can keep (DOMAIN M11).
"""

import secrets
import tomllib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from licence_service.digests import canonical
from licence_service.envelope import Reading
from licence_service.errors import Misconfigured, NotInRegister
from licence_service.fields import Asker, Field, comparison_form
from licence_service.identifiers import DELIVERY_CODE_LENGTH, delivery_code, normal_code
from licence_service.licence import Licence, LicenceState, beijing_day
from licence_service.seal.tokens import CodeSigner, sign1
from licence_service.store.clients import Client
from licence_service.store.heads import Heads
from licence_service.store.looks import Look, Looks, new_look_id
from licence_service.store.record import Record
from licence_service.store.reservations import Reservations
from licence_service.template import Template
from licence_service.verdict import conditions_json, in_words
from licence_service.verification import Verifier
from licence_service.view import photos_of, view_of

FORM = "showing-note/1"
WAYS: Mapping[str, str] = {"plate": "plate", "id": "citizen_id"}  # what is asked by → the type of the fields that hold it
NUMBER = "number"
_VALUE = Field(label="查询内容", type="string", disclose={}, required=True, max_length=60)
OFFICER = Field(label="执法人员", type="string", disclose={}, required=True, max_length=60)
PLACE = Field(label="地点", type="string", disclose={}, required=True, max_length=120)
CASE = Field(label="案号", type="string", disclose={}, max_length=80)


@dataclass(frozen=True, slots=True)
class LookReasons:
    """Why officers look: code → words in both languages; `opens` are the reasons that open identity numbers and addresses."""

    words: Mapping[str, tuple[str, str]]
    opens: frozenset[str]


@dataclass(frozen=True, slots=True)
class LookRequest:
    """What an officer asks, checked: by what, for which value, why, where, who; under which case; whether the holder could not show it."""

    found_by: str
    value: str = field(repr=False)
    reason: str
    place: str = field(repr=False)
    officer: str = field(repr=False)
    case_no: str | None = field(default=None, repr=False)
    could_not_show: bool = False


@dataclass(frozen=True, slots=True)
class Seen:
    """One licence before an officer: his view, the answers, pictures as JPEG by field, and the code of a note where one was given.

    `matches_now`: the value that was asked for stands on the licence today, not only on an earlier document of it.
    """

    view: Mapping[str, Any] = field(repr=False)
    overall: str
    answers: Mapping[str, Any]
    conditions: Mapping[str, Any]
    matches_now: bool
    photos: Mapping[str, bytes] = field(repr=False)
    note_code: str | None = field(default=None, repr=False)


def read_reasons(folder: Path) -> LookReasons:
    """Read `_codes/look_reason.toml`; a folder without one lets nobody look."""
    path = folder / "_codes" / "look_reason.toml"
    if not path.exists():
        return LookReasons({}, frozenset())
    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        words = {str(code): (str(zh), str(raw["english"][code])) for code, zh in raw["values"].items()}
        opens = frozenset(map(str, raw.get("opens", ())))
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError, KeyError, AttributeError, TypeError) as error:
        raise Misconfigured(f"_codes/{path.name} cannot be read: [values] and [english] name the same codes") from error
    if unknown := opens - words.keys():
        raise Misconfigured(f"_codes/{path.name}: `opens` names {', '.join(sorted(unknown))}, which is no code of it")
    return LookReasons(words, opens)


@dataclass(frozen=True, slots=True)
class Officers:
    """Answers officers, and keeps who looked at what."""

    verifier: Verifier
    looks: Looks
    reservations: Reservations
    heads: Heads
    reasons: LookReasons
    keeper: CodeSigner
    now: Callable[[], datetime] = field(repr=False)

    def read(self, body: Mapping[str, Any]) -> LookRequest:
        """Read a request; every fault is named, no value repeated (SH-11: no look without officer, reason and place)."""
        reading = Reading(body)
        reading.only(frozenset({"by", "value", "reason", "place", "officer", "case_no", "could_not_show"}))
        by = reading.one_of("by", (NUMBER, *WAYS), required=True)
        reason = reading.one_of("reason", self.reasons.words, required=True)
        value, place, officer = reading.field("value", _VALUE), reading.field("place", PLACE), reading.field("officer", OFFICER)
        case_no, could_not_show = reading.field("case_no", CASE), reading.flag("could_not_show")
        reading.refuse_if_faulty()
        return LookRequest(by or "", str(value), reason or "", str(place), str(officer), case_no, could_not_show)

    def look(self, client: Client, request: LookRequest) -> tuple[Look, list[Seen]]:
        """Find licences, keep the look, and return what the officer may see; the look is kept before anything is shown.

        `CeilingReached` where the client has looked as often in the last hour as it may.
        """
        now = self.now()
        self.looks.within_ceiling(client.name, client.hourly_ceiling, now)
        said = {"officer": request.officer, "place": request.place, "reason": request.reason}
        said |= {"case_no": request.case_no} if request.case_no else {}
        look = Look(new_look_id(), now, client.name, client.department, request.found_by, request.case_no is not None, said)
        records = list(self._found(client, request))
        seen = [(record, self._seen(record, licence, request)) for record, licence in records]
        given = {
            record.licence_id: (delivery_code(secrets.randbits(5 * DELIVERY_CODE_LENGTH)), self._note(look, request, record, licence, one))
            for (record, licence), (_, one) in zip(records, seen, strict=True)
            if request.could_not_show and licence.state is LicenceState.IN_FORCE
        }
        self.looks.enter(look, [record.licence_id for record, _ in records], given, client.hourly_ceiling)
        return look, [_with_code(one, given.get(record.licence_id)) for record, one in seen]

    def note(self, code: str) -> bytes | None:
        """Return the signed note that a code opens, or None."""
        return self.looks.note(normal_code(code))

    # -- finding -----------------------------------------------------------------------------------

    def _found(self, client: Client, request: LookRequest) -> Iterator[tuple[Record, Licence]]:
        """Return the licences that have, or had, this value; each with how it stands today."""
        book, today = self.verifier.book, beijing_day(self.now())
        ids: dict[str, None] = {}
        for name, types in self._places(client, request.found_by):
            ids |= dict.fromkeys(book.found_by(name, request.value, types=types))
        for record in book.records(list(ids)):
            licence = record.on(today)
            if licence is not None:
                yield record, licence

    def _places(self, client: Client, found_by: str) -> Iterator[tuple[str, list[str]]]:
        """Return the names that a value is filed under, each with the types that file it there."""
        catalogue = self.verifier.catalogue
        mine = [slug for slug in catalogue.slugs if client.may_touch(slug)]
        if found_by == NUMBER:
            yield NUMBER, mine
            return
        filed: dict[str, list[str]] = {}
        for slug in mine:
            for name in _named(catalogue.editions[slug], WAYS[found_by]):
                filed.setdefault(name, []).append(slug)
        yield from filed.items()

    # -- showing -----------------------------------------------------------------------------------

    def _seen(self, record: Record, licence: Licence, request: LookRequest) -> Seen:
        verifier = self.verifier
        template = verifier.catalogue.edition(record.type, licence.current.edition)
        standing = verifier.standing(record, licence, None)
        department = verifier.keyring.department_of(licence.issuer or record.department)
        view = view_of(
            licence, template, verifier.catalogue.kinds, department, record.type, licence.current.version, Asker.OFFICER,
            on_reason=request.reason in self.reasons.opens,
        )  # fmt: skip
        return Seen(
            view, standing.overall.value,
            {name: {"result": one.result.value, "reasons": in_words(one.reasons)} for name, one in standing.answers.items()},
            conditions_json(standing.conditions), _stands(template, licence, request), self._photos(licence, template),
        )  # fmt: skip

    def _photos(self, licence: Licence, template: Template) -> dict[str, bytes]:
        """Return the pictures an officer sees; one that is not kept any more is left out."""
        found = {}
        for name, digest in photos_of(licence, template, Asker.OFFICER).items():
            try:
                found[name] = self.reservations.photo(digest)
            except NotInRegister:
                continue
        return found

    def _note(self, look: Look, request: LookRequest, record: Record, licence: Licence, seen: Seen) -> bytes:
        """Return the signed note: how right and conditions stood at that minute, though it could not be shown (docs/disclosure.md)."""
        head = self.heads.last()
        closed = {"size": head.size, "root": head.root} if head else None
        return sign1(
            canonical(note_said(look, request.place, record, licence.state, seen.overall, closed, specimen=seen.view["specimen"])), self.keeper
        )


def note_said(
    look: Look, place: str, record: Record, state: LicenceState, overall: str, head: Mapping[str, Any] | None, *, specimen: bool = False
) -> dict[str, Any]:
    """Return what a note says (docs/formats.md): when, where and by which organ was looked, at which licence, and how it stood; no person."""
    said = {
        "format": FORM, "look_id": look.look_id, "looked_at": look.at.isoformat(timespec="seconds"), "place": place, "organ": look.organ,
        "licence_id": record.licence_id, "type": record.type, "state": state.value, "overall": overall, "rule": "SH-08", "head": head,
    }  # fmt: skip
    return said | {"specimen": True} if specimen else said


def _named(editions: tuple[Template, ...], kind: str) -> set[str]:
    """Return the searchable fields of a type that hold what is asked by."""
    return {name for template in editions for name in template.searchable if template.fields[name].type == kind}


def _stands(template: Template, licence: Licence, request: LookRequest) -> bool:
    """Say whether the value stands on the present document."""
    face = licence.current.face
    names = {template.number.field} if request.found_by == NUMBER else _named((template,), WAYS[request.found_by])
    return any(comparison_form(str(face[name])) == comparison_form(request.value) for name in names if name in face)


def _with_code(seen: Seen, given: tuple[str, bytes] | None) -> Seen:
    if given is None:
        return seen
    return Seen(seen.view, seen.overall, seen.answers, seen.conditions, seen.matches_now, seen.photos, given[0])
