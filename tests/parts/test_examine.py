"""Whatever somebody hands in gets a finding: altered, forged, foreign, broken; never an exception."""

import io
import json
import random
import re
import struct
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import pikepdf
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.fields import SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from licence_service.errors import Unavailable
from licence_service.seal import Finding, examining
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.seal.examiner import Examiner, Limits
from licence_service.seal.keyring import Keyring, read_keyring
from licence_service.seal.pades import examine
from tests.parts.conftest import DEMO_TOML, NOW, PASSPHRASE, draw_page

USCC, OTHER_USCC = "11519900MB9900013X", "12519900MB9900048D"


@pytest.fixture(scope="session")
def sealed(keyring: Keyring, page: bytes) -> bytes:
    return _seal(keyring, page)


def _seal(keyring: Keyring, document: bytes, uscc: str = USCC) -> bytes:
    return keyring.departments[uscc].seal.affix(document, sealed_at=NOW, request_id="x").document


def _examined(keyring: Keyring, document: bytes, at: datetime | None = None) -> Finding:
    return examine(document, keyring.trust_roots, keyring.known_seals, at)


def test_an_unchanged_document_is_good(keyring: Keyring, sealed: bytes) -> None:
    assert _examined(keyring, sealed) == Finding(
        signed=True,
        intact=True,
        covers_whole_file=True,
        trusted=True,
        department=USCC,
        certificate_sha256=keyring.departments[USCC].seal.certificate_sha256,
        sealed_at=NOW,
        seal_id=f"{USCC}-2026",
    )


def test_one_flipped_byte_anywhere_is_seen(keyring: Keyring, sealed: bytes) -> None:
    numbers = random.Random(2026)
    places = [*numbers.sample(range(len(sealed)), 250), 0, len(sealed) - 2]
    for place in places:
        mask = numbers.choice((0x01, 0x20, 0x80, 0xFF))
        flipped = sealed[:place] + bytes([sealed[place] ^ mask]) + sealed[place + 1 :]
        assert not _examined(keyring, flipped).good, (place, mask)


def test_a_flipped_byte_in_the_page_is_named(keyring: Keyring, sealed: bytes) -> None:
    finding = _examined(keyring, sealed.replace(b"ReportLab", b"ReportLob", 1))
    assert finding.signed
    assert not finding.intact
    assert finding.reasons == ("bytes-changed",)
    assert finding.department == USCC


def test_the_zeros_that_fill_the_slot_are_not_free_space(keyring: Keyring, sealed: bytes) -> None:
    at = sealed.index(b">", sealed.index(b"/Contents <")) - 20
    assert sealed[at : at + 20] == b"0" * 20
    finding = _examined(keyring, sealed[:at] + b"AB" + sealed[at + 2 :])
    assert finding.reasons == ("slot-misused",)
    assert finding.intact
    assert not finding.covers_whole_file


def test_the_unused_bits_of_an_embedded_certificate_are_not_free_space(keyring: Keyring, sealed: bytes) -> None:
    changed = 0
    for size in (b"46", b"47", b"48", b"49"):  # the signature of a certificate, a BIT STRING of 70 to 73 bytes
        mark = b"06082A8648CE3D04030203" + size + b"00"
        if (at := sealed.find(mark)) > 0:
            altered = sealed[: at + len(mark) - 1] + b"1" + sealed[at + len(mark) :]
            assert not _examined(keyring, altered).good
            changed += 1
    assert changed


def _container(sealed: bytes) -> tuple[int, bytearray]:
    start = sealed.index(b"/Contents <") + len(b"/Contents <")
    return start, bytearray.fromhex(sealed[start : sealed.index(b">", start)].decode())


def _with_container(sealed: bytes, start: int, container: bytes) -> bytes:
    digits = container.hex().upper().encode()
    return sealed[:start] + digits + sealed[start + len(digits) :]


def test_a_length_that_swallows_the_zeros_behind_the_container_is_seen(keyring: Keyring, sealed: bytes) -> None:
    start, container = _container(sealed)
    for more in (2, 4, 8):
        longer = bytearray(container)
        longer[2:4] = (int.from_bytes(container[2:4]) + more).to_bytes(2)
        assert _examined(keyring, _with_container(sealed, start, bytes(longer))).reasons == ("slot-misused",)


