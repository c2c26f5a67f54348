"""The first entry of a licence."""

from datetime import datetime

from licence_service.drafting.draft import Draft, version_of
from licence_service.fields import Face
from licence_service.licence import Act, Entry, Parent, VersionReason
from licence_service.requests import IssueRequest
from licence_service.template import Template


def draft_issue(  # noqa: PLR0913 - each stands in the entry
    template: Template, request: IssueRequest, face: Face, *, by: str, department: str, seal_id: str, sealed_at: datetime, act: Act = Act.ISSUE,
    office: str | None = None,
) -> Draft:  # fmt: skip
    """Draft the first entry; a licence that hangs on another says so here, once and for ever (LC-13)."""
    fresh = VersionReason.LEGACY_CONVERSION if request.origin else VersionReason.INITIAL
    reason = fresh if act is Act.ISSUE else VersionReason.ADOPTED
    version = version_of(template, face, 1, reason, seal_id, sealed_at, copy_no=1)
    parent = Parent(request.parent, template.parent.effect) if request.parent and template.parent else None
    entry = Entry(
        "", 1, act, version.valid_from, request.decision, by, version, department=department, parent=parent, basis=request.basis or None,
        origin=request.origin, region=request.region, office=office, case_no=None if request.origin else request.case_no or None,
    )  # fmt: skip
    return Draft(entry, template, photos=request.photos)
