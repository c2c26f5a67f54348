"""The public's pages: Chinese first, with English, without scripts (DOMAIN SH-16)."""

import re
from collections.abc import Mapping, Sequence
from functools import cache
from http import HTTPStatus
from importlib import resources
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from licence_service.history.words import STATES
from licence_service.licence import BEIJING
from licence_service.verdict import Result, Verdict, in_words

POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

HEADLINES = {
    "valid": ("有效", "Valid"),
    "valid_conditions_unmet": ("有效，但有条件未满足", "Valid, but a condition is not met"),
    "not_valid": ("无效", "Not valid"),
    "cannot_decide": ("无法判定", "Cannot be decided"),
}
QUESTIONS = {
    "authentic": ("真实性", "Authentic"),
    "current": ("现行版本", "Current document"),
    "in_force": ("证照效力", "Right in force"),
    "conditions": ("条件", "Conditions"),
    "shown": ("持证人出示", "Shown by the holder"),
}
CHECKS = {
    "register": ("登记", "In the register"),
    "seal": ("签名", "Seal or signature"),
    "document": ("文件", "This document"),
    "version": ("版本", "Version"),
    "right": ("效力", "State of the right"),
    "dates": ("期限", "Dates"),
    "conditions": ("条件", "Conditions"),
    "showing": ("出示", "Shown by the holder"),
}
RESULTS = {
    "yes": ("是", "yes"),
    "no": ("否", "no"),
    "unknown": ("不确定", "unknown"),
    "not_asked": ("未核对", "not asked"),
}
REFUSALS = {
    "request-rejected": "所填内容不完整或格式不符",
    "not-in-register": "登记簿中没有相符的文件",
    "too-many-failures": "错误次数过多，请稍后再试",
    "body-too-large": "文件过大",
    "wrong-media-type": "只接受 PDF 文件",
    "no-such-address": "没有这个页面",
    "wrong-method": "该地址不接受这种访问方式",
    "bug": "系统出错，请稍后再试",
}
STYLE = "style.css"
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")


@cache
def _environment() -> Environment:
    return Environment(
        loader=PackageLoader("licence_service.web", "html"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip


@cache
def style() -> bytes:
    """Return the one style sheet."""
    return resources.files("licence_service.web").joinpath("html", STYLE).read_bytes()


def wants_html(request: Request) -> bool:
    """Say whether the asker prefers a page: a browser names text/html before JSON; a program names neither or JSON."""
    accepted: dict[str, float] = {}
    for part in request.headers.get("accept", "").split(","):
        kind, _, quality = part.replace(" ", "").lower().partition(";q=")
        accepted.setdefault(kind.partition(";")[0], _quality(quality))
    page, data = accepted.get("text/html", 0.0), accepted.get("application/json", 0.0)
    first = list(accepted)
    return page > data or (page == data > 0 and first.index("text/html") < first.index("application/json"))


def _quality(text: str) -> float:
    """Return a weight (RFC 9110 §12.4.2); one that is none counts as 1."""
    return float(text) if _QUALITY.fullmatch(text) else 1.0


def page(name: str, status: int = 200, headers: Mapping[str, str] | None = None, **values: Any) -> Response:  # noqa: ANN401
    """Draw a template of this folder with its values."""
    content = _environment().get_template(name).render(**values)
    return HTMLResponse(content, status_code=status, headers={**(headers or {}), **HEADERS})


def home(_request: Request) -> Response:
    """Show the forms."""
    return page("home.html")


def refusal(status: int, slug: str, title: str, faults: Sequence[Mapping[str, str]], headers: Mapping[str, str]) -> Response:
    """Show a refusal to a person at a browser."""
    otherwise = "暂时无法答复，请稍后再试" if status == HTTPStatus.SERVICE_UNAVAILABLE else "无法办理"
    return page("refusal.html", status=status, headers=headers, title=title, zh=REFUSALS.get(slug, otherwise), faults=faults)


def verdict(_request: Request, found: Verdict, headers: Mapping[str, str]) -> Response:
    """Show a verdict: first and large whether the licence is in force, then each check with its reason."""
    licence = found.licence
    state = STATES.get(licence["state"]) if licence else None
    specimen = bool(licence and licence["specimen"])
    return page(
        "verdict.html", headers=headers, overall=found.overall.value, headline=HEADLINES[found.overall.value], state=state, licence=licence,
        specimen=specimen, checked_at=found.checked_at.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"),
        valid_at=found.valid_at.isoformat(), head=found.head[0],
        answers=[
            {"name": name, "label": QUESTIONS[name], "result": one.result.value, "word": RESULTS[one.result.value], "reasons": in_words(one.reasons)}
            for name, one in found.answers.items()
        ],
        checks=[
            {"no": one.no, "label": CHECKS[one.name], "result": one.result.value, "word": RESULTS[one.result.value], "reasons": in_words(one.reasons)}
            for one in found.checks if one.result is not Result.NOT_ASKED or one.reasons
        ],
    )  # fmt: skip