def test_the_name_by_which_a_signer_is_called_stands_as_in_its_certificate(keyring: Keyring, sealed: bytes) -> None:
    start, container = _container(sealed)
    names = [found.start() for found in re.finditer(b"Demo Issuing", container)]
    letters = [at for at in names if not _examined(keyring, _with_container(sealed, start, _other_case(container, at))).intact]
    assert 0 < len(letters) < len(names)  # those that a signature covers, and that of the signer's identifier, which none does
    for at in names:
        assert not _examined(keyring, _with_container(sealed, start, _other_case(container, at))).good


def _other_case(container: bytearray, at: int) -> bytes:
    return bytes(container[:at]) + bytes([container[at] ^ 0x20]) + bytes(container[at + 1 :])


@pytest.mark.long
def test_every_byte_of_the_container_counts(keyring: Keyring, sealed: bytes) -> None:
    start, container = _container(sealed)
    numbers = random.Random(2026)
    for at in range(len(container)):
        for bit in {5, numbers.randrange(8)}:
            changed = bytearray(container)
            changed[at] ^= 1 << bit
            assert not _examined(keyring, _with_container(sealed, start, bytes(changed))).good, (at, bit)


@pytest.mark.parametrize("junk", [b"x", b"\n%comment\n", b"junk" * 5000, b"\n%%EOF\n" * 3])
def test_trailing_bytes_are_named(keyring: Keyring, sealed: bytes, junk: bytes) -> None:
    finding = _examined(keyring, sealed + junk)
    assert not finding.good
    assert not finding.covers_whole_file
    assert "added-after-seal" in finding.reasons or "unreadable" in finding.reasons


def test_trailing_bytes_leave_the_seal_itself_recognised(keyring: Keyring, sealed: bytes) -> None:
    finding = _examined(keyring, sealed + b"junk" * 5000)
    assert finding.intact
    assert finding.reasons == ("added-after-seal",)


