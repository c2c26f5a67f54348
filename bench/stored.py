"""`stored_kb_per_version`: what one version takes in the archive beyond its photo, over documents of every type.

Some 1,000 pressed and sealed documents, every ideograph of a name, address or scope drawn from 3,755. Counted is a version's
whole place in its segment: recipe and packed own bytes. What is kept once – dictionary, plates – is printed with what it comes
to. The dictionary has seen one document of each type, none of those measured.
"""

import statistics
import tempfile
import time
from pathlib import Path

from bench.record import record
from licence_service import segments
from licence_service.digests import sha256
from licence_service.seal import HeldSeal
from licence_service.segments import Closed, Packing, Part, Segment, Shared, Unpacking, Whole
from tests.varied_faces import LEVEL_1, Printed, parts_of, printed, printer
from tests.world import make_keys, opened_keys, own_templates

EACH, ROUNDS, LICENCES = 44, 7, 2_000_000
FACES = ("song-700", "song-500", "song-600")  # those that names, places and scopes are set in


def dictionary(samples: list[Printed]) -> bytes:
    """Join what is likely to come again: the commonest ideographs, other characters met, and last a document of each type."""
    stores = printer().pressroom._stores
    made = {face: store.kept() for face, store in stores.items()}
    seldom = [drawn for face, kept in made.items() for character, drawn in kept.items() if face not in FACES or character not in LEVEL_1]
    common = [drawn for face in FACES for drawn in stores[face].charstrings(LEVEL_1)]
    return b"".join((*common, *seldom, *(part for each in samples for part in parts_of(each) if part not in each.photos)))


def documents() -> tuple[list[Printed], bytes]:
    """Return the documents to store, and the dictionary, which has seen others."""
    with tempfile.TemporaryDirectory() as folder:
        keyring = opened_keys(make_keys(Path(folder)), "")
        seal = next(each.seal for each in keyring.departments.values() if isinstance(each.seal, HeldSeal))
        types = sorted(own_templates().editions)
        joined = dictionary([printed(slug, 0, seal) for slug in types])
        return [printed(slug, number, seal) for slug in types for number in range(1, EACH + 1)], joined


def written(packing: Packing, told: list[tuple[list[Part], str]], photos: dict[str, bytes]) -> tuple[Closed, float]:
    """Write all documents into a segment; a part that is a digest is a photo. Return it and the CPU µs of a document."""
    segment = Segment(packing)
    for digest, photo in photos.items():
        segment.share(photo, digest)
    started = time.process_time()
    for parts, digest in told:
        segment.add(
            [segment.share(photos[part.digest], part.digest) if isinstance(part, Whole) and part.digest in photos else part for part in parts], digest
        )
    spent = time.process_time() - started
    return segment.close(), spent * 1e6 / len(told)


def read(closed: Closed, unpacking: Unpacking, wholes: dict[str, bytes]) -> float:
    """Put every document together again and check it. Return the CPU µs of a document, its digest included."""

    def fetch(shared: Shared) -> bytes:
        return wholes[shared.digest] if isinstance(shared, Whole) else closed.content[shared.offset : shared.offset + shared.length]

    started = time.process_time()
    for digest, place in closed.documents.items():
        recipe = segments.read(closed.content[place.offset : place.offset + place.length], closed.digest)
        assert sha256(recipe.joined(unpacking.unpack(recipe.packed, recipe.length), fetch)) == digest
    return (time.process_time() - started) * 1e6 / len(closed.documents)


def run() -> None:
    """Measure in rounds and write the figure."""
    printed_, joined = documents()
    photos = {sha256(photo): photo for one in printed_ for photo in one.photos}
    wholes = {sha256(one.pressed.plate.prefix): one.pressed.plate.prefix for one in printed_}
    names = {content: Whole(digest) for digest, content in (wholes | photos).items()}
    told: list[tuple[list[Part], str]] = [
        ([names[one.pressed.plate.prefix], *(names.get(part, part) for part in parts_of(one))], one.pressed.digests().sha256) for one in printed_
    ]
    packing, unpacking = Packing(joined), Unpacking(joined)
    closed, _ = written(packing, told, photos)
    made, unmade = zip(*((written(packing, told, photos)[1], read(closed, unpacking, wholes)) for _ in range(ROUNDS)), strict=True)
    sizes = sorted(place.length for place in closed.documents.values())
    own = statistics.mean(sum(len(part) for part in parts if isinstance(part, bytes)) for parts, _ in told)
    once = len(joined) + sum(map(len, wholes.values()))
    print(
        f"{len(sizes)} documents of {len(own_templates().editions)} types, {own / 1000:.1f} kB own bytes each; kept once: {once / 1e6:.1f} MB, "
        f"{once / LICENCES:.1f} bytes a version of {LICENCES:,}; {LICENCES * statistics.mean(sizes) / 1e9:.1f} GB for them all"
    )
    print(
        f"a frame made in {statistics.median(made):.0f} µs CPU (worst round {max(made):.0f}), read and its digest checked in {statistics.median(unmade):.0f} µs"
    )
    record(
        "stored_kb_per_version", statistics.median(sizes) / 1000, better="lower", ours=statistics.mean(sizes) / 1000, peer=None, unit="kB",
        worst=sizes[-1] / 1000, rounds=1,
    )  # fmt: skip


if __name__ == "__main__":
    run()
