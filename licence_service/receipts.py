"""Receipts (核验回执): a verdict as a signed statement on a closed head of the book, to be checked years later without us (AU-02).

A receipt holds codes, days and public names of types and departments, never a face: what was presented is named by its digest. Whoever has
the receipt and what was presented can show that the two belong together; nobody can read the one out of the other.
"""

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from licence_service.digests import canonical, sha256
from licence_service.document import Printer
from licence_service.document.receipt import ANOTHER_TIME, ReceiptWords, Row
from licence_service.errors import NotInRegister, Unavailable
from licence_service.fields import comparison_form
from licence_service.history.words import STATES
from licence_service.identifiers import normal_code
from licence_service.licence import BEIJING, beijing_day
from licence_service.reasons import REASONS
from licence_service.seal.tokens import BadToken, CodeKeys, CodeSigner, open1, sign1
from licence_service.store.heads import Heads, StoredHead
from licence_service.verdict import Verdict
from licence_service.verification import Question
from licence_service.wording import HEADLINES, QUESTIONS, RESULTS, dated, not_now

FORM = "receipt/1"
FILE_FORM = "receipt-file/1"
CODE, PAIR, DOCUMENT = "code", "pair", "document"
_WAYS = {CODE: ("扫描二维码", "the code on paper"), PAIR: ("证号和查验码", "number and check code"), DOCUMENT: ("证照文件", "the file")}


@dataclass(frozen=True, slots=True)
class Presented:
    """What was verified: by which way, and the hex SHA-256 of what was handed in."""

    way: str
    sha256: str

    @classmethod
    def pair(cls, number: str, check_code: str) -> "Presented":
        """Return a pair: the digest of canonical JSON [number in comparison form, check code]; the code's chance keeps the number secret."""
        return cls(PAIR, sha256(canonical([comparison_form(number), normal_code(check_code)])))

    @classmethod
    def code(cls, digits: str) -> "Presented":
        """Return a code on paper: the digest of its digits."""
        return cls(CODE, sha256(digits.encode()))

    @classmethod
    def document(cls, content: bytes) -> "Presented":
        """Return a file: its digest."""
        return cls(DOCUMENT, sha256(content))


@dataclass(frozen=True, slots=True)
class Receipts:
    """Writes receipts in the name of the register's keeper."""

    heads: Heads
    keeper: CodeSigner
    printer: Printer

    def signed(self, ask: Callable[[Question], Verdict], question: Question, presented: Presented) -> tuple[Verdict, bytes]:
        """Return the verdict as known at a closed head, and its statement as COSE_Sign1.

        `known_at` of the question is cut back to the last head closed by then (RULINGS 11). `Unavailable` while there is none, and while
        the newest does not cover yet what the verdict rests on; `NotInRegister` where none was closed at the time that was asked about.
        """
        head = self.heads.closed_at(question.known_at) if question.known_at else self.heads.last()
        if head is None and self.heads.last() is None:
            raise Unavailable("no head of the book is closed yet", retry_after=2)
        if head is None:
            raise NotInRegister("no head of the book was closed by then")
        known_at = min(question.known_at or head.until, head.until)
        verdict = ask(replace(question, known_at=known_at))
        at_all_times = verdict.licence is None and verdict.answers["authentic"].reasons != ("not-known-then",)
        if not question.known_at and not at_all_times and _said(ask(question)) != _said(verdict):
            raise Unavailable("the newest head does not cover yet what the verdict rests on", retry_after=2)
        another = not at_all_times and (question.known_at is not None or verdict.valid_at != beijing_day(verdict.checked_at))
        return verdict, sign1(canonical(statement(verdict, head, presented, another_time=another)), self.keeper)

    def page(self, message: bytes, said: Mapping[str, Any]) -> bytes:
        """Return the receipt as one page of PDF/A-3u, with the signed statement attached."""
        return page_of(self.printer, message, said)


def page_of(printer: Printer, message: bytes, said: Mapping[str, Any]) -> bytes:
    """Draw the page of a receipt; the same statement gives the same bytes, so that whoever checks a page draws it once more."""
    attached = canonical({"format": FILE_FORM, "statement": message.hex()})
    return printer.receipt(words_of(said), attached, created_at=datetime.fromisoformat(said["checked_at"]).astimezone(BEIJING))


def _said(verdict: Verdict) -> tuple[object, ...]:
    """Return what must be the same at the head and now."""
    return verdict.overall, verdict.answers, verdict.licence


def statement(verdict: Verdict, head: StoredHead, presented: Presented, *, another_time: bool = False) -> dict[str, Any]:
    """Return what a receipt says (docs/formats.md, Receipts); `another_time`: it was asked about another day, or what was known before."""
    whole = verdict.as_json()
    licence = whole["licence"]
    return {
        "format": FORM,
        "presented": {"way": presented.way, "sha256": presented.sha256},
        "overall": whole["overall"],
        "answers": {name: {"result": one.result.value, "reasons": list(one.reasons)} for name, one in verdict.answers.items()},
        "checks": [{"no": one.no, "name": one.name, "result": one.result.value, "reasons": list(one.reasons)} for one in verdict.checks],
        "conditions": [
            {name: one[name] for name in ("kind", "result", "due_on", "rule_pack")} for one in (whole["conditions"] or {"each": []})["each"]
        ],
        "rule_packs": (whole["conditions"] or {"rule_packs": []})["rule_packs"],
        "licence": {name: licence[name] for name in _NAMED} if licence else None,
        "checked_at": whole["checked_at"],
        "valid_at": whole["valid_at"],
        "known_at": whole["known_at"],
        "head": {"size": head.size, "root": head.root},
        **({"another_time": True} if another_time else {}),
    }


