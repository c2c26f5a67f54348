"""The peers: the same placed page drawn with ReportLab's canvas and sealed with pyHanko.

`tuned` has every known setting right (fonts and key kept, rl_accel, no ASCII85, zxing-cpp for the code, signature size
given, so no dry run); `naive` is what a straightforward project writes. Neither makes PDF/A, attaches data, signs the
code or reads its page back.
"""

import io
import math
from pathlib import Path

import qrcode
import zxingcpp
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key
from PIL import Image
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign import signers
from pyhanko.sign.fields import SigSeedSubFilter
from reportlab import rl_config
from reportlab.lib.colors import HexColor
from reportlab.lib.utils import ImageReader
from reportlab.pdfbase import pdfmetrics
from reportlab.pdfbase.ttfonts import TTFont
from reportlab.pdfgen.canvas import Canvas

from licence_service.document.fonts import Fonts
from licence_service.document.placed import Area, Disc, Letters, Photo, Placed, PlacedPage, Run, Stamp, Stroke, Symbol

MM = 72 / 25.4
SLOT = 8192


def register(fonts: Fonts) -> None:
    """Hand the faces to ReportLab, once."""
    for slug, face in fonts.faces.items():
        pdfmetrics.registerFont(TTFont(slug, str(face.path)))


class TunedSigner(signers.SimpleSigner):
    """Keeps the key object instead of parsing it at every signature."""

    held: ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey

    async def async_sign_raw(self, data: bytes, digest_algorithm: str, dry_run: bool = False) -> bytes:  # noqa: ARG002, FBT001, FBT002
        """Sign with the held key."""
        if isinstance(self.held, rsa.RSAPrivateKey):
            return self.held.sign(data, padding.PKCS1v15(), hashes.SHA256())
        return b"\0" * 72 if dry_run else self.held.sign(data, ec.ECDSA(hashes.SHA256()))


def tuned_signer(folder: Path, passphrase: bytes) -> TunedSigner:
    """Load the department's seal key and chain."""
    signer = _naive(TunedSigner, folder, passphrase)
    key = load_pem_private_key((folder / "seal.key.pem").read_bytes(), passphrase)
    assert isinstance(key, ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey)
    signer.held = key
    return signer


def naive_signer(folder: Path, passphrase: bytes) -> signers.SimpleSigner:
    """Load pyHanko's own signer, which parses the key at every signature."""
    return _naive(signers.SimpleSigner, folder, passphrase)


def _naive(kind: type, folder: Path, passphrase: bytes) -> "TunedSigner":
    own, mark, chain = (folder / "certificate.pem").read_bytes().partition(b"-----END CERTIFICATE-----\n")
    files = [folder / "bench-own.pem", folder / "bench-chain.pem"]
    for file, content in zip(files, (own + mark, chain), strict=True):
        file.write_bytes(content)
    signer = kind.load(str(folder / "seal.key.pem"), str(files[0]), ca_chain_files=(str(files[1]),), key_passphrase=passphrase)
    signer.__class__ = kind
    return signer  # type: ignore[no-any-return]


def sign(pdf: bytes, signer: signers.SimpleSigner, *, tuned: bool) -> bytes:
    """Sign invisibly, PAdES B-B."""
    metadata = signers.PdfSignatureMetadata(field_name="Seal", md_algorithm="sha256", subfilter=SigSeedSubFilter.PADES)
    out = io.BytesIO()
    extra = {"bytes_reserved": SLOT} if tuned else {}
    signers.PdfSigner(metadata, signer=signer).sign_pdf(IncrementalPdfFileWriter(io.BytesIO(pdf)), output=out, **extra)
    return out.getvalue()


def draw(placed: Placed, *, tuned: bool) -> bytes:
    """Draw the placed pages."""
    rl_config.useA85 = 0 if tuned else 1
    sink = io.BytesIO()
    first = placed.pages[0]
    canvas = Canvas(sink, pagesize=(first.width * MM, first.height * MM), pageCompression=1)
    canvas.setTitle(placed.title)
    for number, page in enumerate(placed.pages):
        _page(canvas, page, number, tuned=tuned)
        canvas.showPage()
    canvas.save()
    return sink.getvalue()


