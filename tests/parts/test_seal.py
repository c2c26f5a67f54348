"""The seal's contract, over each scheme held here and over a seal service elsewhere."""

import hashlib
import re
import subprocess
import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from licence_service import outbound
from licence_service.errors import Misconfigured, SealUnavailable, Unavailable
from licence_service.seal import HeldSeal, Seal
from licence_service.seal.department import Department
from licence_service.seal.keyring import Keyring
from licence_service.seal.pades import LocalSeal, examine
from licence_service.seal.remote import RemoteSeal
from tests.parts.conftest import NOW, SCHEMES, draw_page
from tests.seal_service import SealService
from tests.waiting import until


def _of_scheme(keyring: Keyring, scheme: str) -> Department:
    return next(d for d in keyring.departments.values() if getattr(d.seal, "scheme", "") == scheme)


@pytest.fixture
def service(keyring: Keyring) -> Iterator[SealService]:
    with SealService(_of_scheme(keyring, "pades-p256").seal) as running:
        yield running


@pytest.fixture
def remote(service: SealService, keyring: Keyring) -> Iterator[RemoteSeal]:
    known = keyring.known_seals[service.seal.certificate_sha256]
    with outbound.client(60) as client:
        yield RemoteSeal(known, client, url=service.url, trust=keyring.trust_roots)


@pytest.fixture(params=[*SCHEMES, "remote"])
def seal(request: pytest.FixtureRequest, keyring: Keyring) -> Seal:
    if request.param == "remote":
        found: Seal = request.getfixturevalue("remote")
        return found
    return _of_scheme(keyring, request.param).seal


def test_a_sealed_document_is_good_and_begins_with_what_was_drawn(seal: Seal, keyring: Keyring, page: bytes) -> None:
    sealed = seal.affix(page, sealed_at=NOW, request_id="one")
    finding = examine(sealed.document, keyring.trust_roots, keyring.known_seals)
    assert finding.good
    assert finding.reasons == ()
    assert sealed.document.startswith(page)
    assert finding.department == keyring.known_seals[seal.certificate_sha256].department
    assert (finding.seal_id, finding.certificate_sha256) == (seal.seal_id, seal.certificate_sha256)
    assert (sealed.seal_id, sealed.certificate_sha256) == (seal.seal_id, seal.certificate_sha256)
    assert finding.sealed_at == sealed.sealed_at == NOW


def test_sealing_again_under_the_same_id_gives_the_same_file(seal: Seal, page: bytes) -> None:
    first = seal.affix(page, sealed_at=NOW, request_id="two")
    assert seal.affix(page, sealed_at=NOW, request_id="two") == first


def test_the_time_is_written_in_utc_with_whole_seconds(seal: Seal, page: bytes) -> None:
    beijing = datetime(2026, 3, 1, 12, 30, 15, 999_999, tzinfo=timezone(timedelta(hours=8)))
    sealed = seal.affix(page, sealed_at=beijing, request_id="three")
    assert sealed.sealed_at == datetime(2026, 3, 1, 4, 30, 15, tzinfo=UTC)


@pytest.mark.parametrize("at", [NOW, datetime(2028, 2, 29, tzinfo=UTC), datetime(2031, 6, 30, 23, tzinfo=UTC)])
def test_a_seal_holds_at_any_time_within_its_certificate(seal: Seal, keyring: Keyring, page: bytes, at: datetime) -> None:
    sealed = seal.affix(page, sealed_at=at, request_id=f"at {at.year}")
    assert examine(sealed.document, keyring.trust_roots, keyring.known_seals).good


