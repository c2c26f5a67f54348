"""Status lists and trust bundles over HTTP: read with others' libraries and a decoder written from the standard alone."""

import base64
import json
import re
import shutil
import zlib
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import cbor2
import pytest
import typer
from cwt import COSE, COSEKey
from joserfc import jws
from joserfc.jwk import ECKey
from PIL import Image
from typer.testing import CliRunner

from licence_service.bundle import apply, read, read_time, sign_delta
from licence_service.cli import examining, offline
from licence_service.cli.examining import MOST_BYTES
from licence_service.document.pictures import page_picture
from licence_service.licence import beijing_day
from licence_service.listing import EVERY
from licence_service.offline import check
from licence_service.seal.terms import PublicKey
from licence_service.seal.tokens import Purpose
from tests.parts.databases import at_once
from tests.world import DRIVER, PASSPHRASE, ROOT, TRIP, VEHICLE, World, a_world, reading_once

JWT, CWT = "application/statuslist+jwt", "application/statuslist+cwt"
STAYS, HALTED, REPLACED = TRIP, VEHICLE, DRIVER
PACK = """
title = {{ zh = "年龄上限", en = "Age ceiling" }}
types = ["{slug}"]
source = "示例"
in_force_from = {first}
{over}
[rule]
way = "age_ceiling"
years = 60
birth = ["issue_date"]
effect = "condition"
"""


class Story:
    """Three licences: one stays, one is suspended for five days, one gets a new document; and when what was true."""

    def __init__(self, world: World) -> None:
        """Tell it."""
        self.world = world
        self.issued = {slug: world.issue(slug, f"issue-{slug}") for slug in (STAYS, HALTED, REPLACED)}
        self.before = self.later()
        self.old_bundle = world.service.publisher.bundle()
        today = beijing_day(world.clock())
        self.last = today + timedelta(days=4)
        self.act(HALTED, "suspend", suspension={"kind": "penalty", "first": today.isoformat(), "last": self.last.isoformat()})
        self.act(REPLACED, "replace", reason="lost")
        self.after = self.later()

    def later(self) -> int:
        """Let time pass, so that lists are made anew; return an instant after that, in seconds."""
        clock: Any = self.world.clock
        clock.now += EVERY + timedelta(seconds=1)
        self.world.service.status_lists.refresh()
        clock.now += timedelta(seconds=5)
        return int(clock.now.timestamp()) - 1

    def act(self, slug: str, act: str, **more: Any) -> None:
        """Enter an act."""
        answer = self.world.act(slug, self.issued[slug]["licence_id"], {"act": act, **more}, f"{act}-{slug}")
        assert answer.status_code == 201, answer.text

    def place(self, slug: str, version: int = 1) -> int:
        """Return the index of a version in the one list there is."""
        record = self.world.service.book.get(self.issued[slug]["licence_id"])
        found = next(entry.version.status for entry in record.entries if entry.version and entry.version.version == version)
        assert found[0] == 0
        return found[1]

    def keeper(self) -> tuple[bytes, PublicKey]:
        """Return the keeper's kid and key."""
        said = self.world.http.get("/offline/keeper").json()
        kid = bytes.fromhex(said["kid"])
        return kid, self.world.service.keyring.keys_for(Purpose.STATUS)[kid]

    def statuses(self, content: bytes) -> dict[tuple[str, int], int]:
        """Read the places of all documents out of a list, by a decoder that knows only the standard."""
        wanted = [(STAYS, 1), (HALTED, 1), (REPLACED, 1), (REPLACED, 2)]
        return {(slug, version): by_the_standard(content, self.place(slug, version), 2) for slug, version in wanted}


def by_the_standard(lst: bytes, index: int, bits: int) -> int:
    """Read one entry as the draft says: expand, take the byte at floor(index * bits / 8), count from its least significant bit."""
    whole = zlib.decompress(lst)
    return (whole[index * bits // 8] >> (index * bits % 8)) & ((1 << bits) - 1)


def unpadded(text: str) -> bytes:
    """Read base64url without padding."""
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))


@pytest.fixture(scope="module")
def story(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Story]:
    """The story, told once."""
    with a_world(tmp_path_factory.mktemp("status"), demo_keys) as world:
        yield Story(world)


NOW_SAID = {(STAYS, 1): 0, (HALTED, 1): 2, (REPLACED, 1): 3, (REPLACED, 2): 0}
THEN_SAID = {(STAYS, 1): 0, (HALTED, 1): 0, (REPLACED, 1): 0, (REPLACED, 2): 0}


