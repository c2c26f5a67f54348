"""Licences of every type with random words: ideographs drawn from the 3,755 of GB 2312 level 1, ids, salts and digits by chance.

So nothing repeats but what a register repeats. People, firms and numbers mean nothing.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from functools import cache
from random import Random
from typing import Any

from licence_service.catalogue import Catalogue
from licence_service.digests import canonical, commitment
from licence_service.document import PrintedEndorsement, Printer, Sheet, standin
from licence_service.document.press import Pressed
from licence_service.fields import check_face, check_facts
from licence_service.licence_data import licence_data
from licence_service.seal import HeldSeal
from tests.builders import ORGAN, a_version, an_entry
from tests.printing import DIGEST, MADE_AT, fonts
from tests.world import own_templates

LEVEL_1 = "".join(bytes((row, cell)).decode("gb2312") for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFA if row == 0xD7 else 0xFF))
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"


@dataclass(frozen=True)
class Printed:
    """A sealed file, and the photos in it."""

    slug: str
    pressed: Pressed
    photos: tuple[bytes, ...]


@cache
def printer() -> Printer:
    """Return a printer with the press, made once."""
    return Printer(fonts(), own_templates().families)


def printed(slug: str, number: int, seal: HeldSeal, characters: str = LEVEL_1) -> Printed:
    """Return the licence of a type and a number, with words from these characters; the same arguments, the same words."""
    chance = Random(f"{slug} {number}")
    catalogue = own_templates()
    template, sample = catalogue.editions[slug][-1], catalogue.samples[slug]
    face = _face(catalogue, slug, chance, characters)
    licence_id = "".join(chance.choices(_ALPHABET, k=20))
    entry = an_entry(licence_id=licence_id, version=_version(catalogue, slug, face, licence_id, chance))
    assert entry.version
    endorsements = []
    for each in sample.endorsements:
        kind = catalogue.kinds[each["kind"]]
        facts, faults = check_facts(kind.facts, each["facts"])
        assert not faults
        endorsements.append(PrintedEndorsement(kind, facts, str(face["issuer_name"]), date.fromisoformat(str(facts[kind.date_field]))))
    photos = {name: standin.drawn(drawn) for name, drawn in sample.photos.items() if name in face}
    sheet = Sheet(
        template=template, face=face, endorsements=tuple(endorsements), elicence_id=entry.version.elicence_id, version=1, copy_no=1,
        check_code="".join(chance.choices(_ALPHABET, k=12)),
        code_text="HTTPS://LICENCE.EXAMPLE.GOV.CN/Q/1" + "".join(chance.choices("0123456789", k=390)),  # what a signed code looks like
        host="licence.example.gov.cn", department=str(face["issuer_name"]), photos=photos, specimen=False, preview=False,
    )  # fmt: skip
    data = canonical(licence_data(entry, template, sheet.department, ORGAN, specimen=False, endorsements=()))
    laid = printer().press(sheet, data, created_at=MADE_AT, slot_bytes=seal.slot_bytes)
    assert laid, f"{slug} was not pressed"
    return Printed(slug, laid.sealed(seal.slot_over(laid.digest())), tuple(photos.values()))


def parts_of(one: Printed) -> Iterator[bytes]:
    """Yield the pieces of the own bytes and the photos between them, in turn."""
    rest = one.pressed.own
    for photo in sorted(one.photos, key=rest.index):
        piece, _, rest = rest.partition(photo)
        yield from (piece, photo)
    yield rest


def _version(catalogue: Catalogue, slug: str, face: dict[str, Any], licence_id: str, chance: Random) -> Any:
    salt = chance.randbytes(32)
    plain = a_version()
    return a_version(
        face=face, salt=salt, face_commitment=commitment(face, salt, "face/1"), edition=catalogue.editions[slug][-1].edition,
        elicence_id=plain.elicence_id.replace("A1B2C3D4E5F607182930", licence_id), status=(chance.randrange(40), chance.randrange(1 << 20)),
    )  # fmt: skip


def _face(catalogue: Catalogue, slug: str, chance: Random, characters: str) -> dict[str, Any]:
    """Return a valid face: the sample's, every word and figure drawn anew where the field takes it."""
    template, sample = catalogue.editions[slug][-1], catalogue.samples[slug]
    given = {**sample.face, **dict.fromkeys(sample.photos, DIGEST)}
    drawn = {name: _drawn(value, chance, characters) for name, value in given.items() if isinstance(value, str) and name != "issuer_name"}
    while True:
        face, faults = check_face(template.fields, given | drawn)
        if not faults:
            return dict(face)
        refused = [name for name in drawn if any(fault.path.startswith(f"face.{name}") for fault in faults)]
        for name in refused or list(drawn):  # codes, check digits, days that must agree with others
            del drawn[name]


def _drawn(text: str, chance: Random, characters: str) -> str:
    return "".join(chance.choice(characters) if each in LEVEL_1 else chance.choice("0123456789") if each.isdecimal() else each for each in text)
