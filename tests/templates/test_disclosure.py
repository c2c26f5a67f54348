"""The disclosure matrix of DOMAIN §2d, field by field, over every type, every endorsement kind and every kind of asker.

The table below is written from the matrix, not from the templates: a field gets a class by its name, the class says what each asker sees.
A field that has no class yet fails, so that nobody adds one without thinking of who sees it.
"""

from collections.abc import Mapping
from typing import Any

import pytest

from licence_service.catalogue import Catalogue
from licence_service.drafting import checked_face
from licence_service.fields import Asker, Field, disclose
from licence_service.fields.disclosure import STAR
from licence_service.template import EndorsementKind
from tests.templates.conftest import SLUGS
from tests.world import own_templates

FULL, MASKED, SURNAME, NONE = "full", "masked", "surname", "none"
# class → what the public, a passenger, a platform, an officer without and with a reason, the clerk and the holder see
MATRIX: Mapping[str, tuple[str, str, str, str, str, str, str]] = {
    "open": (FULL, FULL, FULL, FULL, FULL, FULL, FULL),
    "company": (FULL, FULL, FULL, FULL, FULL, FULL, FULL),
    "plate": (FULL, FULL, FULL, FULL, FULL, FULL, FULL),
    "number": (MASKED, MASKED, FULL, FULL, FULL, FULL, FULL),
    "number that may be an identity number": (MASKED, MASKED, NONE, MASKED, FULL, FULL, FULL),
    "driver's name": (MASKED, SURNAME, NONE, FULL, FULL, FULL, FULL),
    "name": (MASKED, MASKED, NONE, FULL, FULL, FULL, FULL),
    "photo": (NONE, FULL, NONE, FULL, FULL, FULL, FULL),
    "identity number": (NONE, NONE, NONE, MASKED, FULL, FULL, FULL),
    "address": (NONE, NONE, NONE, NONE, FULL, FULL, FULL),
    "day of a review": (NONE, NONE, FULL, FULL, FULL, FULL, FULL),
    "review": (NONE, NONE, NONE, FULL, FULL, FULL, FULL),
    "violation": (NONE, NONE, NONE, FULL, FULL, FULL, FULL),
    "personal": (NONE, NONE, NONE, FULL, FULL, FULL, FULL),
    "inside": (NONE, NONE, NONE, NONE, NONE, FULL, FULL),
}
VIEWS = (
    (Asker.PUBLIC, False), (Asker.PASSENGER, False), (Asker.PLATFORM, False), (Asker.OFFICER, False), (Asker.OFFICER, True), (Asker.CLERK, False),
    (Asker.HOLDER, False),
)  # fmt: skip
CLASSES = {
    "company": "holder_name employer contractor uscc issuer_name approval_authority ship_operator ship_owner ship_manager",
    "plate": "plate_no plate_color tractor_plate trailer_plate",
    "number": "license_no vin annex_nos parent_license_no original_license_no business_permit_no manager_permit_no operator_permit_no",
    "driver's name": "person_name",
    "name": "legal_representative admin_leader technical_leader quality_leader signatory vehicle_owner",
    "photo": "photo vehicle_photo",
    "identity number": "citizen_id",
    "address": "address",
    "day of a review": "review_valid_to",
    "review": "technical_grade",
    "personal": "sex birth_date nationality archive_no remark",
    "inside": "certificate_state",
    "open": """
        activity_kind approval_doc_no approved_seats area_scope area_type axle_count axle_loads branch_flag built_date
        business_scope business_scope_code cancel_date cancel_reason car_spaces curb_mass_kg deadweight_t dg_classes driving_class economic_type
        engine_count engine_power_kw first_issue_date former_name fuel_type gas_m3 goods_mass_kg goods_name goods_names goods_transport gross_mass_kg
        gross_tonnage height_mm hull_material inspection_items issue_date length_mm license_word operation_area operation_mode
        operation_nature operation_term operator_scope pass_count passenger_quota
        passenger_transport permit_scope print_date project_name qualification_categories qualification_category qualification_items
        qualification_level qualification_role radioactive_classes rebuilt_date region_code registration_date registry_port route safety_zone ship_id
        ship_kinds ship_name ship_register_no ship_scope ship_survey_no ship_type ships sideline specialty teu tonnage_or_seats total_height_m
        total_length_m total_width_m valid_from valid_to vehicle_count vehicle_model vehicle_type water_area width_mm work_content
    """,
}  # fmt: skip
CLASS_OF = {name: kind for kind, names in CLASSES.items() for name in names.split()}
REVIEWS = {
    "annual_check", "annual_credit_evaluation", "annual_review", "integrity_assessment", "service_quality_assessment", "technical_grade",
}  # fmt: skip
PENALTIES = {"violation"}
FACTS = {  # of kinds that everybody sees
    "open": """
        date item added authority period_start period_end hours institution result mode old_valid_to new_valid_to notice action employer valid_from
        valid_to old_paper_no from_date to_date direction from_authority to_authority
    """,
    "personal": "old new operator certificate_no reporter",
}
FACT_CLASS = {name: kind for kind, names in FACTS.items() for name in names.split()}


