"""Everything that adds to a sealed file: incremental saving, shadows, annotations and second signatures, pages.

After "How to break PDF signatures" (ISA), "Shadow attacks" (Mainka, Mladenov, Rohlmann; 2021: hide, replace,
hide-and-replace) and "Breaking the specification: PDF certification" (Rohlmann et al.; 2021: EAA, SSA).
"""

import io
import re
from functools import partial

from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.pdf_utils.reader import PdfFileReader

from tests.corpus.material import Material, appended, numbers, object_of, unsigned, with_entries
from tests.corpus.variant import add, variant
from tests.parts.conftest import draw_page

ISA, SHADOW, CERTIFIED, PAGES = "incremental saving", "shadow", "certification (EAA, SSA)", "pages"
ADDED = "added-after-seal"
_TEXT = b"BT /F1 24 Tf 100 200 Td (FORGED) Tj ET"


def stream(content: bytes, entries: bytes = b"") -> bytes:
    return b"<< %b /Length %d >>\nstream\n%b\nendstream" % (entries, len(content), content)


def _other_page(material: Material) -> dict[int, bytes]:
    page = numbers(material.sealed)["page"]
    body = object_of(material.sealed, page)
    return {page: re.sub(rb"/Contents \d+ 0 R", b"/Contents 91 0 R", body), 91: stream(_TEXT)}


# -- incremental saving ----------------------------------------------------------------------------------------------


@variant(ISA, reason=ADDED)
def new_page_content(material: Material) -> bytes:
    """An update gives the first page another content."""
    return appended(material.sealed, _other_page(material))


@variant(ISA, reason=ADDED)
def objects_without_a_table(material: Material) -> bytes:
    """The new objects are appended without table and trailer; programs that repair take them."""
    return material.sealed + b"".join(b"%d 0 obj\n%b\nendobj\n" % one for one in _other_page(material).items())


@variant(ISA, reason=ADDED)
def objects_with_an_end_mark(material: Material) -> bytes:
    """New objects and an end mark, but no table."""
    return material.sealed + b"".join(b"%d 0 obj\n%b\nendobj\n" % one for one in _other_page(material).items()) + b"%%EOF\n"


@variant(ISA, reason=ADDED)
def trailer_without_a_table(material: Material) -> bytes:
    """New objects and a trailer that names the catalogue, but no table."""
    objects = b"".join(b"%d 0 obj\n%b\nendobj\n" % one for one in _other_page(material).items())
    return material.sealed + objects + b"trailer\n<< /Root %d 0 R >>\n%%%%EOF\n" % numbers(material.sealed)["root"]


@variant(ISA, reason=ADDED)
def update_with_the_signature_copied(material: Material) -> bytes:
    """The update repeats the signature object, so that the newest revision has one."""
    signature = numbers(material.sealed)["signature"]
    return appended(material.sealed, {**_other_page(material), signature: object_of(material.sealed, signature)})


@variant(ISA, reason=ADDED)
def empty_update(material: Material) -> bytes:
    """An update that changes nothing but the number of revisions."""
    return appended(material.sealed, {92: b"<< >>"})


@variant(ISA, reason=ADDED)
def update_of_the_catalogue(material: Material) -> bytes:
    """An update takes the form and the permissions out of the catalogue: the file looks unsigned and unchanged."""
    root = numbers(material.sealed)["root"]
    return appended(material.sealed, {root: unsigned(object_of(material.sealed, root))})


@variant(ISA, reason=ADDED)
def update_of_the_attached_data(material: Material) -> bytes:
    """An update replaces the attached licence data."""
    found = re.search(rb"/EF << /F (\d+) 0 R", material.sealed)
    assert found
    return appended(material.sealed, {int(found[1]): stream(b"{}", b"/Type /EmbeddedFile /Subtype /application#2Fjson")})


# -- shadows ---------------------------------------------------------------------------------------------------------


@variant(SHADOW, reason=ADDED)
def hide_page_replaced(material: Material) -> bytes:
    """Hide: the update leads the page tree past the sealed first page to another one."""
    found = numbers(material.sealed)
    tree = object_of(material.sealed, found["pages"]).replace(b"[%d 0 R" % found["page"], b"[93 0 R")
    page = b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 419] /Contents 91 0 R /Resources << >> >>" % found["pages"]
    return appended(material.sealed, {found["pages"]: tree, 93: page, 91: stream(_TEXT)})


@variant(SHADOW, reason=ADDED)
def replace_font(material: Material) -> bytes:
    """Replace: the update gives a font another way to draw the same codes."""
    found = re.search(rb"/[FC][0-9] (\d+) 0 R", material.sealed)
    assert found
    return appended(material.sealed, {int(found[1]): b"<< /Type /Font /Subtype /Type1 /BaseFont /Symbol >>"})


@variant(SHADOW, reason=ADDED)
def replace_field_value_overlay(material: Material) -> bytes:
    """Replace: a text field lies over the sealed value and shows its own."""
    found = numbers(material.sealed)
    form = object_of(material.sealed, found["form"]).replace(b"/Fields [", b"/Fields [ 94 0 R")
    field = b"<< /FT /Tx /T (v) /V (2099) /Type /Annot /Subtype /Widget /Rect [100 100 300 130] /P %d 0 R /DA (/Helv 12 Tf) >>" % found["page"]
    page = object_of(material.sealed, found["page"]).replace(b"/Annots [", b"/Annots [ 94 0 R")
    return appended(material.sealed, {found["form"]: form, 94: field, found["page"]: page})


