"""Who asks for what is another's is answered as for what there is not: every operation of the OpenAPI document, every kind of asker.

The table is held against the document: an operation without a row fails.
"""

import base64
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import timedelta
from itertools import count
from pathlib import Path
from typing import Any

import pytest
from fastapi.routing import APIRoute

from licence_service.document.standin import person
from licence_service.duties import Role
from licence_service.holding import GIVEN
from licence_service.identifiers import ElicenceId
from licence_service.licence import beijing_day
from licence_service.store.clients import APPROVAL, OFFICER, PLATFORM, Client
from licence_service.web.desk import acting, approving, auditing, campaigns, door, finding, issuing, quarantine, sealing, tasks
from tests import staffs
from tests.api.test_offices import OFFICES, OTHER, SHUAN, keys_with
from tests.desks import Seat
from tests.host import HostApp, Somebody, hosting
from tests.stocks import PLAN, as_ndjson, clean
from tests.world import BUSINESS, DRIVER, NOW, VEHICLE, Clock, World, decision

HAILING = "ride_hailing_transport_certificate"
REGION = "519903"
WRONG_CODE = "0123456789AB"
LOUD = frozenset({"x-request-id", "date"})  # headers that are different every time
LISTS = frozenset(  # they name nothing, and show what there is
    {
        ("get", "/tasks"), ("get", "/events"), ("get", "/webhooks"), ("post", "/licences/search"), ("post", "/compliance"), ("get", "/holder/cards"),
        ("get", "/holder/delegations"), ("get", "/holder/deadlines.ics"), ("get", "/holder/notices"), ("get", "/notices"), ("get", "/arrivals"),
        ("get", "/holder/invitation"), ("get", "/holder/staff"), ("get", "/holder/staff/looks"), ("get", "/holder/looks"),
    }
)  # fmt: skip


@dataclass(frozen=True)
class Things:
    """The names of all that the owner has; `nothing` has names of the same form that nobody was ever given."""

    licence_id: str
    reservation_id: str
    task_id: str
    webhook_id: str
    case_no: str
    sticker_id: str
    run_id: str
    name: str  # of a watched list
    plate: str
    license_no: str
    delegation_id: str
    lending_id: str
    driver_id: str  # a licence of a person who agreed that a company sees it
    consent_id: str
    invitation: str
    field: str = "vehicle_photo"  # of the licence's face
    number: int = 1

    @property
    def event_id(self) -> str:
        """The event of the first entry."""
        return f"{self.licence_id}-1"


NOTHING = Things(
    "0" * 20, "0" * 26, "0" * 26, "0" * 26, "CASE-0", "0" * 26, "0" * 26, "list-0", "川PD00000", "川交运管许可蜀字519900029999号", "0" * 26, "0" * 26,
    "0" * 20, "0" * 26, "0" * 16,
)  # fmt: skip
Probe = Callable[[World, Things], dict[str, Any]]


def nothing_more(_world: World, _things: Things) -> dict[str, Any]:
    """All that is asked for stands in the address."""
    return {}


def said(**body: Any) -> Probe:
    """A body that is the same whatever is asked about."""
    return lambda _world, _things: {"json": body}


def review_asked(_world: World, things: Things) -> dict[str, Any]:
    return {"json": {"type": HAILING, "licence_id": things.licence_id}}


def acted(world: World, _things: Things) -> dict[str, Any]:
    return {"json": {"act": "report_lost", "decision": decision(beijing_day(world.clock()))}}


def issued_again(world: World, things: Things) -> dict[str, Any]:
    """The same case and holder under another number: the case is one of those who asked for it only."""
    return {"json": world.request(HAILING, case_no=things.case_no, region=REGION, face={"license_no": f"川交运管许可蜀字5199{next(NUMBERS)}号"})}


def bundled(world: World, things: Things) -> dict[str, Any]:
    hung = {**issued_again(world, things)["json"], "case_no": f"BUNDLED-{next(NUMBERS)}", "parent": things.licence_id}
    return {"json": {"bundle_no": "B-1", "issues": [hung]}}


def adopted(world: World, things: Things) -> dict[str, Any]:
    own = str(ElicenceId(world.service.catalogue.editions[HAILING][-1].type_code(SHUAN), SHUAN, things.licence_id, 1))
    return {"json": {**world.request(HAILING, case_no=things.case_no), "elicence_id": own, "document": "Tm8gUERG"}}


