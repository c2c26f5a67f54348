"""The objects of one PDF file: ReportLab numbers them and writes the file; every object is handed to it ready made.

So nothing depends on ReportLab's own streams, fonts and page resources, whose faults an archived file may not have:
no Helvetica, a line end before `endstream` (ISO 19005-3 6.1.7.1), dates and identifiers that depend on the input alone.
"""

from hashlib import sha256

from reportlab.pdfbase.pdfdoc import PDFDocument, PDFObject

_VERSION = (1, 7)


class _Raw(PDFObject):  # type: ignore[misc]  # reportlab is untyped
    """One object, written as it is."""

    __RefOnly__ = 1

    def __init__(self, body: bytes = b"") -> None:
        self.body = body

    def format(self, _document: PDFDocument) -> bytes:
        return self.body


class Objects:
    """Gathers the objects of a file; `add` returns the reference to write into others."""

    def __init__(self) -> None:
        """Start an empty file."""
        self._document = PDFDocument(compression=0, invariant=1, pdfVersion=_VERSION)
        self._digest = sha256()
        self._count = 0

    def reserve(self) -> tuple["_Raw", str]:
        """Return an object to be filled later by `fill`, and its reference."""
        self._count += 1
        raw = _Raw()
        return raw, self._document.Reference(raw, f"o{self._count}").format(self._document).decode("ascii")

    def fill(self, raw: "_Raw", body: str | bytes) -> None:
        """Give a reserved object its body."""
        raw.body = body if isinstance(body, bytes) else body.encode("ascii")
        self._digest.update(raw.body)

    def add(self, body: str | bytes) -> str:
        """Add an object and return its reference."""
        raw, reference = self.reserve()
        self.fill(raw, body)
        return reference

    def stream(self, entries: str, content: bytes) -> str:
        """Add a stream whose dictionary has these entries besides its length."""
        return self.add(stream(entries, content))

    def finish(self, root: str, info: str) -> bytes:
        """Return the file; `root` and `info` are the bodies of catalogue and information dictionary."""
        document = self._document
        document.Catalog, document.info = _Raw(), _Raw()
        self.fill(document.Catalog, root)
        self.fill(document.info, info)
        identifier = self._digest.hexdigest()[:32].encode("ascii")
        document._ID = b"[<" + identifier + b"> <" + identifier + b">]"  # noqa: SLF001 - else it depends on ReportLab's clock
        return bytes(document.format())


def stream(entries: str, content: bytes) -> bytes:
    """Return the body of a stream object."""
    return b"<< %s /Length %d >>\nstream\n%s\nendstream" % (entries.encode("ascii"), len(content), content)


def text(value: str) -> str:
    """Write a text string: UTF-16 with its mark, in hexadecimal."""
    return f"<FEFF{value.encode('utf-16-be').hex().upper()}>"
