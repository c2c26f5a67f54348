"""The press alone, again and again: licences from their drafted entries to sealed files, and what of that cannot be avoided."""

import hashlib
import random
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils

from bench.stock import varied
from licence_service.demo import Moved
from licence_service.digests import Digests, canonical, sha256
from licence_service.document import Job, PrintedEndorsement, Sheet
from licence_service.document.press import Laid, Pressed
from licence_service.document.reading import codes, text
from licence_service.drafting import checked_face, complete, draft_issue, photo_fields
from licence_service.endorsement import Endorsement
from licence_service.fields import check_facts
from licence_service.identifiers import ElicenceId
from licence_service.licence import Entry, beijing_day
from licence_service.licence_data import licence_data
from licence_service.line import host_of
from licence_service.requests import read_issue
from licence_service.seal.tokens import Purpose
from licence_service.service import Service


@dataclass(frozen=True)
class Case:
    """One licence to make: its drafted entry and what reserve draws."""

    entry: Entry
    licence_id: str
    salt: bytes
    check_code: str
    photos: dict[str, bytes]
    printed: tuple[Endorsement, ...]


def _earlier(value: object, by: timedelta) -> str:
    return (date.fromisoformat(str(value)) - by).isoformat()


class Works:
    """Makes the licences of one type, again and again."""

    def __init__(self, service: Service, slug: str, count: int) -> None:
        """Draft `count` licences with texts of their own."""
        self.service, self.slug = service, slug
        today = beijing_day(service.now())
        self.template = service.catalogue.in_force(slug, today)
        sample = service.catalogue.samples[slug]
        self.department = service.keyring.departments[sample.issuer]
        self.line, self.seal = service.registrar.line, self.department.seal
        moved = Moved(self.template, service.catalogue.kinds, sample, today)
        dice = random.Random(7)
        self._kid = self.department.signers[Purpose.LICENCE].kid.hex()
        self.cases = []
        for _ in range(count):
            request = read_issue(moved.request())
            fixed = {self.template.issuer_field, self.template.number.field, self.template.number.prefix_field}
            face = {name: value if name in fixed else varied(self.template.fields.get(name), value, dice) for name, value in request.face.items()}
            whole = checked_face(self.template, {**face, **photo_fields(request.photos)}, self.department.name, today)
            draft = draft_issue(
                self.template, request, whole, by="bench", department=self.department.uscc, seal_id=self.seal.seal_id, sealed_at=service.now()
            )
            own = "".join(dice.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=20))
            check = "".join(dice.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=12))
            standing = tuple(self._endorsement(number, one["kind"], one["facts"], dice) for number, one in enumerate(sample.endorsements))
            printed = tuple(one for one in standing if one.kind in self.template.printed_kinds)
            self.cases.append(Case(draft.entry, own, dice.randbytes(32), check, dict(request.photos), printed))
        self._number = 0

    def _endorsement(self, number: int, kind: str, said: Mapping[str, object], dice: random.Random) -> Endorsement:
        """Return an endorsement of the sample as one that stands on the licence already, with days and words of its own."""
        declared = self.service.catalogue.kinds[kind]
        earlier = timedelta(days=dice.randrange(365))
        own = {
            name: _earlier(value, earlier) if declared.facts[name].type == "date" else varied(declared.facts[name], value, dice)
            for name, value in said.items()
        }
        facts, faults = check_facts(declared.facts, own)
        assert not faults, faults
        day, accepter = date.fromisoformat(str(facts[declared.date_field])), self.department.uscc
        return Endorsement(
            f"{number:026x}", kind, facts, day, day, None, accepter, accepter, None, Digests("0" * 64, "0" * 64), self._kid, bytes(64)
        )  # fmt: skip

    def once(self) -> tuple[Pressed, Sheet, bytes]:
        """Make the next licence."""
        return self.batch(1)[0]

    def batch(self, count: int) -> list[tuple[Pressed, Sheet, bytes]]:
        """Make the next `count` licences together, stage by stage, as chunks are made."""
        cases = [self.cases[(self._number + place) % len(self.cases)] for place in range(count)]
        entries = [self._completed(case, self._number + place) for place, case in enumerate(cases, 1)]
        self._number += count
        department, template = self.department, self.template
        urls = [self.line.verify_url(entry, template, department) for entry in entries]
        data = [
            canonical(licence_data(entry, template, department.name, department.uscc, specimen=department.demo, endorsements=case.printed))
            for case, entry in zip(cases, entries, strict=True)
        ]
        sheets = [self._sheet(case, entry, url) for case, entry, url in zip(cases, entries, urls, strict=True)]
        sealed_at = [entry.version.sealed_at for entry in entries if entry.version]
        jobs = [Job(sheet, said, instant, self.seal.slot_bytes) for sheet, said, instant in zip(sheets, data, sealed_at, strict=True)]
        laid = self.line.printer.press_all(jobs)
        assert all(isinstance(one, Laid) for one in laid), self.line.printer.pressroom.counts
        pressed = [one.sealed(self.seal.slot_over(one.digest())) for one in laid if isinstance(one, Laid)]
        for one in pressed:
            one.digests()
        return list(zip(pressed, sheets, data, strict=True))

    def _completed(self, case: Case, number: int) -> Entry:
        department = self.department
        own = ElicenceId(self.template.type_code(department.uscc), department.uscc, case.licence_id, 1)
        return complete(
            case.entry, licence_id=case.licence_id, elicence_id=str(own), salt=case.salt, status=(1, number),
            check_code_digest=sha256(case.check_code.encode()), certificate_sha256=self.seal.certificate_sha256,
        )  # fmt: skip

    def _sheet(self, case: Case, entry: Entry, url: str) -> Sheet:
        version, department, kinds = entry.version, self.department, self.service.catalogue.kinds
        assert version
        endorsements = tuple(PrintedEndorsement(kinds[one.kind], one.facts, department.name, one.occurred_on) for one in case.printed)
        return Sheet(
            template=self.template, face=version.face, endorsements=endorsements, elicence_id=version.elicence_id, version=1, copy_no=1,
            check_code=case.check_code, code_text=url, host=host_of(self.line.public_url), department=department.short_name, photos=case.photos,
            specimen=department.demo, preview=False,
        )  # fmt: skip


