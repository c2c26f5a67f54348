"""What the bounded child says of uploaded files and pictures, how it is bounded, and what a seal could be used for."""

import io
import re
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from PIL import Image

from licence_service.document import uploaded
from licence_service.document.code import matrix
from licence_service.errors import Unavailable
from licence_service.presenting import PROGRAM, Presenter, answerers
from licence_service.seal import Finding, KnownSeal
from licence_service.seal.canonical import has_low_s, is_canonical, with_low_s
from licence_service.seal.entitlement import by_seal_alone, entitlement_faults
from licence_service.seal.examiner import Answered, Examiner, Limits, finding_of
from licence_service.seal.granting import Grant
from licence_service.seal.keyring import Keyring
from tests.parts.conftest import NOW, draw_page
from tests.waiting import until

USCC = "11519900MB9900013X"
ADDRESS = "HTTPS://LICENCE.EXAMPLE.CN/Q/1" + "1234567890" * 30


def picture(kind: str = "PNG", text: str = ADDRESS, scale: int = 6, turned: float = 0) -> bytes:
    """Return a picture of a code, as a screenshot or a photo has it."""
    rows = matrix(text)
    image = Image.new("L", (len(rows) + 8, len(rows) + 8), 255)
    for y, row in enumerate(rows):
        for x, dark in enumerate(row):
            image.putpixel((x + 4, y + 4), 0 if dark else 255)
    image = image.resize((image.width * scale, image.height * scale), Image.Resampling.NEAREST)
    target = io.BytesIO()
    image.rotate(turned, expand=True, fillcolor=255).convert("RGB").save(target, kind)
    return target.getvalue()


@pytest.fixture(scope="module")
def presenter(keyring: Keyring) -> Iterator[Presenter]:
    examiner = Examiner(keyring.trust_roots, keyring.known_seals, children=1, program=PROGRAM)
    yield Presenter(examiner)
    examiner.close()


# -- pictures ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("turned", [0, 7])
def test_the_code_in_a_photo_or_screenshot_is_read(presenter: Presenter, kind: str, turned: float) -> None:
    assert presenter.texts_of_codes(picture(kind, turned=turned)) == (ADDRESS,)


def test_whatever_the_codes_of_a_picture_or_a_page_say_is_told_as_it_stands(presenter: Presenter) -> None:
    assert presenter.texts_of_codes(picture(text="any words")) == ("any words",)
    assert presenter.texts_of_codes(draw_page("words")) == ()
    assert presenter.texts_of_codes(b"nothing") == ()


@pytest.mark.parametrize(
    "content", [b"", b"\x89PNG\r\n\x1a\n", b"\xff\xd8\xff" + bytes(100), b"RIFF1234WEBP" + bytes(50), b"RIFF1234WAVE", b"GIF89a", b"%PDF-"]
)
def test_a_broken_or_other_picture_has_no_code(presenter: Presenter, content: bytes) -> None:
    assert presenter.texts_of_codes(content) == ()
    assert uploaded.codes_of_picture(content) == []


def test_a_picture_of_too_many_pixels_is_not_opened(presenter: Presenter) -> None:
    target = io.BytesIO()
    Image.new("1", (6000, 6000)).save(target, "PNG")
    assert presenter.texts_of_codes(target.getvalue()) == ()
    assert uploaded.codes_of_picture(target.getvalue()) == []


def test_a_small_code_beside_a_large_one_is_not_passed_over() -> None:
    photo = Image.new("L", (5000, 4000), 255)
    for place, scale, text in ((100, 20, ADDRESS), (3500, 2, f"{ADDRESS}9")):
        with Image.open(io.BytesIO(picture(text=text, scale=scale))) as one:
            photo.paste(one.convert("L"), (place, place))
    target = io.BytesIO()
    photo.save(target, "PNG")
    assert sorted(uploaded.codes_of_picture(target.getvalue())) == [ADDRESS, f"{ADDRESS}9"]


def test_a_large_photo_is_looked_at_in_a_smaller_size_too() -> None:
    assert uploaded.codes_of_picture(picture("JPEG", scale=40)) == [ADDRESS]
    assert uploaded.codes_of_picture(picture("PNG", scale=40)) == [ADDRESS]


def test_what_begins_like_a_picture_is_known_for_one() -> None:
    assert [uploaded.is_picture(one) for one in (picture(), picture("JPEG"), picture("WEBP"), draw_page(), b"RIFF0000WAVE")] == [
        True,
        True,
        True,
        False,
        False,
    ]


# -- files -------------------------------------------------------------------------------------------------------------


def test_a_file_without_anything_says_its_words_and_pages(presenter: Presenter) -> None:
    looked = presenter.look(draw_page("words"))
    assert looked.finding.reasons == ("no-signature",)
    assert looked.presented
    assert (looked.presented.texts, looked.presented.pages, looked.presented.codes) == (("words",), 1, ())
    assert looked.cpu_seconds > 0
    assert looked.memory_bytes > 1 << 20


