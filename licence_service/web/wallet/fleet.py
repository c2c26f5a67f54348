"""All cards of a company in one table: narrowed, ordered, counted, and their sealed files taken together."""

import base64
import binascii
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import APIRouter, Query, Request
from fastapi.responses import Response, StreamingResponse

from licence_service.errors import Fault, NotInRegister, RequestRejected, Unavailable
from licence_service.history.words import STATES, said
from licence_service.holding import DOWNLOAD, READ, Holding
from licence_service.licence import LicenceState, beijing_day
from licence_service.service import Service
from licence_service.web import pages
from licence_service.web.access import TheService
from licence_service.web.holding.files import part_of
from licence_service.web.sent import Sent
from licence_service.web.wallet.listed import DUE, NUMBER, TYPE, Listed, Row, Wanted, listed, shown
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet
from licence_service.web.wallet.taking import taken

router = APIRouter(prefix=HOME, include_in_schema=False)
A_PAGE, A_FILE, MOST_FILES = 50, 1_000, 5_000  # cards of a page, of one ZIP, of all ZIPs of one choice
_MOST_TEXT, _MOST_DAYS, _MOST_TOKEN = 60, 36_500, 8_000
ORDERS = ((DUE, "按到期先后", "Soonest first"), (NUMBER, "按号牌、证号", "By plate and number"), (TYPE, "按证照类型", "By type"))
_LOOKS = {LicenceState.IN_FORCE: "in_force", LicenceState.PENDING_EFFECT: "pending_effect", LicenceState.SUSPENDED: "suspended",
          LicenceState.EXPIRED: "expired"}  # fmt: skip
What = Annotated[str, Query(max_length=_MOST_TOKEN)]


@router.get("/fleet")
def fleet(wallet: AtWallet) -> Response:
    """Show all cards, the soonest due first."""
    return _table(wallet, Wanted(), 1)


@router.post("/fleet")
def narrowed(wallet: AtWallet, form: TheForm) -> Response:
    """Show the cards that are wanted; plate and number come in the body, and stand in no address."""
    return _table(wallet, wanted_of(form), max(1, number_of(form, "page", 10_000) or 1))


@router.post("/fleet/files")
def choose(service: TheService, wallet: AtWallet, form: TheForm) -> Response:
    """Show what a ZIP of the chosen files, or of all that are wanted, will hold, and where it is fetched."""
    service.holder_desk.cards.demand(wallet.holding, DOWNLOAD)
    wanted = wanted_of(form)
    if form.text("what", 10) == "chosen":
        wanted = Wanted(by=wanted.by, chosen=frozenset(form.texts.get("chosen", [])[:A_PAGE]))
    rows = _files(service, wallet.holding, wanted) if wanted.chosen or form.text("what", 10) == "all" else []
    if not rows:
        return wallet.page("fleet_files.html", parts=[], missing=[], files=0)
    parts, missing = [], []
    for number, some in enumerate(_stretches(rows)):
        zipped, gone = taken(service.archive, some, beijing_day(service.now()))
        missing += gone
        token = _Choice(wanted, number).closed(service, wallet.holding)
        parts.append({"files": len(some) - len(gone), "megabytes": f"{zipped.size / 1e6:.1f}", "bytes": zipped.size, "token": token})
    return wallet.page("fleet_files.html", parts=parts, missing=missing, files=len(rows) - len(missing))


@router.get("/fleet/files")
def files(request: Request, service: TheService, wallet: AtWallet, what: What = "") -> Response:
    """Return a ZIP of sealed files with its true length; a download that broke off goes on by `Range` with `If-Range`."""
    service.holder_desk.cards.demand(wallet.holding, DOWNLOAD)
    choice = _Choice.opened(what, service, wallet.holding)
    parts = _stretches(_files(service, wallet.holding, choice.wanted))
    if choice.part >= len(parts):
        raise NotInRegister
    today = beijing_day(service.now())
    zipped, _ = taken(service.archive, parts[choice.part], today)
    name = f'attachment; filename="licences-{today.isoformat()}{f"-{choice.part + 1}" if len(parts) > 1 else ""}.zip"'
    asked = part_of(request, zipped.size, zipped.digest, {"Content-Disposition": name})
    if asked.end == asked.first:
        return Response(status_code=asked.status, headers=asked.headers)
    headers = {**asked.headers, "Content-Length": str(asked.end - asked.first)}
    return StreamingResponse(zipped.part(asked.first, asked.end), asked.status, headers, "application/zip")


