"""Every vector of docs/formats.md, read from the page and computed anew."""

import hashlib
import json
import re
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from licence_service import basis, chunk_form, entry_form, identifiers, qr_token, segments, show_code
from licence_service.annotating import statement as copy_said
from licence_service.carrying import Done
from licence_service.compromise import FORM as LOST_KEY
from licence_service.compromise import lost_since
from licence_service.confirming import keyed
from licence_service.digests import Digests, canonical, commitment, digests, field_salt, sha256
from licence_service.endorsement import assertion_of, statement_of
from licence_service.errors import FaceRejected, Fault
from licence_service.events import event_of, payload
from licence_service.fields import Asker, Field, Shown
from licence_service.fold import fold
from licence_service.gateway import signature_of
from licence_service.licence import Act, Entry, LicenceState
from licence_service.licence_data import licence_data
from licence_service.log.heads import read_statement
from licence_service.looking import note_said
from licence_service.message import headers_of
from licence_service.receipts import Presented, message_in, words_of
from licence_service.repository.catalogued import catalogue_entry, digest_of
from licence_service.repository.comparing import Kept, of_day, of_days
from licence_service.requests import read_act, read_issue
from licence_service.run_lines import issued
from licence_service.seal.tokens import is_signed, key_id, open1, purposes_in, verify
from licence_service.store.foundations import FORM as FOUNDATION
from licence_service.store.foundations import Foundation
from licence_service.store.lendings import Lending
from licence_service.store.looks import Look
from licence_service.store.payload import Vault, token_digest
from licence_service.store.record import Record
from licence_service.store.runs import KeptRuns
from licence_service.store.seal_log import COMPROMISE
from licence_service.store.seal_log import FORM as SEAL_USE
from licence_service.store.status_index import place
from licence_service.template import Number, Template, Term, Words
from licence_service.verdict import QUESTIONS, Check, Result, Verdict, answers_of, overall_of
from licence_service.view import view_of
from licence_service.web import issuing

PAGE = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
VECTORS: dict[str, Any] = {name: json.loads(text) for name, text in re.findall(r"\*Vector: ([a-z-]+)\*\n\n```json\n(.*?)\n```", PAGE, re.DOTALL)}
ORGAN: Any = SimpleNamespace(uscc="11519900MB9900021Q", name="蜀安市交通运输局", name_en="Shu'an City Transport Bureau", demo=True)
TEMPLATE = Template(
    title=Words("道路运输从业人员从业资格证", "Qualification Certificate of Road Transport Practitioners"), category="道路运输", family="person",
    used_from=date(2026, 1, 1), index=7, holder="person", holder_name="person_name", holder_id="citizen_id", number=Number("license_no"),
    term=Term("exact", years=6), acts=("issue",), pages=(), slug="practitioner_qualification", edition="2026-01",
    fields={
        "person_name": Field("姓名", "string", {Asker.PUBLIC: Shown.MASKED}, label_en="Name"), "citizen_id": Field("公民身份号码", "citizen_id", {}),
        "valid_to": Field("有效期至", "date", {Asker.PUBLIC: Shown.FULL}, label_en="Valid to"),
    },
)  # fmt: skip


def key(point: str) -> ec.EllipticCurvePublicKey:
    """Return the public key of an uncompressed point."""
    return ec.EllipticCurvePublicKey.from_encoded_point(ec.SECP256R1(), bytes.fromhex(point))


def both(said: dict[str, str], content: bytes) -> None:
    assert digests(content) == Digests(said["sha256"], said["sm3"])


def licence_ids(said: dict[str, Any]) -> None:
    assert identifiers.licence_id(int(said["random"])) == said["text"]


def elicence_ids(said: dict[str, Any]) -> None:
    made = identifiers.ElicenceId(said["type"], said["issuer"], said["serial"], said["version"])
    assert str(made) == said["text"]
    assert identifiers.parse_elicence_id(said["text"]) == made


def check_characters(said: list[dict[str, str]]) -> None:
    for one in said:
        assert identifiers.check_character(one["body"]) == one["character"] == one["identifier"][-1]
        assert "".join(one["identifier"].split(".")[5:-1]) == one["body"]
        assert identifiers.parse_elicence_id(one["identifier"])


def check_codes(said: dict[str, str]) -> None:
    assert identifiers.check_code(int(said["random"])) == said["code"] == identifiers.normal_code(said["typed"])
    assert identifiers.grouped(said["code"]) == said["printed"]
    assert token_digest(said["code"]) == said["stored"]


def delivery_codes(said: dict[str, str]) -> None:
    assert identifiers.delivery_code(int(said["random"])) == said["code"]
    assert token_digest(said["code"]) == said["stored"]


