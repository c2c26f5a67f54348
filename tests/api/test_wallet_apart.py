"""The wallet keeps holders apart: every route is asked with another's ids by everybody who is not to know of them. A route without a row fails.

Rows say which act a route wants, and what is sent beside the path: words in braces are names of things, as in the path itself.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest
from fastapi.routing import APIRoute

from licence_service.app import create_app
from licence_service.holding import CLAIM, DELEGATE, DOWNLOAD, GIVEN, LEND, LOOKS, READ, SHOW, STAFF
from licence_service.licence import beijing_day
from tests import staffs
from tests.holders import Owner, owning
from tests.host import Somebody
from tests.purse import HTML, Purse, purse
from tests.world import BUSINESS, NOW, VEHICLE, World

Route = tuple[str, str]
CLERK, OTHER, STRANGER = (
    Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "周望川"), Somebody("519902197703030006", "林远山")
)  # fmt: skip
COMPANY = Somebody("91519902MA99011003", "蜀安江川航运有限公司", "company")
LAST = (beijing_day(NOW) + timedelta(days=9)).isoformat()
LENT = {"receiver": "蜀安示例银行股份有限公司", "purpose": "办理车辆贷款", "fields": ["plate_no"], "minutes": "60", "uses": "1", "copy": "yes"}
_CARD = "/wallet/cards/{licence_id}"
_LENT = f"{_CARD}/lendings/{{lending_id}}"
ASKED: Mapping[Route, tuple[str | None, dict[str, Any]]] = {  # what takes something away comes last
    ("POST", "/wallet/claim"): (CLAIM, {"by": "plate", "value": "{plate}", "delivery_code": "0" * 16}),
    ("POST", "/wallet/fleet"): (READ, {"text": "{plate}"}),
    ("POST", "/wallet/fleet/files"): (DOWNLOAD, {"what": "chosen", "chosen": "{licence_id}"}),
    ("GET", "/wallet/fleet/files"): (DOWNLOAD, {"what": "{zip}"}),
    ("GET", _CARD): (READ, {}),
    ("GET", f"{_CARD}/photos/{{field}}"): (READ, {}),
    ("GET", f"{_CARD}/document"): (DOWNLOAD, {}),
    ("GET", f"{_CARD}/print"): (DOWNLOAD, {}),
    ("GET", f"{_CARD}/show"): (SHOW, {}),
    ("POST", f"{_CARD}/show/code"): (SHOW, {"audience": "anyone"}),
    ("GET", f"{_CARD}/looks"): (LOOKS, {}),
    ("GET", f"{_CARD}/lend"): (LEND, {}),
    ("POST", f"{_CARD}/lendings"): (LEND, LENT),
    ("GET", f"{_CARD}/lendings"): (LEND, {}),
    ("GET", f"{_LENT}/copy"): (LEND, {}),
    ("GET", f"{_LENT}/take-back"): (LEND, {}),
    ("POST", f"{_LENT}/take-back"): (LEND, {}),
    ("POST", "/wallet/fleet/staff"): (STAFF, {"text": "{driver}"}),
    ("POST", "/wallet/fleet/staff/list.csv"): (STAFF, {"text": "{driver}"}),
    ("GET", f"{_CARD}/give-back"): (CLAIM, {}),
    ("POST", f"{_CARD}/give-back"): (CLAIM, {}),
    ("POST", "/wallet/delegations"): (DELEGATE, {"name": "陈安途", "number": "{person}", "role": "clerk", "acts": "show", "last_on": LAST}),
    ("POST", "/wallet/delegations/{delegation_id}/end"): (DELEGATE, {}),
    ("POST", "/wallet/act-for"): (None, {"delegation": "{delegation_id}"}),
}  # fmt: skip
# The same of a person's own card and of a company's invitation: asked as the driver, by whom the company is let see it.
OF_A_PERSON: Mapping[Route, dict[str, Any]] = {
    ("GET", "/wallet/invited/{code}"): {},
    ("POST", "/wallet/invited/{code}"): {"cards": "{driver_id}", "months": "12"},
    ("GET", f"{_CARD}/consents"): {},
    ("GET", f"{_CARD}/consents/{{consent_id}}/withdraw"): {},
    ("POST", f"{_CARD}/consents/{{consent_id}}/withdraw"): {},
}
LISTS: Mapping[Route, str] = {  # they name nothing, and show what there is
    ("GET", "/wallet"): READ, ("GET", "/wallet/fleet"): READ, ("GET", "/wallet/deadlines.ics"): READ, ("GET", "/wallet/claim"): CLAIM,
    ("GET", "/wallet/delegations"): DELEGATE, ("GET", "/wallet/fleet/staff"): STAFF, ("GET", "/wallet/fleet/invitation"): STAFF,
    ("GET", "/wallet/fleet/staff/looks"): DELEGATE, ("GET", "/wallet/looks"): LOOKS,
}  # fmt: skip
NAMELESS: Mapping[Route, str] = {  # routes that name nothing of anybody, and why that is so
    ("GET", "/wallet/sign-in"): "nobody is known yet",
    ("GET", "/wallet/sign-in/back"): "what the browser brings is its own; tests of the door ask it with another's",
    ("POST", "/wallet/sign-out"): "the asker's own",
    ("POST", "/wallet/fleet/invitation"): "the asker's own",
    ("POST", "/wallet/fleet/invitation/end"): "the asker's own",
    **dict.fromkeys((("GET", f"/wallet/{name}") for name in ("card.css", "show.css", "show.js")), "the same for all"),
}
OPEN = {route for route in NAMELESS if route[0] == "GET"} | {("GET", "/wallet")}  # to whoever is not signed in
FORMS = [route for route in (*ASKED, *OF_A_PERSON, *NAMELESS) if route[0] == "POST"]
# Nothing is compared with a licence before the code is right; who is named as a delegate need not be known.
ALIKE = {("POST", "/wallet/claim"), ("POST", "/wallet/delegations")}
NO_PATH = {
    ("POST", "/wallet/fleet"),
    ("POST", "/wallet/fleet/files"),
    ("POST", "/wallet/fleet/staff"),
    ("POST", "/wallet/fleet/staff/list.csv"),
    *ALIKE,
}  # a list that holds nothing, a form with nothing found


@dataclass(frozen=True)
class Things:
    """The names of all that the company has."""

    licence_id: str = "0" * 20
    lending_id: str = "0" * 26
    delegation_id: str = "0" * 26
    holder_id: str = "0" * 26
    plate: str = "川Z98765"
    zip: str = "A" * 200
    person: str = "519902198001010013"  # somebody who was never named
    field: str = "vehicle_photo"
    driver: str = "无此人"  # the name of who agreed that the company sees a licence of theirs
    driver_id: str = "0" * 20
    consent_id: str = "0" * 26
    code: str = "0" * 16


NOTHING = Things()


@dataclass
class Scene:
    """A company with two cards and one of everything else, the clerk whom it lets do everything, and everybody who is not to know of the first."""

    owner: Owner
    mine: Purse
    clerk: Purse
    real: Things
    second: str
    driver: Purse

    def acting(self, company: Purse, who: Somebody, acts: Any = GIVEN, **narrowed: list[str]) -> tuple[Purse, str]:
        """Let somebody act for a company, and return them doing so, with the delegation's id."""
        service = self.owner.world.service
        holding = service.wallet.holding(company.token)
        assert holding
        body = {"number": who.number, "name": who.name, "role": "clerk", "acts": sorted(acts), "last_on": LAST, **narrowed}
        given = service.holder_desk.delegating.give(holding, body).delegation_id
        found = purse(self.owner.world, who)
        assert found.post("/wallet/act-for", {"delegation": given}).status_code == 303
        return found, given

    def narrow(self) -> dict[str, Purse]:
        """Return delegates of the company whose delegation does not cover the first card."""
        return {
            "a delegate for another licence": self.acting(self.mine, OTHER, licences=[self.second])[0],
            "a delegate for another type": self.acting(self.mine, OTHER, types=[BUSINESS])[0],
        }

    def strangers(self) -> dict[str, Purse]:
        """Return who is not to know of the company at all."""
        world, service = self.owner.world, self.owner.world.service
        company = purse(world, COMPANY, agent=STRANGER)
        ended, delegation = self.acting(self.mine, OTHER)
        service.wallet.delegations.end(self.mine.holder_id, delegation, self.mine.holder_id, service.now())
        return {
            "another holder": purse(world, STRANGER), "another company": company,
            "a delegate of another company": self.acting(company, STRANGER)[0], "a delegate until just now": ended,
        }  # fmt: skip

    def ask(self, who: Purse, route: Route, things: Things, **changed: Any) -> Any:
        """Ask what the table says."""
        names = asdict(things) | ({"licence_id": things.driver_id} if route in OF_A_PERSON else {})
        path = route[1].format(**names)
        asked = OF_A_PERSON.get(route) or ASKED.get(route, (None, {}))[1]
        sent = {name: value.format(**names) if isinstance(value, str) else value for name, value in asked.items()}
        if route[0] == "POST":
            return who.post(path, {**sent, **changed})
        return who.get(path + "".join(f"?{name}={quote(value)}" for name, value in sent.items()))

    def told(self, who: Purse, route: Route, things: Things) -> tuple[int, str, dict[str, str]]:
        """Return what can be seen of an answer, the names taken out."""
        answer = self.ask(who, route, things)
        return answer.status_code, without(answer.text, things), seen(answer)

    def kept(self) -> tuple[Any, ...]:
        """Return how everything of the company stands."""
        service, now = self.owner.world.service, self.owner.world.service.now()
        lendings = service.shown.lending.lendings.of(self.real.licence_id, self.mine.holder_id)
        given = service.wallet.delegations.given(self.mine.holder_id)
        cards = service.holder_desk.cards.kept.which(service.wallet.holding(self.mine.token).scope, [self.real.licence_id, self.second])  # type: ignore[union-attr]
        agreed = service.holder_desk.consenting.kept.of(self.real.driver_id, self.driver.holder_id)
        return [(one.lending_id, one.standing(now)) for one in lendings], [(one.delegation_id, one.ended_at) for one in given], dict(cards), agreed


