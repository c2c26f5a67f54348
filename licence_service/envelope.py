"""The envelope around a face: what every request has in common, read into plain values.

The same field language that checks a face checks the envelope. Every fault is named with its path, no value is echoed.
"""

import base64
import binascii
import re
from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

from licence_service.errors import Fault, RequestRejected
from licence_service.fields import Field, check_face
from licence_service.licence import Decision

PHOTO_BYTES = 60_000
ADOPTED_BYTES = 5_000_000
WORD = Field(label="代码", type="string", disclose={}, max_length=120)
ORGANISATION = Field(label="机构", type="uscc", disclose={})
_DAY = Field(label="日期", type="date", disclose={})
_FIELD_NAME = re.compile(r"[a-z_]{1,40}")  # other names are the caller's own words and are not repeated
DECISION: Mapping[str, Field] = {
    "number": Field(label="决定文号", type="string", disclose={}, required=True, max_length=100),
    "organ": Field(label="决定机关", type="string", disclose={}, required=True, max_length=100),
    "decided_on": Field(label="决定日期", type="date", disclose={}, required=True),
    "legal_basis": Field(label="法律依据", type="string", disclose={}, required=True, max_length=300),
    "officer": Field(label="承办人", type="string", disclose={}, max_length=50),
    "unattended": Field(label="规则集", type="string", disclose={}, max_length=80),
}


class Reading:
    """Collects the faults of one body while its parts are taken out."""

    def __init__(self, body: Mapping[str, Any]) -> None:
        """Take the body; it was parsed from JSON and is an object."""
        self.body = body
        self.faults: list[Fault] = []

    def only(self, known: frozenset[str]) -> None:
        """Name the presence of keys that this request does not have; the keys themselves may be hostile and stay out."""
        if self.body.keys() - known:
            self.faults.append(Fault("body", "unknown-key", f"only these are known: {', '.join(sorted(known))}"))

    def field(self, name: str, declared: Field, *, required: bool = False) -> Any:  # noqa: ANN401 - the field's canonical value
        """Take one value by the rules of a declared field."""
        if self.body.get(name) in (None, ""):
            if required or declared.required:
                self.faults.append(Fault(name, "missing", "this must be given"))
            return None
        face, faults = check_face({name: declared}, {name: self.body[name]}, path="")
        self.faults += [Fault(fault.path.lstrip("."), fault.code, fault.message) for fault in faults]
        if not faults and name not in face and (required or declared.required):
            self.faults.append(Fault(name, "missing", "this must be given"))  # an empty list counts as absent
        return face.get(name)

    def group(self, name: str, fields: Mapping[str, Field], *, required: bool) -> Mapping[str, Any] | None:
        """Take one object of declared fields; None where it is absent or faulty."""
        raw = self.body.get(name)
        if raw is None and not required:
            return None
        if not isinstance(raw, Mapping):
            self.faults.append(Fault(name, "missing" if raw is None else "not-an-object", "an object is wanted here"))
            return None
        values, faults = check_face(fields, raw, path=name)
        self.faults += faults
        return None if faults else values

    def mapping(self, name: str) -> Mapping[str, Any]:
        """Take an object as it is."""
        raw = self.body.get(name)
        if raw is None:
            return {}
        if not isinstance(raw, Mapping):
            self.faults.append(Fault(name, "not-an-object", "an object is wanted here"))
            return {}
        return raw

    def day(self, name: str) -> date | None:
        """Take a day."""
        value = self.field(name, _DAY)
        return date.fromisoformat(value) if value else None

    def decision(self) -> Decision:
        """Take the decision behind the act (AI-02): no seal without one, by an officer or by a rule set."""
        said = self.group("decision", DECISION, required=True)
        if said is None:
            return Decision("", "", date(1970, 1, 1), "")
        if ("officer" in said) == ("unattended" in said):
            self.faults.append(Fault("decision", "officer-or-unattended", "either `officer` or `unattended` is given"))
        decided = date.fromisoformat(str(said["decided_on"]))
        return Decision(str(said["number"]), str(said["organ"]), decided, str(said["legal_basis"]), said.get("officer"), said.get("unattended"))

    def photos(self) -> Mapping[str, bytes]:
        """Take base64 JPEGs by field name; whether they are JPEGs is judged where pictures are known."""
        found = {}
        for name, text in self.mapping("photos").items():
            place = f"photos.{name}" if _FIELD_NAME.fullmatch(name) else "photos"
            if content := self._base64(text, place, PHOTO_BYTES):
                found[name] = content
        return found

    def document(self) -> bytes:
        """Take a sealed file as base64."""
        return self._base64(self.body.get("document"), "document", ADOPTED_BYTES) or b""

    def _base64(self, text: object, path: str, most: int) -> bytes | None:
        if not isinstance(text, str) or not text:
            self.faults.append(Fault(path, "not-base64", "base64 text is wanted here"))
            return None
        if len(text) > most * 4 // 3 + 4:
            self.faults.append(Fault(path, "too-large", f"at most {most} bytes"))
            return None
        try:
            return base64.b64decode(text, validate=True)
        except (binascii.Error, ValueError):
            self.faults.append(Fault(path, "not-base64", "base64 text is wanted here"))
            return None

    def refuse_if_faulty(self) -> None:
        """Raise `RequestRejected` with all faults found."""
        if self.faults:
            raise RequestRejected(faults=self.faults)

    def one_of(self, name: str, codes: Iterable[str], *, required: bool = False) -> str | None:
        """Take one of some codes."""
        found: str | None = self.field(name, Field(label=name, type="enum", disclose={}, codes={code: code for code in codes}), required=required)
        return found

    def number(self, name: str, *, required: bool = False) -> int | None:
        """Take a whole number from 1."""
        found: int | None = self.field(name, Field(label=name, type="integer", disclose={}, minimum=1), required=required)
        return found

    def flag(self, name: str) -> bool:
        """Take true or false; absent is false."""
        raw = self.body.get(name, False)
        if not isinstance(raw, bool):
            self.faults.append(Fault(name, "not-a-boolean", "true or false is wanted here"))
            return False
        return raw
