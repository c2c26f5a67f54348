"""What the public may not see is not in any answer, header, page, error or log line; and what does not exist looks like what does not match."""

import random
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
import structlog
from structlog.testing import LogCapture

from licence_service.fields import Asker, Field, Shown
from licence_service.store.clients import EVERY_TYPE, OFFICER, Client
from licence_service.template import Template
from tests.world import DRIVER, NOW, World, a_world, own_templates

BROWSER = {"Accept": "text/html"}
WRONG = "0123456789AB"
HIDDEN = frozenset({Shown.NONE, Shown.MASKED, Shown.MATCH})
SHORTEST = 6  # characters of a value that stands nowhere by chance
PLANTED = "匿藏"


@dataclass
class Planted:
    """A licence with values that nobody outside may read, and every answer that came of asking about it."""

    slug: str
    issued: dict[str, Any]
    secrets: dict[str, str]
    said: list[tuple[str, bytes, frozenset[str]]] = field(default_factory=list)

    def keep(self, place: str, answer: Any, own: frozenset[str] = frozenset()) -> Any:
        """Keep an answer as it went over the line: status line aside, every header and every byte.

        `own` are values that a page may hold for its next form, since the asker himself just typed them: number and check code.
        """
        headers = "\n".join(f"{name}: {value}" for name, value in answer.headers.items())
        self.said.append((place, headers.encode() + b"\n\n" + answer.content, own))
        return answer

    def leaks(self) -> list[tuple[str, str]]:
        """Return where a value stands that may not: (place, name of the field)."""
        return [
            (place, key)
            for place, content, own in self.said
            for key, secret in self.secrets.items()
            if secret not in own and secret.encode() in content
        ]


def planted_face(template: Template, face: dict[str, Any]) -> dict[str, Any]:
    """Return changes that put a value of its own into every free text that the public may not read."""
    planted = {}
    for number, (name, declared) in enumerate(template.fields.items()):
        free = declared.type in {"string", "text"} and not (declared.pattern or declared.repeats or declared.code_table)
        if free and name in face and hidden(declared) and name != template.number.field:
            planted[name] = f"{PLANTED}{number:02d}值{template.index:02d}"[
                : max(len(str(face[name])), 4)
            ]  # as long as the sample's, or it may not fit
    return planted


def hidden(declared: Field) -> bool:
    """Say whether the public sees less than all of a field."""
    return declared.disclose.get(Asker.PUBLIC, Shown.NONE) in HIDDEN


def plant(world: World, slug: str) -> Planted:
    """Issue a type with planted values and endorse it with a planted penalty where it takes one."""
    template = own_templates().editions[slug][-1]
    request = world.request(slug)
    changed = planted_face(template, request["face"])
    issued = world.issue(
        slug, f"planted-{slug}"[:80], face=changed, decision={**request["decision"], "officer": f"{PLANTED}承办{template.index:02d}"}
    )
    face = {**request["face"], **changed}
    secrets = {name: str(face[name]) for name, declared in template.fields.items() if hidden(declared) and len(str(face.get(name, ""))) >= SHORTEST}
    secrets["officer"] = f"{PLANTED}承办{template.index:02d}"
    secrets |= {name: issued[name] for name in ("check_code", "delivery_code")}
    if "violation" in template.endorsements:
        facts = {
            "date": NOW.date().isoformat(), "decision_no": f"{PLANTED}罚{template.index:02d}号", "act": f"{PLANTED}行为{template.index:02d}",
            "penalty": f"{PLANTED}处罚{template.index:02d}", "points": 3, "authority": f"{PLANTED}大队{template.index:02d}",
        }  # fmt: skip
        body = {"act": "endorse", "kind": "violation", "facts": facts, "external_ref": f"v-{slug}"}
        done = world.act(slug, issued["licence_id"], body, f"planted-violation-{slug}"[:80])
        assert done.status_code == 201, done.text
        issued = {**issued, **{name: one for name, one in done.json().items() if name in {"check_code", "verify_url"}}}
        secrets |= {f"violation.{name}": str(one) for name, one in facts.items() if isinstance(one, str) and PLANTED in one}
    return Planted(slug, issued, secrets)


def ask_everything(world: World, one: Planted) -> None:
    """Ask every public address about a licence, rightly and wrongly, as a program and as a browser."""
    http, number, code = world.http, one.issued["number"], one.issued["check_code"]
    digits = one.issued["verify_url"].rpartition("/Q/1")[2]
    wrong_digits = digits[:-4] + "0000"
    name = next((value for key, value in one.secrets.items() if key.endswith("_name")), "王无此")
    for accept in ({}, BROWSER):
        for path in (f"/Q/1{digits}", f"/Q/1{wrong_digits}", "/", "/report-site", "/notes", "/officer", f"/S/{code}", "/nowhere"):
            one.keep(path.split("/")[1], http.get(path, headers=accept))
        for path in ("/verify", "/verify/history"):
            for body in ({"number": number, "check_code": code}, {"number": number, "check_code": WRONG}, {"number": number}, {number: code}):
                typed = frozenset(body.values()) if body.keys() == {"number", "check_code"} else frozenset()
                one.keep(path, http.post(path, json=body, headers=accept), typed)
        for body in (
            {"number": number, "check_code": code, "name": name, "tail": "0000"},
            {"code": digits, "tail": name},
            {"number": number, "name": name},
        ):
            one.keep("/verify/match", http.post("/verify/match", json=body, headers=accept))
        for path, body in (
            ("/download", {"delivery_code": name}), ("/notes", {"note_code": name}), ("/report-site", {"address": name, "remark": name}),
            ("/officer/look", {"by": "id", "value": name, "token": name}), ("/licences/search", {"field": "holder", "value": name}),
        ):  # fmt: skip
            one.keep(path, http.post(path, data=body, headers=accept))
        one.keep("/verify/document", http.post("/verify/document", content=name.encode(), headers={**accept, "Content-Type": "application/pdf"}))
        for past in ("", "&valid_at=2026-11-28", "&known_at=2026-11-28T23:00:00%2B08:00"):
            one.keep("receipt", http.get(f"/Q/1{digits}?receipt=cose{past}", headers=accept))
        one.keep("/verify", http.post("/verify", json={"number": number, "check_code": code, "receipt": "cose"}, headers=accept))
        for path in ("/status", "/offline/bundle", "/offline/keeper", "/metrics"):
            one.keep(path, http.get(path, headers=accept))
        one.keep("/licences", http.get(f"/licences/{one.issued['licence_id']}", headers=accept))