@variant(SHADOW, reason=ADDED)
def hide_and_replace(material: Material) -> bytes:
    """Hide and replace: objects planted before sealing (by an insider) are brought to light by a table appended later."""
    found = numbers(material.page)
    tree = object_of(material.page, found["pages"]).replace(b"[%d 0 R" % found["page"], b"[93 0 R")
    page = b"<< /Type /Page /Parent %d 0 R /MediaBox [0 0 595 419] /Contents 91 0 R /Resources << >> >>" % found["pages"]
    planted = appended(material.page, {95: tree, 93: page, 91: stream(_TEXT)})
    sealed = material.seal(planted)
    at = sealed.index(b"95 0 obj")
    previous = int(sealed[sealed.rindex(b"startxref") :].split()[1])
    start = len(sealed)
    return sealed + b"xref\n%d 1\n%010d 00000 n \ntrailer\n<< /Size 96 /Root %d 0 R /Prev %d >>\nstartxref\n%d\n%%%%EOF\n" % (
        found["pages"], at, found["root"], previous, start,
    )  # fmt: skip


@variant(SHADOW, reason="irregular")
def planted_revision_under_the_seal(material: Material) -> bytes:
    """An insider seals a file that has an older face in an earlier revision."""
    return material.seal(appended(material.page, {96: b"<< /Shadow true >>"}))


@variant(SHADOW, reason="irregular")
def planted_object_that_no_table_names(material: Material) -> bytes:
    """An insider seals a file with an object between its table and its end, which repairing programs would take."""
    cut = material.page.rindex(b"xref\n0 ")
    planted = b"97 0 obj\n<< /Shadow true >>\nendobj\n"
    start = cut + len(planted)
    page = material.page[:cut] + planted + material.page[cut:]
    last = page.rindex(b"startxref")
    return material.seal(page[:last] + b"startxref\n%d\n%%%%EOF\n" % start)


@variant(SHADOW, reason="irregular")
def planted_comment_under_the_seal(material: Material) -> bytes:
    """An insider seals a file with a comment between its objects, room for whatever a reader takes for an object."""
    cut = material.page.rindex(b"xref\n0 ")
    planted = b"% 98 0 obj << >> endobj\n"
    page = material.page[:cut] + planted + material.page[cut:]
    last = page.rindex(b"startxref")
    return material.seal(page[:last] + b"startxref\n%d\n%%%%EOF\n" % (cut + len(planted)))


# -- certification: annotations (EAA) and signatures (SSA) -----------------------------------------------------------


def _annotated(material: Material, *, entries: bytes) -> bytes:
    page = numbers(material.sealed)["page"]
    body = object_of(material.sealed, page).replace(b"/Annots [", b"/Annots [ 94 0 R")
    return appended(material.sealed, {94: b"<< /Type /Annot /Rect [50 50 400 300] %b >>" % entries, page: body})


for _name, _entries in (
    ("free text", b"/Subtype /FreeText /Contents (valid until 2099) /DA (/Helv 20 Tf)"),
    ("stamp over the page", b"/Subtype /Stamp /Name /Approved"),
    ("redaction", b"/Subtype /Redact /IC [1 1 1]"),
    ("white square", b"/Subtype /Square /IC [1 1 1] /C [1 1 1]"),
    ("highlight", b"/Subtype /Highlight /QuadPoints [50 300 400 300 50 50 400 50] /C [1 1 0]"),
    ("link to another site", b"/Subtype /Link /A << /S /URI /URI (https://example.invalid/q) >>"),
):
    add(CERTIFIED, f"annotation {_name}", f"EAA: an update adds `{_entries.decode()}`", partial(_annotated, entries=_entries), reason=ADDED)


@variant(CERTIFIED, reason="several-signatures")
def approval_signature_that_shows_nothing(material: Material) -> bytes:
    """SSA: an invisible second signature by the department's own key."""
    return material.signed(material.sealed, mdp=None, name="Second")


@variant(CERTIFIED, reason="several-signatures")
def approval_signature_over_the_page(material: Material) -> bytes:
    """SSA: the second signature has a box over the page, whose appearance can say anything."""
    return material.signed(material.sealed, mdp=None, name="Second", box=(10, 10, 500, 400))


@variant(CERTIFIED, reason=ADDED)
def revocation_data_appended(material: Material) -> bytes:
    """A document security store is appended, as a validator of long-term signatures would."""
    root = numbers(material.sealed)["root"]
    return appended(material.sealed, {root: with_entries(object_of(material.sealed, root), b"/DSS 95 0 R"), 95: b"<< /Certs [] >>"})


# -- pages -----------------------------------------------------------------------------------------------------------


@variant(PAGES, reason=ADDED)
def page_appended(material: Material) -> bytes:
    """A page is appended by an incremental update."""
    writer = IncrementalPdfFileWriter(io.BytesIO(material.sealed))
    page = PdfFileReader(io.BytesIO(draw_page("appended"))).root["/Pages"]["/Kids"][0]
    del page["/Parent"]
    writer.insert_page(writer.import_object(page))  # type: ignore[no-untyped-call]
    target = io.BytesIO()
    writer.write(target)  # type: ignore[no-untyped-call]
    return target.getvalue()


@variant(PAGES, content="altered")
def page_removed(material: Material) -> bytes:
    """The second page is taken out and the file written anew."""

    def change(pdf: object) -> None:
        del pdf.pages[1]  # type: ignore[attr-defined]

    return material.resaved(change)


@variant(PAGES, content="altered")
def page_doubled(material: Material) -> bytes:
    """The second page is put in once more and the file written anew."""

    def change(pdf: object) -> None:
        pdf.pages.append(pdf.pages[1])  # type: ignore[attr-defined]

    return material.resaved(change)


@variant(PAGES, content="altered")
def pages_turned_round(material: Material) -> bytes:
    """The pages are put into the other order and the file written anew."""

    def change(pdf: object) -> None:
        pdf.pages.reverse()  # type: ignore[attr-defined]

    return material.resaved(change)
