"""What a licence costs from its checked face to its sealed file, beside what cannot be avoided and beside the peers.

    python -m bench.press                 the 15-field page, P-256 and RSA-2048 (about three minutes)
    python -m bench.press --every-type    also all types with their own layouts (about ten minutes more)

*Ours* is all of it: salted digests of the face, the signed code, canonical licence data, page, attachment, PDF/A-3u, reading the
file back, seal, digests of the file; sixty licences together, stage by stage, as chunks are printed (`single` is one alone).
The peers (`bench.peers`) draw the same page and sign it, and do none of the rest. Types with endorsement tables have their
sample's endorsements in them, and photographs where they have one. *Unavoidable* is the two signatures (code and seal) and
hashing the file's bytes once by each hash in use. Because most of a file is the same on every licence and we hash that part
once, `strict` says the same beside the licence's own bytes alone.

CPU time, interleaved rounds; texts are drawn from the 3,755 characters of GB 2312 level 1, every licence of a run another.
Sampled files are judged by pdfsig, pyHanko, veraPDF 3u, qpdf, pdfium and zxing; one that fails ends the run.
"""

import argparse
import statistics
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TypeAlias

from bench import peers
from bench.issue import PASSPHRASE, service_in
from bench.record import record
from bench.works import Unavoidable, Works, cpu, judged
from licence_service.document import Sheet
from licence_service.document.press import Pressed
from licence_service.service import Service

FIFTEEN = "dangerous_goods_transport_permit"  # 15 printed fields, no photograph
ROUNDS, TURNS, TOGETHER, WARM = 9, 3, 60, 120
ROUNDS_OF_TYPES = 7
Sample: TypeAlias = tuple[Works, list[tuple[Pressed, Sheet, bytes]]]
ROWS = ("ours", "single", "unavoidable", "strict", "tuned", "naive")


def measured(service: Service, slug: str, rounds: int = ROUNDS, sampled: int = 20) -> tuple[dict[str, list[float]], Sample]:
    """Return milliseconds of CPU a licence, for each of `ROWS`, by round, and files to be judged.

    A round is some turns of all, as the clock of a machine moves.
    """
    works = Works(service, slug, WARM + rounds * TURNS * TOGETHER)
    keys = service.settings.keys / works.department.uscc
    for _ in range(WARM // TOGETHER):
        works.batch(TOGETHER)  # glyphs are made, plates cast
    unavoidable = Unavoidable(works)
    placed = [service.printer.place(sheet) for _, sheet, _ in works.batch(TURNS)]
    tuned, naive = peers.tuned_signer(keys, PASSPHRASE.encode()), peers.naive_signer(keys, PASSPHRASE.encode())
    drawn = iter(range(10**9))

    def peer(*, good: bool) -> bytes:
        return peers.sign(peers.draw(placed[next(drawn) % len(placed)], tuned=good), tuned if good else naive, tuned=good)

    peer(good=True)
    found: dict[str, list[float]] = {name: [] for name in ROWS}
    for _ in range(rounds):
        turns = [
            {
                "ours": cpu(lambda: works.batch(TOGETHER), 1) / TOGETHER,
                "tuned": cpu(lambda: peer(good=True), 1),
                "single": cpu(works.once, TOGETHER // 4),
                "unavoidable": cpu(unavoidable.once, TOGETHER),
                "strict": cpu(lambda: unavoidable.once(strict=True), TOGETHER),
                "naive": cpu(lambda: peer(good=False), 1),
            }
            for _ in range(TURNS)
        ]
        for name, row in found.items():
            row.append(statistics.mean(turn[name] for turn in turns))
    return found, (works, works.batch(sampled))


def say(name: str, found: dict[str, list[float]], *, over: str, better: str, unit: str = "ms CPU") -> None:
    """Record the ratio of two rows, round by round."""
    pairs = list(zip(found["ours"], found[over], strict=True))
    ratios = [ours / other if better == "lower" else other / ours for ours, other in pairs]
    record(
        name, statistics.median(ratios), better=better, ours=statistics.median(found["ours"]), peer=statistics.median(found[over]), unit=unit,
        worst=max(ratios) if better == "lower" else min(ratios), rounds=len(ratios),
    )  # fmt: skip


def _type(service: Service, slug: str) -> tuple[Sample, dict[str, list[float]]]:
    """Print what one type costs in its own layout, beside the peers that draw it."""
    each, sample = measured(service, slug, rounds=ROUNDS_OF_TYPES, sampled=3)
    ratios = [statistics.median(a / b for a, b in zip(each[peer], each["ours"], strict=True)) for peer in ("tuned", "naive")]
    ours, single = statistics.median(each["ours"]), statistics.median(each["single"])
    print(f"  {slug:45} {ours:6.3f} ms (singly {single:6.3f})   tuned {ratios[0]:6.1f} ×   naive {ratios[1]:6.1f} ×", flush=True)
    return sample, each


def _types(service: Service) -> list[Sample]:
    """Print every type, and record the one that gains least."""
    every = {slug: _type(service, slug) for slug in service.catalogue.samples}
    for peer in ("tuned", "naive"):

        def gain(slug: str, peer: str = peer) -> float:
            _, each = every[slug]
            return statistics.median(theirs / ours for theirs, ours in zip(each[peer], each["ours"], strict=True))

        least = min(every, key=gain)
        print(f"  least beside the {peer} peer: {least}")
        say(f"types_vs_{peer}", every[least][1], over=peer, better="higher")
    return [sample for sample, _ in every.values()]


def _scheme(service: Service, label: str, *, every_type: bool) -> list[Sample]:
    """Measure and record what one kind of key seals."""
    found, sample = measured(service, FIFTEEN)
    say(f"issue_{label}_over_unavoidable", found, over="unavoidable", better="lower")
    say(f"issue_{label}_over_unavoidable_strict", found, over="strict", better="lower")
    say(f"issue_{label}_vs_tuned", found, over="tuned", better="higher")
    say(f"issue_{label}_vs_naive", found, over="naive", better="higher")
    print(f"  one licence alone: {statistics.median(found['single']):.3f} ms CPU")
    samples = [sample, *(_types(service) if every_type else ())]
    print(f"  {dict(service.printer.pressroom.counts)}")
    return samples


def run(*, every_type: bool) -> None:
    """Measure and record; then let foreign programs judge the samples."""
    with ExitStack() as stack:
        samples = []
        for scheme, label in (("pades-p256", "p256"), ("pades-rsa2048", "rsa2048")):
            service = service_in(Path(stack.enter_context(tempfile.TemporaryDirectory())), scheme)
            stack.callback(service.close)
            peers.register(service.printer.fonts)
            samples += _scheme(service, label, every_type=every_type and label == "p256")
        # Only now: from its start on, the JVM of veraPDF collects its own garbage whenever Python does.
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        for works, files in samples:
            judged(works, files, folder)
        print(f"  {sum(len(files) for _, files in samples)} files valid under pdfsig, pyHanko, veraPDF 3u and qpdf; texts and codes read")


if __name__ == "__main__":
    given = argparse.ArgumentParser(description="The press beside its peers and beside what cannot be avoided.")
    given.add_argument("--every-type", action="store_true", help="print the ratios of every type's own layout too")
    run(every_type=given.parse_args().every_type)
