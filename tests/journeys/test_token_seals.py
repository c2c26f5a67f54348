"""The whole issue line with a department whose sealing key lies in a token: singly, in chunks, and while the token is away."""

import json
import random
import shutil
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field, replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, load_pem_private_key
from cryptography.x509 import load_pem_x509_certificates
from pyhanko.keys import load_cert_from_pemder
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import validate_pdf_signature
from pyhanko_certvalidator import ValidationContext
from typer.testing import CliRunner

from licence_service import chunks
from licence_service.carrying import Done
from licence_service.chunk_rows import Misjudged
from licence_service.cli import app
from licence_service.errors import ArchiveUnavailable, PageDisagrees, SealStopped, SealUnavailable
from licence_service.seal.ecdsa import der_signature
from licence_service.seal.lanes import Lanes
from licence_service.seal.pades import LocalSeal
from licence_service.service import told_of_steps
from licence_service.store.reserving import LEASE
from tests import soft_hsm
from tests.journeys.test_chunks import Blind, issued, rows
from tests.slow_keys import SlowKey
from tests.world import DRIVER, NOW, PASSPHRASE, PAYLOAD_KEY, ROOT, Clock, World, a_world, begun_once, opened_keys

COUNT, LANES = 40, 3


@dataclass
class Token:
    """A keys folder in which the driver licences' department has its sealing key in a token, and a register begun with it."""

    folder: Path
    keys: Path
    tokens: dict[str, str]
    access: dict[str, str] = field(default_factory=lambda: {"pkcs11_module": soft_hsm.MODULE, "pkcs11_pin": soft_hsm.PIN})

    def world(self, **changed: Any) -> Any:
        """Open a world; `changed` settings keep it from its token."""
        return a_world(self.folder, self.keys, tokens=dict(self.tokens), **{**self.access, **changed})


@pytest.fixture
def token(tmp_path: Path, demo_keys: Path) -> Token:
    """The folder."""
    keys = Path(shutil.copytree(demo_keys, tmp_path / "keys"))
    opened = opened_keys(demo_keys, "")
    register, tokens = begun_once(demo_keys, str(opened.departments), NOW)
    (tmp_path / "licence.db").write_bytes(register)
    soft_hsm.home()
    with a_world(tmp_path / "other", demo_keys) as world:
        uscc = world.service.catalogue.samples[DRIVER].issuer
    soft_hsm.move_seal(keys / uscc, PASSPHRASE.encode(), lanes=LANES)
    return Token(tmp_path, keys, tokens)


@pytest.fixture
def sealing(token: Token) -> Iterator[World]:
    """A world that reaches its token."""
    with token.world() as world:
        yield world


def documents(world: World, done: list[Any]) -> list[bytes]:
    """Download what was issued."""
    return [world.http.post("/download", json={"delivery_code": one.delivery_code}).content for one in done]


def foreigners_call_it_genuine(content: bytes, keys: Path, file: Path) -> None:
    """Ask pdfsig, and pyHanko without anything of ours."""
    file.write_bytes(content)
    said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    with file.open("rb") as stream:
        (signature,) = PdfFileReader(stream).embedded_signatures
        roots = [load_cert_from_pemder(str(path)) for path in (keys / "trust").glob("*.pem")]  # type: ignore[no-untyped-call]
        status = validate_pdf_signature(signature, ValidationContext(trust_roots=roots, moment=NOW))
    assert status.valid
    assert status.intact
    assert status.trusted
    assert status.docmdp_ok


def test_a_chunk_is_sealed_by_a_token_each_licence_with_its_own_signature(sealing: World, token: Token, tmp_path: Path) -> None:
    done = issued(sealing, DRIVER, rows(sealing, count=COUNT))
    assert all(isinstance(one, Done) for one in done), done
    found = documents(sealing, done)
    assert len(set(found)) == COUNT
    for number, content in enumerate(found):
        assert sealing.service.examiner.examine(content).good
        if number in {0, COUNT - 1}:
            foreigners_call_it_genuine(content, token.keys, tmp_path / "sealed.pdf")
    assert [use["event"] for use in sealing.service.seal_log.uses()] == ["requested"] * COUNT + ["done"] * COUNT
    assert not list(sealing.service.auditor.audit(documents=True))


