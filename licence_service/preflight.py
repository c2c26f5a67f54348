"""Everything that can be refused before anything is written: grants, faces, photos, pages that do not fit."""

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from typing import Any

from licence_service.compromise import lost_since
from licence_service.document import Sheet
from licence_service.document.photo import fault_in
from licence_service.drafting import Draft, checked_face, draft_issue, photo_fields
from licence_service.errors import FaceRejected, Fault, NotGranted, TypeRetired
from licence_service.fields import Face, comparison_form
from licence_service.founding import grants_of
from licence_service.identifiers import parse_elicence_id
from licence_service.law import DEPARTMENT, TEMPLATE
from licence_service.licence import Act, LicenceState, beijing_day
from licence_service.line import Line, host_of, live_key
from licence_service.regions import covered
from licence_service.requests import AdoptRequest, IssueRequest
from licence_service.seal import Finding
from licence_service.seal.department import Department
from licence_service.store.clients import Client
from licence_service.store.projection import OVER
from licence_service.store.record import Record
from licence_service.store.source_waits import Whose
from licence_service.template import Template
from licence_service.unattended import judged_basis

_CODE = "0" * 12
_NO_PARENT = Fault("parent", "no-parent", "this is no licence that one of this type can hang on")


def granted(line: Line, caller: Client, request: IssueRequest, body: Mapping[str, Any], act: Act = Act.ISSUE) -> tuple[Template, Department]:
    """Find template and department, or refuse: unknown type, no scope, no grant (SE-01)."""
    today, slug = beijing_day(line.now()), request.type
    if any(fault.path == "type" for fault in request.faults) or not isinstance(body.get("face"), Mapping):
        raise FaceRejected(faults=request.faults)
    template = line.catalogue.in_force(slug, today)
    department = line.keyring.departments.get(caller.department)
    unattended = request.decision.unattended is not None
    if department is None or not caller.may(act, slug):
        raise NotGranted
    must_be_granted(department, slug, today, act=act, by=caller.organisation, unattended=unattended)
    must_be_in_force(line, template, department)
    return template, department


def region_of(department: Department, caller: Client, request: IssueRequest, today: date) -> str | None:
    """Return the region that a first entry is for, None where nobody said; an office acts in its regions only, and where it has one that is meant.

    Raise `NotGranted` for a region that the caller's office does not cover, and `FaceRejected` where it covers several and none is named.
    """
    if caller.office is None:
        return request.region
    named = department.regions_of(caller.office, today)
    if request.region is None and len(named) > 1:
        raise FaceRejected(faults=[Fault("region", "missing", "the caller's office covers several regions; name the one that is meant")])
    region = request.region or next(iter(named), None)
    if region is None or not covered(region, named):
        raise NotGranted("the caller's office does not cover this region on this day", facts={"rule": "SE-01"})
    return region


def first_draft(  # noqa: PLR0913 - each says what is to be checked
    line: Line, caller: Client, template: Template, department: Department, request: IssueRequest, act: Act, before: tuple[Fault, ...] = (),
    *, placed: bool = True, asked: bool = True,
) -> Draft:  # fmt: skip
    """Check everything that can be refused before anything is written; not `placed`, whether it fits is found when it is printed.

    Not `asked`, what the decision rests on is judged another time.
    """
    today = beijing_day(line.now())
    faults = (*request.faults, *before, *photo_faults(template, request.photos))
    if request.decision.decided_on > today:
        faults = (*faults, Fault("decision.decided_on", "in-the-future", "the decision must have been taken"))
    raw = {**request.face, **photo_fields(request.photos)}
    if any(template.fields[name].type == "image" for name in request.face if name in template.fields):
        faults = (*faults, Fault("face", "photo-in-face", "photos are sent under `photos`"))
    face = checked_face(template, raw, department.name, today, before=faults, kept=request.face if request.origin else None)
    request = with_parent(line, template, request, face, department)
    parent_faults(line, caller, template, request, face, department, today)
    region = region_of(department, caller, request, today)
    if region != request.region:
        request = replace(request, region=region)
    basis = judged_basis(line, Whose(department.uscc, caller.office), request, template, face, today) if asked else request.basis
    if basis is not request.basis:
        request = replace(request, basis=basis)
    draft = draft_issue(
        template, request, face, by=caller.name, department=department.uscc, seal_id=department.seal.seal_id, sealed_at=line.now(), act=act,
        office=caller.office,
    )  # fmt: skip
    if act is Act.ISSUE:
        must_be_issuable(template, department, caller, request, today)
        if placed:
            must_fit(line, draft, department)
    return draft


def must_be_in_force(line: Line, template: Template, department: Department) -> None:
    """Refuse to seal by an edition or a grant that two people did not put in force."""
    line.law.require(TEMPLATE, f"{template.slug}/{template.edition}", template.digest)
    line.law.require(DEPARTMENT, department.uscc, str(grants_of(department)["sha256"]))


def must_be_issuable(template: Template, department: Department, caller: Client, request: IssueRequest, today: date) -> None:
    """Refuse a retired type (LC-15), and a region for which the department is not the issuing authority today (LC-16).

    One grant must allow all of it: type, region, who asks, and that no person decides. Where a right that there is gets another form
    (ST-01) nothing is granted: it may be of a retired type too.
    """
    if request.origin is None and template.retired_from and template.retired_from <= today:
        raise TypeRetired(facts={"rule": "LC-15"})
    unattended = request.decision.unattended is not None
    region = request.region or department.region
    if not department.may_seal(template.slug, today, region, act=Act.ISSUE, by=caller.organisation, unattended=unattended):
        raise NotGranted("the department is not the issuing authority for this region on this day", facts={"rule": "LC-16"})