def _page(canvas: Canvas, page: PlacedPage, number: int, *, tuned: bool) -> None:
    height = page.height * MM
    if page.artwork:
        operators = page.artwork.operators.decode("ascii")
        own = {name: f"{name}{number}" for name in page.artwork.forms}
        for name, (box, code) in page.artwork.forms.items():
            canvas.beginForm(own[name], *box)
            canvas._code.append(code.decode("ascii"))
            canvas.endForm()
        for name, unique in own.items():  # only now: every form that ends forgets what the page used before
            operators = operators.replace(f"/{name} Do", f"/{canvas._doc.getXObjectName(unique)} Do")
            canvas._formsinuse.append(unique)
        canvas._code.append(operators)
    for item in page.items:
        match item:
            case Run():
                canvas.setFillColor(HexColor(item.colour))
                canvas.setFont(item.face, item.size)
                canvas.drawString(item.x * MM, height - item.y * MM, item.text, charSpace=item.tracking * item.size)
            case Area():
                _colours(canvas, item.fill, item.stroke, item.points)
                canvas.rect(
                    item.x * MM,
                    height - (item.y + item.height) * MM,
                    item.width * MM,
                    item.height * MM,
                    stroke=bool(item.stroke),
                    fill=bool(item.fill),
                )
            case Disc():
                _colours(canvas, item.fill, item.colour, item.width)
                canvas.circle(item.x * MM, height - item.y * MM, item.radius * MM, stroke=bool(item.colour), fill=bool(item.fill))
            case Stroke():
                _colours(canvas, item.fill, item.colour, item.width)
                path = canvas.beginPath()
                path.moveTo(item.points[0][0] * MM, height - item.points[0][1] * MM)
                for x, y in item.points[1:]:
                    path.lineTo(x * MM, height - y * MM)
                canvas.drawPath(path, stroke=bool(item.colour), fill=bool(item.fill))
            case Photo():
                picture = ImageReader(io.BytesIO(item.jpeg))
                canvas.drawImage(picture, item.x * MM, height - (item.y + item.height) * MM, item.width * MM, item.height * MM)
            case Symbol():
                canvas.drawImage(ImageReader(_symbol(item.text, tuned=tuned)), item.x * MM, height - item.y * MM, item.side * MM, item.side * MM)
            case Letters():
                canvas.saveState()
                canvas.setFillColor(HexColor(item.fill))
                canvas.translate(item.x * MM, height - item.y * MM)
                canvas.rotate(item.angle)
                canvas.setFont(item.face, item.size)
                canvas.drawCentredString(0, 0, item.text)
                canvas.restoreState()
            case Stamp():
                _stamp(canvas, item, height)


def _stamp(canvas: Canvas, item: Stamp, height: float) -> None:
    canvas.saveState()
    canvas.translate(item.x * MM, height - item.y * MM)
    canvas._code.append(item.impression.operators.decode("ascii"))
    canvas.setFillColor(HexColor("#C8161D"))
    for glyph in item.impression.glyphs:
        canvas.saveState()
        angle = math.radians(glyph.rotation)
        canvas.transform(math.cos(angle), math.sin(angle), -math.sin(angle), math.cos(angle), glyph.x * MM, glyph.y * MM)
        canvas.setFont("song-700", glyph.size_pt)
        canvas.drawString(0, 0, glyph.char)
        canvas.restoreState()
    canvas.restoreState()


def _symbol(text: str, *, tuned: bool) -> Image.Image:
    if tuned:
        made = zxingcpp.create_barcode(text, zxingcpp.BarcodeFormat.QRCode, ec_level="M").to_image(scale=4)
        return Image.frombuffer("L", (made.shape[1], made.shape[0]), bytes(made))
    code = qrcode.QRCode(error_correction=qrcode.constants.ERROR_CORRECT_M, box_size=6, border=0)
    code.add_data(text)
    code.make(fit=True)
    return code.make_image().get_image()  # type: ignore[no-any-return]


def _colours(canvas: Canvas, fill: str | None, stroke: str | None, width: float) -> None:
    if fill:
        canvas.setFillColor(HexColor(fill))
    if stroke:
        canvas.setStrokeColor(HexColor(stroke))
        canvas.setLineWidth(width)
