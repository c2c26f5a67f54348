"""Codes on a screen, read from their drawing as a camera reads them."""

import re

import zxingcpp
from PIL import Image, ImageDraw

_RUN = re.compile(r"M(\d+) (\d+)h(\d+)v1h-(\d+)z")
_PIXELS = 4  # a module


def on_screen(side: int, path: str) -> str:
    """Return what stands in a code that is drawn as the data of one SVG path in a square of `side` modules; every command must be a run."""
    assert "".join(found.group(0) for found in _RUN.finditer(path)) == path
    picture = Image.new("L", (side * _PIXELS, side * _PIXELS), 255)
    pen = ImageDraw.Draw(picture)
    for x, y, width, back in _RUN.findall(path):
        assert width == back
        left, top = int(x) * _PIXELS, int(y) * _PIXELS
        pen.rectangle((left, top, left + int(width) * _PIXELS - 1, top + _PIXELS - 1), fill=0)
    (found,) = zxingcpp.read_barcodes(picture, formats=zxingcpp.BarcodeFormat.QRCode)  # type: ignore[arg-type]
    return str(found.text)
