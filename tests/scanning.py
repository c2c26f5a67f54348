"""Codes as they are seen: printed ones measured on the raster of a finished file, spoilt as in STANDARDS §6.6, read by two foreign readers.

The readers are zxing-cpp and zbar, which share no code. OpenCV's two detectors were tried too and are none for such codes: of 50 at
version 10 they read none at 3 px a module and 1 and 2 at 4. poppler was tried for the raster: it rounds the rectangles of a path outwards
to whole pixels, so its dark modules are a pixel too wide, and at 2 px a module 7 % blotches cost a fifth more codes than with pdfium.
"""

import ctypes
import io
import math
import random
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass, field
from functools import cache, reduce

import pypdfium2
import zxingcpp
from PIL import Image, ImageChops, ImageDraw, ImageFilter

DPI = 800  # of the raster that is measured
MM = DPI / 25.4  # its pixels
FINE = 8  # pixels a module of the picture that is spoilt
_LOCATE_DPI = 120
_AROUND = 12  # modules of the page kept on each side: what a camera sees with the code
_FINDER = 8  # modules of a finder pattern with its separator (ISO/IEC 18004 §6.3.3)
_DARK, _WHITE = 128, 245
_STAIN = 60  # level of a blotch
_AWAY = 3  # the camera of a tilted picture, in widths of the picture
_BLUR, _ANGLE, _JPEG = 0.35, 6.0, 60  # STANDARDS §6.6: standard deviation in modules, degrees to each side, quality

Box = tuple[float, ...]  # left, top, right, bottom
Matrix = tuple[tuple[float, ...], ...]

# -- the print -----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class PrintedCode:
    """A code of a finished file, as it lies on the raster: millimetres, modules, and the picture with the code in its middle."""

    picture: Image.Image = field(repr=False)
    side_mm: float
    modules: int
    quiet_mm: float  # the narrowest white margin
    level: str

    @property
    def version(self) -> int:
        """Return the version (ISO/IEC 18004 §5.3.1: 17 + 4 modules a version)."""
        return (self.modules - 17) // 4

    @property
    def module_mm(self) -> float:
        """Return the side of one module."""
        return self.side_mm / self.modules

    @property
    def with_quiet_mm(self) -> float:
        """Return the side of the white square with the code in its middle; nothing but the code stands in it."""
        return self.side_mm + 2 * self.quiet_mm


def printed_codes(file: bytes) -> list[PrintedCode]:
    """Return every QR code of a PDF file, page by page."""
    with closing(pypdfium2.PdfDocument(file)) as document:
        return [_measured(page, box) for page in document for box in _boxes(page)]


def _boxes(page: pypdfium2.PdfPage) -> Iterator[Box]:
    """Find the codes of a page: left, top, right, bottom in mm, roughly."""
    drawn = page.render(scale=_LOCATE_DPI / 72, grayscale=True).to_pil()
    for found in _found(drawn):
        place = found.position
        corners = (place.top_left, place.top_right, place.bottom_right, place.bottom_left)
        across, down = ([getattr(corner, axis) * 25.4 / _LOCATE_DPI for corner in corners] for axis in "xy")
        yield min(across), min(down), max(across), max(down)


def _found(picture: Image.Image) -> list[zxingcpp.Barcode]:
    return zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)  # type: ignore[arg-type]


def _measured(page: pypdfium2.PdfPage, box: Box) -> PrintedCode:
    """Draw one code with its surroundings, large, and measure it."""
    width, height = (side * 25.4 / 72 for side in page.get_size())
    around = (box[2] - box[0]) * 0.3
    part = (max(0.0, box[0] - around), max(0.0, box[1] - around), min(width, box[2] + around), min(height, box[3] + around))
    crop = tuple(side * 72 / 25.4 for side in (part[0], height - part[3], width - part[2], part[1]))  # pdfium's order: left, bottom, right, top
    drawn = page.render(scale=DPI / 72, grayscale=True, crop=crop).to_pil()
    edges = _edges(drawn, tuple(round((at - part[axis % 2]) * MM) for axis, at in enumerate(box)))
    modules = _modules(drawn, edges)
    (found,) = _found(drawn)
    keep = _AROUND * (edges[2] - edges[0]) / modules
    side = (modules + 2 * _AROUND) * FINE
    whole = (edges[0] - keep, edges[1] - keep, edges[2] + keep, edges[3] + keep)
    picture = drawn.resize((side, side), Image.Resampling.BOX, whole)  # refused where the page ends nearer than that
    return PrintedCode(picture, (edges[2] - edges[0]) / MM, modules, _quiet(drawn, edges) / MM, str(found.ec_level))


