"""Universal forgery, ByteRange gaps, empty and misused contents, signature wrapping.

After "How to break PDF signatures" (Mladenov, Mainka, Meyer zu Selhausen, Grothe, Schwenk; 2018/2019): USF and SWA.
"""

import re
from functools import partial

from tests.corpus.material import Material, appended, numbers, object_of
from tests.corpus.variant import add, variant

USF, GAPS, CONTENTS, WRAPPING = "universal forgery", "ByteRange gaps", "empty contents", "signature wrapping"
_RANGE = rb"/ByteRange \[[0-9 ]+\] *"
_SLOT = rb"/Contents <[0-9A-F]+>"


def _surgery(material: Material, *, find: bytes, replace: bytes) -> bytes:
    return material.surgery(find, replace)


for _name, _find, _replace in (
    ("byte range missing", _RANGE, b""),
    ("byte range null", _RANGE, b"/ByteRange null"),
    ("byte range empty", _RANGE, b"/ByteRange []"),
    ("byte range all zeros", _RANGE, b"/ByteRange [0 0 0 0]"),
    ("byte range negative", _RANGE, b"/ByteRange [0 -1 -1 -1]"),
    ("byte range of text", _RANGE, b"/ByteRange (all)"),
    ("byte range of two", _RANGE, b"/ByteRange [0 100]"),
    ("byte range of reals", _RANGE, b"/ByteRange [0.0 1.0 2.0 3.0]"),
    ("byte range elsewhere", _RANGE, b"/ByteRange 9 0 R"),
    ("byte range renamed by an escape", rb"/ByteRange ", b"/Byte#52ange"),
    ("type removed", rb"/Type /Sig\n/Filter", b"/Typo /Sig\n/Filter"),
    ("sub filter removed", rb"/SubFilter /ETSI.CAdES.detached", b""),
    ("sub filter unknown", rb"/SubFilter /ETSI.CAdES.detached", b"/SubFilter /none"),
    ("filter unknown", rb"/Filter /Adobe.PPKLite", b"/Filter /Nobody"),
    ("reference removed", rb"/Reference \[ <<", b"/Reverence [ <<"),
    ("permissions removed", rb"/Perms <<", b"/Pirms <<"),
    ("value of the field null", rb"/V \d+ 0 R", b"/V null"),
    ("field names no signature", rb"/FT /Sig", b"/FT /Tx "),
    ("form removed", rb"/AcroForm ", b"/OcroForm "),
):
    add(USF, _name, f"in the seal's revision `{_find.decode()}` becomes `{_replace.decode()}`", partial(_surgery, find=_find, replace=_replace))

for _name, _find, _replace in (
    ("contents missing", _SLOT, b""),
    ("contents null", _SLOT, b"/Contents null"),
    ("contents empty", _SLOT, b"/Contents <>"),
    ("contents one zero", _SLOT, b"/Contents <00>"),
    ("contents elsewhere", _SLOT, b"/Contents 9 0 R"),
    ("contents a text", _SLOT, b"/Contents (0)"),
    ("contents an empty sequence", _SLOT, b"/Contents <3000>"),
):
    add(CONTENTS, _name, f"`/Contents` becomes `{_replace.decode()}`", partial(_surgery, find=_find, replace=_replace))


@variant(CONTENTS, reason="slot-misused")
def contents_all_zeros(material: Material) -> bytes:
    """The slot keeps its length and holds zeros alone."""
    return material.sealed.replace(material.contents, b"0" * len(material.contents))


@variant(CONTENTS)
def contents_of_another_document(material: Material) -> bytes:
    """The genuine signature is put under a page with another content."""
    other = material.seal(material.page.replace(b"/Producer (licence_service)", b"/Producer (licence_servant)"))
    found = re.search(rb"/Contents <([0-9A-F]{2000,})>", other)
    assert found
    return other.replace(found[1], material.contents)


@variant(CONTENTS, reason="slot-misused")
def contents_in_small_letters(material: Material) -> bytes:
    """The same signature, its hexadecimal digits written small."""
    return material.sealed.replace(material.contents, material.contents.lower())


@variant(CONTENTS, reason="slot-misused")
def contents_with_mixed_letters(material: Material) -> bytes:
    """One digit of the signature written small."""
    at = re.search(rb"[A-F]", material.contents)
    assert at
    return material.sealed.replace(material.contents, material.contents[: at.start()] + at[0].lower() + material.contents[at.end() :])


@variant(CONTENTS, reason="slot-misused")
def data_behind_the_signature(material: Material) -> bytes:
    """A message hides in the zeros that fill the slot."""
    return material.sealed.replace(material.contents, material.contents[:-40] + b"48494444454E" + material.contents[-28:])


@variant(CONTENTS, reason="slot-misused")
def spaces_in_the_slot(material: Material) -> bytes:
    """Two of the filling zeros become white space, which readers of hexadecimal strings skip."""
    return material.sealed.replace(material.contents, material.contents[:-2] + b"  ")


@variant(CONTENTS)
def signature_in_a_longer_encoding(material: Material) -> bytes:
    """The outer length of the signature is written in three bytes instead of two (BER, not DER)."""
    content = bytes.fromhex(material.contents.decode())
    length = int.from_bytes(content[2:4])
    longer = b"\x30\x83\x00" + length.to_bytes(2) + content[4:-1]
    return material.sealed.replace(material.contents, longer.hex().upper().encode())


