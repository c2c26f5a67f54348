"""A company with many vehicles, each with its licence, as tests of the fleet use it: issued in chunks, kept as cards at the store."""

from dataclasses import dataclass
from typing import Any

from licence_service.carrying import Done
from licence_service.store.cards import Scope
from tests.holders import somebody
from tests.purse import Purse, purse
from tests.world import VEHICLE, World

_CHUNK = 250


@dataclass
class Fleet:
    """The company in the wallet, and its licences in the order in which they were claimed."""

    purse: Purse
    licences: list[str]

    @property
    def world(self) -> World:
        return self.purse.world

    @staticmethod
    def plate(number: int) -> str:
        """Return the plate of a vehicle by its place."""
        return f"川A{number:05d}"


def keep(world: World, holder_id: str, licence_ids: list[str]) -> None:
    """Keep licences of one holder as cards."""
    service = world.service
    cards = service.holder_desk.cards
    named = cards.holder_on(service.book.get(licence_ids[0]))
    assert named
    cards.kept.keep_all(Scope(holder_id), dict.fromkeys(licence_ids, cards.kept.held_by(named)), "identity", None, holder_id, service.now())


def a_fleet(world: World, count: int, **face: Any) -> Fleet:
    """Issue licences for so many vehicles, and let their company into the wallet."""
    body = world.request(VEHICLE, face=face)
    rows = []
    for place in range(count):
        own = {**body["face"], "license_no": f"{510000000000 + place}", "plate_no": Fleet.plate(place)}
        rows.append((f"vehicle-{place:05d}", {**body, "case_no": f"FLEET-{place}", "face": own}))
    done = [one for begin in range(0, count, _CHUNK) for one in world.service.chunks.issue(world.client(VEHICLE), rows[begin : begin + _CHUNK])]
    licences = [one.licence_id for one in done if isinstance(one, Done)]
    assert len(licences) == count, [one for one in done if not isinstance(one, Done)][:1]
    company = purse(world, somebody(world, VEHICLE))
    keep(world, company.holder_id, licences)
    return Fleet(company, licences)
