"""One key a purpose (DOMAIN SE-04): what a key of another purpose of the same department signed is a stranger's, wherever it is read."""

import base64
import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import cbor2
import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from typer.testing import CliRunner

from licence_service import offline, offline_showing, qr_token
from licence_service.bundle import TIME_TYPE, BadBundle, Bundle, apply, read, read_time, sign, sign_delta, sign_time
from licence_service.cli import app
from licence_service.digests import canonical, sha256
from licence_service.errors import NotInRegister, Unavailable
from licence_service.follower import keeper_of
from licence_service.handover import check
from licence_service.licence import beijing_day
from licence_service.listing import CWT_TYPE, JWT_TYPE
from licence_service.log.heads import BadHead
from licence_service.receipts import BadReceipt, open_receipt
from licence_service.seal.demo import make_demo_keys, read_demo_departments
from licence_service.seal.keyring import Keyring
from licence_service.seal.listing_tokens import kid_of as kid_of_jws
from licence_service.seal.listing_tokens import open_jws, sign_jws
from licence_service.seal.tokens import BadToken, CodeSigner, Purpose, kid_of, open1, sign1
from licence_service.second_place import opened as opened_head
from licence_service.store.foreign_readings import LEASE
from licence_service.web.looking import _said as opened_note
from tests.attesting import SCHOOL, Attester, asserts, registered
from tests.holders import Owner, officers, owning
from tests.parts.test_keyring import with_one_code_key
from tests.world import BUSINESS, DRIVER, NOW, PASSPHRASE, ROOT, Clock, World, a_world

STRANGER = CodeSigner(b"\xfe" * 4, ec.derive_private_key(4711, ec.SECP256R1()))
JSON = {"Accept": "application/json"}
NONCE = "AAECAwQFBgcICQoLDA0ODw"
KIND = "continuing_education"


def lived(world: World, licence_id: str) -> None:
    """Have an endorsement accepted by the licence's department, and heads signed over all of it."""
    day = beijing_day(world.clock())
    school = registered(world, Attester(SCHOOL), asserts(KIND))
    facts = {
        "period_start": (day - timedelta(days=30)).isoformat(), "period_end": (day + timedelta(days=600)).isoformat(), "hours": 24,
        "institution": "蜀安交通职业培训学校", "result": "pass", "date": day.isoformat(),
    }  # fmt: skip
    assert world.http.post("/assertions", json=school.assertion(licence_id, KIND, facts, "E-1")).status_code == 201
    world.service.follower.follow()


@dataclass
class Made:
    """What a service signed about one licence, of every kind that lasts."""

    address: str
    head: bytes
    receipt: bytes
    answer: bytes
    note: bytes
    bundle: str
    export: Path

    @classmethod
    def by(cls, world: World, licence: dict[str, Any], folder: Path) -> "Made":
        """Ask a service for one of each."""
        licence_id, service = licence["licence_id"], world.service
        head = service.heads.last()
        assert head
        answers = [
            world.http.get(f"{qr_token.PATH}{licence['verify_url'].rpartition(qr_token.PATH)[2]}?receipt=cose"),
            world.http.get(f"/licences/{licence_id}/answer", headers=world.headers(DRIVER)),
        ]
        assert [one.status_code for one in answers] == [200, 200], [one.text for one in answers]
        said = {"by": "id", "value": world.request(DRIVER)["face"]["citizen_id"], "reason": "roadside_check", "place": "示例国道三公里处"}
        seen = world.http.post("/officer/look", json={**said, "officer": "执法007", "could_not_show": True}, headers=officers(world, folder.name))
        assert seen.status_code == 200, seen.text
        note = service.officers.note(next(one["note_code"] for one in seen.json()["licences"] if one["licence"]["licence_id"] == licence_id))
        assert note
        export = service.gatherer.gather(licence_id, folder, {})
        return cls(licence["verify_url"], head.message, answers[0].content, answers[1].content, note, service.publisher.bundle(at_once=True), export)


