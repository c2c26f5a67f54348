"""What a licence costs from its checked face to its sealed file, beside what cannot be avoided and beside the peers.

    python -m bench.press                 the 15-field page, P-256 and RSA-2048 (about four minutes)
    python -m bench.press --every-type    also all types with their own layouts (about ten minutes more)

*Ours* is all of it: salted digests of the face, the signed code, canonical licence data, page, attachment, PDF/A-3u, reading the
file back, seal, digests of the file. The peers (`bench.peers`) draw the same page and sign it, and do none of the rest.
*Unavoidable* is the two signatures (code and seal) and hashing the file's bytes once by each hash in use. Because most of a file
is the same on every licence and we hash that part once, `strict` says the same beside the licence's own bytes alone.

CPU time, interleaved rounds; texts are drawn from the 3,755 characters of GB 2312 level 1, every licence of a run another.
Sampled files are judged by pdfsig, pyHanko, veraPDF 3u, qpdf, pdfium and zxing; one that fails ends the run.
"""

import argparse
import hashlib
import os
import random
import re
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date, timedelta
from multiprocessing import get_context
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa, utils
from stdnum.cn import ric

from bench import peers
from bench.issue import PASSPHRASE, service_in, settings_in
from bench.record import record
from licence_service.carrying import Done
from licence_service.demo import Moved, clock_at
from licence_service.digests import canonical, sha256
from licence_service.document import Job, Sheet
from licence_service.document.press import Laid, Pressed
from licence_service.document.reading import codes, text
from licence_service.drafting import checked_face, complete, draft_issue, photo_fields
from licence_service.fields import Field
from licence_service.identifiers import ElicenceId
from licence_service.licence import Entry, beijing_day
from licence_service.licence_data import licence_data
from licence_service.line import host_of
from licence_service.requests import read_issue
from licence_service.service import Service, build
from licence_service.store.clients import EVERY_TYPE, Client

FIFTEEN = "dangerous_goods_transport_permit"  # 15 printed fields, no photograph
ROUNDS, EACH, OF_PEERS, WARM = 9, 60, 3, 60
BARS = {
    "issue_p256_over_unavoidable": 8.0, "issue_rsa2048_over_unavoidable": 2.5, "issue_p256_vs_tuned": 40.0, "issue_p256_vs_naive": 60.0,
}  # fmt: skip
_IDEOGRAPHS = [bytes((high, low)).decode("gb2312") for high in range(0xB0, 0xD8) for low in range(0xA1, 0xFF) if (high, low) < (0xD7, 0xFA)]


@dataclass(frozen=True)
class Case:
    """One licence to make: its drafted entry and what reserve draws."""

    entry: Entry
    licence_id: str
    salt: bytes
    check_code: str
    photos: dict[str, bytes]


