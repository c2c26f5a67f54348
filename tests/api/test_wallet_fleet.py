"""The fleet in the wallet: a thousand cards narrowed and counted, and their sealed files in one ZIP that is whole or says what is missing."""

import csv
import html
import io
import re
import subprocess
import tracemalloc
import zipfile
from collections.abc import Iterator
from datetime import date, timedelta
from http.client import HTTPConnection, IncompleteRead
from pathlib import Path
from typing import Any

import pytest

from licence_service.app import served
from licence_service.digests import sha256
from licence_service.licence import LicenceState, Version, beijing_day
from licence_service.template import Words
from licence_service.web.wallet.listed import Row
from licence_service.web.wallet.taking import taken
from licence_service.web.wallet.zipped import Member, Zipped, member_of
from tests.fleets import Fleet, a_fleet, keep
from tests.holders import somebody
from tests.host import Somebody
from tests.purse import CLIENT, Purse, purse
from tests.serving import serving
from tests.world import DRIVER, VEHICLE, World, a_world

MANY, SUSPENDED, REVOKED = 1_010, 12, 5  # more than one ZIP holds
CLERK = Somebody("519902198506120111", "陈安途")
ROW = re.compile(r'class="govuk-link" href="/wallet/cards/([0-9A-Z]{20})"')


def opened(folder: Path, keys: Path, **more: Any) -> Any:
    return a_world(folder, keys, identity_issuer="http://127.0.0.1:9", wallet_client_id=CLIENT, **more)


@pytest.fixture(scope="module")
def fleet(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Fleet]:
    """A company with a thousand vehicles and some, the first of them suspended, some more revoked."""
    with opened(tmp_path_factory.mktemp("fleet"), demo_keys) as world:
        made = a_fleet(world, MANY)
        day = beijing_day(world.clock())
        term = {"kind": "penalty", "first": day.isoformat(), "last": (day + timedelta(days=9)).isoformat()}
        for place in range(SUSPENDED + REVOKED):
            body = {"act": "suspend", "effective_on": day.isoformat(), "suspension": term} if place < SUSPENDED else {"act": "revoke"}
            assert world.act(VEHICLE, made.licences[place], body, f"act-{place:08d}").status_code == 201
        yield made


@pytest.fixture
def world(tmp_path: Path, demo_keys: Path) -> Iterator[World]:
    with opened(tmp_path, demo_keys) as one:
        yield one


def some(world: World, count: int) -> Fleet:
    """Issue a few licences one by one: each file lies by itself, and may be lost by itself."""
    made = []
    for place in range(count):
        face = {"license_no": f"{510000000000 + place}", "plate_no": Fleet.plate(place)}
        made.append(world.issue(VEHICLE, f"issue-{place:04d}", case_no=f"SOME-{place}", face=face)["licence_id"])
    company = purse(world, somebody(world, VEHICLE))
    keep(world, company.holder_id, made)
    return Fleet(company, made)


def listed(page: str) -> list[str]:
    return ROW.findall(page)


def found(page: str) -> int:
    said = re.search(r"共 <strong>(\d+)</strong> 件", page)
    return int(said[1]) if said else 0


def ways(page: str) -> list[str]:
    return [html.unescape(one) for one in re.findall(r'href="(/wallet/fleet/files[^"]+)"', page)]


def chosen(one: Purse, **form: Any) -> Any:
    """Choose files, and return the page that says what will be in the ZIP."""
    answer = one.post("/wallet/fleet/files", {"what": "all", **form})
    assert answer.status_code == 200, answer.text
    return answer


def table(archive: zipfile.ZipFile) -> list[list[str]]:
    return list(csv.reader(io.StringIO(archive.read("list.csv").decode("utf-8-sig"))))[1:]


def current(fleet: Fleet, licence_id: str) -> Version:
    return fleet.world.service.book.get(licence_id).at(beijing_day(fleet.world.clock())).current


def digest_of(fleet: Fleet, licence_id: str) -> str:
    return current(fleet, licence_id).document.sha256


# -- the list ----------------------------------------------------------------------------------------


def test_a_thousand_cards_are_listed_and_counted(fleet: Fleet) -> None:
    page = fleet.purse.get("/wallet/fleet").text
    assert found(page) == MANY
    assert 'aria-label="在有效期内 993 In force, 暂扣 12 Suspended, 已吊销 5 Revoked"' in page


def test_what_falls_due_soon_is_counted_and_one_press_away(fleet: Fleet) -> None:
    page = fleet.purse.post("/wallet/fleet", {"within": "30"}).text
    counted = dict(re.findall(r'name="within" value="(\d+)">.*?<strong>(\d+)</strong>', page))
    assert counted == {"0": "0", "30": str(SUSPENDED), "90": str(SUSPENDED)}
    assert found(fleet.purse.post("/wallet/fleet", {"within": "90", "by": "due"}).text) == SUSPENDED