def codes_on_paper(said: dict[str, Any]) -> None:
    until = said["conditions_until"]
    facts = qr_token.CodeFacts(
        said["type_index"], said["issuer_index"], said["licence_id"], said["version"], date.fromisoformat(said["valid_from"]),
        date.fromisoformat(said["valid_to"]), tuple(said["status"]), bytes.fromhex(said["commitment"]), said["compare"],
        date.fromisoformat(until) if until else None,
    )  # fmt: skip
    assert qr_token.pack(facts).hex() == said["payload"]
    message = qr_token.message_in(said["address"].partition(qr_token.PATH)[2])
    assert message.hex() == said["message"]
    opened = open1(message, {bytes.fromhex(said["kid"]): key(said["public_key"])})
    assert qr_token.unpack(opened.payload) == facts
    assert qr_token.address(said["public_url"], message) == said["address"]
    protected, unprotected, payload, signature = cbor2.loads(message)
    assert cbor2.loads(protected) == {1: -7, 4: bytes.fromhex(said["kid"])}
    assert (unprotected, payload.hex(), len(signature)) == ({}, said["payload"], 64)


def key_purposes(said: list[dict[str, Any]]) -> None:
    for one in said:
        if one["good_for"] is None:
            with pytest.raises(ValueError, match="list of purposes"):
                purposes_in(one["told"], "purposes")
        else:
            assert sorted(purposes_in(one["told"], "purposes")) == one["good_for"]


def show_codes(said: dict[str, Any]) -> None:
    binding = show_code.binding_of(said["session"], said["licence_id"], date.fromisoformat(said["day"]))
    assert binding.hex() == said["binding"]
    facts = show_code.ShowFacts(
        said["type_index"], said["issuer_index"], said["licence_id"], said["version"], datetime.fromisoformat(said["made_at"]), said["life"],
        bytes.fromhex(said["nonce"]), binding, said["audience"], LicenceState(said["state"]), date.fromisoformat(said["valid_to"]), tuple(said["status"]),
    )  # fmt: skip
    assert show_code.pack(facts).hex() == said["payload"]
    digits = show_code.digits_in(said["address"], said["public_url"])
    assert digits
    assert show_code.read(digits, {bytes.fromhex(said["kid"]): key(said["public_key"])}) == (facts, bytes.fromhex(said["kid"]))
    assert qr_token.message_in(digits).hex() == said["message"]
    assert show_code.address(said["public_url"], digits) == said["address"]


def copies(said: dict[str, Any]) -> None:
    one = said["statement"]
    times = datetime.fromisoformat(one["made_at"]), datetime.fromisoformat(one["until"])
    lending = Lending(one["lending_id"], one["original"]["licence_id"], "", None, 1, *times, one["receiver"], one["purpose"])
    entry = entry_of(VECTORS["entry-issue"])
    assert copy_said(Record(entry.licence_id, TEMPLATE.slug, ORGAN.uscc, (entry,)), entry, lending) == one
    assert sha256(canonical(one)) == said["sha256"]


def canonical_jsons(said: dict[str, Any]) -> None:
    assert canonical(said["value"]).decode() == said["bytes"]
    both(said, said["bytes"].encode())


def digests_of_texts(said: list[dict[str, str]]) -> None:
    for one in said:
        both(one, one["text"].encode())


def commitments(said: dict[str, Any]) -> None:
    salt = bytes.fromhex(said["salt"])
    assert commitment(said["values"], salt, said["form"]) == Digests(said["sha256"], said["sm3"])
    for name, one in said["field_salts"].items():
        assert field_salt(salt, name).hex() == one
    leaves = {name: sha256(field_salt(salt, name) + canonical([name, value])) for name, value in said["values"].items()}
    assert leaves == said["leaves_sha256"]
    assert sha256(canonical([said["form"], leaves])) == said["sha256"]


def entry_of(said: dict[str, Any]) -> Entry:
    return entry_form.entry_of(said["body"], said["private"], Digests(said["sha256"], said["sm3"]))


def entries(said: dict[str, Any]) -> None:
    entry = entry_of(said)
    assert entry_form.body_of(entry) == said["body"]
    assert list(entry_form.body_of(entry)) == list(said["body"])
    assert entry_form.private_of(entry) == said["private"]
    both(said, canonical(said["body"]))
    if entry.version:
        assert commitment(entry.version.face, entry.version.salt, "face/1") == entry.version.face_commitment


def endorsement_entries(said: dict[str, Any]) -> None:
    entries(said)
    assert said["body"]["previous"] == VECTORS["entry-issue"]["sha256"]