def _with_page(sealed: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    other = PdfFileReader(io.BytesIO(draw_page("appended")))
    page = other.root["/Pages"]["/Kids"][0]
    del page["/Parent"]
    writer.insert_page(writer.import_object(page))  # type: ignore[no-untyped-call]
    return _written(writer)


def _with_annotation(sealed: bytes) -> bytes:
    writer = IncrementalPdfFileWriter(io.BytesIO(sealed))
    note = generic.DictionaryObject(  # type: ignore[no-untyped-call]
        {
            generic.pdf_name("/Type"): generic.pdf_name("/Annot"),
            generic.pdf_name("/Subtype"): generic.pdf_name("/FreeText"),
            generic.pdf_name("/Rect"): generic.ArrayObject(map(generic.NumberObject, (10, 10, 200, 60))),
            generic.pdf_name("/Contents"): generic.pdf_string("valid until 2099"),
        }
    )
    page, _ = writer.find_page_for_modification(0)  # type: ignore[no-untyped-call]
    writer.register_annotation(page, writer.add_object(note))  # type: ignore[no-untyped-call]
    return _written(writer)


def _written(writer: IncrementalPdfFileWriter) -> bytes:
    target = io.BytesIO()
    writer.write(target)  # type: ignore[no-untyped-call]
    return target.getvalue()


def _signed_again(sealed: bytes, keyring: Keyring) -> bytes:
    signer = keyring.departments[OTHER_USCC].seal._signer  # type: ignore[attr-defined]
    stream = io.BytesIO(sealed)
    embedding = PdfCMSEmbedder(SigFieldSpec("Second")).write_cms("Second", IncrementalPdfFileWriter(stream))
    next(embedding)
    embedding.send(SigObjSetup(SignatureObject(NOW, SigSeedSubFilter.PADES, bytes_reserved=8192)))
    prepared, output = embedding.send(SigIOSetup("sha256", in_place=True))
    embedding.send(signer.container(prepared.document_digest))
    return bytes(output.getvalue())


@pytest.mark.parametrize("change", [_with_page, _with_annotation])
def test_what_is_added_by_an_incremental_update_is_named(keyring: Keyring, sealed: bytes, change: Callable[[bytes], bytes]) -> None:
    finding = _examined(keyring, change(sealed))
    assert finding.signed
    assert finding.intact
    assert not finding.covers_whole_file
    assert "added-after-seal" in finding.reasons


def test_a_second_signature_is_named(keyring: Keyring, sealed: bytes) -> None:
    finding = _examined(keyring, _signed_again(sealed, keyring))
    assert {"several-signatures", "added-after-seal"} <= set(finding.reasons)


def test_a_signature_that_does_not_certify_is_named(keyring: Keyring, page: bytes) -> None:
    finding = _examined(keyring, _signed_again(page, keyring))
    assert finding.reasons == ("not-certified",)


def _resaved(document: bytes, change: Callable[[pikepdf.Pdf], None] = lambda _: None, **options: object) -> bytes:
    target = io.BytesIO()
    with pikepdf.open(io.BytesIO(document)) as pdf:
        change(pdf)
        pdf.save(target, **options)  # type: ignore[arg-type]
    return target.getvalue()


def test_a_stripped_signature_leaves_no_seal(keyring: Keyring, sealed: bytes) -> None:
    def strip(pdf: pikepdf.Pdf) -> None:
        del pdf.Root["/AcroForm"], pdf.Root["/Perms"], pdf.pages[0]["/Annots"]

    assert _examined(keyring, _resaved(sealed, strip)).reasons == ("no-signature",)


def test_a_file_that_we_read_whole_has_no_seal_though_a_library_dislikes_it(keyring: Keyring) -> None:
    assert _examined(keyring, b"%PDF-1.7\nxref\n0 0\ntrailer<<>>\nstartxref\n9\n%%EOF") == Finding(reasons=("no-signature",))


def test_an_unsealed_document_has_no_seal(keyring: Keyring, page: bytes) -> None:
    assert _examined(keyring, page) == Finding(reasons=("no-signature",))


def test_a_file_saved_again_by_an_office_program_is_not_intact(keyring: Keyring, sealed: bytes) -> None:
    finding = _examined(keyring, _resaved(sealed))
    assert finding.signed
    assert not finding.good


def test_the_keys_of_an_authority_with_the_same_names_are_unknown(keyring: Keyring, page: bytes, tmp_path: Path) -> None:
    make_demo_keys(tmp_path, read_demo_departments(DEMO_TOML), passphrase=PASSPHRASE, now=NOW)
    forger = read_keyring(tmp_path, passphrase=PASSPHRASE, allow_demo=True)
    finding = _examined(keyring, _seal(forger, page))
    assert finding.intact
    assert not finding.trusted
    assert finding.department is None
    assert finding.reasons == ("unknown-signer", "chain-not-trusted")


def test_the_seal_of_another_department_is_named_as_such(keyring: Keyring, page: bytes) -> None:
    finding = _examined(keyring, _seal(keyring, page, OTHER_USCC))
    assert finding.good
    assert finding.department == OTHER_USCC


def test_a_certificate_of_the_same_authority_that_is_no_seal_is_unknown(keyring: Keyring, sealed: bytes) -> None:
    finding = examine(sealed, keyring.trust_roots, {})
    assert finding.reasons == ("unknown-signer",)
    assert not finding.trusted


@pytest.mark.parametrize("at", [datetime(2020, 1, 1, tzinfo=UTC), datetime(2040, 1, 1, tzinfo=UTC)])
def test_the_chain_is_judged_at_the_time_asked_for(keyring: Keyring, sealed: bytes, at: datetime) -> None:
    assert _examined(keyring, sealed, at).reasons == ("chain-not-trusted",)


@pytest.mark.parametrize("password", ["", "secret"])
def test_an_encrypted_file_is_named(keyring: Keyring, sealed: bytes, page: bytes, password: str) -> None:
    for document in (sealed, page):
        encrypted = _resaved(document, encryption=pikepdf.Encryption(owner="owner", user=password))
        assert _examined(keyring, encrypted) == Finding(reasons=("encrypted",))


def _acting(pdf: pikepdf.Pdf) -> None:
    pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")


def _launching(pdf: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.Launch, F="calc.exe")
    link = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Link, Rect=[0, 0, 9, 9], A=action)
    pdf.pages[0].Annots = pikepdf.Array([link])


