"""Placed pages → the bytes of a PDF/A-3u file. Same input, same bytes (LIBRARIES §2, ISO 19005-3)."""

import math
from collections.abc import Mapping
from datetime import datetime
from hashlib import sha256
from threading import Lock

from licence_service.document.archival import ATTACHMENT, catalogue_entries, information
from licence_service.document.artwork import Artwork
from licence_service.document.contents import Contents, glyph_path, symbol_form
from licence_service.document.embedding import Embedding, Subset, deflated, tag
from licence_service.document.fonts import Fonts
from licence_service.document.impression import RED, Impression
from licence_service.document.jpeg import read_size
from licence_service.document.objects import Objects, stream
from licence_service.document.placed import Photo, Placed, PlacedPage, Stamp, Symbol
from licence_service.document.strokes import PT, Box, fill, numbers

_MOST_KEPT = 256  # drawings that stay compressed between documents
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
        contents = Contents(page, fonts, embedding, pictures)
        drawn.append((page, objects.stream("/Filter /FlateDecode", deflated((art + contents.operators()).encode("ascii"))), pictures.names))
    resources = " ".join(f"/{each.name} {_font(objects, each, place)}" for place, each in enumerate(embedding.subsets))
    font_dictionary = objects.add(f"<< {resources} >>")
    kids = " ".join(objects.add(_page(page, contents, names, font_dictionary, pages_reference)) for page, contents, names in drawn)
    objects.fill(pages_object, f"<< /Type /Pages /Kids [{kids}] /Count {len(drawn)} >>")
    entries = catalogue_entries(objects, title, created_at, attachment, attached_as)
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


class _Kept:
    """Drawings that many documents share, compressed once: frames of families, seals of departments."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._bodies: dict[object, tuple[object, dict[str, bytes]]] = {}

    def get(self, owner: object, key: object) -> dict[str, bytes] | None:
        """Return the forms kept for `owner`; it is kept with them, so that its identity stays its own."""
        found = self._bodies.get(key)
        return found[1] if found is not None and found[0] is owner else None

    def keep(self, owner: object, key: object, drawings: Mapping[str, tuple[Box, bytes]]) -> dict[str, bytes]:
        """Compress drawings into forms and keep them."""
        bodies = {name: stream(_form_entries(box), deflated(content)) for name, (box, content) in drawings.items()}
        with self._lock:
            if len(self._bodies) >= _MOST_KEPT:
                self._bodies.clear()
            self._bodies[key] = (owner, bodies)
        return bodies


_kept = _Kept()


def _form_entries(box: Box) -> str:
    return f"/Type /XObject /Subtype /Form /BBox [{numbers(*box)}] /Resources << >> /Filter /FlateDecode"


class _Pictures:
    """Adds drawings and photographs to the file, each once; `names` are those that the present page calls."""

    def __init__(self, objects: Objects, fonts: Fonts) -> None:
        self._objects, self._fonts = objects, fonts
        self._references: dict[object, tuple[str, str]] = {}
        self._parts: dict[bytes, str] = {}
        self.names: dict[str, str] = {}

    def _named(self, key: object, prefix: str, make: Mapping[str, bytes] | bytes) -> str:
        if key not in self._references:
            body = make if isinstance(make, bytes) else next(iter(make.values()))
            self._references[key] = (f"{prefix}{len(self._references)}", self._objects.add(body))
        name, reference = self._references[key]
        self.names[name] = reference
        return name

    def artwork(self, art: Artwork) -> str:
        """Add a frame as one form that calls its parts."""
        key = ("art", id(art))
        if key in self._references:
            return self._named(key, "A", b"")
        page = (0.0, 0.0, art.width_mm * PT, art.height_mm * PT)
        parts = dict(_kept.get(art, key) or _kept.keep(art, key, {**art.forms, "": (page, art.operators)}))
        content = parts.pop("")
        called = " ".join(f"/{name} {self._part(body)}" for name, body in parts.items())
        return self._named(key, "A", content.replace(b"/Resources << >>", f"/Resources << /XObject << {called} >> >>".encode("ascii"), 1))

    def _part(self, body: bytes) -> str:
        """Add a part of a frame; pages with and without the medallion share theirs."""
        if body not in self._parts:
            self._parts[body] = self._objects.add(body)
        return self._parts[body]

    def stamp(self, stamp: Stamp) -> str:
        """Add a seal about its centre, its letters as outlines."""
        seal = stamp.impression
        key = ("seal", id(seal))
        if key in self._references:
            return self._named(key, "S", b"")
        reach = seal.diameter_mm * PT / 2 + 1
        found = _kept.get(seal, key) or _kept.keep(seal, key, {"seal": ((-reach, -reach, reach, reach), _sealing(seal, self._fonts))})
        return self._named(key, "S", found)

    def symbol(self, symbol: Symbol) -> tuple[str, float]:
        """Add a code; a symbol is drawn from its lower left corner."""
        content, side = symbol_form(symbol.text, symbol.side)
        box = (0.0, 0.0, side * PT, side * PT)
        return self._named(("code", symbol.text), "Q", stream(_form_entries(box), deflated(content, _QUICK))), side

    def photo(self, photo: Photo) -> tuple[str, int, int]:
        """Add a JPEG as it came."""
        wide, high, colours = read_size(photo.jpeg)
        space = "/DeviceGray" if colours == 1 else "/DeviceRGB"
        entries = f"/Type /XObject /Subtype /Image /Width {wide} /Height {high} /ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode"
        return self._named(("photo", sha256(photo.jpeg).digest()), "P", stream(entries, photo.jpeg)), wide, high


def _sealing(seal: Impression, fonts: Fonts) -> bytes:
    """Return the operators of a seal with its characters."""
    letters = []
    for glyph in seal.glyphs:
        drawn, units = glyph_path(fonts, "song-700", glyph.char)
        scale, turn = glyph.size_pt / units, math.radians(glyph.rotation)
        across = scale * glyph.stretch
        matrix = (across * math.cos(turn), across * math.sin(turn), -scale * math.sin(turn), scale * math.cos(turn))
        letters.append(f"q {numbers(*matrix, places=6)} {numbers(glyph.x * PT, glyph.y * PT)} cm {drawn} f Q")
    return b"\n".join((seal.operators, fill(RED).encode("ascii"), "\n".join(letters).encode("ascii")))