def test_the_standards_vectors_are_read_by_the_decoder_of_these_tests() -> None:
    assert [by_the_standard(unpadded("eNrbuRgAAhcBXQ"), index, 1) for index in range(16)] == [1, 0, 0, 1, 1, 1, 0, 1, 1, 1, 0, 0, 0, 1, 0, 1]
    assert [by_the_standard(unpadded("eNo76fITAAPfAgc"), index, 2) for index in range(12)] == [1, 2, 0, 3, 0, 1, 0, 1, 1, 2, 3, 3]


def test_a_foreign_library_accepts_the_list_as_jwt(story: Story) -> None:
    answer = story.world.http.get("/status/0", headers={"Accept": JWT})
    assert answer.headers["content-type"] == JWT

    opened = jws.deserialize_compact(answer.text, ECKey.import_key(pem(story)))

    assert opened.headers() == {"alg": "ES256", "typ": "statuslist+jwt", "kid": story.keeper()[0].hex()}
    claims = json.loads(opened.payload)
    assert claims["sub"] == "https://licence.example.cn/status/0"
    assert claims["ttl"] == 600
    assert claims["exp"] - claims["iat"] == 86_400
    assert claims["iat"] <= story.world.clock().timestamp() < claims["exp"]
    assert claims["status_list"]["bits"] == 2
    assert story.statuses(unpadded(claims["status_list"]["lst"])) == NOW_SAID


def test_a_foreign_library_accepts_the_list_as_cwt(story: Story) -> None:
    answer = story.world.http.get("/status/0", headers={"Accept": f"{CWT}, {JWT};q=0.5"})
    assert answer.headers["content-type"] == CWT

    key = COSEKey.from_pem(pem(story), alg="ES256", kid=story.keeper()[0])
    claims = cbor2.loads(COSE.new(verify_kid=True).decode(answer.content, key))

    protected = cbor2.loads(cbor2.loads(answer.content).value[0])
    assert protected[16] == CWT
    assert claims[2] == "https://licence.example.cn/status/0"
    assert (claims[65534], claims[4] - claims[6]) == (600, 86_400)
    assert claims[65533]["bits"] == 2
    assert story.statuses(claims[65533]["lst"]) == NOW_SAID


@pytest.mark.rule("AU-01")
def test_a_list_of_a_past_instant_says_what_was_known_then(story: Story) -> None:
    then = story.world.http.get("/status/0", params={"time": story.before}, headers={"Accept": JWT})
    now = story.world.http.get("/status/0", params={"time": story.after}, headers={"Accept": JWT})

    said = [json.loads(unpadded(one.text.split(".")[1])) for one in (then, now)]
    assert [story.statuses(unpadded(one["status_list"]["lst"])) for one in said] == [THEN_SAID, NOW_SAID]
    assert said[0]["iat"] == story.before
    assert "max-age=86400" in then.headers["cache-control"]


@pytest.mark.parametrize(("time", "status"), [(0, 200), (-1, 422), (2**40 + 1, 422), ("yesterday", 422), (2**39, 422)])
def test_a_time_before_the_book_has_nothing_and_one_to_come_is_refused(story: Story, time: int | str, status: int) -> None:
    answer = story.world.http.get("/status/0", params={"time": time})

    assert answer.status_code == status
    if status == 200:
        assert set(story.statuses(unpadded(json.loads(unpadded(answer.text.split(".")[1]))["status_list"]["lst"])).values()) == {0}


def test_a_list_that_is_not_there_is_not_found(story: Story) -> None:
    assert [story.world.http.get(f"/status/{number}").status_code for number in (1, 2**31 - 1, 2**31, "x")] == [404, 404, 422, 422]


def test_a_list_may_be_kept_and_is_not_sent_again_unchanged(story: Story) -> None:
    first = story.world.http.get("/status/0")
    again = story.world.http.get("/status/0", headers={"If-None-Match": first.headers["etag"]})

    assert first.headers["cache-control"] == "public, max-age=600"
    assert (again.status_code, again.content) == (304, b"")
    assert story.world.http.get("/status/0", headers={"Accept": CWT}).headers["etag"] != first.headers["etag"]


def test_all_lists_are_named(story: Story) -> None:
    assert story.world.http.get("/status").json() == {"status_lists": ["https://licence.example.cn/status/0"]}