def reviewed(_world: World, things: Things) -> dict[str, Any]:
    report = {"station": "91519902MB99000889", "report_no": "R-1", "tested_on": "2026-11-26", "plate": things.plate, "subject": "LFV2A21K8G4012345"}
    return {
        "json": {
            "kind": "annual_review", "type": HAILING, "search": {"field": "plate_no", "value": things.plate}, "report": report,
            "facts": {"result": "1"}, "signature": "00" * 64, "receipts": {"police": {"outcome": "pass"}}, "decision": decision(beijing_day(NOW)),
        }
    }  # fmt: skip


def asserted(_world: World, things: Things) -> dict[str, Any]:
    return {
        "json": {
            "licence_id": things.licence_id, "kind": "annual_review", "facts": {"date": "2026-11-20"}, "external_ref": "A-1",
            "asserter": "91519902MB99000889", "signature": "00" * 64,
        }
    }  # fmt: skip


def numbered(**more: str) -> Probe:
    """A number that there is, or is not, with what does not belong to it."""
    return lambda _world, things: {"json": {"number": things.license_no, **more}}


def row(_world: World, things: Things) -> dict[str, Any]:
    return {"json": {"rows": [{"ref": "1", "number": things.license_no, "plate": "川Z12345", "type": HAILING}]}}


def claimed(_world: World, things: Things) -> dict[str, Any]:
    return {"json": {"by": "plate", "value": things.plate, "delivery_code": "0" * 16}}


def delegated(world: World, things: Things) -> dict[str, Any]:
    last = beijing_day(world.clock()) + timedelta(days=9)
    who = {"number": "519902199001010034", "name": "周望川", "role": "clerk"}
    return {"json": {**who, "acts": ["read"], "licences": [things.licence_id], "last_on": last.isoformat()}}


def agreed(_world: World, things: Things) -> dict[str, Any]:
    return {"json": {"code": things.invitation}}


def looked(_world: World, things: Things) -> dict[str, Any]:
    return {"json": {"by": "number", "value": things.license_no, "reason": "roadside_check", "place": "K12", "officer": "警01"}}


