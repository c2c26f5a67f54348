"""What somebody hands in: a PDF that is the original or is not, and then which fields differ from the record; or only a picture.

A file that is not the archived original is never genuine. Who has shown that the paper is before him – the file carries the genuine
signed code, or number and check code in print – is told more: that the content is as recorded and the original should be got, or which
fields were altered. What he may not see of the record is never said, only that it differs; so wrong files are counted like wrong codes.
"""

from dataclasses import asdict, dataclass, replace
from urllib.parse import urlsplit

from licence_service import qr_token
from licence_service.archive import Archive
from licence_service.comparison import Comparison, Outcome, Presented, compared, printed_pairs
from licence_service.copies import Copies
from licence_service.document.uploaded import is_picture
from licence_service.identifiers import normal_code
from licence_service.presenting import Presenter
from licence_service.store.lendings import Lending
from licence_service.store.record import Record
from licence_service.verdict import Check, Result, Verdict, answers_of, overall_of
from licence_service.verification import Question, Verifier

_UNSAYABLE = frozenset({"encrypted", "examination-stopped", "not-known-then", "unreadable"})
_TOLD = frozenset({"foreign-host", "several-codes"})  # of the codes in a PDF
_SAID = {Outcome.AS_RECORDED: "content-as-recorded", Outcome.ALTERED: "content-altered"}
_STRONGEST = (Result.NO, Result.UNKNOWN, Result.YES, Result.NOT_ASKED)


@dataclass(frozen=True, slots=True)
class Judged:
    """The verdict on a file; the licence that it was compared with and differed from, for counting; of an annotated copy the lending."""

    verdict: Verdict
    differed_from: str | None = None
    lending: Lending | None = None


@dataclass(frozen=True, slots=True)
class FoundCodes:
    """What the different codes in a file or picture say: the digits behind our own address, the sites of other ones, and how many there are."""

    digits: tuple[str, ...]
    sites: tuple[str, ...]
    count: int

    @property
    def reasons(self) -> tuple[str, ...]:
        """Say why nothing can be judged by these codes; empty where there is one, and it is ours."""
        said = {
            "no-code-found": not self.count,
            "several-codes": self.count > 1,
            "foreign-host": bool(self.sites),
            "not-a-licence-code": self.count == 1 and not self.digits and not self.sites,
        }
        return tuple(reason for reason, holds in said.items() if holds)


def codes_among(texts: tuple[str, ...], public_url: str) -> FoundCodes:
    """Judge every text that a reader of codes returned, of whatever form; the same code twice is one, in capitals or not."""
    stripped = dict.fromkeys(text.strip() for text in texts)
    ours = {text: digits for text in stripped if (digits := qr_token.digits_in(text, public_url)) is not None}
    split, others = urlsplit(public_url.lower()), [text for text in stripped if text not in ours]
    sites = (qr_token.site_of(text, str(split.hostname)) for text in others)
    foreign = dict.fromkeys(site for site in sites if site and site != f"{split.scheme}://{split.netloc}")  # another page of ours is none
    different = tuple(dict.fromkeys(ours.values()))
    return FoundCodes(different, tuple(foreign), len(different) + len(others))


@dataclass(frozen=True, slots=True)
class Uploads:
    """Verifies files of strangers; `public_url` is our own address, before the path of a code."""

    verifier: Verifier
    presenter: Presenter
    archive: Archive
    public_url: str
    copies: Copies

    def judge(self, content: bytes, question: Question) -> Judged:
        """Return the verdict on a PDF, or on the code in a picture."""
        if is_picture(content):
            return Judged(self._picture(content, question))
        if lent := self.copies.judge(content, question):
            return Judged(lent[0], lending=lent[1])
        verdict = self.verifier.by_document(content, question)
        if verdict.licence is not None or _UNSAYABLE & {code for check in verdict.checks for code in check.reasons}:
            return Judged(verdict)
        presented = self.presenter.read(content)
        if presented is None:
            return Judged(verdict)
        codes = codes_among(presented.codes, self.public_url)
        if told := tuple(reason for reason in codes.reasons if reason in _TOLD):
            result = Result.NO if codes.sites else Result.UNKNOWN
            verdict = replace(_with(verdict, Check(3, "document", "authentic", result, told)), host=next(iter(codes.sites), None))
        held = self._held(presented, codes)
        return self._beside(content, verdict, *held, question) if held else Judged(verdict)

    def _held(self, presented: Presented, codes: FoundCodes) -> tuple[Record, int] | None:
        """Return the version whose paper the uploader has shown to be before him; codes of other sites show nothing, nor do several."""
        for digits in codes.digits if codes.count == 1 else ():
            found = self.verifier.of_code(digits)
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
        """Answer for the one code in a picture, which is the code of some paper; the picture itself proves nothing.

        Of several, which a picture may show beside each other or one within the other, none is judged: nobody knows which was meant.
        """
        codes = codes_among(self.presenter.texts_of_codes(content), self.public_url)
        if not codes.reasons:
            verdict = self.verifier.by_code(codes.digits[0], question)
            return _with(verdict, Check(3, "document", "authentic", Result.NOT_ASKED, ("picture-proves-nothing",)))
        said = Check(3, "document", "authentic", Result.UNKNOWN, ("picture-proves-nothing", *codes.reasons))
        return replace(self.verifier.undecided(question, said), host=next(iter(codes.sites), None))


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