@dataclass
class Scene:
    """A service whose departments have one key a purpose, what it made, and the keys that may sign in its place."""

    owner: Owner
    folder: Path
    made: Made = field(init=False)

    def __post_init__(self) -> None:
        """Let the licence live a little."""
        lived(self.world, self.owner.licence_id)
        self.made = Made.by(self.world, self.owner.licence, self.folder / "handover")

    @property
    def world(self) -> World:
        return self.owner.world

    @property
    def keyring(self) -> Keyring:
        return self.world.service.keyring

    @cached_property
    def bundle(self) -> Bundle:
        return read(self.made.bundle, self.keyring.keys_for(Purpose.STATUS))

    def signer(self, purpose: Purpose, of: Purpose) -> CodeSigner:
        """Return the key of a purpose of who signs the kinds of purpose `of`: the licence's department, or the keeper of the register."""
        mine = self.keyring.departments[self.world.service.catalogue.samples[DRIVER].issuer]
        return (mine if of in {Purpose.LICENCE, Purpose.ENDORSEMENT} else keeper_of(self.keyring.departments)).signers[purpose]

    def shell(self, *words: str | Path) -> Any:
        """Type a command that knows nothing but the keys folder, and return what came of it."""
        passphrase = self.folder / "passphrase"
        passphrase.write_text(PASSPHRASE)
        passphrase.chmod(0o600)
        keys = {
            "LICENCE_KEYS": str(self.world.service.settings.keys),
            "LICENCE_ALLOW_DEMO_KEYS": "1",
            "LICENCE_SEAL_PASSPHRASE_FILE": str(passphrase),
        }
        return CliRunner().invoke(app, [str(word) for word in words], env=keys)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory, demo_keys: Path) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("purposes")
    with owning(folder / "world", demo_keys, failures_before_slowing=1000) as owner:
        yield Scene(owner, folder)


# -- every kind of message: signed again by `by`, what becomes of it where it is read ---------------------------------


def printed(scene: Scene, by: CodeSigner) -> str:
    payload = open1(qr_token.message_in(scene.made.address.rpartition(qr_token.PATH)[2]), scene.keyring.keys_for(Purpose.LICENCE)).payload
    return qr_token.digits_of(sign1(payload, by))


def shown(scene: Scene, by: CodeSigner) -> str:
    payload = open1(qr_token.message_in(scene.owner.code()["digits"]), scene.keyring.keys_for(Purpose.LICENCE)).payload
    return qr_token.digits_of(sign1(payload, by))


def code_on_paper(scene: Scene, by: CodeSigner) -> object:
    return scene.world.http.get(f"{qr_token.PATH}{printed(scene, by)}", headers=JSON).json()["answers"]


def code_on_paper_off_line(scene: Scene, by: CodeSigner) -> object:
    return offline.check(printed(scene, by), scene.bundle, scene.world.clock() + timedelta(minutes=1)).answers


def show_code_on_line(scene: Scene, by: CodeSigner) -> object:
    said = scene.owner.scan({"digits": shown(scene, by)})
    return said["answer"], said["verdict"]["answers"]


def show_code_off_line(scene: Scene, by: CodeSigner) -> object:
    return offline_showing.check(shown(scene, by), scene.bundle, scene.world.clock() + timedelta(seconds=5)).answers


def exported(scene: Scene, name: str, change: Callable[[bytes], bytes]) -> list[str]:
    """Return what is found wrong in an export of which one file was changed, and named anew in the manifest."""
    folder = scene.folder / "export"
    shutil.rmtree(folder, ignore_errors=True)
    shutil.copytree(scene.made.export, folder)
    content, manifest = change((folder / name).read_bytes()), json.loads((folder / "manifest.json").read_text("utf-8"))
    manifest["files"][name] = sha256(content)
    (folder / name).write_bytes(content)
    (folder / "manifest.json").write_text(json.dumps(manifest), "utf-8")
    return [found for found in check(folder) if "signature" in found or "signed" in found or "cannot be read" in found]


def endorsement_in_an_export(scene: Scene, by: CodeSigner) -> object:
    def signed(content: bytes) -> bytes:
        body = json.loads(content)
        (one,) = body["endorsements"]
        return canonical({**body, "endorsements": [{**one, "kid": by.kid.hex(), "signature": by.sign(canonical(one["statement"])).hex()}]})

    return exported(scene, "entries/0003.json", signed)


def head_in_an_export(scene: Scene, by: CodeSigner) -> object:
    return exported(scene, "head.cose", lambda content: sign1(open1(content, scene.keyring.keys_for(Purpose.EVIDENCE)).payload, by))


