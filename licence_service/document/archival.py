"""What makes a PDF an archived one, PDF/A-3u: identification, output intent, metadata, attachment (ISO 19005-3)."""

import zlib
from datetime import datetime
from functools import cache
from xml.sax.saxutils import escape

from PIL import ImageCms

from licence_service.document.objects import Objects, text

ATTACHMENT = "licence.json"
RECEIPT = "receipt.json"
_DESCRIBED = {ATTACHMENT: "证照数据", RECEIPT: "核验回执"}
PRODUCER = "licence_service"
LANGUAGE = "zh-CN"
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


def catalogue_entries(objects: Objects, title: str, created_at: datetime, attachment: bytes, attached_as: str) -> str:
    """Add metadata, output intent and attachment; return their entries of the catalogue."""
    return (
        f"/Metadata {_metadata(objects, title, created_at)} /OutputIntents [{_output_intent(objects)}] "
        f"{_attached(objects, attachment, attached_as, created_at)} /Lang {text(LANGUAGE)} /ViewerPreferences << /DisplayDocTitle true >>"
    )


def information(title: str, created_at: datetime) -> str:
    """Return the information dictionary; it says the same as the metadata (ISO 19005-3 6.6.3)."""
    date = _pdf_date(created_at)
    return f"<< /Title {text(title)} /Producer ({PRODUCER}) /CreationDate {date} /ModDate {date} >>"


def _metadata(objects: Objects, title: str, created_at: datetime) -> str:
    date = created_at.replace(microsecond=0).isoformat()
    packet = _XMP.format(title=escape(title), language=LANGUAGE, date=date, producer=PRODUCER)
    return objects.stream("/Type /Metadata /Subtype /XML", packet.encode("utf-8"))


def _output_intent(objects: Objects) -> str:
    profile = objects.stream("/N 3 /Filter /FlateDecode", _profile())
    return f"<< /Type /OutputIntent /S /GTS_PDFA1 /OutputConditionIdentifier (sRGB) /Info (sRGB) /DestOutputProfile {profile} >>"


@cache
def _profile() -> bytes:
    """Return the deflated sRGB profile, its date fixed."""
    made = bytearray(ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes())
    made[_HEADER_DATE] = _FIXED_DATE
    return zlib.compress(bytes(made), 9)


def _attached(objects: Objects, attachment: bytes, name: str, created_at: datetime) -> str:
    file = objects.stream(
        f"/Type /EmbeddedFile /Subtype /application#2Fjson /Filter /FlateDecode "
        f"/Params << /Size {len(attachment)} /ModDate {_pdf_date(created_at)} >>",
        zlib.compress(attachment, 6),
    )
    specification = objects.add(
        f"<< /Type /Filespec /F ({name}) /UF ({name}) /AFRelationship /Data /Desc {text(_DESCRIBED[name])} /EF << /F {file} /UF {file} >> >>"
    )
    return f"/Names << /EmbeddedFiles << /Names [({name}) {specification}] >> >> /AF [{specification}]"


def _pdf_date(moment: datetime) -> str:
    offset = moment.strftime("%z")
    return f"(D:{moment:%Y%m%d%H%M%S}{offset[:3]}'{offset[3:5]}')"
