"""What makes a PDF an archived one, PDF/A-3u: identification, output intent, metadata, attachment (ISO 19005-3)."""

import zlib
from datetime import datetime
from functools import cache, lru_cache
from xml.sax.saxutils import escape

from PIL import ImageCms

from licence_service.document.objects import text

ATTACHMENT = "licence.json"
RECEIPT = "receipt.json"
COPY = "copy.json"
_DESCRIBED = {ATTACHMENT: "证照数据", RECEIPT: "核验回执", COPY: "加注件"}
PRODUCER = "licence_service"
LANGUAGE = "zh-CN"
PACKET_ENTRIES, PROFILE_ENTRIES = "/Type /Metadata /Subtype /XML", "/N 3 /Filter /FlateDecode"
_HEADER_DATE = slice(24, 36)  # of an ICC profile: when it was made, which must not show in the bytes
_FIXED_DATE = bytes.fromhex("07D0 0001 0001 0000 0000 0000")
_XMP = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
<rdf:Description rdf:about="" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:pdf="http://ns.adobe.com/pdf/1.3/"
 xmlns:xmp="http://ns.adobe.com/xap/1.0/" xmlns:pdfaid="http://www.aiim.org/pdfa/ns/id/">
<pdfaid:part>3</pdfaid:part><pdfaid:conformance>U</pdfaid:conformance>
<dc:format>application/pdf</dc:format>
<dc:title><rdf:Alt><rdf:li xml:lang="x-default">{title}</rdf:li></rdf:Alt></dc:title>
<dc:language><rdf:Bag><rdf:li>{language}</rdf:li></rdf:Bag></dc:language>
<xmp:CreateDate>{date}</xmp:CreateDate><xmp:ModifyDate>{date}</xmp:ModifyDate>
<pdf:Producer>{producer}</pdf:Producer>
</rdf:Description>
</rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


def catalogue_entries(metadata: str, profile: str, specification: str, attached_as: str = ATTACHMENT) -> str:
    """Return what a catalogue says of an archived file; its arguments refer to packet, colour profile and file specification."""
    return (
        f"/Metadata {metadata} /OutputIntents [<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB) "
        f"/DestOutputProfile {profile} >>] /Names << /EmbeddedFiles << /Names [({attached_as}) {specification}] >> >> /AF [{specification}] "
        f"/Lang {text(LANGUAGE)} /ViewerPreferences << /DisplayDocTitle true >>"
    )


@lru_cache(maxsize=64)
def information(title: str, created_at: datetime) -> str:
    """Return the information dictionary; it says the same as the metadata (ISO 19005-3 6.6.3)."""
    date = pdf_date(created_at)
    return f"<< /Title {text(title)} /Producer ({PRODUCER}) /CreationDate {date} /ModDate {date} >>"


@lru_cache(maxsize=64)
def packet(title: str, created_at: datetime) -> bytes:
    """Return the metadata packet, for a stream with `PACKET_ENTRIES`."""
    date = created_at.replace(microsecond=0).isoformat()
    return _XMP.format(title=escape(title), language=LANGUAGE, date=date, producer=PRODUCER).encode("utf-8")


@cache
def colour_profile() -> bytes:
    """Return the deflated sRGB profile, its date fixed, for a stream with `PROFILE_ENTRIES`."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[_HEADER_DATE] = _FIXED_DATE
    return zlib.compress(bytes(made), 9)


def file_entries(size: int, created_at: datetime) -> str:
    """Return the entries of the stream that holds an attachment of so many bytes."""
    return f"/Type /EmbeddedFile /Subtype /application#2Fjson /Params << /Size {size} /ModDate {pdf_date(created_at)} >>"


def file_specification(file: str, attached_as: str = ATTACHMENT) -> str:
    """Return the dictionary that gives an attachment its name and says that it is the document's data (ISO 19005-3 6.8)."""
    return (
        f"<< /Type /Filespec /F ({attached_as}) /UF ({attached_as}) /AFRelationship /Data /Desc {text(_DESCRIBED[attached_as])} "
        f"/EF << /F {file} /UF {file} >> >>"
    )


@lru_cache(maxsize=64)
def pdf_date(moment: datetime) -> str:
    """Write a date in its own zone (ISO 32000-2 §7.9.4)."""
    offset = moment.strftime("%z")
    return f"(D:{moment:%Y%m%d%H%M%S}{offset[:3]}'{offset[3:5]}')"
