"""The container written by hand against the one that pyHanko writes, for every length a signature can have."""

import pytest
from asn1crypto import cms, x509
from hypothesis import given, settings
from hypothesis import strategies as st

from licence_service.seal import HeldSeal
from licence_service.seal.canonical import is_canonical
from licence_service.seal.keyring import Keyring
from licence_service.seal.mould import NO_DIGEST, Mould
from licence_service.seal.pades import HeldKey
from tests.parts.conftest import SCHEMES

DIGEST = bytes(range(32))
LENGTHS = (*range(8, 73), 127, 128, 255, 256, 384, 512)  # ECDSA over P-256, then those of RSA, and where the encoding of a length grows


@pytest.fixture(scope="module", params=SCHEMES)
def signer(request: pytest.FixtureRequest, keyring: Keyring) -> HeldKey:
    seal = next(one.seal for one in keyring.departments.values() if isinstance(one.seal, HeldSeal) and one.seal.scheme == request.param)
    held: HeldKey = seal._signer  # type: ignore[attr-defined]
    return held


@pytest.fixture(scope="module")
def made(signer: HeldKey) -> cms.ContentInfo:
    """A container of pyHanko."""
    import asyncio

    return asyncio.run(signer.async_sign(NO_DIGEST, "sha256", use_pades=True))


def test_a_refilled_mould_is_what_pyhanko_wrote(made: cms.ContentInfo) -> None:
    signature = made["content"]["signer_infos"][0]["signature"].native

    assert Mould.of(made).container(NO_DIGEST, signature) == made.dump()


def test_what_is_signed_are_the_attributes_as_a_set(made: cms.ContentInfo) -> None:
    mould = Mould.of(made)
    signed = cms.ContentInfo.load(mould.container(DIGEST, bytes(70)))["content"]["signer_infos"][0]["signed_attrs"]

    assert mould.signed_attributes(DIGEST) == signed.untag().dump()
    assert mould.signed_attributes(NO_DIGEST) == made["content"]["signer_infos"][0]["signed_attrs"].untag().dump()


def test_a_signature_of_any_length_is_held(made: cms.ContentInfo) -> None:
    mould = Mould.of(made)
    for length in LENGTHS:
        signature = bytes(number % 251 for number in range(1, length + 1))
        encoded = mould.container(DIGEST, signature)
        data = cms.ContentInfo.load(encoded, strict=True)["content"]
        (signer,) = data["signer_infos"]
        (digest,) = [one["values"][0].native for one in signer["signed_attrs"] if one["type"].native == "message_digest"]
        assert signer["signature"].native == signature
        assert digest == DIGEST
        assert is_canonical(encoded)
        assert data["certificates"].dump() == made["content"]["certificates"].dump()
        assert isinstance(data["certificates"][0].chosen, x509.Certificate)


@settings(max_examples=20)
@given(digest=st.binary(min_size=32, max_size=32), length=st.sampled_from(LENGTHS))
def test_the_slot_holds_the_container_in_capitals_and_then_zeros(mould: Mould, digest: bytes, length: int) -> None:
    signature = digest[:1] * length
    slot = mould.slot(digest, signature, 8192)

    assert len(slot) == 8192
    assert slot.rstrip(b"0") == mould.container(digest, signature).hex().upper().encode().rstrip(b"0")


@pytest.fixture(scope="module")
def mould(made: cms.ContentInfo) -> Mould:
    """Used for all lengths in turn, as a seal uses it."""
    return Mould.of(made)
