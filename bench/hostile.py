"""Files of strangers for `bench.siege`, made from one sealed licence: harmless accidents, forgeries, and files that ask for much work."""

import io
import random
import zlib

import pikepdf
from PIL import Image

_PLAIN = b"%%PDF-1.7\n1 0 obj\n<</Type/Catalog/Pages 2 0 R>>\nendobj\n2 0 obj\n%b\nendobj\ntrailer\n<</Size 3/Root 1 0 R>>\nstartxref\n0\n%%%%EOF\n"


def files(sealed: bytes) -> list[bytes]:
    """Return the files: none of them is the original, none is genuine."""
    chance = random.Random(17)
    made = [
        sealed[:-200],  # cut off
        sealed + b"\0" * 64,
        sealed + sealed,
        sealed + b"\n9 0 obj\n<</S/JavaScript/JS(app.alert(1))>>\nendobj\n",
        sealed.replace(b"/ByteRange [", b"/ByteRange  [", 1),
        _saved_again(sealed),
        b"%PDF-1.7\n" + b"[" * 200_000,
        b"%PDF-1.7\n" + chance.randbytes(2_000_000),
        _PLAIN % (b"<</Kids[" + b"2 0 R " * 50_000 + b"]>>"),
        _PLAIN % _bomb(40_000_000),
        _PLAIN % (b"<</A " * 50_000 + b"1" + b">>" * 50_000),
        _picture(6000),
        b"\x89PNG\r\n\x1a\n" + chance.randbytes(50_000),
    ]
    return [*made, *(_changed(sealed, chance) for _ in range(12))]


def _changed(sealed: bytes, chance: random.Random) -> bytes:
    """Change some bytes anywhere."""
    changed = bytearray(sealed)
    for _ in range(chance.choice((1, 1, 20))):
        changed[chance.randrange(len(changed))] ^= chance.randrange(1, 256)
    return bytes(changed)


def _saved_again(sealed: bytes) -> bytes:
    """Write the file anew, as an office program does."""
    kept = io.BytesIO()
    with pikepdf.open(io.BytesIO(sealed)) as document:
        document.save(kept)
    return kept.getvalue()


def _bomb(size: int) -> bytes:
    """Return a stream that grows a thousandfold."""
    packed = zlib.compress(bytes(size), 9)
    return b"<</Length %d/Filter/FlateDecode>>\nstream\n%b\nendstream" % (len(packed), packed)


def _picture(side: int) -> bytes:
    """Return a large picture without any code."""
    kept = io.BytesIO()
    Image.new("L", (side, side), 255).save(kept, "PNG")
    return kept.getvalue()
