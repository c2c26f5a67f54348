"""The faces that pages are set in: which characters they can draw, how wide, and what stands in for what (LOOK §3).

A character that the wanted face lacks is taken from the next face of its chain; one that no face has cannot be
printed and is named by its code point (DOMAIN M9): never an empty box.
"""

import hashlib
import json
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from threading import Lock
from typing import Any

from licence_service.document.truetype import TrueType
from licence_service.errors import Misconfigured

INDEX = "fonts.json"
RARE = "rare"

# Where a face lacks a character, the other hand lends its own of like weight, then the rare pack.
_LENDERS = {"song-500": "hei-400", "song-600": "hei-500", "song-700": "hei-500", "hei-400": "song-500", "hei-500": "song-600"}
_COMMAND = "licence-service fonts build"
_MOST_KEPT = 8192


def pins() -> Mapping[str, Any]:
    """Return the pinned packages and faces."""
    text = resources.files("licence_service.document").joinpath("fonts.toml").read_text("utf-8")
    return tomllib.loads(text)


class Face:
    """One face of the cache; its file is opened when the first character is asked for."""

    def __init__(self, slug: str, name: str, path: Path, digest: str = "") -> None:
        """Take slug (`song-600`), PostScript name, file and its hex SHA-256."""
        self.slug, self.name, self.path, self.digest = slug, name, path, digest

    @cached_property
    def program(self) -> TrueType:
        """The font program."""
        return TrueType(self.path)


@dataclass(frozen=True, slots=True)
class Setting:
    """A text set in a face: its advance in ems, its pieces by face, the code points that no face can draw."""

    width: float
    runs: tuple[tuple[str, str], ...]
    missing: tuple[int, ...]


class Fonts:
    """All faces. Widths of characters that were met are kept, so measuring is adding."""

    def __init__(self, faces: dict[str, Face]) -> None:
        """Take the faces by slug; use `load`."""
        self.faces = faces
        self._known: dict[str, dict[str, tuple[float, str]]] = {slug: {} for slug in faces}
        self._lock = Lock()
        self.setting = lru_cache(maxsize=_MOST_KEPT)(self._set)  # labels and headings come again on every page

    @classmethod
    def load(cls, cache: Path) -> "Fonts":
        """Return the faces of a cache folder; files are digested in passing, not kept in memory.

        Raise `Misconfigured` where a face is absent or is not what was built.
        """
        try:
            index = json.loads((cache / INDEX).read_bytes())
        except (OSError, ValueError) as absent:
            raise Misconfigured(f"no fonts in {cache}; run `{_COMMAND}`") from absent
        wanted = pins()["faces"]
        faces = {}
        for slug in (*wanted, RARE):
            row, path = index.get(slug), cache / f"{slug}.ttf"
            if row is None and slug == RARE:
                continue
            if row is None or row["source"] != wanted.get(slug, row)["sha256" if slug in wanted else "source"]:
                raise Misconfigured(f"the face {slug} in {cache} is not the pinned one; run `{_COMMAND}`")
            if not path.is_file() or _digest(path) != row["sha256"]:
                raise Misconfigured(f"the face {slug} in {cache} is absent or damaged; run `{_COMMAND}`")
            faces[slug] = Face(slug, row["name"], path, row["sha256"])
        return cls(faces)

    def path(self, slug: str) -> Path:
        """Return the file of a face, for programs that open it themselves."""
        return self.faces[slug].path

    def width(self, slug: str, text: str) -> float:
        """Return the advance of a text in ems, without tracking; characters that cannot be drawn count one em."""
        return self.setting(slug, text).width

    def runs(self, slug: str, text: str) -> tuple[tuple[str, str], ...]:
        """Split a text into (face, piece), each piece drawable in its face."""
        return self.setting(slug, text).runs

    def missing(self, slug: str, text: str) -> tuple[int, ...]:
        """Return the code points of this text that no face can draw, each once."""
        return self.setting(slug, text).missing

    def _set(self, slug: str, text: str) -> Setting:
        known, width = self._known[slug], 0.0
        runs: list[tuple[str, str]] = []
        missing: dict[int, None] = {}
        for character in text:
            found = known.get(character)
            if found is None:
                found = known[character] = self._look_up(slug, character)
            width += found[0]
            face = found[1] or slug
            if not found[1]:
                missing[ord(character)] = None
            if runs and runs[-1][0] == face:
                runs[-1] = (face, runs[-1][1] + character)
            else:
                runs.append((face, character))
        return Setting(width, tuple(runs), tuple(missing))

    def _look_up(self, slug: str, character: str) -> tuple[float, str]:
        for name in (slug, _LENDERS.get(slug, ""), RARE):
            face = self.faces.get(name)
            if face is None:
                continue
            with self._lock:  # two threads may open the same face at once
                program = face.program
            if glyph := program.glyph(ord(character)):
                return program.advance(glyph) / program.units, name
        return 1.0, ""


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
