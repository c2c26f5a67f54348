"""A company and the persons who agreed that it sees their licences, as tests of its list use them."""

from dataclasses import dataclass
from typing import Any

from licence_service.carrying import Done
from licence_service.holding import Holding
from licence_service.store.cards import Scope
from licence_service.store.holders import COMPANY, PERSON, Holder
from tests.host import Somebody
from tests.purse import Purse, purse
from tests.stocks import citizen_id
from tests.world import DRIVER, World

EMPLOYER = Somebody("91519902MA99011003", "蜀安江川航运有限公司", "company")
_CHUNK = 250
_SURNAMES, _NAMES = "陈林周吴郑王冯褚卫蒋沈韩", "安途明远思齐若水文博嘉禾子清"


@dataclass
class Staff:
    """The company in the wallet, and the licences of its persons in the order in which they agreed."""

    purse: Purse
    people: list[Somebody]
    licences: list[str]

    @property
    def world(self) -> World:
        return self.purse.world


def driver(number: int) -> Somebody:
    """Return an invented person."""
    return Somebody(citizen_id(number), _SURNAMES[number % 12] + _NAMES[number % 14] + _NAMES[number // 14 % 14])


def face_of(who: Somebody, number: int) -> dict[str, str]:
    """Return what of a face names a person; every second number is not the identity number."""
    born = who.number[6:14]
    return {
        "person_name": who.name, "citizen_id": who.number, "license_no": who.number if number % 2 else f"5199{number:015d}",
        "birth_date": f"{born[:4]}-{born[4:6]}-{born[6:]}", "sex": "1" if int(who.number[16]) % 2 else "2",
    }  # fmt: skip


def issued(world: World, count: int, first: int = 1) -> tuple[list[Somebody], list[str]]:
    """Issue the licences of so many persons."""
    people = [driver(number) for number in range(first, first + count)]
    body: dict[str, Any] = world.request(DRIVER)
    rows = [
        (f"driver-{number:05d}", {**body, "case_no": f"STAFF-{number}", "face": {**body["face"], **face_of(who, number)}})
        for number, who in enumerate(people, first)
    ]
    done = [one for begin in range(0, count, _CHUNK) for one in world.service.chunks.issue(world.client(DRIVER), rows[begin : begin + _CHUNK])]
    licences = [one.licence_id for one in done if isinstance(one, Done)]
    assert len(licences) == count, [one for one in done if not isinstance(one, Done)][:1]
    return people, licences


def agreed(world: World, code: str, who: Somebody, licence_id: str, months: int = 12) -> str:
    """Keep a person's licence as a card, and let them agree; return the id of the consent."""
    service, now = world.service, world.clock()
    cards, consenting = service.holder_desk.cards, service.holder_desk.consenting
    holder_id = service.wallet.holders.known(PERSON, who.number, who.name, now)
    cards.kept.keep(Scope(holder_id), licence_id, cards.kept.held_by(who.number), "identity", None, holder_id, now)
    holding = Holding(Holder(holder_id, PERSON, 3), "a-log-in", None)
    return consenting.give(holding, consenting.asked(holding, [licence_id], {"code": code, "months": months}))[0].consent_id


def a_staff(world: World, count: int) -> Staff:
    """Let a company invite, and so many persons with a licence each agree."""
    company = purse(world, EMPLOYER)
    code = world.service.holder_desk.consenting.invite(Holding(Holder(company.holder_id, COMPANY, 3), "a-log-in", None), {}).code
    people, licences = issued(world, count)
    for who, licence_id in zip(people, licences, strict=True):
        agreed(world, code, who, licence_id)
    return Staff(company, people, licences)
