"""Who a document says made it, and what it says it is: two facts of its attached licence data (docs/formats.md §5).

They are believed under a good seal alone; with them a seal of another department, or one that was never granted the
type, is seen without asking the register.
"""

import json

from pyhanko.pdf_utils import generic
from pyhanko.pdf_utils.reader import PdfFileReader

ATTACHMENT = "licence.json"
MOST_BYTES = 1 << 20


def claims_of(reader: PdfFileReader) -> tuple[str | None, str | None]:
    """Return the issuing department's code and the type's name, None where the file has no licence data."""
    try:
        said = json.loads(_attached(reader))
        return _text(said["metadata"]["CertificateIssuingAuthorityCode"]), _text(said["type"]["name"])
    except (KeyError, TypeError, ValueError, IndexError, AttributeError, RecursionError):
        return None, None


def _attached(reader: PdfFileReader) -> bytes:
    """Return the attached data; `KeyError` where there are none, `ValueError` where they are too large."""
    names = reader.root["/Names"]["/EmbeddedFiles"]["/Names"]
    for place in range(0, len(names) - 1, 2):
        if str(names[place]) == ATTACHMENT:
            stream = names[place + 1]["/EF"]["/F"]
            if not isinstance(stream, generic.StreamObject) or len(stream.encoded_data) > MOST_BYTES:
                raise ValueError("no licence data")
            content: bytes = stream.data
            return content
    raise KeyError(ATTACHMENT)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