def transfer_entries(said: dict[str, Any]) -> None:
    entries(said)
    assert said["body"]["previous"] == VECTORS["entry-issue"]["sha256"]
    entry = entry_of(said)
    assert (entry.to_department, entry.until) == ("11519902MB990003XD", date(2026, 12, 20))


def assertions(said: dict[str, Any]) -> None:
    given = said["statement"]
    made = assertion_of(given["licence_id"], given["kind"], given["facts"], given["external_ref"], given["asserter"])
    assert canonical(made).decode() == said["bytes"]
    assert key_id(said["public_key"]) == said["key_id"]
    assert is_signed(said["public_key"], said["bytes"].encode(), bytes.fromhex(said["signature"]))


def foundations(said: dict[str, Any]) -> None:
    assert said["body"]["format"] == FOUNDATION
    assert sha256(canonical(said["body"])) == said["sha256"]
    assert sha256(said["body"]["content"].encode()) == said["body"]["content_sha256"]


def bases(said: dict[str, Any]) -> None:
    read = basis.from_data(said["basis"])
    assert basis.as_data(read) == said["basis"]
    assert basis.committed(read, bytes.fromhex(said["salt"])) == said["basis_sha256"]
    values = {"basis": said["basis"]}
    salt = field_salt(bytes.fromhex(said["salt"]), basis.FORM)
    assert commitment(values, salt, basis.FORM).sha256 == said["basis_sha256"]


def lost_keys(said: dict[str, Any]) -> None:
    foundations(said)
    content = json.loads(said["body"]["content"])
    assert (said["body"]["kind"], content["format"]) == (COMPROMISE, LOST_KEY)
    line = Foundation(
        1, COMPROMISE, said["body"]["name"], said["body"]["content"], said["body"]["content_sha256"],
        datetime.fromisoformat(said["body"]["recorded_at"]), said["body"]["proposed_by"], said["body"]["confirmed_by"],
    )  # fmt: skip
    book: Any = SimpleNamespace(lines=lambda: (line,))
    assert lost_since(book, said["body"]["name"]) == datetime.fromisoformat(content["since"])
    assert lost_since(book, said["body"]["name"], line.recorded_at - timedelta(microseconds=1)) is None


def heads(said: dict[str, Any]) -> None:
    leaves = [hashlib.sha256(b"\x00" + bytes.fromhex(leaf)).digest() for leaf in said["leaves"]]
    left = hashlib.sha256(b"\x01" + leaves[0] + leaves[1]).digest()
    statement = read_statement(said["payload"].encode())
    assert (statement.size, statement.root) == (3, hashlib.sha256(b"\x01" + left + leaves[2]).digest())
    assert said["leaves"][1:] == [VECTORS["entry-issue"]["sha256"], VECTORS["entry-transfer"]["sha256"]]
    assert said["leaves"][0] == VECTORS["foundation"]["sha256"]


def licence_jsons(said: dict[str, Any]) -> None:
    assert (
        licence_data(
            entry_of(VECTORS["entry-issue"]),
            TEMPLATE,
            ORGAN.name,
            ORGAN.uscc,
            specimen=True,
            endorsements=entry_of(VECTORS["entry-issue"]).endorsements,
        )
        == said["data"]
    )
    assert sha256(canonical(said["data"])) == said["sha256"]


def endorsements(said: dict[str, Any]) -> None:
    (entered,) = entry_of(VECTORS["entry-endorse"]).endorsements
    assert statement_of(entered, VECTORS["entry-endorse"]["body"]["licence_id"]) == said["statement"]
    assert canonical(said["statement"]).decode() == said["bytes"]
    assert verify(key(said["public_key"]), said["bytes"].encode(), bytes.fromhex(said["signature"]))
    made = commitment(said["facts"], bytes.fromhex(said["salt"]), "facts/1")
    assert made == Digests(said["statement"]["facts_sha256"], said["statement"]["facts_sm3"])


def seal_uses(said: list[dict[str, Any]]) -> None:
    previous = ""
    for one in said:
        assert one["line"]["format"] == SEAL_USE
        assert one["line"]["previous"] == previous
        previous = sha256(canonical(one["line"]))
        assert previous == one["sha256"]


def status_indexes(said: dict[str, Any]) -> None:
    for number, listed, index in said["places"]:
        assert place(number, bytes.fromhex(said["key"])) == (listed, index)


def issue_requests(said: dict[str, Any]) -> None:
    request = read_issue(said)
    assert request.faults == ()
    assert request.type == TEMPLATE.slug


