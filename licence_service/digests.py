"""Canonical bytes, digests by SHA-256 and SM3, and salted commitments (docs/formats.md §4-5).

What is hashed is canonical JSON (RFC 8785) that begins with a format name; fields are only ever appended.
A commitment hides its values: without the salt nobody can try out candidates, and erasing values and salt leaves
the book whole and unlinkable (DESIGN §7).
"""

import hashlib
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from json.encoder import encode_basestring as _quoted
from types import NoneType
from typing import TYPE_CHECKING, Self

import orjson
import rfc8785

if TYPE_CHECKING:
    from _hashlib import HASH

SALT_BYTES = 32
_SHA256_BLOCK = 64
_SAFE = 2**53 - 1  # largest whole number that RFC 8785 writes
_TEXTS = frozenset({str})
_SCALARS = frozenset({str, int, bool, NoneType})
_CONTAINERS = frozenset({dict, list, tuple})
_PLAIN = _SCALARS | _CONTAINERS
_PLAINLY = orjson.OPT_SORT_KEYS | orjson.OPT_STRICT_INTEGER | orjson.OPT_PASSTHROUGH_SUBCLASS
_sha256 = hashlib.sha256
_NO_SM3 = hashlib.new("sm3")  # copied for each use: to look the name up takes as long as to hash a field
_INNER_PAD, _OUTER_PAD = (bytes(byte ^ pad for byte in range(256)) for pad in (0x36, 0x5C))  # RFC 2104 §2


@dataclass(frozen=True, slots=True)
class Digests:
    """The two digests of the same bytes, lower-case hexadecimal."""

    sha256: str
    sm3: str


def canonical(value: object) -> bytes:
    """Return RFC 8785 canonical JSON."""
    if type(value) in _CONTAINERS and _is_plain(value):  # type: ignore[arg-type]  # the containers are collections
        try:
            return orjson.dumps(value, option=_PLAINLY)
        except TypeError:
            pass  # half a surrogate pair, or a number beyond 2**53, which the reference refuses
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # callers hand in JSON values


def json_of(value: object) -> bytes:
    """Return JSON in no certain order, for what is read again and never hashed."""
    return orjson.dumps(value)


def _is_plain(value: Collection[object]) -> bool:
    """Say whether the quick writer gives the same bytes, a hundred times as fast.

    It does where nothing but these types occur and keys are ASCII: strings are escaped alike, and ASCII keys have the same order by
    code points as by UTF-16 units. Fractions, enumerations and other keys go to the reference. Types are looked at all together:
    most objects hold nothing but texts.
    """
    inner = value
    if type(value) is dict:
        if not _TEXTS.issuperset(map(type, value)) or not "".join(value).isascii():
            return False
        inner = value.values()
    kinds = set(map(type, inner))
    if kinds <= _SCALARS:
        return True
    if not kinds <= _PLAIN:
        return False
    for one in inner:  # noqa: SIM110 - a generator takes as long as what it looks at
        if type(one) in _CONTAINERS and not _is_plain(one):  # type: ignore[arg-type]  # a collection
            return False
    return True


def digests(content: bytes) -> Digests:
    """Return SHA-256 and SM3 (GB/T 32905) of the bytes."""
    return Digests(sha256(content), sm3(content))