OWNER = "91519900MB9900012J"  # of the vehicle
LENT = {"receiver": "蜀安示例银行股份有限公司", "purpose": "办理车辆贷款", "fields": ["plate_no"], "minutes": 60, "copy": True}
NUMBERS, HOURS = iter(range(10_000_000, 99_999_999)), count(1)
_CARD, _LICENCE, _HOOK, _RUN = "/holder/cards/{licence_id}", "/licences/{licence_id}", "/webhooks/{webhook_id}", "/batches/{run_id}"
PROBES: Mapping[tuple[str, str], Probe] = {  # what destroys comes last: at the end the owner must find everything as it was
    ("get", f"{_LICENCE}/versions/{{number}}/document"): nothing_more,
    ("get", "/reservations/{reservation_id}"): nothing_more,
    ("get", f"{_LICENCE}/entries"): nothing_more,
    ("get", _LICENCE): nothing_more,
    ("get", f"{_LICENCE}/answer"): nothing_more,
    ("get", f"{_LICENCE}/history"): nothing_more,
    ("get", f"{_LICENCE}/looks"): nothing_more,
    ("get", f"{_LICENCE}/stickers"): nothing_more,
    ("get", "/cases/{case_no}"): nothing_more,
    ("post", "/cases/{case_no}/review"): review_asked,
    ("get", _HOOK): nothing_more,
    ("get", f"{_HOOK}/deliveries"): nothing_more,
    ("get", _RUN): nothing_more,
    ("get", f"{_RUN}/report"): nothing_more,
    ("get", f"{_RUN}/quarantine"): nothing_more,
    ("get", f"{_RUN}/results"): nothing_more,
    ("get", f"{_RUN}/sample"): nothing_more,
    ("post", f"{_RUN}/corrections"): said(by="修正人丙", rows=[{"line": 1, "values": {"address": "示例省"}}]),
    ("post", f"{_RUN}/sample"): nothing_more,
    ("post", f"{_RUN}/sign-off"): said(by="核验人乙", county="519903"),
    ("post", f"{_RUN}/release"): nothing_more,
    ("get", "/watch/{name}/changes"): nothing_more,
    ("get", _CARD): nothing_more,
    **dict.fromkeys((("get", f"{_CARD}{part}") for part in ("/history", "/photos/{field}", "/document", "/looks", "/deadlines")), nothing_more),
    ("get", f"{_CARD}/lendings"): nothing_more,
    ("get", f"{_CARD}/lendings/{{lending_id}}/copy"): nothing_more,
    ("get", f"{_CARD}/consents"): nothing_more,
    ("post", f"{_CARD}/consents"): agreed,
    ("post", f"{_CARD}/show-codes"): said(),
    ("post", f"{_CARD}/lendings"): said(**LENT),
    ("post", "/holder/claims"): claimed,
    ("post", "/holder/delegations"): delegated,
    ("post", "/reviews"): reviewed,
    ("post", "/licences"): issued_again,
    ("post", "/licences/bundle"): bundled,
    ("post", "/licences/adopted"): adopted,
    ("post", "/assertions"): asserted,
    ("post", "/officer/look"): looked,
    ("post", "/verify/batch"): row,
    ("post", "/verify"): numbered(check_code=WRONG_CODE),
    ("post", "/verify/history"): numbered(check_code=WRONG_CODE),
    ("post", "/verify/match"): numbered(check_code=WRONG_CODE, name="无此人"),
    ("post", f"{_LICENCE}/stickers"): said(),
    ("post", f"{_LICENCE}/signals"): said(source="police", signal="licence_revoked", occurred_on="2026-11-01", external_ref="P-1"),
    ("post", f"{_HOOK}/deliveries/{{event_id}}/resend"): nothing_more,
    ("post", f"{_HOOK}/replay"): said(),
    ("post", f"{_HOOK}/secret"): nothing_more,
    ("post", f"{_LICENCE}/entries"): acted,
    ("post", f"{_LICENCE}/stickers/{{sticker_id}}/revoke"): nothing_more,
    ("post", "/tasks/{task_id}/close"): nothing_more,
    ("put", "/watch/{name}"): said(rows=[{"ref": "1", "number": "5199", "name": "无此人"}]),
    ("delete", _HOOK): nothing_more,
    ("delete", "/watch/{name}"): nothing_more,
    ("post", f"{_CARD}/lendings/{{lending_id}}/revoke"): nothing_more,
    ("post", f"{_CARD}/consents/{{consent_id}}/withdraw"): nothing_more,
    ("delete", _CARD): nothing_more,
    ("delete", "/holder/delegations/{delegation_id}"): nothing_more,
}
NAMELESS: Mapping[tuple[str, str], str] = {  # operations that name nothing of anybody, and why that is so
    ("get", "/Q/1{digits}"): "whoever has the code holds the paper; a signed code cannot be guessed",
    ("get", "/S/{code}"): "the code is the sticker",
    ("get", "/D/1{digits}"): "nothing is looked up", ("post", "/D/1{digits}"): "whoever has the code stands before the screen; a signed code cannot be guessed",
    ("post", "/officer/shown"): "the same, later",
    ("get", "/L/{code}"): "nothing is looked up", ("post", "/lent"): "the code and the receiver's name, or token, are the right to what was lent",
    ("post", "/holder/log-out"): "the asker's own",
    ("post", "/holder/invitation"): "the asker's own", ("delete", "/holder/invitation"): "the asker's own",
    ("post", "/holder/invited"): "whoever has the code was invited",
    ("post", "/download"): "the delivery code is the right to the file",
    ("post", "/notes"): "the note code is the right to the note",
    ("post", "/verify/document"): "whoever has the file asks about it",
    ("post", "/report-site"): "tells something, asks nothing",
    ("get", "/templates"): "types are public", ("get", "/templates/{slug}"): "types are public",
    ("post", "/templates/{slug}/preview"): "draws what was sent",
    ("post", "/oauth/token"): "the asker's own",
    ("get", "/.well-known/oauth-authorization-server"): "public",
    ("get", "/healthz"): "public", ("get", "/readyz"): "public",
    ("get", "/status"): "public", ("get", "/status/{number}"): "public lists of bits",
    ("get", "/offline/bundle"): "public", ("get", "/offline/bundle/delta"): "public", ("get", "/offline/keeper"): "public",
    ("get", "/offline/time"): "public",
    ("post", "/webhooks"): "the asker's own",
    ("post", "/batches"): "the asker's own; below: the same file of another department",
}  # fmt: skip
PUBLIC = frozenset({"/verify", "/verify/history", "/verify/match", "/assertions"})  # by a code, or a signature
KNOWING = frozenset({("officers", "/officer/look")})  # officers see every right (SH-08); each look is kept, and told to the holder


