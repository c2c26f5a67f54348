"""A draft: the entry that an act would make, its page still unsealed."""

from collections.abc import Mapping
from datetime import date, datetime

from licence_service.digests import Digests, commitment
from licence_service.errors import TransitionRefused
from licence_service.fields import Face
from licence_service.frozen import dataclass, field, replace
from licence_service.identifiers import LAST_VERSION
from licence_service.licence import FACE_FORM, Entry, Version, VersionReason
from licence_service.recording import Fact, Situation
from licence_service.requests import ActRequest
from licence_service.template import Template

NONE_YET = Digests("", "")


@dataclass(frozen=True, slots=True)
class Draft:
    """What an act would enter. `facts` become signed endorsements."""

    entry: Entry
    template: Template
    facts: tuple[Fact, ...] = ()
    photos: Mapping[str, bytes] = field(default_factory=dict, repr=False)


def plain(at: Situation, request: ActRequest, effective_on: date) -> Entry:
    """Return the entry of an act without a document."""
    return Entry(
        at.licence.licence_id, at.licence.head + 1, request.act, effective_on, request.decision, at.by,
        department=at.department, campaign=request.campaign, organs=request.organs, office=at.office,
    )  # fmt: skip


def new_version(at: Situation, request: ActRequest, face: Face, reason: VersionReason, effective_on: date, facts: tuple[Fact, ...] = ()) -> Draft:
    """Return the draft of an act with a document."""
    last = max(version.version for version in at.licence.versions)
    if last >= LAST_VERSION:
        raise TransitionRefused("the identifier has room for 999 versions; a new licence must be issued")
    copy_no = max(version.copy_no for version in at.licence.versions)
    version = version_of(at.template, face, last + 1, reason, at.seal_id, at.now, copy_no=copy_no)
    return Draft(replace(plain(at, request, effective_on), version=version), at.template, facts, request.photos)


def version_of(template: Template, face: Face, number: int, reason: VersionReason, seal_id: str, sealed_at: datetime, *, copy_no: int) -> Version:
    """Return a version as far as it is known before reserve and seal."""
    first, last = template.term_of(face)
    photos = {name: str(face[name]).removeprefix("sha256:") for name, each in template.fields.items() if each.type == "image" and name in face}
    return Version(
        version=number, elicence_id="", reason=reason, edition=template.edition, template_digest=template.digest, document=NONE_YET,
        seal_id=seal_id, certificate_sha256="", sealed_at=sealed_at.replace(microsecond=0),
        issued_on=date.fromisoformat(str(face[template.issued_field])), valid_from=first, valid_to=last, copy_no=copy_no,
        status=(0, 0), check_code_digest="", face_commitment=NONE_YET, face=face, photos=photos,
    )  # fmt: skip


def complete(
    entry: Entry, *, licence_id: str, elicence_id: str, salt: bytes, status: tuple[int, int], check_code_digest: str, certificate_sha256: str
) -> Entry:
    """Fill in what reserve drew; only the document's digests are still missing."""
    assert entry.version  # noqa: S101 - only acts with a document are reserved
    version = replace(
        entry.version, elicence_id=elicence_id, status=status, check_code_digest=check_code_digest, salt=salt,
        certificate_sha256=certificate_sha256, face_commitment=commitment(entry.version.face, salt, FACE_FORM),
    )  # fmt: skip
    return replace(entry, licence_id=licence_id, version=version)
