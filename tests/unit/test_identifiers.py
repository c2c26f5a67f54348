"""Identifiers and check characters against published vectors (STANDARDS §1.2 and §10, the catalogue's validators)."""

import string
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from licence_service import identifiers
from licence_service.identifiers import ALPHABET, CROCKFORD, ElicenceId

PUBLISHED = (
    "1.2.156.3005.2.11100000000013338W011.11430000006122244L.20230000403.002.S",
    "1.2.156.3005.2.11100000000013338W011.11110000000021135M.20230329701.003.Y",
    "1.2.156.3005.2.11100000000013338W009.11330105002500287C.2025052201.002.0",
    "1.2.156.3005.2.11100000000013338W087.11370800MB28559184.37080001202411010001.001.3",
    "1.2.156.3005.2.11100000MB03271699022.340100.000000016.001.9",  # a region in the issuer's place
)
PLACEHOLDER = "1.2.156.3005.2.11100000000013661B006.113700000045046442.209FA4E88F9E4C878F3E9BED2CE7EA49.001.M"
OWN = {
    ("11100000000019713D013", "11530000015110000X", "530102001234", 1): "T",
    ("11100000000019713D013", "11530000015110000X", "530102001234", 2): "R",
    ("11100000000019713D071", "11530000015110000X", "A1B2C3D4E5F60718293A4B5C6D7E8F90", 1): "Y",
}
upper = st.text(alphabet=ALPHABET)


@pytest.mark.parametrize(("parts", "check"), OWN.items())
def test_the_check_character_is_that_of_the_vectors(parts: tuple[str, str, str, int], check: str) -> None:
    identifier = ElicenceId(*parts)

    assert str(identifier) == f"1.2.156.3005.2.{parts[0]}.{parts[1]}.{parts[2]}.{parts[3]:03d}.{check}"
    assert identifiers.parse_elicence_id(str(identifier)) == identifier


@pytest.mark.parametrize("text", PUBLISHED)
def test_published_identifiers_are_read_and_written_back(text: str) -> None:
    parsed = identifiers.parse_elicence_id(text)

    assert parsed is not None
    assert str(parsed) == text


def test_an_interface_documents_placeholder_is_refused() -> None:
    assert identifiers.parse_elicence_id(PLACEHOLDER) is None
    assert identifiers.parse_elicence_id(PLACEHOLDER[:-1] + "D") is not None


def test_the_same_algorithm_gives_the_example_of_grid() -> None:
    assert identifiers.check_character("A12425GABC1234002") == "M"


@given(body=upper.filter(bool))
def test_the_check_character_equals_the_listing_of_the_standard(body: str) -> None:
    product = 36
    for character in body:
        product = (product + ALPHABET.index(character)) % 36 or 36
        product = product * 2 % 37

    assert identifiers.check_character(body) == ALPHABET[(37 - product) % 36]


@given(place=st.integers(15, 90), other=st.sampled_from(ALPHABET))
def test_one_wrong_character_is_always_found(place: int, other: str) -> None:
    text = PUBLISHED[0]
    place = min(place, len(text) - 1)
    damaged = text[:place] + other + text[place + 1 :]

    assert damaged == text or identifiers.parse_elicence_id(damaged) is None


@pytest.mark.parametrize(
    "text",
    ["", "1.2.156", PUBLISHED[0].lower(), PUBLISHED[0][:-1], PUBLISHED[0] + "\n", " " + PUBLISHED[0], PUBLISHED[0].replace(".002.", ".000.")],
)
def test_anything_else_is_no_identifier(text: str) -> None:
    assert identifiers.parse_elicence_id(text) is None


def test_version_zero_is_refused_even_with_a_right_check_character() -> None:
    assert identifiers.parse_elicence_id(str(ElicenceId("11100000000019713D013", "11530000015110000X", "530102001234", 0))) is None


@pytest.mark.parametrize(
    "code",
    [
        "91350100M000100Y43", "91110000101623741K", "911101066976941872", "11100000000019713D", "11100000000013338W",
        "11110000000021135M", "113700000045030270", "11430000006122244L", "11519900MB9900021Q",
    ],
)  # fmt: skip
def test_true_credit_codes_are_known(code: str) -> None:
    assert identifiers.is_uscc(code)


@pytest.mark.parametrize(
    "code",
    ["91350211M0000XUF46", "91310115MA1H8R7C6D",
    "11519900mb9900021q",
        "11519900MB9900021Q ", " 11519900MB9900021Q", "11-519900MB9900021Q", "", "1151", "１1519900MB9900021Q", "11519900MB990002IQ"],
)  # fmt: skip
def test_false_credit_codes_are_refused(code: str) -> None:
    assert not identifiers.is_uscc(code)


@pytest.mark.parametrize("number", ["11010519491231002X", "440524188001010014", "34052419800101001X", "519902198506120111"])
def test_true_citizen_numbers_are_known(number: str) -> None:
    assert identifiers.is_citizen_id(number)


@pytest.mark.parametrize(
    "number",
    ["412825199401011234", "110105194912310021", "11010519491231002x",
    "011010519491231002", "11010519491331002X",
        "110105194912310", "", "１1010519491231002X"],
)  # fmt: skip
def test_false_citizen_numbers_are_refused(number: str) -> None:
    assert not identifiers.is_citizen_id(number)


def test_a_citizen_number_tells_birth_and_sex() -> None:
    assert identifiers.birth_date_of("519902198506120111") == "1985-06-12"
    assert identifiers.sex_of("519902198506120111") == "1"
    assert identifiers.sex_of("11010519491231002X") == "2"