def class_of(name: str, field: Field) -> str:
    """Return the class of a field of a face."""
    return "number that may be an identity number" if name == "license_no" and field.repeats else CLASS_OF[name]


def how(value: Any, seen: Any) -> str:
    """Say how a value is seen, by looking at what came out."""
    if seen is None:
        return NONE
    if seen == value:
        return FULL
    if str(seen).endswith("师傅") and str(seen).removesuffix("师傅") == str(value)[:1]:
        return SURNAME
    return MASKED if STAR in str(seen) and str(value) not in str(seen) else f"neither: {seen}"


@pytest.fixture(scope="module")
def catalogue() -> Catalogue:
    return own_templates()


def whole_face(catalogue: Catalogue, slug: str) -> dict[str, Any]:
    """Return a face of a type with a value in every field, so that none is passed over."""
    template = catalogue.editions[slug][-1]
    sample = catalogue.samples[slug]
    photos = {name: f"sha256:{'5' * 64}" for name, field in template.fields.items() if field.type == "image"}
    face = dict(checked_face(template, {**sample.face, **photos}, str(sample.face[template.issuer_field]), sample.as_of, any_term=True))
    return {name: face.get(name, f"缺省值{name}12345") for name in template.fields}


@pytest.mark.parametrize("slug", SLUGS)
def test_every_asker_sees_of_every_field_what_the_matrix_says(catalogue: Catalogue, slug: str) -> None:
    template, face = catalogue.editions[slug][-1], whole_face(catalogue, slug)

    for name, field in template.fields.items():
        expected = MATRIX[class_of(name, field)]
        found = [how(face[name], disclose({name: field}, face, asker, on_reason=on_reason).get(name)) for asker, on_reason in VIEWS]
        assert found == list(expected), name


@pytest.mark.parametrize("slug", SLUGS)
def test_every_edition_says_the_same(catalogue: Catalogue, slug: str) -> None:
    for template in catalogue.editions[slug]:
        for name, field in template.fields.items():
            assert field.disclose == catalogue.editions[slug][-1].fields.get(name, field).disclose, name


def seen_facts(kind: EndorsementKind, asker: Asker) -> dict[str, str]:
    """Return how an asker sees each fact of a kind; one that does not see the kind sees none."""
    facts = {name: f"内容{name}12345" for name in kind.facts}
    seen = disclose(kind.facts, facts, asker) if asker in kind.disclose else {}
    return {name: how(facts[name], seen.get(name)) for name in facts}


def test_no_reason_opens_anything_on_an_endorsement(catalogue: Catalogue) -> None:
    for kind in catalogue.kinds.values():
        facts = {name: f"内容{name}12345" for name in kind.facts}
        for asker in Asker:
            assert disclose(kind.facts, facts, asker, on_reason=True) == disclose(kind.facts, facts, asker)


@pytest.mark.rule("EN-13")
@pytest.mark.parametrize("asker", [Asker.PUBLIC, Asker.PASSENGER, Asker.PLATFORM])
def test_endorsements_about_penalties_and_reviews_are_not_for_strangers(catalogue: Catalogue, asker: Asker) -> None:
    for slug in PENALTIES | REVIEWS:
        assert set(seen_facts(catalogue.kinds[slug], asker).values()) == {NONE}, slug
        assert set(disclose(catalogue.kinds[slug].facts, dict.fromkeys(catalogue.kinds[slug].facts, "内容"), asker)) == set(), slug


@pytest.mark.rule("EN-13")
def test_officers_clerks_and_holders_see_them_whole(catalogue: Catalogue) -> None:
    for slug in PENALTIES | REVIEWS:
        for asker in (Asker.OFFICER, Asker.CLERK, Asker.HOLDER):
            assert set(seen_facts(catalogue.kinds[slug], asker).values()) == {FULL}, (slug, asker)


@pytest.mark.rule("EN-13")
def test_of_what_everybody_sees_no_fact_accuses_or_names_a_person(catalogue: Catalogue) -> None:
    for slug, kind in catalogue.kinds.items():
        if slug in PENALTIES | REVIEWS:
            continue
        reasons = {"suspension": "violation", "transfer": "open", "reissue": "open"}  # why a right was suspended may be a penalty
        for asker in (Asker.PUBLIC, Asker.PASSENGER, Asker.PLATFORM):
            for name, seen in seen_facts(kind, asker).items():
                wanted = MATRIX[reasons[slug] if name == "reason" else FACT_CLASS[name]][0]
                assert seen == wanted, (slug, name, asker)


def test_a_name_is_masked_to_its_first_character_however_long_it_is(catalogue: Catalogue) -> None:
    name = "阿卜杜热合曼·买买提艾力"
    field = catalogue.editions[SLUGS[0]][-1].fields.get("person_name")
    assert field
    seen = disclose({"person_name": field}, {"person_name": name}, Asker.PUBLIC)["person_name"]

    assert seen == "阿" + STAR * (len(name) - 1)
