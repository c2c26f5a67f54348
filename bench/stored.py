"""`stored_kb_per_version`: what one version takes in the archive beyond its photo, over documents of every type.

    python -m bench.stored      about two minutes

Some 1,000 licences of all types, issued in chunks by the product into a register and a folder of its own: half of each type by the
department of its sample, half by another. Every ideograph of a name, address or scope is drawn from 3,755; letters, figures and days
by chance where their field takes them. Counted is a version's whole place in its segment: recipe and packed own bytes. What is kept
once – dictionary, plates – is printed with what it comes to. Then every document is put together again, and the packing timed alone.
"""

import statistics
import tempfile
import time
from collections.abc import Callable, Mapping
from datetime import date
from pathlib import Path
from random import Random
from string import ascii_uppercase, digits
from typing import Any

from stdnum.cn import ric, uscc

from bench.issue import service_in
from bench.record import record
from bench.stock import Stock
from licence_service import segments
from licence_service.carrying import Done
from licence_service.digests import sha256
from licence_service.drafting import checked_face, photo_fields
from licence_service.errors import FaceRejected
from licence_service.fields import Field, check_face
from licence_service.identifiers import PLATE_CHARACTERS
from licence_service.licence import beijing_day
from licence_service.requests import read_issue
from licence_service.segments import Packing, Place, Shared, Unpacking, Whole
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, Client
from tests.varied_faces import LEVEL_1

EACH, ROUNDS, TRIES, LICENCES = 22, 7, 40, 2_000_000


class Varied(Stock):
    """Requests of one type and department in which nothing repeats but what a register repeats."""

    def __init__(self, service: Service, slug: str, seed: int, department: str) -> None:
        """Take the type and who issues it."""
        super().__init__(service, slug, seed, seed * EACH)
        self.client = Client(f"stock-{seed}", department, (EVERY_TYPE,), 10**9)
        self._organ = service.keyring.departments[department].name

    def rows(self, count: int) -> list[tuple[str, dict[str, object]]]:
        """Return the next rows."""
        return [(key, {**body, "face": self._face(dict(body), Random(key))}) for key, body in super().rows(count)]

    def _face(self, body: dict[str, Any], chance: Random) -> dict[str, Any]:
        """Return a face that is taken, every word and figure drawn anew where its field takes another."""
        number, issuer = self.template.number, self.template.issuer_field
        given = {**body["face"], issuer: self._organ}
        fixed = {issuer, number.field, number.prefix_field, *((name for name in given if given[name] == self._person) if self._person else ())}
        fields = self.template.fields
        drawn = {name: _another(fields[name], name, said, chance) for name, said in given.items() if isinstance(said, str) and name not in fixed}
        photos = photo_fields(read_issue(body).photos)
        while True:
            try:
                checked_face(self.template, {**given, **drawn, **photos}, self._organ, beijing_day(self.service.now()))
            except FaceRejected as rejected:
                refused = [name for name in drawn if any(fault.path.startswith(f"face.{name}") for fault in rejected.faults)]
                for name in refused or list(drawn):  # days that must agree with others
                    del drawn[name]
            else:
                return {**given, **drawn}


def _another(field: Field, name: str, value: str, chance: Random) -> str:
    """Return another value that the field takes: other words if it can be, other letters, or other figures."""
    if field.type == "date":
        return date.fromisoformat(value).replace(month=chance.randint(1, 12), day=chance.randint(1, 28)).isoformat()
    for likeness in (LEVEL_1, ascii_uppercase, ""):
        for _ in range(TRIES):
            drawn = _like(value, likeness, chance)
            if field.type == "citizen_id":
                drawn = f"{value[:14]}{chance.randrange(500) * 2 + int(value[16]) % 2:03d}"
                drawn += ric.calc_check_digit(f"{drawn}0")
            elif field.type == "uscc":
                drawn = drawn[:17] + uscc.calc_check_digit(drawn[:17])
            elif field.type == "plate":
                drawn = chance.choice(PLATE_CHARACTERS[:31]) + _like(value[1:], ascii_uppercase, chance)
            if not check_face({name: field}, {name: drawn})[1]:
                return drawn
    return value


