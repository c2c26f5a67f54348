"""Verdict by verdict: histories of licences, ways of asking, days and times of knowledge – and the exact five answers to each."""

import html
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from fastapi import Request

from licence_service.licence import beijing_day
from licence_service.reasons import REASONS
from licence_service.verdict import QUESTIONS, Verdict
from licence_service.verification import Question
from licence_service.web import pages
from licence_service.web.receipting import HEADERS
from licence_service.wording import AHEAD, HEADLINES, RESULTS, THEN
from tests.world import BUSINESS, DRIVER, VEHICLE, World, a_world

PORT, ANNEX = "port_operation_permit", "port_dangerous_goods_annex"
DAY = timedelta(days=1)
WRONG = "0123456789AB"


@dataclass
class Told:
    """One licence of the book: what its first and its newest issue answered, and the files."""

    issued: dict[str, Any]
    newest: dict[str, Any]
    files: dict[int, bytes] = field(default_factory=dict)


@dataclass
class Book:
    """A service with a history for every case, written over some days; `start` is the day of the first."""

    world: World
    start: date
    known: dict[str, datetime] = field(default_factory=dict)
    told: dict[str, Told] = field(default_factory=dict)

    def issue(self, name: str, slug: str = DRIVER, **changed: Any) -> None:
        issued = self.world.issue(slug, f"case-{name}", case_no=f"CASE-{name}", **changed)
        self.told[name] = Told(issued, issued)
        self._keep(name, issued)

    def act(self, name: str, slug: str = DRIVER, **body: Any) -> dict[str, Any]:
        key = f"{name}-{body['act']}-{len(self.known)}-{self.world.clock():%d%H%M%S}"
        answer = self.world.act(slug, self.told[name].issued["licence_id"], body, key)
        assert answer.status_code == 201, answer.text
        done: dict[str, Any] = answer.json()
        if "version" in done:
            self.told[name].newest = self.told[name].newest | done
            self._keep(name, done)
        return done

    def _keep(self, name: str, done: dict[str, Any]) -> None:
        content = self.world.http.post("/download", json={"delivery_code": done["delivery_code"]}).content
        self.told[name].files[done["version"]] = content

    def move(self, days: int) -> None:
        self.world.clock.now += timedelta(days=days)  # type: ignore[attr-defined]

    @property
    def today(self) -> date:
        return beijing_day(self.world.clock())


def suspension(first: date, last: date | None = None, kind: str = "measure") -> dict[str, Any]:
    return {"kind": kind, "first": first.isoformat(), "last": last.isoformat() if last else None}


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Book]:
    """Write every history once."""
    with a_world(tmp_path_factory.mktemp("cases"), demo_keys) as world:
        written = Book(world, beijing_day(world.clock()))
        written.issue("plain")
        _first_day(written)
        written.known["first"] = world.clock() + timedelta(hours=1)
        written.move(10)
        _tenth_day(written)
        yield written


def _person(number: int) -> dict[str, str]:
    """Return the identity number of somebody made up, with its check digit (GB 11643)."""
    digits = f"51990219850612{number:03d}"
    weights = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
    check = "10X98765432"[sum(int(digit) * weight for digit, weight in zip(digits, weights, strict=True)) % 11]
    return {"citizen_id": digits + check, "license_no": digits + check, "sex": str(1 if number % 2 else 2)}


def _first_day(book: Book) -> None:
    """Issue everything that later has a history."""
    names = (
        "suspended", "revoked", "withdrawn", "withdrawn_later", "recalled", "cancelled", "cancelled_back", "reinstated", "reversed", "stayed",
        "lifted", "replaced", "lost", "found", "corrected", "voided", "trained", "failed",
    )  # fmt: skip
    for number, name in enumerate(names, 201):
        book.issue(name, face=_person(number))
    book.issue("vehicle", VEHICLE)
    book.issue("port", PORT)
    book.issue("annex", ANNEX, face={"parent_license_no": book.told["port"].issued["number"]})
    book.issue("business", BUSINESS)
    book.issue("fleet", VEHICLE, face={"business_permit_no": book.told["business"].issued["number"], "license_no": "519902010502"})


