"""What is added to a sealed file, continued: form fields, active content, rubbish and other files before and after it."""

import io
import zipfile
import zlib
from functools import partial

from tests.corpus.material import Material, appended, numbers, object_of, with_entries
from tests.corpus.updates import ADDED, stream
from tests.corpus.variant import add, variant
from tests.parts.conftest import draw_page

FORMS, ACTIVE, TRAILING = "form fields", "active content", "bytes before and after"


# -- forms -----------------------------------------------------------------------------------------------------------


def _with_field(material: Material, *, entries: bytes) -> bytes:
    found = numbers(material.sealed)
    form = object_of(material.sealed, found["form"]).replace(b"/Fields [", b"/Fields [ 94 0 R")
    return appended(material.sealed, {found["form"]: form, 94: b"<< /T (x) %b >>" % entries})


for _name, _entries in (
    ("text", b"/FT /Tx /V (2099)"),
    ("check box", b"/FT /Btn /V /On"),
    ("choice", b"/FT /Ch /V (A) /Opt [(A) (B)]"),
    ("empty signature", b"/FT /Sig"),
):
    add(FORMS, f"field {_name}", f"an update adds the field `{_entries.decode()}`", partial(_with_field, entries=_entries), reason=ADDED)


@variant(FORMS, reason=ADDED)
def appearance_of_the_seal(material: Material) -> bytes:
    """An update gives the invisible seal a box and an appearance."""
    field = numbers(material.sealed)["field"]
    body = object_of(material.sealed, field).replace(b"/Rect [ 0 0 0 0 ]", b"/Rect [ 0 0 500 400 ]")
    return appended(material.sealed, {field: with_entries(body, b"/AP << /N 95 0 R >>"), 95: stream(b"", b"/Subtype /Form /BBox [0 0 1 1]")})


# -- active content --------------------------------------------------------------------------------------------------


def _acting(material: Material, *, entries: bytes, insider: bool) -> bytes:
    base = material.page if insider else material.sealed
    root = numbers(base)["root"]
    body = with_entries(object_of(base, root), entries)
    if insider:
        return material.seal(appended(base, {root: body}))
    return appended(base, {root: body})


for _name, _entries in (
    ("script on opening", b"/OpenAction << /S /JavaScript /JS (app.alert\\(1\\)) >>"),
    ("script under an escaped name", b"/Open#41ction << /S /Java#53cript /J#53 (1) >>"),
    ("launch", b"/OpenAction << /S /Launch /F (calc.exe) >>"),
    ("additional actions", b"/AA << /WC << /S /JavaScript /JS (1) >> >>"),
    ("form that sends", b"/Extra << /S /SubmitForm /F (https://example.invalid) >>"),
    ("remote file", b"/Extra << /S /GoToE /F (other.pdf) >>"),
    ("forms of XFA", b"/Extra << /XFA [(x) (y)] >>"),
    ("program attached", b"/Extra << /Type /Filespec /F (setup.exe) /UF (setup.exe) /EF << /F 38 0 R >> >>"),
):
    add(
        ACTIVE, _name, f"an update adds `{_entries.decode()}` to the catalogue", partial(_acting, entries=_entries, insider=False),
        reason="active-content",
    )  # fmt: skip
    add(
        ACTIVE, f"{_name}, sealed", f"an insider seals `{_entries.decode()}`", partial(_acting, entries=_entries, insider=True),
        reason="active-content",
    )  # fmt: skip


# -- before and after ------------------------------------------------------------------------------------------------


def _beside(material: Material, *, before: bytes = b"", after: bytes = b"") -> bytes:
    return before + material.sealed + after


def _archive() -> bytes:
    target = io.BytesIO()
    with zipfile.ZipFile(target, "w") as archive:
        archive.writestr(zipfile.ZipInfo("x.html", (2026, 1, 1, 0, 0, 0)), "<p>forged</p>")
    return target.getvalue()


for _name, _after in (
    ("one byte after", b"x"),
    ("line feed after", b"\n"),
    ("space after", b" "),
    ("end marks after", b"%%EOF\n%%EOF\n"),
    ("comment after", b"% a comment\n"),
    ("zeros after", bytes(10_000)),
    ("archive after (polyglot)", _archive()),
    ("page of HTML after (polyglot)", b"<html><body>valid until 2099</body></html>"),
    ("packed rubbish after", zlib.compress(bytes(100_000))),
):
    add(TRAILING, _name, "appended behind the end mark", partial(_beside, after=_after), reason=ADDED)
add(TRAILING, "another file after", "a second, whole PDF follows", lambda material: material.sealed + draw_page("forged"))
add(TRAILING, "line before (polyglot)", "a line stands before the header, offsets unchanged", partial(_beside, before=b"#!/bin/sh\n"))
add(TRAILING, "HTML before (polyglot)", "a page of HTML stands before the header", partial(_beside, before=b"<html>\n"))
add(TRAILING, "program before (polyglot)", "the mark of a program stands before the header", partial(_beside, before=b"MZ" + bytes(62)))
