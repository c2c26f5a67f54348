"""Every variant of the corpus, through the verifier with its register and by the seal alone. The table goes to `var/corpus.txt`.

Called genuine 0, genuine refused 0, errors 0, both ways. The seal alone never says "genuine": a good seal is *unknown* until
the register is asked, on a genuine file as on one that the register does not hold, or of a seal that was revoked since.
Which altered files have a good seal is counted and listed; both columns are what the product answers, untouched.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from licence_service.comparison import Comparison, compared, printed_pairs
from licence_service.fields import Asker, Face
from licence_service.licence import beijing_day
from licence_service.presenting import PROGRAM, Presenter
from licence_service.seal import Finding
from licence_service.seal.entitlement import by_seal_alone
from licence_service.seal.examiner import Answered, Examiner, finding_of
from licence_service.verdict import Check, Result
from licence_service.verification import Question, Verifier, seal_alone
from tests.corpus import additions, saved, seals, slots, structures, updates
from tests.corpus.material import Material, keys_of_the_corpus
from tests.corpus.variant import ALL, Variant
from tests.world import NOW, ROOT, VEHICLE, World, a_world, make_keys

FAMILIES = (additions, saved, seals, slots, structures, updates)  # importing them enters their rows
LEAST, LEAST_GENUINE = 80, 20


class Remembering(Examiner):
    """An examiner that remembers what its children said last, so that a file is examined once for both columns."""

    said: Answered

    def ask(self, do: str, *files: bytes, **question: Any) -> Answered:
        answered = super().ask(do, *files, **question)
        if do == "examine":
            self.said = answered
        return answered


@dataclass(frozen=True)
class Case:
    """What the tests share: the material, the bounded children, a verifier that asks them and the face that the register holds."""

    material: Material
    examiner: Remembering
    verifier: Verifier
    face: Face
    genuine: tuple[bytes, ...]
    drawn: bool
    presenter: Presenter = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "presenter", Presenter(self.examiner))


def original(world: World, issued: dict[str, str]) -> bytes:
    """Return the archived file."""
    version = world.service.book.get(issued["licence_id"]).entries[-1].version
    assert version
    return world.service.archive.get(version.document.sha256)


# Variants about the revision that a seal adds to a drawn file, or about its objects' numbers; a pressed file has one revision.
OF_DRAWN_FILES = frozenset({
    "replace field value overlay", "field text", "field check box", "field choice", "field empty signature", "appearance of the seal", "type removed",
    "reference removed", "permissions removed", "value of the field null", "field names no signature", "form removed", "gap begins early", "gap ends late",
    "gap over the page", "range beyond the end", "range stops short", "ranges overlap", "range does not begin at the header",
    "second part moved behind a new range", "second part moved behind a forged update", "signature copied into a new object",
    "table led to another object", "table that repeats itself", "start elsewhere",
})  # fmt: skip


@pytest.fixture(scope="module", params=["pressed", "drawn"])
def case(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Case]:
    """The file under attack, as the press makes it, or as it is drawn: then a name is in letters that the press does not set."""
    drawn = request.param == "drawn"
    folder = tmp_path_factory.mktemp("corpus")
    keys, forged = keys_of_the_corpus(folder / "keys"), make_keys(folder / "forged")
    with a_world(folder, keys) as world:
        issued = world.issue(VEHICLE, "corpus-0001", face={"holder_name": "蜀安Жук物流有限公司"} if drawn else {})
        assert world.service.printer.pressroom.counts["handed over: width"] == drawn
        version = world.service.book.get(issued["licence_id"]).entries[-1].version
        assert version
        others = sorted(world.service.catalogue.samples.keys() - {VEHICLE})
        genuine = tuple(original(world, world.issue(slug, f"corpus-{slug}"[:60])) for slug in others)
        keyring = world.service.keyring
        examiner = Remembering(keyring.trust_roots, keyring.known_seals, children=1, program=PROGRAM)
        material = Material(world, keys, forged, issued, original(world, issued))
        yield Case(material, examiner, replace(world.service.verifier, examiner=examiner), version.face, (material.sealed, *genuine), drawn)
        examiner.close()


def beside(case: Case, document: bytes, finding: Finding) -> Comparison:
    """Compare a file with the record, as the public may see it."""
    template = case.material.world.service.catalogue.in_force(VEHICLE, beijing_day(NOW))
    said = case.presenter.beside(document, case.material.sealed, template.fields)
    assert said
    file, ours, alike = said
    return compared(template.fields, case.face, Asker.PUBLIC, file, ours, alike=alike, active="active-content" in finding.reasons)


def faults(case: Case, one: Variant, document: bytes, register: str, finding: Finding) -> Iterator[str]:
    """Name where an answer is another than the row wants."""
    if register != one.register:
        yield f"the verifier says {register}"
    seal = seal_alone(finding)
    if seal.result.value != one.alone:
        yield f"the seal says {seal.result.value}"
    if good_seal(seal) != (one.family == seals.REGISTER):
        yield f"the seal gives as its reasons {seal.reasons}"
    if one.reason and one.reason not in finding.reasons:
        yield f"{one.reason} is not among {finding.reasons}"
    if one.content and (outcome := beside(case, document, finding).outcome) != one.content:
        yield f"the content is said to be {outcome}"


def good_seal(seal: Check) -> bool:
    """Say whether nothing is wrong with the seal, as far as it can tell by itself, as `licence-service examine` says it."""
    return seal.result is Result.UNKNOWN and seal.reasons == ("seal-intact", "register-not-asked")


@dataclass
class Tally:
    """What was answered, counted as it came: by the verifier with its register, and by the seal alone."""

    families: Counter[str] = field(default_factory=Counter)
    genuine: Counter[str] = field(default_factory=Counter)  # altered files called genuine, by column
    refused: Counter[str] = field(default_factory=Counter)  # genuine files of which something was said to be wrong, by column
    unknown: Counter[str] = field(default_factory=Counter)
    only_the_register: list[str] = field(default_factory=list)  # a good seal: whether it is in the register, or was revoked since, no seal tells
    good: int = 0  # genuine files that the seal alone calls good and unknown
    wrong: list[str] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)
    slowest: tuple[float, str] = (0.0, "")
    largest: tuple[int, str] = (0, "")

    def take(self, one: Variant, register: str, seal: Check, answered: Answered) -> None:
        """Count one altered file."""
        self.families[one.family] += 1
        if good_seal(seal):
            self.only_the_register.append(one.name)
        for column, said in (("register", register), ("seal alone", seal.result.value)):
            self.genuine[column] += said == "yes"
            self.unknown[column] += said == "unknown"
        self.slowest = max(self.slowest, (answered.cpu_seconds, one.name))
        self.largest = max(self.largest, (answered.memory_bytes >> 20, one.name))


@pytest.mark.rule("SE-10", "SH-04")
@pytest.mark.parametrize(
    ("case", "every"), [("pressed", False), ("drawn", False), pytest.param("drawn", True, marks=pytest.mark.long)], indirect=["case"]
)
def test_no_variant_of_the_corpus_is_genuine_no_genuine_file_is_refused_and_nothing_fails(case: Case, every: bool) -> None:
    """Each variant once: of the pressed file, or of the drawn one where it is about those. `make test-long` makes every variant of the drawn file."""
    keyring, tally = case.material.world.service.keyring, Tally()
    about_drawn = [one for one in ALL if one.name in OF_DRAWN_FILES]
    chosen = ALL if case.drawn and every else about_drawn if case.drawn else [one for one in ALL if one not in about_drawn]
    for one in chosen:
        document = one.make(case.material)
        assert document not in case.genuine, one.name
        try:
            register = case.verifier.by_document(document, Question()).answers["authentic"].result.value
            finding = by_seal_alone(keyring, finding_of(case.examiner.said))
        except Exception as error:  # noqa: BLE001 - counted: the table must be able to say how many
            tally.errors.append(f"{one.name}: {error!r}")
            continue
        tally.wrong += [f"{one.family}: {one.name}: {fault}" for fault in faults(case, one, document, register, finding)]
        tally.take(one, register, seal_alone(finding), case.examiner.said)
    for document in case.genuine:
        tally.refused["register"] += case.verifier.by_document(document, Question()).answers["authentic"].result.value != "yes"
        seal = seal_alone(by_seal_alone(keyring, case.examiner.examine(document)))
        tally.good += good_seal(seal)
        tally.refused["seal alone"] += not good_seal(seal)
    if case.drawn <= every:  # not of the few about drawn files alone
        table(tally, len(case.genuine))
    assert not tally.wrong
    assert not tally.errors
    assert not +tally.genuine
    assert not +tally.refused
    assert tally.good == len(case.genuine) >= LEAST_GENUINE
    assert sorted(tally.only_the_register) == sorted(one.name for one in chosen if one.family == seals.REGISTER)
    assert sum(tally.families.values()) == len(chosen)
    assert len(chosen) >= LEAST or chosen == about_drawn
    assert tally.slowest[0] <= 2.5, tally.slowest
    assert tally.largest[0] <= 250, tally.largest


@pytest.mark.long
def test_the_way_that_is_served_calls_none_of_them_genuine_either(case: Case) -> None:
    uploads = case.material.world.service.uploads
    for one in ALL if case.drawn else [one for one in ALL if one.name not in OF_DRAWN_FILES]:
        verdict = uploads.judge(one.make(case.material), Question()).verdict
        assert verdict.answers["authentic"].result.value != "yes", one.name
        assert verdict.licence is None, one.name


def table(tally: Tally, genuine: int) -> None:
    """Write the table down and print it."""
    columns = ("register", "seal alone")
    rows = {"altered files called genuine": tally.genuine, f"genuine files refused (of {genuine})": tally.refused, "unknown": tally.unknown}
    lines = [
        *(f"{family:36} {count:4}" for family, count in sorted(tally.families.items())),
        f"{'variants':36} {sum(tally.families.values()):4}",
        f"{'':36} {columns[0]:>10} {columns[1]:>10}",
        *(f"{name:36} {counted[columns[0]]:10} {counted[columns[1]]:10}" for name, counted in rows.items()),
        f"{'errors':36} {len(tally.errors):10}",
        f"{'answered otherwise than written':36} {len(tally.wrong):10}",
        f"worst CPU seconds {tally.slowest[0]:.2f} ({tally.slowest[1]}), worst memory {tally.largest[0]} MB ({tally.largest[1]})",
        f"genuine files that the seal alone calls good, and unknown until the register is asked: {tally.good} of {genuine}",
        f"altered files of which it says the same, for the register to tell: {'; '.join(tally.only_the_register)}",
    ]
    place = Path(ROOT / "var" / "corpus.txt")
    place.parent.mkdir(exist_ok=True)
    place.write_text("\n".join(lines) + "\n", "utf-8")
    print("\n".join(lines))


# -- what differs --------------------------------------------------------------------------------------------------------


def test_a_field_changed_in_the_attached_data_is_named_with_both_values(case: Case) -> None:
    document = saved.with_data(case.material, plate_no="川A99999")
    told = beside(case, document, Finding())
    (plate,) = told.differences
    assert (plate.name, plate.recorded, plate.in_file, plate.where) == ("plate_no", case.face["plate_no"], "川A99999", "data")
    assert plate.zh
    assert plate.en


@pytest.mark.rule("SH-09")
def test_a_field_that_the_public_may_not_see_is_not_named(case: Case) -> None:
    template = case.material.world.service.catalogue.in_force(VEHICLE, beijing_day(NOW))
    hidden = [name for name, one in template.fields.items() if not one.disclose.get(Asker.PUBLIC) and name in case.face and one.type == "string"]
    hidden = hidden or [name for name, one in template.fields.items() if str(one.disclose.get(Asker.PUBLIC)) == "none" and name in case.face]
    assert hidden
    told = beside(case, saved.with_data(case.material, **{hidden[0]: "另一内容"}), Finding())
    assert (told.outcome, told.differences, told.elsewhere) == ("altered", (), True)


def test_a_printed_text_changed_on_the_page_is_named_at_its_label(case: Case) -> None:
    found = [beside(case, saved.with_swapped_codes(case.material, place), Finding()) for place in range(10, 24)]
    named = [one for told in found for one in told.differences]
    assert named
    assert all(one.where == "print" and one.in_file != one.recorded for one in named)
    assert all(told.elsewhere or told.differences for told in found)


def test_what_covers_a_value_without_changing_a_word_is_altered_elsewhere(case: Case) -> None:
    told = beside(case, saved.drawn_over(case.material, b"q 1 1 1 rg 100 150 300 120 re f Q"), Finding())
    assert told.elsewhere
    assert not told.differences


def test_a_file_saved_again_shows_its_code_and_its_printed_pair(case: Case) -> None:
    looked = case.presenter.look(case.material.resaved())
    assert looked.presented
    issued = case.material.issued
    assert looked.presented.codes == (issued["verify_url"],)
    assert (issued["number"], issued["check_code"]) in printed_pairs(looked.presented)
    assert looked.cpu_seconds < 2
    assert looked.memory_bytes < 250 << 20