def without(text: str, things: Things) -> str:
    for name, value in asdict(things).items():
        text = text.replace(value, f"<{name}>")
    return text


def seen(answer: Any) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name not in {"x-request-id", "date", "content-length"}}


@pytest.fixture
def scene(tmp_path: Path, demo_keys: Path) -> Iterator[Scene]:
    with owning(tmp_path, demo_keys, slug=VEHICLE, failures_before_slowing=100_000) as owner:
        face = {"license_no": "510000000002", "plate_no": "川A00002"}
        second = owner.world.issue(VEHICLE, "issue-second", case_no="SECOND", face=face)["licence_id"]
        owner.keep(second)
        mine = purse(owner.world, owner.who, agent=STRANGER)
        people, (driver_id,) = staffs.issued(owner.world, 1)
        found = Scene(owner, mine, mine, NOTHING, second, purse(owner.world, people[0]))
        found.clerk, delegation = found.acting(mine, CLERK)
        body = {**LENT, "minutes": 60, "uses": 1, "copy": True}
        lent = owner.http.post(f"/holder/cards/{owner.licence_id}/lendings", json=body, headers={**owner.headers, "Idempotency-Key": "lent-0001"})
        assert lent.status_code == 201, lent.text
        page = mine.post("/wallet/fleet/files", {"what": "chosen", "chosen": owner.licence_id}).text
        token = page.partition("/wallet/fleet/files?what=")[2].partition('"')[0]
        assert token
        plate = str(owner.world.request(VEHICLE)["face"]["plate_no"])
        found.real = Things(
            owner.licence_id, lent.json()["lending_id"], delegation, mine.holder_id, plate, token, CLERK.number, driver=people[0].name, driver_id=driver_id,
            **agreement(owner.world, mine, people[0], driver_id),
        )  # fmt: skip
        yield found


