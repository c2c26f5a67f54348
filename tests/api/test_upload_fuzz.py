"""Damaged uploads through HTTP: no 5xx, no altered file authentic, no genuine one refused, nothing but answers of the documented shapes."""

import io
import random
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pypdfium2 as pdfium
import pytest

from licence_service.document import reading
from licence_service.receipts import message_in, open_receipt
from licence_service.seal.tokens import Purpose
from tests.promised import Promises
from tests.world import VEHICLE, World, a_world

# Of a torn form the framework drops the part that never ended, file and all; it is closed at once, but without a word.
pytestmark = pytest.mark.filterwarnings(
    "ignore:.*Unclosed file:ResourceWarning", "ignore:.*SpooledTemporaryFile:pytest.PytestUnraisableExceptionWarning"
)
HERE, LONG = 25, 3_000
ROUTE = "/verify/document"
BOUNDARY = b"----------the boundary"
TOKENS = (
    b"/JS", b"/OpenAction<</S/JavaScript/JS(app.alert(1))>>", b"<<", b">>", b"[", b"endobj", b"endstream", b"stream\n", b"\n%%EOF\n", b"xref\n0 1\n",
    b"trailer<</Size 1/Root 1 0 R>>", b"startxref\n0\n%%EOF", b"startxref\n99999999999999999999\n%%EOF", b"/ByteRange[0 0 0 0]", b"/ByteRange[0 -1 9 9]",
    b"/Contents<00>", b"/Encrypt 1 0 R", b"/Prev 0", b"/Prev -1", b"/Filter/FlateDecode", b"/Length 2147483648", b"1 0 obj<</Type/Catalog/Pages 1 0 R>>endobj",
    b"/Kids[1 0 R 1 0 R]", b"/Type/ObjStm", b"/Type/XRef", b"/AcroForm<</Fields[]>>", b"/Annots[2 0 R]", b"(" * 600, b"<<" * 600, b"[" * 600, b"%PDF-1.7\n",
    b"/FT/Sig", b"/EmbeddedFiles", b"/Perms<<>>", b"\x00", b"\xff\xd8\xff", b"-1", b"1e309", b"R",
)  # fmt: skip
WORDS = (
    b"", b"x", b"application/pdf", b"image/png", b"text/html", b"application/json", b"multipart/form-data", b"multipart/form-data; boundary=",
    b"multipart/form-data; boundary=" + b"b" * 300, b'multipart/form-data; boundary="\xff"', b"multipart/form-data; boundary=x; charset=utf-7",
    b"application/x-www-form-urlencoded", b"*/*;q=nan", b"text/html;q=1e9,application/json;q=-1", b"9" * 5000, b"a/b; charset=\xff", b";;;",
    b"\xe4\xb8\xad",
)  # fmt: skip
NAMES = (
    b"Content-Type",
    b"Accept",
    b"Content-Length",
    b"Content-Encoding",
    b"Transfer-Encoding",
    b"Range",
    b"X-Forwarded-For",
    b"Expect",
    b"Accept-Language",
)
QUERIES = (
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "",
    "?receipt=cose",
    "?receipt=pdf",
    "?receipt=",
    "?receipt=x",
    "?receipt=cose&receipt=pdf",
    "?valid_at=%00",
    "?%ff=1",
)
FORM = {
    "valid_at": (b"", b"2026-11-28", b"9999-99-99", b"\xff\xfe", b"2026-11-28T00:00:00", "２０２６-11-28".encode()),
    "known_at": (b"", b"2026-11-28", b"2026-11-28T00:00:00Z", b"2026-11-28T00:00:00+25:00", b"now"),
    "receipt": (b"", b"cose", b"pdf", b"x" * 50),
    "document": (b"not a file",),
}


@dataclass
class Uploaded:
    """The service, a sealed file and pictures of it, and what was answered so far."""

    world: World
    sealed: bytes
    pictures: tuple[bytes, ...]
    elicence_id: str
    conforms: Promises
    seen: Counter[str] = field(default_factory=Counter)
    slowest: float = 0.0


