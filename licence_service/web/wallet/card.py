"""One card in the wallet: what it says, what falls due and what waits, its past, its file, a print, and giving it back."""

import base64
from collections.abc import Sequence
from datetime import date
from typing import Any

from fastapi import APIRouter, Request
from fastapi.responses import RedirectResponse, Response

from licence_service.deadlines import Deadline
from licence_service.document.code import Drawn, drawn
from licence_service.document.reading import codes, pngs
from licence_service.errors import NotGranted
from licence_service.holding import CLAIM, DOWNLOAD
from licence_service.licence import beijing_day
from licence_service.service import Service
from licence_service.web import history, history_page
from licence_service.web.access import TheService
from licence_service.web.holding import cards, claims, deadlines, telling
from licence_service.web.holding.cards import FieldName
from licence_service.web.issuing import LicenceId
from licence_service.web.looking import in_beijing
from licence_service.web.wallet import consents
from licence_service.web.wallet.room import HOME, AtWallet, TheForm

router = APIRouter(prefix=HOME, include_in_schema=False)
_PRINT_DPI = 150.0
_ELSEWHERE = "adopted"  # the seal of a file that another system sealed: nothing of it is drawn here
_SOON, _LEAST, _YEARS = 60, 2, 730  # days in which a day is set off; days that are always seen; days from which years are counted
_A_YEAR = 365


@router.get("/deadlines.ics")
def calendar(request: Request, service: TheService, wallet: AtWallet) -> Response:
    """Return the days ahead of all cards as a calendar file."""
    return deadlines.calendar_file(request, service, wallet.holding)


@router.get("/cards/{licence_id}")
def card(service: TheService, wallet: AtWallet, licence_id: LicenceId) -> Response:
    """Show a card with everything on it, the days ahead, and its past."""
    kept = service.holder_desk.cards.kept_card(wallet.holding, licence_id)
    record, now = kept.record, service.now()
    today = beijing_day(now)
    told = history.told(service, record, today, history.all_of(record, now), telling.asker_of(service, record))
    days = service.reminders.reminding.deadlines([record])[licence_id]
    licence, _ = telling.licence_of(service, record)
    return wallet.page(
        "card.html", card=telling.whole(service, kept), days=_ahead(days, today), printable=licence.current.seal_id != _ELSEWHERE,
        consents=consents.living(wallet, licence_id), **_past(history_page.values(told)),
    )  # fmt: skip


@router.get("/cards/{licence_id}/photos/{field}")
def photo(request: Request, service: TheService, wallet: AtWallet, licence_id: LicenceId, field: FieldName) -> Response:
    """Return a photograph of the present document."""
    return cards.photo(request, service, wallet.holding, licence_id, field)


@router.get("/cards/{licence_id}/document")
def document(request: Request, service: TheService, wallet: AtWallet, licence_id: LicenceId) -> Response:
    """Return the sealed file; a download that broke off goes on by `Range`."""
    return cards.document(request, service, wallet.holding, licence_id)


@router.get("/cards/{licence_id}/print")
def printed(service: TheService, wallet: AtWallet, licence_id: LicenceId) -> Response:
    """Show the pages to print, drawn from the sealed file, with the state of this moment and the code to verify by; it says that it is no original."""
    kept = service.holder_desk.cards.kept_card(wallet.holding, licence_id, DOWNLOAD)
    licence, _ = telling.licence_of(service, kept.record)
    if licence.current.seal_id == _ELSEWHERE:
        raise NotGranted("a document that was sealed elsewhere is printed from its own file")
    content = service.archive.get(licence.current.document.sha256)
    pictures = [base64.b64encode(page).decode() for page in pngs(content, _PRINT_DPI)]
    return wallet.page("print.html", card=telling.summary(service, kept), pages=pictures, code=_code(service, content), at=in_beijing(service.now()))


@router.get("/cards/{licence_id}/give-back")
def ask_back(service: TheService, wallet: AtWallet, licence_id: LicenceId) -> Response:
    """Ask once more whether the card is given back."""
    kept = service.holder_desk.cards.kept_card(wallet.holding, licence_id, CLAIM)
    return wallet.page("give_back.html", card=telling.summary(service, kept))


@router.post("/cards/{licence_id}/give-back")
def give_back(service: TheService, wallet: AtWallet, _form: TheForm, licence_id: LicenceId) -> Response:
    """Give the card back, and lead to the others."""
    claims.release(service, wallet.holding, licence_id)
    return RedirectResponse(HOME, status_code=303, headers={"Cache-Control": "no-store"})


def _ahead(days: Sequence[Deadline], today: date) -> list[dict[str, Any]]:
    """Return the days that a holder must know, each with how far off it is, and whether it is seen at once."""
    found = []
    for place, one in enumerate(days):
        left = (one.day - today).days
        years = left // _A_YEAR if left >= _YEARS else 0
        found.append({"said": one, "left": left, "years": years, "soon": left <= _SOON, "first": left <= _SOON or place < _LEAST})
    return found


def _past(values: dict[str, Any]) -> dict[str, Any]:
    """Return what the time axis and the list of entries are drawn of."""
    return {name: values[name] for name in ("band", "valid_at", "known_at", "ticks", "asked", "rows", "stretches", "marks", "items")}


def _code(service: Service, content: bytes) -> Drawn | None:
    """Return the code that stands on the sealed pages, to be drawn large enough for every camera; None where there is none."""
    official = service.settings.public_url.rstrip("/").upper()
    found = next((text for text in codes(content) if text.upper().startswith(f"{official}/")), None)
    return drawn(found) if found else None
