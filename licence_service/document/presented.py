"""The codes on what somebody shows: a picture of a page, or a PDF."""

import io

import pypdfium2 as pdfium
import zxingcpp
from PIL import Image

from licence_service.document.reading import codes

_MOST_PIXELS = 50_000_000


def code_in(content: bytes) -> list[str]:
    """Return the text of every QR code on a page (PDF) or in a picture; none where it is neither or cannot be read."""
    try:
        if content.startswith(b"%PDF"):
            return codes(content)
        with Image.open(io.BytesIO(content), formats=("PNG", "JPEG")) as picture:
            if picture.width * picture.height > _MOST_PIXELS:
                return []
            seen = picture.convert("L")
    except (pdfium.PdfiumError, OSError, ValueError, Image.DecompressionBombError, SyntaxError):
        return []
    return [one.text for one in zxingcpp.read_barcodes(seen, formats=zxingcpp.BarcodeFormat.QRCode)]  # type: ignore[arg-type]
