"""The public's pages: Chinese first, with English, without scripts (DOMAIN SH-16)."""

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from http import HTTPStatus
from importlib import resources
from pathlib import Path
from typing import Any

from fastapi import Request
from fastapi.responses import HTMLResponse, Response
from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape

from licence_service.history.words import STATES
from licence_service.licence import BEIJING, beijing_day
from licence_service.parcels import COMPONENTS
from licence_service.verdict import Result, Verdict, in_words, source_json
from licence_service.web.desk_words import DESK_REFUSALS, fault_words
from licence_service.wording import CHECKS, HEADLINES, QUESTIONS, RESULTS, SOURCES, STANDINGS, dated, not_now

POLICY = "default-src 'none'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
# Of a page whose own script asks for more while somebody looks at it or types.
LIVE = (
    "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'"
)
HEADERS = {"Content-Security-Policy": POLICY, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer", "Cache-Control": "no-store"}

REFUSALS = {
    "request-rejected": "所填内容不完整或格式不符",
    "not-in-register": "登记簿中没有相符的文件",
    "too-many-failures": "错误次数过多，请稍后再试",
    "body-too-large": "文件过大",
    "wrong-media-type": "不接受这种文件或内容",
    "access-refused": "无法确认查询方身份，请核对令牌",
    "not-granted": "该系统无权办理此事",
    "ceiling-reached": "本小时的查询数已达上限",
    "no-such-address": "没有这个页面",
    "wrong-method": "该地址不接受这种访问方式",
    "bug": "系统出错，请稍后再试",
}
WALLET_REFUSALS = {  # where a holder is told otherwise than the public
    "not-in-register": "您的证照夹里没有这份证照或记录",
    "access-refused": "登录未成功，请重新登录",
    "not-granted": "您没有办理此事的授权",
    "level-too-low": "请以更高的身份认证等级登录",
    "transition-refused": "证照目前的状态不能办理此事项",
    "ceiling-reached": "本小时办理数量已达上限，请稍后再试",
    "key-reused": "这份表单此前已办理过；内容已改动，确认无误后请再次提交",
}
_DESK, _WALLET = "/desk", "/wallet"
_FORMS = (
    "/officer",
    "/notes",
    "/verify/list",
    "/report-site",
    "/compliance",
)  # a refused form leads back to where it is filled in, other refusals home
STYLE = "style.css"
_FACES, _ADDRESS = re.compile(r"@font-face\{[^}]*\}"), re.compile(r"url\([^)]*\)")
_FONTS = '"PingFang SC","Noto Sans SC","Noto Sans CJK SC","Microsoft YaHei","Source Han Sans SC",system-ui,sans-serif'
_UNITS = ((86400, "天", "d"), (3600, "小时", "h"), (60, "分钟", "min"))
_QUALITY = re.compile(r"[01](\.[0-9]{0,3})?")


@cache
def _environment() -> Environment:
    made = Environment(
        loader=PackageLoader("licence_service.web", "html"), autoescape=select_autoescape(default=True), undefined=StrictUndefined,
        trim_blocks=True, lstrip_blocks=True,
    )  # fmt: skip
    made.globals["official_host"] = ""
    return made


@cache
def style() -> bytes:
    """Return our own style sheet, which comes after that of the components."""
    return resources.files("licence_service.web").joinpath("html", STYLE).read_bytes()


@cache
def script(name: str) -> bytes:
    """Return a script of this folder."""
    return resources.files("licence_service.web").joinpath("html", name).read_bytes()


@cache
def components(folder: Path) -> bytes:
    """Return the style sheet of the components from the cache, in the fonts that our readers have, without pictures or fonts of others.

    Where it was never fetched the pages are plain, and still whole.
    """
    found = (COMPONENTS.found(folder, "govuk-frontend.min.css") or b"").decode()
    return _ADDRESS.sub("none", _FACES.sub("", found)).replace("GDS Transport,arial,sans-serif", _FONTS).encode()


def name_host(host: str) -> None:
    """Print the one official host on every page: the commonest fraud is a code that leads elsewhere."""
    _environment().globals["official_host"] = host


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


def refusal(path: str, status: int, slug: str, title: str, faults: Sequence[Mapping[str, str]], headers: Mapping[str, str]) -> Response:
    """Show a refusal to a person at a browser, with the way back to the form that was refused; of `path` nothing is repeated."""
    back = next((form for form in _FORMS if path == form or path.startswith(f"{form}/")), "/")
    return page("refusal.html", status=status, headers=headers, title=title, zh=REFUSALS.get(slug, _otherwise(status)), faults=faults, back=back)


def is_desk(path: str) -> bool:
    """Say whether an address is one of the desk."""
    return path == _DESK or path.startswith(f"{_DESK}/")


def is_wallet(path: str) -> bool:
    """Say whether an address is one of the wallet."""
    return path == _WALLET or path.startswith(f"{_WALLET}/")


def desk_refusal(
    status: int, slug: str, title: str, faults: Sequence[Mapping[str, str]], headers: Mapping[str, str], around: Mapping[str, Any]
) -> Response:
    """Show a refusal at the desk, with what stands `around` every page of whoever is signed in."""
    said = [(one["path"], fault_words(one["code"]), one["message"]) for one in faults]
    words = DESK_REFUSALS.get(slug, _otherwise(status))
    return page("desk/refusal.html", status=status, headers=headers, **{"back": None, **around}, title=title, zh=words, faults=said)


def wallet_refusal(
    status: int, slug: str, title: str, faults: Sequence[Mapping[str, str]], headers: Mapping[str, str], around: Mapping[str, Any]
) -> Response:
    """Show a refusal in the wallet; where a higher identity level is wanted, `around` says which."""
    said = [(one["path"], fault_words(one["code"]), one["message"]) for one in faults]
    words = WALLET_REFUSALS.get(slug) or REFUSALS.get(slug) or _otherwise(status)
    shown = {"wanted": None, "level": None, **around}
    return page("wallet/refusal.html", status=status, headers=headers, **shown, title=title, zh=words, faults=said)


def _otherwise(status: int) -> str:
    return "暂时无法答复，请稍后再试" if status == HTTPStatus.SERVICE_UNAVAILABLE else "无法办理"


def of_another_time(found: Verdict) -> bool:
    """Say whether a verdict is about another day than that of its check, or about what was known before it.

    Such an answer is true and says nothing of today, so it must never look like the present verdict: anybody can print an address with
    `known_at` on a paper. What names no licence, because what was presented is not genuine, is the same at all times.
    """
    if found.licence is None and "not-known-then" not in found.answers["authentic"].reasons:
        return False
    return found.valid_at != beijing_day(found.checked_at) or found.known_at < found.checked_at


def present_of(found: Verdict) -> dict[str, Any]:
    """Return what stands beside an answer about another time: the verdict of now in one word, and the state of the licence."""
    state = found.licence["state"] if found.licence else None
    zh, en = HEADLINES[found.overall.value]
    return {"overall": found.overall.value, "zh": zh, "en": en, "state": state}


def _then(found: Verdict, present: Verdict | None) -> dict[str, Any] | None:
    """Return the words of an answer about another time and the present verdict beside it; None for an answer about now."""
    if not of_another_time(found):
        return None
    ahead = found.valid_at > beijing_day(found.checked_at)
    known = _beijing(found.known_at)[:-3] if found.known_at < found.checked_at else ""
    headline = not_now(dated(found.overall.value, found.valid_at.isoformat(), ahead=ahead), ahead=ahead, known=known)
    now = None
    if present is not None:
        short = present_of(present)
        now = {"overall": short["overall"], "headline": HEADLINES[short["overall"]], "state": STATES.get(short["state"])}
    return {"headline": headline, "now": now}


def verdict(
    _request: Request, found: Verdict, headers: Mapping[str, str], way: str, again: Mapping[str, str], present: Verdict | None = None
) -> Response:
    """Show a verdict: first and large whether the licence is in force, then each check with its reason, then what can be asked further.

    `way` is how it was asked, `again` what a form must send to ask the same for another day or as a receipt. An answer about another time
    says so in its headline, in a look of its own, with the `present` verdict beside it.
    """
    licence, then = found.licence, _then(found, present)
    state = STATES.get(licence["state"]) if licence else None
    specimen = bool(licence and licence["specimen"])
    known_at = _beijing(found.known_at)
    return page(
        "verdict.html", headers=headers, look="then" if then else found.overall.value, then=then, state=state, licence=licence, specimen=specimen,
        headline=then["headline"] if then else HEADLINES[found.overall.value], checked_at=_beijing(found.checked_at),
        valid_at=found.valid_at.isoformat(), known_day=known_at[:10] if found.known_at < found.checked_at else "",
        today=beijing_day(found.checked_at).isoformat(), head=found.head[0], way=way, again=again, comparison=found.comparison, host=found.host,
        lent=_lent(found.lent),
        sources=[
            {"words": SOURCES[name], "as_of": _beijing(as_of), "age": _age(source_json(name, as_of, found.checked_at)["age_seconds"])}
            for name, as_of in found.sources.items()
        ],
        answers=[
            {"name": name, "label": QUESTIONS[name], "result": one.result.value, "word": RESULTS[one.result.value], "reasons": in_words(one.reasons)}
            for name, one in found.answers.items()
        ],
        checks=[
            {"no": one.no, "label": CHECKS[one.name], "result": one.result.value, "word": RESULTS[one.result.value], "reasons": in_words(one.reasons)}
            for one in found.checks if one.result is not Result.NOT_ASKED or one.reasons
        ],
    )  # fmt: skip


def _lent(lent: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """Return what is said of an annotated copy, with the words for a lending that is over."""
    if lent is None:
        return None
    return {**lent, "until_beijing": _beijing(datetime.fromisoformat(lent["until"]))[:-3], "words": STANDINGS[lent["standing"]]}


def _beijing(instant: datetime) -> str:
    return f"{instant.astimezone(BEIJING):%Y-%m-%d %H:%M:%S}"


def _age(seconds: int) -> tuple[str, str]:
    """Return an age in its largest whole unit, Chinese and English."""
    for size, zh, en in _UNITS:
        if seconds >= size:
            return f"{seconds // size} {zh}前", f"{seconds // size} {en} old"
    return f"{seconds} 秒前", f"{seconds} s old"
