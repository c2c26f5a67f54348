"""A verdict as it was asked for: as JSON, as a page, or as a receipt – the signed statement, or its one page of PDF."""

from collections.abc import Callable
from dataclasses import replace
from typing import Annotated, Any

from fastapi import Query, Request
from fastapi.responses import JSONResponse, Response

from licence_service.errors import CeilingReached, Fault, RequestRejected
from licence_service.receipts import Presented, open_receipt
from licence_service.seal.tokens import Purpose
from licence_service.service import Service
from licence_service.store.failures import AN_HOUR
from licence_service.verdict import Verdict
from licence_service.verification import Question
from licence_service.web import pages
from licence_service.web.access import address_of

HEADERS = {"Cache-Control": "no-store", "Vary": "Accept", "Referrer-Policy": "no-referrer"}
STATEMENT, PAGE = "cose", "pdf"
MOST_RECEIPTS = 100  # an hour to one address: judging twice, signing and drawing are worth more than an answer
Receipt = Annotated[
    str | None,
    Query(
        description="`cose`: the verdict as a signed statement on a closed head; `pdf`: the same as one page; empty: none.", pattern="^(cose|pdf)?$"
    ),
]
_BINARY: dict[str, Any] = {"schema": {"type": "string", "format": "binary"}}
RECEIPT_CONTENT: dict[str, Any] = {"application/cose": _BINARY, "application/pdf": _BINARY}


def wanted_in(form: dict[str, Any], asked: str | None) -> str | None:
    """Return which receipt a form or an address asks for; "" is none, as an unticked form sends it."""
    said = form.get("receipt") or asked or None
    if said not in (None, STATEMENT, PAGE):  # what was sent may be a list, which no set can hold
        raise RequestRejected(faults=[Fault("receipt", "unknown-receipt", "`cose`, `pdf`, or nothing")])
    return str(said) if said else None


def told(
    request: Request,
    service: Service,
    question: Question,
    ask: Callable[[Question], Verdict],
    receipt: tuple[str | None, Presented],
    again: dict[str, str],
) -> tuple[Verdict, Response]:
    """Return a verdict and its answer; `again` is what the page needs to ask for the same once more."""
    wanted, presented = receipt
    if wanted is None:
        verdict = ask(question)
        present = ask(replace(question, valid_at=None, known_at=None)) if pages.of_another_time(verdict) else None
        if pages.wants_html(request):
            return verdict, pages.verdict(request, verdict, HEADERS, presented.way, again, present)
        beside = {"present": pages.present_of(present)} if present else {}
        return verdict, JSONResponse({**verdict.as_json(), **beside}, headers=HEADERS)
    if service.failures.count("receipt", address_of(request, service), service.now(), seconds=AN_HOUR) > MOST_RECEIPTS:
        raise CeilingReached(f"at most {MOST_RECEIPTS} receipts in an hour go to one address")
    verdict, message = service.receipts.signed(ask, question, presented)
    if wanted == STATEMENT:
        return verdict, _file(message, "application/cose", "receipt.cose")
    said = open_receipt(message, service.keyring.keys_for(Purpose.EVIDENCE)).said
    return verdict, _file(service.receipts.page(message, said), "application/pdf", "receipt.pdf")


def _file(content: bytes, kind: str, name: str) -> Response:
    return Response(content, media_type=kind, headers={**HEADERS, "Content-Disposition": f'attachment; filename="{name}"'})
