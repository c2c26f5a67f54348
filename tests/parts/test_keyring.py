"""The keys folder: everything is cross-checked when read, and nothing of it is ever shown."""

import asyncio
import os
import re
import shutil
import stat
import subprocess
from collections.abc import Callable
from datetime import UTC, date, datetime
from pathlib import Path

import pytest
from cryptography.hazmat.primitives import serialization

from licence_service import outbound
from licence_service.errors import Misconfigured, NotInRegister, SealUnavailable
from licence_service.seal.demo import DemoDepartment, make_demo_keys, read_demo_departments
from licence_service.seal.keyring import Keyring, read_keyring
from licence_service.seal.pades import examine
from licence_service.seal.public import read_code_keys
from licence_service.seal.remote import RemoteSeal
from licence_service.seal.terms import code_key_terms
from licence_service.seal.tokens import Purpose
from tests.parts.conftest import DEMO_TOML, NOW, PASSPHRASE


@pytest.fixture
def folder(keys_folder: Path, tmp_path: Path) -> Path:
    """A copy of the demo keys, to be changed."""
    return Path(shutil.copytree(keys_folder, tmp_path / "keys"))


@pytest.fixture
def first(folder: Path, departments: tuple[DemoDepartment, ...]) -> Path:
    """The first department's folder."""
    return folder / departments[0].uscc


def _read(folder: Path) -> Keyring:
    return read_keyring(folder, passphrase=PASSPHRASE, allow_demo=True)


def _edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def with_one_code_key(path: Path) -> None:
    """Write a `seal.toml` of demo keys as it was before keys had purposes."""
    text = re.sub(r"\[\[purpose_keys\]\]\n(.+\n)+\n", "", path.read_text("utf-8"))
    path.write_text(text.replace('purposes = ["licence"]\n', ""), "utf-8")
    assert "purpose" not in path.read_text("utf-8")


def test_the_four_organs_of_the_samples_are_read_with_all_that_is_theirs(keyring: Keyring, departments: tuple[DemoDepartment, ...]) -> None:
    assert list(keyring.departments) == sorted(organ.uscc for organ in departments)
    assert [organ.issuer_index for organ in departments] == [1, 2, 3, 4]
    for organ in departments:
        department = keyring.departments[organ.uscc]
        assert (department.name, department.short_name) == (organ.name, organ.short_name)
        assert department.demo
        assert department.impression == organ.name.encode()
        assert department.may_seal("any_type", date(2026, 3, 1))
        assert not department.may_seal("any_type", date(2020, 1, 1))
        assert department.seal_on(date(2026, 3, 1)).seal_id == f"{organ.uscc}-2026"
        assert keyring.verifying_key(department.signers[Purpose.LICENCE].kid, Purpose.LICENCE)[1] == organ.uscc
        assert keyring.certificate_of(f"{organ.uscc}-2026")
    assert keyring.demo


def test_keys_are_read_and_used_inside_a_running_event_loop(keys_folder: Path, page: bytes) -> None:
    async def inside() -> bool:
        keyring = _read(keys_folder)
        seal = keyring.departments["11519900MB9900013X"].seal
        sealed = seal.affix(page, sealed_at=NOW, request_id="x")
        return examine(sealed.document, keyring.trust_roots, keyring.known_seals).good

    assert asyncio.run(inside())


def test_no_seal_is_used_before_its_first_day(keyring: Keyring) -> None:
    with pytest.raises(SealUnavailable):
        next(iter(keyring.departments.values())).seal_on(date(2026, 2, 27))


def test_an_unknown_seal_or_code_key_is_not_in_the_register(keyring: Keyring) -> None:
    with pytest.raises(NotInRegister):
        keyring.certificate_of("no such seal")
    with pytest.raises(NotInRegister):
        keyring.verifying_key(b"none", Purpose.LICENCE)


def test_demo_keys_are_refused_unless_allowed(keys_folder: Path) -> None:
    with pytest.raises(Misconfigured, match="LICENCE_ALLOW_DEMO_KEYS"):
        read_keyring(keys_folder, passphrase=PASSPHRASE, allow_demo=False)