@pytest.mark.long
def test_what_is_due_first_comes_first_and_pages_hold_every_card_once(fleet: Fleet) -> None:
    pages = [fleet.purse.post("/wallet/fleet", {"page": str(number)}).text for number in range(1, 22)]
    ids = [one for page in pages for one in listed(page)]
    assert sorted(ids) == sorted(fleet.licences)
    assert set(ids[:SUSPENDED]) == set(fleet.licences[:SUSPENDED])  # a suspension ends before any review
    assert set(ids[-REVOKED:]) == set(fleet.licences[SUSPENDED : SUSPENDED + REVOKED])  # nothing falls due any more
    assert listed(fleet.purse.post("/wallet/fleet", {"page": "9999"}).text) == listed(pages[-1])
    by_plate = listed(fleet.purse.post("/wallet/fleet", {"by": "number"}).text)
    assert by_plate == fleet.licences[:50]


@pytest.mark.parametrize(
    ("form", "count"),
    [
        ({"state": "suspended"}, SUSPENDED),
        ({"state": "revoked"}, REVOKED),
        ({"within": "30"}, SUSPENDED),
        ({"within": "0"}, 0),
        ({"within": "365"}, MANY - REVOKED),
        ({"within": "365", "state": "in_force"}, MANY - SUSPENDED - REVOKED),
        ({"text": "川a0041"}, 10),
        ({"text": "川 Ａ００４１"}, 10),
        ({"text": "510000000777"}, 1),
        ({"text": "%"}, 0),
        ({"type": VEHICLE}, MANY),
        ({"type": DRIVER}, 0),
        ({"type": "no_such_type"}, 0),
        ({"state": "no such state"}, 0),
    ],
)
def test_cards_are_narrowed_by_type_state_day_and_text(fleet: Fleet, form: dict[str, str], count: int) -> None:
    page = fleet.purse.post("/wallet/fleet", form).text
    assert found(page) == count
    assert bool(listed(page)) == bool(count)


def test_what_was_typed_stands_in_no_address(fleet: Fleet) -> None:
    page = fleet.purse.post("/wallet/fleet", {"text": "川A00410"}).text
    files = chosen(fleet.purse, text="川A00410").text
    for said in (page, files):
        addresses = [html.unescape(one) for one in re.findall(r'(?:href|action|formaction|src)="([^"]*)"', said)]
        assert addresses
        assert not [one for one in addresses if "00410" in one]
    assert fleet.purse.get("/wallet/fleet?text=%E5%B7%9DA00410").text.count("/wallet/cards/") >= 50  # an address narrows nothing


def test_what_is_no_number_of_days_is_refused_with_its_place(fleet: Fleet) -> None:
    for odd in ("x", "-1", "99999", "1.5", "٣"):
        answer = fleet.purse.post("/wallet/fleet", {"within": odd})
        assert answer.status_code == 422, odd
        assert "within" in answer.text
    assert fleet.purse.post("/wallet/fleet", {"text": "x" * 61}).status_code == 422


def test_no_form_of_another_site_is_taken(fleet: Fleet) -> None:
    for path in ("/wallet/fleet", "/wallet/fleet/files"):
        answer = fleet.world.http.post(path, data={"what": "all"}, headers=fleet.purse.cookie)
        assert answer.status_code == 403, path


# -- the files ---------------------------------------------------------------------------------------