def head(scene: Scene, by: CodeSigner) -> object:
    payload = open1(scene.made.head, scene.keyring.keys_for(Purpose.EVIDENCE)).payload
    with suppress(BadHead):
        return opened_head(scene.keyring, sign1(payload, by))
    return None


def receipt(scene: Scene, by: CodeSigner) -> object:
    message = sign1(open1(scene.made.receipt, scene.keyring.keys_for(Purpose.EVIDENCE)).payload, by)
    with suppress(BadReceipt):
        return open_receipt(message, scene.keyring.keys_for(Purpose.EVIDENCE)).said
    return None


def receipt_at_a_shell(scene: Scene, by: CodeSigner) -> object:
    file = scene.folder / "receipt.cose"
    file.write_bytes(sign1(open1(scene.made.receipt, scene.keyring.keys_for(Purpose.EVIDENCE)).payload, by))
    return scene.shell("verify-receipt", file).exit_code


def note(scene: Scene, by: CodeSigner) -> object:
    payload = open1(scene.made.note, scene.keyring.keys_for(Purpose.EVIDENCE)).payload
    with suppress(NotInRegister):
        return opened_note(scene.world.service, sign1(payload, by))
    return None


def answer_by_the_keys_of_a_bundle(scene: Scene, by: CodeSigner) -> object:
    payload = open1(scene.made.answer, scene.keyring.keys_for(Purpose.EVIDENCE)).payload
    with suppress(BadToken):
        return open1(sign1(payload, by), scene.bundle.keys_for(Purpose.EVIDENCE)).payload
    return None


def bundle_at_a_shell(scene: Scene, by: CodeSigner) -> object:
    file = scene.folder / "bundle.jws"
    file.write_text(sign(scene.bundle, by), "ascii")
    return scene.shell("bundle", "show", file).exit_code


def delta(scene: Scene, by: CodeSigner) -> object:
    with suppress(BadBundle):
        return apply(scene.bundle, sign_delta(scene.bundle, scene.bundle, by), scene.keyring.keys_for(Purpose.STATUS)).as_of
    return None


def signed_time(scene: Scene, by: CodeSigner) -> object:
    text = sign_time(scene.bundle.book, NOW, NONCE, by)
    with suppress(BadBundle):
        return read_time(text, scene.bundle.keys_for(Purpose.STATUS), scene.bundle.book, NONCE)
    return None


def status_list_by_the_keys_of_a_bundle(scene: Scene, by: CodeSigner) -> object:
    content = scene.world.service.status_lists.fetch(0).content.decode("ascii")
    payload = open_jws(content, JWT_TYPE, scene.bundle.keys_for(Purpose.STATUS))
    with suppress(BadToken):
        return open_jws(sign_jws(JWT_TYPE, payload, by), JWT_TYPE, scene.bundle.keys_for(Purpose.STATUS))
    return None


READERS: dict[Callable[[Scene, CodeSigner], object], Purpose] = {
    code_on_paper: Purpose.LICENCE, code_on_paper_off_line: Purpose.LICENCE, show_code_on_line: Purpose.LICENCE, show_code_off_line: Purpose.LICENCE,
    endorsement_in_an_export: Purpose.ENDORSEMENT, head: Purpose.EVIDENCE, head_in_an_export: Purpose.EVIDENCE, receipt: Purpose.EVIDENCE,
    receipt_at_a_shell: Purpose.EVIDENCE, note: Purpose.EVIDENCE, answer_by_the_keys_of_a_bundle: Purpose.EVIDENCE, bundle_at_a_shell: Purpose.STATUS,
    delta: Purpose.STATUS, signed_time: Purpose.STATUS, status_list_by_the_keys_of_a_bundle: Purpose.STATUS,
}  # fmt: skip


@pytest.mark.rule("SE-04")
@pytest.mark.parametrize("reader", READERS, ids=lambda reader: reader.__name__)
def test_a_message_is_read_by_the_key_of_its_purpose_and_by_any_other_is_a_strangers(
    scene: Scene, reader: Callable[[Scene, CodeSigner], object]
) -> None:
    strangers = reader(scene, STRANGER)

    taken = [purpose for purpose in Purpose if reader(scene, scene.signer(purpose, READERS[reader])) != strangers]

    assert taken == [READERS[reader]]


