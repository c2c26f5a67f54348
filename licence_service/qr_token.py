"""The facts that the code on paper carries, and how they become a web address (STANDARDS §6.6, docs/formats.md §3).

Pure: the COSE_Sign1 around the facts is made by a department's code key in `seal.tokens`.
"""

import re
from collections.abc import Mapping
from datetime import date
from typing import Any
from urllib.parse import urlsplit

import cbor2

from licence_service.cbor_items import array, day_of, days, mapping, octets, text, whole
from licence_service.fields import Asker, disclose, mask
from licence_service.frozen import dataclass
from licence_service.template import Template

PATH = "/Q/1"  # the 1 is the profile's number; other layouts will get other numbers
MOST_DIGITS = 1200
MOST_BYTES = 498  # what 1,200 digits can say
COMPARE_BYTES = 42
COMMITMENT_BYTES = 16
MOST_SHOWN = 253  # of a host (RFC 1035 §2.3.4)
_ADDRESS = re.compile(r"[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_VALID_TO, _CONDITIONS = 6, 11  # the two claims that may be absent
_KEYS = frozenset({1, 2, 3, 4, 5, 6, 7, 8, 9, 11})
_NEEDED = frozenset({1, 2, 3, 4, 5, 7, 8, 9})


class BadCode(ValueError):  # noqa: N818 - a fact, like all refusals
    """These digits are no code of ours."""


@dataclass(frozen=True, slots=True)
class CodeFacts:
    """What a checker without network learns from the code.

    `compare` is what the checker compares with the vehicle, vessel or person: a plate, a ship's name, a masked name.
    `commitment` is the first 16 bytes of the version's SHA-256 face commitment.
    """

    type_index: int
    issuer_index: int
    licence_id: str
    version: int
    valid_from: date
    valid_to: date | None
    status: tuple[int, int]
    commitment: bytes
    compare: str
    conditions_until: date | None = None


def pack(facts: CodeFacts) -> bytes:
    """Return the deterministic CBOR map (RFC 8949 §4.2.1): integer keys, days since 1970-01-01."""
    claims = (
        (1, whole(facts.type_index)),
        (2, whole(facts.issuer_index)),
        (3, text(facts.licence_id)),
        (4, whole(facts.version)),
        (5, days(facts.valid_from)),
        (6, days(facts.valid_to) if facts.valid_to else b""),
        (7, array([whole(number) for number in facts.status])),
        (8, octets(facts.commitment)),
        (9, text(shortened(facts.compare))),
        (11, days(facts.conditions_until) if facts.conditions_until else b""),
    )
    return mapping([(key, value) for key, value in claims if value])


def unpack(payload: bytes) -> CodeFacts:
    """Read the facts back; anything but exactly our form is `BadCode`."""
    if len(payload) > MOST_BYTES:
        raise BadCode("not the claims of a licence")
    try:
        claims = cbor2.loads(payload)
        if not isinstance(claims, dict) or not _NEEDED <= claims.keys() <= _KEYS:
            raise BadCode("not the claims of a licence")
        facts = CodeFacts(
            claims[1], claims[2], claims[3], claims[4], day_of(claims[5]), day_of(claims[6]) if _VALID_TO in claims else None,
            (claims[7][0], claims[7][1]), claims[8], claims[9], day_of(claims[11]) if _CONDITIONS in claims else None,
        )  # fmt: skip
        ours = _well_formed(facts) and pack(facts) == payload
    except (cbor2.CBORError, AttributeError, TypeError, LookupError, ArithmeticError, ValueError, RecursionError, MemoryError) as error:
        raise BadCode("not the claims of a licence") from error
    if not ours:
        raise BadCode("not the claims of a licence")
    return facts


def _well_formed(facts: CodeFacts) -> bool:
    """Say whether every fact is of its kind; numbers are whole and not negative."""
    numbers = (facts.type_index, facts.issuer_index, facts.version, *facts.status)
    texts = (facts.licence_id, facts.compare)
    return (
        all(type(number) is int and number >= 0 for number in numbers)
        and all(isinstance(text, str) for text in texts)
        and isinstance(facts.commitment, bytes)
        and len(facts.commitment) == COMMITMENT_BYTES
    )


def address(public_url: str, message: bytes) -> str:
    """Return the upper-case address with the message as digits: alphanumeric and numeric QR modes, opened by any camera.

    The byte 01 in front keeps leading zeros.
    """
    return f"{public_url.upper()}{PATH}{digits_of(message)}"


def digits_in(text: str, public_url: str) -> str | None:
    """Return what stands behind our own address in the text of a code, in capitals or not; None where it leads anywhere else."""
    prefix = f"{public_url}{PATH}".upper()
    return text[len(prefix) :] if text.isascii() and text.upper().startswith(prefix) else None  # other letters, too, have our letters for capitals


def before_code(text: str) -> str | None:
    """Return the address in front of the path of a code, in small letters; None for a text that has no such path."""
    before, path, _ = text.lower().partition(PATH.lower())
    return before if path and _ADDRESS.match(before) else None


def site_of(text: str, official: str) -> str | None:
    """Return the site of an address as it may be shown, in letters that look like nothing else; None for what is no address.

    Where it has the name of the `official` host and is not ours all the same, by its port or its want of encryption, those are shown too.
    """
    try:
        split = urlsplit(text) if _ADDRESS.match(text) else None
        host = split.hostname if split else None
        port = f":{split.port}" if split and split.port else ""
    except ValueError:
        return None
    if not split or not host:
        return None
    try:
        shown = host.encode("idna").decode("ascii")
    except UnicodeError:
        shown = host.encode("ascii", "backslashreplace").decode("ascii")
    return (f"{split.scheme}://{shown}{port}" if shown == official else shown)[:MOST_SHOWN]


def digits_of(message: bytes) -> str:
    """Return the digits that stand for a signed message; `message_in` reads them."""
    return str(int.from_bytes(bytes([1]) + message))


def message_in(digits: str) -> bytes:
    """Return the signed message behind the digits after the profile's number."""
    if not digits.isascii() or not digits.isdecimal() or len(digits) > MOST_DIGITS or digits.startswith("0"):
        raise BadCode("not the digits of a code")
    number = int(digits)
    content = number.to_bytes((number.bit_length() + 7) // 8)
    if content[0] != 1:
        raise BadCode("not the digits of a code")
    return content[1:]


def shortened(text: str) -> str:
    """Return the text to compare, cut to 42 bytes of UTF-8 with an ellipsis that says so."""
    if len(text.encode()) <= COMPARE_BYTES:
        return text
    kept = text.encode()[: COMPARE_BYTES - len("…".encode())].decode(errors="ignore")
    return f"{kept}…"


def compared(template: Template, face: Mapping[str, Any]) -> str:
    """Return what a checker compares with the paper; a sensitive value stands masked, as the public would see it."""
    wanted = {name: face[name] for name in template.compare if name in face}
    seen = disclose(template.fields, wanted, Asker.PUBLIC)
    return " ".join(str(seen.get(name) or mask(str(value))) for name, value in wanted.items())