@pytest.fixture(scope="module")
def uploaded(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Uploaded]:
    """One licence; nobody is slowed, since every miss is counted."""
    with a_world(tmp_path_factory.mktemp("damaged"), demo_keys, failures_before_slowing=10**9) as world:
        issued = world.issue(VEHICLE, "damaged-1")
        while world.service.follower.follow():
            pass
        sealed = bytes(world.http.post("/download", json={"delivery_code": issued["delivery_code"]}).content)
        yield Uploaded(world, sealed, tuple(pictures_of(sealed)), issued["elicence_id"], Promises(world))


def pictures_of(sealed: bytes) -> Iterator[bytes]:
    """Yield the page as PNG, JPEG and WebP."""
    document = pdfium.PdfDocument(sealed)
    drawn = document[0].render(scale=1.6).to_pil().convert("RGB")
    document.close()
    for kind in ("PNG", "JPEG", "WEBP"):
        sink = io.BytesIO()
        drawn.save(sink, kind)
        yield sink.getvalue()


def place(content: bytes, numbers: random.Random) -> int:
    """Return a place: anywhere, or near an end, where files say how they are built."""
    if numbers.random() < 0.5:
        return numbers.randrange(len(content) + 1)
    return min(len(content), numbers.randrange(2_000)) if numbers.random() < 0.4 else max(0, len(content) - numbers.randrange(30_000))