class Unavoidable:
    """The two signatures and the hashes of a file."""

    def __init__(self, works: Works) -> None:
        """Take the keys that sign and the files to hash."""
        self._seal_key = works.seal._signer._key  # type: ignore[attr-defined]
        self._code_key = works.department.signers[Purpose.LICENCE].key
        self._files = [works.once()[0] for _ in range(20)]
        self._prehashed = utils.Prehashed(hashes.SHA256())
        self._number = 0

    def once(self, *, strict: bool = False) -> None:
        """Do it for the next file: for all its bytes, or `strict` for its own bytes alone."""
        file = self._files[self._number % len(self._files)]
        self._number += 1
        content = file.own if strict else file.content
        digest = hashlib.sha256(content).digest()
        hashlib.new("sm3", content).digest()
        self._code_key.sign(digest, ec.ECDSA(self._prehashed, deterministic_signing=True))
        if isinstance(self._seal_key, rsa.RSAPrivateKey):
            self._seal_key.sign(digest, padding.PKCS1v15(), self._prehashed)
        else:
            self._seal_key.sign(digest, ec.ECDSA(self._prehashed, deterministic_signing=True))


def cpu(work: Callable[[], object], times: int) -> float:
    """Return CPU milliseconds per call."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1000


def judged(works: Works, pressed: Sequence[tuple[Pressed, Sheet, bytes]], folder: Path) -> None:
    """Let foreign programs judge files; raise where one finds fault."""
    from tests.pdfa import VeraPdf  # noqa: PLC0415 - it starts a JVM

    judge = VeraPdf("3u")
    for number, (file, sheet, _) in enumerate(pressed):
        path = folder / f"{works.slug}-{number}.pdf"
        path.write_bytes(file.content)
        said = subprocess.run(["pdfsig", "-nocert", path], check=False, capture_output=True, text=True).stdout
        assert "Signature is Valid" in said, said
        assert "Total document signed" in said, said
        assert subprocess.run(["qpdf", "--check", path], check=False, capture_output=True).returncode == 0, path
        assert not judge.failures(path), path
        finding = works.service.examiner.examine(file.content)
        assert finding.good, finding
        assert codes(file.content) == [sheet.code_text]
        said = "".join("".join(text(file.content)).split())
        for name, value in sheet.face.items():
            if isinstance(value, str) and works.template.fields[name].type == "string":
                assert "".join(value.split()) in said, name