def agreement(world: World, company: Purse, who: Somebody, licence_id: str) -> dict[str, str]:
    """Let the company invite, and somebody agree; return the code and the consent's id."""
    assert company.post("/wallet/fleet/invitation").status_code == 303
    holding = world.service.wallet.holding(company.token)
    assert holding
    invitation = world.service.holder_desk.consenting.invitation(holding)
    assert invitation
    return {"code": invitation.code, "consent_id": staffs.agreed(world, invitation.code, who, licence_id)}


def served(routes: Iterable[Any]) -> Iterator[Route]:
    """Yield every route that is served, those of routers within routers too."""
    for one in routes:
        if isinstance(one, APIRoute):
            yield from ((method, one.path) for method in one.methods or ())
        elif inner := getattr(one, "original_router", None):
            yield from served(inner.routes)


def test_every_route_has_a_row_and_every_row_a_route(world: World) -> None:
    rows = [*ASKED, *OF_A_PERSON, *LISTS, *NAMELESS]
    assert len(rows) == len(set(rows))
    assert set(rows) == {(method, path) for method, path in served(create_app(world.service).routes) if path.split("/")[1] == "wallet"}


@pytest.mark.parametrize("whose", ["strangers", "narrow"])
def test_what_is_anothers_is_answered_as_what_there_is_not(scene: Scene, whose: str) -> None:
    askers, before = getattr(scene, whose)(), scene.kept()
    for route in (*ASKED, *OF_A_PERSON):
        for name, who in askers.items():
            if "{code}" in str((route, OF_A_PERSON.get(route))) and name in {"another holder", "a delegate until just now"}:
                continue  # whoever has the code was invited: below
            real, nothing = (scene.told(who, route, things) for things in (scene.real, NOTHING))
            assert real == nothing, (name, route)
            assert real[0] in {403, 404} or route in NO_PATH, (name, route, real)
            hidden = 403 if name == "a delegate until just now" else 404  # who is told of that first, whatever they ask for
            assert real[0] == hidden or "{licence_id}" not in route[1], (name, route, real)
    assert scene.kept() == before


