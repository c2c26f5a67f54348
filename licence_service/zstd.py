"""Zstandard (RFC 8878), a part of Python from 3.14 on and the same module of another name before."""

import sys

if sys.version_info >= (3, 14):  # pragma: no cover - one of the two is never run, whatever the Python
    from compression.zstd import CompressionParameter, Strategy, ZstdCompressor, ZstdDecompressor, ZstdDict, ZstdError, compress, get_frame_size
else:
    from backports.zstd import CompressionParameter, Strategy, ZstdCompressor, ZstdDecompressor, ZstdDict, ZstdError, compress, get_frame_size

__all__ = ["CompressionParameter", "Strategy", "ZstdCompressor", "ZstdDecompressor", "ZstdDict", "ZstdError", "compress", "get_frame_size"]
