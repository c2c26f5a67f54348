"""The OpenAPI document reads like documentation, and its examples run: each is sent to the service and its answer held against the document."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from tests.examples import FILE as EXAMPLES
from tests.examples import Story, a_story_world, cut, found_at, read, steps, written
from tests.promised import Promises
from tests.world import World

WITHOUT_ANSWER = frozenset(  # what is signed, drawn or streamed is shown by its own tests
    f"application/{kind}" for kind in ("pdf", "cose", "jose", "x-ndjson", "statuslist+jwt", "statuslist+cwt")
) | {"text/calendar", "text/csv", "text/html", "image/jpeg"}


@pytest.fixture
def told(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    """A world whose webhooks may go to this machine."""
    with a_story_world(tmp_path / "world", demo_keys) as world:
        yield world


def operations(world: World) -> dict[str, dict[str, Any]]:
    """Return every operation of the document by method and path."""
    document = world.http.get("/openapi.json").json()
    return {f"{method.upper()} {path}": one for path, those in document["paths"].items() for method, one in those.items()}


def test_every_example_is_sent_and_answered_as_the_document_says(told: World) -> None:
    conforms, story = Promises(told), Story(told, read()["names"])
    document = operations(told)
    for step, answer in steps(story, read()):
        assert answer.status_code == step["status"], (step["operation"], answer.status_code, answer.text)
        path = step["operation"].partition(" ")[2]
        content = document[step["operation"]]["responses"][str(step["status"])].get("content", {})
        kind = answer.headers.get("content-type", "").partition(";")[0]
        assert step["status"] == 204 or kind in content, step["operation"]
        if kind == "application/json":
            conforms(path, answer)
            assert shape_of(cut(answer.json())) == shape_of(step["answer"]), step["operation"]  # as it stands in the document
    assert set(document) == {step["operation"] for step in read()["steps"]}


def shape_of(value: Any) -> Any:
    """Return the keys of an answer, whatever its values; lists by their first item."""
    if isinstance(value, dict):
        return {name: shape_of(one) for name, one in value.items()}
    return [shape_of(one) for one in value[:1]] if isinstance(value, list) else None


def test_every_operation_says_what_it_does_and_shows_it(world: World) -> None:
    for name, one in operations(world).items():
        assert one.get("summary"), name
        assert len(one.get("description", "")) > 20, name
        assert one.get("tags"), name
        for parameter in one.get("parameters", ()):
            assert not parameter.get("required") or "example" in parameter, (name, parameter["name"])
        for kind, content in one.get("requestBody", {}).get("content", {}).items():
            others = one["requestBody"]["content"]  # one example is enough where the same is sent as JSON or as a form
            shown = any("examples" in each for each in others.values())
            assert shown or kind == "application/pdf" or "application/pdf" in others, (name, kind)
            for each in content.get("examples", {}).values():
                jsonschema.validate(each["value"], content["schema"])
        good = {status: answer for status, answer in one["responses"].items() if status.startswith("2") and answer.get("content")}
        shown_answers = [content for answer in good.values() for content in answer["content"].values() if "example" in content]
        kinds = {kind for answer in good.values() for kind in answer["content"]}
        assert shown_answers or not good or kinds <= WITHOUT_ANSWER, name
        for content in shown_answers:
            jsonschema.validate(content["example"], content["schema"])


def test_no_answer_is_without_a_shape(world: World) -> None:
    for name, one in operations(world).items():
        for status, answer in one["responses"].items():
            for kind, content in answer.get("content", {}).items():
                schema = content.get("schema", {})
                assert all(each.get("properties") or each.get("type") not in {None, "object"} for each in schema.get("oneOf", [schema])), (
                    name,
                    status,
                    kind,
                )


def test_nothing_in_the_document_is_a_secret_that_was_given(told: World) -> None:
    story = Story(told, read()["names"])
    for _ in steps(story, read()):
        continue
    text = told.http.get("/openapi.json").text
    assert len(story.real) > 12
    assert not [name for name, real in story.real.items() if real in text]


def test_the_file_is_as_the_program_writes_it() -> None:
    assert EXAMPLES.read_text("utf-8") == written(read())


def test_a_place_in_an_answer_is_found() -> None:
    answer = {"licences": [{"id": "a"}, {"id": "b"}], "url": "HTTPS://HOST/Q/1234"}
    assert (found_at(answer, "licences.1.id"), found_at(answer, "url/")) == ("b", "1234")
