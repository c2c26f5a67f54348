"""The common characters of a face as charstrings in a file beside it, so that no process spends seconds on making them.

A file holds: the format's name and a newline; SHA-256 of the face's file; a count; code point and length of each charstring
(big-endian, 4 and 2 bytes); the charstrings; SHA-256 of all that. One that is of another face, or damaged, counts as absent:
what it holds can always be made again.
"""

import hashlib
import struct
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

from licence_service.document.fonts import RARE, Face, Fonts
from licence_service.document.glyph_store import GlyphStore

FORM = b"glyphs/1\n"
_DIGEST = 32
_ROW = struct.Struct(">IH")
# GB/T 2312 level 1 holds the 3,755 most used ideographs; before them what is written between and beside them.
LEVEL_1 = [bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) if (high, low) < (0xD7, 0xFA)]
_SIGNS = [*map(chr, (*range(0x20, 0x7F), *range(0xB0, 0xB8), 0xD7, *range(0x2010, 0x2027), *range(0x3000, 0x3018), *range(0xFF01, 0xFF5F)))]
COMMON = (*_SIGNS, *LEVEL_1)


def path_of(face: Face) -> Path:
    """Return where the file of a face lies."""
    return face.path.with_suffix(".glyphs")


def read(face: Face) -> dict[str, bytes]:
    """Return the charstrings kept of a face; none where there is no sound file."""
    try:
        content = path_of(face).read_bytes()
    except OSError:
        return {}
    start = len(FORM) + _DIGEST
    if (
        len(content) < start + 4 + _DIGEST
        or not content.startswith(FORM + bytes.fromhex(face.digest))
        or hashlib.sha256(content[:-_DIGEST]).digest() != content[-_DIGEST:]
    ):
        return {}
    count = int.from_bytes(content[start : start + 4])
    at = start + 4 + count * _ROW.size
    kept = {}
    try:
        for code_point, length in _ROW.iter_unpack(content[start + 4 : at]):
            kept[chr(code_point)] = content[at : at + length]
            at += length
    except (ValueError, struct.error):
        return {}
    return kept


def build(fonts: Fonts, progress: Callable[[str], None] = lambda _: None) -> None:
    """Make the files that are absent for all faces but the rare one, each in a process of its own: about ten seconds each."""
    absent = [face for slug, face in fonts.faces.items() if slug != RARE and not read(face)]
    if absent:
        progress(f"preparing {len(COMMON):,} characters of {', '.join(face.slug for face in absent)}")
        with ProcessPoolExecutor() as workers:
            list(workers.map(write, absent))


def write(face: Face, characters: Iterable[str] = COMMON) -> None:
    """Make the file of a face, with those of the characters that it has."""
    store = GlyphStore(face)
    kept = {each: store.charstring(each) for each in characters if face.program.glyph(ord(each))}
    rows = b"".join(_ROW.pack(ord(character), len(charstring)) for character, charstring in kept.items())
    content = b"".join((FORM, bytes.fromhex(face.digest), len(kept).to_bytes(4), rows, *kept.values()))
    part = path_of(face).with_suffix(".part")
    part.write_bytes(content + hashlib.sha256(content).digest())
    part.replace(path_of(face))