def act_requests(said: list[dict[str, Any]]) -> None:
    acts = [read_act(one).act for one in said]
    assert set(acts) == set(Act) - {Act.ISSUE, Act.ADOPT, Act.ASSERT}


def answers(said: dict[str, Any]) -> None:
    given = {name: value for name, value in said.items() if name != "document_url"}
    done = Done(**{**given, "recorded_at": datetime.fromisoformat(said["recorded_at"])})
    assert issuing.done(done) == said
    assert issuing.done(replace(done, version=None, endorsement_ids=("E",))).keys() == {*list(said)[:4], "endorsement_ids"}


def verdicts(said: dict[str, Any]) -> None:
    question_of = {"register": 0, "seal": 0, "document": 0, "version": 1, "right": 2, "dates": 2, "conditions": 3, "showing": 4}
    checks = tuple(
        Check(one["no"], one["name"], QUESTIONS[question_of[one["name"]]], Result(one["result"]), tuple(reason["code"] for reason in one["reasons"]))
        for one in said["checks"]
    )
    licence = fold((entry_of(VECTORS["entry-issue"]),), date.fromisoformat(said["valid_at"]))
    assert licence
    view = view_of(licence, TEMPLATE, {}, ORGAN, TEMPLATE.slug, 1, Asker.PUBLIC)
    at = datetime.fromisoformat(said["known_at"]).astimezone(UTC)
    head = (said["head"]["entry"], datetime.fromisoformat(said["head"]["recorded_at"]))
    summed = answers_of(checks)
    sources = {one["name"]: datetime.fromisoformat(one["as_of"]) for one in said["sources"]}
    assert Verdict(overall_of(summed), at, date.fromisoformat(said["valid_at"]), at, head, sources, summed, checks, view).as_json() == said


def receipts(said: dict[str, Any]) -> None:
    pair = Presented.pair(said["pair"]["number"], said["pair"]["check_code"])
    assert said["statement"]["presented"] == {"way": pair.way, "sha256": pair.sha256}
    assert canonical(said["statement"]).decode() == said["canonical"]
    assert words_of(said["statement"]).headline == ("有效", "Valid")
    assert message_in(canonical({"format": "receipt-file/1", "statement": "84"})) == b"\x84"


def rows_at_rest(said: dict[str, Any]) -> None:
    vault = Vault(bytes.fromhex(said["secret"]))
    assert vault.permutation_key.hex() == said["permutation_key"]
    assert vault.blind(said["blind"]["name"], said["blind"]["value"]) == said["blind"]["index"]
    assert vault.open(bytes.fromhex(said["sealed"]), said["row"]).decode() == said["opened"]


def packed_documents(said: dict[str, Any]) -> None:
    segment, (offset, length) = bytes.fromhex(said["segment"]), said["place"]
    assert sha256(segment) == said["segment_sha256"]
    assert list(segments.documents(segment, said["segment_sha256"])) == [
        (said["document_sha256"], segments.Place(said["segment_sha256"], offset, length))
    ]
    recipe = segments.read(segment[offset : offset + length], said["segment_sha256"])
    assert recipe.dictionary == sha256(said["dictionary"].encode())
    own = segments.Unpacking(said["dictionary"].encode()).unpack(recipe.packed, recipe.length)
    assert own == said["own"].encode()
    wholes = {sha256(said["plate"].encode()): said["plate"].encode()}
    document = recipe.joined(
        own, lambda part: wholes[part.digest] if isinstance(part, segments.Whole) else segment[part.offset : part.offset + part.length]
    )
    assert sha256(document) == recipe.sha256 == said["document_sha256"]
    assert bytes.fromhex(said["photo"]) in document


def bulk_runs(said: dict[str, Any]) -> None:
    rows = [one.encode() for one in said["rows"]]
    packed = Vault(bytes.fromhex(said["secret"])).open(bytes.fromhex(said["sealed"]), f"chunk:{said['run']}:{said['number']}:rows")
    assert chunk_form.read(chunk_form.ROWS, said["first"], packed) == (rows, said["plain_sha256"])
    assert chunk_form.read(chunk_form.ROWS, said["first"], chunk_form.write(chunk_form.ROWS, said["first"], rows)[0])[0] == rows
    kept = KeptRuns(SimpleNamespace(), Vault(bytes(32)), lambda: datetime.now(UTC))  # type: ignore[arg-type]  # it is asked for a digest alone
    assert kept.digest("rows", said["plain_sha256"]) == said["rows_digest"]
    done = json.loads(said["results"][0])
    given = {name: value for name, value in done.items() if name not in {"line", "key", "recorded_at"}}
    outcomes: list[Done | FaceRejected] = [
        Done(recorded_at=datetime.fromisoformat(done["recorded_at"]), **given),
        FaceRejected(faults=[Fault("face.sex", "not-a-code", "is not one of the codes of this field")]),
    ]
    assert [line.decode() for line in issued(lambda given: outcomes[: len(list(given))], said["first"], rows)] == said["results"]


