"""Glyphs as PDF paths, for letters that are a picture: the seal, the plate chip, the specimen words (LOOK §13)."""

import struct

from licence_service.document.strokes import number
from licence_service.document.truetype import TrueType

_ON, _SHORT_X, _SHORT_Y, _REPEAT, _SAME_X, _SAME_Y = 1, 2, 4, 8, 16, 32
_WORDS, _XY, _MORE = 0x0001, 0x0002, 0x0020
_EXTRA = {0x0008: 2, 0x0040: 4, 0x0080: 8}
_Point = tuple[float, float, bool]


def path(face: TrueType, glyph: int) -> str:
    """Return the outline in font units, closed, for `f` to fill; composite glyphs by their parts' offsets."""
    return " ".join(_curves(contour) for contour in _contours(face, glyph, 0, 0))


def _contours(face: TrueType, glyph: int, dx: int, dy: int) -> list[list[_Point]]:
    data = face.outline(glyph)
    if not data:
        return []
    count = struct.unpack_from(">h", data)[0]
    if count < 0:
        return [contour for part, x, y in _parts(data) for contour in _contours(face, part, dx + x, dy + y)]
    ends = struct.unpack_from(f">{count}H", data, 10)
    at = 10 + 2 * count
    at += 2 + struct.unpack_from(">H", data, at)[0]
    total = ends[-1] + 1
    flags = bytearray()
    while len(flags) < total:
        flags.append(data[at])
        at += 1
        if flags[-1] & _REPEAT:
            flags.extend(flags[-1:] * data[at])
            at += 1
    xs, at = _coordinates(data, at, flags, _SHORT_X, _SAME_X)
    ys, _ = _coordinates(data, at, flags, _SHORT_Y, _SAME_Y)
    points = [(x + dx, y + dy, bool(flag & _ON)) for x, y, flag in zip(xs, ys, flags, strict=True)]
    return [points[start:end] for start, end in zip((0, *(end + 1 for end in ends)), (end + 1 for end in ends), strict=False)]


def _parts(data: bytes) -> list[tuple[int, int, int]]:
    found, at, flags = [], 10, _MORE
    while flags & _MORE:
        flags, part = struct.unpack_from(">HH", data, at)
        x, y = struct.unpack_from(">hh" if flags & _WORDS else ">bb", data, at + 4)
        found.append((part, x, y) if flags & _XY else (part, 0, 0))
        at += (8 if flags & _WORDS else 6) + sum(size for bit, size in _EXTRA.items() if flags & bit)
    return found


def _coordinates(data: bytes, at: int, flags: bytearray, short: int, same: int) -> tuple[list[float], int]:
    values: list[float] = []
    value = 0
    for flag in flags:
        if flag & short:
            value += data[at] if flag & same else -data[at]
            at += 1
        elif not flag & same:
            value += struct.unpack_from(">h", data, at)[0]
            at += 2
        values.append(value)
    return values, at


def _curves(points: list[_Point]) -> str:
    """Write one contour: quadratic splines with implied points between two that lie off the curve, as cubics."""
    first = next((place for place, point in enumerate(points) if point[2]), None)
    if first is None:
        (x0, y0, _), (x1, y1, _) = points[-1], points[0]
        ring = [((x0 + x1) / 2, (y0 + y1) / 2, True), *points]
    else:
        ring = points[first:] + points[:first]
    x, y, _ = ring[0]
    parts, handle = [f"{number(x)} {number(y)} m"], None
    for px, py, on in (*ring[1:], ring[0]):
        if handle is None:
            if on:
                parts.append(f"{number(px)} {number(py)} l")
                x, y = px, py
            else:
                handle = (px, py)
            continue
        hx, hy = handle
        end = (px, py) if on else ((hx + px) / 2, (hy + py) / 2)
        parts.append(_cubic(x, y, hx, hy, *end))
        x, y = end
        handle = None if on else (px, py)
    return " ".join((*parts, "h"))


def _cubic(x: float, y: float, hx: float, hy: float, ex: float, ey: float) -> str:
    third = 2 / 3
    values = (x + third * (hx - x), y + third * (hy - y), ex + third * (hx - ex), ey + third * (hy - ey), ex, ey)
    return " ".join(number(value, 1) for value in values) + " c"