def test_the_holder_is_answered_otherwise_so_that_the_table_asks_for_what_there_is(scene: Scene) -> None:
    alike = set()
    for route in ASKED:
        who = scene.mine
        if route == ("POST", "/wallet/act-for"):  # it is for whom it was given to, and the row before ended it
            who, delegation = scene.acting(scene.mine, CLERK)
            scene.real = replace(scene.real, delegation_id=delegation)
        nothing, real = (scene.told(who, route, things) for things in (NOTHING, scene.real))
        assert real[0] in {200, 201, 303}, (route, real)
        if real == nothing:
            alike.add(route)
    assert alike == ALIKE
    for route in OF_A_PERSON:
        nothing, real = (scene.told(scene.driver, route, things) for things in (NOTHING, scene.real))
        assert (nothing[0], real[0] in {200, 303}) == (404, True), (route, nothing, real)


def test_lists_calendars_and_zips_show_nothing_of_anothers(scene: Scene) -> None:
    hidden = [value for name, value in asdict(scene.real).items() if name not in {"field", "zip"}]
    for asker, who in {**scene.strangers(), **scene.narrow()}.items():
        every = scene.ask(who, ("POST", "/wallet/fleet/files"), scene.real, what="all")
        pages = [scene.ask(who, route, scene.real) for route in LISTS] + [every]
        if asker == "a delegate for another licence":
            assert all(scene.second in one.text for one in pages[:2])
            assert "川A00002" in pages[2].text
            assert "不含从业人员名单" in who.get("/wallet/fleet/staff").text
            files = who.get("/wallet/fleet/files?what=" + every.text.partition("?what=")[2].partition('"')[0])
            assert scene.second in files.content.decode("utf-8", "replace")
            pages.append(files)
        for page in pages:
            assert not [one for one in hidden if one in page.content.decode("utf-8", "replace")], (asker, page.request.url)


def test_with_a_code_nobody_lets_a_company_see_what_is_anothers(scene: Scene) -> None:
    other, before = scene.strangers()["another holder"], scene.kept()
    opened = other.get(f"/wallet/invited/{scene.real.code}")
    assert opened.status_code == 200  # whoever has the code was invited
    assert not [one for one in (scene.real.driver, scene.real.driver_id, scene.real.licence_id, scene.real.plate) if one in opened.text]
    route = ("POST", "/wallet/invited/{code}")
    asked = (scene.real, replace(scene.real, driver_id=NOTHING.driver_id), replace(scene.real, driver_id=scene.real.licence_id))
    answers = [scene.told(other, route, things) for things in asked]
    assert answers[0] == answers[1] == answers[2]
    assert answers[0][0] == 404
    assert scene.kept() == before