def _like(text: str, likeness: str, chance: Random) -> str:
    """Return a text with other figures, and others of those characters that belong to `likeness`."""
    return "".join(chance.choice(likeness) if each in likeness else chance.choice(digits) if each.isdecimal() else each for each in text)


def issued(service: Service) -> dict[str, list[Place]]:
    """Issue the licences and return the places of their documents by type."""
    places: dict[str, list[Place]] = {}
    known: set[str] = set()
    departments = sorted(service.keyring.departments)
    for number, slug in enumerate(service.catalogue.slugs):
        places[slug] = []
        own = departments.index(service.catalogue.samples[slug].issuer)
        for place, department in enumerate((departments[own], departments[own - 1])):
            stock = Varied(service, slug, 2 * number + place, department)
            outcomes = service.chunks.issue(stock.client, stock.rows(EACH))
            assert all(isinstance(one, Done) for one in outcomes), [one for one in outcomes if not isinstance(one, Done)][:1]
            new = set(service.archive.segments()) - known
            known |= new
            places[slug] += [found for digest in sorted(new) for _, found in segments.documents(service.archive.get_segment(digest), digest)]
        assert len(places[slug]) == 2 * EACH, "some documents are not packed"
    return places


def timed(work: Callable[[], object]) -> float:
    """Return the CPU µs of some work."""
    started = time.process_time()
    work()
    return (time.process_time() - started) * 1e6


def again(service: Service, places: Mapping[str, list[Place]]) -> None:
    """Put every document together again and check it; time that and the packing alone, and print it."""
    contents = {digest: service.archive.get_segment(digest) for digest in service.archive.segments()}
    found = [segments.read(contents[one.segment][one.offset : one.offset + one.length], one.segment) for each in places.values() for one in each]
    (digest,) = {recipe.dictionary for recipe in found}
    dictionary = service.archive.get(digest)
    packing, unpacking = Packing(dictionary), Unpacking(dictionary)
    owns = [unpacking.unpack(recipe.packed, recipe.length) for recipe in found]
    wholes = {shared.digest: service.archive.get(shared.digest) for recipe in found for _, shared in recipe.shared if isinstance(shared, Whole)}

    def fetch(shared: Shared) -> bytes:
        return wholes[shared.digest] if isinstance(shared, Whole) else contents[shared.segment][shared.offset : shared.offset + shared.length]

    def read() -> None:
        for recipe in found:
            assert sha256(recipe.joined(unpacking.unpack(recipe.packed, recipe.length), fetch)) == recipe.sha256

    def packed() -> None:
        assert all(packing.pack([own]) for own in owns)

    rounds = [(timed(packed) / len(found), timed(read) / len(found)) for _ in range(ROUNDS)]
    made, unmade = zip(*rounds, strict=True)
    sizes = [place.length for each in places.values() for place in each]
    once = len(dictionary) + sum(map(len, wholes.values()))
    print(
        f"{len(sizes)} documents of {len(places)} types, {statistics.mean(map(len, owns)) / 1000:.1f} kB own bytes each; kept once: {once / 1e6:.1f} MB, "
        f"{once / LICENCES:.1f} bytes a version of {LICENCES:,}; {LICENCES * statistics.mean(sizes) / 1e9:.1f} GB for them all"
    )
    print(
        f"packed in {statistics.median(made):.0f} µs CPU (worst round {max(made):.0f}), read and the digest checked in {statistics.median(unmade):.0f} µs"
    )


def run() -> None:
    """Measure and write the figure."""
    with tempfile.TemporaryDirectory() as folder:
        service = service_in(Path(folder))
        spent = timed(lambda: service.chunks.packer.packing(service.now()))
        print(f"the dictionary made, kept and opened in {spent / 1e6:.1f} s CPU")
        places = issued(service)
        for slug, each in places.items():
            lengths = [place.length for place in each]
            print(f"  {slug}: median {statistics.median(lengths) / 1000:.2f} kB, worst {max(lengths) / 1000:.2f} kB, of {len(each)}")
        again(service, places)
        service.close()
    sizes = [place.length for each in places.values() for place in each]
    record(
        "stored_kb_per_version", statistics.median(sizes) / 1000, better="lower", ours=statistics.mean(sizes) / 1000, peer=None, unit="kB",
        worst=max(sizes) / 1000, rounds=1,
    )  # fmt: skip


if __name__ == "__main__":
    run()