@pytest.mark.parametrize("vin", ["WBAXW1104J0X16755", "1FACP45EXLF192944", "1M8GDM9AXKP042788", "11111111111111111", "LDC613P23A1305189"])
def test_true_vehicle_numbers_are_known(vin: str) -> None:
    assert identifiers.is_vin(vin)


@pytest.mark.parametrize(
    "vin", ["LSVAU033X72065723", "1M8GDM9AXKP04278", "1M8GDM9AXKP0427880", "1M8GDM9AIKP042788", "1m8gdm9axkp042788", "", "WBAXW1105J0X16755"]
)
def test_false_vehicle_numbers_are_refused(vin: str) -> None:
    assert not identifiers.is_vin(vin)


@pytest.mark.parametrize("plate", ["川A12345", "川PC123挂", "川AD01234", "川A01234D", "京A8888学", "粤Z1234港"])
def test_true_plates_are_known(plate: str) -> None:
    assert identifiers.is_plate(plate)


@pytest.mark.parametrize("plate", ["川AI2345", "川A1234", "蓉A12345", "川A123456", "川AO1234", "川IA2345", "川a12345", "", "川A12345\n", "川AL01234"])
def test_false_plates_are_refused(plate: str) -> None:
    assert not identifiers.is_plate(plate)


@pytest.mark.parametrize(
    ("number", "known"),
    [("CN20101234567", True), ("CN19991234567", True), ("CN18991234567", False), ("CN2010123456", False), ("cn20101234567", False)],
)
def test_ship_numbers_are_judged_by_structure_only(number: str, known: bool) -> None:
    assert identifiers.is_ship_id(number) is known


@given(text=st.text(max_size=40))
def test_no_text_makes_a_judge_raise(text: str) -> None:
    judges = (identifiers.is_uscc, identifiers.is_citizen_id, identifiers.is_vin, identifiers.is_plate, identifiers.is_ship_id)

    assert all(judge(text) in (True, False) for judge in judges)
    assert identifiers.parse_elicence_id(text) is None


@given(number=st.integers(0, 36**20 - 1))
def test_a_licence_id_has_twenty_characters_and_says_its_number(number: int) -> None:
    text = identifiers.licence_id(number)

    assert len(text) == 20
    assert int(text, 36) == number


@given(
    first=st.integers(1, 10**14).map(lambda microseconds: datetime(2000, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)),
    ahead=st.integers(1, 10**12),
    chances=st.tuples(st.integers(0, 36**11 - 1), st.integers(0, 36**11 - 1)),
)
def test_a_later_licence_has_a_later_id_whatever_chance_adds(first: datetime, ahead: int, chances: tuple[int, int]) -> None:
    one, two = (
        identifiers.licence_id(identifiers.licence_number(at, chance))
        for at, chance in zip((first, first + timedelta(milliseconds=ahead)), chances, strict=True)
    )

    assert one < two
    assert int(one[9:], 36) == chances[0]


def test_chance_decides_more_than_56_bits_of_an_id() -> None:
    assert identifiers.LICENCE_ID_CHANCE > 2**56
    assert identifiers.RESERVATION_ID_BITS >= 56


def test_a_reservations_id_has_26_hexadecimal_digits_and_begins_with_its_time() -> None:
    at = datetime(2026, 6, 20, 1, tzinfo=UTC)

    assert identifiers.reservation_id(at, 0) == f"{int(at.timestamp() * 1000):012x}{'0' * 14}"
    assert len(identifiers.reservation_id(at, 2**56 - 1)) == 26
    assert identifiers.reservation_id(at, 2**56 - 1) < identifiers.reservation_id(at + timedelta(milliseconds=1), 0)


@given(first=st.integers(0, 2**60 - 1), second=st.integers(0, 2**60 - 1))
def test_check_codes_are_twelve_characters_and_differ_where_chance_does(first: int, second: int) -> None:
    one, two = identifiers.check_code(first), identifiers.check_code(second)

    assert len(one) == 12
    assert set(one) <= set(CROCKFORD)
    assert (one == two) == (first == second)


def test_the_codes_use_all_of_their_room() -> None:
    assert identifiers.check_code(0) == "0" * 12
    assert identifiers.check_code(2**60 - 1) == "Z" * 12
    assert identifiers.delivery_code(2**80 - 1) == "Z" * 16
    assert identifiers.licence_id(36**20 - 1) == "Z" * 20


def test_a_number_too_large_for_a_code_is_a_bug_and_says_so() -> None:
    with pytest.raises(ValueError, match="too large"):
        identifiers.check_code(2**60)


@given(number=st.integers(0, 2**60 - 1), gap=st.sampled_from(["", " ", "  ", "-", " – "]))
def test_a_code_typed_in_any_manner_is_the_same_code(number: int, gap: str) -> None:
    code = identifiers.check_code(number)
    typed = gap.join(code[start : start + 4] for start in range(0, 12, 4)).lower().replace("0", "o").replace("1", "l")

    assert identifiers.normal_code(typed) == code
    assert identifiers.normal_code(identifiers.grouped(code)) == code


def test_a_code_typed_full_width_is_the_same_code() -> None:
    wide = str.maketrans(string.digits + string.ascii_uppercase, "０１２３４５６７８９ＡＢＣＤＥＦＧＨＩＪＫＬＭＮＯＰＱＲＳＴＵＶＷＸＹＺ")

    assert identifiers.normal_code("0AB1CD2EF3GH".translate(wide)) == "0AB1CD2EF3GH"


def test_codes_are_printed_in_groups_of_four() -> None:
    assert identifiers.grouped("0123456789AB") == "0123  4567  89AB"