def test_an_unreadable_file_keeps_its_finding_and_says_nothing(presenter: Presenter) -> None:
    looked = presenter.look(b"%PDF-1.7\nnothing")
    assert looked.finding.reasons == ("unreadable",)
    assert looked.presented is not None
    assert looked.presented.texts == ()


def test_a_file_that_asks_for_too_much_is_not_read_at_all(presenter: Presenter) -> None:
    looked = presenter.look(b"%PDF-1.7\n" + b"1 0 obj\n" * 30_000)
    assert looked.finding.reasons == ("examination-stopped",)
    assert looked.presented is None


def test_a_file_of_more_pages_than_any_licence_is_not_half_read() -> None:
    many = draw_page(pages=uploaded.MOST_PAGES + 1)
    assert uploaded.presented(many)["pieces"] == []
    assert not uploaded.look_alike(many, many)
    assert uploaded.look_alike(draw_page(pages=9), draw_page(pages=9))


def test_two_files_look_alike_only_if_they_show_the_same() -> None:
    assert uploaded.look_alike(draw_page(), draw_page())
    assert not uploaded.look_alike(draw_page("licence"), draw_page("licenca"))
    assert not uploaded.look_alike(draw_page(), draw_page(pages=2))
    assert not uploaded.look_alike(b"%PDF-", draw_page())


@pytest.mark.parametrize("said", [None, 5, [], {}, {"pieces": 5}, {"pieces": [[1]], "attached": None, "codes": [], "pages": 1}])
def test_a_child_that_tells_something_else_told_nothing(said: object) -> None:
    from licence_service.presenting import _presented

    assert _presented(said) is None


def test_the_program_answers_what_is_asked_of_it() -> None:
    does = answerers({"trust": [], "certificates": []})
    page = draw_page("words")
    assert does["examine"]({"at": None}, [page])["reasons"] == ["no-signature"]  # type: ignore[index]
    assert does["present"]({}, [page])["pages"] == 1  # type: ignore[index]
    assert does["picture"]({}, [picture()]) == [ADDRESS]
    assert does["say"]({}, [page])["codes"] == []  # type: ignore[index]
    assert does["alike"]({}, [page, page]) is True


# -- bounds ------------------------------------------------------------------------------------------------------------


def _hold(examiner: Examiner, document: bytes) -> threading.Thread:
    thread = threading.Thread(target=examiner.examine, args=(document,))
    thread.start()
    return thread


def test_the_waiting_room_is_small_and_says_when_to_come_again(keyring: Keyring) -> None:
    page = draw_page()
    examiner = Examiner(keyring.trust_roots, keyring.known_seals, children=1, waiting=1, wait_seconds=200)
    try:
        examiner.start()
        held = examiner._idle.get()
        waiting = _hold(examiner, page)
        until(lambda: examiner._room._value == 1)
        second = _hold(examiner, page)
        until(lambda: examiner._room._value == 0)
        before = time.monotonic()
        with pytest.raises(Unavailable) as full:
            examiner.examine(page)
        assert time.monotonic() - before < 100  # whoever has room waits twice as long
        assert full.value.retry_after >= 1
        examiner._idle.put(held)
        waiting.join()
        second.join()
        assert examiner.examine(page).reasons == ("no-signature",)
    finally:
        examiner.close()


def test_a_worker_that_uses_too_much_is_ended_and_its_child_goes_on(keyring: Keyring) -> None:
    for limits in (Limits(cpu_seconds=0.001), Limits(wall_seconds=0.001), Limits(memory_bytes=30 << 20)):
        examiner = Examiner(keyring.trust_roots, keyring.known_seals, children=1, limits=limits)
        sealed = keyring.departments[USCC].seal.affix(draw_page(pages=400), sealed_at=NOW, request_id="x").document
        try:
            examiner.start()
            process = examiner._children[0]._process
            assert examiner.examine(sealed).reasons in {("examination-stopped",), ("unreadable",)}, limits
            assert examiner._children[0]._process is process, limits
        finally:
            examiner.close()


@pytest.mark.parametrize("answer", [None, 5, {}, {"reasons": [], "sealed_at": "x"}, {"reasons": [], "sealed_at": None, "more": 1}])
def test_an_answer_that_is_no_finding_counts_as_stopped(answer: object) -> None:
    assert finding_of(Answered(answer)) == Finding(reasons=("examination-stopped",))


# -- what a seal could be used for -------------------------------------------------------------------------------------


