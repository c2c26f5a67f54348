"""What a JPEG says about itself; the picture goes into the file as it came."""

import struct

_STANDALONE = frozenset({0x01, *range(0xD0, 0xD9)})
_MARK = 0xFF
_FRAMES = frozenset({0xC0, 0xC1, 0xC2})  # baseline, extended, progressive: what a PDF reader must know
_OTHER_FRAMES = frozenset({0xC3, *range(0xC5, 0xC8), *range(0xC9, 0xCC), *range(0xCD, 0xD0)})


def read_size(jpeg: bytes) -> tuple[int, int, int]:
    """Return width and height in pixels and the number of colours (1 or 3).

    Raise `ValueError` for anything but a JPEG in grey or RGB; the registrar has refused those before.
    """
    at = 2
    while jpeg[:2] == b"\xff\xd8" and at + 4 <= len(jpeg) and jpeg[at] == _MARK:
        marker = jpeg[at + 1]
        if marker in _STANDALONE or marker == _MARK:
            at += 1 if marker == _MARK else 2
            continue
        if marker in _FRAMES:
            high, wide, colours = struct.unpack_from(">HHB", jpeg, at + 5)
            if colours in {1, 3} and wide and high:
                return wide, high, colours
            break
        if marker in _OTHER_FRAMES:
            break
        at += 2 + struct.unpack_from(">H", jpeg, at + 2)[0]
    raise ValueError("no JPEG in grey or RGB")


def image_entries(jpeg: bytes) -> str:
    """Return the entries of the image XObject that shows a JPEG as it came (ISO 32000-2 §8.9.5)."""
    wide, high, colours = read_size(jpeg)
    space = "/DeviceGray" if colours == 1 else "/DeviceRGB"
    return f"/Type /XObject /Subtype /Image /Width {wide} /Height {high} /ColorSpace {space} /BitsPerComponent 8 /Filter /DCTDecode"