class Works:
    """Makes the licences of one type, again and again."""

    def __init__(self, service: Service, slug: str, count: int) -> None:
        """Draft `count` licences with texts of their own."""
        self.service, self.slug = service, slug
        today = beijing_day(service.now())
        self.template = service.catalogue.in_force(slug, today)
        sample = service.catalogue.samples[slug]
        self.department = service.keyring.departments[sample.issuer]
        self.line, self.seal = service.registrar.line, self.department.seal
        moved = Moved(self.template, service.catalogue.kinds, sample, today)
        dice = random.Random(7)
        self.cases = []
        for _ in range(count):
            request = read_issue(moved.request())
            fixed = {self.template.issuer_field, self.template.number.field, self.template.number.prefix_field}
            face = {name: value if name in fixed else _varied(self.template.fields.get(name), value, dice) for name, value in request.face.items()}
            whole = checked_face(self.template, {**face, **photo_fields(request.photos)}, self.department.name, today)
            draft = draft_issue(
                self.template, request, whole, by="bench", department=self.department.uscc, seal_id=self.seal.seal_id, sealed_at=service.now()
            )
            own = "".join(dice.choices("0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ", k=20))
            check = "".join(dice.choices("0123456789ABCDEFGHJKMNPQRSTVWXYZ", k=12))
            self.cases.append(Case(draft.entry, own, dice.randbytes(32), check, dict(request.photos)))
        self._number = 0

    def once(self) -> tuple[Pressed, Sheet, bytes]:
        """Make the next licence."""
        return self.batch(1)[0]

    def batch(self, count: int) -> list[tuple[Pressed, Sheet, bytes]]:
        """Make the next `count` licences together, stage by stage, as chunks are made."""
        cases = [self.cases[(self._number + place) % len(self.cases)] for place in range(count)]
        entries = [self._completed(case, self._number + place) for place, case in enumerate(cases, 1)]
        self._number += count
        department, template, specimen = self.department, self.template, self.department.demo
        urls = [self.line.verify_url(entry, template, department) for entry in entries]
        data = [canonical(licence_data(entry, template, department.name, department.uscc, specimen=specimen, endorsements=())) for entry in entries]
        sheets = [self._sheet(case, entry, url) for case, entry, url in zip(cases, entries, urls, strict=True)]
        sealed_at = [entry.version.sealed_at for entry in entries if entry.version]
        jobs = [Job(sheet, said, instant, self.seal.slot_bytes) for sheet, said, instant in zip(sheets, data, sealed_at, strict=True)]
        laid = self.line.printer.press_all(jobs)
        assert all(isinstance(one, Laid) for one in laid), self.line.printer.pressroom.counts
        pressed = [one.sealed(self.seal.slot_over(one.digest())) for one in laid if isinstance(one, Laid)]
        for one in pressed:
            one.digests()
        return list(zip(pressed, sheets, data, strict=True))

    def _completed(self, case: Case, number: int) -> Entry:
        department = self.department
        own = ElicenceId(self.template.type_code(department.uscc), department.uscc, case.licence_id, 1)
        return complete(
            case.entry, licence_id=case.licence_id, elicence_id=str(own), salt=case.salt, status=(1, number),
            check_code_digest=sha256(case.check_code.encode()), certificate_sha256=self.seal.certificate_sha256,
        )  # fmt: skip

    def _sheet(self, case: Case, entry: Entry, url: str) -> Sheet:
        version, department = entry.version, self.department
        assert version
        return Sheet(
            template=self.template, face=version.face, endorsements=(), elicence_id=version.elicence_id, version=1, copy_no=1,
            check_code=case.check_code, code_text=url, host=host_of(self.line.public_url), department=department.short_name, photos=case.photos,
            specimen=department.demo, preview=False,
        )  # fmt: skip


def _renumbered(number: str, counter: int) -> str:
    """Put a counter into the longest run of digits of a number."""
    runs = sorted(re.finditer(r"\d+", number), key=lambda run: run.end() - run.start())
    if not runs:
        return f"{number}{counter}"
    start, end = runs[-1].span()
    digits = str(counter).zfill(end - start)[-(end - start) :]
    return number[:start] + digits + number[end:]


def _varied(field: Field | None, value: object, dice: random.Random) -> object:
    """Return another text of the same length where the field takes any text."""
    if field is None or field.type not in {"string", "text"} or field.pattern or field.listed or field.codes or not isinstance(value, str):
        return value
    return "".join(dice.choice(_IDEOGRAPHS) if ord(each) > 0x2E80 else each for each in value)


class Unavoidable:
    """The two signatures and the hashes of a file."""

    def __init__(self, works: Works) -> None:
        """Take the keys that sign and the files to hash."""
        self._seal_key = works.seal._signer._key  # type: ignore[attr-defined]
        self._code_key = works.department.code_signer.key
        self._files = [works.once()[0] for _ in range(20)]
        self._prehashed = utils.Prehashed(hashes.SHA256())
        self._number = 0

    def once(self, *, strict: bool = False) -> None:
        """Do it for the next file: for all its bytes, or `strict` for its own bytes alone."""
        file = self._files[self._number % len(self._files)]
        self._number += 1
        content = file.own if strict else file.content
        digest = hashlib.sha256(content).digest()
        hashlib.new("sm3", content).digest()
        self._code_key.sign(digest, ec.ECDSA(self._prehashed, deterministic_signing=True))
        if isinstance(self._seal_key, rsa.RSAPrivateKey):
            self._seal_key.sign(digest, padding.PKCS1v15(), self._prehashed)
        else:
            self._seal_key.sign(digest, ec.ECDSA(self._prehashed, deterministic_signing=True))


