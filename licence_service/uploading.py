"""What somebody hands in: a PDF that is the original or is not, and then which fields differ from the record; or only a picture.

A file that is not the archived original is never genuine. Who has shown that the paper is before him – the file carries the genuine
signed code, or number and check code in print – is told more: that the content is as recorded and the original should be got, or which
fields were altered. What he may not see of the record is never said, only that it differs; so wrong files are counted like wrong codes.
"""

from dataclasses import asdict, dataclass, replace

from licence_service.archive import Archive
from licence_service.comparison import Comparison, FoundCode, Outcome, Presented, codes_in, compared, printed_pairs
from licence_service.document.uploaded import is_picture
from licence_service.identifiers import normal_code
from licence_service.presenting import Presenter
from licence_service.store.record import Record
from licence_service.verdict import Check, Result, Verdict, answers_of, overall_of
from licence_service.verification import Question, Verifier

_UNSAYABLE = frozenset({"encrypted", "examination-stopped", "unreadable"})
_SAID = {Outcome.AS_RECORDED: "content-as-recorded", Outcome.ALTERED: "content-altered"}
_STRONGEST = (Result.NO, Result.UNKNOWN, Result.YES, Result.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a file, and the licence that it was compared with and differed from, for counting."""

    verdict: Verdict
    differed_from: str | None = None


@dataclass(frozen=True, slots=True)
class Uploads:
    """Verifies files of strangers; `host` is the official one, in lower case."""

    verifier: Verifier
    presenter: Presenter
    archive: Archive
    host: str

    def judge(self, content: bytes, question: Question) -> Judged:
        """Return the verdict on a PDF, or on the code in a picture."""
        if is_picture(content):
            return Judged(self._picture(content, question))
        verdict = self.verifier.by_document(content, question)
        if verdict.licence is not None or _UNSAYABLE & {code for check in verdict.checks for code in check.reasons}:
            return Judged(verdict)
        presented = self.presenter.read(content)
        held = self._held(presented) if presented else None
        return self._beside(content, verdict, *held, question) if held else Judged(verdict)

    def _held(self, presented: Presented) -> tuple[Record, int] | None:
        """Return the version whose paper the uploader has shown to be before him."""
        for code in codes_in(presented.codes):
            found = self.verifier.of_code(code.digits)
            if not isinstance(found, Check):
                return found
        for number, check_code in printed_pairs(presented):
            pair = self.verifier.book.of_pair(number, normal_code(check_code))
            if pair:
                return pair
        return None

    def _beside(self, content: bytes, verdict: Verdict, record: Record, number: int, question: Question) -> Judged:
        version = next(entry.version for entry in record.entries if entry.version and entry.version.version == number)
        fields = self.verifier.catalogue.edition(record.type, version.edition).fields
        said = self.presenter.beside(content, self.archive.get(version.document.sha256), fields)
        if said is None:
            return Judged(verdict)
        file, original, alike = said
        active = any("active-content" in check.reasons for check in verdict.checks)
        found = compared(fields, version.face, question.asker, file, original, alike=alike, active=active)
        if found.outcome is Outcome.UNDECIDED:
            return Judged(verdict)
        judged = _with(verdict, Check(3, "document", "authentic", Result.NO, (_SAID[found.outcome],)))
        return Judged(replace(judged, comparison=_json(found)), record.licence_id if found.outcome is Outcome.ALTERED else None)

    def _picture(self, content: bytes, question: Question) -> Verdict:
        """Answer for the code in a picture, which is the code of some paper; the picture itself proves nothing."""
        codes = self.presenter.codes_of_picture(content)
        ours = [code for code in codes if code.host == self.host]
        if ours and len(ours) == len(codes):
            verdict = self.verifier.by_code(ours[0].digits, question)
            return _with(verdict, Check(3, "document", "authentic", Result.NOT_ASKED, ("picture-proves-nothing",)))
        return self.verifier.undecided(question, Check(3, "document", "authentic", Result.UNKNOWN, _why(codes)))


def _why(codes: tuple[FoundCode, ...]) -> tuple[str, ...]:
    return ("picture-proves-nothing", "foreign-host") if codes else ("picture-proves-nothing", "no-code-found")


def _with(verdict: Verdict, more: Check) -> Verdict:
    """Return the verdict with one more said of the document."""
    same = [check for check in verdict.checks if check.no == more.no]
    result = min((check.result for check in (*same, more)), key=_STRONGEST.index)
    one = replace(more, result=result, reasons=tuple(dict.fromkeys(code for check in (*same, more) for code in check.reasons)))
    checks = tuple(sorted([*(check for check in verdict.checks if check.no != more.no), one], key=lambda check: check.no))
    answers = answers_of(checks)
    return replace(verdict, checks=checks, answers=answers, overall=overall_of(answers))


def _json(found: Comparison) -> dict[str, object]:
    return {"outcome": found.outcome.value, "differences": [asdict(one) for one in found.differences], "elsewhere": found.elsewhere}