def test_a_single_licence_is_sealed_by_a_token(sealing: World, token: Token, tmp_path: Path) -> None:
    issue = sealing.issue(DRIVER)
    content = sealing.http.post("/download", json={"delivery_code": issue["delivery_code"]}).content
    foreigners_call_it_genuine(content, token.keys, tmp_path / "sealed.pdf")
    assert sealing.http.post("/verify/document", content=content, headers={"Content-Type": "application/pdf"}).json()["overall"] == "valid"


def test_two_who_carry_the_same_chunk_at_once_enter_it_once_though_no_two_signatures_are_alike(token: Token) -> None:
    with token.world() as first, token.world() as second:  # as two processes: neither remembers what the other had signed
        given = rows(first, count=6)
        with ThreadPoolExecutor(2) as pool:
            told = list(pool.map(lambda world: issued(world, DRIVER, given), (first, second)))
        assert [one.licence_id for one in told[0]] == [one.licence_id for one in told[1]]
        assert len(list(first.service.book.all_ids())) == 6
        assert not list(first.service.auditor.audit(documents=True))


def test_what_was_asked_while_the_token_was_away_is_sealed_when_it_is_back(token: Token) -> None:
    with token.world(pkcs11_module="/nowhere/module.so") as away:
        given = rows(away, count=5)
        assert all(isinstance(one, SealUnavailable) for one in issued(away, DRIVER, given))
        answer = away.http.post("/licences", json=away.request(DRIVER), headers=away.headers(DRIVER, "alone-0001"))
        assert answer.status_code == 202
        assert not list(away.service.book.all_ids())
        assert {use["event"] for use in away.service.seal_log.uses()} == {"requested", "failed"}
    with token.world() as back:
        assert isinstance(back.clock, Clock)
        back.clock.now += LEASE + timedelta(seconds=1)
        assert back.service.registrar.finish() == 6
        done = issued(back, DRIVER, given)
        assert len({one.licence_id for one in done}) == 5
        assert not list(back.service.auditor.audit(documents=True))


@pytest.fixture
def slow(tmp_path: Path, demo_keys: Path) -> Iterator[tuple[World, SlowKey]]:
    """A world in which the drivers' department signs with its own key in four lanes that take their time."""
    keys = Path(shutil.copytree(demo_keys, tmp_path / "keys"))
    with a_world(tmp_path, keys) as world:
        uscc = world.service.catalogue.samples[DRIVER].issuer
        private = load_pem_private_key((keys / uscc / "seal.key.pem").read_bytes(), PASSPHRASE.encode())
        assert isinstance(private, ec.EllipticCurvePrivateKey)
        key = SlowKey(0.002, sign_with=partial(der_signature, private))
        chain = [one.public_bytes(Encoding.DER) for one in load_pem_x509_certificates((keys / uscc / "certificate.pem").read_bytes())]
        department = world.service.keyring.departments[uscc]
        seal = LocalSeal(department.seal.seal_id, "pades-p256", Lanes(key.open, 4, patience_seconds=60), chain)
        assert isinstance(world.service.keyring.departments, dict)
        world.service.keyring.departments[uscc] = replace(department, seal=seal)
        yield world, key


def test_a_chunk_whose_signings_fail_and_hang_is_sealed_whole(slow: tuple[World, SlowKey]) -> None:
    world, key = slow
    key.failing, key.stalling, key.stall, key.dice = 0.05, 0.03, 0.5, random.Random(7)
    seal = world.service.keyring.departments[world.client(DRIVER).department].seal
    assert isinstance(seal, LocalSeal)
    assert isinstance(seal._signer.signing, Lanes)
    seal._signer.signing.patience = 0.3
    given, done = rows(world, count=COUNT), list[Any]()
    while not done or isinstance(done[0], SealUnavailable):  # one without any luck leaves all of the chunk waiting
        done = issued(world, DRIVER, given)
    assert all(isinstance(one, Done) for one in done), done
    assert key.failures
    assert key.stalls
    assert len(set(documents(world, done))) == COUNT
    assert all(world.service.examiner.examine(content).good for content in documents(world, done))
    assert [use["event"] for use in world.service.seal_log.uses()].count("done") == COUNT
    assert not list(world.service.auditor.audit(documents=True))


