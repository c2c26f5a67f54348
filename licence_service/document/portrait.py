"""Pictures for passengers: small, and marked so that they serve for nothing but comparing (DOMAIN §2d, "small, watermarked")."""

from io import BytesIO

from PIL import Image, ImageDraw, ImageFont

LONGEST_SIDE = 160  # pixels: enough to know a face by, too little to print
_QUALITY = 70
_STEP = 22


def small_and_marked(jpeg: bytes, words: str) -> bytes:
    """Return a small JPEG without any metadata, with ASCII words across it."""
    with Image.open(BytesIO(jpeg), formats=["JPEG"]) as picture:
        picture.draft("RGB", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE))  # decoded small at once, whatever its size says
        small = picture.convert("RGB")
    small.thumbnail((LONGEST_SIDE, LONGEST_SIDE))
    mark = Image.new("L", (2 * LONGEST_SIDE, 2 * LONGEST_SIDE), 0)
    draw, font = ImageDraw.Draw(mark), ImageFont.load_default(size=9)
    line = f"{words}   " * 4
    for y in range(0, mark.height, _STEP):
        draw.text((-(y * 3 % 90), y), line, fill=120, font=font)
    turned = mark.rotate(30).crop((LONGEST_SIDE // 2, LONGEST_SIDE // 2, LONGEST_SIDE // 2 + small.width, LONGEST_SIDE // 2 + small.height))
    small.paste(Image.new("RGB", small.size, (255, 255, 255)), mask=turned)
    target = BytesIO()
    small.save(target, "JPEG", quality=_QUALITY)
    return target.getvalue()
