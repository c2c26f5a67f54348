"""Drawings that many documents share, as form XObjects: frames of families, seals of departments (ISO 32000-2 §8.10).

Each is written and compressed once and kept; which objects of a file they become is the writer's business.
"""

import math
from collections.abc import Mapping
from threading import Lock

from licence_service.document.artwork import Artwork
from licence_service.document.contents import glyph_path
from licence_service.document.embedding import deflated
from licence_service.document.fonts import Fonts
from licence_service.document.impression import RED, Impression
from licence_service.document.objects import stream
from licence_service.document.strokes import PT, Box, fill, numbers

_MOST_KEPT = 256  # drawings that stay compressed between documents


def artwork_forms(art: Artwork) -> dict[str, bytes]:
    """Return the streams of a frame by name; the one under the empty name calls the others by theirs."""
    key = ("art", id(art))
    page = (0.0, 0.0, art.width_mm * PT, art.height_mm * PT)
    return dict(_kept.get(art, key) or _kept.keep(art, key, {**art.forms, "": (page, art.operators)}))


def calling(content: bytes, called: str) -> bytes:
    """Return a form's stream with the XObjects that it calls: `/Tile 7 0 R …`."""
    return provided(content, f"/XObject << {called} >>")


def provided(content: bytes, resources: str) -> bytes:
    """Return a form's stream with resources, of which it had none: `/Font 7 0 R /XObject << … >>`."""
    return content.replace(b"/Resources << >>", f"/Resources << {resources} >>".encode("ascii"), 1)


def seal_form(seal: Impression, fonts: Fonts) -> bytes:
    """Return the stream of a seal about its centre, its letters as outlines."""
    key = ("seal", id(seal))
    reach = seal.diameter_mm * PT / 2 + 1
    found = _kept.get(seal, key) or _kept.keep(seal, key, {"": ((-reach, -reach, reach, reach), _sealing(seal, fonts))})
    return found[""]


def form_entries(box: Box) -> str:
    """Return the entries of a form's dictionary besides its length, compressed, without resources."""
    return f"/Type /XObject /Subtype /Form /BBox [{numbers(*box)}] /Resources << >> /Filter /FlateDecode"


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
        bodies = {name: stream(form_entries(box), deflated(content)) for name, (box, content) in drawings.items()}
        with self._lock:
            if len(self._bodies) >= _MOST_KEPT:
                self._bodies.clear()
            self._bodies[key] = (owner, bodies)
        return bodies


_kept = _Kept()


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