@pytest.mark.rule("SE-01", "SH-04")
def test_a_seal_is_judged_by_grants_days_and_certificate_of_its_time(keyring: Keyring) -> None:
    department = keyring.departments[USCC]
    digest = department.seal.certificate_sha256
    assert entitlement_faults(keyring, digest, "any_type", NOW) == ()
    assert entitlement_faults(keyring, "00" * 32, "any_type", NOW) == ("unknown-signer",)
    assert entitlement_faults(keyring, digest, "any_type", NOW + timedelta(days=5000)) == ("chain-not-trusted",)
    early = entitlement_faults(keyring, digest, "any_type", datetime(2020, 1, 1, tzinfo=UTC))
    assert early == ("chain-not-trusted", "seal-not-in-use", "seal-not-granted")
    narrow = replace(department, grants=(Grant(("one_type",), NOW.date() - timedelta(days=9), None, unattended=True),))
    other = replace(keyring, departments={**keyring.departments, USCC: narrow})
    assert entitlement_faults(other, digest, "one_type", NOW) == ()
    assert entitlement_faults(other, digest, "another_type", NOW) == ("seal-not-granted",)
    finding = Finding(True, True, True, True, USCC, digest, NOW, "x", "another_type")
    assert by_seal_alone(keyring, finding).good
    assert by_seal_alone(other, finding).reasons == ("seal-not-granted",)
    assert by_seal_alone(other, replace(finding, licence_type=None)).good


def test_a_seal_has_a_first_and_a_last_day() -> None:
    day = NOW.date()
    known = KnownSeal("x", USCC, "00", (), day, day)
    assert [known.used_on(day + timedelta(days=days)) for days in (-1, 0, 1)] == [False, True, False]
    assert KnownSeal("x", USCC, "00").used_on(day)


@pytest.mark.rule("SE-05")
def test_a_retired_seal_is_good_within_its_days_and_not_after_them(keyring: Keyring) -> None:
    from licence_service.seal.examination import examine

    sealed = keyring.departments[USCC].seal.affix(draw_page(), sealed_at=NOW, request_id="x").document
    digest, known = keyring.departments[USCC].seal.certificate_sha256, keyring.known_seals
    for days, reasons in ((0, ()), (1, ()), (-1, ("seal-not-in-use",))):
        seal = replace(known[digest], used_to=NOW.date() + timedelta(days=days))
        assert examine(sealed, keyring.trust_roots, {digest: seal}).reasons == reasons


def test_a_chain_of_other_certificates_than_the_known_ones_misuses_the_slot(keyring: Keyring) -> None:
    from licence_service.seal.examination import examine

    sealed = keyring.departments[USCC].seal.affix(draw_page(), sealed_at=NOW, request_id="x").document
    digest, known = keyring.departments[USCC].seal.certificate_sha256, keyring.known_seals
    assert len(known[digest].chain) == 1
    assert examine(sealed, keyring.trust_roots, {digest: replace(known[digest], chain=("00" * 32,))}).reasons == ("slot-misused",)


@pytest.mark.parametrize("uscc", ["11519900MB9900013X", "12519900MB9900048D", "11519900MB9900021Q"])
def test_every_seal_is_made_in_its_one_form(keyring: Keyring, uscc: str) -> None:
    for number in range(4):
        sealed = keyring.departments[uscc].seal.affix(draw_page(str(number)), sealed_at=NOW, request_id="x").document
        found = re.search(rb"/Contents <([0-9A-F]+)>", sealed)
        assert found
        slot = bytes.fromhex(found[1].decode())
        assert is_canonical(slot)
        assert has_low_s(slot)
        assert with_low_s(slot) == slot


def test_a_seal_made_elsewhere_is_brought_into_its_one_form_and_stays_good(keyring: Keyring) -> None:
    from asn1crypto import algos, cms

    from licence_service.seal.canonical import ORDERS
    from licence_service.seal.container import in_one_form
    from licence_service.seal.examination import examine

    sealed = keyring.departments[USCC].seal.affix(draw_page(), sealed_at=NOW, request_id="x").document
    found = re.search(rb"/Contents <([0-9A-F]+)>", sealed)
    assert found
    container = cms.ContentInfo.load(bytes.fromhex(found[1].decode()))
    signer = container["content"]["signer_infos"][0]
    pair = algos.DSASignature.load(signer["signature"].native)
    signer["signature"] = algos.DSASignature({"r": pair["r"].native, "s": ORDERS["secp256r1"] - pair["s"].native}).dump()
    high = sealed.replace(found[1], container.dump(force=True).hex().encode().ljust(len(found[1]), b"0"))
    assert set(examine(high, keyring.trust_roots, keyring.known_seals).reasons) <= {"not-canonical", "slot-misused"}
    assert not examine(high, keyring.trust_roots, keyring.known_seals).good
    assert in_one_form(high) == sealed == in_one_form(sealed)
    assert in_one_form(draw_page()) == draw_page()
    empty = sealed.replace(found[1], b"0" * len(found[1]))
    assert in_one_form(empty) == empty