@dataclass
class Scene:
    """A world in which an office, its department and a platform have one of everything."""

    world: World
    real: Things
    owners: Mapping[str, dict[str, str]]
    askers: Mapping[str, dict[str, str]]
    proposal: int = 0  # the number of one that is open, where there is one

    def asked(self, who: Mapping[str, str], operation: tuple[str, str], things: Things) -> Any:
        """Send what the table says, with a fresh key."""
        method, path = operation
        values = {one.name: getattr(things, one.name) for one in fields(Things)} | {"event_id": things.event_id}
        values |= {"licence_id": things.driver_id} if of_a_person(path) else {}
        headers = {**who, "Idempotency-Key": f"isolation-{next(NUMBERS)}"}
        return self.world.http.request(method, path.format(**values), headers=headers, **PROBES[operation](self.world, things))

    def pair(self, who: Mapping[str, str], operation: tuple[str, str]) -> tuple[Any, Any]:
        """Ask for what there is and for what there is not, and return what can be seen of both answers."""
        assert isinstance(self.world.clock, Clock)
        if operation[1] == "/verify/match":  # five tries are all that there are in an hour
            self.world.clock.now = NOW + timedelta(hours=next(HOURS))
        real, nothing = (self.told(self.asked(who, operation, things), things) for things in (self.real, NOTHING))
        self.world.clock.now = NOW
        return real, nothing

    def told(self, answer: Any, things: Things) -> tuple[int, str, dict[str, str]]:
        """Return what an asker can see of an answer, the names taken out; of what was done only that it was."""
        text, headers = answer.text, {name: value for name, value in answer.headers.items() if name not in LOUD}
        for one in fields(Things):
            if isinstance(value := getattr(things, one.name), str):
                text = text.replace(value, f"<{one.name}>")
                headers = {name: each.replace(value, f"<{one.name}>") for name, each in headers.items()}
        if answer.status_code == 201:
            return answer.status_code, str(sorted(answer.json())), {}
        return answer.status_code, text, headers

    def owner_of(self, path: str) -> dict[str, str]:
        """Return the headers of who owns what a path is about."""
        first = path.split("/")[1]
        if of_a_person(path):
            return self.owners["person"]
        return self.owners.get({"watch": "platform", "batches": "department", "holder": "holder"}.get(first, "office"), {})


def of_a_person(path: str) -> bool:
    """Say whether what a path is about is a person's, not the company's."""
    return "/consents" in path


def stock(first: int) -> bytes:
    """Return a file of three rows without a fault."""
    photo = base64.b64encode(person()).decode()
    return as_ndjson([{**clean(number), "照片": photo} for number in range(first, first + 3)])