def _edges(drawn: Image.Image, inside: tuple[int, ...]) -> tuple[int, int, int, int]:
    """Return the outermost dark pixels of the code: the box that was found, a module wider, has only white around the code."""
    wider = round((inside[2] - inside[0]) / 40)
    start = (inside[0] - wider, inside[1] - wider)
    dark = drawn.crop((*start, inside[2] + wider, inside[3] + wider)).point(lambda level: 255 * (level < _DARK))
    found = dark.getbbox()
    assert found
    return found[0] + start[0], found[1] + start[1], found[2] + start[0], found[3] + start[1]


def _modules(drawn: Image.Image, edges: tuple[int, int, int, int]) -> int:
    """Count the modules of a side by the finder pattern, whose first dark run on the first row is seven modules long."""
    left, top, right, _ = edges
    row = drawn.crop((left, top + 2, right, top + 3)).tobytes()
    run = next(at for at, level in enumerate(row) if level >= _DARK)
    exact = (right - left) * 7 / run
    return 17 + 4 * round((exact - 17) / 4)


def _quiet(drawn: Image.Image, edges: tuple[int, int, int, int]) -> int:
    """Return how many white pixels the code has around it, to the nearest thing on any side; the pixel that an edge shares counts as white."""
    left, top, right, bottom = edges
    most = min(left, top, drawn.width - right, drawn.height - bottom)
    for away in range(2, most):
        frame = (
            (left - away, top - away, right + away, top - away + 1), (left - away, bottom + away - 1, right + away, bottom + away),
            (left - away, top - away, left - away + 1, bottom + away), (right + away - 1, top - away, right + away, bottom + away),
        )  # fmt: skip
        if any(drawn.crop(side).getextrema()[0] < _WHITE for side in frame):  # type: ignore[operator]
            return away - 1
    return most


# -- what befalls it -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Sight:
    """How a code is seen: pixels a module, the share of the code under one blotch, and what a camera held badly adds.

    `anywhere` lets the blotch lie on a finder pattern too, where no error correction reaches; `tilt` is in degrees, out of
    the paper's plane; `shadow` is the share of the light that is left at the darkest edge.
    """

    pixels: float
    blotch: float = 0.0
    anywhere: bool = False
    tilt: float = 0.0
    shadow: float = 1.0

    def __str__(self) -> str:
        """Name it as the rows of the table do."""
        found = [f"{self.pixels:.1f} px/module", f"blotch {self.blotch:.0%}" if self.blotch else ""]
        found += ["anywhere" if self.anywhere else "", f"tilt {self.tilt:.0f}°" if self.tilt else ""]
        return ", ".join(part for part in (*found, f"light down to {self.shadow:.0%}" if self.shadow < 1 else "") if part)


def seen(code: PrintedCode, sight: Sight, chance: random.Random) -> Image.Image:
    """Return the picture a reader gets: stained, tilted, turned, sampled, unevenly lit, blurred, as JPEG of quality 60."""
    picture = _stained(code, sight, chance) if sight.blotch else code.picture
    picture = _taken(picture, sight, chance)
    if sight.shadow < 1:
        picture = _shaded(picture, sight.shadow, chance)
    out = io.BytesIO()
    picture.filter(ImageFilter.GaussianBlur(_BLUR * sight.pixels)).save(out, "JPEG", quality=_JPEG)
    return Image.open(out).convert("L")


def _stained(code: PrintedCode, sight: Sight, chance: random.Random) -> Image.Image:
    """Lay one round dark blotch of that share of the code's area wholly inside the code."""
    side, edge = code.modules * FINE, _AROUND * FINE
    radius = math.sqrt(sight.blotch / math.pi) * side
    while True:
        x, y = chance.uniform(radius, side - radius), chance.uniform(radius, side - radius)
        if sight.anywhere or not _on_finder(x, y, side, radius, _FINDER * FINE):
            break
    stained = code.picture.copy()
    ImageDraw.Draw(stained).ellipse((edge + x - radius, edge + y - radius, edge + x + radius, edge + y + radius), fill=_STAIN)
    return stained


def _on_finder(x: float, y: float, side: float, radius: float, finder: float) -> bool:
    """Say whether a blotch touches one of the three corners that say where the code is."""
    corners = ((x, y), (side - x, y), (x, side - y))
    return any(math.hypot(max(0.0, across - finder), max(0.0, down - finder)) < radius for across, down in corners)