def _attaching(name: str) -> Callable[[pikepdf.Pdf], None]:
    def attach(pdf: pikepdf.Pdf) -> None:
        pdf.attachments[name] = pikepdf.AttachedFileSpec(pdf, b"{}", filename=name)  # type: ignore[call-arg]

    return attach


@pytest.mark.parametrize("change", [_acting, _launching, _attaching("setup.exe"), _attaching("licence")])
def test_active_content_is_named_even_under_a_good_seal(keyring: Keyring, page: bytes, change: Callable[[pikepdf.Pdf], None]) -> None:
    finding = _examined(keyring, _seal(keyring, _resaved(page, change)))
    assert finding.intact
    assert finding.reasons == ("active-content",)


@pytest.mark.parametrize("mode", [pikepdf.ObjectStreamMode.generate, pikepdf.ObjectStreamMode.disable])
def test_the_attached_licence_data_is_no_active_content(keyring: Keyring, page: bytes, mode: pikepdf.ObjectStreamMode) -> None:
    document = _resaved(page, _attaching("licence.json"), object_stream_mode=mode)
    assert _examined(keyring, _seal(keyring, document)).good


def _nested(depth: int) -> bytes:
    return b"%PDF-1.7\n1 0 obj\n" + b"[" * depth + b"]" * depth + b"\nendobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF"


@pytest.mark.parametrize(
    "document",
    [
        b"",
        b"%PDF-",
        b"%PDF-1.7\n%%EOF",
        b"<html></html>",
        bytes(1000),
        b"%PDF-1.7\n" + b"\xff" * 100_000,
        b"%PDF-1.7\nstartxref\n99999999999999999999\n%%EOF",
        b"%PDF-1.7\nstartxref\n-5\n%%EOF",
    ],
    ids=range(8),
)
def test_broken_files_are_unreadable(keyring: Keyring, document: bytes) -> None:
    assert _examined(keyring, document).reasons[0] == "unreadable"


def test_a_file_nested_deeper_than_any_licence_is_not_read(keyring: Keyring) -> None:
    assert _examined(keyring, _nested(100_000)).reasons == ("examination-stopped",)