def cpu(work: Callable[[], object], times: int) -> float:
    """Return CPU milliseconds per call."""
    began = time.process_time()
    for _ in range(times):
        work()
    return (time.process_time() - began) / times * 1000


def judged(works: Works, pressed: Sequence[tuple[Pressed, Sheet, bytes]], folder: Path) -> None:
    """Let foreign programs judge files; raise where one finds fault."""
    from tests.pdfa import VeraPdf  # noqa: PLC0415 - it starts a JVM

    judge = VeraPdf("3u")
    for number, (file, sheet, _) in enumerate(pressed):
        path = folder / f"{works.slug}-{number}.pdf"
        path.write_bytes(file.content)
        said = subprocess.run(["pdfsig", "-nocert", path], check=False, capture_output=True, text=True).stdout
        assert "Signature is Valid" in said, said
        assert "Total document signed" in said, said
        assert subprocess.run(["qpdf", "--check", path], check=False, capture_output=True).returncode == 0, path
        assert not judge.failures(path), path
        finding = works.service.examiner.examine(file.content)
        assert finding.good, finding
        assert codes(file.content) == [sheet.code_text]
        said = "".join("".join(text(file.content)).split())
        for name, value in sheet.face.items():
            if isinstance(value, str) and works.template.fields[name].type == "string":
                assert "".join(value.split()) in said, name


def measured(service: Service, slug: str, folder: Path, *, rounds: int = ROUNDS, sampled: int = 20) -> dict[str, list[float]]:
    """Return milliseconds of CPU by round: ours, unavoidable, strict, tuned, naive."""
    works = Works(service, slug, WARM + rounds * EACH + 20 + OF_PEERS + sampled)
    keys = service.settings.keys / works.department.uscc
    for _ in range(WARM):
        works.once()  # glyphs are made, plates cast
    unavoidable = Unavoidable(works)
    sheets = [works.once()[1] for _ in range(OF_PEERS)]
    placed = [service.printer.place(sheet) for sheet in sheets]
    tuned, naive = peers.tuned_signer(keys, PASSPHRASE.encode()), peers.naive_signer(keys, PASSPHRASE.encode())
    drawn = iter(range(10**9))

    def peer(*, good: bool) -> bytes:
        return peers.sign(peers.draw(placed[next(drawn) % len(placed)], tuned=good), tuned if good else naive, tuned=good)

    peer(good=True)
    found: dict[str, list[float]] = {name: [] for name in ("ours", "unavoidable", "strict", "tuned", "naive")}
    for _ in range(rounds):
        found["ours"].append(cpu(works.once, EACH))
        found["unavoidable"].append(cpu(unavoidable.once, EACH))
        found["strict"].append(cpu(lambda: unavoidable.once(strict=True), EACH))
        found["tuned"].append(cpu(lambda: peer(good=True), OF_PEERS))
        found["naive"].append(cpu(lambda: peer(good=False), OF_PEERS))
    judged(works, [works.once() for _ in range(sampled)], folder)
    return found


def say(name: str, found: dict[str, list[float]], *, over: str, better: str, unit: str = "ms CPU") -> None:
    """Record the ratio of two rows, round by round."""
    pairs = list(zip(found["ours"], found[over], strict=True))
    ratios = [ours / other if better == "lower" else other / ours for ours, other in pairs]
    record(
        name, statistics.median(ratios), better=better, ours=statistics.median(found["ours"]), peer=statistics.median(found[over]), unit=unit,
        worst=max(ratios) if better == "lower" else min(ratios), rounds=len(ratios),
    )  # fmt: skip