_NAMED = ("licence_id", "elicence_id", "type", "issuer", "specimen", "state", "valid_from", "valid_to", "ended_on", "suspended_until", "version")


@dataclass(eq=False)
class BadReceipt(Exception):  # noqa: N818 - facts are named without a suffix
    """The receipt is not one that a keeper signed, or its page does not say what the statement says."""

    reason: str


@dataclass(frozen=True, slots=True)
class Opened:
    """A receipt whose signature is right: what it says, and the name of the key that signed it."""

    said: Mapping[str, Any] = field(repr=False)
    kid: bytes


def open_receipt(message: bytes, keys: CodeKeys) -> Opened:
    """Check a statement against the keepers' public keys by kid; raise `BadReceipt` for anything else than one of ours."""
    try:
        opened = open1(message, keys)
        said = json.loads(opened.payload)
    except (BadToken, ValueError) as bad:
        raise BadReceipt("the signature is not right, or not by a known keeper") from bad
    if not isinstance(said, dict) or said.get("format") != FORM or canonical(said) != opened.payload:
        raise BadReceipt("this is a signed message, but no receipt")
    return Opened(said, opened.kid)


def message_in(attached: bytes | str) -> bytes:
    """Return the statement that a page carries."""
    try:
        said = json.loads(attached)
        if said["format"] == FILE_FORM:
            return bytes.fromhex(said["statement"])
    except (ValueError, KeyError, TypeError, RecursionError) as bad:
        raise BadReceipt("the page carries no receipt") from bad
    raise BadReceipt("the page carries no receipt")


def must_agree(text: str, said: Mapping[str, Any]) -> None:
    """Raise `BadReceipt` unless the text of a page is what the statement says, nothing more and nothing less.

    How it looks is another question: whoever checks a page draws it once more (`page_of`) and compares.
    """
    wanted = "".join(words_of(said).texts())
    if "".join(text.split()) != "".join(wanted.split()):
        raise BadReceipt("the page does not say what was signed")


def words_of(said: Mapping[str, Any]) -> ReceiptWords:
    """Return the statement in words, for the page."""
    licence, presented = said["licence"], said["presented"]
    way = _WAYS[presented["way"]]
    rows = [Row("核验对象", "Presented", f"{way[0]} {way[1]}")]
    if licence:
        rows += [
            Row("证照", "Licence", f"{licence['type']['zh']} {licence['type']['en']}"),
            Row("证照标识", "Identifier", licence["elicence_id"]),
            Row("发证机关", "Issuer", f"{licence['issuer']['zh']} {licence['issuer']['en']} {licence['issuer']['code']}"),
            Row("效力", "State", " ".join(STATES[licence["state"]])),
            Row("有效期", "Term", f"{licence['valid_from']} — {licence['valid_to'] or '长期 no end'}"),
            Row("版本", "Version", f"所持 presented {licence['version']['presented']}，现行 current {licence['version']['current']}"),
        ]
    rows += [
        Row("按何日判断", "Judged for", said["valid_at"]),
        Row("按何时已知的登记", "As known at", _beijing(said["known_at"])),
        Row("核验时间", "Checked at", _beijing(said["checked_at"])),
    ]
    answers = [
        Row(zh, en, " ".join(RESULTS[said["answers"][name]["result"]]), tuple(" ".join(REASONS[code]) for code in said["answers"][name]["reasons"]))
        for name, (zh, en) in QUESTIONS.items()
    ]
    proof = [
        Row("核验对象摘要", "SHA-256 of it", presented["sha256"]),
        Row("登记簿签名点", "Closed head", f"{said['head']['size']} {said['head']['root']}"),
    ]
    band = ANOTHER_TIME if said.get("another_time") else said["overall"]
    return ReceiptWords(band, _headline(said), bool(licence and licence["specimen"]), tuple(rows), tuple(answers), tuple(proof))


def _headline(said: Mapping[str, Any]) -> tuple[str, str]:
    """Return the verdict's word with its day: a receipt is read long after; of another time it says that it is not the present state."""
    if not said["licence"] and not said.get("another_time"):
        return HEADLINES[said["overall"]]
    ahead = said["valid_at"] > beijing_day(datetime.fromisoformat(said["checked_at"])).isoformat()
    word = dated(said["overall"], said["valid_at"], ahead=ahead)
    return not_now(word, ahead=ahead) if said.get("another_time") else word


def _beijing(instant: str) -> str:
    return f"{datetime.fromisoformat(instant).astimezone(BEIJING):%Y-%m-%d %H:%M:%S} 北京时间 Beijing time"
