"""Pictures of the types: a sample's page, and one contact sheet of all (docs/gallery.png)."""

import io
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path

from licence_service.catalogue import Catalogue
from licence_service.document import Printer, standin
from licence_service.document.fonts import Fonts
from licence_service.document.pictures import Tile, contact
from licence_service.drafting import checked_face, photo_fields
from licence_service.errors import NotInRegister
from licence_service.preview import watermarked


def sample_page(catalogue: Catalogue, printer: Printer, slug: str) -> bytes:
    """Draw a type's sample as a preview: watermarked, unsealed, without live codes."""
    sample = catalogue.samples[slug]
    template = catalogue.in_force(slug, sample.as_of)
    photos = {name: standin.drawn(drawn) for name, drawn in sample.photos.items()}
    organ = str(sample.face[template.issuer_field])
    face = checked_face(template, {**sample.face, **photo_fields(photos)}, organ, sample.as_of)
    return watermarked(printer, template, face, photos, department=organ, host="licence.example.cn", at=datetime(2026, 1, 1, tzinfo=UTC))


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
