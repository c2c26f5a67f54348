"""`verify_document_vs_pyhanko`: an unaltered file, by our verifier with its register against pyHanko's validation of the seal alone.

Ours: the whole verdict of a known original, as it is sent: digest, look-up of the answer that lies ready, whether it still holds. The usual
way, which makes that answer, is printed beside. Peer: what everybody would write, `validate_pdf_signature` with the trusted roots; it knows no register.
"""

import asyncio
import io
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from asn1crypto import x509
from pyhanko.pdf_utils.reader import PdfFileReader
from pyhanko.sign.validation import async_validate_pdf_signature
from pyhanko_certvalidator import ValidationContext

from bench.record import record
from licence_service.verdict import Result
from licence_service.verification import Question
from tests.world import NOW, VEHICLE, World, a_world, make_keys

ROUNDS, OURS, THEIRS = 15, 40, 4


def validated(document: bytes, roots: list[x509.Certificate], moment: datetime) -> None:
    """Validate the seal with pyHanko, and nothing else."""

    async def run() -> bool:
        seal = PdfFileReader(io.BytesIO(document)).embedded_signatures[0]
        status = await async_validate_pdf_signature(seal, ValidationContext(trust_roots=roots, moment=moment, allow_fetching=False))
        return bool(status.bottom_line)

    assert asyncio.run(run())


def cpu_ms(work: Callable[[], object], times: int) -> float:
    """Return the CPU time of one call in milliseconds, all threads."""
    before = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - before) * 1000 / times


def _original(world: World) -> bytes:
    issued = world.issue(VEHICLE, "bench-0001")
    version = world.service.book.get(issued["licence_id"]).entries[-1].version
    assert version
    return world.service.archive.get(version.document.sha256)


def run() -> None:
    """Measure in turns and write the figure."""
    with tempfile.TemporaryDirectory() as folder, a_world(Path(folder), make_keys(Path(folder) / "keys")) as world:
        document, verifier, preparer = _original(world), world.service.verifier, world.service.preparer
        while preparer.work():
            pass
        roots = [x509.Certificate.load(der) for der in world.service.keyring.trust_roots]
        assert verifier.by_document(document, Question()).answers["authentic"].result is Result.YES
        validated(document, roots, NOW)
        ours, usual, theirs = [], [], []
        assert preparer.answer_document(document)
        for _ in range(ROUNDS):
            ours.append(cpu_ms(lambda: preparer.answer_document(document), OURS))
            usual.append(cpu_ms(lambda: verifier.by_document(document, Question()), OURS))
            theirs.append(cpu_ms(lambda: validated(document, roots, NOW), THEIRS))
    print(f"the usual way, where no answer lies ready: {statistics.median(usual):.2f} ms CPU")
    ratios = [peer / own for peer, own in zip(theirs, ours, strict=True)]
    record(
        "verify_document_vs_pyhanko", statistics.median(ratios), better="higher", ours=statistics.median(ours), peer=statistics.median(theirs),
        unit="ms CPU", worst=min(ratios), rounds=ROUNDS,
    )  # fmt: skip


if __name__ == "__main__":
    run()
