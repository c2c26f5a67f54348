"""Tables and trailers that lie, files that are two files, and files that ask for more than a document may."""

import re
import zlib

from tests.corpus.material import Material, appended, numbers, object_of, unsigned
from tests.corpus.updates import stream
from tests.corpus.variant import variant
from tests.plain_pdf import file_of

TABLES, PACKED, BOMBS = "tables and trailers", "object streams", "resource bombs"


def _with_page(*more: bytes, entries: bytes = b"", box: bytes = b"[0 0 300 200]") -> bytes:
    page = b"<</Type/Page/Parent 2 0 R/MediaBox %b/Contents 4 0 R %b>>" % (box, entries)
    return file_of(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 1/Kids[3 0 R]>>", page, *more)


# -- tables ----------------------------------------------------------------------------------------------------------


@variant(TABLES)
def table_led_to_another_object(material: Material) -> bytes:
    """The last table's entry of the first page points to another object."""
    other = material.page.index(b"\n35 0 obj") + 1
    found = re.findall(rb"34 1\n(\d{10})", material.sealed)[-1]
    return material.surgery(b"34 1\n" + found, b"34 1\n%010d" % other)


@variant(TABLES)
def table_that_repeats_itself(material: Material) -> bytes:
    """The last trailer's /Prev points to its own table: a loop."""
    last = re.findall(rb"startxref\n(\d+)", material.sealed)[-1]
    return material.surgery(rb"/Prev \d+", b"/Prev " + last)


@variant(TABLES)
def two_tables_in_a_loop(material: Material) -> bytes:
    """An appended table and the one before it point to each other."""
    grown = appended(material.sealed, {92: b"<< >>"})
    last = re.findall(rb"startxref\n(\d+)", grown)[-1]
    first = len(material.page)
    return grown[:first] + re.sub(rb"/Prev \d+", b"/Prev " + last, grown[first:], count=1)


@variant(TABLES)
def start_elsewhere(material: Material) -> bytes:
    """The last startxref points to the table of the unsealed page."""
    first = re.findall(rb"startxref\n(\d+)", material.sealed)[0]
    return material.surgery(rb"startxref\n\d+", b"startxref\n" + first)


@variant(TABLES)
def another_root(material: Material) -> bytes:
    """An appended trailer names another catalogue."""
    found = numbers(material.sealed)
    return appended(material.sealed, {98: unsigned(object_of(material.sealed, found["root"]))}, root=98)


@variant(TABLES)
def hybrid_table(material: Material) -> bytes:
    """A trailer with /XRefStm: readers that know it see other objects than those that do not."""
    return appended(material.sealed, {92: b"<< >>"}, trailer=b"/XRefStm 100 ")


@variant(TABLES)
def encrypted_in_name(material: Material) -> bytes:
    """A trailer that claims encryption, so that texts are read otherwise."""
    return appended(material.sealed, {92: b"<< /Filter /Standard /V 1 /R 2 /O (x) /U (y) /P -1 >>"}, trailer=b"/Encrypt 92 0 R ")


@variant(TABLES)
def size_that_lies(material: Material) -> bytes:
    """The last trailer claims fewer objects than there are."""
    return material.surgery(rb"/Size \d+", b"/Size 3")


@variant(TABLES, reason="irregular")
def insider_seals_a_table_with_a_ghost(material: Material) -> bytes:
    """Sealed with the real key: the first table names an object where none lies."""
    return material.seal(re.sub(rb"(\d{10})( 00000 n \ntrailer)", lambda found: b"%010d%b" % (int(found[1]) + 9, found[2]), material.page, count=1))


@variant(TABLES, reason="irregular")
def insider_seals_two_values_of_one_name(material: Material) -> bytes:
    """Sealed with the real key: a dictionary has one name twice, and readers differ in which they take; lengths stay, so the table is right."""
    return material.seal(material.page.replace(b"/Producer (licence_service)", b"/Title (another page)      "))


# -- object streams --------------------------------------------------------------------------------------------------


def _packed(objects: list[bytes], first: int, entries: bytes = b"") -> bytes:
    places, body = [], b""
    for content in objects:
        places.append(len(body))
        body += content + b" "
    head = b" ".join(b"%d %d" % (first + number, place) for number, place in enumerate(places)) + b" "
    content = zlib.compress(head + body)
    return b"<< /Type /ObjStm /N %d /First %d /Filter /FlateDecode %b /Length %d >>\nstream\n%b\nendstream" % (
        len(objects), len(head), entries, len(content), content,
    )  # fmt: skip


@variant(PACKED)
def page_packed_into_an_objectstream(material: Material) -> bytes:
    """An update brings the forged page inside an object stream, where a search of the bytes does not find it."""
    page = numbers(material.sealed)["page"]
    return appended(material.sealed, {96: _packed([object_of(material.sealed, page)], page)})


@variant(PACKED, reason="active-content")
def script_packed_into_an_objectstream(material: Material) -> bytes:
    """An update hides a script inside an object stream."""
    return appended(material.sealed, {96: _packed([b"<< /S /JavaScript /JS (app.alert) >>"], 97)})


@variant(PACKED)
def signature_packed_into_an_objectstream(material: Material) -> bytes:
    """A second signature dictionary lies inside an object stream."""
    return appended(material.sealed, {96: _packed([b"<< /Type /Sig /ByteRange [0 1 2 3] /Contents <00> >>"], 97)})


@variant(PACKED, register="unknown", alone="unknown", reason="examination-stopped")
def objectstream_bomb(material: Material) -> bytes:
    """A few kilobytes that expand to thirty megabytes of objects."""
    bomb = zlib.compress(b"1 0 " + b"[" + b" 0" * 15_000_000, 9)
    packed = b"<< /Type /ObjStm /N 1 /First 4 /Filter /FlateDecode /Length %d >>\nstream\n%b\nendstream" % (len(bomb), bomb)
    return appended(material.sealed, {96: packed})


# -- bombs -----------------------------------------------------------------------------------------------------------


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def stream_bomb(_: Material) -> bytes:
    """A page whose content expands to a hundred megabytes."""
    squeezed = zlib.compressobj(9)
    bomb = b"".join(squeezed.compress(b"q Q " * 250_000) for _ in range(100)) + squeezed.flush()
    return _with_page(b"<</Filter/FlateDecode/Length %d>>\nstream\n%b\nendstream" % (len(bomb), bomb))


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def nested_arrays(_: Material) -> bytes:
    """A hundred thousand arrays, one inside the other."""
    return _with_page(b"[" * 100_000 + b"]" * 100_000)


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def nested_dictionaries(_: Material) -> bytes:
    """Fifty thousand dictionaries, one inside the other."""
    return _with_page(b"<</A" * 50_000 + b" 1" + b">>" * 50_000)


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def huge_array(_: Material) -> bytes:
    """An array of two million numbers."""
    return _with_page(b"[" + b"0 " * 2_000_000 + b"]")


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def many_objects(_: Material) -> bytes:
    """A hundred and fifty thousand small objects."""
    return file_of(b"<</Type/Catalog/Pages 2 0 R>>", *([b"<<>>"] * 150_000))


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def table_of_a_billion(_: Material) -> bytes:
    """A table that claims a billion entries."""
    return b"%PDF-1.7\n1 0 obj\n<</Type/Catalog>>\nendobj\nxref\n0 1000000000\n0000000000 65535 f \ntrailer\n<</Root 1 0 R>>\nstartxref\n46\n%%EOF\n"


@variant(BOMBS, reason="no-signature")
def length_that_lies(_: Material) -> bytes:
    """A stream that claims two gigabytes."""
    return _with_page(b"<</Length 2000000000>>\nstream\nq Q\nendstream")


@variant(BOMBS)
def huge_page(_: Material) -> bytes:
    """A page of two hundred thousand points on each side."""
    return _with_page(stream(b"q Q"), box=b"[0 0 200000 200000]")


@variant(BOMBS)
def huge_picture(_: Material) -> bytes:
    """A picture that claims sixty thousand pixels on each side."""
    content = zlib.compress(bytes(1000))
    head = b"<</Type/XObject/Subtype/Image/Width 60000/Height 60000/ColorSpace/DeviceRGB/BitsPerComponent 8/Filter/FlateDecode/Length %d>>"
    picture = head % len(content) + b"\nstream\n%b\nendstream" % content
    return _with_page(stream(b"q 300 0 0 200 0 0 cm /I Do Q"), picture, entries=b"/Resources<</XObject<</I 5 0 R>>>>")


@variant(BOMBS)
def form_that_draws_itself(_: Material) -> bytes:
    """Forms that draw each other twenty times over: two to the twentieth."""
    forms = [
        b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Resources<</XObject<</N %d 0 R>>>>/Length 12>>\nstream\n/N Do /N Do \nendstream" % (number + 1)
        for number in range(5, 29)
    ]
    last = b"<</Type/XObject/Subtype/Form/BBox[0 0 9 9]/Length 10>>\nstream\n0 0 9 9 re\nendstream"
    return _with_page(stream(b"/N Do"), *forms, last, entries=b"/Resources<</XObject<</N 5 0 R>>>>")


@variant(BOMBS, register="unknown", alone="unknown")
def page_tree_in_a_circle(_: Material) -> bytes:
    """A page tree whose only child is itself."""
    return file_of(b"<</Type/Catalog/Pages 2 0 R>>", b"<</Type/Pages/Count 9/Kids[2 0 R]/Parent 2 0 R>>")[:-6]


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def strings_without_an_end(_: Material) -> bytes:
    """Fifteen thousand objects, each with a string that ends nowhere: read again and again by a careless reader."""
    return b"%PDF-1.7\n" + b"".join(b"%d 0 obj\n(%b\n" % (number, b"a" * 500) for number in range(15_000)) + b"%%EOF\n"


@variant(BOMBS, register="unknown", alone="unknown", reason="examination-stopped")
def numbers_without_an_end(_: Material) -> bytes:
    """Ten million digits in a row."""
    return _with_page(b"1" * 10_000_000)


@variant(BOMBS)
def signature_of_many_certificates(material: Material) -> bytes:
    """A slot filled with a deep tower of encodings."""
    tower = b""
    for _ in range(400):
        tower = b"\x30" + (bytes([len(tower)]) if len(tower) < 128 else b"\x82" + len(tower).to_bytes(2)) + tower
    return material.sealed.replace(material.contents, tower.hex().upper().encode().ljust(len(material.contents), b"0"))
