"""Every type under `templates/`, discovered: its sample is issued, endorsed and sealed, and foreign tools are asked about the file."""

import json
import re
import subprocess
from collections.abc import Callable
from typing import Any

import cbor2
import cwt
import jsonschema
import pytest

from licence_service import qr_token
from licence_service.document import reading
from licence_service.fields import Asker, Shown, printed
from licence_service.schema import face_schema
from licence_service.seal.entitlement import by_seal_alone
from licence_service.seal.pades import examine
from licence_service.seal.tokens import Purpose
from licence_service.verdict import Result
from licence_service.verification import made_by, seal_alone
from tests.pdfa import VeraPdf
from tests.templates.conftest import SLUGS, Made

Make = Callable[[str], Made]
every_type = pytest.mark.parametrize("slug", SLUGS)


def run(*command: str) -> str:
    """Run a foreign tool and return what it said; it must have succeeded."""
    done = subprocess.run(command, capture_output=True, check=False, timeout=60)
    assert done.returncode == 0, done.stderr.decode(errors="replace") + done.stdout.decode(errors="replace")
    return done.stdout.decode("utf-8")


def test_there_are_23_types_with_different_numbers() -> None:
    assert len(SLUGS) == 23


@pytest.mark.parametrize("slug", [slug if place % 3 == 0 else pytest.param(slug, marks=pytest.mark.long) for place, slug in enumerate(SLUGS)])
def test_the_sealed_file_is_pdfa_3u(made: Make, verapdf: VeraPdf, slug: str) -> None:
    assert verapdf.failures(made(slug).path) == []


@every_type
def test_pdfsig_and_qpdf_call_it_genuine_and_whole(made: Make, slug: str) -> None:
    path = str(made(slug).path)
    signature = run("pdfsig", "-nocert", path)
    assert "Signature is Valid" in signature
    assert "Total document signed" in signature
    assert signature.count("Signature #") == 1
    assert "No syntax or stream encoding errors found" in run("qpdf", "--check", path)


@pytest.mark.rule("SE-10")
@every_type
def test_the_strict_examination_refuses_no_genuine_file(made: Make, slug: str) -> None:
    one = made(slug)
    service = one.world.service
    version = service.book.get(one.answer["licence_id"]).entries[-1].version
    assert version is not None
    for found in (service.verifier.examiner.examine(one.content), examine(one.content, service.keyring.trust_roots, service.keyring.known_seals)):
        finding = by_seal_alone(service.keyring, found)
        assert finding.good, finding.reasons
        assert (finding.licence_type, finding.department) == (slug, made_by(service.book.get(one.answer["licence_id"]), one.answer["version"]))
        assert (finding.certificate_sha256, finding.sealed_at) == (version.certificate_sha256, version.sealed_at)
        assert (seal_alone(finding).result, seal_alone(finding).reasons) == (Result.UNKNOWN, ("seal-intact", "register-not-asked"))


@every_type
def test_the_code_on_the_page_is_read_and_its_signature_accepted_by_a_foreign_library(made: Make, slug: str) -> None:
    one = made(slug)
    assert reading.codes(one.content) == [one.answer["verify_url"]]
    message = qr_token.message_in(one.answer["verify_url"].rpartition(qr_token.PATH)[2])
    protected, unprotected, payload, signature = cbor2.loads(message)
    kid = cbor2.loads(protected)[4]
    key, _ = one.world.service.keyring.verifying_key(kid, Purpose.LICENCE)
    foreign = cwt.COSEKey.from_pem(_pem(key), alg="ES256", kid=kid)
    opened = cwt.COSE.new().decode(cbor2.dumps(cbor2.CBORTag(18, [protected, unprotected, payload, signature])), foreign)
    claims = cbor2.loads(opened)
    assert (claims[3], claims[4]) == (one.answer["licence_id"], one.answer["version"])
    assert len(message) <= 215


def _pem(key: Any) -> bytes:
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    pem: bytes = key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return pem