@pytest.fixture
def logged() -> Iterator[LogCapture]:
    """Every log line that the application writes, whole."""
    capture = LogCapture()
    before = structlog.get_config()["processors"]
    structlog.configure(processors=[capture])
    yield capture
    structlog.configure(processors=before)


@pytest.mark.rule("EN-13", "SH-09")
def test_no_undisclosed_value_is_in_any_answer_header_page_error_or_log_line(
    tmp_path: Path, demo_keys: Path, logged: LogCapture, caplog: pytest.LogCaptureFixture
) -> None:
    with a_world(tmp_path, demo_keys, failures_before_slowing=10**6) as world:
        asked = [plant(world, slug) for slug in own_templates().slugs]
        while world.service.follower.follow():
            pass
        for one in asked:
            ask_everything(world, one)
    receipts = [content for one in asked for place, content, _ in one.said if place == "receipt" and b"application/cose" in content]
    assert len(receipts) >= 2 * len(asked)
    assert len(asked) == 23
    every = {secret for one in asked for secret in one.secrets.values()}
    assert sum(PLANTED in secret for secret in every) > 60  # a fuzz that plants nothing finds nothing
    for one in asked:
        assert len(one.said) > 40
        assert one.leaks() == [], one.slug
        assert [place for place, content, _ in one.said if PLANTED.encode() in content] == [], one.slug
    lines = str(logged.entries) + caplog.text
    assert "/verify" in lines
    assert [secret for secret in every if secret in lines] == []


def test_the_document_and_its_altered_copy_tell_the_public_no_more(tmp_path: Path, demo_keys: Path) -> None:
    with a_world(tmp_path, demo_keys) as world:
        one = plant(world, DRIVER)
        document = world.http.post("/download", json={"delivery_code": one.issued["delivery_code"]}).content
        for content in (document, document[:-400], document + b"%%EOF"):
            for accept in ({}, BROWSER):
                one.keep(
                    "/verify/document", world.http.post("/verify/document", content=content, headers={**accept, "Content-Type": "application/pdf"})
                )
    assert one.leaks() == []


# -- what does not exist -------------------------------------------------------------------------------------

SHUFFLES, SAME = 200, 0.15


def cpu_of(world: World, path: str, body: dict[str, Any]) -> tuple[float, int, bytes]:
    """Return the CPU time of one call with its status and bytes."""
    begun = time.process_time()
    answer = world.http.post(path, json=body)
    return time.process_time() - begun, answer.status_code, answer.content


def told_apart(one: list[float], other: list[float]) -> tuple[float, float]:
    """Return how far the medians lie apart, and how far they do when the labels are drawn by lot: the highest of many draws."""
    drawn, both, chance = random.Random(1), [*one, *other], []
    for _ in range(SHUFFLES):
        drawn.shuffle(both)
        chance.append(abs(statistics.median(both[: len(one)]) - statistics.median(both[len(one) :])))
    return abs(statistics.median(one) - statistics.median(other)), max(chance)


@pytest.mark.parametrize("path", ["/verify", "/verify/match"])
@pytest.mark.parametrize("calls", [200, pytest.param(2000, marks=pytest.mark.long)])
def test_a_wrong_code_and_an_unknown_number_cannot_be_told_apart(tmp_path: Path, demo_keys: Path, path: str, calls: int) -> None:
    """Same status, same bytes, and no more CPU between the medians than lots drawn over the same calls leave, or 15 % of one call."""
    with a_world(tmp_path, demo_keys, failures_before_slowing=10**9) as world:
        issued = world.issue(DRIVER)
        world.service.clients.add(Client("police", "11519900MB9900099X", (EVERY_TYPE,), 10, OFFICER), NOW)
        wrong = {"number": issued["number"], "check_code": WRONG, "name": "王无此"}
        unknown = {"number": "519902198506129999", "check_code": WRONG, "name": "王无此"}
        times: dict[bool, list[float]] = {True: [], False: []}
        answers: set[tuple[int, bytes]] = set()
        order = [True, False] * (calls // 2)
        random.Random(7).shuffle(order)
        for there in order:
            if path == "/verify/match":
                world.service.failures._held.clear()  # tries are slowed for both alike; here only the answers count
            seconds, status, content = cpu_of(world, path, wrong if there else unknown)
            times[there].append(seconds)
            answers.add((status, content))

    assert len(answers) == 1
    assert next(iter(answers))[0] == 200
    apart, by_chance = told_apart(times[True], times[False])
    assert apart <= max(by_chance, SAME * statistics.median(times[False])), (apart, by_chance)