def test_a_key_that_goes_away_in_the_middle_of_a_chunk_leaves_all_of_it_waiting_and_nothing_is_signed_twice(slow: tuple[World, SlowKey]) -> None:
    world, key = slow
    given, sign = rows(world, count=COUNT), key.sign_with

    def until_it_is_gone(message: bytes) -> bytes:
        key.gone = key.whole >= COUNT // 2
        assert sign
        return sign(message)

    key.sign_with = until_it_is_gone
    first = issued(world, DRIVER, given)
    assert all(isinstance(one, SealUnavailable) for one in first), first
    assert not list(world.service.book.all_ids())
    assert COUNT // 2 <= key.whole < COUNT
    key.gone, key.sign_with = False, sign
    done = issued(world, DRIVER, given)
    assert all(isinstance(one, Done) for one in done), done
    assert len({one.licence_id for one in done}) == COUNT
    assert key.whole == COUNT  # what was signed before was not signed again
    assert not list(world.service.auditor.audit(documents=True))


def in_parts(world: World, count: int, monkeypatch: pytest.MonkeyPatch, told: Callable[[str], None]) -> list[Any]:
    """Issue rows as one chunk in parts of ten, told of each step before it begins."""
    monkeypatch.setattr(chunks, "PART", 10)
    return told_of_steps(world.service, told).chunks.issue(world.client(DRIVER), rows(world, count=count))


def test_the_next_part_is_printed_while_one_is_signed(slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch) -> None:
    world, key = slow
    key.latency = 0.1
    steps: list[str] = []
    done = in_parts(world, 30, monkeypatch, steps.append)
    assert all(isinstance(one, Done) for one in done), done
    assert len({one.licence_id for one in done}) == 30
    a_part, last = ["draw", "request-seal", "seal", "sealed"], steps[-2:]
    assert {name: steps.count(name) for name in a_part} == dict.fromkeys(a_part, 3)
    assert last == ["archive", "append"]
    drawn = [place for place, name in enumerate(steps) if name == "draw"]
    sealed = [place for place, name in enumerate(steps) if name == "sealed"]
    assert drawn[1] < sealed[0] < drawn[2] < sealed[1] < sealed[2]  # never three parts at once
    # Each part's uses are asked for and told before the next part's: the log reads as if nothing had been done at once.
    assert [use["event"] for use in world.service.seal_log.uses()] == (["requested"] * 10 + ["done"] * 10) * 3
    assert not list(world.service.auditor.audit(documents=True))


