"""Pictures of the types: a sample's page, and one contact sheet of all (docs/gallery.png)."""

import hashlib
import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from licence_service.catalogue import Catalogue
from licence_service.digests import canonical
from licence_service.document import Printer, Sheet, standin
from licence_service.document.fonts import Fonts
from licence_service.document.pictures import Tile, contact
from licence_service.drafting import checked_face
from licence_service.errors import NotInRegister

_DRAWN = {"person": standin.person, "vehicle": standin.vehicle}


def sample_page(catalogue: Catalogue, printer: Printer, slug: str) -> bytes:
    """Draw a type's sample as a preview: watermarked, unsealed, without live codes."""
    sample = catalogue.samples[slug]
    template = catalogue.in_force(slug, sample.as_of)
    photos = {name: _DRAWN[drawn.partition("-")[0]]() for name, drawn in sample.photos.items()}
    digests = {name: f"sha256:{hashlib.sha256(jpeg).hexdigest()}" for name, jpeg in photos.items()}
    organ = str(sample.face[template.issuer_field])
    face = checked_face(template, {**sample.face, **digests}, organ, sample.as_of)
    sheet = Sheet(
        template=template, face=face, endorsements=(), elicence_id=None, version=1, copy_no=1, check_code=None, code_text=None,
        host="licence.example.cn", department=organ, photos=photos, specimen=True, preview=True,
    )  # fmt: skip
    attachment = canonical({"format": "preview/1", "face": dict(face)})
    return printer.draw(printer.place(sheet), attachment, created_at=datetime(2026, 1, 1, tzinfo=UTC))


def contact_sheet(catalogue: Catalogue, fonts: Fonts, demo: Path, to: Path, step: Callable[[str], None]) -> None:
    """Draw the first page of every sealed file that the demonstration left, with its name beneath, on one PNG."""
    tiles = []
    for slug in catalogue.slugs:
        path = demo / f"{slug}.pdf"
        if not path.is_file():
            raise NotInRegister("run `licence-service demo` first")
        template = catalogue.editions[slug][-1]
        tiles.append(Tile(path.read_bytes(), f"{template.index}　{template.title.zh}"))
        step(slug)
    to.parent.mkdir(parents=True, exist_ok=True)
    sink = io.BytesIO()
    contact(tiles, fonts.path("hei-500")).save(sink, "PNG", optimize=True)
    to.write_bytes(sink.getvalue())