@pytest.mark.parametrize("passphrase", [None, b"", b"wrong"])
def test_a_wrong_passphrase_is_refused_without_a_word_about_it(keys_folder: Path, passphrase: bytes | None) -> None:
    with pytest.raises(Misconfigured) as refused:
        read_keyring(keys_folder, passphrase=passphrase, allow_demo=True)
    assert "wrong" not in str(refused.value)
    assert refused.value.__cause__ is None


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
@pytest.mark.parametrize("name", ["seal.key.pem", "code.key.pem"])
def test_a_key_that_others_may_read_is_refused(folder: Path, first: Path, name: str, mode: int) -> None:
    (first / name).chmod(mode)
    with pytest.raises(Misconfigured, match="0600"):
        _read(folder)


def test_an_unencrypted_key_is_refused(folder: Path, first: Path) -> None:
    path = first / "seal.key.pem"
    key = serialization.load_pem_private_key(path.read_bytes(), PASSPHRASE)
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()))
    with pytest.raises(Misconfigured, match="not an encrypted"):
        _read(folder)


def _swap_keys(first: Path) -> None:
    shutil.copy(first / "code.key.pem", first / "seal.key.pem")


def _rsa_code_key(first: Path) -> None:
    shutil.copy(first.parent / "11519900MB9900021Q" / "seal.key.pem", first / "code.key.pem")


def _foreign_certificate(first: Path) -> None:
    other = next(path for path in sorted(first.parent.glob("1*")) if path != first)
    shutil.copy(other / "certificate.pem", first / "certificate.pem")


def _chain_cut(first: Path) -> None:
    path = first / "certificate.pem"
    path.write_bytes(path.read_bytes().split(b"-----END")[0] + b"-----END CERTIFICATE-----\n")


def _chain_turned(first: Path) -> None:
    path = first / "certificate.pem"
    leaf, issuing, _ = path.read_bytes().split(b"-----END CERTIFICATE-----\n")
    end = b"-----END CERTIFICATE-----\n"
    path.write_bytes(issuing + end + leaf + end)


def _without_the_last_purpose(first: Path) -> None:
    path = first / "seal.toml"
    head, _, last = path.read_text("utf-8").rpartition("[[purpose_keys]]")
    path.write_text(f"{head}[[grants]]{last.partition('[[grants]]')[2]}", "utf-8")


def _one_key_under_two_names(first: Path) -> None:
    with (first / "seal.toml").open("a", encoding="utf-8") as file:
        file.write('[[retired_code_keys]]\nkid = "00000001"\ncertificate = "status_certificate.pem"\npurposes = ["licence"]\n')


def _one_name_for_two_keys(first: Path) -> None:
    kid = (first / "seal.toml").read_text("utf-8").partition('kid = "')[2][:8]
    _edit(first / "seal.toml", (first / "seal.toml").read_text("utf-8").rpartition('kid = "')[2][:8], kid)


def _key_of_the_seal(first: Path) -> None:
    shutil.copy(first / "seal.key.pem", first / "status.key.pem")
    shutil.copy(first / "certificate.pem", first / "status_certificate.pem")


def _emptied(name: str) -> Callable[[Path], None]:
    def change(first: Path) -> None:
        (first / name).write_bytes(b"")

    return change


def _changed(old: str, new: str) -> Callable[[Path], None]:
    return lambda first: _edit(first / "seal.toml", old, new)


