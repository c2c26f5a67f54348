"""Lending in the wallet (授权用证): the form, the code to hand over, what is lent and who opened it, taking it back, the copy (DOMAIN SH-12)."""

import secrets
from collections.abc import Mapping, Sequence
from typing import Annotated, Any

from fastapi import APIRouter, Query
from fastapi.responses import RedirectResponse, Response

from licence_service.document.code import drawn
from licence_service.errors import FaceRejected, Fault, NotInRegister, Refusal, RequestRejected, Unavailable
from licence_service.holding import LEND
from licence_service.lending import MOST_USES, MOST_WORDS, lendable_of
from licence_service.store.clients import PLATFORM
from licence_service.store.lendings import EXPIRED, LIVING, REVOKED, USED_UP, Lending
from licence_service.store.reads import LENT, Read
from licence_service.store.record import Record
from licence_service.web import pages
from licence_service.web.desk.controls import INTEGER, Control, elsewhere, said_of
from licence_service.web.holding import telling
from licence_service.web.holding.lending import LendingId
from licence_service.web.issuing import LicenceId
from licence_service.web.looking import in_beijing
from licence_service.web.private import PRIVATE
from licence_service.web.problems import STATUS
from licence_service.web.sent import Sent
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet
from licence_service.wording import STANDINGS

router = APIRouter(prefix=f"{HOME}/cards/{{licence_id}}", include_in_schema=False)
TERMS = ((60, "1 小时", "1 hour"), (24 * 60, "1 天", "1 day"), (7 * 24 * 60, "7 天", "7 days"), (30 * 24 * 60, "30 天", "30 days"))
_USUAL = {"uses": "1", "minutes": str(24 * 60), "copy": False}
_A_PAGE, _OPENINGS = 20, 5
_SHAPES = {LIVING: "valid", REVOKED: "not_valid", EXPIRED: "cannot_decide", USED_UP: "cannot_decide"}
_RULES = {  # why a copy cannot be made; the refusal itself says more
    "SH-12": "不能制作加注件，可以不要加注件再授权",
    "SE-01": "发证机关现不能为此类证照用章，不能制作加注件",
}
PageNo = Annotated[int, Query(ge=1, le=10_000)]


@router.get("/lend")
def form(wallet: AtWallet, licence_id: LicenceId) -> Response:
    """Show the form: what names a licence is chosen, nothing else."""
    record = _card(wallet, licence_id)
    licence, template = telling.licence_of(wallet.service, record)
    obvious = {template.holder_name, template.number.field, template.term.end}
    chosen = [name for name in lendable_of(template, licence.current.face) if name in obvious]
    return _form(wallet, record, {**_USUAL, "fields": chosen}, ())


@router.post("/lendings")
def lend(wallet: AtWallet, sent: TheForm, licence_id: LicenceId) -> Response:
    """Lend the card and show its code; what is wrong is said at its field, and nothing that was typed is lost.

    The same press of the button twice is one lending; a form that was changed afterwards is another request, under a key of its own.
    """
    record, body, key = _card(wallet, licence_id), _body(sent), sent.request_key("wallet")
    try:
        lending, code = wallet.service.shown.lending.lend(wallet.holding, licence_id, body, key)
    except (RequestRejected, FaceRejected) as wrong:
        return _form(wallet, record, body, wrong.faults, wrong)
    except NotInRegister:
        raise
    except Refusal as refusal:
        return _form(wallet, record, body, (), refusal)
    except Unavailable as silent:
        return _form(wallet, record, body, (), silent, key=key.removeprefix("wallet-"))  # the next press goes on with what was begun
    address = f"{wallet.service.settings.public_url.rstrip('/')}/L/{code}"
    grouped = " ".join(code[place : place + 4] for place in range(0, len(code), 4))
    answer = wallet.page(
        "lent_code.html", 201, licence_id=licence_id, code=grouped, address=address, picture=drawn(address), one=_told(wallet, record, lending, ())
    )
    answer.headers.update(PRIVATE)
    return answer


@router.get("/lendings")
def listed(wallet: AtWallet, licence_id: LicenceId, page: PageNo = 1) -> Response:
    """Show what is lent of a card, newest first, with who opened it and when; never a code."""
    record, office = _card(wallet, licence_id), wallet.service.shown.lending
    found = office.of(wallet.holding, licence_id, _A_PAGE + 1, (page - 1) * _A_PAGE)
    openings = wallet.service.shown.reads.of_lendings([one.lending_id for one in found[:_A_PAGE]], _OPENINGS)
    told = [_told(wallet, record, one, openings[one.lending_id]) for one in found[:_A_PAGE]]
    further = page + 1 if len(found) > _A_PAGE else None
    return wallet.page("lendings.html", licence_id=licence_id, title=_title(wallet, record), lendings=told, page_no=page, further=further)


@router.get("/lendings/{lending_id}/take-back")
def ask(wallet: AtWallet, licence_id: LicenceId, lending_id: LendingId) -> Response:
    """Ask whether the lending is to be taken back."""
    lending = wallet.service.shown.lending.mine(wallet.holding, licence_id, lending_id)
    record = _card(wallet, licence_id)
    return wallet.page("lending_back.html", licence_id=licence_id, one=_told(wallet, record, lending, ()))