def sha256(content: bytes) -> str:
    """Return SHA-256 as lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def sm3(content: bytes) -> str:
    """Return SM3 as lower-case hexadecimal."""
    state = _NO_SM3.copy()
    state.update(content)
    return state.hexdigest()


@dataclass(frozen=True, slots=True)
class Hashing:
    """Both digests of contents that begin alike: what they begin with is hashed once, its states are kept.

    `Hashing().after(prefix).of(tail)` equals `digests(prefix + tail)`; threads may share one.
    """

    _sha256: "HASH" = field(default_factory=hashlib.sha256)
    _sm3: "HASH" = field(default_factory=_NO_SM3.copy)

    def after(self, more: bytes) -> Self:
        """Return the states after `more`; this one stays where it is."""
        return type(self)(_further(self._sha256, more), _further(self._sm3, more))

    def of(self, tail: bytes) -> Digests:
        """Return both digests of the beginning and `tail` together."""
        return Digests(_further(self._sha256, tail).hexdigest(), _further(self._sm3, tail).hexdigest())

    def sha256(self, tail: bytes) -> bytes:
        """Return the 32 bytes of SHA-256 alone, such as a signature is made over."""
        return _further(self._sha256, tail).digest()

    def sm3(self, tail: bytes) -> str:
        """Return SM3 alone."""
        return _further(self._sm3, tail).hexdigest()

    def sha256_after(self, more: bytes) -> "Further":
        """Return the state of SHA-256 after `more`, for several tails."""
        return Further(_further(self._sha256, more))


@dataclass(frozen=True, slots=True)
class Further:
    """SHA-256 of contents that begin alike; threads may share one."""

    _state: "HASH"

    def of(self, tail: bytes) -> bytes:
        """Return the 32 bytes of the digest of the beginning and `tail` together."""
        return _further(self._state, tail).digest()


def _further(state: "HASH", more: bytes) -> "HASH":
    state = state.copy()
    state.update(more)
    return state


class Keyed:
    """HMAC-SHA-256 under one key, its two states kept (RFC 2104 §2, §4): the library takes several times as long for a short message.

    Threads may share one.
    """

    def __init__(self, key: bytes) -> None:
        """Take a key of at most one block of the hash, 64 bytes."""
        if len(key) > _SHA256_BLOCK:
            msg = "a key has at most 64 bytes here"
            raise ValueError(msg)
        block = key.ljust(_SHA256_BLOCK, b"\0")
        self._inner, self._outer = _sha256(block.translate(_INNER_PAD)), _sha256(block.translate(_OUTER_PAD))

    def of(self, message: bytes) -> bytes:
        """Return the 32 bytes of the code of a message."""
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(message)
        outer.update(inner.digest())
        return outer.digest()


def field_salt(salt: bytes, name: str) -> bytes:
    """Return the salt of one field: HMAC-SHA-256 of its name under the version's salt."""
    return Keyed(salt).of(name.encode())


def commitment(values: Mapping[str, object], salt: bytes, form: str) -> Digests:
    """Return the two roots over salted digests of every value.

    `form` names what is committed to (`face/1`, `facts/1`, `private/1`). One value can later be proven by showing it
    with its field salt and the other fields' digests.
    """
    text, order = _shape(form, tuple(values))
    said = _salted(values, order, salt)
    return Digests(sha256((text % tuple([_sha256(each).hexdigest() for each in said])).encode()), sm3((text % tuple(map(sm3, said))).encode()))


def commitment_sha256(values: Mapping[str, object], salt: bytes, form: str) -> str:
    """Return the first of the two roots alone."""
    text, order = _shape(form, tuple(values))
    return sha256((text % tuple(map(sha256, _salted(values, order, salt)))).encode())


def _salted(values: Mapping[str, object], order: Iterable[str], salt: bytes) -> list[bytes]:
    """Return what is hashed of every value, in this order: `field_salt`, then its name and itself."""
    if len(salt) != SALT_BYTES:
        msg = f"a salt has {SALT_BYTES} bytes"
        raise ValueError(msg)
    salts = Keyed(salt)
    return [salts.of(name.encode()) + pair(name, values[name]) for name in order]


def pair(name: str, value: object) -> bytes:
    """Return `canonical([name, value])`; most values are texts or whole numbers, whose pairs are written in a tenth of the time."""
    if type(value) is str:
        said = _quoted(value)
    elif type(value) is int and -_SAFE <= value <= _SAFE:
        said = str(value)
    else:
        return canonical([name, value])
    try:
        return f"[{_quoted(name)},{said}]".encode()
    except UnicodeEncodeError:  # half a surrogate pair, which the reference refuses
        return canonical([name, value])


@lru_cache(maxsize=1024)  # a few for each edition of a template and each kind of endorsement
def _shape(form: str, names: tuple[str, ...]) -> tuple[str, list[str]]:
    """Return `canonical([form, {name: leaf, …}])` with `%s` for each leaf, and the names in their order (RFC 8785 §3.2.3)."""
    order = sorted(names, key=lambda name: name.encode("utf-16-be"))
    keys = ",".join(_quoted(name).replace("%", "%%") + ':"%s"' for name in order)
    return f"[{_quoted(form).replace('%', '%%')},{{{keys}}}]", order
