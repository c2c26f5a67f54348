"""The OpenAPI document with its examples: they are data, sent one after the other by a test, and the answers are those that came."""

import json
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

from fastapi import FastAPI

_BODIES = {"json": "application/json", "form": "application/x-www-form-urlencoded", "parts": "multipart/form-data"}


def document_of(app: FastAPI) -> Callable[[], dict[str, Any]]:
    """Return what makes the document of an application, once, in place of the application's own."""
    made = app.openapi

    def document() -> dict[str, Any]:
        if app.openapi_schema is None:
            examples = json.loads((files("licence_service.web") / "examples.json").read_text("utf-8"))
            whole = made()
            for step in examples["steps"]:
                method, path = step["operation"].split(" ")
                _exemplify(whole["paths"][path][method.lower()], step)
        return made()

    return document


def _exemplify(operation: dict[str, Any], step: Mapping[str, Any]) -> None:
    """Put one step of the story into its operation; of several on the same operation each stands with the request, the first with the answer."""
    said = {**step.get("path", {}), **step.get("query", {}), **step.get("headers", {})}
    for parameter in operation.get("parameters", ()):
        if parameter["name"] in said:
            parameter.setdefault("example", said[parameter["name"]])
    for key, kind in _BODIES.items():
        if key in step:
            title = step.get("title", operation["summary"])
            content = operation["requestBody"]["content"][kind]
            content.setdefault("examples", {})[f"example-{len(content.get('examples', ())) + 1}"] = {"summary": title, "value": step[key]}
    if "answer" in step:
        operation["responses"][str(step["status"])]["content"]["application/json"].setdefault("example", step["answer"])