def with_parent(line: Line, template: Template, request: IssueRequest, face: Face, department: Department) -> IssueRequest:
    """Find the parent by the number that the face names, where the same department issued it and the request names none."""
    rule = template.parent
    if rule is None or request.parent is not None or rule.field not in face:
        return request
    living = line.book.living(live_key(rule.type, str(face[rule.field]), department.uscc))
    return replace(request, parent=living.licence_id) if living else request


def parent_faults(
    line: Line, caller: Client, template: Template, request: IssueRequest, face: Face, department: Department, today: date
) -> None:  # fmt: skip
    """Refuse a parent that is none: of another type, of another number than the face says, or ended (LC-13).

    What is wrong with one that the caller may not know of, of another department or of another office, is not told from one that there is not:
    it must be named wholly right, by its id and by the number on the face.
    """
    if request.parent is None:
        return
    rule = template.parent
    record = _named_parent(line, caller, request.parent, str(face[rule.field]) if rule and rule.field in face else None)
    wrong = None
    own = record is not None and department.uscc in {record.department, record.issuer(today)} and caller.reaches(record.department, record.office)
    if rule is None or record is None or record.type != rule.type or not (own or rule.field in face):
        wrong = _NO_PARENT
    else:
        parent = record.on(today)
        edition = line.catalogue.edition(rule.type, parent.current.edition) if parent else None
        number = edition.number_of(parent.current.face) if edition and parent else ""
        if rule.field in face and comparison_form(str(face[rule.field])) != comparison_form(number):
            wrong = Fault("parent", "other-number", "the face names another licence as its parent")
        elif parent is None or parent.state in (*OVER, LicenceState.EXPIRED):
            wrong = Fault("parent", "parent-ended", "the licence that it would hang on has ended")
    if wrong:
        raise FaceRejected(faults=[wrong if own else _NO_PARENT], facts={"rule": "LC-13"})


def _named_parent(line: Line, caller: Client, parent: str, number: str | None) -> Record | None:
    """Return what is named as parent where it may concern the caller, or is named by a number of its own too; nothing of any other is read."""
    outline = line.book.outline(parent, caller.department)
    ours = outline is not None and caller.reaches(outline.department, outline.office)
    numbered = number is not None and line.book.is_numbered(parent, number)  # asked whosever it is
    found = line.book.records([parent]) if ours or numbered else []
    return found[0] if found else None


def must_fit(line: Line, draft: Draft, department: Department, photos: Mapping[str, bytes] | None = None) -> None:
    """Place the page with stand-in codes: whatever does not fit or has no glyph is refused before reserve."""
    version = draft.entry.version
    assert version  # noqa: S101 - only acts with a document are placed
    own = f"1.2.156.3005.2.{draft.template.type_code(department.uscc)}.{department.uscc}.{'0' * 20}.{version.version:03d}.0"
    line.printer.place(
        Sheet(
            template=draft.template,
            face=version.face,
            endorsements=line.shown(draft.entry, draft.template),
            elicence_id=own,
            version=version.version,
            copy_no=version.copy_no,
            check_code=_CODE,
            code_text=None,
            host=host_of(line.public_url),
            department=department.short_name,
            photos=draft.photos if photos is None else photos,
            specimen=department.demo,
            preview=False,
        )  # fmt: skip
    )


def photo_faults(template: Template, photos: Mapping[str, bytes]) -> tuple[Fault, ...]:
    """Name every photo that cannot be printed, or that the template does not have."""
    faults = []
    for name, jpeg in photos.items():
        if name not in template.fields or template.fields[name].type != "image":
            faults.append(Fault("photos", "unknown-photo", "the template has no such photo"))
        elif found := fault_in(jpeg):
            faults.append(Fault(f"photos.{name}", *found))
    return tuple(faults)


def adoption_faults(line: Line, caller: Client, request: AdoptRequest, finding: Finding) -> tuple[Fault, ...]:
    """Name what keeps a licence sealed elsewhere from being taken over.

    Its identifier must be of this department and type, and its file a whole, unchanged, sealed one. Whether the seal
    is one that this service knows is judged at every verification, by the keys folder of that day.
    """
    faults = []
    parts = parse_elicence_id(request.elicence_id)
    if parts is None:
        faults.append(Fault("elicence_id", "bad-check-character", "structure or check character is not that of GB/T 36904"))
    elif parts.issuer_code != caller.department or parts.type_code not in _type_codes(line, request.issue.type, caller.department):
        faults.append(Fault("elicence_id", "foreign-identifier", "the identifier is not of this department and this type"))
    if b"%PDF-" not in request.document[:1024]:
        faults.append(Fault("document", "not-a-pdf", "a PDF file is wanted here"))
    elif not (finding.signed and finding.intact and finding.covers_whole_file):
        faults.append(Fault("document", "not-sealed", "the file carries no seal over all of it, or was changed since"))
    elif finding.seal_id and lost_since(line.law.foundations, finding.seal_id):
        faults.append(Fault("document", "seal-compromised", "the key of its seal is lost: that it was ever granted cannot be known from it"))
    return tuple(faults)


def _type_codes(line: Line, slug: str, department: str) -> set[str]:
    return {template.type_code(department) for template in line.catalogue.editions.get(slug, ())}


def must_be_granted(department: Department, slug: str, day: date, *, act: Act | None, by: str | None, unattended: bool) -> None:
    """Refuse an act on a type that the department, or its office, may not seal, or may not without a human decision (SE-01, AI-03).

    `by` is in whose name it is asked, None where that is another department.
    """
    if not department.may_seal(slug, day, act=act, by=by):
        raise NotGranted
    if unattended and not department.may_seal(slug, day, act=act, by=by, unattended=True):
        raise NotGranted("no grant for acts that no human decided", facts={"rule": "AI-03"})