@pytest.mark.rule("SE-04")
@pytest.mark.parametrize(
    ("change", "said"),
    [
        (_swap_keys, "another key"),
        (_rsa_code_key, "lies on P-256"),
        (_foreign_certificate, "another department"),
        (_chain_cut, "trust root"),
        (_chain_turned, "not in order"),
        (_emptied("certificate.pem"), "certificate"),
        (_emptied("seal.key.pem"), "not an encrypted"),
        (lambda first: (first / "code.key.pem").unlink(), "cannot be read"),
        (lambda first: (first.parent / "trust" / "root.pem").unlink(), "no trust root"),
        (_emptied("seal.toml"), "seal.toml"),
        (_changed("[seal]", "[seal"), "not readable TOML"),
        (_changed("[seal]", "[seal]\ncolour = 'red'"), "seal.colour"),
        (_changed("demo = true", "demo = true\nowner = 'x'"), "owner"),
        (_changed("pades-p256", "pades-rsa2048"), "not one for pades-rsa2048"),
        (_changed("pades-p256", "gm-sm2"), "seal.scheme"),
        (_changed("[seal]", "[seal]\nslot_bytes = 2048"), "slot_bytes"),
        (_changed("[seal]", "[seal]\nurl = 'https://x'"), "no url"),
        (_changed("valid_from = 2026", "valid_from = 2025"), "first day"),
        (_changed('uscc = "11519900MB9900013X"', 'uscc = "11519900MB9900021Q"'), "department"),
        (_changed("issuer_index = 1", "issuer_index = 2"), "issuer_index"),
        (_changed("file:seal.key.pem", "seal.key.pem"), "seal.key"),
        (_changed("file:seal.key.pem", "env:NO_SUCH"), "not an encrypted"),
        (_changed('types = ["*"]', "types = []"), "grants.0.types"),
        (_changed('["licence"]', '["licences"]'), "code_key.purposes"),
        (_changed('["licence"]', "[]"), "code_key.purposes"),
        (_changed('["licence"]', '"licence"'), "code_key.purposes"),
        (_changed('purposes = ["status"]', ""), "purpose_keys.1.purposes"),
        (_changed('["licence"]', '["status"]'), "no code key for licence"),
        (_without_the_last_purpose, "no code key for evidence"),
        (_changed('["evidence"]', '["evidence", "status"]'), "several purpose_keys for status"),
        (_one_key_under_two_names, "are one key"),
        (_one_name_for_two_keys, "there twice"),
        (_key_of_the_seal, "key of a seal as well"),
        (lambda first: shutil.copy(first / "code.key.pem", first / "status.key.pem"), "another key"),
        (lambda first: (first / "evidence_certificate.pem").unlink(), "evidence_certificate.pem"),
        (lambda first: (first / "endorsement.key.pem").chmod(0o644), "0600"),
    ],
)
def test_what_does_not_fit_together_is_refused_at_start(folder: Path, first: Path, change: Callable[[Path], None], said: str) -> None:
    change(first)
    with pytest.raises(Misconfigured, match=said):
        _read(folder)


@pytest.mark.rule("SE-04")
def test_a_key_of_a_purpose_signs_for_it_though_the_code_key_is_still_for_all(folder: Path, first: Path) -> None:
    narrow = _read(folder).departments[first.name].signers
    assert len({one.kid for one in narrow.values()}) == len(Purpose)
    _edit(first / "seal.toml", 'purposes = ["licence"]\n', "")
    keyring = _read(folder)
    assert {one: key.kid for one, key in keyring.departments[first.name].signers.items()} == {one: key.kid for one, key in narrow.items()}
    old = narrow[Purpose.LICENCE].kid
    assert all(keyring.verifying_key(old, one)[1] == first.name for one in Purpose)
    assert all((narrow[Purpose.STATUS].kid in keyring.keys_for(one)) is (one is Purpose.STATUS) for one in Purpose)


@pytest.mark.rule("SE-04")
def test_a_folder_that_names_no_purposes_has_one_key_for_all_and_demo_keys_leave_it_so(folder: Path, first: Path) -> None:
    path = first / "seal.toml"
    with_one_code_key(path)
    for key in first.glob("[se][tnv]*"):  # those of status, endorsement, evidence
        key.unlink()
    before = {one.name: one.read_bytes() for one in first.iterdir()}
    assert before.keys() == {"seal.toml", "seal.key.pem", "certificate.pem", "code.key.pem", "code_certificate.pem", "impression.png"}
    make_demo_keys(folder, read_demo_departments(DEMO_TOML), passphrase=PASSPHRASE, now=NOW)
    assert {one.name: one.read_bytes() for one in first.iterdir()} == before
    keyring = _read(folder)
    (kid,) = {one.kid for one in keyring.departments[first.name].signers.values()}
    assert keyring.code_keys[kid].purposes == set(Purpose)


