"""Stand-in photographs for samples: drawn shapes, nobody's picture, the same bytes each time."""

import io

from PIL import Image, ImageDraw

_SKY, _SKIN, _CLOTH, _HAIR, _STEEL, _DARK = "#dde5ec", "#c9ced4", "#8b97a8", "#5c6878", "#7f92a3", "#3a434c"


def person() -> bytes:
    """Return a portrait of 4:5 as baseline JPEG, about 5 kB."""
    picture = Image.new("RGB", (480, 600), _SKY)
    pen = ImageDraw.Draw(picture)
    pen.ellipse((90, 400, 390, 760), fill=_CLOTH)
    pen.polygon(((200, 410), (280, 410), (240, 500)), fill="#f4f6f8")
    pen.rectangle((205, 330, 275, 430), fill=_SKIN)
    pen.ellipse((150, 130, 330, 380), fill=_SKIN)
    pen.pieslice((140, 105, 340, 330), 180, 360, fill=_HAIR)
    return _jpeg(picture)


def vehicle() -> bytes:
    """Return a lorry of 7:4 as baseline JPEG, about 6 kB."""
    picture = Image.new("RGB", (700, 400), "#e3e9ec")
    pen = ImageDraw.Draw(picture)
    pen.rectangle((0, 320, 700, 400), fill="#c3c8cb")
    pen.rectangle((90, 90, 260, 300), fill=_STEEL)
    pen.polygon(((112, 112), (200, 112), (200, 185), (100, 185)), fill="#eef3f6")
    pen.rectangle((260, 250, 620, 290), fill=_HAIR)
    pen.rectangle((290, 110, 615, 248), fill="#aab6c1")
    for x in (150, 400, 480, 560):
        pen.ellipse((x - 38, 268, x + 38, 344), fill=_DARK)
        pen.ellipse((x - 15, 291, x + 15, 321), fill="#dfe4e8")
    return _jpeg(picture)


def drawn(name: str) -> bytes:
    """Return the stand-in that a sample names, such as `person-01`: the part before the dash says what is drawn."""
    return {"person": person, "vehicle": vehicle}[name.partition("-")[0]]()


def _jpeg(picture: Image.Image) -> bytes:
    sink = io.BytesIO()
    picture.save(sink, "JPEG", quality=82, optimize=False, progressive=False)
    return sink.getvalue()
