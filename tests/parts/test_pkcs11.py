"""Seals whose key lies in a token: real PKCS #11 with SoftHSM, real files, foreign eyes."""

import hashlib
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from asn1crypto import cms
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from licence_service.errors import Misconfigured, SealUnavailable
from licence_service.seal import HeldSeal
from licence_service.seal.demo import DemoDepartment, make_demo_keys
from licence_service.seal.ecdsa import HIGHEST_S, der_of_raw
from licence_service.seal.keyring import Keyring, read_keyring
from licence_service.seal.lanes import Lanes
from licence_service.seal.pades import examine
from licence_service.seal.pkcs11 import DEFAULT_LANES, TokenAccess, TokenKey, lanes_of
from tests import soft_hsm
from tests.parts.conftest import NOW, PASSPHRASE, draw_page

EC_KEY = ec.generate_private_key(ec.SECP256R1())


@pytest.fixture(scope="module")
def folder(departments: tuple[DemoDepartment, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Demo keys of two departments, P-256 and RSA, whose sealing keys lie in the token."""
    folder = tmp_path_factory.mktemp("tokens")
    some = {one.scheme: one for one in departments}
    make_demo_keys(folder, tuple(some.values()), passphrase=PASSPHRASE, now=NOW)
    for one in some.values():
        soft_hsm.move_seal(folder / one.uscc, PASSPHRASE, lanes=3 if one.scheme == "pades-p256" else None)
    return folder


def read(folder: Path, access: TokenAccess | None = None) -> Keyring:
    return read_keyring(folder, passphrase=PASSPHRASE, allow_demo=True, tokens=access or soft_hsm.access())


@pytest.fixture(scope="module")
def keyring(folder: Path) -> Keyring:
    """The same, read."""
    return read(folder)


def seals(keyring: Keyring) -> list[HeldSeal]:
    found = [one.seal for one in keyring.departments.values() if isinstance(one.seal, HeldSeal)]
    assert len(found) == len(keyring.departments) > 1
    return found


def test_a_page_is_sealed_by_a_key_that_never_left_the_token(keyring: Keyring, folder: Path, page: bytes, tmp_path: Path) -> None:
    assert not list(folder.rglob("seal.key.pem"))
    assert {seal.scheme for seal in seals(keyring)} >= {"pades-p256", "pades-rsa3072"}
    for seal in seals(keyring):
        sealed = seal.affix(page, sealed_at=NOW, request_id="one")
        assert examine(sealed.document, keyring.trust_roots, keyring.known_seals).good
        file = tmp_path / "sealed.pdf"
        file.write_bytes(sealed.document)
        said = subprocess.run(["pdfsig", "-nocert", file], capture_output=True, text=True, check=False).stdout
        assert "Signature is Valid." in said
        assert "Total document signed" in said


def test_every_slot_holds_the_signature_over_its_own_digest(keyring: Keyring) -> None:
    digests = [hashlib.sha256(b"%d" % number).digest() for number in range(60)]
    for seal in seals(keyring):
        slots = list(seal.slots_over(digests))
        assert {len(slot) for slot in slots} == {seal.slot_bytes}
        public = keyring.certificate_of(seal.seal_id).public_key()
        for digest, slot in zip(digests, slots, strict=True):
            signer = cms.ContentInfo.load(bytes.fromhex(slot.decode()), strict=False)["content"]["signer_infos"][0]
            attributes = {one["type"].native: one["values"][0] for one in signer["signed_attrs"]}
            assert attributes["message_digest"].native == digest
            signed, signature = signer["signed_attrs"].untag().dump(), signer["signature"].native
            if isinstance(public, rsa.RSAPublicKey):
                public.verify(signature, signed, padding.PKCS1v15(), hashes.SHA256())
            else:
                assert isinstance(public, ec.EllipticCurvePublicKey)
                public.verify(signature, signed, ec.ECDSA(hashes.SHA256()))
                assert decode_dss_signature(signature)[1] <= HIGHEST_S


def test_the_same_digest_gives_the_same_slot_while_it_is_remembered(keyring: Keyring) -> None:
    for seal in seals(keyring):
        digest = hashlib.sha256(b"again").digest()
        assert seal.slot_over(digest) == seal.slot_over(digest) == next(iter(seal.slots_over([digest])))


def test_a_seal_in_a_token_says_so_and_how_many_lanes_it_has(keyring: Keyring) -> None:
    assert {(seal.place, seal.lanes) for seal in seals(keyring)} == {("token", 3), ("token", DEFAULT_LANES)}
    for seal in seals(keyring):
        seal.reach()


def test_sessions_are_closed_and_opened_anew(keyring: Keyring) -> None:
    digest = hashlib.sha256(b"before and after").digest()
    for seal in seals(keyring):
        seal.slot_over(digest)
        keyring.close()
        assert len(list(seal.slots_over([hashlib.sha256(b"%d" % n).digest() for n in range(9)]))) == 9


def test_a_service_starts_and_verifies_while_its_token_is_away(folder: Path, keyring: Keyring, page: bytes) -> None:
    sealed = seals(keyring)[0].affix(page, sealed_at=NOW, request_id="two").document
    away = read(folder, soft_hsm.access(module="/nowhere/module.so"))
    assert examine(sealed, away.trust_roots, away.known_seals).good
    for seal in seals(away):
        with pytest.raises(SealUnavailable, match="module cannot be loaded"):
            seal.reach()
        with pytest.raises(SealUnavailable, match="module cannot be loaded"):
            seal.affix(page, sealed_at=NOW, request_id="three")


def test_who_only_verifies_needs_no_module(folder: Path) -> None:
    keyring = read_keyring(folder, passphrase=PASSPHRASE, allow_demo=True)
    for seal in seals(keyring):
        with pytest.raises(SealUnavailable, match="not reached from here"):
            seal.reach()


def test_a_service_without_a_module_does_not_start_with_a_seal_in_a_token(folder: Path) -> None:
    with pytest.raises(Misconfigured, match="LICENCE_PKCS11_MODULE"):
        read(folder, TokenAccess("", ""))


def test_a_token_with_another_key_than_the_certificates_seals_nothing() -> None:
    uri = soft_hsm.keep(ec.generate_private_key(ec.SECP256R1()))
    lanes = lanes_of(uri, soft_hsm.access(), EC_KEY.public_key(), 2)
    with pytest.raises(SealUnavailable, match="not the one of the seal's certificate"):
        lanes.reach()
    with pytest.raises(SealUnavailable, match="not the one of the seal's certificate"):
        lanes.sign(b"x")


def test_a_key_of_another_kind_than_the_certificates_seals_nothing() -> None:
    uri = soft_hsm.keep(rsa.generate_private_key(65537, 2048))
    with pytest.raises(SealUnavailable):
        lanes_of(uri, soft_hsm.access(), EC_KEY.public_key(), 1).sign(b"x")


@pytest.mark.parametrize(("sensitive", "extractable"), [(True, True), (False, False), (False, True)])
def test_a_key_that_can_be_taken_out_of_its_token_seals_nothing_but_in_a_demonstration(*, sensitive: bool, extractable: bool) -> None:
    uri = soft_hsm.keep_loosely(EC_KEY, sensitive=sensitive, extractable=extractable)
    lanes = lanes_of(uri, soft_hsm.access(), EC_KEY.public_key(), 2)
    for asked in (lanes.reach, lambda: lanes.sign(b"x")):
        with pytest.raises(SealUnavailable, match="can be taken out of its token"):
            asked()
    allowed = lanes_of(uri, soft_hsm.access(takes_extractable=True), EC_KEY.public_key(), 2)
    EC_KEY.public_key().verify(allowed.sign(b"x"), b"x", ec.ECDSA(hashes.SHA256()))


def test_a_key_that_cannot_be_taken_out_seals_however_it_came_in() -> None:
    uri = soft_hsm.keep_loosely(EC_KEY, sensitive=True, extractable=False)
    EC_KEY.public_key().verify(lanes_of(uri, soft_hsm.access(), EC_KEY.public_key(), 1).sign(b"x"), b"x", ec.ECDSA(hashes.SHA256()))


@pytest.mark.parametrize(
    ("uri", "said"),
    [
        ("pkcs11:token=nobody;object=seal", "there is no such token"),
        (f"pkcs11:token={soft_hsm.TOKEN};object=nothing", "no such private key"),
        (f"pkcs11:token={soft_hsm.TOKEN};id=%00%01", "no such private key"),
    ],
)
def test_a_token_or_a_key_that_is_not_there_is_said(uri: str, said: str) -> None:
    lanes = lanes_of(uri, soft_hsm.access(), EC_KEY.public_key(), 1)
    with pytest.raises(SealUnavailable, match=said):
        lanes.reach()
    with pytest.raises(SealUnavailable, match=said):
        lanes.sign(b"x")


def test_two_keys_of_one_label_are_told_apart_by_id_only() -> None:
    uri = soft_hsm.keep(EC_KEY, label="twice")
    soft_hsm.keep(EC_KEY, label="twice")
    with pytest.raises(SealUnavailable, match="several private keys of this name"):
        lanes_of(uri, soft_hsm.access(), EC_KEY.public_key(), 1).sign(b"x")


def test_a_wrong_pin_is_tried_once_so_that_the_token_is_not_locked() -> None:
    uri = soft_hsm.keep(EC_KEY, token=soft_hsm.OTHER)
    lanes = lanes_of(uri, soft_hsm.access("000000"), EC_KEY.public_key(), 4)
    with pytest.raises(SealUnavailable, match="refuses the PIN"):
        lanes.sign(b"x")
    for _ in range(20):
        with pytest.raises(SealUnavailable, match="not tried again before the next start"):
            lanes.sign(b"x")


def test_what_many_threads_and_lanes_sign_at_once_holds() -> None:
    """SoftHSM locks only where it was told that there are many threads; without that, sessions get into each other's way."""
    lanes = lanes_of(soft_hsm.keep(EC_KEY), soft_hsm.access(), EC_KEY.public_key(), 8)
    messages = [b"%d" % number for number in range(1500)]
    for message, signature in zip(messages, lanes.each(messages), strict=True):
        EC_KEY.public_key().verify(signature, message, ec.ECDSA(hashes.SHA256()))


def test_a_process_that_used_a_token_ends_as_it_should(tmp_path: Path) -> None:
    """Also with sessions open: the module is let go of in the right order."""
    uri = soft_hsm.keep(EC_KEY)
    program = tmp_path / "program.py"
    program.write_text(
        "import sys\n"
        "from cryptography.hazmat.primitives.serialization import load_pem_public_key\n"
        "from licence_service.seal.pkcs11 import TokenAccess, lanes_of\n"
        "lanes = lanes_of(sys.argv[1], TokenAccess(sys.argv[2], sys.argv[3]), load_pem_public_key(sys.stdin.buffer.read()), 4)\n"
        "print(len(list(lanes.each(b'%d' % n for n in range(50)))))\n"
    )
    from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

    public = EC_KEY.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    command = [sys.executable, str(program), uri, soft_hsm.MODULE, soft_hsm.PIN]
    done = subprocess.run(command, input=public, capture_output=True, check=True, cwd=Path(__file__).parents[2])
    assert (done.stdout.strip(), done.stderr) == (b"50", b"")


def test_a_uri_names_the_key_and_nothing_else() -> None:
    assert TokenKey.parse("pkcs11:token=The%20Seals;object=%E7%AB%A0;type=private") == TokenKey("The Seals", object="章")
    assert TokenKey.parse("pkcs11:serial=0a1b;id=%00%ff") == TokenKey(serial=b"0a1b", id=b"\x00\xff")
    for wrong in (
        "pkcs11:", "pkcs11:token=a", "pkcs11:object=a", "pkcs11:token=a;object=b;type=public", "pkcs11:token=a;token=a;object=b", "pkcs11:token=;object=b",
        "pkcs11:token=a;object=b?pin-value=1234", "pkcs11:token=a;object=b;module-path=/x.so", "pkcs11:token=%ff;object=b", "file:seal.key.pem",
    ):  # fmt: skip
        with pytest.raises(Misconfigured) as refused:
            TokenKey.parse(wrong)
        assert "1234" not in str(refused.value)


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('key = "pkcs11:token', 'key = "pkcs11:pin-value=1;token'),
        ("lanes = 3", "lanes = 0"),
        ("lanes = 3", "lanes = 65"),
        ('"\nlanes', '?module-path=/x.so"\nlanes'),
        ('scheme = "pades-p256"', 'scheme = "pades-rsa2048"'),
    ],
)
def test_a_seal_file_that_does_not_fit_its_token_is_refused_at_start(folder: Path, tmp_path: Path, old: str, new: str) -> None:
    copy = Path(shutil.copytree(folder, tmp_path / "keys"))
    described = next(path for path in copy.glob("*/seal.toml") if "lanes = 3" in path.read_text("utf-8"))
    text = described.read_text("utf-8")
    assert old in text
    described.write_text(text.replace(old, new), "utf-8")
    with pytest.raises(Misconfigured):
        read(copy)


