"""Identifiers and their check characters: GB/T 36904, GB 32100, GB 11643, GB 16735, plates, codes on paper.

Pure functions. Randomness is handed in as bytes, so that the same input gives the same identifier.
"""

import re
import unicodedata
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from operator import mul

ROOT = "1.2.156.3005.2"
ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
_PAIRS = {alphabet: [one + two for one in alphabet for two in alphabet] for alphabet in (ALPHABET, CROCKFORD)}  # two digits at a time
_MOD_37_36 = {  # the check value after a character, by the one before it
    character: [((check or 36) * 2 % 37 + value) % 36 for check in range(36)] for value, character in enumerate(ALPHABET)
}
LICENCE_ID_LENGTH = 20
LICENCE_ID_CHANCE = 36**11  # numbers that chance decides among; the first nine digits are time
RESERVATION_ID_BITS = 56  # that chance decides
CHECK_CODE_LENGTH = 12
DELIVERY_CODE_LENGTH = 16
LAST_VERSION = 999

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROVINCES = "京津沪渝冀豫云辽黑湘皖鲁新苏浙赣鄂桂甘晋蒙陕吉闽贵粤青藏川宁琼"
PLATE_CHARACTERS = f"{_PROVINCES}ABCDEFGHJKLMNPQRSTUVWXYZ0123456789挂学警港澳"  # all that number plates are written with (GA 36-2018)
_PLATE = re.compile(rf"[{_PROVINCES}][A-HJ-NP-Z][A-HJ-NP-Z0-9]{{4}}[A-HJ-NP-Z0-9挂学警港澳]")
_PLATE_NEW_ENERGY = re.compile(rf"[{_PROVINCES}][A-HJ-NP-Z](?:[A-HJK][A-HJ-NP-Z0-9][0-9]{{4}}|[0-9]{{5}}[A-HJK])")
_VIN = re.compile(r"[A-HJ-NPR-Z0-9]{8}[0-9X][A-HJ-NPR-Z0-9]{8}")
_VIN_VALUES = dict(zip("0123456789ABCDEFGHJKLMNPRSTUVWXYZ", [*range(10), *range(1, 9), *range(1, 6), 7, 9, *range(2, 10)], strict=True))
_VIN_WEIGHTS = (8, 7, 6, 5, 4, 3, 2, 10, 0, 9, 8, 7, 6, 5, 4, 3, 2)
_CITIZEN_ID = re.compile(r"[1-9][0-9]{5}(?:18|19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])[0-9]{3}[0-9X]")
_USCC_ALPHABET = "0123456789ABCDEFGHJKLMNPQRTUWXY"
_USCC = re.compile(f"[0-9]{{8}}[{_USCC_ALPHABET}]{{10}}")
_USCC_VALUES = dict(zip(_USCC_ALPHABET, range(31), strict=True))
_USCC_WEIGHTS = (*(3**place % 31 for place in range(17)), 1)  # with its check character the sum is a multiple of 31
_CITIZEN_WEIGHTS = (7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2)
_SHIP = re.compile(r"CN(?:19|20)[0-9]{2}[0-9]{7}")
_ELICENCE = re.compile(
    r"1\.2\.156\.3005\.2\.(?P<type>[0-9A-Z]{18}[0-9]{3})\.(?P<issuer>[0-9A-Z]{6,18})"
    r"\.(?P<serial>[0-9A-Z]{1,64})\.(?P<version>[0-9]{3})\.(?P<check>[0-9A-Z])"
)


@dataclass(frozen=True, slots=True)
class ElicenceId:
    """The parts of an identifier after GB/T 36904 (STANDARDS §1.2)."""

    type_code: str
    issuer_code: str
    serial: str
    version: int

    def __str__(self) -> str:
        """Return `1.2.156.3005.2.TYPE(21).ISSUER(18).SERIAL.VVV.C`."""
        version = f"{self.version:03d}"
        body = f"{self.type_code}{self.issuer_code}{self.serial}{version}"
        return f"{ROOT}.{self.type_code}.{self.issuer_code}.{self.serial}.{version}.{check_character(body)}"


def check_character(body: str) -> str:
    """Return the ISO/IEC 7064 hybrid MOD 37,36 character over the body without dots and without the root."""
    check = 18
    try:
        for character in body:
            check = _MOD_37_36[character][check]
    except KeyError:
        raise ValueError("only 0-9 and A-Z have a check character") from None
    return ALPHABET[(1 - (check or 36) * 2 % 37) % 36]