def test_a_truncated_file_is_never_good(keyring: Keyring, sealed: bytes) -> None:
    for length in range(0, len(sealed), len(sealed) // 60):
        assert not _examined(keyring, sealed[:length]).good


@settings(max_examples=60, deadline=None)
@given(st.binary(max_size=400))
def test_random_bytes_never_raise(data: bytes) -> None:
    assert examine(data, (), {}).reasons
    assert examine(b"%PDF-1.7\n" + data + b"\n%%EOF\n", (), {}).reasons


def test_a_document_without_pages_is_examined(keyring: Keyring) -> None:
    target = io.BytesIO()
    pikepdf.new().save(target)
    assert _examined(keyring, target.getvalue()).reasons == ("no-signature",)


@pytest.fixture(scope="module")
def child(keyring: Keyring) -> Iterator[Examiner]:
    examining = Examiner(keyring.trust_roots, keyring.known_seals)
    yield examining
    examining.close()


def test_the_child_says_what_the_parent_would(child: Examiner, keyring: Keyring, sealed: bytes, page: bytes) -> None:
    for document in (sealed, sealed + b"x", page, b"", _nested(50_000)):
        assert child.examine(document) == _examined(keyring, document)
    late = datetime(2040, 1, 1, tzinfo=UTC)
    assert child.examine(sealed, late) == _examined(keyring, sealed, late)


def test_a_file_of_our_own_is_examined_without_a_fork_and_judged_the_same(keyring: Keyring, sealed: bytes, page: bytes) -> None:
    examining = Examiner(keyring.trust_roots, keyring.known_seals, children=1, limits=Limits(wall_seconds=1, memory_bytes=1 << 20))
    try:
        for document in (sealed, sealed + b"x", page):
            assert examining.examine(document, own=True) == _examined(keyring, document)
        assert not examining.examine(sealed).good, "a stranger's file has its worker with its limits"
    finally:
        examining.close()


def test_many_threads_share_the_children(child: Examiner, sealed: bytes) -> None:
    good: list[bool] = []
    threads = [threading.Thread(target=lambda: good.append(child.examine(sealed).good)) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 8


def test_an_examination_that_takes_too_long_is_stopped_and_the_next_one_goes_on(keyring: Keyring, sealed: bytes) -> None:
    hasty = Examiner(keyring.trust_roots, keyring.known_seals, children=1, limits=Limits(cpu_seconds=0.4, wall_seconds=250))
    try:
        assert hasty.examine(sealed).good
        before = time.monotonic()
        assert hasty.examine(_slow_to_read()).reasons == ("examination-stopped",)
        assert time.monotonic() - before < 100  # by the processor's time, long before its turn on a busy machine is over
        assert hasty.examine(sealed).good
    finally:
        hasty.close()


def _slow_to_read() -> bytes:
    """A file of 150,000 small objects, which pyHanko takes many seconds to walk."""
    count = 150_000
    kids = b" ".join(b"%d 0 R" % number for number in range(3, count))
    objects = [b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 0/Kids[]/X[" + kids + b"]>>"]
    objects += [b"<</A 1>>"] * (count - 3)
    body, offsets = io.BytesIO(), []
    body.write(b"%PDF-1.7\n")
    for number, content in enumerate(objects, 1):
        offsets.append(body.tell())
        body.write(b"%d 0 obj\n%b\nendobj\n" % (number, content))
    start = body.tell()
    body.write(b"xref\n0 %d\n0000000000 65535 f \n" % count)
    body.write(b"".join(b"%010d 00000 n \n" % offset for offset in offsets))
    body.write(b"trailer\n<</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF\n" % (count, start))
    return body.getvalue()


def test_a_child_that_died_is_replaced(keyring: Keyring, sealed: bytes) -> None:
    examining = Examiner(keyring.trust_roots, keyring.known_seals, children=1)
    try:
        assert examining.examine(sealed).good
        process = examining._children[0]._process
        assert process is not None
        process.kill()
        process.wait()
        assert examining.examine(sealed).good
    finally:
        examining.close()


class Unsent(bytes):
    """A file for which there is no memory in the middle of a question."""

    def __len__(self) -> int:
        """Fail, as whatever holds it may."""
        raise MemoryError


def test_a_question_that_broke_off_is_not_answered_to_the_next(child: Examiner, keyring: Keyring, sealed: bytes, page: bytes) -> None:
    for _ in range(2):
        with pytest.raises(MemoryError):
            child.ask("examine", sealed, Unsent(), at=None)
    for document in (page, sealed):
        assert child.examine(document) == _examined(keyring, document)


def test_when_every_child_stays_busy_the_service_is_unavailable(keyring: Keyring, sealed: bytes) -> None:
    none = Examiner(keyring.trust_roots, keyring.known_seals, children=0, wait_seconds=0.05)
    with pytest.raises(Unavailable):
        none.examine(sealed)


def test_the_child_s_side_answers_until_the_parent_is_gone(keyring: Keyring, sealed: bytes) -> None:
    setting = Examiner(keyring.trust_roots, keyring.known_seals, limits=Limits(memory_bytes=1 << 40))._children[0]._setting  # this process is large
    now, late = (json.dumps({"do": "examine", "files": 1, "own": False, "at": at}).encode() for at in (None, "2040-01-01T00:00:00+00:00"))
    own = json.dumps({"do": "examine", "files": 1, "own": True, "at": None}).encode()
    frames = (setting, now, sealed, late, sealed, own, sealed[:-300])
    questions = io.BytesIO(b"".join(struct.pack(">I", len(frame)) + frame for frame in frames))
    answers = io.BytesIO()
    examining.serve(questions, answers)
    said = answers.getvalue()
    assert said.startswith(b"\0\0\0\x02{}")
    assert b'"reasons": []' in said
    assert b"chain-not-trusted" in said
    assert b"no-signature" in said
