"""What the corpus is made from: one licence issued by the real service, its parts, and keys of honest and dishonest people."""

import io
import json
import re
import tomllib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import pikepdf
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509.oid import NameOID
from pyhanko.pdf_utils.incremental_writer import IncrementalPdfFileWriter
from pyhanko.sign.fields import MDPPerm, SigFieldSpec, SigSeedSubFilter
from pyhanko.sign.signers.cms_embedder import PdfCMSEmbedder, SigIOSetup, SigMDPSetup, SigObjSetup
from pyhanko.sign.signers.pdf_byterange import SignatureObject

from licence_service.seal.pades import LocalSeal
from tests.world import NOW, PASSPHRASE, VEHICLE, World, make_keys, own_templates

DAY = timedelta(days=1)


def keys_of_the_corpus(folder: Path) -> Path:
    """Make the demo keys, with a retired seal of the vehicle's department and other departments that may seal every other type but this."""
    make_keys(folder)
    authority, others = Authority.read(folder), sorted(own_templates().samples.keys() - {VEHICLE})
    for path in sorted(folder.glob("*/seal.toml")):
        uscc = tomllib.loads(path.read_text("utf-8"))["uscc"]
        chain = [authority.issue(uscc, ec.generate_private_key(ec.SECP256R1()), start=datetime(2020, 1, 1, tzinfo=UTC), kept=path.parent / "old.key")]
        path.with_name("old.pem").write_bytes(b"".join(one.public_bytes(Encoding.PEM) for one in (*chain, authority.certificate)))
        retired = f'\n[[retired_seals]]\nid = "{uscc}-old"\ncertificate = "old.pem"\nvalid_from = 2020-02-01\nretired_on = 2021-12-31\n'
        text = path.read_text("utf-8")
        if uscc != own_templates().samples[VEHICLE].issuer:
            text = text.replace('types = ["*"]', f"types = {json.dumps(others)}")
        path.write_text(text + retired, "utf-8")
    return folder


@dataclass(frozen=True)
class Authority:
    """The issuing authority of a keys folder, to make certificates that lead to its root."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    _kept: dict[Path, ec.EllipticCurvePrivateKey] = field(default_factory=dict)

    @classmethod
    def read(cls, folder: Path) -> "Authority":
        key = load_pem_private_key((folder / "authority" / "issuing.key.pem").read_bytes(), PASSPHRASE.encode())
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        return cls(x509.load_pem_x509_certificate((folder / "authority" / "issuing.pem").read_bytes()), key)

    def issue(
        self, uscc: str, key: ec.EllipticCurvePrivateKey, *, start: datetime, end: datetime | None = None, kept: Path | None = None,
        subject: x509.Name | None = None,
    ) -> x509.Certificate:  # fmt: skip
        """Return a certificate for a key; `kept` writes the key down so that tests can seal with it."""
        if kept:
            from cryptography.hazmat.primitives.serialization import NoEncryption, PrivateFormat

            kept.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
        name = subject or x509.Name([x509.NameAttribute(NameOID.ORGANIZATION_IDENTIFIER, uscc), x509.NameAttribute(NameOID.COMMON_NAME, "旧印章")])
        return (
            x509.CertificateBuilder()
            .subject_name(name)
            .issuer_name(self.certificate.subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(start)
            .not_valid_after(end or start + 3650 * DAY)
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(x509.KeyUsage(True, True, False, False, False, False, False, False, False), critical=True)
            .sign(self.key, hashes.SHA256())
        )


@dataclass
class Material:
    """The genuine file and everything that an attacker or an insider may have.

    `sealed` is in the register; `page` is the same file before its seal; `keys` is the folder of honest keys, `forged`
    one with the same names and other keys.
    """

    world: World
    keys: Path
    forged: Path
    issued: Mapping[str, Any]
    sealed: bytes
    made: dict[str, bytes] = field(default_factory=dict)

    @property
    def uscc(self) -> str:
        """The department of the genuine licence."""
        return self.world.service.catalogue.samples[VEHICLE].issuer

    @property
    def other(self) -> str:
        """Another department."""
        return next(one for one in self.world.service.keyring.departments if one != self.uscc)

    @cached_property
    def page(self) -> bytes:
        """The page as it is drawn for a seal that is elsewhere: a file without one."""
        line = self.world.service.registrar.line
        entry = line.book.get(self.issued["licence_id"]).entries[0]
        reservation = line.reservations.get(line.reservations.of_licence(entry.licence_id)[0])
        assert entry.version
        template = line.catalogue.edition(reservation.type, entry.version.edition)
        photos = {name: line.reservations.photo(digest) for name, digest in entry.version.photos.items()}
        order = line.order(reservation, entry, template, self.seal_of(), photos)
        return line.printer.draw(line.printer.place(order.sheet), order.attachment, created_at=order.sealed_at)

    @property
    def contents(self) -> bytes:
        """The hexadecimal digits of the signature slot."""
        found = re.search(rb"/Contents <([0-9A-F]{2000,})>", self.sealed)
        assert found
        return found[1]

    def seal_of(self, uscc: str | None = None) -> LocalSeal:
        """Return a department's seal in use."""
        seal = self.world.service.keyring.departments[uscc or self.uscc].seal
        assert isinstance(seal, LocalSeal)
        return seal

    def seal(self, document: bytes, uscc: str | None = None, at: datetime = NOW) -> bytes:
        """Seal anything as that department would: an insider, or a thief of its key."""
        sealed: bytes = self.seal_of(uscc).affix(document, sealed_at=at, request_id="corpus").document
        return sealed

    def retired(self, document: bytes, at: datetime) -> bytes:
        """Seal with the department's retired key."""
        folder = next(path.parent for path in self.keys.glob("*/seal.toml") if f'uscc = "{self.uscc}"' in path.read_text("utf-8"))
        key = load_pem_private_key((folder / "old.key").read_bytes(), None)
        assert isinstance(key, ec.EllipticCurvePrivateKey)
        chain = [one.public_bytes(Encoding.DER) for one in x509.load_pem_x509_certificates((folder / "old.pem").read_bytes())]
        return LocalSeal("old", "pades-p256", key, chain).affix(document, sealed_at=at, request_id="old").document

    def sealed_by(self, key: ec.EllipticCurvePrivateKey, chain: list[x509.Certificate], at: datetime = NOW) -> bytes:
        """Seal the genuine page with any key and chain."""
        encoded = [one.public_bytes(Encoding.DER) for one in chain]
        return LocalSeal("x", "pades-p256", key, encoded).affix(self.page, sealed_at=at, request_id="x").document

    def signed(self, document: bytes, **changed: Any) -> bytes:
        """Sign with the department's key, but otherwise than a licence is signed: `mdp`, `subfilter`, `name`, `timestamp`."""
        signer = self.seal_of()._signer
        stream = io.BytesIO(document)
        name = changed.get("name", "Seal")
        embedding = PdfCMSEmbedder(SigFieldSpec(name, box=changed.get("box"), on_page=0)).write_cms(name, IncrementalPdfFileWriter(stream))
        next(embedding)
        level = changed.get("mdp", MDPPerm.NO_CHANGES)
        setup = SigMDPSetup(md_algorithm="sha256", certify=True, docmdp_perms=level) if level else None
        holder = SignatureObject(changed.get("timestamp", NOW), changed.get("subfilter", SigSeedSubFilter.PADES), bytes_reserved=8192)
        embedding.send(SigObjSetup(holder, mdp_setup=setup))
        prepared, output = embedding.send(SigIOSetup("sha256", in_place=True))
        embedding.send(signer.container(prepared.document_digest))
        return bytes(output.getvalue())

    def resaved(self, change: Callable[[pikepdf.Pdf], None] = lambda _: None, document: bytes | None = None, **options: Any) -> bytes:
        """Open with qpdf, change something, write all anew."""
        target = io.BytesIO()
        with pikepdf.open(io.BytesIO(document or self.sealed)) as pdf:
            change(pdf)
            pdf.save(target, **options)
        return target.getvalue()

    def surgery(self, find: bytes, replace: bytes, document: bytes | None = None) -> bytes:
        """Replace a pattern in the seal's revision by something of the same length, padded with spaces."""
        whole = document or self.sealed
        start = len(self.page)
        changed, count = re.subn(
            find, lambda match: replace.ljust(len(match[0])) if len(replace) <= len(match[0]) else replace, whole[start:], count=1
        )
        assert count, find
        return whole[:start] + changed