def _tenth_day(book: Book) -> None:
    """Let everything happen."""
    today = book.today
    book.act("suspended", act="suspend", suspension=suspension(today - 3 * DAY, today + 5 * DAY))
    book.act("revoked", act="revoke")
    book.act("withdrawn", act="withdraw", ground="fraud")
    book.act("withdrawn_later", act="withdraw", effective_on=(today - 3 * DAY).isoformat())
    book.act("recalled", act="recall")
    book.act("cancelled", act="cancel", ground="request")
    book.act("cancelled_back", act="cancel", ground="death", right_ended_on=(today - 4 * DAY).isoformat())
    ended = book.act("reinstated", act="cancel", ground="request", right_ended_on=(today - 5 * DAY).isoformat())
    book.act("reinstated", act="reinstate", target=ended["sequence"])
    revoked = book.act("reversed", act="revoke", effective_on=(today - 5 * DAY).isoformat())
    book.act("reversed", act="reverse", target=revoked["sequence"], effective_on=(today - 5 * DAY).isoformat())
    measure = book.act("stayed", act="suspend", suspension=suspension(today - 2 * DAY))
    book.act("stayed", act="stay", target=measure["sequence"], until=(today + 3 * DAY).isoformat())
    halted = book.act("lifted", act="suspend", suspension=suspension(today - 5 * DAY))
    book.act("lifted", act="lift", target=halted["sequence"])
    book.act("lost", act="report_lost")
    book.act("found", act="report_lost")
    book.act("found", act="report_found")
    book.act("replaced", act="report_lost")
    book.act("replaced", act="replace", reason="damaged")
    book.act("corrected", act="correct", face={"address": "示例省蜀安市青溪区和平巷5号"}, reason_text="门牌有误")
    book.act("voided", act="replace", reason="damaged")
    book.act("voided", act="void", version=2)
    for name, hours, result in (("trained", 24, "pass"), ("failed", 24, "fail")):
        facts = {
            "period_start": "2024-06-20",
            "period_end": "2026-06-19",
            "hours": hours,
            "institution": "蜀安交通职业培训学校",
            "result": result,
            "date": "2026-05-30",
        }
        book.act(name, act="endorse", kind="continuing_education", facts=facts, external_ref=f"training-{name}")
    review = {
        "date": today.isoformat(),
        "result": "1",
        "next_due": (today + 100 * DAY).isoformat(),
        "mileage_km": 1000,
        "authority": "蜀安市青溪区交通运输局",
    }
    book.act("vehicle", VEHICLE, act="endorse", kind="annual_review", facts=review, external_ref="review-1")
    book.act("port", PORT, act="revoke")
    book.act("business", BUSINESS, act="revoke")


def asked(book: Book, name: str, way: str, version: int, day: int | None, known: str) -> Verdict:
    """Ask about one licence: `day` counts from the first one; "first" is what was known on the first day."""
    verifier, told = book.world.service.verifier, book.told[name]
    question = Question(valid_at=book.start + day * DAY if day is not None else None, known_at=book.known.get(known))
    issued = told.issued if version == 1 else told.newest
    content = told.files[version]
    ways: dict[str, Callable[[], Verdict]] = {
        "pair": lambda: verifier.by_pair(issued["number"], issued["check_code"], question),
        "wrong": lambda: verifier.by_pair(issued["number"], WRONG, question),
        "code": lambda: verifier.by_code(_digits(issued), question),
        "forged": lambda: verifier.by_code(_digits(issued)[:-1] + str((int(_digits(issued)[-1]) + 1) % 10), question),
        "file": lambda: verifier.by_document(content, question),
        "changed": lambda: verifier.by_document(_one_bit_off(content), question),
        "longer": lambda: verifier.by_document(content + b"\n%more\n", question),
        "cut": lambda: verifier.by_document(content[: len(content) // 2], question),
    }
    return ways[way]()


def _digits(issued: dict[str, Any]) -> str:
    return str(issued["verify_url"]).rpartition("/Q/1")[2]


def _one_bit_off(content: bytes) -> bytes:
    middle = len(content) // 2
    return content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :]


@dataclass(frozen=True)
class Case:
    """One line of the table."""

    licence: str
    way: str
    version: int
    day: int | None
    known: str
    overall: str
    answers: tuple[str, ...]


def table() -> list[Case]:
    """Read the table."""
    lines = [line for line in Path(__file__).with_name("verdict_cases.txt").read_text("utf-8").splitlines() if not line.startswith("#")][1:]
    rows = [[cell.strip() for cell in line.split("|")] for line in lines]
    return [
        Case(licence, way, int(version), None if day == "today" else int(day), known, overall, tuple(answers))
        for licence, way, version, day, known, overall, *answers in rows
    ]  # fmt: skip


CASES = table()


def named(case: Case) -> str:
    return f"{case.licence}-{case.way}-{case.version}-{case.day}-{case.known}"


@pytest.mark.rule("SH-01", "SH-02")
@pytest.mark.parametrize("case", CASES, ids=named)
def test_a_question_has_exactly_these_five_answers_in_both_languages(book: Book, case: Case) -> None:
    verdict = asked(book, case.licence, case.way, case.version, case.day, case.known)
    said = tuple(": ".join(filter(None, (verdict.answers[name].result.value, " ".join(verdict.answers[name].reasons)))) for name in QUESTIONS)

    assert verdict.overall.value == case.overall
    assert said == case.answers
    request = Request({"type": "http", "method": "GET", "path": "/", "headers": [], "query_string": b""})
    page = html.unescape(bytes(pages.verdict(request, verdict, HEADERS, "pair", {}).body).decode())
    ahead = verdict.valid_at > beijing_day(verdict.checked_at)
    headline = (AHEAD if ahead else THEN)[case.overall] if pages.of_another_time(verdict) else HEADLINES[case.overall]
    for words in (headline, *(RESULTS[one.result.value] for one in verdict.answers.values())):
        assert all(word.format(day=verdict.valid_at) in page for word in words)
    for code in {code for one in verdict.answers.values() for code in one.reasons}:
        assert all(words in page for words in REASONS[code])


def test_the_table_is_large_and_holds_every_word_and_every_result() -> None:
    assert len(CASES) >= 60
    assert len(set(map(named, CASES))) == len(CASES)
    assert {case.overall for case in CASES} == set(HEADLINES)
    for place, _ in enumerate(QUESTIONS[:4]):
        assert {"yes", "no"} <= {case.answers[place].partition(":")[0] for case in CASES}