@router.get("/card.css")
def style() -> Response:
    """Return the style of cards and fleets."""
    return Response(pages.script("wallet/card.css"), media_type="text/css", headers={"Cache-Control": "max-age=3600"})


@dataclass(frozen=True, slots=True)
class _Choice:
    """Which files, and which part of them, as an address carries it: encrypted, for one holder alone."""

    wanted: Wanted
    part: int

    def closed(self, service: Service, holding: Holding) -> str:
        one = self.wanted
        content = {"type": one.type, "state": one.state, "within": one.within, "text": one.text, "by": one.by, "chosen": sorted(one.chosen)}
        return base64.urlsafe_b64encode(service.wallet.vault.close_json({**content, "part": self.part}, _row(holding))).rstrip(b"=").decode()

    @classmethod
    def opened(cls, token: str, service: Service, holding: Holding) -> "_Choice":
        """Read it back; `NotInRegister` for what was not made here for this holder."""
        try:
            sealed = base64.b64decode(token + "=" * (-len(token) % 4), altchars=b"-_", validate=True)
            content = service.wallet.vault.open_json(sealed, _row(holding))
        except (binascii.Error, ValueError, Unavailable) as wrong:
            raise NotInRegister from wrong
        part = content.pop("part")
        return cls(Wanted(**{**content, "chosen": frozenset(content["chosen"])}), part)


def _row(holding: Holding) -> str:
    return f"fleet:{holding.holder.holder_id}"


def _files(service: Service, holding: Holding, wanted: Wanted) -> list[Row]:
    """Return the cards whose files are wanted, each read as a single download reads it; too many are refused."""
    rows = list(listed(service, holding, wanted).rows)
    if len(rows) > MOST_FILES:
        raise RequestRejected(faults=[Fault("what", "too-large", f"at most {MOST_FILES} files are taken at once: narrow the list first")])
    return rows


def _stretches(rows: Sequence[Row]) -> list[Sequence[Row]]:
    return [rows[begin : begin + A_FILE] for begin in range(0, len(rows), A_FILE)]


def wanted_of(form: Sent) -> Wanted:
    """Read what the form narrows by; an unknown word narrows to nothing."""
    by = form.text("by", 20)
    return Wanted(
        form.text("type", 80), form.text("state", 40), number_of(form, "within", _MOST_DAYS), form.text("text", _MOST_TEXT),
        by if by in {one[0] for one in ORDERS} else DUE,
    )  # fmt: skip


def number_of(form: Sent, name: str, most: int) -> int | None:
    """Return a whole number of a form; None where it is empty."""
    text = form.text(name, 20)
    if not text:
        return None
    if not (text.isascii() and text.isdecimal() and int(text) <= most):
        raise RequestRejected(faults=[Fault(name, "not-an-integer", f"a whole number from 0 to {most} is wanted here")])
    return int(text)


def _table(wallet: Wallet, wanted: Wanted, page: int) -> Response:
    service, holding = wallet.service, wallet.holding
    service.holder_desk.cards.demand(holding, READ)
    found = listed(service, holding, wanted)
    last = max(1, -(-len(found.rows) // A_PAGE))
    page = min(page, last)
    rows = shown(service, found.rows[(page - 1) * A_PAGE : page * A_PAGE])
    return wallet.page(
        "fleet.html", rows=rows, wanted=wanted, page=page, last=last, found=len(found.rows), due=found.due, more=found.more, chart=chart_of(found),
        types=titled(service, service.holder_desk.cards.kept.types(holding.scope)), states=[(one.value, *STATES[one]) for one in LicenceState], orders=ORDERS,
    )  # fmt: skip


def titled(service: Service, slugs: Iterable[str]) -> list[tuple[str, str, str]]:
    """Return the types that a list may be narrowed to, with their titles in both languages."""
    today = beijing_day(service.now())
    titles = [(slug, service.catalogue.in_force(slug, today).title) for slug in sorted(slugs)]
    return [(slug, title.zh, title.en) for slug, title in titles]


def chart_of(found: Listed[Any]) -> list[dict[str, Any]]:
    """Return one bar for each state: its words, its number, where it begins and how wide it is, in percent."""
    bars: list[dict[str, Any]] = []
    at = 0.0
    for state, count in found.counts:
        width = 100 * count / found.whole
        bars.append({**said(STATES, state), "count": count, "x": round(at, 2), "width": round(width, 2), "look": _LOOKS.get(state, "ended")})
        at += width
    return bars