def test_the_next_part_is_printed_while_the_uses_of_one_are_written_down(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    in_parts(world, 30, monkeypatch, steps.append)
    drawn = [place for place, name in enumerate(steps) if name == "draw"]
    sealed = [place for place, name in enumerate(steps) if name == "sealed"]
    assert drawn[1] < sealed[0] < drawn[2] < sealed[1] < sealed[2]  # never three parts at once
    assert [use["event"] for use in world.service.seal_log.uses()] == (["requested"] * 10 + ["done"] * 10) * 3


def test_after_a_part_that_could_not_be_signed_nothing_is_asked_for(slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch) -> None:
    world, key = slow
    key.latency, key.gone = 0.05, True
    told = in_parts(world, 30, monkeypatch, lambda _step: None)
    assert all(isinstance(one, SealUnavailable) for one in told)
    events = [use["event"] for use in world.service.seal_log.uses()]
    assert events == ["requested"] * 10 + ["failed"] * 10
    assert not list(world.service.book.all_ids())


def test_a_seal_that_is_stopped_while_the_next_part_is_printed_seals_no_more(slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch) -> None:
    world, key = slow
    key.latency = 0.1
    seal_id = world.service.keyring.departments[world.client(DRIVER).department].seal.seal_id
    drawn: list[str] = []

    def stop_at_the_second(step: str) -> None:
        drawn.extend([step] if step == "draw" else [])
        if step == "draw" and len(drawn) == 2:
            while not world.service.seal_log.uses():  # the first part is asked for in a thread of its own
                time.sleep(0.01)
            world.service.seal_log.order(seal_id, stopped=True, at=world.clock(), by="印章科01", reason="a test")

    told = in_parts(world, 30, monkeypatch, stop_at_the_second)
    assert all(isinstance(one, SealStopped) for one in told)
    assert [use["event"] for use in world.service.seal_log.uses()] == ["requested"] * 10 + ["done"] * 10 + ["refused"] * 10
    assert not list(world.service.book.all_ids())


def test_a_page_at_odds_while_another_part_is_signed_lets_nothing_be_entered(slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch) -> None:
    world, key = slow
    key.latency = 0.05
    drawn: list[str] = []

    def at_odds(step: str) -> None:
        drawn.extend([step] if step == "draw" else [])
        if step == "draw" and len(drawn) == 2:
            raise PageDisagrees("a page at odds")

    with pytest.raises(PageDisagrees):
        in_parts(world, 30, monkeypatch, at_odds)
    assert [use["event"] for use in world.service.seal_log.uses()] == ["requested"] * 10 + ["done"] * 10
    assert not list(world.service.book.all_ids())
    assert not [one for one in threading.enumerate() if one.name.startswith("sealing")]


@pytest.mark.parametrize("trouble", [ArchiveUnavailable(), PageDisagrees("a page at odds")])
def test_a_file_that_is_found_wrong_while_something_else_fails_is_not_forgotten(
    slow: tuple[World, SlowKey], monkeypatch: pytest.MonkeyPatch, trouble: Exception
) -> None:
    """Else its reservation would wait for the worker, who would seal it again and enter it."""
    world, key = slow
    key.latency = 0.05
    drawn: list[str] = []

    def fail_at_the_second(step: str) -> None:
        drawn.extend([step] if step == "draw" else [])
        if step == "draw" and len(drawn) == 2:
            raise trouble

    monkeypatch.setattr(chunks, "PART", 10)
    told = told_of_steps(world.service, fail_at_the_second).chunks
    wrong = replace(told, registrar=replace(told.registrar, examiner=Blind()))  # type: ignore[arg-type]
    with pytest.raises(Misjudged) as found:
        wrong.issue(world.client(DRIVER), rows(world, count=30))
    assert found.value.__cause__ is trouble
    assert isinstance(world.clock, Clock)
    world.clock.now += 2 * LEASE
    assert world.service.registrar.finish() == 0
    assert not list(world.service.book.all_ids())


def test_the_list_of_seals_says_whether_a_token_can_be_reached(token: Token, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    environment = {
        "LICENCE_DATABASE_URL": f"sqlite:///{token.folder}/licence.db", "LICENCE_ARCHIVE_URL": f"file:{token.folder}/archive",
        "LICENCE_KEYS": str(token.keys), "LICENCE_SEAL_PASSPHRASE": PASSPHRASE, "LICENCE_PAYLOAD_KEY": PAYLOAD_KEY, "LICENCE_ALLOW_DEMO_KEYS": "1",
        "LICENCE_PKCS11_MODULE": soft_hsm.MODULE, "LICENCE_PKCS11_PIN": soft_hsm.PIN,
    }  # fmt: skip

    def keys(**changed: str) -> set[str]:
        said = CliRunner().invoke(app, ["seal", "list", "--json"], env={**environment, **changed})
        assert said.exit_code == 0, said.output
        assert soft_hsm.PIN not in said.output
        return {one["key"] for one in json.loads(said.stdout)}

    assert keys() == {"here", f"in a token, reached; {LANES} lanes"}
    assert keys(LICENCE_PKCS11_MODULE="/nowhere.so") == {"here", "in a token that CANNOT BE REACHED: the PKCS #11 module cannot be loaded"}
    refused = CliRunner().invoke(app, ["seal", "list"], env={**environment, "LICENCE_PKCS11_MODULE": ""})
    assert refused.exit_code == 2
    assert "LICENCE_PKCS11_MODULE" in refused.output