@pytest.mark.rule("SE-04")
@pytest.mark.parametrize("said", [b"[]", b'"licence"', b"null", b"7"])
def test_an_export_that_says_in_no_way_of_ours_what_its_keys_are_for_does_not_make_them_good_for_all(scene: Scene, said: bytes) -> None:
    assert exported(scene, "key_purposes.json", lambda _said: said) == ["the export cannot be read as format export/1"]


@pytest.mark.rule("SE-04")
def test_whatever_the_service_signs_names_the_key_of_its_purpose(scene: Scene) -> None:
    http, made = scene.world.http, scene.made
    (accepted,) = scene.world.service.book.get(scene.owner.licence_id).entries[2].endorsements
    lists = [scene.world.service.status_lists.fetch(0, cwt=cwt).content for cwt in (False, True)]
    signed = {
        Purpose.LICENCE: [kid_of(qr_token.message_in(one)) for one in (made.address.rpartition(qr_token.PATH)[2], scene.owner.code()["digits"])],
        Purpose.ENDORSEMENT: [bytes.fromhex(accepted.kid)],
        Purpose.EVIDENCE: [kid_of(one) for one in (made.head, made.receipt, made.answer, made.note)],
        Purpose.STATUS: [
            *(kid_of_jws(one) for one in (made.bundle, lists[0].decode("ascii"), http.get(f"/offline/time?nonce={NONCE}").text)),
            cbor2.loads(cbor2.loads(lists[1]).value[0])[4], bytes.fromhex(http.get("/offline/keeper").json()["kid"]),
        ],
    }  # fmt: skip

    for purpose, kids in signed.items():
        assert set(kids) == {scene.signer(purpose, purpose).kid}, purpose
    assert len({scene.signer(purpose, Purpose.STATUS).kid for purpose in Purpose}) == len(Purpose)
    assert cbor2.loads(cbor2.loads(lists[1]).value[0])[16] == CWT_TYPE
    assert json.loads(base64.urlsafe_b64decode(http.get(f"/offline/time?nonce={NONCE}").text.partition(".")[0] + "=="))["typ"] == TIME_TYPE


@pytest.mark.rule("SE-04", "AU-02")
def test_who_has_no_keys_folder_is_given_the_keepers_key_of_a_purpose(scene: Scene) -> None:
    known, files = scene.keyring.public_code_keys(), {one: scene.folder / f"{one}.pem" for one in (Purpose.STATUS, Purpose.EVIDENCE)}
    (scene.folder / "receipt.cose").write_bytes(scene.made.receipt)
    for purpose, file in files.items():
        file.write_text(scene.shell("bundle", "key", "--purpose", purpose).stdout, "ascii")
        assert file.read_text("ascii") == known[scene.signer(purpose, purpose).kid.hex()]
    assert scene.shell("bundle", "key").stdout == files[Purpose.STATUS].read_text("ascii")
    said = [scene.shell("verify-receipt", scene.folder / "receipt.cose", "--key", file).exit_code for file in files.values()]
    assert said == [4, 0]


# -- an installation that had one code key ----------------------------------------------------------------------------


def with_keys_of_single_purposes_beside_it(keys: Path, whole: Path) -> None:
    """Add the keys of single purposes and leave the code key as it is."""
    for path in keys.glob("*/seal.toml"):
        _, mark, tables = (whole / path.parent.name / path.name).read_text("utf-8").partition("[[purpose_keys]]")
        path.write_text(f"{path.read_text('utf-8')}\n{mark}{tables.partition('[[grants]]')[0]}", "utf-8")


def with_the_old_code_key_retired(keys: Path, folder: Path, purposes: str = "") -> None:
    """Put a new code key in, for codes alone, and the old one under the retired ones."""
    shutil.copytree(keys / "authority", folder / "authority")
    make_demo_keys(folder, read_demo_departments(ROOT / "keys" / "demo.toml"), passphrase=PASSPHRASE.encode(), now=NOW)
    for path in keys.glob("*/seal.toml"):
        text, kid = path.read_text("utf-8"), path.read_text("utf-8").partition('kid = "')[2][:8]
        shutil.move(path.with_name("code_certificate.pem"), path.with_name("code_certificate-1.pem"))
        for name in ("code.key.pem", "code_certificate.pem"):
            shutil.copy(folder / path.parent.name / name, path.with_name(name))
        text = text.replace(f'kid = "{kid}"', f'kid = "{kid[::-1]}"\npurposes = ["licence"]')
        path.write_text(f'{text}\n[[retired_code_keys]]\nkid = "{kid}"\ncertificate = "code_certificate-1.pem"\n{purposes}', "utf-8")