class Stock:
    """Requests for a chunk, each licence with a text and a number of its own."""

    def __init__(self, service: Service, slug: str, seed: int, first: int = 0) -> None:
        """Take the type and the first number; two stocks of one type and of different seeds begin at different numbers."""
        self.service, self.slug = service, slug
        today = beijing_day(service.now())
        self.template, sample = service.catalogue.in_force(slug, today), service.catalogue.samples[slug]
        self.body = Moved(self.template, service.catalogue.kinds, sample, today).request()
        self.client = Client(f"stock-{seed}", sample.issuer, (EVERY_TYPE,), 10**9)
        self._dice, self._made, self._seed = random.Random(seed), first, seed
        number = str(self.body["face"].get(self.template.number.field))
        citizens = {str(value) for name, value in self.body["face"].items() if self.template.fields[name].type == "citizen_id"}
        self._person = number if number in citizens else ""

    @property
    def room(self) -> int:
        """How many more numbers of this type's form there are."""
        runs = re.findall(r"\d+", str(self.body["face"][self.template.number.field]))
        return 10**9 if self._person else 10 ** max(map(len, runs), default=0) - self._made - 1

    def _identity(self) -> dict[str, str]:
        """Return another holder's number, which is the licence's too, and the birthday that it says."""
        days, sequence = divmod(self._made, 499)
        born = date(1975, 1, 1) + timedelta(days=days % 9000)
        digits = f"{self._person[:6]}{born:%Y%m%d}{2 * sequence % 998 + int(self._person[16]) % 2:03d}"
        whole = digits + ric.calc_check_digit(f"{digits}0")
        fields = self.template.fields
        said = {name: whole for name, value in self.body["face"].items() if value == self._person}
        return said | {name: born.isoformat() for name in self.body["face"] if fields[name].type == "date" and fields[name].agrees_with}

    def rows(self, count: int) -> list[tuple[str, dict[str, object]]]:
        """Return the next rows."""
        number = self.template.number.field
        fixed = {self.template.issuer_field, number, self.template.number.prefix_field}
        found = []
        for _ in range(count):
            self._made += 1
            face = {
                name: value if name in fixed else _varied(self.template.fields.get(name), value, self._dice)
                for name, value in self.body["face"].items()
            }
            face |= self._identity() if self._person else {number: _renumbered(str(self.body["face"][number]), self._made)}
            found.append((f"stock-{self._seed}-{self._made:08d}", {**self.body, "case_no": f"STOCK-{self._seed}-{self._made}", "face": face}))
        return found


CHUNK = 500