# -- the bundle ------------------------------------------------------------------------------------------------


def test_a_device_with_the_bundle_judges_the_codes_on_paper(story: Story) -> None:
    kid, key = story.keeper()
    held = read(story.world.http.get("/offline/bundle").text, {kid: key})
    now = story.world.clock()

    said = {slug: check(one["verify_url"], held, now) for slug, one in story.issued.items()}

    assert said[STAYS].answers["in_force"].result == "yes"
    assert said[HALTED].answers["in_force"].reasons == ("suspended",)
    assert said[REPLACED].answers["current"].reasons == ("listed-superseded",)
    assert all(one.answers["authentic"].result == "yes" for one in said.values())
    lapsed = check(story.issued[HALTED]["verify_url"], held, now + timedelta(days=5))
    assert lapsed.answers["in_force"].reasons[0] == "suspension-lapsed"


def test_a_foreign_library_accepts_the_bundle(story: Story) -> None:
    opened = jws.deserialize_compact(story.world.http.get("/offline/bundle").text, ECKey.import_key(pem(story)))

    said = json.loads(opened.payload)
    assert said["format"] == "trust-bundle/1"
    assert [one["index"] for one in said["types"]] == list(range(1, 24))
    assert all(key["from"] < "2026" < key["to"] for one in said["issuers"] for key in one["code_keys"])
    assert [sorted(key["purposes"] for key in one["code_keys"]) for one in said["issuers"]] == [[[each.value] for each in sorted(Purpose)]] * 4
    assert {one["id"] for one in said["rule_packs"]} >= {"age_ceiling_63"}
    assert said["lists"][0]["number"] == 0


@pytest.mark.rule("SH-06")
def test_the_bundle_says_how_old_a_status_of_each_type_may_be(story: Story) -> None:
    kid, key = story.keeper()

    held = read(story.world.http.get("/offline/bundle").text, {kid: key})

    catalogue = story.world.service.catalogue
    assert {one["name"]: one["freshness_hours"] for one in held.types} == dict.fromkeys(catalogue.slugs, 24) | {"ship_operation_certificate": 168}


@pytest.mark.rule("SH-06", "EN-12")
def test_limit_and_conditions_are_those_of_the_edition_and_the_law_while_the_bundle_is_fresh(tmp_path: Path, demo_keys: Path) -> None:
    templates = tmp_path / "templates"
    shutil.copytree(ROOT / "templates", templates)
    longer = (templates / TRIP / "2026-01.toml").read_text("utf-8").replace("used_from = 2020-01-01", "used_from = {}\nstatus_fresh_hours = {}")
    for edition, day, hours in (("2026-10", "2026-11-28", 72), ("2026-12", "2026-11-29", 720)):
        (templates / TRIP / f"{edition}.toml").write_text(longer.replace("{}", day, 1).replace("{}", str(hours), 1), "utf-8")
    law = {
        "next_day": ("dangerous_chemicals_declarant", "2026-11-29"), "later": ("dangerous_chemicals_container_inspector", "2026-11-30"),
        "a_week": ("ship_operation_certificate", "2026-12-05"), "no_more": ("dangerous_chemicals_loading_manager", "2020-01-01"),
    }  # fmt: skip
    for name, (slug, first) in law.items():
        over = "in_force_to = 2026-11-27\n" if name == "no_more" else ""
        (templates / "_rules" / f"{name}.toml").write_text(PACK.format(slug=slug, first=first, over=over), "utf-8")
    with a_world(tmp_path, demo_keys, templates=templates) as world:
        said = json.loads(unpadded(world.service.publisher.bundle().split(".")[1]))

    types = {one["name"]: one for one in said["types"]}
    assert types[TRIP]["freshness_hours"] == 72
    assert {name: types[slug]["conditions"] for name, (slug, _) in law.items()} == {
        "next_day": True,
        "later": False,
        "a_week": True,
        "no_more": False,
    }


def test_a_delta_leads_from_the_earlier_bundle_to_the_present_one(story: Story) -> None:
    kid, key = story.keeper()
    old = read(story.old_bundle, {kid: key})

    answer = story.world.http.get("/offline/bundle/delta", params={"since": old.as_of.isoformat()})

    assert answer.status_code == 200
    present = read(story.world.http.get("/offline/bundle").text, {kid: key})
    held = apply(old, answer.text, {kid: key})
    assert (held.lists, held.lapses, held.as_of) == (present.lists, present.lapses, present.as_of)
    assert len(answer.text) < 2000


