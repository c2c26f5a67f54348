"""What a decision rests on (DOMAIN §2e): the item of service, check receipts of data sources, where fields came from, and how rules judged it.

Pure. Kept with the entry, encrypted beside its body, which commits to it: format `basis/1` (docs/formats.md §7).
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Any

from licence_service.digests import commitment_sha256, field_salt
from licence_service.errors import Fault
from licence_service.fields import Field, check_face
from licence_service.frozen import dataclass, field

FORM = "basis/1"
MOST_RECEIPTS, MOST_SOURCES = 20, 100
_NAME = Field(label="数据源", type="string", disclose={}, required=True, max_length=60, pattern=r"[a-z][a-z0-9_]*")
_DIGEST = Field(label="摘要", type="string", disclose={}, required=True, pattern=r"[0-9a-f]{64}")
_INSTANT = Field(label="时间", type="string", disclose={}, required=True, max_length=40)
_REFERENCE = Field(label="编号", type="string", disclose={}, max_length=120)
_ORIGIN = Field(label="来源", type="string", disclose={}, required=True, max_length=60, pattern=r"[^\x00-\x1f]+")


class Result(StrEnum):
    """What a source said (DOMAIN §2e.2), and what is said where it did not: asked too long ago, or not at all."""

    PASS = "pass"  # noqa: S105 - no password
    FAIL = "fail"
    CONFLICT = "conflict"
    UNAVAILABLE = "unavailable"
    STALE = "stale"
    MISSING = "missing"


_SAID = {each.value: each.value for each in (Result.PASS, Result.FAIL, Result.CONFLICT, Result.UNAVAILABLE)}
_RECEIPT: Mapping[str, Field] = {
    "source": _NAME,
    "asked_at": _INSTANT,
    "answered_at": _INSTANT,
    "result": Field(label="结果", type="enum", disclose={}, required=True, codes=_SAID),
    "digest": _DIGEST,
    "reference": _REFERENCE,
    "case_no": Field(label="办件编号", type="string", disclose={}, required=True, max_length=80),
    "type": Field(label="证照类型", type="string", disclose={}, required=True, max_length=80),
}
_FROM: Mapping[str, Field] = {"source": _ORIGIN, "at": _INSTANT}


@dataclass(frozen=True, slots=True)
class Receipt:
    """A check receipt: what a source was asked, when, and what it said of which fields; `digest` is that of its answer."""

    source: str
    asked_at: datetime
    answered_at: datetime
    result: Result
    compared: tuple[str, ...]
    digest: str
    reference: str | None = None
    fetched: bool = False  # this service asked, not the approval system
    case_no: str | None = None  # the case and the type of licence that it was made for; absent with entries of earlier releases
    type: str | None = None


@dataclass(frozen=True, slots=True)
class Origin:
    """Where the value of a field came from, and of when it is there (AI-09)."""

    source: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Finding:
    """What the rule set found of one source; `compared` are the fields that it asked the source about."""

    source: str
    result: Result
    compared: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Judged:
    """How a rule set judged: its id and digest, when, and what it found of each source."""

    rule_set: str
    digest: str
    at: datetime
    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class Basis:
    """All of it. `judged` is None where an officer decided."""

    item: str | None = None
    bundle_no: str | None = None
    receipts: tuple[Receipt, ...] = ()
    origins: Mapping[str, Origin] = field(default_factory=dict)
    judged: Judged | None = None

    def __bool__(self) -> bool:
        """Say whether there is anything to keep."""
        return bool(self.item or self.bundle_no or self.receipts or self.origins or self.judged)


def read_receipts(raw: object, case_no: str, slug: str) -> tuple[tuple[Receipt, ...], list[Fault]]:
    """Read check receipts as they are sent, and name every fault; of one source one receipt, and each made for this case and type of licence."""
    if raw is None:
        return (), []
    if not isinstance(raw, list) or len(raw) > MOST_RECEIPTS:
        return (), [Fault("receipts", "not-a-list", f"a list of at most {MOST_RECEIPTS} receipts is wanted here")]
    found: list[Receipt] = []
    faults: list[Fault] = []
    for place, each in enumerate(raw):
        path = f"receipts[{place}]"
        receipt, wrong = _receipt(each, path)
        if receipt:
            wrong = [
                Fault(f"{path}.{name}", "of-another-case", "a receipt holds for the case and type that it was made for")
                for name in _strange(receipt, case_no, slug)
            ]
        faults += wrong
        if receipt and any(receipt.source == one.source for one in found):
            faults.append(Fault(f"{path}.source", "twice", "one receipt of each source"))
        elif receipt:
            found.append(receipt)
    return tuple(found), faults


def _strange(receipt: Receipt, case_no: str, slug: str) -> list[str]:
    """Return what of a receipt is not the request's."""
    return [name for name, said, wanted in (("case_no", receipt.case_no, case_no), ("type", receipt.type, slug)) if said != wanted]


