"""A holder's deadlines over HTTP: of a card, as a calendar file, as told; and what the host app is told of them."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any

import pytest

from licence_service.licence import beijing_day
from tests import ics
from tests.holders import owning
from tests.host import HostApp, Hosts, Somebody, hosting
from tests.receiver import Got, Receiver, listening
from tests.world import DRIVER, Clock

CHEN, OTHER = Somebody("519902198506120111", "陈安途"), Somebody("519902199001010034", "周望川")
TOLD_OF = ("duty", "about", "day", "title", "do", "by")
LAST = date(2032, 6, 19)
REMINDED = datetime(2032, 5, 20, 4, 0, tzinfo=UTC)


@pytest.fixture
def hosts(tmp_path: Path, demo_keys: Path) -> Iterator[Hosts]:
    with hosting(tmp_path, demo_keys, webhook_networks="127.0.0.0/8") as opened:
        yield opened


@pytest.fixture
def app(hosts: Hosts) -> HostApp:
    return hosts.app()


def move_to(hosts: Hosts, at: datetime) -> None:
    """Let time pass, and the server do its rounds."""
    clock = hosts.world.clock
    assert isinstance(clock, Clock)
    clock.now = at
    while hosts.world.service.reminders.reminding.work():
        pass


def driver(hosts: Hosts, app: HostApp) -> str:
    made: dict[str, str] = hosts.world.issue(DRIVER)
    assert app.claim(app.acting(CHEN))["claimed"] == [made["licence_id"]]
    return made["licence_id"]


def read(app: HostApp, path: str, who: Somebody = CHEN, **more: str) -> Any:
    answer = app.get(path, app.acting(who), **more)
    assert answer.status_code == 200, answer.text
    return answer


def test_a_card_has_its_days_in_two_languages_with_what_to_do_and_by_whom(hosts: Hosts, app: HostApp) -> None:
    licence_id = driver(hosts, app)
    found = read(app, f"/cards/{licence_id}/deadlines").json()
    assert found["licence_id"] == licence_id
    assert [(one["duty"], one["day"]) for one in found["deadlines"]] == [
        ("last_day", "2032-06-19"), ("renewal", "2032-06-19"), ("lapse", "2032-12-16"), ("age", "2048-06-12"),
    ]  # fmt: skip
    assert found["deadlines"][1] == {
        "duty": "renewal", "about": "", "day": "2032-06-19", "title": {"zh": "换证期限", "en": "Renewal is due"},
        "do": {"zh": "请在2032年6月19日前申请换证", "en": "Apply for renewal by 2032-06-19"}, "by": {"zh": "持证人", "en": "the holder"},
        "tell_on": "2032-05-20", "rule_pack": "reminders",
    }  # fmt: skip


@pytest.mark.long
def test_cards_calendar_and_notices_say_the_same_of_every_type(tmp_path: Path, demo_keys: Path) -> None:
    """One holder keeps a licence of each type; on every day on which something is told, what was told is what the card says, word for word."""
    with owning(tmp_path, demo_keys) as owner:
        catalogue, http, reminding = owner.world.service.catalogue, owner.http, owner.world.service.reminders.reminding
        kept = {DRIVER: owner.licence_id}
        for slug in catalogue.slugs:
            if slug not in kept:
                kept[slug] = owner.world.issue(slug, f"issue-{slug}")["licence_id"]
                owner.keep(kept[slug])
        assert len(kept) == 23

        def cards() -> dict[str, list[dict[str, Any]]]:
            owner.again()
            listed = {one["licence_id"]: one["next"] for one in http.get("/holder/cards?limit=100", headers=owner.headers).json()["cards"]}
            for licence_id, said in listed.items():
                where = f"/holder/cards/{licence_id}"
                assert http.get(where, headers=owner.headers).json()["next"] == said
                assert http.get(f"{where}/deadlines", headers=owner.headers).json()["deadlines"] == said
            return listed

        def told() -> list[dict[str, Any]]:
            found: list[dict[str, Any]] = http.get("/holder/notices?limit=200", headers=owner.headers).json()["notices"]
            return found

        first = cards()
        assert first.keys() == {*kept.values()}
        today = beijing_day(owner.world.clock()).isoformat()
        events = {one.said["UID"].partition("@")[0]: one for one in ics.read(http.get("/holder/deadlines.ics", headers=owner.headers).content).within}
        wanted = {
            reminding.notices.notice_id(owner.holder_id, licence_id, f"{one['duty']}|{one['about']}|{one['day']}"): one
            for licence_id, said in first.items() for one in said if one["day"] >= today
        }  # fmt: skip
        assert events.keys() == wanted.keys()
        for uid, one in wanted.items():
            assert ics.day_of(events[uid]).isoformat() == one["day"]
            assert events[uid].said["SUMMARY"].startswith(one["title"]["zh"])
            assert one["do"]["zh"] in events[uid].said["DESCRIPTION"]
            assert one["do"]["en"] in events[uid].said["DESCRIPTION"]

        until, before = beijing_day(owner.world.clock()) + timedelta(days=7 * 366), set[str]()
        day: date | None = beijing_day(owner.world.clock())
        counted = 0
        while day is not None and day <= until:
            move_to(owner.hosts, datetime.combine(day, time(4), UTC))
            listed, new = cards(), [one for one in told() if one["notice_id"] not in before]
            now = day.isoformat()
            said = [
                {"licence_id": licence_id, **{name: one[name] for name in TOLD_OF}}
                for licence_id, ones in listed.items() for one in ones
                if one["tell_on"] and one["tell_on"] <= now and (one["day"] >= now or one["duty"] == "unmet")
            ]  # fmt: skip
            fresh = [{"licence_id": one["licence_id"], **{name: one[name] for name in TOLD_OF}} for one in new]
            assert [one for one in fresh if one not in said] == [], day  # nothing is told that no card says
            alike = {(one["licence_id"], one["duty"], one["about"], one["day"]) for one in told()}
            assert {(one["licence_id"], one["duty"], one["about"], one["day"]) for one in said} <= alike, day  # all that is to be told by now was
            before |= {one["notice_id"] for one in new}
            counted += len(new)
            ahead = [date.fromisoformat(one["tell_on"]) for ones in listed.values() for one in ones if one["tell_on"]]
            days = [*ahead, *(date.fromisoformat(one["day"]) + timedelta(days=1) for ones in listed.values() for one in ones)]
            day = min((one for one in days if one > day), default=None)
        assert counted > len(kept), counted


def test_deadlines_of_another_holders_card_are_as_if_there_were_none(hosts: Hosts, app: HostApp) -> None:
    licence_id, other = driver(hosts, app), app.acting(OTHER)
    theirs, nothing = (app.get(f"/cards/{one}/deadlines", other) for one in (licence_id, "0" * 20))
    assert theirs.status_code == nothing.status_code == 404
    assert theirs.json()["type"] == nothing.json()["type"]
    assert ics.read(read(app, "/deadlines.ics", OTHER).content).within == []
    assert read(app, "/notices", OTHER).json() == {"notices": [], "before": None}


def test_the_calendar_file_holds_every_day_ahead_under_ids_that_stay(hosts: Hosts, app: HostApp) -> None:
    licence_id = driver(hosts, app)
    answer = read(app, "/deadlines.ics")
    assert answer.headers["content-type"] == "text/calendar; charset=utf-8"
    assert answer.headers["content-disposition"] == 'attachment; filename="deadlines.ics"'
    events = {ics.day_of(one): one for one in ics.read(answer.content).within if "年龄" not in one.said["SUMMARY"]}
    assert events.keys() == {LAST, LAST + timedelta(days=180)}
    renewal = next(one for one in ics.read(answer.content).within if "换证期限" in one.said["SUMMARY"])
    assert "从业资格证" in renewal.said["SUMMARY"]
    assert "Apply for renewal by 2032-06-19 (the holder)" in renewal.said["DESCRIPTION"]
    assert renewal.within[0].said["TRIGGER"] == "-P29DT15H"
    assert CHEN.number not in renewal.said["UID"]
    assert licence_id not in renewal.said["UID"]
    move_to(hosts, hosts.world.clock() + timedelta(days=1))
    again = read(app, "/deadlines.ics")
    assert again.content == answer.content
    unchanged = app.get("/deadlines.ics", app.acting(CHEN), if_none_match=answer.headers["etag"])
    assert unchanged.status_code == 304


def test_a_notice_is_told_once_and_kept_for_the_holder_while_the_licence_is_a_card(hosts: Hosts, app: HostApp) -> None:
    licence_id = driver(hosts, app)
    move_to(hosts, REMINDED)
    found = read(app, "/notices").json()["notices"]
    assert [(one["licence_id"], one["duty"], one["day"], one["told_at"]) for one in found] == [
        (licence_id, "renewal", "2032-06-19", "2032-05-20T04:00:00+00:00")
    ]
    move_to(hosts, REMINDED + timedelta(days=29))
    page = read(app, "/notices?limit=1").json()
    assert [one["duty"] for one in page["notices"]] == ["last_day"]
    assert [one["duty"] for one in read(app, f"/notices?limit=1&before={page['before']}").json()["notices"]] == ["renewal"]
    assert hosts.world.http.delete(f"/holder/cards/{licence_id}", headers=app.acting(CHEN)).status_code == 204
    assert read(app, "/notices").json()["notices"] == []


def test_a_host_app_is_told_by_its_feed_without_anything_of_a_person(hosts: Hosts, app: HostApp) -> None:
    licence_id, other = driver(hosts, app), hosts.app("another")
    move_to(hosts, REMINDED)
    answer = hosts.world.http.get("/notices", headers=app.itself)
    feed = answer.json()
    assert [one["type"] for one in feed["notices"]] == ["notice.due"]
    assert feed["notices"][0]["data"] == {
        "holder": app.exchanged(CHEN).json()["holder"], "licence_id": licence_id, "certificate_type": DRIVER, "duty": "renewal", "about": "",
        "due_on": "2032-06-19",
    }  # fmt: skip
    assert CHEN.number not in answer.text
    assert CHEN.name not in answer.text
    later = hosts.world.http.get(f"/notices?after={feed['next']}", headers=app.itself)
    assert (later.status_code, later.json()["notices"]) == (200, [])
    assert hosts.world.http.get("/notices", headers=other.itself).json()["notices"] == []
    assert hosts.world.http.get(f"/notices?after={feed['next']}", headers=other.itself).status_code == 422
    approval = {"Authorization": f"Bearer {next(iter(hosts.world.tokens.values()))}"}
    assert hosts.world.http.get("/notices", headers=approval).status_code == 403
    assert hosts.world.http.get("/notices").status_code == 401


def test_a_notice_comes_signed_to_the_hosts_address_and_again_under_its_id_where_it_was_not_taken(hosts: Hosts, app: HostApp) -> None:
    driver(hosts, app)
    messenger = hosts.world.service.reminders.messenger

    def busy_at_first(receiver: Receiver, _got: Got) -> tuple[int, dict[str, str]]:
        return (204 if receiver.got else 503), {}

    with listening(Receiver(answer=busy_at_first)) as receiver:
        hook = hosts.world.http.post("/webhooks", json={"url": receiver.url(), "events": ["notice.due"]}, headers=app.itself)
        assert hook.status_code == 201, hook.text
        move_to(hosts, REMINDED)
        assert (messenger.work(), messenger.work()) == (1, 0)
        move_to(hosts, REMINDED + timedelta(minutes=1))
        assert (messenger.work(), messenger.work()) == (1, 0)
        assert [one.answered for one in receiver.got] == [503, 204]
    first, again = receiver.got
    assert first.body == again.body
    assert first.id == again.id == again.event["id"]
    assert again.signed_by(hook.json()["secret"])
    assert again.event == hosts.world.http.get("/notices", headers=app.itself).json()["notices"][0]
    assert CHEN.number.encode() not in again.body
    assert messenger.messages.counts() == {"delivered": 1}


def test_a_notice_waits_while_its_host_app_is_switched_off_and_goes_nowhere_once_it_is_removed(hosts: Hosts, app: HostApp) -> None:
    driver(hosts, app)
    service, clock = hosts.world.service, hosts.world.clock
    with listening(Receiver()) as receiver:
        assert hosts.world.http.post("/webhooks", json={"url": receiver.url()}, headers=app.itself).status_code == 201
        service.clients.switch(app.name, clock(), off=True)
        move_to(hosts, REMINDED)
        assert service.reminders.messenger.work() == 1
        assert service.reminders.messenger.messages.counts() == {"waiting": 1}
        service.clients.remove(app.name, clock())
        move_to(hosts, REMINDED + timedelta(minutes=11))
        assert service.reminders.messenger.work() == 1
    assert receiver.got == []
    assert service.reminders.messenger.messages.counts() == {"dead": 1}


def test_a_host_that_takes_nothing_is_given_up_after_thirteen_attempts(hosts: Hosts, app: HostApp) -> None:
    driver(hosts, app)
    messenger = hosts.world.service.reminders.messenger
    with listening(Receiver(answer=lambda _self, _got: (500, {}))) as receiver:
        assert hosts.world.http.post("/webhooks", json={"url": receiver.url()}, headers=app.itself).status_code == 201
        move_to(hosts, REMINDED)
        for number in range(16):
            move_to(hosts, REMINDED + timedelta(hours=15 * number))
            messenger.work()
        ids = [one.id for one in receiver.got if one.event["type"] == "notice.due"]
    assert (len(ids), len(set(ids))) == (13, 1)
    assert messenger.messages.counts() == {"dead": 1}


def test_only_a_host_app_may_ask_for_notices_at_an_address(hosts: Hosts) -> None:
    approval = {"Authorization": f"Bearer {next(iter(hosts.world.tokens.values()))}"}
    answer = hosts.world.http.post("/webhooks", json={"url": "http://127.0.0.1:1/in", "events": ["notice.due"]}, headers=approval)
    assert (answer.status_code, [one["code"] for one in answer.json()["faults"]]) == (422, ["unknown-name"])