@pytest.mark.parametrize(("since", "status"), [("2020-01-01T00:00:00+00:00", 404), ("2020-01-01", 422), ("then", 422), ("", 422)])
def test_a_delta_since_an_instant_without_a_bundle_is_refused(story: Story, since: str, status: int) -> None:
    assert story.world.http.get("/offline/bundle/delta", params={"since": since}).status_code == status


def test_bundle_and_lists_hold_nothing_of_any_holder(story: Story) -> None:
    bundle = json.loads(unpadded(story.world.http.get("/offline/bundle").text.split(".")[1]))
    text = json.dumps(bundle, ensure_ascii=False)

    for slug, issued in story.issued.items():
        face = story.world.request(slug)["face"]
        assert issued["licence_id"] not in text
        told = [str(value) for name, value in face.items() if name != "issuer_name" and isinstance(value, str) and not value.startswith("20")]
        assert not [value for value in told if len(value) > 5 and value in text]


@pytest.mark.rule("SH-05")
def test_the_time_is_signed_anew_for_each_question_and_kept_nowhere(story: Story) -> None:
    http, nonces = story.world.http, ("AAECAwQFBgcICQoLDA0ODw", "D-_LDQwLCgkIBwYFBAMCAQ")
    kid, key = story.keeper()
    answers = [http.get("/offline/time", params={"nonce": nonce}) for nonce in nonces]

    for nonce, answer in zip(nonces, answers, strict=True):
        assert (answer.status_code, answer.headers["cache-control"], answer.headers["content-type"]) == (200, "no-store", "application/jose")
        assert "etag" not in answer.headers
        opened = jws.deserialize_compact(answer.text, ECKey.import_key(pem(story)))
        assert opened.headers() == {"alg": "ES256", "typ": "server-time+jws", "kid": kid.hex()}
        assert json.loads(opened.payload) == {
            "format": "server-time/1", "book": "https://licence.example.cn", "time": story.world.clock().isoformat(timespec="microseconds"), "nonce": nonce,
        }  # fmt: skip
        assert read_time(answer.text, {kid: key}, "https://licence.example.cn", nonce) == story.world.clock()


@pytest.mark.parametrize("nonce", [None, "", "A" * 21, "A" * 23, "A" * 21 + "+", "A" * 22 + "\n", "<script>alert(1)</scri"])
def test_the_time_is_not_signed_together_with_a_text_of_strangers(story: Story, nonce: str | None) -> None:
    answer = story.world.http.get("/offline/time", params={} if nonce is None else {"nonce": nonce})

    assert answer.status_code == 422
    assert "script" not in answer.text


# -- the command line ------------------------------------------------------------------------------------------


