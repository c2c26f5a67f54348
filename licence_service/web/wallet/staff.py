"""The persons of a company in the wallet: the list of those who agreed, as a page and as a table, and the invitation (DOMAIN SH-14)."""

from typing import Any

from fastapi import APIRouter
from fastapi.responses import RedirectResponse, Response

from licence_service.document.code import drawn
from licence_service.history.words import FLAGS, STATES, said
from licence_service.licence import LicenceState, beijing_day
from licence_service.web.access import TheService
from licence_service.web.holding import staff as listing
from licence_service.web.holding.cards import After
from licence_service.web.private import PRIVATE
from licence_service.web.wallet.fleet import A_PAGE, chart_of, number_of, titled, wanted_of
from licence_service.web.wallet.listed import DUE, NUMBER, TYPE, Listed, Wanted, sifted
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet
from licence_service.web.wallet.taking import ending, table

router = APIRouter(prefix=f"{HOME}/fleet", include_in_schema=False)
_ORDERS = ((DUE, "按到期先后", "Soonest first"), (NUMBER, "按姓名、证号", "By name and number"), (TYPE, "按证照类型", "By type"))
_HEADING = (
    "姓名 Name", "证照 Type", "证号 Number", "发证机关 Issuer", "状态 State", "有效期止 To", "下一日期 Next date", "事项 What", "同意至 Agreed until",
)  # fmt: skip


@router.get("/staff")
def staff(wallet: AtWallet) -> Response:
    """Show all persons who agreed, the soonest due first."""
    return _page(wallet, Wanted(), 1)


@router.post("/staff")
def narrowed(wallet: AtWallet, form: TheForm) -> Response:
    """Show those that are wanted; names and numbers come in the body, and stand in no address."""
    return _page(wallet, wanted_of(form), max(1, number_of(form, "page", 10_000) or 1))


@router.post("/staff/list.csv")
def as_table(service: TheService, wallet: AtWallet, form: TheForm) -> Response:
    """Return all that are wanted as a table; each person reads that they stood in the list."""
    found = _found(wallet, wanted_of(form))
    listing.seen(service, wallet.holding, found.named)
    cells = [
        (
            one.name, f"{one.title.zh} {one.title.en}", one.number, f"{one.issuer['zh']} {one.issuer['en']}",
            "；".join(" ".join(words) for words in (STATES[one.state], *(FLAGS[flag] for flag in one.flags))), *ending(one.valid_to, one.next),
            one.agreed_until.isoformat(),
        )
        for one in found.rows
    ]  # fmt: skip
    name = {"Content-Disposition": f'attachment; filename="staff-{beijing_day(service.now()).isoformat()}.csv"', "X-Content-Type-Options": "nosniff"}
    return Response(table(_HEADING, cells), media_type="text/csv; charset=utf-8", headers={**PRIVATE, **name})


@router.get("/staff/looks")
def looked(service: TheService, wallet: AtWallet, after: After = 0) -> Response:
    """Show who of the company looked at the list, to who lets them."""
    return wallet.page("staff_looks.html", begun=not after, **listing.looked(service, wallet.holding, after, A_PAGE))


@router.get("/invitation")
def invitation(service: TheService, wallet: AtWallet) -> Response:
    """Show the invitation that there is with its QR code, or the way to make one."""
    found = service.holder_desk.consenting.invitation(wallet.holding)
    one = listing.told(service, found) if found else None
    return wallet.page("invitation.html", one=one, picture=drawn(one["url"]) if one else None)


@router.post("/invitation")
def invite(service: TheService, wallet: AtWallet, _sent: TheForm) -> Response:
    """Make an invitation; the one before is over."""
    service.holder_desk.consenting.invite(wallet.holding, {})
    return RedirectResponse(f"{HOME}/fleet/invitation", status_code=303, headers=PRIVATE)


@router.post("/invitation/end")
def end(service: TheService, wallet: AtWallet, _sent: TheForm) -> Response:
    """End the invitation."""
    service.holder_desk.consenting.end_invitation(wallet.holding)
    return RedirectResponse(f"{HOME}/fleet/invitation", status_code=303, headers=PRIVATE)


def _found(wallet: Wallet, wanted: Wanted) -> Listed[listing.Person]:
    service = wallet.service
    return sifted(listing.every_person(service, wallet.holding, wanted.type), wanted, beijing_day(service.now()))


def _page(wallet: Wallet, wanted: Wanted, page: int) -> Response:
    """Draw one page of the list; whoever is in it, or counted in it, can read that they were: a count under a name tells as much as a line."""
    service, holding = wallet.service, wallet.holding
    found, today = _found(wallet, wanted), beijing_day(service.now())
    last = max(1, -(-len(found.rows) // A_PAGE))
    page = min(page, last)
    rows = found.rows[(page - 1) * A_PAGE : page * A_PAGE]
    listing.seen(service, holding, found.named)
    overall = listing.judged(service, rows)
    shown: list[dict[str, Any]] = [
        {
            "row": row, "state": said(STATES, row.state), "flags": [said(FLAGS, one) for one in row.flags], "overall": overall[row.consent_id],
            "overdue": row.next is not None and row.next.day < today,
        }
        for row in rows
    ]  # fmt: skip
    return wallet.page(
        "staff.html", rows=shown, wanted=wanted, page=page, last=last, found=len(found.rows), due=found.due, more=found.more, chart=chart_of(found),
        types=titled(service, service.holder_desk.consenting.types(holding)), states=[(one.value, *STATES[one]) for one in LicenceState],
        orders=_ORDERS, may_invite=holding.whole, covered=holding.licences is None,
    )  # fmt: skip