def still_good(world: World, made: Made) -> None:
    """Demand that whatever was signed before is read as it was, on line and off."""
    keyring = world.service.keyring
    assert (
        world.http.get(f"{qr_token.PATH}{made.address.rpartition(qr_token.PATH)[2]}", headers=JSON).json()["answers"]["authentic"]["result"] == "yes"
    )
    held = read(made.bundle, keyring.keys_for(Purpose.STATUS))
    newest = read(world.service.publisher.bundle(at_once=True), keyring.keys_for(Purpose.STATUS))
    for one in (held, newest):
        assert offline.check(made.address, one, world.clock() + timedelta(minutes=1)).answers["authentic"].result == "yes"
        assert open1(made.answer, one.keys_for(Purpose.EVIDENCE)).payload
    assert opened_head(keyring, made.head).size > 0
    assert open_receipt(made.receipt, keyring.keys_for(Purpose.EVIDENCE)).said["answers"]["authentic"]["result"] == "yes"
    assert opened_note(world.service, made.note)["licence_id"]
    assert list(check(made.export)) == []


def stopped(world: World, slug: str) -> bool:
    """Say whether the seal of a type's department is stopped."""
    return world.service.seal_log.stopped(world.service.keyring.departments[world.client(slug).department].seal.seal_id)


@pytest.mark.rule("SE-04", "SE-05")
def test_an_installation_with_one_code_key_goes_over_and_what_it_signed_stays_good(tmp_path: Path, demo_keys: Path) -> None:
    stages = [Path(shutil.copytree(demo_keys, tmp_path / "keys-1"))]
    for path in stages[0].glob("*/seal.toml"):
        with_one_code_key(path)
    stages.append(Path(shutil.copytree(stages[0], tmp_path / "keys-2")))
    with_keys_of_single_purposes_beside_it(stages[1], demo_keys)
    stages.append(Path(shutil.copytree(stages[1], tmp_path / "keys-3")))
    with_the_old_code_key_retired(stages[2], tmp_path / "new")
    kids: list[dict[Purpose, bytes]] = []
    made: list[Made] = []
    tokens: dict[str, str] = {}
    for number, keys in enumerate(stages):
        with a_world(tmp_path / "world", keys, tokens=tokens or None) as world:
            licence, tokens = world.issue(DRIVER, f"issue-000{number}"), world.tokens
            lived(world, licence["licence_id"])
            made.append(Made.by(world, licence, tmp_path / f"handover-{number}"))
            kids.append({purpose: keeper_of(world.service.keyring.departments).signers[purpose].kid for purpose in Purpose})
            for one in made:
                still_good(world, one)
            assert list(world.service.auditor.audit()) == []
    with a_world(tmp_path / "world", stages[-1], tokens=tokens) as world:  # foreign readers come late, and find what older keys signed right
        assert world.service.foreign_reading.work() == 1
        assert world.service.foreign_reading.kept.counts() == {"waiting": 0, "right": 1, "wrong": 0, "gone": 0}
        assert not stopped(world, DRIVER)
        world.issue(BUSINESS, "issue-0003")
    with a_world(tmp_path / "world", stages[1], tokens=tokens) as world:  # a process that was not started again has never heard of the new key
        with pytest.raises(Unavailable):
            world.service.foreign_reading.work()
        assert not stopped(world, BUSINESS)
    with a_world(tmp_path / "world", stages[-1], tokens=tokens) as world:
        cast("Clock", world.clock).now += LEASE
        assert world.service.foreign_reading.work() == 1
        assert world.service.foreign_reading.kept.counts() == {"waiting": 0, "right": 2, "wrong": 0, "gone": 0}

    assert [len(set(one.values())) for one in kids] == [1, 4, 4]
    assert kids[1][Purpose.LICENCE] == kids[0][Purpose.LICENCE] != kids[2][Purpose.LICENCE]
    assert kids[1][Purpose.STATUS] == kids[2][Purpose.STATUS] != kids[0][Purpose.STATUS]