def test_only_a_key_in_a_token_has_lanes(keys_folder: Path, tmp_path: Path) -> None:
    copy = Path(shutil.copytree(keys_folder, tmp_path / "keys"))
    described = next(copy.glob("*/seal.toml"))
    described.write_text(described.read_text("utf-8").replace("valid_from", "lanes = 2\nvalid_from", 1), "utf-8")
    with pytest.raises(Misconfigured, match="lanes"):
        read(copy)


def test_a_raw_signature_becomes_der_with_low_s() -> None:
    r, s = 5, HIGHEST_S + 7
    der = der_of_raw(r.to_bytes(32) + s.to_bytes(32))
    assert decode_dss_signature(der) == (r, 2 * HIGHEST_S + 1 - s)
    with pytest.raises(ValueError, match="32 bytes"):
        der_of_raw(bytes(48))


def test_pages_of_many_threads_are_sealed_in_few_sessions(keyring: Keyring) -> None:
    from concurrent.futures import ThreadPoolExecutor

    seal = seals(keyring)[0]

    def good(number: int) -> bool:
        sealed = seal.affix(draw_page(f"page {number}"), sealed_at=NOW, request_id=str(number))
        return examine(sealed.document, keyring.trust_roots, keyring.known_seals).good

    with ThreadPoolExecutor(12) as pool:
        assert all(pool.map(good, range(24)))
    lanes = seal._signer.signing  # type: ignore[attr-defined]
    assert isinstance(lanes, Lanes)
    assert lanes._free.qsize() == lanes.count
