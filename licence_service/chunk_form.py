"""The written form of what a chunk of a bulk run keeps: the rows that were given, the results that became of them (docs/formats.md §13).

One Zstandard frame (RFC 8878) of lines: a head as canonical JSON, then the lines as they are. It is encrypted before it is kept.
"""

import json
from collections.abc import Sequence

from licence_service.digests import canonical, sha256
from licence_service.zstd import ZstdDecompressor, ZstdError, compress

ROWS, RESULTS = "chunk-rows/1", "chunk-results/1"
MOST_BYTES = 16_000_000  # of one chunk's rows: a chunk ends before it has more, whatever its number of rows, so that memory is bounded
_QUICK = 1  # photographs hardly shrink more than from base64 to bytes


class NotTheForm(ValueError):  # noqa: N818 - a fact about bytes
    """These bytes are not what was written."""


def write(form: str, first: int, lines: Sequence[bytes]) -> tuple[bytes, str]:
    """Return lines, which hold no line feed, as they are kept, and the hex SHA-256 of what that unpacks to; `first` is the row of the first."""
    plain = canonical({"format": form, "first": first, "count": len(lines)}) + b"\n" + b"".join(line + b"\n" for line in lines)
    return compress(plain, level=_QUICK), sha256(plain)


def read(form: str, first: int, packed: bytes) -> tuple[list[bytes], str]:
    """Return the lines and the hex SHA-256 again; `NotTheForm` where they are others than the ones of this form from this row on.

    What is given was decrypted, so it was written here: how much it unpacks to needs no bound.
    """
    try:
        decompressor = ZstdDecompressor()
        plain = decompressor.decompress(packed)
        head, *lines, end = plain.split(b"\n")
        said = json.loads(head)
    except (ZstdError, ValueError) as bad:
        raise NotTheForm from bad
    if not decompressor.eof or end or said != {"format": form, "first": first, "count": len(lines)}:
        raise NotTheForm
    return lines, sha256(plain)
