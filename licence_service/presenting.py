"""What the bounded child reads of uploaded files besides their seal; it is also the program that the child runs.

`Presenter` is what the verifier holds: it asks an `Examiner` whose children run this module. Libraries that read pages
and pictures of strangers are thus loaded into that child, never used on such a file in the server.
"""

import sys
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from licence_service.comparison import Presented
from licence_service.document import reread, uploaded
from licence_service.document.reread import Reread
from licence_service.fields import Field
from licence_service.seal import Finding, examining
from licence_service.seal.examiner import Examiner, finding_of

PROGRAM = "licence_service.presenting"


@dataclass(frozen=True, slots=True)
class Looked:
    """What an uploaded file is: the finding about its seal and, where it could be read, what it says."""

    finding: Finding
    presented: Presented | None
    cpu_seconds: float
    memory_bytes: int


@dataclass(frozen=True, slots=True)
class Presenter:
    """Looks at files of strangers through the children of an examiner that runs `PROGRAM`."""

    examiner: Examiner

    def look(self, document: bytes) -> Looked:
        """Examine the seal of a PDF, then read what it says; a file that may not be read keeps its finding. `Unavailable` when full."""
        first = self.examiner.ask("examine", document, at=None)
        finding = finding_of(first)
        if "examination-stopped" in finding.reasons or "encrypted" in finding.reasons:
            return Looked(finding, None, first.cpu_seconds, first.memory_bytes)
        second = self.examiner.ask("present", document)
        spent = first.cpu_seconds + second.cpu_seconds, max(first.memory_bytes, second.memory_bytes)
        return Looked(finding, _presented(second.answer), *spent)

    def read(self, document: bytes) -> Presented | None:
        """Return what a PDF says; None where it cannot be read."""
        return _presented(self.examiner.ask("present", document).answer)

    def beside(self, document: bytes, original: bytes, fields: Mapping[str, Field]) -> tuple[Presented, Presented, bool] | None:
        """Return what a file and the archived original say at the labels of these fields, and whether they look alike; None if unreadable."""
        file, ours = (_presented(self.examiner.ask("say", one).answer, fields) for one in (document, original))
        alike = self.examiner.ask("alike", document, original).answer  # by itself: long licences take most of what one worker may
        return (file, ours, alike) if file and ours and isinstance(alike, bool) else None

    def receipt(self, document: bytes) -> tuple[str, str] | None:
        """Return the statement attached to a receipt's page and the page's text; None where either cannot be read."""
        said = self.examiner.ask("receipt", document).answer
        attached, text = (said.get("attached"), said.get("text")) if isinstance(said, dict) else (None, None)
        return (attached, text) if isinstance(attached, str) and isinstance(text, str) else None

    def drawn_as(self, document: bytes, ours: bytes) -> bool:
        """Say whether a receipt's page looks as the one that we drew from its statement (`uploaded.drawn_as`)."""
        return document == ours or self.examiner.ask("drawn", document, ours).answer is True

    def reread(self, document: bytes, plates: reread.Boxes) -> Reread | None:
        """Return what a document of ours says to the slow reader, frames and codes wherever they are included; None where it could not be read in time."""
        said = self.examiner.ask("reread", document, plates=plates).answer
        try:
            return Reread.heard(said) if isinstance(said, dict) else None
        except ValueError:
            return None

    def texts_of_codes(self, content: bytes) -> tuple[str, ...]:
        """Return what the codes in a picture, or on the first page of a PDF that has any, say; none where it is neither or cannot be read.

        A picture proves nothing else. `Unavailable` when full.
        """
        if uploaded.is_picture(content):
            said = self.examiner.ask("picture", content).answer
            return tuple(str(text) for text in said) if isinstance(said, list) else ()
        presented = self.read(content)
        return presented.codes if presented else ()


def _presented(said: object, fields: Mapping[str, Field] | None = None) -> Presented | None:
    try:
        return uploaded.from_json(said, fields) if isinstance(said, dict) else None
    except ValueError:
        return None


def answerers(setting: Mapping[str, Any]) -> examining.Answerers:
    """Return what this program answers: `examine`; `present`, and `say` without looking for codes; `alike`; `picture`; `receipt` and `drawn`; `reread`."""
    return {
        **examining.answerers(setting),
        "present": lambda _, files: uploaded.presented(files[0]),
        "say": lambda _, files: uploaded.presented(files[0], codes=False),
        "alike": lambda _, files: uploaded.look_alike(files[0], files[1]),
        "picture": lambda _, files: uploaded.codes_of_picture(files[0]),
        "receipt": lambda _, files: uploaded.receipt(files[0]),
        "reread": lambda question, files: reread.said(files[0], question["plates"]),
        "drawn": lambda _, files: uploaded.drawn_as(files[0], files[1]),
    }


if __name__ == "__main__":
    examining.confine()
    examining.serve(sys.stdin.buffer, sys.stdout.buffer, answerers)
