"""The one reader of JSON from outside: UTF-8, depth, duplicate keys, numbers and characters that JSON should not hold."""

import json
import re
from typing import Any

from licence_service.errors import Fault, RequestRejected

DEEPEST = 32
LARGEST_NUMBER = 2**53 - 1
_STRING = re.compile(rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"?', re.DOTALL)  # possessive, closing quote or not: linear on any bytes
_BRACKET = re.compile(rb"[\[\]{}]")


def parse_object(content: bytes) -> dict[str, Any]:
    """Parse one JSON object, or refuse naming why."""
    if _depth(content) > DEEPEST:
        raise _no("too-deep", f"at most {DEEPEST} levels")
    try:
        value = json.loads(content.decode("utf-8"), object_pairs_hook=_object, parse_constant=_constant, parse_int=_integer, parse_float=_float)
    except UnicodeDecodeError as error:
        raise _no("not-utf-8", "the body is UTF-8") from error
    except json.JSONDecodeError as error:
        raise _no("not-json", f"line {error.lineno}, column {error.colno} is not JSON") from error
    if not isinstance(value, dict):
        raise _no("not-an-object", "the body is one JSON object")
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError as error:
        # Half a surrogate pair cannot be written as UTF-8 and would fail far from here.
        raise _no("lone-surrogate", "half of a surrogate pair is no character") from error
    return value


def _depth(content: bytes) -> int:
    """Return how deep the brackets nest, before any recursive parser sees them."""
    deepest = depth = 0
    for bracket in _BRACKET.findall(_STRING.sub(b"", content)):
        depth += 1 if bracket in b"[{" else -1
        deepest = max(deepest, depth)
    return deepest


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise _no("duplicate-key", "an object has a key twice")
    return found


def _constant(_name: str) -> None:
    raise _no("not-a-number", "NaN and Infinity are no JSON numbers")


def _integer(text: str) -> int:
    if len(text) > 17 or abs(int(text)) > LARGEST_NUMBER:  # noqa: PLR2004 - digits of 2**53 and a sign
        raise _no("number-too-large", "numbers lie within 2**53")
    return int(text)


def _float(text: str) -> float:
    number = float(text)
    if number in (float("inf"), float("-inf")):
        raise _no("number-too-large", "numbers lie within 2**53")
    return number


def _no(code: str, message: str) -> RequestRejected:
    return RequestRejected(faults=[Fault("body", code, message)])