def showing_notes(said: dict[str, Any]) -> None:
    given = json.loads(said["payload"])
    look = Look(given["look_id"], datetime.fromisoformat(given["looked_at"]), "police", given["organ"], "plate", False, {})
    record = Record(given["licence_id"], given["type"], ORGAN.uscc, ())
    note = note_said(look, given["place"], record, LicenceState(given["state"]), given["overall"], given["head"])
    assert canonical(note).decode() == said["payload"]


def told_events(said: dict[str, Any]) -> None:
    event, headers = said["event"], said["headers"]
    data = event["data"]
    version = {"version": data["version"], "elicence_id": data["elicence_id"]}
    body = {**data, "recorded_at": event["timestamp"], "version": version}
    assert event_of(body, data["certificate_type"], data["department"]) == event
    assert payload(event).decode() == said["body"]
    at = datetime.fromtimestamp(int(headers["webhook-timestamp"]), UTC)
    assert headers_of(event["id"], at, said["body"].encode(), [said["secret"]]) == headers


def catalogue_reports(said: dict[str, Any]) -> None:
    entry, told = entry_of(VECTORS["entry-issue"]), said["data"]["entry"]
    record = Record(entry.licence_id, TEMPLATE.slug, ORGAN.uscc, (entry,))
    assert catalogue_entry(record, entry, told["Revision"], replace(TEMPLATE, code=told["CertificateTypeCode"])) == told
    assert digest_of(told) == said["digest"]
    day = of_day([Kept(entry.licence_id, told["Revision"], said["digest"])])
    assert (day.count, day.digest) == (said["day"]["Count"], said["day"]["Digest"])
    group = of_days({said["day"]["RegisteredOn"]: day})
    assert (group.count, group.digest) == (said["group"]["Count"], said["group"]["Digest"])
    assert signature_of(said["secret"].encode(), said["operation"], said["head"], said["data"]) == said["head"]["signature"]


def decision_questions(said: dict[str, Any]) -> None:
    for kind in ("holder", "use"):
        assert keyed(said["secret"].encode(), kind, said[kind]["text"]) == said[kind]["keyed"]


CHECKS: dict[str, Callable[[Any], None]] = {
    "licence-id": licence_ids,
    "receipt": receipts,
    "showing-note": showing_notes,
    "elicence-id": elicence_ids,
    "check-character": check_characters,
    "check-code": check_codes,
    "delivery-code": delivery_codes,
    "code-on-paper": codes_on_paper,
    "key-purposes": key_purposes,
    "show-code": show_codes,
    "copy": copies,
    "canonical-json": canonical_jsons,
    "digests": digests_of_texts,
    "commitment": commitments,
    "licence": licence_jsons,
    "endorsement": endorsements,
    "basis": bases,
    "entry-issue": entries,
    "entry-endorse": endorsement_entries,
    "entry-transfer": transfer_entries,
    "assertion": assertions,
    "foundation": foundations,
    "seal-compromise": lost_keys,
    "head": heads,
    "seal-use": seal_uses,
    "status-index": status_indexes,
    "request-issue": issue_requests,
    "request-acts": act_requests,
    "answer": answers,
    "verdict": verdicts,
    "at-rest": rows_at_rest,
    "segment": packed_documents,
    "bulk-run": bulk_runs,
    "event": told_events,
    "catalogue-report": catalogue_reports,
    "decision-question": decision_questions,
}


@pytest.mark.parametrize("name", CHECKS)
def test_a_documented_vector_is_what_the_code_makes(name: str) -> None:
    CHECKS[name](VECTORS[name])


def test_every_documented_vector_is_checked() -> None:
    assert VECTORS.keys() == CHECKS.keys()


def test_every_format_name_of_the_code_is_documented() -> None:
    code = "".join(path.read_text(encoding="utf-8") for path in Path("licence_service").rglob("*.py"))
    names = set(re.findall(r'"([a-z-]+/1)"', code))
    assert names >= {"face/1", "facts/1", "officer/1", "licence/1", "endorsement/1", "entry/1", "seal-use/1"}
    unsaid = {name for name in names if f"`{name}`" not in PAGE and f'"{name}"' not in PAGE}
    assert unsaid <= {"preview/1"}  # a preview is no licence: nothing rests on its form