def read_origins(raw: object) -> tuple[dict[str, Origin], list[Fault]]:
    """Read where fields came from: `{field: {source, at}}`; whether the fields are the face's is judged where the face is."""
    if raw is None:
        return {}, []
    if not isinstance(raw, Mapping) or len(raw) > MOST_SOURCES:
        return {}, [Fault("sources", "not-an-object", f"an object of at most {MOST_SOURCES} fields is wanted here")]
    found: dict[str, Origin] = {}
    faults: list[Fault] = []
    for place, (name, each) in enumerate(raw.items()):
        path = f"sources[{place}]"
        values, wrong = check_face(_FROM, each, path=path) if isinstance(each, Mapping) else ({}, [Fault(path, "not-an-object", "source and at")])
        at = _instant(values.get("at"))
        if not wrong and at is None:
            wrong = [Fault(f"{path}.at", "not-an-instant", "a time with its zone after ISO 8601 is wanted here")]
        faults += wrong
        if not wrong and at:
            found[name] = Origin(str(values["source"]), at)
    return found, faults


def as_data(basis: Basis) -> dict[str, Any]:
    """Return the written form, `basis/1`; what says nothing is left out."""
    judged = basis.judged
    said = {
        "item": basis.item,
        "bundle_no": basis.bundle_no,
        "receipts": [
            {
                "source": one.source, "asked_at": one.asked_at.isoformat(), "answered_at": one.answered_at.isoformat(), "result": one.result.value,
                "compared": list(one.compared), "digest": one.digest, **({"reference": one.reference} if one.reference else {}),
                **({"fetched": True} if one.fetched else {}), **({"case_no": one.case_no} if one.case_no else {}),
                **({"type": one.type} if one.type else {}),
            }
            for one in basis.receipts
        ],
        "sources": {name: {"source": one.source, "at": one.at.isoformat()} for name, one in basis.origins.items()},
        "judged": {
            "rule_set": judged.rule_set, "digest": judged.digest, "at": judged.at.isoformat(),
            "findings": [{"source": one.source, "result": one.result.value, "compared": list(one.compared)} for one in judged.findings],
        } if judged else None,
    }  # fmt: skip
    return {"format": FORM, **{name: value for name, value in said.items() if value}}


def from_data(said: Mapping[str, Any]) -> Basis:
    """Read back what `as_data` gave."""
    judged = said.get("judged")
    return Basis(
        said.get("item"),
        said.get("bundle_no"),
        tuple(
            Receipt(
                one["source"], datetime.fromisoformat(one["asked_at"]), datetime.fromisoformat(one["answered_at"]), Result(one["result"]),
                tuple(one["compared"]), one["digest"], one.get("reference"), one.get("fetched", False),
                one.get("case_no"), one.get("type"),
            )
            for one in said.get("receipts", ())
        ),
        {name: Origin(one["source"], datetime.fromisoformat(one["at"])) for name, one in said.get("sources", {}).items()},
        Judged(
            judged["rule_set"], judged["digest"], datetime.fromisoformat(judged["at"]),
            tuple(Finding(one["source"], Result(one["result"]), tuple(one["compared"])) for one in judged["findings"]),
        ) if judged else None,
    )  # fmt: skip


def committed(basis: Basis, salt: bytes) -> str:
    """Return what the entry's body says of a basis: its digest under a salt of its own, so that nobody can try out what it holds."""
    return commitment_sha256({"basis": as_data(basis)}, field_salt(salt, FORM), FORM)


def _receipt(raw: object, path: str) -> tuple[Receipt | None, list[Fault]]:
    if not isinstance(raw, Mapping):
        return None, [Fault(path, "not-an-object", "an object is wanted here")]
    plain = {name: value for name, value in raw.items() if name != "compared"}
    values, wrong = check_face(_RECEIPT, plain, path=path)
    faults = [*wrong]
    compared = raw.get("compared")
    if not isinstance(compared, list) or not all(isinstance(one, str) and len(one) <= 60 for one in compared) or len(compared) > MOST_SOURCES:  # noqa: PLR2004
        faults.append(Fault(f"{path}.compared", "not-a-list", "a list of names of fields is wanted here"))
    asked, answered = _instant(values.get("asked_at")), _instant(values.get("answered_at"))
    for name, instant in (("asked_at", asked), ("answered_at", answered)):
        if name in values and instant is None:
            faults.append(Fault(f"{path}.{name}", "not-an-instant", "a time with its zone after ISO 8601 is wanted here"))
    if asked and answered and answered < asked:
        faults.append(Fault(f"{path}.answered_at", "before-asked", "an answer comes after its question"))
    if faults or asked is None or answered is None:
        return None, faults
    result, reference = Result(str(values["result"])), values.get("reference")
    names = tuple(compared)  # type: ignore[arg-type]  # a list, as was checked
    return Receipt(
        str(values["source"]), asked, answered, result, names, str(values["digest"]), str(reference) if reference else None,
        case_no=str(values["case_no"]), type=str(values["type"]),
    ), []  # fmt: skip


def _instant(text: object) -> datetime | None:
    try:
        found = datetime.fromisoformat(text) if isinstance(text, str) else None
        return found if found and found.utcoffset() is not None else None
    except ValueError:
        return None


def worst(findings: Sequence[Finding]) -> Result:
    """Return what all findings together mean: a failure first, then a conflict, then what is not known."""
    order = (Result.FAIL, Result.CONFLICT, Result.UNAVAILABLE, Result.MISSING, Result.STALE)
    return next((each for each in order if any(one.result is each for one in findings)), Result.PASS)
