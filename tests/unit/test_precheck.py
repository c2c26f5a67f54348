"""What our own reading of the bytes says of a file, before any library sees it."""

import zlib

import pytest
from asn1crypto import algos

from licence_service.seal.canonical import ORDERS, is_canonical
from licence_service.seal.precheck import precheck
from licence_service.seal.syntax import Dictionary, Hexadecimal, Irregular, Reading, Reference, TooMuch
from tests.parts.conftest import draw_page
from tests.plain_pdf import file_of


def read(content: bytes) -> object:
    """Read one value."""
    return Reading(content).value(0)[0]


# -- values ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "value"),
    [
        (b"12", 12),
        (b"-7", -7),
        (b"1.5", b"1.5"),
        (b"/Name", "/Name"),
        (b"/Na#6De", "/Name"),
        (b"12 0 R", Reference(12, 0)),
        (b"12 0 Rx", 12),
        (b"<AB cd>", Hexadecimal(0, 7)),
        (b"(a (nested) \\) text)", b"(a (nested) \\) text)"),
        (b"[1 2 0 R /A]", [1, Reference(2, 0), "/A"]),
        (b"<</A 1/B<</C[2]>>>>", Dictionary({"/A": 1, "/B": Dictionary({"/C": [2]})})),
        (b"% a comment\n 5", 5),
    ],
)
def test_a_value_is_read_as_it_is_written(content: bytes, value: object) -> None:
    assert read(content) == value


@pytest.mark.parametrize("content", [b"", b"]", b">>", b"<</A>>", b"<</A 1/A 2>>", b"<</A 1/#41 2>>", b"<<1 2>>", b"[1 >>", b"(open", b"<1G>", b"{"])
def test_what_nobody_careful_writes_is_irregular(content: bytes) -> None:
    with pytest.raises(Irregular):
        read(content)


@pytest.mark.parametrize("content", [b"[" * 40 + b"]" * 40, b"<</A" * 40 + b" 1" + b">>" * 40, b"[" + b"1 " * 120_000 + b"]", b"1" * 10_000_000])
def test_what_asks_for_too_much_is_not_read_on(content: bytes) -> None:
    with pytest.raises(TooMuch):
        read(content)


# -- DER -------------------------------------------------------------------------------------------------------------

SIGNATURE = algos.DSASignature({"r": 12345678901234567890, "s": 255}).dump()


def test_one_canonical_value_and_zeros_are_canonical() -> None:
    assert is_canonical(SIGNATURE)
    assert is_canonical(SIGNATURE + bytes(100))


@pytest.mark.parametrize(
    "slot",
    [
        b"",
        bytes(10),
        SIGNATURE + b"\0\1",
        b"\x30\x81" + SIGNATURE[1:],  # a length in two bytes that has room in one
        b"\x30\x80" + SIGNATURE[2:] + b"\0\0",  # an indefinite length
        b"\x30\x04\x02\x02\x00\x01",  # an integer with a zero too many
        b"\x30\x02\x02\x00",  # an integer of no bytes
        b"\x30\x05\x02\x01\x01\x00\x00",  # a length that swallows the zeros behind it
        b"\x30\x03\x01\x01\x01",  # true is FF
        b"\x30\x04\x03\x02\x04\xff",  # unused bits that are set
        b"\x30\x03\x05\x01\x00",  # a null that holds something
        b"\x30\x08\x31\x06\x02\x01\x02\x02\x01\x01",  # a set out of order
        b"\x30\x02\x1f\x00",
        b"\x30\x05\x02\x01",
        b"\x02\x01\x01",
        b"\x30\x82" * 50,
        b"\x30" * 200,
    ],
)
def test_any_other_encoding_is_not(slot: bytes) -> None:
    assert not is_canonical(slot)


def test_the_orders_of_the_curves_have_their_lengths() -> None:
    assert [order.bit_length() for order in ORDERS.values()] == [256, 384, 521]


# -- files -----------------------------------------------------------------------------------------------------------

CATALOGUE, PAGES = b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Kids[]/Count 0>>"
PLAIN = file_of(CATALOGUE, PAGES)


def test_a_plain_file_is_regular_and_has_no_signature() -> None:
    for document in (PLAIN, draw_page()):
        found = precheck(document)
        assert (found.reasons, found.signatures, found.revisions, found.stopped) == ([], 0, 1, False)


@pytest.mark.parametrize(
    "document",
    [
        PLAIN[1:],
        b"\n" + PLAIN,
        PLAIN.replace(b"endobj\n2", b"endobj\n% here\n2"),
        PLAIN.replace(b"endobj\n2", b"endobj\nxx\n2"),
        PLAIN.replace(b"0000000009", b"0000000010"),
        PLAIN.replace(b"0000000000 65535 f \n0000000009 00000 n ", b"0000000009 00000 n \n0000000000 65535 f "),
        PLAIN.replace(b"/Size 3", b"/Size 3/Prev 9"),
        PLAIN.replace(b"/Size 3", b"/Size 3/XRefStm 9"),
        PLAIN.replace(b"startxref\n", b"startxref\n1"),
        file_of(CATALOGUE, PAGES, b"<</Length 5>>\nstream\nabc\nendstream"),
        file_of(CATALOGUE, PAGES, b"<</Length 4 0 R>>\nstream\nabc\nendstream", b"9"),
        file_of(CATALOGUE, PAGES, b"<</Filter/FlateDecode/Length 3>>\nstream\nabc\nendstream"),
        file_of(CATALOGUE, PAGES, b"<</Type/ObjStm/N 2/First 4/Length 6>>\nstream\n1 0 <<\nendstream"),
        file_of(CATALOGUE, PAGES, b"<</Type/XRef/W[1 2]/Size 1/Length 3>>\nstream\nabc\nendstream"),
    ],
)
def test_a_file_with_a_byte_that_belongs_to_nothing_is_irregular(document: bytes) -> None:
    assert "irregular" in precheck(document).reasons