@pytest.fixture
def shell(story: Story, demo_keys: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> "Shell":
    """A shell with a bundle in a file."""
    monkeypatch.chdir(ROOT)
    reading_once(monkeypatch)
    secret = tmp_path / "passphrase"
    secret.write_text(PASSPHRASE)
    secret.chmod(0o600)
    (tmp_path / "trust.jws").write_text(story.world.http.get("/offline/bundle").text)
    (tmp_path / "keeper.pem").write_bytes(pem(story))
    environment = {"LICENCE_KEYS": str(demo_keys), "LICENCE_SEAL_PASSPHRASE_FILE": str(secret), "LICENCE_ALLOW_DEMO_KEYS": "1", "COLUMNS": "200"}
    return Shell(tmp_path, environment)


class Shell:
    """Types commands of the offline group."""

    def __init__(self, folder: Path, environment: dict[str, str]) -> None:
        """Put the commands together."""
        self.folder, self.environment = folder, environment
        self.app = typer.Typer()
        offline.add_to(self.app)
        examining.add_to(self.app)

    def run(self, *words: str | Path, wanted: int = 0) -> str:
        """Type a command and demand an exit code."""
        result = CliRunner().invoke(self.app, [str(word) for word in words], env=self.environment)
        assert result.exit_code == wanted, (result.output, result.exception)
        return result.output


def test_a_code_is_checked_at_a_shell_with_nothing_but_bundle_and_key(story: Story, shell: Shell) -> None:
    at = story.world.clock().isoformat()
    bundle = ("--bundle", shell.folder / "trust.jws", "--key", shell.folder / "keeper.pem", "--at", at)
    shell.environment = {}

    said = shell.run("check-offline", story.issued[REPLACED]["verify_url"], *bundle, wanted=4)
    assert "Genuine, but not valid (status as of 2026-11-28" in said
    answers = json.loads(shell.run("check-offline", story.issued[HALTED]["verify_url"], *bundle, "--json", wanted=4))
    assert answers["answers"]["in_force"]["reasons"][0]["code"] == "suspended"
    shell.run("check-offline", "https://evil.example/Q/1123", *bundle, wanted=4)
    shell.run("check-offline", story.issued[STAYS]["verify_url"], *bundle[:4], "--at", "yesterday", wanted=1)
    shell.run("check-offline", story.issued[STAYS]["verify_url"], *bundle, "--server-time", "2020-01-01T00:00:00+00:00", wanted=5)


def test_no_delta_at_a_shell_leads_back_to_an_older_status(story: Story, shell: Shell) -> None:
    kid, key = story.keeper()
    held = read((shell.folder / "trust.jws").read_text(), {kid: key})
    older = replace(read(story.old_bundle, {kid: key}), issuers=held.issuers, types=held.types, rule_packs=held.rule_packs)
    signer = story.world.service.publisher._keeper.signers[Purpose.STATUS]
    (shell.folder / "back.jws").write_text(sign_delta(held, older, signer))
    bundle = ("--bundle", shell.folder / "trust.jws", "--key", shell.folder / "keeper.pem", "--at", story.world.clock().isoformat())

    said = shell.run("check-offline", story.issued[REPLACED]["verify_url"], *bundle, "--delta", shell.folder / "back.jws", wanted=1)

    assert "older bundle" in said


def test_the_code_is_read_from_a_page_or_a_picture_of_it(story: Story, shell: Shell) -> None:
    page = story.world.http.get(story.issued[REPLACED]["document_url"], headers=story.world.headers(REPLACED))
    (shell.folder / "page.pdf").write_bytes(page.content)
    (shell.folder / "none.pdf").write_bytes(b"%PDF-1.7 nothing")
    bundle = ("--bundle", shell.folder / "trust.jws", "--at", story.world.clock().isoformat())

    found = json.loads(shell.run("check-offline", shell.folder / "page.pdf", *bundle, "--json", wanted=4))

    assert found["answers"]["authentic"]["result"] == "yes"
    assert "no code can be read" in shell.run("check-offline", shell.folder / "none.pdf", *bundle, wanted=1)
    for kind in ("PNG", "WEBP"):
        page_picture(page.content, dpi=200).save(shell.folder / "photo", kind)
        assert json.loads(shell.run("check-offline", shell.folder / "photo", *bundle, "--json", wanted=4)) == found


def test_a_picture_of_too_many_pixels_or_a_file_too_large_is_not_opened_at_a_shell(story: Story, shell: Shell) -> None:
    bundle = ("--bundle", shell.folder / "trust.jws", "--at", story.world.clock().isoformat())
    Image.new("1", (6000, 6000)).save(shell.folder / "wide.png")
    with (shell.folder / "long.pdf").open("wb") as file:
        file.truncate(MOST_BYTES + 1)

    assert "no code can be read" in shell.run("check-offline", shell.folder / "wide.png", *bundle, wanted=1)
    assert "too large" in shell.run("check-offline", shell.folder / "long.pdf", *bundle, wanted=1)
    assert "too large" in shell.run("examine", shell.folder / "long.pdf", wanted=1)


@pytest.mark.rule("SE-01", "SE-10")
def test_a_document_is_examined_by_its_seal_alone_at_a_shell(story: Story, shell: Shell) -> None:
    page = story.world.http.get(story.issued[REPLACED]["document_url"], headers=story.world.headers(REPLACED)).content
    (shell.folder / "page.pdf").write_bytes(page)
    (shell.folder / "changed.pdf").write_bytes(page.replace(b"/MediaBox", b"/MediaBux", 1))
    (shell.folder / "none.pdf").write_bytes(b"%PDF-1.7 nothing")

    good = json.loads(shell.run("examine", shell.folder / "page.pdf", "--json", wanted=5))
    assert (good["result"], [one["code"] for one in good["reasons"]], good["type"]) == ("unknown", ["seal-intact", "register-not-asked"], REPLACED)
    assert good["department"] == story.world.service.catalogue.samples[REPLACED].issuer
    assert good["specimen"] is True
    assert good["codes"] == [story.issued[REPLACED]["verify_url"]]
    assert "印章签名有效" in shell.run("examine", shell.folder / "page.pdf", wanted=5)
    changed = json.loads(shell.run("examine", shell.folder / "changed.pdf", "--json", wanted=4))
    assert (changed["result"], changed["department"], changed["seal"]) == ("no", None, None)
    assert json.loads(shell.run("examine", shell.folder / "none.pdf", "--json", wanted=5))["result"] == "unknown"
    shell.run("examine", shell.folder / "absent.pdf", wanted=1)


def test_a_bundle_is_shown_and_one_of_another_keeper_refused(shell: Shell) -> None:
    said = json.loads(shell.run("bundle", "show", shell.folder / "trust.jws", "--json"))

    assert said["lists"] == [{"list": 0, "valid": (1 << 20) - 2, "invalid": 0, "suspended": 1, "superseded": 1}]
    (shell.folder / "trust.jws").write_text((shell.folder / "trust.jws").read_text()[:-9] + "AAAAAAAAA")
    assert "refused" in shell.run("bundle", "show", shell.folder / "trust.jws", wanted=1)


def pem(story: Story) -> bytes:
    """Return the keeper's public key in PEM."""
    return story.world.service.keyring.public_code_keys()[story.keeper()[0].hex()].encode()


# -- the page --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("", "text/html"), ("app.js", "text/javascript"), ("sw.js", "text/javascript"), ("manifest.json", "application/json"),
        ("offline.css", "text/css"), ("words.json", "application/json"), ("icon.svg", "image/svg+xml"), ("zxing/zxing_reader.wasm", "application/wasm"),
    ],
)  # fmt: skip
def test_every_file_of_the_page_is_served_under_its_policy(story: Story, name: str, kind: str) -> None:
    answer = story.world.http.get(f"/offline/{name}")

    assert answer.status_code == 200
    assert answer.headers["content-type"].startswith(kind)
    assert "script-src 'self' 'wasm-unsafe-eval'" in answer.headers["content-security-policy"]
    assert "unsafe-inline" not in answer.headers["content-security-policy"]


