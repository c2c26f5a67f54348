"""All pages of the wallet."""

from fastapi import APIRouter

from licence_service.web.wallet import card, claims, delegations, door, fleet, home, lending, looks, showing

router = APIRouter(include_in_schema=False)
for part in (door, home, claims, delegations, card, fleet, showing, lending, looks):
    router.include_router(part.router)