@variant(CONTENTS)
def the_other_signature_of_the_pair(material: Material) -> bytes:
    """ECDSA holds for s and n - s: the seal is flipped without its key."""
    from asn1crypto import algos, cms

    from licence_service.seal.canonical import ORDERS

    container = cms.ContentInfo.load(bytes.fromhex(material.contents.decode()))
    signer = container["content"]["signer_infos"][0]
    pair = algos.DSASignature.load(signer["signature"].native)
    signer["signature"] = algos.DSASignature({"r": pair["r"].native, "s": ORDERS["secp256r1"] - pair["s"].native}).dump()
    flipped = container.dump(force=True).hex().upper().encode().ljust(len(material.contents), b"0")
    return material.sealed.replace(material.contents, flipped)


@variant(CONTENTS)
def a_further_certificate(material: Material) -> bytes:
    """A certificate that nobody needs is put among those that the signature carries."""
    from asn1crypto import cms, x509

    container = cms.ContentInfo.load(bytes.fromhex(material.contents.decode()))
    root = x509.Certificate.load(material.world.service.keyring.trust_roots[0])
    container["content"]["certificates"].append(cms.CertificateChoices(name="certificate", value=root))
    more = container.dump(force=True).hex().upper().encode().ljust(len(material.contents), b"0")
    return material.sealed.replace(material.contents, more[: len(material.contents)])


# -- gaps ------------------------------------------------------------------------------------------------------------


def _ranged(material: Material, *numbers_: int) -> bytes:
    return material.surgery(_RANGE, b"/ByteRange [%d %d %d %d]" % numbers_)


def _span(material: Material) -> list[int]:
    found = re.findall(rb"/ByteRange \[(\d+) (\d+) (\d+) (\d+)\]", material.sealed)[-1]
    return [int(one) for one in found]


@variant(GAPS)
def gap_begins_early(material: Material) -> bytes:
    """The first range ends a hundred bytes before the slot."""
    start, first, second, rest = _span(material)
    return _ranged(material, start, first - 100, second, rest)


@variant(GAPS)
def gap_ends_late(material: Material) -> bytes:
    """The second range begins a hundred bytes after the slot."""
    start, first, second, rest = _span(material)
    return _ranged(material, start, first, second + 100, rest - 100)


@variant(GAPS)
def gap_over_the_page(material: Material) -> bytes:
    """The gap begins at the header: nothing of the page is covered."""
    _, _, second, rest = _span(material)
    return _ranged(material, 0, 8, second, rest)


@variant(GAPS)
def range_beyond_the_end(material: Material) -> bytes:
    """The second range claims more bytes than there are."""
    start, first, second, rest = _span(material)
    return _ranged(material, start, first, second, rest + 5000)


@variant(GAPS)
def range_stops_short(material: Material) -> bytes:
    """The second range leaves out the last table."""
    start, first, second, rest = _span(material)
    return _ranged(material, start, first, second, rest - 300)


@variant(GAPS)
def ranges_overlap(material: Material) -> bytes:
    """Both ranges cover the slot."""
    start, _, _, rest = _span(material)
    return _ranged(material, start, len(material.sealed) - rest, 0, len(material.sealed))


@variant(GAPS)
def range_does_not_begin_at_the_header(material: Material) -> bytes:
    """The first range begins at the second line, so that another header could be put in front."""
    _, first, second, rest = _span(material)
    return _ranged(material, 9, first - 9, second, rest)


@variant(GAPS)
def insider_leaves_a_gap(material: Material) -> bytes:
    """Sealed with the real key, but the ByteRange leaves out a comment with room for anything."""
    document = material.page + b"% room\n"
    return material.seal(document).replace(b"% room", b"% ROOM")


# -- wrapping --------------------------------------------------------------------------------------------------------


def _wrapped(material: Material, filling: bytes) -> bytes:
    """Move the second signed part to the end and put `filling` between it and the slot."""
    start, first, second, rest = _span(material)
    head, tail = material.sealed[:second], material.sealed[second:]
    moved = second + len(filling)
    old = b"/ByteRange [%d %d %d %d]" % (start, first, second, rest)
    new = b"/ByteRange [%d %d %d %d]" % (start, first, moved, rest)
    return head + filling.replace(b"@RANGE@", new.ljust(len(old))) + tail


@variant(WRAPPING)
def second_part_moved_behind_a_new_range(material: Material) -> bytes:
    """The genuine second part is moved away; before it stands a new /ByteRange that points to it."""
    return _wrapped(material, b"\n@RANGE@ /Type /Sig >>\nendobj\n" + b" " * 2000)


@variant(WRAPPING)
def second_part_moved_behind_a_forged_update(material: Material) -> bytes:
    """Between the two signed parts lie a forged page and a table of its own."""
    page = numbers(material.sealed)["page"]
    forged = b"\n@RANGE@ >>\nendobj\n%d 0 obj\n%b\nendobj\n" % (page, object_of(material.sealed, page).replace(b"/Contents", b"/Kontents"))
    return _wrapped(material, forged + b"xref\n0 1\n0000000000 65535 f \ntrailer\n<< /Size 60 >>\n" + b" " * 500)


@variant(WRAPPING)
def signature_copied_into_a_new_object(material: Material) -> bytes:
    """The signature dictionary is copied into an update and the field points to the copy."""
    found = numbers(material.sealed)
    copy = object_of(material.sealed, found["signature"])
    field = object_of(material.sealed, found["field"]).replace(b"/V %d 0 R" % found["signature"], b"/V 90 0 R")
    return appended(material.sealed, {90: copy, found["field"]: field})


@variant(WRAPPING)
def slot_wrapped_into_a_dictionary(material: Material) -> bytes:
    """The slot of a copied signature is moved into a value that readers ignore."""
    found = numbers(material.sealed)
    copy = object_of(material.sealed, found["signature"]).replace(b"/Contents <", b"/Kept << /X <").replace(b">\n/ByteRange", b"> >>\n/ByteRange")
    return appended(material.sealed, {found["signature"]: copy})
