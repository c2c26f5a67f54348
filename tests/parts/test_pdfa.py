"""The validator refuses what is broken, each for its own clause: nine controls (LIBRARIES §2)."""

import io
from collections.abc import Callable
from pathlib import Path

import pikepdf
import pytest
from pikepdf import Dictionary, Name, Pdf

from tests.pdfa import VeraPdf
from tests.printing import a_file


def _first(document: Pdf, kind: str) -> pikepdf.Object:
    return next(item for item in document.objects if isinstance(item, pikepdf.Dictionary) and item.get("/Type") == kind)


def without_output_intent(document: Pdf) -> None:
    del document.Root.OutputIntents


def without_af(document: Pdf) -> None:
    del document.Root.AF


def without_relationship(document: Pdf) -> None:
    del _first(document, "/Filespec").AFRelationship


def without_mime_type(document: Pdf) -> None:
    del _first(document, "/Filespec").EF.F.Subtype


def without_part(document: Pdf) -> None:
    packet = document.Root.Metadata.read_bytes()
    document.Root.Metadata.write(packet.replace(b"<pdfaid:part>3</pdfaid:part>", b""))


def without_font_program(document: Pdf) -> None:
    del _first(document, "/FontDescriptor").FontFile2


def without_to_unicode(document: Pdf) -> None:
    del _first(document, "/Font").ToUnicode


def with_script(document: Pdf) -> None:
    document.Root.OpenAction = Dictionary(S=Name.JavaScript, JS="app.alert(1)")


def unchanged(_: Pdf) -> None:
    """Leave the file as it is, but for the encryption."""


CONTROLS = [
    (without_output_intent, "6.2.4.3"),
    (without_af, "6.8"),
    (without_relationship, "6.8"),
    (without_mime_type, "6.8"),
    (without_part, "6.6.4"),
    (without_font_program, "6.2.11.4.1"),
    (without_to_unicode, "6.2.11.7.2"),
    (with_script, "6.5.1"),
    (unchanged, "6.1.3"),
]


def test_the_profile_is_whole(verapdf: VeraPdf) -> None:
    assert verapdf.rule_count == 148


@pytest.mark.parametrize(("break_it", "clause"), CONTROLS, ids=lambda value: getattr(value, "__name__", value))
def test_a_broken_file_is_refused_for_its_clause(break_it: Callable[[Pdf], None], clause: str, verapdf: VeraPdf, tmp_path: Path) -> None:
    target = tmp_path / "broken.pdf"
    encryption = pikepdf.Encryption(owner="o", user="", R=6) if break_it is unchanged else None
    with pikepdf.open(io.BytesIO(a_file())) as document:
        break_it(document)
        document.save(target, encryption=encryption or False, fix_metadata_version=False)
    assert clause in {found for found, _ in verapdf.failures(target)}


def test_the_same_file_saved_whole_passes(verapdf: VeraPdf, tmp_path: Path) -> None:
    target = tmp_path / "whole.pdf"
    with pikepdf.open(io.BytesIO(a_file())) as document:
        document.save(target)
    assert verapdf.failures(target) == []
