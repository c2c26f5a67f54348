"""Canonical bytes, digests by SHA-256 and SM3, and salted commitments (docs/formats.md §4-5).

What is hashed is canonical JSON (RFC 8785) that begins with a format name; fields are only ever appended.
A commitment hides its values: without the salt nobody can try out candidates, and erasing values and salt leaves
the book whole and unlinkable (DESIGN §7).
"""

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass

import rfc8785

SALT_BYTES = 32


@dataclass(frozen=True, slots=True)
class Digests:
    """The two digests of the same bytes, lower-case hexadecimal."""

    sha256: str
    sm3: str


def canonical(value: object) -> bytes:
    """Return RFC 8785 canonical JSON."""
    return rfc8785.dumps(value)  # type: ignore[arg-type]  # callers hand in JSON values


def digests(content: bytes) -> Digests:
    """Return SHA-256 and SM3 (GB/T 32905) of the bytes."""
    return Digests(hashlib.sha256(content).hexdigest(), hashlib.new("sm3", content).hexdigest())


def sha256(content: bytes) -> str:
    """Return SHA-256 as lower-case hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def field_salt(salt: bytes, name: str) -> bytes:
    """Return the salt of one field: HMAC-SHA-256 of its name under the version's salt."""
    return hmac.digest(salt, name.encode(), "sha256")


def commitment(values: Mapping[str, object], salt: bytes, form: str) -> Digests:
    """Return the two roots over salted digests of every value.

    `form` names what is committed to (`face/1`, `facts/1`, `private/1`). One value can later be proven by showing it
    with its field salt and the other fields' digests.
    """
    if len(salt) != SALT_BYTES:
        msg = f"a salt has {SALT_BYTES} bytes"
        raise ValueError(msg)
    leaves = {name: digests(field_salt(salt, name) + canonical([name, value])) for name, value in values.items()}
    return Digests(
        digests(canonical([form, {name: leaf.sha256 for name, leaf in leaves.items()}])).sha256,
        digests(canonical([form, {name: leaf.sm3 for name, leaf in leaves.items()}])).sm3,
    )
