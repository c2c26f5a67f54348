"""Programs that save a file again: the seal is lost, the content is not; and the same programs in the hands of a forger."""

import io
import json
from functools import partial
from typing import Any

import pikepdf
import pypdfium2 as pdfium

from tests.corpus.material import Material
from tests.corpus.variant import add, variant

SAVED, ALTERED = "harmless re-saving", "altered content"
SAME = "as_recorded"


@variant(SAVED, content=SAME)
def saved_by_qpdf(material: Material) -> bytes:
    """Written anew, object by object."""
    return material.resaved()


@variant(SAVED, content=SAME)
def saved_for_the_web(material: Material) -> bytes:
    """Linearised."""
    return material.resaved(linearize=True)


@variant(SAVED, content=SAME)
def saved_with_object_streams(material: Material) -> bytes:
    """Objects packed into streams."""
    return material.resaved(object_stream_mode=pikepdf.ObjectStreamMode.generate)


@variant(SAVED, content=SAME)
def saved_uncompressed(material: Material) -> bytes:
    """Every stream written out and its content put in order."""
    return material.resaved(normalize_content=True, stream_decode_level=pikepdf.StreamDecodeLevel.generalized, compress_streams=False)


@variant(SAVED, content=SAME)
def saved_compressed_again(material: Material) -> bytes:
    """Every stream compressed anew."""
    return material.resaved(recompress_flate=True)


@variant(SAVED, content=SAME)
def saved_by_pdfium(material: Material) -> bytes:
    """Written anew by a browser's PDF library."""
    target, document = io.BytesIO(), pdfium.PdfDocument(material.sealed)
    try:
        document.save(target)
    finally:
        document.close()
    return target.getvalue()


@variant(SAVED, content=SAME)
def title_and_author_changed(material: Material) -> bytes:
    """A program writes its name and a title into the information dictionary."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.docinfo["/Producer"] = "An Office Program"
        pdf.docinfo["/Title"] = "licence"

    return material.resaved(change)


@variant(SAVED, content=SAME)
def signature_field_flattened(material: Material) -> bytes:
    """The form and its field are taken out, as by printing into a file."""

    def change(pdf: pikepdf.Pdf) -> None:
        del pdf.Root["/AcroForm"], pdf.Root["/Perms"], pdf.pages[0]["/Annots"]

    return material.resaved(change)


@variant(SAVED, register="unknown", alone="unknown", reason="encrypted")
def saved_with_a_password(material: Material) -> bytes:
    """Encrypted with an owner's password; anybody can open it."""
    return material.resaved(encryption=pikepdf.Encryption(owner="o", user=""))


@variant(SAVED, content="undecided")
def printed_into_a_picture(material: Material) -> bytes:
    """Every page turned into a picture: it can be looked at, and its code read, but nothing in it can be compared."""
    document = pdfium.PdfDocument(material.sealed)
    try:
        first, *rest = [page.render(scale=2).to_pil().convert("RGB") for page in document]
    finally:
        document.close()
    target = io.BytesIO()
    first.save(target, "PDF", save_all=True, append_images=rest)
    return target.getvalue()


@variant(SAVED, content="altered")
def attached_data_taken_out(material: Material) -> bytes:
    """A program drops attachments."""

    def change(pdf: pikepdf.Pdf) -> None:
        del pdf.attachments["licence.json"]

    return material.resaved(change)


# -- altered ---------------------------------------------------------------------------------------------------------


def with_data(material: Material, **changed: object) -> bytes:
    """Change single fields of the attached face and save."""

    def change(pdf: pikepdf.Pdf) -> None:
        data = json.loads(pdf.attachments["licence.json"].get_file().read_bytes())
        data["face"].update(changed)
        specification = pikepdf.AttachedFileSpec(pdf, json.dumps(data, ensure_ascii=False).encode(), filename="licence.json")  # type: ignore[call-arg]
        del pdf.attachments["licence.json"]
        pdf.attachments["licence.json"] = specification

    return material.resaved(change)


def drawn_over(material: Material, operators: bytes) -> bytes:
    """Draw something over the first page and save."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.pages[0].contents_add(pikepdf.Stream(pdf, operators))

    return material.resaved(change)


def with_swapped_codes(material: Material, place: int) -> bytes:
    """Swap the last two different characters of one printed text of the first page and save."""

    def change(pdf: pikepdf.Pdf) -> None:
        seen = 0
        done = []
        for instruction in pikepdf.parse_content_stream(pdf.pages[0]):
            shown: list[Any] = list(instruction.operands)
            if str(instruction.operator) == "Tj":
                text = bytes(instruction.operands[0])
                at = next((one for one in range(len(text) - 2, 0, -1) if text[one] != text[one + 1]), None)
                if at is not None:
                    if seen == place:
                        text = text[:at] + bytes([text[at + 1], text[at]]) + text[at + 2 :]
                    seen += 1
                shown = [pikepdf.String(text)]
            done.append((shown, instruction.operator))
        pdf.pages[0].Contents = pikepdf.Stream(pdf, pikepdf.unparse_content_stream(done))

    return material.resaved(change)


add(ALTERED, "plate changed in the data", "the attached face names another plate", lambda one: with_data(one, plate_no="川A99999"), content="altered")
add(ALTERED, "end date changed in the data", "the attached face ends in 2099", lambda one: with_data(one, valid_to="2099-12-31"), content="altered")
add(
    ALTERED, "white box over the page", "a white box is drawn over the values",
    lambda one: drawn_over(one, b"q 1 1 1 rg 100 150 300 120 re f Q"), content="altered",
)  # fmt: skip
add(
    ALTERED, "text hidden in a form", "a form draws over a value what the words of the page do not say",
    lambda one: drawn_over(one, b"q 1 1 1 rg 60 60 40 12 re f Q"), content="altered",
)  # fmt: skip
for _place in range(8, 20, 2):
    add(
        ALTERED, f"characters swapped in text {_place}", "two characters of a printed text change places",
        partial(with_swapped_codes, place=_place), content="altered",
    )  # fmt: skip


@variant(ALTERED, content="altered")
def script_beside_unchanged_content(material: Material) -> bytes:
    """Saved again with a script: the content is as recorded, but never harmless."""

    def change(pdf: pikepdf.Pdf) -> None:
        pdf.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.alert(1)")

    return material.resaved(change)


@variant(ALTERED, content="altered")
def value_field_drawn_by_an_annotation(material: Material) -> bytes:
    """Saved again with an annotation whose appearance covers a value."""

    def change(pdf: pikepdf.Pdf) -> None:
        look = pikepdf.Stream(pdf, b"1 1 1 rg 0 0 200 60 re f", Type=pikepdf.Name.XObject, Subtype=pikepdf.Name.Form, BBox=[0, 0, 200, 60])
        note = pikepdf.Dictionary(Type=pikepdf.Name.Annot, Subtype=pikepdf.Name.Stamp, Rect=[100, 200, 300, 260], F=4, AP=pikepdf.Dictionary(N=look))
        pdf.pages[0].Annots = pikepdf.Array([pdf.make_indirect(note)])

    return material.resaved(change)