@pytest.mark.rule("SE-04", "SE-05")
def test_a_retired_code_key_is_good_for_the_purposes_that_it_is_left_with(folder: Path, first: Path, tmp_path: Path) -> None:
    (first / "code_certificate-2025.pem").write_bytes(_another_certificate(folder, tmp_path, "code_certificate"))
    with (first / "seal.toml").open("a", encoding="utf-8") as file:
        file.write('[[retired_code_keys]]\nkid = "00000001"\ncertificate = "code_certificate-2025.pem"\npurposes = ["licence", "endorsement"]\n')
    keyring, old = _read(folder), b"\0\0\0\1"
    assert {one for one in Purpose if old in keyring.keys_for(one)} == {Purpose.LICENCE, Purpose.ENDORSEMENT}
    assert {one for one in Purpose if old in read_code_keys(folder, one).keys} == {Purpose.LICENCE, Purpose.ENDORSEMENT}
    assert keyring.code_key_purposes()[old.hex()] == ["endorsement", "licence"]
    assert old in code_key_terms(folder)
    with pytest.raises(NotInRegister):
        keyring.verifying_key(old, Purpose.EVIDENCE)


def test_two_departments_with_one_kid_are_refused(folder: Path, departments: tuple[DemoDepartment, ...]) -> None:
    kids = [next(line for line in (folder / organ.uscc / "seal.toml").read_text("utf-8").splitlines() if "kid" in line) for organ in departments]
    _edit(folder / departments[1].uscc / "seal.toml", kids[1], kids[0])
    with pytest.raises(Misconfigured, match="there twice"):
        _read(folder)


def test_an_empty_keys_folder_is_refused(folder: Path) -> None:
    for path in folder.glob("1*"):
        shutil.rmtree(path)
    with pytest.raises(Misconfigured, match="no department"):
        _read(folder)


def test_a_key_may_come_from_the_environment(folder: Path, first: Path) -> None:
    pem = (first / "seal.key.pem").read_text("ascii")
    (first / "seal.key.pem").unlink()
    _edit(first / "seal.toml", "file:seal.key.pem", "env:SEAL_KEY")
    assert read_keyring(folder, passphrase=PASSPHRASE, allow_demo=True, environment={"SEAL_KEY": pem})


def test_a_remote_seal_has_an_address_and_needs_a_client(folder: Path, first: Path) -> None:
    _edit(first / "seal.toml", 'key = "file:seal.key.pem"', 'url = "http://127.0.0.1:9"')
    _edit(first / "seal.toml", "pades-p256", "remote")
    with pytest.raises(Misconfigured, match="no client"):
        _read(folder)
    with outbound.client(1) as client:
        keyring = read_keyring(folder, passphrase=PASSPHRASE, allow_demo=True, remote_client=client)
    assert isinstance(keyring.departments[first.name].seal, RemoteSeal)
    _edit(first / "seal.toml", 'url = "http://127.0.0.1:9"', 'key = "file:seal.key.pem"')
    with pytest.raises(Misconfigured, match="has a url"):
        _read(folder)


def test_retired_seals_and_code_keys_stay_for_verification(folder: Path, first: Path, tmp_path: Path) -> None:
    with (first / "seal.toml").open("a", encoding="utf-8") as file:
        file.write(
            '\n[[retired_seals]]\nid = "old"\ncertificate = "certificate-2025.pem"\n'
            "valid_from = 2025-01-01\nretired_on = 2026-01-01\n"
            '\n[[retired_code_keys]]\nkid = "00000001"\ncertificate = "code_certificate-2025.pem"\n'
        )
    for name in ("certificate", "code_certificate"):
        (first / f"{name}-2025.pem").write_bytes(_another_certificate(folder, tmp_path, name))
    keyring = _read(folder)
    assert keyring.certificate_of("old") != keyring.certificate_of(f"{first.name}-2026")
    assert all(keyring.verifying_key(b"\0\0\0\1", one)[1] == first.name for one in Purpose)
    assert {known.seal_id for known in keyring.known_seals.values()} >= {"old", f"{first.name}-2026"}


