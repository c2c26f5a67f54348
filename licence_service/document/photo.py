"""Photos that come with a request: whether a JPEG can safely stand on a page."""

import io
import warnings

from PIL import Image

SMALLEST, LARGEST = 60, 2000  # pixels a side


def size_of(jpeg: bytes) -> tuple[int, int]:
    """Return width and height in pixels of a JPEG in which `fault_in` found nothing."""
    with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
        return picture.size


def fault_in(jpeg: bytes) -> tuple[str, str] | None:
    """Return (code, message) of what keeps these bytes from being printed, or None.

    Dimensions are read from the header and judged before a pixel is decoded; then all of it is decoded once, so that
    a broken file is refused here and not met by a holder's viewer. PDF readers take baseline and progressive JPEG.
    """
    if not jpeg.startswith(b"\xff\xd8\xff"):
        return "not-a-jpeg", "a JPEG file is wanted here"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            with Image.open(io.BytesIO(jpeg), formats=["JPEG"]) as picture:
                if not all(SMALLEST <= side <= LARGEST for side in picture.size):
                    return "wrong-size", f"each side has {SMALLEST} to {LARGEST} pixels"
                if picture.mode not in {"L", "RGB"}:
                    return "wrong-colours", "grey or RGB colours are wanted"
                picture.load()
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        return "wrong-size", f"each side has {SMALLEST} to {LARGEST} pixels"
    except (OSError, SyntaxError, ValueError):
        return "not-a-jpeg", "the JPEG file is broken"
    return None
