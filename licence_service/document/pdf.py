"""Placed pages → the bytes of a PDF/A-3u file. Same input, same bytes (LIBRARIES §2, ISO 19005-3)."""

from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256

from licence_service.document.archival import (
    ATTACHMENT,
    PACKET_ENTRIES,
    PROFILE_ENTRIES,
    catalogue_entries,
    colour_profile,
    file_entries,
    file_specification,
    information,
    packet,
)  # fmt: skip
from licence_service.document.artwork import Artwork
from licence_service.document.contents import Contents, symbol_form
from licence_service.document.drawings import artwork_forms, calling, form_entries, seal_form
from licence_service.document.embedding import Embedding, Subset, deflated, tag
from licence_service.document.fonts import Fonts
from licence_service.document.jpeg import image_entries, read_size
from licence_service.document.objects import Objects, stream
from licence_service.document.placed import Photo, Placed, PlacedPage, Stamp, Symbol
from licence_service.document.strokes import PT, numbers

_QUICK = 1  # compression of what is made for one document only


def draw(placed: Placed, attachment: bytes, *, title: str, created_at: datetime, fonts: Fonts, attached_as: str = ATTACHMENT) -> bytes:
    """Return the file: every page, its texts embedded as subsets, `attachment` under the name `attached_as`.

    `created_at` is aware and stands in the file in its own zone. The bytes depend on the arguments alone.
    """
    objects = Objects()
    embedding, pictures = Embedding(fonts), _Pictures(objects, fonts)
    pages_object, pages_reference = objects.reserve()
    drawn = []
    for page in placed.pages:
        pictures.names = {}
        art = f"/{pictures.artwork(page.artwork)} Do\n" if page.artwork else ""
        contents = art + Contents(page.height, fonts, embedding, pictures).operators(page.items)
        drawn.append((page, objects.stream("/Filter /FlateDecode", deflated(contents.encode("ascii"))), pictures.names))
    resources = " ".join(f"/{each.name} {_font(objects, each, place)}" for place, each in enumerate(embedding.subsets))
    font_dictionary = objects.add(f"<< {resources} >>")
    kids = " ".join(objects.add(_page(page, contents, names, font_dictionary, pages_reference)) for page, contents, names in drawn)
    objects.fill(pages_object, f"<< /Type /Pages /Kids [{kids}] /Count {len(drawn)} >>")
    file = objects.stream(f"{file_entries(len(attachment), created_at)} /Filter /FlateDecode", deflated(attachment))
    entries = catalogue_entries(
        objects.stream(PACKET_ENTRIES, packet(title, created_at)), objects.stream(PROFILE_ENTRIES, colour_profile()),
        objects.add(file_specification(file, attached_as)), attached_as,
    )  # fmt: skip
    return objects.finish(f"<< /Type /Catalog /Pages {pages_reference} {entries} >>", information(title, created_at))


def _page(page: PlacedPage, contents: str, names: Mapping[str, str], fonts: str, parent: str) -> str:
    called = " ".join(f"/{name} {reference}" for name, reference in names.items())
    return (
        f"<< /Type /Page /Parent {parent} /MediaBox [0 0 {numbers(page.width * PT, page.height * PT)}] "
        f"/Resources << /Font {fonts} /XObject << {called} >> >> /Contents {contents} >>"
    )


def _font(objects: Objects, subset: Subset, place: int) -> str:
    base = f"{tag(place)}+{subset.face.name}"
    program = subset.program()
    file = objects.stream(f"/Filter /FlateDecode /Length1 {len(program)}", deflated(program, _QUICK))
    widths = subset.widths()
    cmap = objects.stream("/Filter /FlateDecode", deflated(subset.to_unicode()))
    return objects.add(
        f"<< /Type /Font /Subtype /TrueType /BaseFont /{base} /FirstChar 0 /LastChar {len(widths) - 1} "
        f"/Widths [{' '.join(widths)}] /FontDescriptor {objects.add(subset.descriptor(base, file))} /ToUnicode {cmap} >>"
    )


class _Pictures:
    """Adds drawings and photographs to the file, each once; `names` are those that the present page calls."""

    def __init__(self, objects: Objects, fonts: Fonts) -> None:
        self._objects, self._fonts = objects, fonts
        self._references: dict[object, tuple[str, str]] = {}
        self._parts: dict[bytes, str] = {}
        self.names: dict[str, str] = {}

    def _named(self, key: object, prefix: str, body: bytes) -> str:
        if key not in self._references:
            self._references[key] = (f"{prefix}{len(self._references)}", self._objects.add(body))
        name, reference = self._references[key]
        self.names[name] = reference
        return name

    def artwork(self, art: Artwork) -> str:
        """Add a frame as one form that calls its parts."""
        key = ("art", id(art))
        if key in self._references:
            return self._named(key, "A", b"")
        parts = artwork_forms(art)
        content = parts.pop("")
        called = " ".join(f"/{name} {self._part(body)}" for name, body in parts.items())
        return self._named(key, "A", calling(content, called))

    def _part(self, body: bytes) -> str:
        """Add a part of a frame; pages with and without the medallion share theirs."""
        if body not in self._parts:
            self._parts[body] = self._objects.add(body)
        return self._parts[body]

    def stamp(self, stamp: Stamp) -> str:
        """Add a seal about its centre, its letters as outlines."""
        seal = stamp.impression
        key = ("seal", id(seal))
        return self._named(key, "S", b"" if key in self._references else seal_form(seal, self._fonts))

    def symbol(self, symbol: Symbol) -> tuple[str, float]:
        """Add a code; a symbol is drawn from its lower left corner."""
        content, side = symbol_form(symbol.text, symbol.side)
        box = (0.0, 0.0, side * PT, side * PT)
        return self._named(("code", symbol.text), "Q", stream(form_entries(box), deflated(content, _QUICK))), side

    def photo(self, photo: Photo) -> tuple[str, int, int]:
        """Add a JPEG as it came."""
        wide, high, _ = read_size(photo.jpeg)
        return self._named(("photo", sha256(photo.jpeg).digest()), "P", stream(image_entries(photo.jpeg), photo.jpeg)), wide, high
