"""What all licences of one edition, department and shape share, made once: the first bytes of their files (ISO 32000-2 §7.5).

A plate holds every object but those that a licence fills: catalogue, pages, the fonts' descriptions, frame, seal and
colour profile. The licence's own objects have the first numbers, so that the plate can name them, and follow in the file.
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from licence_service.digests import Hashing
from licence_service.document.archival import PROFILE_ENTRIES, catalogue_entries, colour_profile, file_specification
from licence_service.document.artwork import Artwork
from licence_service.document.compact_font import PROGRAM_ENTRIES, CompactFont
from licence_service.document.drawings import artwork_forms, calling, form_entries, provided, seal_form
from licence_service.document.embedding import deflated
from licence_service.document.fonts import Fonts
from licence_service.document.objects import stream
from licence_service.document.press.composing import Composed
from licence_service.document.press.hand import Drawings
from licence_service.document.press.typecase import Typecase
from licence_service.document.strokes import PT, number, numbers

SYMBOL = "symbol"
_ALWAYS = (SYMBOL, "attachment", "metadata", "information", "signature")
_FIELD = "Seal"
_HEADER = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n"
_FREE = b"0000000000 65535 f \n"
_THOROUGH = 9  # compression of what is made once
_CALLED = re.compile(r"/(\w+) Do")


@dataclass(frozen=True, slots=True)
class Plate:
    """The bytes before a licence's own, their digests so far, and the objects that it fills: name → number, in file order."""

    prefix: bytes
    begun: Hashing
    filled: Mapping[str, int]
    table: bytes  # the cross-reference entries of the objects in the prefix
    root: int

    @property
    def size(self) -> int:
        """Return the number of objects, the free one included (ISO 32000-2 table 15)."""
        return len(self.filled) + len(self.table) // len(_FREE) + 1


def cast(pages: Sequence[Composed], brought: Sequence[str], case: Typecase, drawings: Drawings, fonts: Fonts) -> Plate:
    """Make the plate of licences that have such pages and bring characters of such faces."""
    photos = sorted({name for page in pages for name in page.called if name.startswith("P-")})
    names = (*(f"page-{place}" for place in range(len(pages))), *(case.cases[face].own_name for face in brought), *photos, *_ALWAYS)
    filled = {name: place for place, name in enumerate(names, 1)}
    making = _Making(filled, case, drawings, fonts)
    root = making.catalogue(pages, brought)
    parts, offsets, at = [_HEADER], [], len(_HEADER)
    for place, body in enumerate(making.bodies, len(filled) + 1):
        offsets.append(b"%010d 00000 n \n" % at)
        parts.append(b"%d 0 obj\n%b\nendobj\n" % (place, body))
        at += len(parts[-1])
    prefix = b"".join(parts)
    return Plate(prefix, Hashing().after(prefix), filled, b"".join(offsets), root)