@pytest.mark.long
def test_a_thousand_sealed_files_come_in_a_zip_that_every_reader_opens_and_the_rest_in_another(fleet: Fleet, tmp_path: Path) -> None:
    page = chosen(fleet.purse).text
    assert "1000 个文件" in page
    assert "10 个文件" in page
    first, second = (fleet.purse.get(way) for way in ways(page))
    names = [one.headers["content-disposition"] for one in (first, second)]
    assert names == [f'attachment; filename="licences-2026-11-28-{number}.zip"' for number in (1, 2)]
    files = contents(fleet, first, tmp_path) | contents(fleet, second, tmp_path)
    assert sorted(files) == sorted(fleet.licences)
    assert {one: sha256(content) for one, content in files.items()} == {one: digest_of(fleet, one) for one in fleet.licences}
    for one in fleet.licences[:: MANY // 20]:
        assert fleet.world.service.examiner.examine(files[one]).good, one


def contents(fleet: Fleet, answer: Any, folder: Path) -> dict[str, bytes]:
    """Open a ZIP with two readers and return its files by licence; its table names each with its plate."""
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/zip")
    assert int(answer.headers["content-length"]) == len(answer.content)
    (folder / "fleet.zip").write_bytes(answer.content)
    checked = subprocess.run(["/usr/bin/unzip", "-tqq", folder / "fleet.zip"], capture_output=True, check=False)
    assert checked.returncode == 0, checked.stdout[-300:]

    with zipfile.ZipFile(io.BytesIO(answer.content)) as archive:
        rows = table(archive)
        assert archive.namelist() == ["list.csv", *(row[0] for row in rows)]
        assert {row[0] for row in rows} == {f"{VEHICLE}-{row[-1]}-{current(fleet, row[-1]).version:03d}.pdf" for row in rows}
        assert [row[3] for row in rows] == [Fleet.plate(fleet.licences.index(row[-1])) for row in rows]
        return {row[-1]: archive.read(row[0]) for row in rows}


def test_a_download_that_broke_off_goes_on_and_is_byte_for_byte_the_same(fleet: Fleet) -> None:
    (way,) = ways(chosen(fleet.purse, text="川A005").text)
    whole = fleet.purse.get(way)
    tag, size, got = whole.headers["etag"], len(whole.content), b""
    while len(got) < size:
        part = fleet.purse.get(way, **{"Range": f"bytes={len(got)}-{len(got) + 3_333_332}", "If-Range": tag})
        assert part.status_code == 206
        assert part.headers["content-range"] == f"bytes {len(got)}-{len(got) + len(part.content) - 1}/{size}"
        got += part.content
    assert got == whole.content
    assert fleet.purse.get(way, Range="bytes=-7").content == whole.content[-7:]
    assert fleet.purse.get(way, **{"Range": "bytes=5-9", "If-Range": '"older"'}).status_code == 200
    assert fleet.purse.get(way, Range=f"bytes={size}-").status_code == 416
    again = fleet.purse.get(way, **{"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")


def test_some_files_are_chosen_and_only_ones_own(fleet: Fleet) -> None:
    mine = fleet.licences[100:103]
    foreign = fleet.world.issue(DRIVER, "foreign-0001")["licence_id"]
    (way,) = ways(chosen(fleet.purse, what="chosen", chosen=[*mine, foreign, "0" * 20]).text)
    with zipfile.ZipFile(io.BytesIO(fleet.purse.get(way).content)) as archive:
        assert sorted(row[-1] for row in table(archive)) == sorted(mine)
    for nothing in ({"what": "chosen"}, {"what": "chosen", "chosen": [foreign]}, {"what": ""}, {"what": "all", "text": "nowhere"}):
        page = chosen(fleet.purse, **nothing).text
        assert "没有选择证照" in page
        assert not ways(page)


def test_the_address_of_a_zip_is_its_holders_alone_and_cannot_be_made(fleet: Fleet) -> None:
    (way,) = ways(chosen(fleet.purse, state="suspended").text)
    other = purse(fleet.world, CLERK)
    token = way.partition("=")[2]
    turned = token[:30] + ("A" if token[30] != "A" else "B") + token[31:]
    for who, what in ((other, token), (fleet.purse, turned), (fleet.purse, ""), (fleet.purse, "x"), (fleet.purse, "é"), (fleet.purse, token[:20])):
        assert who.get("/wallet/fleet/files?what=" + what).status_code == 404, what
    assert fleet.purse.get("/wallet/fleet/files?what=" + "A" * 9000).status_code == 422
    assert fleet.purse.get(way).status_code == 200


def test_another_holder_lists_and_takes_nothing_of_the_fleet(fleet: Fleet) -> None:
    other = purse(fleet.world, CLERK)
    page = other.get("/wallet/fleet").text
    assert not listed(page)
    assert "没有符合条件的证照" in page
    assert not ways(chosen(other, what="chosen", chosen=fleet.licences[:3]).text)


def test_a_delegate_lists_what_was_delegated_and_takes_files_only_where_that_was_too(fleet: Fleet) -> None:
    world, clerk = fleet.world, purse(fleet.world, CLERK)
    boss, today = fleet.purse, beijing_day(fleet.world.clock())
    form = {"name": CLERK.name, "number": CLERK.number, "role": "clerk", "last_on": str(today + timedelta(days=9))}
    delegation = ""
    for acts, allowed in ((["show"], False), (["download"], True)):
        before = {one.delegation_id for one in world.service.wallet.delegations.held(clerk.holder_id)}
        assert boss.post("/wallet/delegations", {**form, "acts": acts}).status_code == 303
        (delegation,) = {one.delegation_id for one in world.service.wallet.delegations.held(clerk.holder_id)} - before
        assert clerk.post("/wallet/act-for", {"delegation": delegation}).status_code == 303
        page = clerk.get("/wallet/fleet").text
        assert found(page) == MANY
        assert ("下载全部" in page) == allowed
        assert clerk.post("/wallet/fleet/files", {"what": "all", "state": "suspended"}).status_code == (200 if allowed else 403)
    (way,) = ways(chosen(clerk, state="suspended").text)
    assert clerk.get(way).status_code == 200
    assert boss.post(f"/wallet/delegations/{delegation}/end").status_code == 303
    assert clerk.get(way).status_code == 403
    assert clerk.post("/wallet/act-for", {"delegation": ""}).status_code == 303
    assert clerk.get(way).status_code == 404


def test_a_level_that_is_too_low_takes_no_files(world: World) -> None:
    some(world, 1)
    weak = purse(world, somebody(world, VEHICLE), "1")
    assert found(weak.get("/wallet/fleet").text) == 1
    assert weak.post("/wallet/fleet/files", {"what": "all"}).status_code == 403
    assert weak.get("/wallet/fleet/files?what=x").status_code == 403


# -- what goes wrong ---------------------------------------------------------------------------------


def lose(world: World, digest: str) -> None:
    """Take a document away from the archive."""
    kept = Path(world.service.settings.archive_url.removeprefix("file:")) / digest[:2] / digest[2:4] / digest
    kept.unlink()


def test_a_file_that_the_archive_does_not_give_is_said_to_be_missing_and_the_others_come(world: World) -> None:
    fleet = some(world, 4)
    lose(world, digest_of(fleet, fleet.licences[2]))
    page = chosen(fleet.purse).text
    assert "缺少 1 个文件" in page
    assert Fleet.plate(2) in page
    (way,) = ways(page)
    with zipfile.ZipFile(io.BytesIO(fleet.purse.get(way).content)) as archive:
        assert archive.testzip() is None
        told = {row[-1]: row[0] for row in table(archive)}
        assert "Missing" in told[fleet.licences[2]]
        assert sorted(archive.namelist()) == sorted(["list.csv", *(name for one, name in told.items() if one != fleet.licences[2])])
        for one in (0, 1, 3):
            assert world.service.examiner.examine(archive.read(told[fleet.licences[one]])).good


def test_where_the_archive_gives_nothing_the_page_says_to_come_again(world: World) -> None:
    fleet = some(world, 2)
    for one in fleet.licences:
        lose(world, digest_of(fleet, one))
    answer = fleet.purse.post("/wallet/fleet/files", {"what": "all"})
    assert answer.status_code == 503
    assert "retry-after" in answer.headers


def test_a_file_that_is_lost_while_it_is_sent_breaks_the_download_off_and_is_missing_from_the_next(world: World) -> None:
    fleet = some(world, 3)
    (way,) = ways(chosen(fleet.purse).text)
    lose(world, digest_of(fleet, fleet.licences[1]))
    with serving(served(world.service)) as port:
        connection = HTTPConnection("127.0.0.1", port)
        connection.request("GET", way, headers=fleet.purse.cookie)
        answer = connection.getresponse()
        assert answer.status == 200
        with pytest.raises(IncompleteRead):
            answer.read()
        connection.close()
    with zipfile.ZipFile(io.BytesIO(fleet.purse.get(way).content)) as archive:
        assert archive.testzip() is None
        assert len(archive.namelist()) == 3


class Given:
    """An archive in which every document is one letter."""

    def get(self, _digest: str) -> bytes:
        return b"x"


@pytest.mark.parametrize("evil", ["=HYPERLINK(1)", "+1", "-1", "@SUM(1)", "\t=1", "\r=1"])
def test_no_cell_of_the_list_is_a_formula(evil: str) -> None:
    day = date(2026, 11, 28)
    row = Row("0" * 20, "a_type", Words(evil, evil), evil, evil, LicenceState.IN_FORCE, (), day, None, None, 1, sha256(b"x"))
    zipped, missing = taken(Given(), [row], day)  # type: ignore[arg-type]
    assert not missing
    with zipfile.ZipFile(io.BytesIO(b"".join(zipped.part(0, zipped.size)))) as archive:
        assert archive.read("list.csv").startswith(b"\xef\xbb\xbf")
        ((_, title, number, plate, *rest),) = table(archive)
    assert (title, number, plate) == (f"'{evil} {evil}", f"'{evil}", f"'{evil}")
    assert not [cell for cell in rest if cell[:1] in set("=+-@\t\r")]


def test_a_zip_is_sent_in_the_memory_of_a_few_of_its_files_and_its_end_without_fetching_any() -> None:
    size, asked = 1_000_000, 0

    def fetch() -> bytes:
        nonlocal asked
        asked += 1
        return b"y" * size

    like = member_of("like", b"y" * size)
    zipped = Zipped([Member(f"{number}.pdf", like.digest, like.size, like.crc, fetch) for number in range(200)], date(2026, 11, 28))
    tracemalloc.start()
    try:
        sent = sum(len(one) for one in zipped.part(0, zipped.size))
        most = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert (sent, asked) == (zipped.size, 200)
    assert most < 4 * size
    assert len(b"".join(zipped.part(zipped.size - 10, zipped.size))) == 10
    assert asked == 200