@router.post("/lendings/{lending_id}/take-back")
def take_back(wallet: AtWallet, _sent: TheForm, licence_id: LicenceId, lending_id: LendingId) -> Response:
    """Take a lending back: code and copy are over from this moment on."""
    wallet.service.shown.lending.revoke(wallet.holding, licence_id, lending_id)
    return RedirectResponse(f"{HOME}/cards/{licence_id}/lendings", status_code=303, headers=PRIVATE)


@router.get("/lendings/{lending_id}/copy")
def copy(wallet: AtWallet, licence_id: LicenceId, lending_id: LendingId) -> Response:
    """Return the annotated copy, while the lending lives."""
    content = wallet.service.shown.lending.copy(wallet.holding, licence_id, lending_id)
    headers = {**PRIVATE, "Content-Disposition": f'attachment; filename="copy-{lending_id}.pdf"'}
    return Response(content, media_type="application/pdf", headers=headers)


def _card(wallet: Wallet, licence_id: str) -> Record:
    return wallet.service.holder_desk.cards.card(wallet.holding, licence_id, LEND)


def _title(wallet: Wallet, record: Record) -> Any:  # noqa: ANN401 - two words
    return telling.licence_of(wallet.service, record)[1].title


def _body(sent: Sent) -> dict[str, Any]:
    """Return what was typed as a request says it; what is empty is left out."""
    typed: dict[str, Any] = {name: sent.text(name) for name in ("receiver", "purpose", "client", "uses", "minutes")}
    numbers = {name: int(typed[name]) for name in ("uses", "minutes") if INTEGER.fullmatch(typed[name])}
    said = {name: value for name, value in {**typed, **numbers}.items() if value != ""}
    return {**said, "fields": sent.texts.get("fields", []), "copy": sent.text("copy") == "yes"}


def _form(
    wallet: Wallet, record: Record, body: Mapping[str, Any], faults: Sequence[Fault], refusal: Refusal | Unavailable | None = None, key: str = ""
) -> Response:
    """Draw the form with what was typed and what is wrong with it."""
    licence, template = telling.licence_of(wallet.service, record)
    fields = [(name, template.fields[name]) for name in lendable_of(template, licence.current.face)]
    platforms = [
        (one.name, telling.organ(wallet.service, one.department)["zh"])
        for one in wallet.service.clients.all()
        if one.kind == PLATFORM and not one.off and one.may_touch(record.type)
    ]
    controls = {
        "receiver": Control(
            "receiver", "text", "接收方", "Receiver", body.get("receiver", ""), required=True, most=MOST_WORDS,
            hint=("对方打开时须填写同一名称", "who opens it states this name"), faults=said_of(faults, "receiver"),
        ),
        "purpose": Control("purpose", "text", "用途", "Purpose", body.get("purpose", ""), required=True, most=MOST_WORDS, faults=said_of(faults, "purpose")),
        "uses": Control(
            "uses", "number", "可查看次数", "Times it may be read", body.get("uses", ""), required=True, most=5,
            hint=(f"1 至 {MOST_USES} 次", f"1 to {MOST_USES}"), faults=said_of(faults, "uses"),
        ),
    }  # fmt: skip
    at = {name: said_of(faults, name) for name in ("fields", "minutes", "client")}
    others = [one for one in elsewhere(faults, controls.values()) if all(one not in said for said in at.values())]
    answer = wallet.page(
        "lend.html", STATUS[type(refusal)] if refusal else 200, licence_id=record.licence_id, title=template.title, controls=controls, fields=fields, body=body,
        key=key or secrets.token_hex(16), terms=TERMS, platforms=platforms, at=at, others=others, count=len(faults), refusal=_said(refusal),
    )  # fmt: skip
    answer.headers.update(PRIVATE)
    return answer


def _said(refusal: Refusal | Unavailable | None) -> tuple[str, str] | None:
    """Return the words of a refusal: Chinese, and its own English."""
    if refusal is None:
        return None
    words = _RULES.get(refusal.facts.get("rule", "")) if isinstance(refusal, Refusal) else None
    return words or pages.WALLET_REFUSALS.get(refusal.slug, "暂时无法办理，请稍后再试"), refusal.detail


def _told(wallet: Wallet, record: Record, one: Lending, openings: Sequence[Read]) -> dict[str, Any]:
    """Return a lending as its holder reads it; it is `living` while there is a code or a copy to take back."""
    now = wallet.service.now()
    standing, copy_lives = one.standing(now), one.copy is not None and one.standing_of_copy(now) == LIVING
    fields = telling.licence_of(wallet.service, record)[1].fields
    return {
        "lending_id": one.lending_id, "standing": standing, "words": STANDINGS[standing], "shape": _SHAPES[standing], "receiver": one.receiver,
        "purpose": one.purpose, "uses": one.uses, "used": one.used, "left": max(0, one.uses - one.used), "until": in_beijing(one.until)[:-3],
        "made": in_beijing(one.made_at)[:-3], "copy": one.copy is not None, "living": standing == LIVING or copy_lives,
        "copy_only": copy_lives and standing != LIVING, "platform": _organisation(wallet, one.client) if one.client else None,
        "fields": [(fields[name].label, fields[name].label_en) for name in one.fields if name in fields],
        "openings": [
            {"at": in_beijing(each.at)[:-3], "read": each.way == LENT, "platform": _organisation(wallet, each.client) if each.client else None}
            for each in openings
        ],
    }  # fmt: skip


def _organisation(wallet: Wallet, name: str) -> str:
    """Return who runs a platform; its name where it is no client any more."""
    client = wallet.service.clients.named(name)
    return str(telling.organ(wallet.service, client.department)["zh"]) if client else name