def squeezed(text: str) -> str:
    """Return a text without any white space."""
    return re.sub(r"\s+", "", text)


@every_type
def test_a_foreign_reader_finds_every_printed_value_of_the_face(made: Make, slug: str) -> None:
    one = made(slug)
    text = squeezed(run("pdftotext", "-layout", "-enc", "UTF-8", str(one.path), "-"))
    service = one.world.service
    version = service.book.get(one.answer["licence_id"]).entries[-1].version
    assert version is not None
    template = service.catalogue.edition(slug, version.edition)
    for name, field in template.fields.items():
        if not field.printed or name not in version.face or field.type in {"image", "table"}:
            continue
        wanted = printed(field, version.face[name])
        parts = (
            [squeezed(part) for part in re.split(r"[；—]", wanted)]
            if field.type in {"multi_enum", "text"}
            else [squeezed(wanted.removesuffix(field.unit))]
        )
        missing = [part for part in parts if part and part not in text]
        assert not missing, f"{name}: {missing}"
    assert squeezed(one.answer["elicence_id"]) in text
    code = one.answer["check_code"]
    assert all(code[start : start + 4] in text for start in range(0, 12, 4))


@every_type
def test_the_attached_data_is_the_face_of_the_register(made: Make, slug: str) -> None:
    one = made(slug)
    data = json.loads(reading.attachment(one.content) or b"")
    version = one.world.service.book.get(one.answer["licence_id"]).entries[-1].version
    assert version is not None
    assert data["face"] == dict(version.face)
    assert data["face_sha256"] == version.face_commitment.sha256
    assert data["elicence_id"] == version.elicence_id
    assert data["specimen"] is True


@every_type
def test_the_public_sees_no_sensitive_value_in_clear(made: Make, slug: str) -> None:
    one = made(slug)
    verdict = one.world.http.get("/Q/1" + one.answer["verify_url"].rpartition(qr_token.PATH)[2])
    assert verdict.json()["overall"] == "valid"
    version = one.world.service.book.get(one.answer["licence_id"]).entries[-1].version
    assert version is not None
    template = one.world.service.catalogue.edition(slug, version.edition)
    for name, field in template.fields.items():
        if field.sensitive and name in version.face and field.disclose.get(Asker.PUBLIC) is not Shown.FULL:
            assert f'"{version.face[name]}"' not in verdict.text, name


@every_type
def test_every_field_says_what_every_kind_of_asker_sees(made: Make, slug: str) -> None:
    template = made(slug).world.service.catalogue.editions[slug][-1]
    for name, field in template.fields.items():
        assert set(field.disclose) == set(Asker), name
        assert field.disclose[Asker.HOLDER] is Shown.FULL, name
        if field.type == "citizen_id":
            assert field.sensitive
            assert field.disclose[Asker.PUBLIC] is Shown.NONE


@every_type
def test_the_sample_keeps_the_json_schema_of_its_type(made: Make, slug: str) -> None:
    service = made(slug).world.service
    template, sample = service.catalogue.editions[slug][-1], service.catalogue.samples[slug]
    schema = face_schema(template)
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(dict(sample.face), schema)
    assert service.catalogue.edition(slug, template.edition) is template


@every_type
@pytest.mark.parametrize("parts", [1, pytest.param(20, marks=pytest.mark.long)])
def test_a_changed_byte_anywhere_is_refused(made: Make, slug: str, parts: int) -> None:
    """In each type's file at places of its own; those of all types lie all over the file."""
    one = made(slug)
    step = len(one.content) // parts
    first = step * (SLUGS.index(slug) + 1) // (len(SLUGS) + 1)
    for place in range(first, step * parts, step):
        changed = one.content[:place] + bytes([one.content[place] ^ 1]) + one.content[place + 1 :]
        answer = one.world.http.post("/verify/document", content=changed, headers={"Content-Type": "application/pdf"})
        assert answer.json()["overall"] in {"not_valid", "cannot_decide"}
