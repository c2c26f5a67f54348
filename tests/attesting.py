"""Bodies outside the departments for a test: their keys, their grants, and what they sign."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from licence_service.bodies import Body, BodyGrant
from licence_service.digests import canonical
from licence_service.endorsement import assertion_of
from licence_service.founding import proposed_body
from licence_service.seal.tokens import CodeSigner
from tests.world import World

SCHOOL, STATION = "52519900MB9900099H", "91519902MB99000889"


@dataclass
class Attester:
    """A body that holds its own key."""

    uscc: str
    key: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    @property
    def public_key(self) -> str:
        """Return the public key as PEM."""
        return self.key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()

    def sign(self, said: Mapping[str, Any]) -> str:
        """Return the signature over canonical JSON, in hexadecimal."""
        return CodeSigner(b"\0\0\0\0", self.key).sign(canonical(dict(said))).hex()

    def assertion(self, licence_id: str, kind: str, facts: Mapping[str, Any], external_ref: str, **changed: Any) -> dict[str, Any]:
        """Return a signed assertion as it is posted; `changed` overrides parts after signing."""
        signature = self.sign(assertion_of(licence_id, kind, facts, external_ref, self.uscc))
        posted = {"licence_id": licence_id, "kind": kind, "facts": dict(facts), "external_ref": external_ref, "asserter": self.uscc}
        return {**posted, "signature": signature, **changed}


def registered(world: World, attester: Attester, *grants: BodyGrant, retired_on: date | None = None, with_key: bool = True) -> Attester:
    """Put a body in force by two people and return it."""
    body = Body(attester.uscc, "示例机构", "519900", grants, attester.public_key if with_key else None, retired_on)
    number = proposed_body(world.service.foundations, body, "甲")
    world.service.foundations.confirm([number], "乙")
    return attester


def asserts(*kinds: str, **changed: Any) -> BodyGrant:
    """Return a grant to assert."""
    return BodyGrant("assert", kinds, **changed)


def accepts(*kinds: str, **changed: Any) -> BodyGrant:
    """Return a grant to accept."""
    return BodyGrant("accept", kinds, **changed)