class _Making:
    """The objects of one prefix."""

    def __init__(self, filled: Mapping[str, int], case: Typecase, drawings: Drawings, fonts: Fonts) -> None:
        self._filled, self._case, self._drawings, self._fonts = filled, case, drawings, fonts
        self.bodies: list[bytes] = []
        self._named = ""  # the dictionary of all fonts
        self._known: dict[object, str] = {}

    def catalogue(self, pages: Sequence[Composed], brought: Sequence[str]) -> int:
        """Make every object and return the number of the catalogue."""
        self._named = self._fonts_of(brought)
        parent, widget = self._reserve(), self._reserve()
        kids = [self._add(self._page(place, page, parent, f" /Annots [{widget}]" if place == 0 else "")) for place, page in enumerate(pages)]
        self._fill(parent, f"<< /Type /Pages /Kids [{' '.join(kids)}] /Count {len(kids)} >>")
        signature = self._filled_by("signature")
        self._fill(widget, f"<< /Type /Annot /Subtype /Widget /FT /Sig /T ({_FIELD}) /F 132 /Rect [0 0 0 0] /P {kids[0]} /V {signature} >>")
        profile = self._add(stream(PROFILE_ENTRIES, colour_profile()))
        specification = self._add(file_specification(self._filled_by("attachment")))
        entries = catalogue_entries(self._filled_by("metadata"), profile, specification)
        signed = f"/AcroForm << /Fields [{widget}] /SigFlags 3 >> /Perms << /DocMDP {signature} >>"
        return int(self._add(f"<< /Type /Catalog /Pages {parent} {entries} {signed} >>").partition(" ")[0])

    def _page(self, place: int, page: Composed, parent: str, annotations: str) -> str:
        called = [f"/{name} {self._picture(name, page)}" for name in sorted(page.called)]
        if page.artwork:
            called.append(f"/A {self._artwork(page.artwork)}")
        return (
            f"<< /Type /Page /Parent {parent} /MediaBox [0 0 {numbers(page.width * PT, page.height * PT)}] "
            f"/Resources << /Font {self._named} /XObject << {' '.join(called)} >> >> /Contents {self._filled_by(f'page-{place}')}{annotations} >>"
        )

    def _fonts_of(self, brought: Sequence[str]) -> str:
        """Add the edition's fonts and the frames of the licence's, and return the dictionary that names them."""
        named = []
        for case in self._case.of_edition():
            font = case.edition
            meanings = self._cmap(case.meanings)
            named.append(f"/{case.name} {self._font(font, self._program(font.program(case.kept)), font.widths(case.kept), meanings)}")
        for face in brought:
            case = self._case.cases[face]
            font = case.licence
            meanings = self._cmap(font.store.ids.to_unicode)
            named.append(f"/{case.own_name} {self._font(font, self._filled_by(case.own_name), font.widths(case.narrow), meanings)}")
        return self._add(f"<< {' '.join(named)} >>")

    def _program(self, program: bytes) -> str:
        return self._add(stream(f"{PROGRAM_ENTRIES} /Filter /FlateDecode", deflated(program, _THOROUGH)))

    def _font(self, font: CompactFont, program: str, widths: str, meanings: str) -> str:
        descendant = self._add(font.descendant(self._add(font.descriptor(program)), widths))
        return self._add(font.root(descendant, meanings))

    def _cmap(self, cmap: bytes) -> str:
        """Add a CMap; faces that draw the same characters share theirs."""
        if cmap not in self._known:
            self._known[cmap] = self._add(stream("/Filter /FlateDecode", deflated(cmap, _THOROUGH)))
        return self._known[cmap]

    def _artwork(self, art: Artwork) -> str:
        if id(art) not in self._known:
            parts = artwork_forms(art)
            content = parts.pop("")
            self._known[id(art)] = self._add(calling(content, " ".join(f"/{name} {self._part(body)}" for name, body in parts.items())))
        return self._known[id(art)]

    def _part(self, body: bytes) -> str:
        """Add a part of a frame; pages with and without the medallion share theirs."""
        if body not in self._known:
            self._known[body] = self._add(body)
        return self._known[body]

    def _picture(self, name: str, page: Composed) -> str:
        if name in self._filled:
            return self._filled_by(name)
        if name not in self._known:
            self._known[name] = self._add(self._form(name, page))
        return self._known[name]

    def _form(self, name: str, page: Composed) -> bytes:
        """Return the drawing of a seal, one that stands on every licence, or the one that puts the code, an image of modules, on its side."""
        if name in self._drawings.stamps:
            return seal_form(self._drawings.stamps[name], self._fonts)
        if name in self._drawings.standing:
            return self._standing(self._drawings.standing[name], page)
        side = self._drawings.symbols[name] * PT
        operators = f"q 0 g {number(side)} 0 0 {number(side)} 0 0 cm /I Do Q".encode("ascii")
        return calling(stream(form_entries((0.0, 0.0, side, side)), deflated(operators)), f"/I {self._filled_by(SYMBOL)}")

    def _standing(self, operators: str, page: Composed) -> bytes:
        """Return what stands on every licence: rules and marks, or texts with the code among them."""
        drawing = stream(form_entries((0.0, 0.0, page.width * PT, page.height * PT)), deflated(operators.encode("ascii"), _THOROUGH))
        if " Tf " not in operators:
            return drawing
        called = " ".join(f"/{name} {self._picture(name, page)}" for name in _CALLED.findall(operators))
        return provided(drawing, f"/Font {self._named}{f' /XObject << {called} >>' if called else ''}")

    def _filled_by(self, name: str) -> str:
        return f"{self._filled[name]} 0 R"

    def _reserve(self) -> str:
        return self._add(b"")

    def _add(self, body: str | bytes) -> str:
        self.bodies.append(b"")
        reference = f"{len(self._filled) + len(self.bodies)} 0 R"
        self._fill(reference, body)
        return reference

    def _fill(self, reference: str, body: str | bytes) -> None:
        place = int(reference.partition(" ")[0]) - len(self._filled) - 1
        self.bodies[place] = body if isinstance(body, bytes) else body.encode("ascii")