def test_poppler_calls_the_seal_valid_over_the_whole_document(seal: Seal, page: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sealed.pdf"
    path.write_bytes(seal.affix(page, sealed_at=NOW, request_id="four").document)
    said = subprocess.run(["pdfsig", "-nocert", path], capture_output=True, text=True, check=False).stdout
    assert "Signature is Valid." in said
    assert "Total document signed" in said
    assert "ETSI.CAdES.detached" in said
    assert said.count("Signature #") == 1


def test_qpdf_finds_no_fault_in_the_sealed_file(seal: Seal, page: bytes, tmp_path: Path) -> None:
    path = tmp_path / "sealed.pdf"
    path.write_bytes(seal.affix(page, sealed_at=NOW, request_id="five").document)
    subprocess.run(["qpdf", "--check", path], capture_output=True, check=True)


def test_eight_threads_share_one_seal(seal: Seal, keyring: Keyring) -> None:
    good: list[bool] = []

    def work(number: int) -> None:
        document = draw_page(f"licence {number}")
        sealed = seal.affix(document, sealed_at=NOW, request_id=f"thread {number}")
        good.append(examine(sealed.document, keyring.trust_roots, keyring.known_seals).good)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert good == [True] * 8


def test_what_is_no_pdf_is_not_sealed(keyring: Keyring) -> None:
    with pytest.raises(SealUnavailable):
        _of_scheme(keyring, "pades-p256").seal.affix(b"no PDF", sealed_at=NOW, request_id="six")


def test_a_larger_slot_is_kept_free_for_later(keyring: Keyring, page: bytes) -> None:
    held = _of_scheme(keyring, "pades-p256").seal
    assert isinstance(held, LocalSeal)
    signer: Any = held._signer
    chain = [signer.signing_cert.dump(), *(certificate.dump() for certificate in signer.cert_registry)]
    seal = LocalSeal("x", "pades-p256", signer._key, chain, slot_bytes=held.slot_bytes + 2000)
    assert b"0" * 2000 in seal.affix(page, sealed_at=NOW, request_id="seven").document
    assert b"0" * 2000 not in held.affix(page, sealed_at=NOW, request_id="seven").document


def test_a_slot_too_small_is_refused_at_start(keyring: Keyring) -> None:
    held = _of_scheme(keyring, "pades-rsa3072").seal._signer  # type: ignore[attr-defined]
    chain = [held.signing_cert.dump(), *(certificate.dump() for certificate in held.cert_registry)]
    with pytest.raises(Misconfigured, match="slot_bytes"):
        LocalSeal("x", "pades-rsa3072", held._key, chain, slot_bytes=2048)


@pytest.mark.parametrize("scheme", SCHEMES)
def test_a_slot_filled_alone_is_the_slot_of_the_sealed_file(keyring: Keyring, page: bytes, scheme: str) -> None:
    seal = _of_scheme(keyring, scheme).seal
    assert isinstance(seal, HeldSeal)
    document = seal.affix(page, sealed_at=NOW, request_id="slot").document
    span = re.search(rb"/ByteRange\s*\[\s*0 (\d+) (\d+) (\d+)\s*\]", document)
    assert span
    start, end, rest = map(int, span.groups())
    assert end + rest == len(document)
    slot = document[start + 1 : end - 1]
    assert seal.slot_over(hashlib.sha256(document[:start] + document[end:]).digest()) == slot
    assert len(slot) == seal.slot_bytes
    assert not re.search(rb"[^0-9A-F]", slot)


def test_only_a_seal_whose_key_is_here_fills_a_slot(remote: RemoteSeal, keyring: Keyring) -> None:
    assert not isinstance(remote, HeldSeal)
    assert all(isinstance(department.seal, HeldSeal) for department in keyring.departments.values())


def test_a_slot_is_filled_for_sha256_only(keyring: Keyring) -> None:
    seal = _of_scheme(keyring, "pades-p256").seal
    assert isinstance(seal, HeldSeal)
    for length in (0, 20, 31, 33, 64):
        with pytest.raises(ValueError, match="32 bytes"):
            seal.slot_over(bytes(length))


def test_a_key_on_another_curve_seals_nothing(keyring: Keyring) -> None:
    held = _of_scheme(keyring, "pades-p256").seal._signer  # type: ignore[attr-defined]
    with pytest.raises(Misconfigured, match="P-256"):
        LocalSeal("x", "pades-p256", ec.generate_private_key(ec.SECP384R1()), [held.signing_cert.dump()])


def test_a_slow_service_is_asked_again_within_its_patience(service: SealService, remote: RemoteSeal, page: bytes) -> None:
    service.mode = "slow"
    assert remote.affix(page, sealed_at=NOW, request_id="slow").document.startswith(page)
    assert service.uses == {"slow": 1}


def test_a_failing_service_leaves_the_issue_waiting_and_its_seal_unused(service: SealService, remote: RemoteSeal, page: bytes) -> None:
    service.mode = "fail"
    with pytest.raises(SealUnavailable) as refused:
        remote.affix(page, sealed_at=NOW, request_id="fail")
    assert refused.value.retry_after > 0
    assert not service.uses
    assert remote.recall(page, request_id="fail") is None


@pytest.mark.parametrize("mode", ["late", "fail-after"])
def test_a_result_made_after_the_client_gave_up_is_fetched_and_the_seal_used_once(
    service: SealService, remote: RemoteSeal, keyring: Keyring, page: bytes, mode: str
) -> None:
    service.mode = mode
    known = keyring.known_seals[service.seal.certificate_sha256]
    with outbound.client(0.5) as hasty, pytest.raises(SealUnavailable):
        RemoteSeal(known, hasty, url=service.url, trust=keyring.trust_roots).affix(page, sealed_at=NOW, request_id=mode)
    until(lambda: service.result(mode))
    recalled = remote.recall(page, request_id=mode)
    assert recalled is not None
    service.mode = "ok"
    again = remote.affix(page, sealed_at=NOW + timedelta(minutes=5), request_id=mode)
    assert again == recalled
    assert again.sealed_at == NOW
    assert service.uses == {mode: 1}
    assert service.questions == {mode: 2}


def test_another_document_under_a_used_id_is_not_sealed(service: SealService, remote: RemoteSeal, page: bytes) -> None:
    remote.affix(page, sealed_at=NOW, request_id="used")
    with pytest.raises(SealUnavailable):
        remote.affix(draw_page("another"), sealed_at=NOW, request_id="used")
    assert service.uses == {"used": 1}


@pytest.mark.parametrize("mode", ["other", "unsealed"])
def test_what_is_not_the_sealed_document_is_not_believed(service: SealService, remote: RemoteSeal, page: bytes, mode: str) -> None:
    service.mode = mode
    with pytest.raises(SealUnavailable):
        remote.affix(page, sealed_at=NOW, request_id=mode)


def test_the_seal_of_another_department_is_not_believed(service: SealService, keyring: Keyring, page: bytes) -> None:
    other = next(known for known in keyring.known_seals.values() if known.seal_id != service.seal.seal_id)
    with outbound.client(60) as client, pytest.raises(SealUnavailable):
        RemoteSeal(other, client, url=service.url, trust=keyring.trust_roots).affix(page, sealed_at=NOW, request_id="x")


def test_a_service_that_does_not_listen_is_unavailable(keyring: Keyring, page: bytes) -> None:
    known = next(iter(keyring.known_seals.values()))
    with outbound.client(0.5) as client:
        seal = RemoteSeal(known, client, url="http://127.0.0.1:9", trust=keyring.trust_roots)
        with pytest.raises(SealUnavailable):
            seal.affix(page, sealed_at=NOW, request_id="x")
        with pytest.raises(Unavailable):
            client.get("no address")


def test_patience_ends(service: SealService, keyring: Keyring, page: bytes) -> None:
    waited: list[float] = []
    known = keyring.known_seals[service.seal.certificate_sha256]
    service.mode = "never"
    with outbound.client(60) as client:
        seal = RemoteSeal(known, client, url=service.url, trust=keyring.trust_roots, patience_seconds=3, wait=waited.append)
        with pytest.raises(SealUnavailable):
            seal.affix(page, sealed_at=NOW, request_id="never")
    assert sum(waited) <= 3


def test_a_good_finding_needs_every_answer(keyring: Keyring, page: bytes) -> None:
    sealed = _of_scheme(keyring, "pades-p256").seal.affix(page, sealed_at=NOW, request_id="eight").document
    finding = examine(sealed, keyring.trust_roots, keyring.known_seals)
    assert finding.good
    assert not replace(finding, signed=False).good
    assert not replace(finding, intact=False).good
    assert not replace(finding, covers_whole_file=False).good
    assert not replace(finding, trusted=False).good
    assert not replace(finding, reasons=("active-content",)).good
