"""A department whose sealing key is lost: its licences, a thief who has the key, the new seal, and what each file is told."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from licence_service.campaign import Report, Runner
from licence_service.carrying import Done
from licence_service.chunks import Row
from licence_service.licence import beijing_day
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.verification import Question
from tests.world import DRIVER, NOW, PASSPHRASE, ROOT, Clock, World, a_world, decision

BEFORE, SINCE, AFTER, FOUND = (NOW + timedelta(hours=one) for one in range(4))  # T0 is SINCE
MARKER, CONFIRMER = "印章管理员甲", "负责人乙"
REASON = "the key file was copied"


def copied_keys(keys: Path, folder: Path) -> Path:
    """Return a keys folder of the test's own."""
    made = folder / "keys"
    shutil.copytree(keys, made)
    return made


def rotated(keys: Path, uscc: str, at: datetime) -> str:
    """Give a department a new seal from the instant on, retire the old one, and return the old one's name."""
    folder = keys / uscc
    (folder / "certificate.pem").rename(folder / "certificate-old.pem")
    (folder / "seal.key.pem").unlink()
    make_demo_keys(keys, read_demo_departments(ROOT / "keys" / "demo.toml"), passphrase=PASSPHRASE.encode(), now=at, not_before=at)
    file = folder / "seal.toml"
    lines = file.read_text("utf-8").splitlines()
    old = next(line for line in lines if line.startswith("id = ")).split('"')[1]
    first = next(line for line in lines if line.startswith("valid_from = ")).split(" = ")[1]
    day, place = beijing_day(at).isoformat(), lines.index("[seal]")
    renewed = [f'id = "{old}-renewed"' if line.startswith("id = ") else line for line in lines]
    valid = next(number for number, line in enumerate(lines) if number > place and line.startswith("valid_from = "))
    renewed[valid] = f"valid_from = {day}"
    retired = ["", "[[retired_seals]]", f'id = "{old}"', 'certificate = "certificate-old.pem"', f"valid_from = {first}", f"retired_on = {day}"]
    file.write_text("\n".join([*renewed, *retired, f'successor = "{old}-renewed"', ""]), "utf-8")
    return old


@dataclass(frozen=True)
class Renewed:
    """Two keys folders, before and after a department got a new seal, and the name of its old one; opening keys is slow, so all share them."""

    before: Path
    after: Path
    lost: str


@dataclass
class Case:
    """A register in which the key of one department's seal is lost."""

    folder: Path
    renewed: "Renewed"
    keys: Path = field(init=False)
    database_url: str | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    tokens: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Begin with the seal that will be lost."""
        self.keys = self.renewed.before

    def rotate(self) -> str:
        """Take the keys with the new seal, and return the old one's name."""
        self.keys = self.renewed.after
        return self.renewed.lost

    @contextmanager
    def opened(self, now: datetime) -> Iterator[World]:
        """Open the register at an instant, with the keys of now."""
        with a_world(self.folder / "register", self.keys, self.database_url, self.tokens, now=NOW, **self.settings) as world:
            self.tokens = world.tokens
            assert isinstance(world.clock, Clock)
            world.clock.now = now
            yield world

    def forged(self, at: datetime) -> bytes:
        """Return a file that a thief seals with the key: a whole service of his own, at whatever time he pleases; call it before the rotation."""
        with a_world(self.folder / f"thief-{at:%H%M}", self.keys, now=NOW) as thief:
            assert isinstance(thief.clock, Clock)
            thief.clock.now = at
            issued = thief.issue(DRIVER, face={"license_no": "5199020000009999999"})
            return current(thief, issued["licence_id"])


def rows(world: World, count: int, first: int = 0) -> list[Row]:
    """Return requests that differ in number and case."""
    body = world.request(DRIVER)
    return [
        (f"row-{place:07d}", {**body, "case_no": f"CASE-{place}", "face": {**body["face"], "license_no": f"{5199020000000000000 + place}"}})
        for place in range(first, first + count)
    ]


def issued(world: World, count: int, first: int = 0) -> list[str]:
    """Issue licences in chunks and return their ids."""
    found: list[str] = []
    for start in range(first, first + count, 1000):
        done = world.service.chunks.issue(world.client(DRIVER), rows(world, min(1000, first + count - start), start))
        assert all(isinstance(one, Done) for one in done), done
        found += [one.licence_id for one in done if isinstance(one, Done)]
    return found


def current(world: World, licence_id: str) -> bytes:
    """Return the newest document of a licence."""
    return world.service.archive.get(document(world, licence_id))


def document(world: World, licence_id: str) -> str:
    """Return the digest of the newest document of a licence."""
    versions = [one.version for one in world.service.book.get(licence_id).entries if one.version]
    return versions[-1].document.sha256


def acts(world: World, licence_id: str) -> list[str]:
    """Return the acts of a licence by name."""
    return [one.act.value for one in world.service.book.get(licence_id).entries]


def seal_of(world: World) -> str:
    """Return the name of the seal that the department uses."""
    return world.service.keyring.departments[world.client(DRIVER).department].seal.seal_id


def told(world: World, content: bytes, known_at: datetime | None = None) -> tuple[str, str, tuple[str, ...]]:
    """Return the verdict in one word, the answer to `authentic`, and what is said of seal and document."""
    verdict = world.service.verifier.by_document(content, Question(known_at=known_at))
    said = tuple(code for check in verdict.checks if check.name in {"seal", "document"} for code in check.reasons if code != "specimen")
    return verdict.overall.value, verdict.answers["authentic"].result.value, said


def marked(world: World, seal_id: str, since: datetime = SINCE) -> None:
    """Let two people say that the key is lost."""
    world.service.marks.mark(seal_id, since, REASON, MARKER)
    world.service.marks.confirm(seal_id, since, CONFIRMER)


def planned(world: World, seal_id: str, *, every: bool = False) -> tuple[Runner, str]:
    """Mark the key, plan to re-seal what it sealed since then, rehearse, and have it approved."""
    world.service.marks.mark(seal_id, SINCE, REASON, MARKER)
    runner = world.service.runner()
    campaign_id = runner.plan_resealing(seal_id, SINCE, decision(beijing_day(world.clock())), MARKER, every=every)
    runner.rehearse(campaign_id)
    runner.approve(campaign_id, CONFIRMER)
    return runner, campaign_id


def outcomes(report: Report) -> dict[tuple[str, str], int]:
    """Return how many licences ended how."""
    return {(one["rehearsed"], one["outcome"]): one["licences"] for one in report.counts}


def all_done(world: World, ids: list[str]) -> None:
    """See that each licence was sealed anew exactly once, and that the register and its documents are whole."""
    assert [acts(world, one) for one in ids] == [["issue", "reseal"]] * len(ids)
    assert {told(world, current(world, one)) for one in ids} == {("valid", "yes", ("seal-intact", "same-document"))}
    assert not list(world.service.auditor.audit(documents=True))
    assert not list(world.service.seal_log.breaks())
    uses = [use for use in world.service.seal_log.uses(seal_id=seal_of(world)) if use["event"] == "done"]
    assert {document(world, one) for one in ids} <= {use["sealed_sha256"] for use in uses}