def flipped(content: bytes, numbers: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(numbers.choice((1, 1, 2, 8, 64)) if changed else 0):
        changed[min(place(content, numbers), len(changed) - 1)] = numbers.randrange(256)
    return bytes(changed)


def shortened(content: bytes, numbers: random.Random) -> bytes:
    at, length = place(content, numbers), numbers.choice((1, 7, 500, 20_000, len(content)))
    return content[:at] + content[at + length :]


def doubled(content: bytes, numbers: random.Random) -> bytes:
    start, at, length = place(content, numbers), place(content, numbers), numbers.choice((1, 40, 3_000, len(content)))
    return content[:at] + content[start : start + length] + content[at:]


def laced(content: bytes, numbers: random.Random) -> bytes:
    for _ in range(numbers.choice((1, 1, 3))):
        at, over = place(content, numbers), numbers.choice((0, 0, 1, 12))
        content = content[:at] + numbers.choice(TOKENS) + content[at + over :]
    return content


def appended(content: bytes, numbers: random.Random) -> bytes:
    return numbers.choice((content + numbers.choice(TOKENS), numbers.choice(TOKENS) + content, content + content, content + numbers.randbytes(50)))


def renamed(content: bytes, numbers: random.Random) -> bytes:
    """Replace a word of the format by another of the same file."""
    words = [
        one
        for one in (b"/Type", b"/Length", b"/Root", b"/Contents", b"/ByteRange", b"/Filter", b"/Kids", b"/W", b"/V", b"obj", b"R", b"0")
        if one in content
    ]
    if len(words) < 2:
        return content[::-1]
    old, new = numbers.sample(words, 2)
    return content.replace(old, new, numbers.choice((1, 3, -1)))


DAMAGES: tuple[Callable[[bytes, random.Random], bytes], ...] = (flipped, shortened, doubled, laced, appended, renamed)
Sent = tuple[bytes, dict[bytes, bytes], bytes]  # the file, the headers, the body


def raw(content: bytes, numbers: random.Random) -> Sent:
    headers = {b"Content-Type": numbers.choice((b"application/pdf", b"application/pdf", b"image/png", b"application/octet-stream"))}
    if numbers.random() < 0.15:
        headers[b"Accept"] = b"text/html,application/xhtml+xml"
    return content, headers, content


def strange_headers(content: bytes, numbers: random.Random) -> Sent:
    return content, {numbers.choice(NAMES): numbers.choice(WORDS) for _ in range(numbers.choice((1, 2, 4)))}, content


def framed(content: bytes, numbers: random.Random) -> Sent:
    """A form as a browser sends it; half of them with their framing damaged."""
    parts = [(b'name="document"; filename="licence.pdf"', content)]
    parts += [(f'name="{name}"'.encode(), numbers.choice(values)) for name, values in FORM.items() if numbers.random() < 0.15]
    numbers.shuffle(parts)
    pieces = [b"--%b\r\nContent-Disposition: form-data; %b\r\n\r\n" % (BOUNDARY, name) for name, _ in parts]
    end = b"\r\n--%b--\r\n" % BOUNDARY
    if numbers.random() < 0.5:
        damage = numbers.choice((flipped, shortened, doubled))
        pieces = [damage(piece, numbers) for piece in pieces]
        end = damage(end, numbers)
    body = b"\r\n".join(piece + value for piece, (_, value) in zip(pieces, parts, strict=True)) + end
    kind = b'multipart/form-data; boundary="%b"' % BOUNDARY if numbers.random() < 0.9 else numbers.choice(WORDS)
    return content, {b"Content-Type": kind}, body


def sent(uploaded: Uploaded, number: int) -> None:
    """Send one upload, damaged or not, and judge what is answered; the number alone decides what it is."""
    numbers = random.Random(number)
    whole = numbers.random() < 0.12
    source = uploaded.sealed if whole or numbers.random() < 0.8 else numbers.choice(uploaded.pictures)
    content = source if whole else numbers.choice(DAMAGES)(source, numbers)
    way = numbers.choice((raw, raw, raw, framed, framed, strange_headers))
    content, headers, body = way(content, numbers)
    started = time.perf_counter()
    answer = uploaded.world.http.post(ROUTE + numbers.choice(QUERIES), content=body, headers=[*headers.items()])
    uploaded.slowest = max(uploaded.slowest, time.perf_counter() - started)
    judge(uploaded, answer, content, plain=way is raw)


def judge(uploaded: Uploaded, answer: Any, content: bytes, *, plain: bool) -> None:
    """Demand an answer of a documented shape that calls no altered file authentic, and the genuine one nothing else."""
    assert answer.status_code < 500, answer.text
    kind = answer.headers["content-type"].partition(";")[0]
    uploaded.seen[f"{answer.status_code} {kind}"] += 1
    genuine = content == uploaded.sealed
    if kind == "text/html":
        assert "default-src 'none'" in answer.headers["content-security-policy"]
        assert answer.text.count("<h1>") == 1
        assert genuine or b"%PDF-" not in content[:1024] or '<section class="band valid' not in answer.text
        return
    uploaded.conforms(ROUTE, answer)
    if kind in {"application/cose", "application/pdf"}:
        message = answer.content if kind == "application/cose" else message_in(reading.attachment(answer.content, "receipt.json") or b"")
        said = open_receipt(message, uploaded.world.service.keyring.keys_for(Purpose.EVIDENCE)).said
        assert genuine or said["overall"] != "valid" or b"%PDF-" not in content[:1024]
    if kind != "application/json":
        return
    verdict = answer.json()
    uploaded.seen[verdict["overall"]] += 1
    codes = {reason["code"] for check in verdict["checks"] for reason in check["reasons"]}
    if genuine and plain:
        assert verdict["overall"] == "valid"
        assert "same-document" in codes
    elif verdict["answers"]["authentic"]["result"] == "yes":
        # A picture is only read for its code, and a damaged frame may still hold the original.
        assert "picture-proves-nothing" in codes or (genuine and "same-document" in codes)
    if verdict["licence"]:
        assert verdict["licence"]["elicence_id"] == uploaded.elicence_id
        assert genuine or "picture-proves-nothing" in codes


def still_genuine(uploaded: Uploaded) -> None:
    """Demand that what came before does the genuine file no harm."""
    judge(
        uploaded, uploaded.world.http.post(ROUTE, content=uploaded.sealed, headers={"Content-Type": "application/pdf"}), uploaded.sealed, plain=True
    )


def test_damaged_uploads_are_answered_and_never_authentic(uploaded: Uploaded) -> None:
    for number in range(HERE):
        sent(uploaded, number)
    still_genuine(uploaded)
    assert {"not_valid", "valid", "cannot_decide"} <= uploaded.seen.keys()


def test_a_length_of_thousands_of_digits_is_refused(uploaded: Uploaded) -> None:
    answer = uploaded.world.http.post(ROUTE, content=b"%PDF-", headers={"Content-Length": "9" * 5_000})
    assert uploaded.conforms(ROUTE, answer).status_code == 413


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thousands_of_damaged_uploads_are_answered_and_never_authentic(uploaded: Uploaded) -> None:
    for number in range(1_000, 1_000 + LONG):
        sent(uploaded, number)
        if number % 100 == 0:
            still_genuine(uploaded)
            print(number - 1_000, dict(uploaded.seen), f"slowest {uploaded.slowest:.2f} s", flush=True)