def _another_certificate(folder: Path, tmp_path: Path, name: str) -> bytes:
    """Return the certificate of an older key of the first department, from the same authorities."""
    shutil.copytree(folder / "authority", tmp_path / "older" / "authority", dirs_exist_ok=True)
    make_demo_keys(tmp_path / "older", read_demo_departments(DEMO_TOML)[:1], passphrase=PASSPHRASE, now=NOW)
    return next((tmp_path / "older").glob(f"1*/{name}.pem")).read_bytes()


def test_nothing_of_a_key_is_shown(keyring: Keyring, capfd: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    make_demo_keys(tmp_path, read_demo_departments(DEMO_TOML), passphrase=b"secret words", now=NOW)
    shown = repr(keyring) + "".join(capfd.readouterr())
    assert "PRIVATE" not in shown
    assert "secret words" not in shown
    assert not [path for path in tmp_path.rglob("*") if path.is_file() and b"secret words" in path.read_bytes()]


def test_demo_keys_are_private_and_openssl_accepts_their_chain(keys_folder: Path) -> None:
    for path in keys_folder.rglob("*"):
        assert stat.S_IMODE(path.stat().st_mode) == (0o700 if path.is_dir() else 0o600)
    for path in keys_folder.rglob("*.key.pem"):
        assert path.read_bytes().startswith(b"-----BEGIN ENCRYPTED PRIVATE KEY-----")
    for name in ("certificate.pem", "*_certificate.pem"):
        for path in keys_folder.glob(f"1*/{name}"):
            root = keys_folder / "trust" / "root.pem"
            moment = str(int(NOW.timestamp()))
            command = ["openssl", "verify", "-x509_strict", "-attime", moment, "-CAfile", str(root)]
            subprocess.run([*command, "-untrusted", str(path), str(path)], capture_output=True, check=True)


def test_a_second_run_changes_nothing_and_a_half_made_folder_is_completed(folder: Path, first: Path) -> None:
    def content() -> dict[str, bytes]:
        return {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}

    before = content()
    organs = read_demo_departments(DEMO_TOML)
    make_demo_keys(folder, organs, passphrase=PASSPHRASE, now=NOW)
    assert content() == before
    for name in (
        "certificate.pem",
        "code.key.pem",
        "code_certificate.pem",
        "status.key.pem",
        "status_certificate.pem",
        "evidence_certificate.pem",
        "seal.toml",
    ):
        (first / name).unlink()
    make_demo_keys(folder, organs, passphrase=PASSPHRASE, now=NOW)
    after = content()
    assert after.keys() == before.keys()
    assert after[f"{first.name}/seal.key.pem"] == before[f"{first.name}/seal.key.pem"]
    _read(folder)


@pytest.mark.parametrize("now", [datetime(2028, 2, 29, tzinfo=UTC), datetime(2031, 12, 31, 23, 59, tzinfo=UTC)])
def test_demo_keys_can_be_made_on_any_day(tmp_path: Path, now: datetime) -> None:
    make_demo_keys(tmp_path, read_demo_departments(DEMO_TOML), passphrase=PASSPHRASE, now=now)
    assert len(_read(tmp_path).departments) == 4


def test_demo_keys_can_begin_earlier_than_today(tmp_path: Path) -> None:
    earlier = datetime(2020, 1, 1, tzinfo=UTC)
    make_demo_keys(tmp_path, read_demo_departments(DEMO_TOML), passphrase=PASSPHRASE, now=NOW, not_before=earlier)
    assert all(d.valid_from == date(2020, 1, 1) for d in _read(tmp_path).departments.values())


def test_no_private_key_lies_under_keys_in_the_repository() -> None:
    for path in DEMO_TOML.parent.rglob("*"):
        assert not path.is_file() or b"PRIVATE KEY" not in path.read_bytes(), os.fspath(path)
