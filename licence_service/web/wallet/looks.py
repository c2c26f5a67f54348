"""Who looked, in the wallet: officers, clerks, who scanned, who read what was lent, newest first (DOMAIN AU-06, SH-11)."""

from datetime import datetime
from typing import Any

from fastapi import APIRouter
from fastapi.responses import Response

from licence_service.holding import LOOKS
from licence_service.roadside import BY_CODE
from licence_service.store.reads import COPY, DESK, LENT, SHOWN, STAFF
from licence_service.web.desk_words import DONE
from licence_service.web.holding import telling
from licence_service.web.holding.looks import Cursor, at_all_cards
from licence_service.web.issuing import LicenceId
from licence_service.web.looking import in_beijing
from licence_service.web.wallet.room import HOME, AtWallet, Wallet

router = APIRouter(prefix=HOME, include_in_schema=False)
A_PAGE = 30
_WAYS = {
    "looked": ("执法查询", "An officer looked"), SHOWN: ("扫描亮证码", "A show code was scanned"), LENT: ("查看授权内容", "What was lent was read"),
    COPY: ("核验加注件", "An annotated copy was verified"), STAFF: ("在从业人员名单中查看", "Seen in a company's list of persons"),
    DESK: ("办证窗口查看", "Seen at the desk of a department"),
}  # fmt: skip
_ASKED_BY = {
    "number": ("按证号", "by number"), "plate": ("按车牌", "by plate"), "id": ("按身份证号", "by identity number"), BY_CODE: ("按亮证码", "by its show code"),
}  # fmt: skip
_SEEN_AS = {"public": ("公众", "the public"), "passenger": ("乘客", "a passenger")}


@router.get("/cards/{licence_id}/looks")
def looks(wallet: AtWallet, licence_id: LicenceId, after: Cursor = "") -> Response:
    """Show who looked at a card since it is this holder's: who, when, where, why and which fields; of what a case seals only that it was."""
    service, record = wallet.service, wallet.service.holder_desk.cards.card(wallet.holding, licence_id, LOOKS)
    since = service.holder_desk.cards.theirs_since(record)
    found = service.shown.reads.all_of(licence_id, after=after, limit=A_PAGE + 1, since=since, newest_first=True)
    return wallet.page(
        "looks.html", licence_id=licence_id, title=telling.licence_of(service, record)[1].title, begun=not after,
        looks=[_told(wallet, telling.seen(service, record, one)) for one in found[:A_PAGE]],
        further=found[A_PAGE - 1].cursor if len(found) > A_PAGE else None,
    )  # fmt: skip


@router.get("/looks")
def all_looks(wallet: AtWallet, after: Cursor = "") -> Response:
    """Show who looked at any card of this holder, each line with the licence that it is of."""
    found, further = at_all_cards(wallet.service, wallet.holding, after, A_PAGE)
    looks = [{**_told(wallet, one), "licence": one["licence"]} for one in found]
    return wallet.page("looks.html", licence_id=None, title=None, begun=not after, looks=looks, further=further)


def _told(wallet: Wallet, said: dict[str, Any]) -> dict[str, Any]:
    """Return one line in words."""
    organ = said["organ"] or (_organ_of(wallet, said["client"]) if said["client"] else None)
    at = in_beijing(datetime.fromisoformat(said["at"]))
    return {
        **said, "when": at[:10] if said["way"] == STAFF else at[:-3], "what": _WAYS[said["way"]], "organ": organ,
        "asked_by": _ASKED_BY.get(said["found_by"]),
        "did": DONE[said["found_by"]] if said["way"] == DESK else None, "shown_to": _SEEN_AS.get(said["seen_as"]) if said["way"] == SHOWN else None,
    }  # fmt: skip


def _organ_of(wallet: Wallet, name: str) -> dict[str, Any]:
    """Return who runs a registered system; its name alone where it is none any more."""
    client = wallet.service.clients.named(name)
    found: dict[str, Any] = telling.organ(wallet.service, client.department) if client else {"code": name, "zh": name, "en": name}
    return found
