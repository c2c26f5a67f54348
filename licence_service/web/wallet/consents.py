"""What a person lets companies see, in the wallet: the invitation that was opened, agreeing, the consents of a card, withdrawing one (DOMAIN SH-14)."""

import re
from typing import Annotated, Any

from fastapi import APIRouter, Path
from fastapi.responses import RedirectResponse, Response

from licence_service.consenting import MOST_MONTHS, USUAL_MONTHS
from licence_service.errors import Fault, LevelTooLow, NotGranted, NotInRegister, RequestRejected
from licence_service.holding import LEND
from licence_service.licence import beijing_day
from licence_service.store.consents import EXPIRED, LIVING, WITHDRAWN, Consent
from licence_service.store.holders import PERSON
from licence_service.web.access import TheService
from licence_service.web.desk.controls import INTEGER
from licence_service.web.holding import consents, telling
from licence_service.web.holding.consents import SEEN, ConsentId
from licence_service.web.issuing import LicenceId
from licence_service.web.private import PRIVATE
from licence_service.web.wallet.refusing import in_words
from licence_service.web.wallet.room import HOME, AtWallet, TheForm, Wallet

router = APIRouter(prefix=HOME, include_in_schema=False)
_TERMS = ((3, "3 个月", "3 months"), (6, "6 个月", "6 months"), (USUAL_MONTHS, "12 个月", "12 months"), (24, "24 个月", "24 months"),
          (MOST_MONTHS, "36 个月", "36 months"))  # fmt: skip
STANDINGS = {LIVING: ("有效", "In force"), WITHDRAWN: ("已撤回", "Withdrawn"), EXPIRED: ("已到期", "Over")}
_SHAPES = {LIVING: "valid", WITHDRAWN: "not_valid", EXPIRED: "cannot_decide"}
_MOST_CARDS, _LICENCE_ID = 100, re.compile(r"[0-9A-Z]{20}")
Code = Annotated[str, Path(min_length=1, max_length=60)]


@router.get("/invited/{code}")
def invited(wallet: AtWallet, code: Code) -> Response:
    """Show who invites, what they would see, and the form to agree; opening it changes nothing."""
    return _invited(wallet, code)


@router.post("/invited/{code}")
def agree(service: TheService, wallet: AtWallet, sent: TheForm, code: Code) -> Response:
    """Let the company see the cards that were ticked; what is wrong is said with what was chosen.

    The code is in the address, so that who is not signed in any more comes back to the invitation.
    """
    said = sent.text("months", 4)
    chosen = [one for one in dict.fromkeys(sent.texts.get("cards", [])[:_MOST_CARDS]) if _LICENCE_ID.fullmatch(one)]
    body: dict[str, Any] = {"code": code, "months": int(said) if INTEGER.fullmatch(said) else said}
    if not chosen:
        none = Fault("cards", "missing", "tick at least one licence")
        return _invited(wallet, code, 422, months=said, faults=in_words([none]))
    try:
        asked = service.holder_desk.consenting.asked(wallet.holding, chosen, body)
    except RequestRejected as wrong:
        return _invited(wallet, code, 422, chosen=chosen, months=said, faults=in_words(wrong.faults))
    try:
        who = consents.inviting(service, wallet.holding, asked.code)
    except NotInRegister:
        return _gone(wallet)
    given = service.holder_desk.consenting.give(wallet.holding, asked)
    told = [{**consents.told(service, one), "licence_id": one.licence_id, "title": _title(wallet, one.licence_id)} for one in given]
    return wallet.page("agreed.html", who=who, given=told)


@router.get("/cards/{licence_id}/consents")
def listed(service: TheService, wallet: AtWallet, licence_id: LicenceId) -> Response:
    """Show which companies see a card, and which did."""
    found = [_told(wallet, one) for one in service.holder_desk.consenting.of(wallet.holding, licence_id)]
    return wallet.page("consents.html", licence_id=licence_id, title=_title(wallet, licence_id), consents=found, seen=SEEN)


@router.get("/cards/{licence_id}/consents/{consent_id}/withdraw")
def ask(service: TheService, wallet: AtWallet, licence_id: LicenceId, consent_id: ConsentId) -> Response:
    """Ask whether the consent is to be withdrawn."""
    found = service.holder_desk.consenting.mine(wallet.holding, licence_id, consent_id)
    return wallet.page("consent_back.html", licence_id=licence_id, title=_title(wallet, licence_id), one=_told(wallet, found))


@router.post("/cards/{licence_id}/consents/{consent_id}/withdraw")
def withdraw(service: TheService, wallet: AtWallet, _sent: TheForm, licence_id: LicenceId, consent_id: ConsentId) -> Response:
    """Withdraw a consent: the company's next request has the card no more."""
    service.holder_desk.consenting.withdraw(wallet.holding, licence_id, consent_id)
    return RedirectResponse(f"{HOME}/cards/{licence_id}/consents", status_code=303, headers=PRIVATE)


def living(wallet: Wallet, licence_id: str) -> list[dict[str, Any]]:
    """Return the consents of a card that hold now; none where who acts may not lend it."""
    try:
        found = wallet.service.holder_desk.consenting.of(wallet.holding, licence_id)
    except (LevelTooLow, NotGranted):
        return []
    return [_told(wallet, one) for one in found if one.standing(wallet.service.now()) == LIVING]


def _invited(wallet: Wallet, code: str, status: int = 200, **typed: Any) -> Response:  # noqa: ANN401 - values of the page
    if wallet.holding.holder.kind != PERSON:
        return wallet.page("invited.html", 403, who=None, gone=False)
    try:
        who = consents.inviting(wallet.service, wallet.holding, code)
    except NotInRegister:
        return _gone(wallet)
    shown = {"chosen": None, "months": str(USUAL_MONTHS), "faults": (), **typed}
    cards = consents.showable(wallet.service, wallet.holding, who)
    return wallet.page("invited.html", status, who=who, cards=cards, code=code, terms=_TERMS, seen=SEEN, **shown)


def _gone(wallet: Wallet) -> Response:
    """Say that there is no such invitation any more; whoever holds it may have been late."""
    return wallet.page("invited.html", 404, who=None, gone=True)


def _told(wallet: Wallet, one: Consent) -> dict[str, Any]:
    said = consents.told(wallet.service, one)
    return {
        **said,
        "given_on": beijing_day(one.given_at).isoformat(),
        "words": STANDINGS[said["standing"]],
        "shape": _SHAPES[said["standing"]],
        "living": said["standing"] == LIVING,
    }


def _title(wallet: Wallet, licence_id: str) -> Any:  # noqa: ANN401 - two words
    return telling.licence_of(wallet.service, wallet.service.holder_desk.cards.card(wallet.holding, licence_id, LEND))[1].title