def appended(document: bytes, objects: Mapping[int, bytes], *, trailer: bytes = b"", root: int | None = None) -> bytes:
    """Append an incremental update by hand: objects, table, trailer (ISO 32000-2 §7.5.6)."""
    previous = int(re.findall(rb"startxref\s+(\d+)", document)[-1])
    old = re.findall(rb"/Root (\d+) 0 R", document)[-1]
    body, places = bytearray(document), {}
    for number, content in objects.items():
        places[number] = len(body)
        body += b"%d 0 obj\n%b\nendobj\n" % (number, content)
    start = len(body)
    body += b"xref\n"
    for number, place in sorted(places.items()):
        body += b"%d 1\n%010d 00000 n \n" % (number, place)
    size = max((*objects, 60)) + 1
    body += b"trailer\n<< /Size %d /Root %d 0 R /Prev %d %b>>\nstartxref\n%d\n%%%%EOF\n" % (size, root or int(old), previous, trailer, start)
    return bytes(body)


def object_of(document: bytes, number: int) -> bytes:
    """Return the newest body of a numbered object."""
    found: list[bytes] = re.findall(rb"(?<![0-9])%d 0 obj\s+(.*?)\s+endobj" % number, document, re.DOTALL)
    return found[-1]


def unsigned(catalogue: bytes) -> bytes:
    """Return a catalogue without form and permissions."""
    found = re.sub(rb"\s*/(?:AcroForm|Perms)\s+(?:\d+ 0 R|<<.*?>>)", b"", catalogue, flags=re.DOTALL)
    assert found != catalogue
    return found


def numbers(document: bytes) -> dict[str, int]:
    """Return the object numbers of catalogue, page tree, first page, form and signature."""
    root = int(re.findall(rb"/Root (\d+) 0 R", document)[-1])
    catalogue = object_of(document, root)

    def named(name: bytes, body: bytes) -> int:
        found = re.search(rb"/" + name + rb"\s*\[?\s*(\d+) 0 R", body)
        return int(found[1]) if found else 0

    pages = named(b"Pages", catalogue)
    form = named(b"AcroForm", catalogue)
    return {
        "root": root, "pages": pages, "page": named(b"Kids", object_of(document, pages)), "form": form,
        "signature": named(b"DocMDP", catalogue), "field": named(b"Fields", object_of(document, form)) if form else 0,
    }  # fmt: skip


def with_entries(body: bytes, entries: bytes) -> bytes:
    """Add entries to a dictionary's body."""
    end = body.rindex(b">>")
    return body[:end] + entries + b" >>"