def test_a_length_that_stands_elsewhere_is_followed() -> None:
    assert precheck(file_of(CATALOGUE, PAGES, b"<</Length 4 0 R>>\nstream\nabc\nendstream", b"3")).reasons == []


@pytest.mark.parametrize("after", [b"", b"\r", b"\r\n", b"\n"])
def test_one_line_end_may_follow_the_last_mark(after: bytes) -> None:
    assert precheck(PLAIN.rstrip() + after).reasons == []


@pytest.mark.parametrize("after", [b" ", b"\n\n", b"x", b"\n%%EO"])
def test_anything_else_behind_the_last_mark_is_named(after: bytes) -> None:
    assert precheck(PLAIN.rstrip() + after).reasons == ["added-after-seal"]


def test_bombs_are_stopped() -> None:
    content = zlib.compress(bytes(70 << 20), 9)
    assert precheck(file_of(CATALOGUE, PAGES, b"<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(content), content))).stopped
    assert precheck(bytes(20_000_001)).stopped
    assert precheck(b"%PDF-1.7\n" + b"1 0 obj\n" * 20_001).stopped
    assert precheck(PLAIN.replace(b"xref\n0 3", b"xref\n0 300000")).stopped


@pytest.mark.parametrize("name", [b"/JS", b"/OpenAction", b"/AA", b"/XFA", b"/Java#53cript"])
def test_active_content_is_found_under_any_spelling(name: bytes) -> None:
    assert precheck(file_of(CATALOGUE, PAGES, b"<<%b 1>>" % name)).reasons == ["active-content"]
    packed = b"7 0 <<%b 1>>" % name
    stream = b"<</Type/ObjStm/N 1/First 4/Length %d>>\nstream\n%b\nendstream" % (len(packed), packed)
    assert precheck(file_of(CATALOGUE, PAGES, stream)).reasons == ["active-content"]


@pytest.mark.parametrize(
    "active",
    [
        (b"<</S 4 0 R>>", b"/Launch"),
        (b"<</S/Launch>>", b"null"),
        (b"<</EF 9 0 R/UF 4 0 R>>", b"(setup.exe)"),
        (b"<</EF 9 0 R/F(setup\\56exe)>>", b"null"),
        (b"<</EF 9 0 R/UF<FEFF0061002E006500780065>/F(a.json)>>", b"null"),
        (b"<</EF 9 0 R/F(licence)>>", b"null"),
        (b"<</EF 9 0 R>>", b"null"),
        (b"<</EF 9 0 R/F 8 0 R>>", b"null"),
    ],
)
def test_actions_and_programs_are_found_wherever_their_names_stand(active: tuple[bytes, bytes]) -> None:
    assert "active-content" in precheck(file_of(CATALOGUE, PAGES, *active)).reasons
    first, second = active
    packed = first + b" " + second
    body = b"3 0 4 %d " % (len(first) + 1)
    stream = b"<</Type/ObjStm/N 2/First %d/Length %d>>\nstream\n%b%b\nendstream" % (len(body), len(body) + len(packed), body, packed)
    assert "active-content" in precheck(file_of(CATALOGUE, PAGES, stream)).reasons


@pytest.mark.parametrize(
    "harmless",
    [
        (b"<</EF 9 0 R/F(licence.json)>>", b"null"),
        (b"<</EF 9 0 R/UF 4 0 R>>", b"(licence.JSON)"),
        (b"<</EF 9 0 R/UF<FEFF0061002E006A0073006F006E>>>", b"null"),
        (b"<</EF 9 0 R/UF(licence\\\n.js\\157n)>>", b"null"),
        (b"<</S 4 0 R>>", b"/GoTo"),
    ],
)
def test_what_only_lies_beside_a_page_is_harmless(harmless: tuple[bytes, bytes]) -> None:
    assert precheck(file_of(CATALOGUE, PAGES, *harmless)).reasons == []


def test_an_object_that_is_a_reference_is_irregular() -> None:
    assert "irregular" in precheck(file_of(CATALOGUE, PAGES, b"4 0 R", b"/Launch")).reasons


@pytest.mark.parametrize(
    "signature",
    [
        b"<</Type/Sig>>",
        b"<</Type/Sig/ByteRange[0 1 2 3]/Contents<00>>>",
        b"<</Type/Sig/ByteRange[0 1 2 3]/Contents(x)>>",
        b"<</Type/Sig/ByteRange[0 1 2]/Contents<00>>>",
        b"<</Type/Sig/ByteRange[0 1 2 3 4 5]/Contents<00>>>",
        b"<</Filter/Adobe.PPKLite/SubFilter/none>>",
    ],
)
def test_a_signature_that_covers_something_else_misuses_its_slot(signature: bytes) -> None:
    found = precheck(file_of(CATALOGUE, PAGES, signature))
    assert found.reasons == ["slot-misused"]
    assert found.decisive == ("slot-misused",)
    assert found.signatures == 1


def test_two_signatures_are_several() -> None:
    assert "several-signatures" in precheck(file_of(CATALOGUE, PAGES, b"<</Type/Sig>>", b"<</Type/Sig>>")).reasons
