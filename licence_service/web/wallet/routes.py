"""All pages of the wallet."""

from fastapi import APIRouter

from licence_service.web.wallet import card, claims, consents, delegations, door, fleet, home, lending, looks, showing, staff

router = APIRouter(include_in_schema=False)
for part in (door, home, claims, delegations, card, fleet, staff, showing, lending, consents, looks):
    router.include_router(part.router)
