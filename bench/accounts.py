"""After a stock was converted: is all of it there, once, accounted for, and good in the eyes of foreign programs?"""

import json
import random
import subprocess
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import timedelta
from itertools import zip_longest
from pathlib import Path

from licence_service.service import Service
from licence_service.store.record import Record

SAMPLED, ONE_IN = 1000, 100  # documents of a whole stock; of a small one fewer


def accounted(service: Service, files: Mapping[Path, Path], count: int) -> list[str]:
    """Check that of all rows (file of rows → of results) nothing is lost, doubled or unaccounted for; return the licences' ids."""
    found, elicences, checks = told(files)
    assert len(found) == count, f"{len(found):,} results"
    book = list(service.book.all_ids())
    assert len(set(found)) == count == len(book), f"{len(set(found)):,} licences in the results, {len(book):,} in the book"
    assert set(found) == set(book)
    assert len(elicences) == len(checks) == count
    assert not service.reservations.unfinished(service.now() + timedelta(days=1))
    assert not list(service.seal_log.breaks())
    events: Counter[str] = Counter()
    done = set()
    for use in service.seal_log.uses():
        events[use["event"]] += 1
        if use["event"] == "done":
            done.add(use["sealed_sha256"])
    for record in batches(service, book):
        assert len(record.entries) == 1, "a licence has more than its first entry"
        version = record.entries[0].version
        assert version
        assert version.document.sha256 in done, "a document without a line in the seal-use log"
    spare = events["requested"] - count
    print(f"nothing lost, nothing doubled: {count:,} licences; seal uses {dict(events)}, {spare:,} of them by what was killed", flush=True)
    segments = [len(service.archive.get_segment(one)) for one in service.archive.segments()]
    print(f"{len(segments)} segments of {min(segments) / 1e6:.1f} to {max(segments) / 1e6:.1f} MB: {sum(segments) / count / 1000:.1f} kB a licence")
    return found


def told(files: Mapping[Path, Path]) -> tuple[list[str], set[str], set[str]]:
    """Return the licences, their identifiers and check codes of all results; each row must have its own, in order."""
    found: list[str] = []
    elicences, checks = set(), set()
    for rows, results in files.items():
        with rows.open("rb") as asked, results.open("rb") as answers:
            for place, (row, line) in enumerate(zip_longest(asked, answers), 1):
                said = json.loads(line or b"{}")
                assert "problem" not in said, said
                assert said["line"] == place
                assert (row or b"").startswith(b'{"key": "' + said["key"].encode() + b'"'), "a result of another row"
                found.append(said["licence_id"])
                elicences.add(said["elicence_id"])
                checks.add(said["check_code"])
    return found, elicences, checks


def batches(service: Service, ids: Sequence[str]) -> Iterator[Record]:
    """Yield all records, a thousand a query."""
    for start in range(0, len(ids), 1000):
        yield from service.book.records(ids[start : start + 1000])


def looked_at(service: Service, ids: Sequence[str], folder: Path) -> None:
    """Let foreign programs judge documents taken by chance."""
    from tests.pdfa import VeraPdf  # noqa: PLC0415 - it starts a JVM

    judge, chosen = VeraPdf("3u"), random.Random().sample(list(ids), min(SAMPLED, max(1, len(ids) // ONE_IN)))
    path = folder / "judged.pdf"
    for record in batches(service, chosen):
        version = record.entries[0].version
        assert version
        path.write_bytes(service.archive.get(version.document.sha256))
        said = subprocess.run(["pdfsig", "-nocert", path], check=False, capture_output=True, text=True).stdout
        assert "Signature is Valid" in said, record.licence_id
        assert "Total document signed" in said, record.licence_id
        assert subprocess.run(["qpdf", "--check", path], check=False, capture_output=True).returncode == 0, record.licence_id
        assert service.examiner.examine(path.read_bytes()).good, record.licence_id
        assert not judge.failures(path), record.licence_id
    print(f"{len(chosen):,} documents by chance valid under pdfsig, qpdf, pyHanko and veraPDF 3u", flush=True)
