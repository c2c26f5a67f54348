"""The written form of what a chunk of a bulk run keeps: the rows that were given, the results that became of them (docs/formats.md §13).

One Zstandard frame (RFC 8878) of lines: a head as canonical JSON, then the lines as they are. It is encrypted before it is kept.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence

from licence_service.digests import canonical
from licence_service.zstd import ZstdCompressor, ZstdDecompressor, ZstdError

ROWS, RESULTS = "chunk-rows/1", "chunk-results/1"
MOST_BYTES = 16_000_000  # of one chunk's rows: a chunk ends before it has more, whatever its number of rows, so that memory is bounded
_QUICK = 1  # photographs hardly shrink more than from base64 to bytes
_AT_ONCE = 250_000  # bytes, about, that are packed, unpacked and digested together: a chunk lies in memory once, not once for each of these steps


class NotTheForm(ValueError):  # noqa: N818 - a fact about bytes
    """These bytes are not what was written."""


def write(form: str, first: int, lines: Sequence[bytes]) -> tuple[bytes, str]:
    """Return lines, which hold no line feed, as they are kept, and the hex SHA-256 of what that unpacks to; `first` is the row of the first."""
    compressor, digest = ZstdCompressor(level=_QUICK), hashlib.sha256()
    packed = []
    for some in _together([canonical({"format": form, "first": first, "count": len(lines)}), *lines]):
        digest.update(some)
        packed.append(compressor.compress(some))
    return b"".join((*packed, compressor.flush())), digest.hexdigest()


def read(form: str, first: int, packed: bytes) -> tuple[list[bytes], str]:
    """Return the lines and the hex SHA-256 again; `NotTheForm` where they are others than the ones of this form from this row on.

    What is given was decrypted, so it was written here: how much it unpacks to needs no bound.
    """
    decompressor, digest = ZstdDecompressor(), hashlib.sha256()
    lines, end = list[bytes](), b""
    try:
        for start in range(0, len(packed), _AT_ONCE):
            if decompressor.eof:
                break
            some = decompressor.decompress(packed[start : start + _AT_ONCE])
            digest.update(some)
            *whole, end = (end + some).split(b"\n")
            lines += whole
        said = json.loads(lines.pop(0))
    except (ZstdError, ValueError, LookupError) as bad:
        raise NotTheForm from bad
    if not decompressor.eof or end or said != {"format": form, "first": first, "count": len(lines)}:
        raise NotTheForm
    return lines, digest.hexdigest()


def _together(lines: Sequence[bytes]) -> Iterator[bytes]:
    """Yield the lines, each with its line feed, some at a time."""
    start = size = 0
    for end, line in enumerate(lines, 1):
        size += len(line)
        if size >= _AT_ONCE or end == len(lines):
            yield b"\n".join((*lines[start:end], b""))
            start, size = end, 0