def parse_elicence_id(text: str) -> ElicenceId | None:
    """Read an identifier, or return None where its structure or check character is wrong.

    A parser accepts issuers of 6 to 18 characters, since region codes are seen in the wild; a generator never makes them.
    """
    match = _ELICENCE.fullmatch(text)
    if not match or match["version"] == "000":
        return None
    body = match["type"] + match["issuer"] + match["serial"] + match["version"]
    if check_character(body) != match["check"]:
        return None
    return ElicenceId(match["type"], match["issuer"], match["serial"], int(match["version"]))


def is_uscc(text: str) -> bool:
    """Say whether this is a unified social credit code (GB 32100-2015)."""
    if not _USCC.fullmatch(text):
        return False
    total: int = sum(map(mul, map(_USCC_VALUES.__getitem__, text), _USCC_WEIGHTS))
    return total % 31 == 0


def is_citizen_id(text: str) -> bool:
    """Say whether structure and check character are those of GB 11643-1999; the region is not looked up."""
    if not _CITIZEN_ID.fullmatch(text):
        return False
    total = sum(int(digit) * weight for digit, weight in zip(text, _CITIZEN_WEIGHTS, strict=False))
    return "10X98765432"[total % 11] == text[-1]


def birth_date_of(citizen_id: str) -> str:
    """Return the ISO date of birth inside a citizen ID number of correct structure."""
    return f"{citizen_id[6:10]}-{citizen_id[10:12]}-{citizen_id[12:14]}"


def sex_of(citizen_id: str) -> str:
    """Return the GB/T 2261.1 code in a citizen ID number: the 17th digit is odd for men (1), even for women (2)."""
    return "1" if int(citizen_id[16]) % 2 else "2"


def is_vin(text: str) -> bool:
    """Say whether this is a vehicle identification number with a correct check character (GB 16735-2019)."""
    if not _VIN.fullmatch(text):
        return False
    total = sum(_VIN_VALUES[character] * weight for character, weight in zip(text, _VIN_WEIGHTS, strict=True))
    return "0123456789X"[total % 11] == text[8]


def is_plate(text: str) -> bool:
    """Say whether this has the structure of an ordinary or a new-energy number plate (GA 36-2018)."""
    return bool(_PLATE.fullmatch(text) or _PLATE_NEW_ENERGY.fullmatch(text))


def is_ship_id(text: str) -> bool:
    """Say whether this has the structure of a ship identification number; its check digit is not public."""
    return bool(_SHIP.fullmatch(text))


def licence_id(number: int) -> str:
    """Return 20 characters of 0-9 A-Z from a number below 36**20."""
    return _digits(number, ALPHABET, LICENCE_ID_LENGTH)


def licence_number(at: datetime, random: int) -> int:
    """Return the number of a new licence's id from its instant and a random number below `LICENCE_ID_CHANCE` (56.8 bits).

    The milliseconds since 1970 come first: what is made together lies together in an index, and what chance adds cannot be guessed.
    """
    milliseconds = (at - _EPOCH) // timedelta(milliseconds=1)
    return milliseconds * LICENCE_ID_CHANCE + random


def reservation_id(at: datetime, random: int) -> str:
    """Return 26 hexadecimal digits: 12 of the milliseconds since 1970, and 14 of a random number of 56 bits."""
    return f"{(at - _EPOCH) // timedelta(milliseconds=1):012x}{random:014x}"


def check_code(random: int) -> str:
    """Return the 12 Crockford characters (60 bits) that are printed beside the code."""
    return _digits(random, CROCKFORD, CHECK_CODE_LENGTH)


def delivery_code(random: int) -> str:
    """Return the 16 Crockford characters (80 bits) that open the sealed original."""
    return _digits(random, CROCKFORD, DELIVERY_CODE_LENGTH)


def delivery_code_under(blinded: str) -> str:
    """Return the code that a blinded value comes to: whoever has the secret makes it again, and nobody else."""
    return delivery_code(int(blinded, 16) % 2 ** (5 * DELIVERY_CODE_LENGTH))


def normal_code(text: str) -> str:
    """Return a typed check or delivery code in its one form: half-width, no spaces or dashes, upper case, O→0, I and L→1."""
    plain = unicodedata.normalize("NFKC", text).upper()  # Chinese keyboards type full-width characters
    kept = "".join(character for character in plain if character.isalnum())
    return kept.translate(str.maketrans("OIL", "011"))


def grouped(code: str) -> str:
    """Return a code in groups of four with two spaces between (LOOK §7)."""
    return "  ".join(code[start : start + 4] for start in range(0, len(code), 4))


def _digits(number: int, alphabet: str, length: int) -> str:
    """Write a number in the positional system of the alphabet, padded to a fixed, even length."""
    pairs, characters = _PAIRS[alphabet], []
    for _ in range(length // 2):
        number, remainder = divmod(number, len(pairs))
        characters.append(pairs[remainder])
    if number:
        msg = "the random number is too large for this code"
        raise ValueError(msg)
    return "".join(reversed(characters))