def _taken(picture: Image.Image, sight: Sight, chance: random.Random) -> Image.Image:
    """Sample it as a camera's sensor does: turned, tilted, no module on the grid of pixels, each pixel the mean of what falls on it."""
    out, size = 2 * round(picture.width * sight.pixels / FINE), picture.width  # sampled twice as fine, then averaged
    turn, tilt = math.radians(chance.uniform(-_ANGLE, _ANGLE)), math.radians(sight.tilt) * chance.choice((-1, 1))
    share, bend = FINE / (2 * sight.pixels), math.tan(tilt) / (_AWAY * size)
    middle = [size / 2 + chance.uniform(-0.5, 0.5) * FINE for _ in "xy"]
    steps: tuple[Matrix, ...] = (
        ((1.0, 0.0, middle[0]), (0.0, 1.0, middle[1]), (0.0, 0.0, 1.0)),
        ((1 / math.cos(tilt), 0.0, 0.0), (0.0, 1.0, 0.0), (-bend, 0.0, 1.0)),
        ((math.cos(turn), -math.sin(turn), 0.0), (math.sin(turn), math.cos(turn), 0.0), (0.0, 0.0, 1.0)),
        ((share, 0.0, -share * out / 2), (0.0, share, -share * out / 2), (0.0, 0.0, 1.0)),
    )
    rows = reduce(_after, steps)
    way = [value / rows[2][2] for row in rows for value in row][:8]
    return picture.transform((out, out), Image.Transform.PERSPECTIVE, way, Image.Resampling.BICUBIC, fillcolor=255).reduce(2)


def _after(second: Matrix, first: Matrix) -> Matrix:
    """Multiply two 3 by 3 matrices of homogeneous coordinates."""
    return tuple(tuple(sum(a * b for a, b in zip(row, column, strict=True)) for column in zip(*first, strict=True)) for row in second)


def _shaded(picture: Image.Image, darkest: float, chance: random.Random) -> Image.Image:
    """Let the light fall off in a straight line, from one edge or the other."""
    light = Image.linear_gradient("L").rotate(chance.choice((0, 90, 180, 270))).resize(picture.size)
    return ImageChops.multiply(picture, light.point(lambda level: round(255 * darkest + level * (1 - darkest))))


# -- the readers ---------------------------------------------------------------------------------------------------------


def read_by_zxing(picture: Image.Image) -> list[str]:
    """Return the texts that zxing-cpp reads."""
    return [found.text for found in _found(picture)]


def read_by_zbar(picture: Image.Image) -> list[str]:
    """Return the texts that zbar reads; a picture it cannot read is given to it twice and three times as large.

    zxing-cpp tries several sizes of its own accord, zbar leaves it to the program around it. Enlarging adds nothing to the picture.
    """
    for times in (1, 2, 3):
        large = picture.resize((picture.width * times, picture.height * times), Image.Resampling.BICUBIC) if times > 1 else picture
        if found := _zbar().read(large):
            return found
    return []


@cache
def _zbar() -> "_Zbar":
    return _Zbar()


class _Zbar:
    """zbar's C interface (zbar.h), as much of it as one grey picture needs."""

    _GREY = int.from_bytes(b"Y800", "little")
    _ENABLE, _ALL, _QR = 0, 0, 64  # zbar_config_t, zbar_symbol_type_t

    def __init__(self) -> None:
        """Open the library of Debian's package libzbar0; `OSError` where it is not installed."""
        library = ctypes.CDLL("libzbar.so.0")
        there, whole, size = ctypes.c_void_p, ctypes.c_int, ctypes.c_ulong
        kinds = {
            "image_create": (there, []), "image_destroy": (None, [there]), "image_scanner_create": (there, []),
            "image_scanner_set_config": (whole, [there, whole, whole, whole]), "image_set_format": (None, [there, size]),
            "image_set_size": (None, [there, ctypes.c_uint, ctypes.c_uint]), "image_set_data": (None, [there, ctypes.c_char_p, size, there]),
            "scan_image": (whole, [there, there]), "image_first_symbol": (there, [there]), "symbol_next": (there, [there]),
            "symbol_get_data": (there, [there]), "symbol_get_data_length": (ctypes.c_uint, [there]),
        }  # fmt: skip
        for name, (result, arguments) in kinds.items():
            function = getattr(library, f"zbar_{name}")
            function.restype, function.argtypes = result, arguments
        self._library = library
        self._scanner = library.zbar_image_scanner_create()
        for kind, value in ((self._ALL, 0), (self._QR, 1)):
            library.zbar_image_scanner_set_config(self._scanner, kind, self._ENABLE, value)

    def read(self, picture: Image.Image) -> list[str]:
        """Return the texts of all QR codes on a grey picture."""
        library, content = self._library, picture.tobytes()
        image = library.zbar_image_create()
        try:
            library.zbar_image_set_format(image, self._GREY)
            library.zbar_image_set_size(image, *picture.size)
            library.zbar_image_set_data(image, content, len(content), None)
            library.zbar_scan_image(self._scanner, image)
            return list(self._texts(library.zbar_image_first_symbol(image)))
        finally:
            library.zbar_image_destroy(image)

    def _texts(self, symbol: int | None) -> Iterator[str]:
        while symbol:
            yield ctypes.string_at(self._library.zbar_symbol_get_data(symbol), self._library.zbar_symbol_get_data_length(symbol)).decode("utf-8")
            symbol = self._library.zbar_symbol_next(symbol)


READERS = {"zxing-cpp": read_by_zxing, "zbar": read_by_zbar}