def test_ids_in_a_query_a_header_or_a_cookie_open_nothing(scene: Scene) -> None:
    def put(who: Purse, things: Things) -> list[tuple[str, dict[str, str]]]:
        names = {name: value for name, value in asdict(things).items() if value.isascii()}
        cookies = "; ".join(f"{name}={value}; session={value}; holder_session={value}" for name, value in names.items())
        holder = {"holder": things.holder_id, "delegation": things.delegation_id, "company": things.holder_id}
        return [
            ("?" + "&".join(f"{name}={quote(value)}" for name, value in {**names, **holder}.items()), {}),
            ("", {f"X-{name.replace('_', '-')}": value for name, value in {**names, **holder}.items()}),
            ("", {"Cookie": f"wallet_session={who.token}; {cookies}"}),
        ]

    for name, who in {**scene.strangers(), **scene.narrow()}.items():
        for _, path in LISTS:
            for (query, more), (none, other) in zip(put(who, scene.real), put(who, NOTHING), strict=True):
                real, nothing = who.get(path + query, **more), who.get(path + none, **other)
                assert (real.status_code, without(real.text, scene.real)) == (nothing.status_code, without(nothing.text, NOTHING)), (name, path)
    for one in asdict(scene.real).values():
        if one.isascii():
            answer = scene.owner.http.get("/wallet/fleet", headers={**HTML, "Cookie": f"wallet_session={one}"}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/wallet")


def test_a_lending_is_found_under_its_own_card_only(scene: Scene) -> None:
    crossed = replace(scene.real, licence_id=scene.second)
    for route in (one for one in ASKED if "{lending_id}" in one[1]):
        assert scene.ask(scene.mine, route, crossed).status_code == 404, route


def test_nobody_who_is_not_signed_in_gets_further_than_the_door(scene: Scene) -> None:
    for method, path in {*ASKED, *OF_A_PERSON, *LISTS, *NAMELESS} - OPEN:
        for cookie in ({}, {"Cookie": "wallet_session=guessed"}):
            answer = scene.owner.http.request(method, path.format(**asdict(scene.real)), headers={**HTML, **cookie}, follow_redirects=False)
            assert (answer.status_code, answer.headers["location"]) == (303, "/wallet"), (method, path)


def test_no_form_is_taken_that_was_not_made_for_this_session(scene: Scene) -> None:
    another, before = purse(scene.owner.world, scene.owner.who), scene.kept()
    for route in FORMS:
        for wrong in ("", "x", another.form_key):
            assert scene.ask(scene.mine, route, scene.real, form_key=wrong).status_code == 403, (route, wrong)
    assert scene.kept() == before
    assert scene.mine.get("/wallet/fleet").status_code == 200  # nobody was signed out


def wanting(act: str) -> list[Route]:
    """Return the routes that want an act."""
    return [route for route, (wanted, _) in ASKED.items() if wanted == act] + [route for route, wanted in LISTS.items() if wanted == act]


@pytest.mark.parametrize("act", sorted(GIVEN - {READ}))
def test_a_delegate_does_what_was_delegated_and_nothing_else(scene: Scene, act: str) -> None:
    (without_it, _), (alone, _) = scene.acting(scene.mine, OTHER, GIVEN - {act}), scene.acting(scene.mine, OTHER, [act])
    assert wanting(act)
    for route in wanting(act):
        assert scene.ask(without_it, route, scene.real).status_code == 403, route
    for route in (*wanting(READ), *wanting(act)):  # reading goes with every other
        assert scene.ask(alone, route, scene.real).status_code in {200, 201, 303}, route


@pytest.mark.rule("SH-13")
def test_no_delegate_lets_others_act(scene: Scene) -> None:
    before = scene.kept()
    for route in wanting(DELEGATE):
        assert scene.ask(scene.clerk, route, scene.real).status_code == 403, route
    assert scene.kept() == before


def test_a_level_that_is_too_low_is_named_with_the_way_to_a_higher_one(scene: Scene) -> None:
    weak, levels, before = purse(scene.owner.world, scene.owner.who, level="1"), scene.owner.world.service.holder_desk.cards.levels, scene.kept()
    for act in sorted({*GIVEN, DELEGATE}):
        for route in wanting(act):
            answer = scene.ask(weak, route, scene.real)
            level = levels[act]
            if level == 1:
                assert answer.status_code == 200, route
            else:
                assert answer.status_code == 403, route
                assert f"需要身份认证等级 {level} 级" in answer.text
                assert 'href="/wallet/sign-in"' in answer.text
    assert scene.kept() == before