def durable(folder: Path, found: dict[str, list[float]]) -> None:
    """Measure a chunk from its requests to its entries: CPU beside the unavoidable with the durable write of the same bytes."""
    service = service_in(folder)
    stock, works = Stock(service, FIFTEEN, 1), Works(service, FIFTEEN, 20)
    unavoidable = Unavoidable(works)
    service.chunks.issue(stock.client, stock.rows(50))
    own = [works.once()[0].own for _ in range(20)]
    ours, floor = [], []
    for _ in range(ROUNDS // 2):
        rows = stock.rows(CHUNK)
        began = time.process_time()
        outcomes = service.chunks.issue(stock.client, rows)
        ours.append((time.process_time() - began) / CHUNK * 1000)
        assert all(isinstance(one, Done) for one in outcomes), [one for one in outcomes if not isinstance(one, Done)][:1]
        began = time.process_time()
        with (folder / "floor").open("wb") as file:
            for number in range(CHUNK):
                unavoidable.once()
                file.write(own[number % len(own)])
            file.flush()
            os.fsync(file.fileno())
        floor.append((time.process_time() - began) / CHUNK * 1000)
    service.close()
    say("durable_over_unavoidable", {"ours": ours, "floor": floor}, over="floor", better="lower")
    tuned = statistics.median(found["tuned"])
    print(
        f"  a durable licence: {statistics.median(ours):.3f} ms CPU, {statistics.median(found['ours']):.3f} of them for the file; tuned peer {tuned:.1f}"
    )


def bulk(folder: Path) -> None:
    """Measure two processes that issue chunks into one register, by the clock, beside two processes of the tuned peer."""
    service_in(folder).close()
    pairs = []
    with ProcessPoolExecutor(2, get_context("spawn")) as pool:
        list(pool.map(_bulk_ours, [folder] * 2, [90, 91], [1] * 2, [50] * 2))  # glyphs, plates, the dictionary
        list(pool.map(_bulk_tuned, [folder] * 2, [2] * 2))
        for number in range(ROUNDS // 2):
            seconds = []
            for work in (
                lambda number=number: pool.map(_bulk_ours, [folder] * 2, [10 + number, 50 + number], [2] * 2, [CHUNK] * 2),
                lambda: pool.map(_bulk_tuned, [folder] * 2, [12] * 2),
            ):
                began = time.perf_counter()
                made = sum(work())
                seconds.append((time.perf_counter() - began) / made * 1000)
            pairs.append(seconds)
    say(
        "bulk_vs_tuned",
        {"ours": [one for one, _ in pairs], "tuned": [other for _, other in pairs]},
        over="tuned",
        better="higher",
        unit="ms a licence",
    )


def _bulk_ours(folder: Path, seed: int, chunks: int, count: int) -> int:
    service = _KEPT.get("service") or _KEPT.setdefault("service", build(settings_in(folder), clock_at(None)))
    stock = Stock(service, FIFTEEN, seed, seed * 100_000)
    for _ in range(chunks):
        assert all(isinstance(one, Done) for one in service.chunks.issue(stock.client, stock.rows(count)))
    return chunks * count


def _bulk_tuned(folder: Path, count: int) -> int:
    if "tuned" not in _KEPT:
        service = build(settings_in(folder), clock_at(None))
        peers.register(service.printer.fonts)
        works = Works(service, FIFTEEN, 3)
        placed = [service.printer.place(works.once()[1]) for _ in range(3)]
        _KEPT["tuned"] = (placed, peers.tuned_signer(service.settings.keys / works.department.uscc, PASSPHRASE.encode()))
    placed, signer = _KEPT["tuned"]
    for number in range(count):
        peers.sign(peers.draw(placed[number % len(placed)], tuned=True), signer, tuned=True)
    return count


_KEPT: dict[str, Any] = {}  # what a worker process keeps open


def run(*, every_type: bool) -> None:
    """Measure and record."""
    for scheme, label in (("pades-p256", "p256"), ("pades-rsa2048", "rsa2048")):
        with tempfile.TemporaryDirectory() as name:
            service = service_in(Path(name), scheme)
            peers.register(service.printer.fonts)
            found = measured(service, FIFTEEN, Path(name))
            say(f"issue_{label}_over_unavoidable", found, over="unavoidable", better="lower")
            say(f"issue_{label}_over_unavoidable_strict", found, over="strict", better="lower")
            say(f"issue_{label}_vs_tuned", found, over="tuned", better="higher")
            say(f"issue_{label}_vs_naive", found, over="naive", better="higher")
            if every_type and label == "p256":
                for slug in service.catalogue.samples:
                    each = measured(service, slug, Path(name), rounds=3, sampled=3)
                    ratios = [statistics.median(a / b for a, b in zip(each[peer], each["ours"], strict=True)) for peer in ("tuned", "naive")]
                    print(f"  {slug:45} {statistics.median(each['ours']):6.3f} ms   tuned {ratios[0]:6.1f} ×   naive {ratios[1]:6.1f} ×", flush=True)
            print(f"  {dict(service.printer.pressroom.counts)}")
            service.close()
        if label == "p256":
            with tempfile.TemporaryDirectory() as name:
                durable(Path(name), found)
            with tempfile.TemporaryDirectory() as name:
                bulk(Path(name))


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="The press beside its peers and beside what cannot be avoided.")
    given.add_argument("--every-type", action="store_true", help="print the ratios of every type's own layout too")
    run(every_type=given.parse_args().every_type)
