"""What documents of an installation are likely to say again: the dictionary that they are packed with (docs/formats.md §12).

It knows the common characters, the certificates that seals carry, and of every type in force the pages of its sample, printed as any
licence but for their seal. So it is made before the first licence, of nothing that was ever said of a person, and no key is used.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from typing import Any

from licence_service import __version__
from licence_service.catalogue import Catalogue, Sample, kind_digest
from licence_service.digests import Digests, canonical, sha256
from licence_service.document import Fonts, Job, PrintedEndorsement, Printer, Sheet, standin
from licence_service.document.press import Laid
from licence_service.drafting import checked_face, complete, draft_issue, photo_fields
from licence_service.endorsement import Endorsement
from licence_service.errors import FaceRejected
from licence_service.fields import Face, check_facts
from licence_service.identifiers import CHECK_CODE_LENGTH, LICENCE_ID_LENGTH, ElicenceId
from licence_service.licence import Decision, Entry
from licence_service.licence_data import licence_data
from licence_service.requests import IssueRequest
from licence_service.seal import is_held
from licence_service.seal.department import Department
from licence_service.seal.keyring import Keyring
from licence_service.template import Template

_CODE_DIGITS = 390  # in a signed code on paper, about
_NOTHING = Digests("0" * 64, "0" * 64)


@dataclass(frozen=True, slots=True)
class Skeletons:
    """Makes dictionaries for the types and departments of an installation; `host` is printed beside the codes."""

    catalogue: Catalogue
    keyring: Keyring
    fonts: Fonts
    host: str

    def made_of(self, day: date) -> str:
        """Return the hex SHA-256 of all that a dictionary of this Beijing day is made of: who has the same makes the same."""
        in_force = self._in_force(day)
        editions = [[one.slug, one.edition, one.digest, repr(self.catalogue.samples[one.slug])] for one in in_force]
        kinds = {slug: kind_digest(kind) for slug, kind in self.catalogue.kinds.items()}
        departments = [
            [
                one.uscc,
                one.name,
                one.short_name,
                one.demo,
                one.seal.certificate_sha256,
                [each.slug for each in in_force if one.may_seal(each.slug, day)],
            ]
            for _, one in sorted(self.keyring.departments.items())
        ]
        faces = {slug: face.digest for slug, face in self.fonts.faces.items()}
        return sha256(canonical([__version__, editions, kinds, departments, faces, self.host]))

    def dictionary(self, day: date) -> bytes:
        """Return the bytes that documents of this Beijing day are likely to say again, the likeliest last; some seconds of work."""
        # A printer of its own: what is prepared for every type would else stay in a process that may need one alone.
        printer = Printer(self.fonts, self.catalogue.families)
        return b"".join((printer.pressroom.common_characters(), *self._seals(), *self._pages(printer, day)))

    def _in_force(self, day: date) -> list[Template]:
        return [self.catalogue.in_force(slug, day) for slug, editions in sorted(self.catalogue.editions.items()) if editions[0].used_from <= day]

    def _seals(self) -> Iterator[bytes]:
        """Yield what the slots of each seal have in common, most of it certificates."""
        for _, department in sorted(self.keyring.departments.items()):
            if is_held(department.seal):
                yield department.seal.unsigned_slot.rstrip(b"0")

    def _pages(self, printer: Printer, day: date) -> Iterator[bytes]:
        """Yield the own bytes of a sample of every type that a department may seal, without photos, its slot empty."""
        samples = [found for template in self._in_force(day) if (found := self._sample(template, day))]
        for (job, photos), laid in zip(samples, printer.press_all([job for job, _ in samples]), strict=True):
            if isinstance(laid, Laid):  # what the press hands over is not packed either
                before = laid.before
                for jpeg in photos:
                    before = before.replace(jpeg, b"")
                yield b"%b<%b>%b" % (before, b"0" * job.slot_bytes, laid.after)

    def _sample(self, template: Template, day: date) -> tuple[Job, list[bytes]] | None:
        """Return a type's sample as it would be printed, and its photos; None where nobody here seals the type, or the sample is not of this edition."""
        sample = self.catalogue.samples[template.slug]
        department = self._department(sample, template, day)
        if department is None:
            return None
        try:
            photos = {name: standin.drawn(drawn) for name, drawn in sample.photos.items()}
            raw = {**sample.face, **photo_fields(photos), template.issuer_field: department.name}
            face = checked_face(template, raw, department.name, sample.as_of)
            printed = [self._endorsement(one, department) for one in sample.endorsements if one["kind"] in template.printed_kinds]
        except (FaceRejected, KeyError):  # licences are issued whatever is wrong with a sample
            return None
        return self._job(_entry(template, sample, department, face, photos), template, department, printed, photos), list(photos.values())

    def _endorsement(self, said: Mapping[str, Any], department: Department) -> Endorsement:
        kind = self.catalogue.kinds[said["kind"]]
        facts, _ = check_facts(kind.facts, said["facts"])
        day, by = date.fromisoformat(str(facts[kind.date_field])), department.uscc
        return Endorsement("0" * 26, kind.slug, facts, day, day, None, by, by, None, _NOTHING, "", b"")

    def _department(self, sample: Sample, template: Template, day: date) -> Department | None:
        """Return who seals the sample: its own department where that is one of ours, else the first that may seal the type and holds its seal."""
        own = self.keyring.departments.get(sample.issuer)
        others = [one for _, one in sorted(self.keyring.departments.items())]
        sealing = [one for one in (own, *others) if one and is_held(one.seal) and one.may_seal(template.slug, day)]
        return sealing[0] if sealing else None

    def _job(self, entry: Entry, template: Template, department: Department, printed: Sequence[Endorsement], photos: Mapping[str, bytes]) -> Job:
        version = entry.version
        assert version  # noqa: S101 - a first entry has a document
        assert is_held(department.seal)  # noqa: S101 - chosen so
        sheet = Sheet(
            template=template, face=version.face,
            endorsements=tuple(PrintedEndorsement(self.catalogue.kinds[one.kind], one.facts, department.name, one.occurred_on) for one in printed),
            elicence_id=version.elicence_id, version=1, copy_no=1, check_code="0" * CHECK_CODE_LENGTH,
            code_text=f"HTTPS://{self.host.upper()}/Q/1{'0' * _CODE_DIGITS}", host=self.host, department=department.short_name, photos=photos,
            specimen=department.demo, preview=False,
        )  # fmt: skip
        data = licence_data(entry, template, department.name, department.uscc, specimen=department.demo, endorsements=printed)
        return Job(sheet, canonical(data), version.sealed_at, department.seal.slot_bytes)


def _entry(template: Template, sample: Sample, department: Department, face: Face, photos: Mapping[str, bytes]) -> Entry:
    """Return the first entry of a licence that was never issued; what is drawn by chance is zeros."""
    decision = Decision("", department.name, sample.as_of, "")
    request = IssueRequest(template.slug, "", decision, face, photos)
    sealed_at = datetime.combine(sample.as_of, time(), UTC)
    draft = draft_issue(template, request, face, by="", department=department.uscc, seal_id=department.seal.seal_id, sealed_at=sealed_at)
    licence_id = "0" * LICENCE_ID_LENGTH
    return complete(
        draft.entry, licence_id=licence_id, elicence_id=str(ElicenceId(template.type_code(department.uscc), department.uscc, licence_id, 1)),
        salt=bytes(32), status=(0, 0), check_code_digest="", certificate_sha256=department.seal.certificate_sha256,
    )  # fmt: skip