def bearer(secret: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {secret}"}


def everything(
    world: World, office: Client, token: dict[str, str], department: dict[str, str], platform: dict[str, str], holder: Callable[[str], dict[str, str]]
) -> Things:  # fmt: skip
    """Let the owners have one of everything, and return the names; `holder` logs a company of that name in."""
    http, keyed = world.http, {**token, "Idempotency-Key": "owner-0001"}
    hook = http.post("/webhooks", json={"url": "http://127.0.0.1:9/"}, headers=token).json()
    body = world.request(HAILING, case_no="CASE-1", region=REGION)
    made = http.post("/licences", json=body, headers=keyed)
    assert made.status_code == 201, made.text
    licence_id = made.json()["licence_id"]
    world.service.courier.work()
    reservation = world.service.reservations.by_key(office.name, "owner-0001")
    assert reservation
    sticker = http.post(f"/licences/{licence_id}/stickers", json={}, headers=token).json()["sticker_id"]
    task = world.service.tasks.open(SHUAN, "conflict", licence_id, {"rule": "XR-03"})
    loaded = http.post("/batches", files={"file": ("stock", stock(3))}, data={"map": PLAN, "type": DRIVER, "by": "装载人甲"}, headers=department)
    assert loaded.status_code == 201, loaded.text
    rows = [{"ref": "1", "number": made.json()["number"], "plate": body["face"]["plate_no"]}]
    assert http.put("/watch/list-1", json={"rows": rows}, headers=platform).status_code == 200
    owner, code = holder(body["face"]["vehicle_owner"]), made.json()["delivery_code"]
    card = http.post("/holder/claims", json={"by": "plate", "value": body["face"]["plate_no"], "delivery_code": code}, headers=owner)
    assert card.json()["claimed"] == [licence_id], card.text
    delegation = http.post("/holder/delegations", **delegated(world, replace(NOTHING, licence_id=licence_id)), headers=owner)
    assert delegation.status_code == 201, delegation.text
    lent = http.post(f"/holder/cards/{licence_id}/lendings", json=LENT, headers={**owner, "Idempotency-Key": "isolation-lend"})
    assert lent.status_code == 201, lent.text
    people, (driver_id,) = staffs.issued(world, 1)
    invited = http.post("/holder/invitation", json={}, headers=owner)
    assert invited.status_code == 201, invited.text
    consent_id = staffs.agreed(world, invited.json()["code"], people[0], driver_id)
    return Things(
        licence_id, reservation.reservation_id, task, hook["webhook_id"], "CASE-1", sticker, loaded.json()["run"], "list-1",
        body["face"]["plate_no"], made.json()["number"], delegation.json()["delegation_id"],
        lent.json()["lending_id"], driver_id, consent_id, invited.json()["code"],
    )  # fmt: skip


def askers(world: World) -> dict[str, dict[str, str]]:
    """Return the headers of everybody who is not to know of it."""
    add = world.service.clients.add
    found = {
        "another department": Client("foreign", OTHER, ("*",), 100_000),
        "a reader of another department": Client("reader", OTHER, ("*",), 100_000, acts=("read",)),
        "another office": Client("sibling", SHUAN, ("*",), 100_000, office="south"),
        "the office below": Client("below", SHUAN, ("*",), 100_000, office="north-window"),
        "a client without the types": Client("typeless", SHUAN, (BUSINESS,), 100_000),
        "officers": Client("officers", OTHER, ("*",), 100_000, OFFICER),
        "another platform": Client("platform-2", "91519902MB99000887", ("*",), 100_000, PLATFORM),
        "removed": Client("removed", SHUAN, ("*",), 100_000),
    }  # fmt: skip
    headers = {name: bearer(add(client, NOW)) for name, client in found.items()}
    world.service.clients.remove("removed", NOW)
    form = {"grant_type": "client_credentials", "client_id": "whole", "client_secret": add(Client("whole", SHUAN, ("*",), 100_000), NOW)}
    narrowed = world.http.post("/oauth/token", data={**form, "scope": f"*:{BUSINESS}"}).json()["access_token"]
    return {**headers, "a token narrowed to other types": bearer(narrowed), "nobody": {}}


def holders_of_others(app: HostApp) -> dict[str, dict[str, str]]:
    """Return the headers of holders who are not to know of it: a person, a company, and who acts for that company."""
    company, clerk = Somebody("91519902MA99011003", "蜀安江川航运有限公司", "company"), Somebody("519902198506120111", "陈安途")
    acting, last = app.acting(company), beijing_day(NOW) + timedelta(days=9)
    body = {"number": clerk.number, "name": clerk.name, "role": "manager", "acts": sorted(GIVEN), "last_on": last.isoformat()}
    given = app.world.http.post("/holder/delegations", json=body, headers=acting)
    assert given.status_code == 201, given.text
    delegate = app.acting(clerk, delegation=given.json()["delegation_id"])
    return {"another holder": app.acting(clerk), "another company": acting, "a delegate of another company": delegate}


@pytest.fixture
def scene(tmp_path: Path, demo_keys: Path) -> Iterator[Scene]:
    """The world with everything and everybody."""
    with a_scene(tmp_path, demo_keys) as made:
        yield made


@contextmanager
def a_scene(folder: Path, demo_keys: Path, database_url: str | None = None) -> Iterator[Scene]:
    """Open it, with the database at an address, or one of its own."""
    keys = keys_with(folder / "keys", demo_keys, OFFICES.replace('["519905"]', f'["{REGION}", "519905"]'))  # two offices share a region
    with hosting(folder / "world", keys, database_url, failures_before_slowing=100_000, webhook_networks="127.0.0.0/8") as hosts:
        world, app = hosts.world, hosts.app()
        office = Client("owner", SHUAN, (HAILING, DRIVER), 100_000, APPROVAL, office="north")
        platform = Client("platform-1", "91519902MB99000889", ("*",), 100_000, PLATFORM)
        token, watching = (bearer(world.service.clients.add(one, NOW)) for one in (office, platform))
        department = bearer(world.tokens[SHUAN])
        others = {**holders_of_others(app), "another host app": hosts.app("other-app").itself}
        real = everything(world, office, token, department, watching, lambda name: app.acting(Somebody(OWNER, name, "company")))
        owner = app.acting(Somebody(OWNER, world.request(HAILING)["face"]["vehicle_owner"], "company"))
        form = {"grant_type": "client_credentials", "client_id": office.name, "client_secret": token["Authorization"].removeprefix("Bearer ")}
        narrowed = world.http.post("/oauth/token", data={**form, "scope": f"*:{DRIVER}"}).json()["access_token"]
        others["the owner's own token narrowed to other types"] = bearer(narrowed)
        owners = {"office": token, "department": department, "platform": watching, "holder": owner, "person": app.acting(staffs.driver(1))}
        yield Scene(world, real, owners, {**askers(world), **others})


def operations(world: World) -> set[tuple[str, str]]:
    """Return every operation of the document."""
    return {(method, path) for path, those in world.http.get("/openapi.json").json()["paths"].items() for method in those}


def test_every_operation_has_a_row_and_every_row_an_operation(world: World) -> None:
    rows = [*PROBES, *NAMELESS, *LISTS]
    assert len(rows) == len(set(rows))
    assert set(rows) == operations(world)


def test_what_is_anothers_is_answered_as_what_there_is_not(scene: Scene) -> None:
    differing = []
    for operation in PROBES:
        for name, headers in scene.askers.items():
            if (name, operation[1]) in KNOWING:
                continue
            real, nothing = scene.pair(headers, operation)
            if real != nothing:
                differing.append((name, operation, real, nothing))
            assert real[0] < 500, (name, operation, real)
            assert operation[1] in PUBLIC or name not in {"nobody", "removed"} or real[0] == 401, (name, operation, real)
    assert not differing


def test_the_owner_is_answered_otherwise_so_that_the_table_asks_for_what_there_is(scene: Scene) -> None:
    alike = []
    own = {"/officer/look": bearer(scene.world.service.clients.add(Client("seeing", OTHER, ("*",), 1000, OFFICER), NOW))}
    for operation in PROBES:
        headers = own.get(operation[1]) or scene.owner_of(operation[1])
        real, nothing = scene.pair(headers, operation)
        if real == nothing:
            alike.append(operation)
    # These answer alike whoever asks: nothing is compared with a licence before code, signature, document or grant are right; a list of one's own.
    # A bundle asks as `POST /licences`, whose row tells; here it names a parent that none of these may have.
    assert set(alike) == {
        ("post", "/licences/bundle"),
        ("post", "/licences/adopted"), ("post", "/assertions"), ("post", "/verify/batch"), ("put", "/watch/{name}"), ("delete", "/watch/{name}"),
        ("post", "/holder/claims"),
        *(("post", f"/verify{part}") for part in ("", "/history", "/match")),
    }  # fmt: skip


def test_lists_and_totals_show_nothing_of_anothers(scene: Scene) -> None:
    http, owner = scene.world.http, scene.owners["office"]
    for asker, headers in {**scene.askers, "owner": owner}.items():
        heard = http.get("/events", headers=headers)
        searched = http.post("/licences/search", json={"type": HAILING}, headers=headers)
        named = http.post("/licences/search", json={"field": "number", "value": scene.real.license_no}, headers=headers)
        tasks, hooks = http.get("/tasks", headers=headers), http.get("/webhooks", headers=headers)
        rates = http.post("/compliance", json={}, headers=headers)
        if rates.status_code == 200:  # of the whole department, so nothing of another one, and nothing of types that are not held
            assert rates.json()["types"] == [], asker
        listed = [
            len(answer.json()[key])
            for answer, key in ((heard, "events"), (searched, "licences"), (named, "licences"), (tasks, "tasks"), (hooks, "webhooks"))
            if answer.status_code == 200
        ]
        assert listed == ([1] * 5 if asker == "owner" else [0] * len(listed)), asker
        for answer in (heard, searched, named, tasks, hooks):
            assert asker == "owner" or not [one for one in (scene.real.licence_id, scene.real.task_id, scene.real.webhook_id) if one in answer.text]
            assert asker not in {"nobody", "removed"} or answer.status_code == 401


def test_a_file_that_another_department_loaded_is_a_new_one(scene: Scene) -> None:
    foreign = scene.askers["another department"]

    def loaded(first: int) -> dict[str, Any]:
        answer = scene.world.http.post(
            "/batches", files={"file": ("stock", stock(first))}, data={"map": PLAN, "type": DRIVER, "by": "装载人甲"}, headers=foreign
        )
        assert answer.status_code == 201, answer.text
        return {name: value for name, value in answer.json().items() if name != "run"}

    assert loaded(3) == loaded(6003)


@pytest.mark.rule("LC-13")
def test_a_licence_of_another_department_is_a_parent_to_who_knows_id_and_number_only(scene: Scene) -> None:
    world = scene.world
    parent, city = world.issue(BUSINESS, "parent-001"), scene.owners["department"]

    def hung(parent_id: str, number: str, key: str) -> Any:
        body = world.request(VEHICLE, case_no=key, face={"business_permit_no": number})
        face = {**body["face"], "issuer_name": world.service.keyring.departments[SHUAN].name}
        return world.http.post("/licences", json={**body, "face": face, "parent": parent_id}, headers={**city, "Idempotency-Key": key})

    real, nothing = (hung(one, "519902010599", "hanging-1") for one in (parent["licence_id"], NOTHING.licence_id))
    assert (real.status_code, real.json()["faults"][0]["code"]) == (422, "no-parent"), real.text
    assert real.json() == nothing.json()
    assert hung(parent["licence_id"], parent["number"], "hanging-8").status_code == 201
    assert world.act(BUSINESS, parent["licence_id"], {"act": "revoke"}, "revoke-001").status_code == 201
    ended = hung(parent["licence_id"], parent["number"], "hanging-9")
    assert (ended.status_code, ended.json()["faults"][0]["code"]) == (422, "no-parent")


def test_names_of_nothing_are_of_the_form_of_real_ones(scene: Scene) -> None:
    for one in fields(Things):
        real, nothing = getattr(scene.real, one.name), getattr(NOTHING, one.name)
        assert one.name in {"number", "field"} or (real != nothing and len(real) == len(nothing)), one.name


# -- the desk: the same, for people -------------------------------------------------------------------------------------

_AT = "/desk/licences/{licence_id}"
DESK: Mapping[tuple[str, str], dict[str, str]] = {  # what destroys comes last
    ("GET", _AT): {}, ("GET", f"{_AT}/history"): {}, ("GET", f"{_AT}/versions/{{number}}/document"): {}, ("GET", f"{_AT}/acts/{{act}}"): {},
    ("GET", "/desk/reservations/{reservation_id}"): {}, ("GET", "/desk/stock/{run_id}"): {}, ("GET", "/desk/campaigns/{campaign_id}"): {},
    ("POST", f"{_AT}/acts/{{act}}/preview"): {}, ("POST", f"{_AT}/copies"): {}, ("POST", "/desk/campaigns/{campaign_id}"): {"do": "rehearse"},
    ("POST", f"{_AT}/acts/{{act}}"): {}, ("POST", "/desk/stock/{run_id}/rows/{line}"): {"do": "reject", "reason": "x"},
    ("POST", "/desk/approvals/campaigns/{campaign_id}"): {}, ("POST", "/desk/tasks/{task_id}/close"): {},
    ("POST", "/desk/approvals/proposals/{number}"): {"do": "drop"},
}  # fmt: skip
TYPES_ARE_PUBLIC = {("GET", "/desk/issue/{slug}"), ("POST", "/desk/issue/{slug}"), ("POST", "/desk/preview/{slug}")}
OWN_CODES = ("GET", "/desk/reservations/{reservation_id}")  # known to whoever began it only: the owner of this scene is a system
DECIDED_ELSEWHERE = ("POST", "/desk/approvals/proposals/{number}")  # by the department that keeps the register
NO_CAMPAIGN = "0" * 26


def at_the_desk(world: World, department: str, office: str | None, *roles: Role) -> Seat:
    """Let somebody of another name sit down."""
    people, now = world.service.people, world.clock()
    person_id = people.add("https://id.example.cn", f"u-{next(NUMBERS)}", "林知远", department, "operator", now)
    if office:
        people.move(person_id, office, beijing_day(now), "operator", now)
    for role in roles:
        people.give(person_id, role, beijing_day(now), None, "operator", now)
    return Seat(world, person_id, world.service.sign_in.sessions.begin(person_id, now))


def a_campaign(world: World, *more: str) -> str:
    """Plan something for the department, and for more with it, and return the campaign's id."""
    said = {
        "act": "reinstate", "title": {"zh": "恢复", "en": "Reinstatement"}, "departments": [SHUAN, *more], "types": [DRIVER],
        "effective_on": "2026-11-20",
        "select": {"ground": "age", "decided_from": "2026-01-01", "decided_to": "2026-02-01"}, "decision": decision(beijing_day(NOW)),
    }  # fmt: skip
    return world.service.runner().plan(said, "计划人甲")


def desk_told(scene: Scene, who: Seat, route: tuple[str, str], things: Things, campaign_id: str) -> tuple[int, str]:
    """Ask at the desk for what the table says, and return what can be seen of the answer, the names taken out."""
    method, path = route
    values = {one.name: getattr(things, one.name) for one in fields(Things)} | {"campaign_id": campaign_id, "line": 2, "act": "report_lost"}
    if route == DECIDED_ELSEWHERE:
        values["number"] = scene.proposal if things is scene.real else 2**40
    asked = path.format(**values)
    scene.world.http.cookies.clear()
    answer = who.get(asked) if method == "GET" else who.post(asked, DESK[route])
    text = answer.text.replace(campaign_id, "<campaign>")
    for one in fields(Things):
        if isinstance(value := getattr(things, one.name), str):
            text = text.replace(value, f"<{one.name}>")
    return answer.status_code, text


def test_every_page_of_the_desk_that_names_something_has_a_row() -> None:
    parts = (door, finding, issuing, acting, tasks, sealing, quarantine, approving, campaigns, auditing)
    routes = [one for part in parts for one in part.router.routes if isinstance(one, APIRoute)]
    named = {(method, one.path) for one in routes for method in one.methods or () if "{" in one.path}
    routing = {one.stem for one in Path(door.__file__).parent.glob("*.py") if "APIRouter(" in one.read_text("utf-8")}
    assert routing == {part.__name__.rpartition(".")[2] for part in parts}
    assert named == {*DESK, *TYPES_ARE_PUBLIC}


@pytest.mark.rule("SE-01")
def test_at_the_desk_too_what_is_anothers_is_answered_as_what_there_is_not(scene: Scene) -> None:
    campaign_id, both = a_campaign(scene.world), (Role.CLERK, Role.AUDITOR)
    scene.proposal = scene.world.service.foundations.propose("body", "52519900MB9900099X", "{}", "局长甲")
    strangers = {
        "another office": at_the_desk(scene.world, SHUAN, "south", *both), "the office below": at_the_desk(scene.world, SHUAN, "north-window", *both),
        "another department": at_the_desk(scene.world, OTHER, None, *both, Role.DATA_QUALITY),
        "its approver": at_the_desk(scene.world, OTHER, None, Role.APPROVER),
        "its administrator": at_the_desk(scene.world, OTHER, None, Role.TEMPLATE_ADMINISTRATOR),
    }  # fmt: skip
    for route in DESK:
        for name, who in strangers.items():
            real, nothing = desk_told(scene, who, route, scene.real, campaign_id), desk_told(scene, who, route, NOTHING, NO_CAMPAIGN)
            assert real == nothing, (name, route)
            assert real[0] in {403, 404}, (name, route, real[0])

    owners = [
        at_the_desk(scene.world, SHUAN, "north", Role.CLERK), at_the_desk(scene.world, SHUAN, None, Role.DATA_QUALITY),
        at_the_desk(scene.world, SHUAN, None, Role.TEMPLATE_ADMINISTRATOR), at_the_desk(scene.world, SHUAN, None, Role.APPROVER),
    ]  # fmt: skip
    for route in DESK.keys() - {OWN_CODES, DECIDED_ELSEWHERE}:  # so that the table asks for what there is
        seen = [
            desk_told(scene, who, route, scene.real, campaign_id) != desk_told(scene, who, route, NOTHING, NO_CAMPAIGN) for who in owners
        ]  # fmt: skip
        assert any(seen), route