@pytest.mark.parametrize(
    "name", ["none.js", "../app.py", "..%2fpages.py", "%2e%2e/pages.py", "zxing/../../../etc/passwd", "zxing/none", "x" * 81, "index.html/"]
)
def test_nothing_but_the_page_is_served(story: Story, name: str) -> None:
    assert story.world.http.get(f"/offline/{name}").status_code in {404, 422}


def test_the_page_without_its_slash_leads_to_it(story: Story) -> None:
    answer = story.world.http.get("/offline", follow_redirects=False)

    assert (answer.status_code, answer.headers["location"]) == (308, "/offline/")


def test_every_module_of_the_page_that_another_names_is_there_and_kept_for_no_network(story: Story) -> None:
    http = story.world.http
    worker = http.get("/offline/sw.js").text
    kept = set(re.findall(r'"([^"]+\.(?:js|css|json))"', worker))
    modules = {"app.js"}
    for name in ("app.js", "check.js", "code.js", "bundle.js", "time.js", "scan.js"):
        modules |= {one.removeprefix("./") for one in re.findall(r'from "([^"]+)"', http.get(f"/offline/{name}").text)}
    assert modules <= kept
    assert not [name for name in ("time", "bundle", "bundle/delta", "keeper") if f'"{name}"' in worker]
    assert all(http.get(name if name.startswith("/") else f"/offline/{name}").status_code == 200 for name in kept)


def test_the_page_names_the_official_host_before_any_bundle_is_there_and_has_a_way_past_its_head(story: Story) -> None:
    pages = [story.world.http.get(f"/offline/{name}").text for name in ("", "index.html")]

    assert pages[0] == pages[1]
    assert '<strong id="official">licence.example.cn</strong>' in pages[0]
    assert "{official_host}" not in pages[0]
    assert pages[0].index('href="#main"') < pages[0].index("<header")


def test_two_who_make_the_lists_at_once_make_them_once(story: Story) -> None:
    clock: Any = story.world.clock
    clock.now += EVERY + timedelta(seconds=1)
    service = story.world.service

    runs = at_once([service.status_lists.refresh] * 4)

    assert len({run.at for run in runs if not isinstance(run, Exception)}) == 1
    assert not [run for run in runs if isinstance(run, Exception)]
