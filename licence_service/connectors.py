"""Connectors: data sources (police, company register, inspection stations …) that this service asks itself, each declared in a file (docs/deciding.md).

An answer becomes a check receipt as an approval system would have sent it. Whatever is not a signed answer of the declared shape is `unavailable`:
nothing that is not understood ever passes.
"""

import secrets
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import datetime
from pathlib import Path
from threading import Lock
from time import monotonic, sleep
from typing import Annotated, Any, Literal, TypeVar

from pydantic import Field as Declared
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from licence_service import frozen
from licence_service.basis import Receipt, Result
from licence_service.digests import canonical, sha256
from licence_service.errors import Misconfigured, RequestRejected
from licence_service.fields import Face
from licence_service.fields.declared import STRICT
from licence_service.gateway import Gateway
from licence_service.licence import Act
from licence_service.outbound import Poster
from licence_service.pauses import Pauses
from licence_service.store.source_waits import SourceWaits
from licence_service.targets import read_networks, read_target

_GOOD = "accepted"
_PAUSES = Pauses(first=0.2, growth=2, longest=2.0)  # between two tries of one question
_PATIENCE = 20.0  # seconds that one question may take with all its tries: the caller waits meanwhile
_MOST_SILENT = 8  # questions of a round, one behind the other; then the others are not put, since each would take as long
_LONGEST = 120  # characters of a reference
Read = TypeVar("Read")  # what is made of an answer


@dataclass(frozen=True, config=STRICT)
class Answer:
    """Where an answer says what: the member with the result, and the one with the source's own number of the check."""

    result: str
    reference: str | None = None


# What a register of decisions is asked: of the decision itself, and of each thing that is to be done on it.
OF_DECISION = ("decision.number", "decision.organ", "decision.decided_on")
OF_MATTER = ("act", "type", "case_no", "holder", "use")
_MAY_BE_ASKED = frozenset({*OF_DECISION, *OF_MATTER, "licence"})
EVERY = "*"


@dataclass(frozen=True, config=STRICT)
class Deciding:
    """That a source is the register of decisions of an approval system (AI-02): for which departments and types; `"*"` means every one.

    `matters` is the member of question and answer that lists what is to be done on one decision. `acts` are those without a document that it
    decides besides all that have one.
    """

    departments: Annotated[tuple[str, ...], Declared(min_length=1)]
    matters: Annotated[str, Declared(min_length=1)]
    types: Annotated[tuple[str, ...], Declared(min_length=1)] = (EVERY,)
    acts: tuple[Act, ...] = ()

    def covers(self, department: str, slug: str) -> bool:
        """Say whether decisions of this department about this type stand in it."""
        return all(EVERY in allowed or one in allowed for allowed, one in ((self.departments, department), (self.types, slug)))


@dataclass(frozen=True, config=STRICT)
class Connector:
    """One source as declared.

    `ask` names, for each member of the question, the field of the face that fills it; of a register of decisions, what of the decision and of
    what is to be done on it. `results` says what each result of the source means.
    `token_file` and `secret_file` lie beside the declaration; `networks` are allowed beside public addresses.
    """

    source: Annotated[str, Declared(pattern=r"^[a-z][a-z0-9_]{0,59}$")]
    url: str
    token_file: str
    secret_file: str
    ask: Annotated[Mapping[str, str], Declared(min_length=1)]
    answer: Answer
    results: Annotated[Mapping[str, Literal["pass", "fail", "conflict", "unavailable"]], Declared(min_length=1)]
    operation: str = "VerifyCertInfo"  # GB/T 36906: compare what is sent with the record
    use_for: Annotated[str, Declared(max_length=200)] = "电子证照核发：数据核验"
    networks: tuple[str, ...] = ()
    timeout_seconds: Annotated[float, Declared(gt=0, le=30)] = 5.0
    tries: Annotated[int, Declared(ge=1, le=5)] = 3
    decisions: Deciding | None = None

    def __post_init__(self) -> None:
        """Demand of a register of decisions that it is asked about everything that makes a decision the right one."""
        said = set(self.ask.values())
        if self.decisions and not {*OF_DECISION, *OF_MATTER} <= said <= _MAY_BE_ASKED:
            msg = f"ask: a register of decisions is asked about {', '.join((*OF_DECISION, *OF_MATTER))}, and may be about licence"
            raise ValueError(msg)


@frozen.dataclass(frozen=True, slots=True)
class Use:
    """For whom and what is asked (GB/T 36906): organisation, who decides, item of service, number of the case."""

    organisation: str
    user: str
    item: str
    case_no: str
    type: str | None = None  # the type of licence, of a case


class Silent:
    """How many questions in a row each source did not answer, in a round in which several are asked side by side."""

    def __init__(self) -> None:
        """Begin with none."""
        self._counts, self._lock = Counter[str](), Lock()

    def about(self, source: str) -> int:
        """Return how many in a row a source did not answer."""
        return self._counts[source]

    def count(self, source: str, *, answered: bool) -> None:
        """Count what came of one question."""
        with self._lock:
            self._counts[source] = 0 if answered else self._counts[source] + 1


@frozen.dataclass(frozen=True, slots=True)
class Connectors:
    """The sources that can be asked, and the cases that wait for one of them."""

    waits: SourceWaits
    declared: Mapping[str, tuple[Connector, Gateway]] = field(default_factory=dict)
    known: Mapping[tuple[str, ...], Receipt] = field(default_factory=dict, repr=False)  # what registers of decisions confirmed a moment ago
    rest: Callable[[float], None] = field(default=sleep, repr=False)
    silent: "Silent | None" = field(default=None, repr=False)  # in a round
    noted_later: bool = False  # whoever asks notes the silence about all acts of the round at once

    def in_a_round(self, *, noted_later: bool = False) -> "Connectors":
        """Return the same for many acts that are asked about together: a source that stays silent is not asked about each of them."""
        return frozen.replace(self, silent=Silent(), noted_later=noted_later)

    def register_of(self, department: str, slug: str) -> tuple[Connector, Gateway] | None:
        """Return the register in which decisions of this department about this type stand, None where none is declared."""
        return next((one for _, one in sorted(self.declared.items()) if one[0].decisions and one[0].decisions.covers(department, slug)), None)

    def fetch(self, wanted: Mapping[str, Sequence[str]], face: Face, use: Use, now: Callable[[], datetime]) -> list[Receipt]:
        """Ask the sources that are declared, at the same time, about the fields that are wanted of each; return a receipt of each."""
        asked = [(name, fields) for name, fields in sorted(wanted.items()) if name in self.declared and not self.declared[name][0].decisions]
        if not asked:
            return []
        with ThreadPoolExecutor(len(asked), "source") as pool:
            return list(pool.map(lambda one: self._receipt(*self.declared[one[0]], face, use, now), asked))

    def _receipt(self, connector: Connector, gateway: Gateway, face: Face, use: Use, now: Callable[[], datetime]) -> Receipt:
        said = {there: face[name] for there, name in sorted(connector.ask.items()) if face.get(name) is not None}
        about = tuple(sorted(name for name in connector.ask.values() if face.get(name) is not None))
        began = now()
        found = self.answered(connector, gateway, use, f"{use.case_no}-{connector.source}", said, lambda data: read_result(connector, data), now)
        (result, reference), data = found or ((Result.UNAVAILABLE, None), None)
        digest = sha256(b"" if data is None else canonical(data))
        return Receipt(connector.source, began, now(), result, about, digest, reference, fetched=True, case_no=use.case_no, type=use.type)

    def answered(
        self, connector: Connector, gateway: Gateway, use: Use, request_id: str, fields: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], Read | None], now: Callable[[], datetime],
    ) -> tuple[Read, Mapping[str, Any]] | None:  # fmt: skip
        """Ask one question until there is an answer of the declared shape, and return what `read` makes of it, and the answer.

        None after the declared tries, where another one would take longer than a caller can be kept waiting, or from a source that was silent to
        so many others of the round.
        """
        if self.silent is None:
            return self._answered(connector, gateway, use, request_id, fields, read, now)
        if self.silent.about(connector.source) >= _MOST_SILENT:
            return None
        found = self._answered(connector, gateway, use, request_id, fields, read, now)
        self.silent.count(connector.source, answered=found is not None)
        return found

    def _answered(
        self, connector: Connector, gateway: Gateway, use: Use, request_id: str, fields: Mapping[str, Any],
        read: Callable[[Mapping[str, Any]], Read | None], now: Callable[[], datetime],
    ) -> tuple[Read, Mapping[str, Any]] | None:  # fmt: skip
        data = {
            "UseFor": connector.use_for, "OrganisationCode": use.organisation, "User": use.user, "ItemCode": use.item, "BusinessNumber": use.case_no,
            "fields": dict(fields),
        }  # fmt: skip
        until = monotonic() + _PATIENCE - connector.timeout_seconds
        for attempt in range(connector.tries):
            if attempt:
                pause = _PAUSES.after(attempt, secrets.randbelow(1001) / 1000).total_seconds()
                if monotonic() + pause > until:
                    break
                self.rest(pause)
            reply = gateway.ask(connector.operation, request_id, data, now())
            if reply.code == _GOOD and (found := read(reply.data)) is not None:
                return found, reply.data
        return None


def read_result(connector: Connector, data: Mapping[str, Any]) -> tuple[Result, str | None] | None:
    """Return result and reference of what a source said; None for anything that is not of the declared shape."""
    said = data.get(connector.answer.result)
    result = connector.results.get(said) if isinstance(said, str) else None
    reference = data.get(connector.answer.reference) if connector.answer.reference else None
    if result is None or not (reference is None or (isinstance(reference, str) and len(reference) <= _LONGEST and reference.isprintable())):
        return None
    return Result(result), reference


def read_connectors(folder: Path) -> dict[str, tuple[Connector, Gateway]]:
    """Read every declaration of a folder; `Misconfigured` names the file and what is wrong with it, without any value."""
    if not folder.is_dir():
        raise Misconfigured("LICENCE_SOURCES: there is no such folder")
    found: dict[str, tuple[Connector, Gateway]] = {}
    for path in sorted(folder.glob("*.toml")):
        try:
            one = _ADAPTER.validate_python(tomllib.loads(path.read_text("utf-8")))
            read_target(one.url)
        except ValidationError as bad:
            wrong = "; ".join(".".join(map(str, each["loc"])) + ": " + each["msg"] for each in bad.errors(include_input=False, include_url=False))
            raise Misconfigured(f"{path.name}: {wrong}") from None
        except (tomllib.TOMLDecodeError, UnicodeDecodeError, OSError, RequestRejected) as error:
            raise Misconfigured(f"{path.name}: not readable, no TOML, or `url` is no address") from error
        if one.source in found:
            raise Misconfigured(f"{path.name}: the source {one.source} is declared twice")
        poster = Poster(read_networks(" ".join(one.networks), f"{path.name}: networks"), one.timeout_seconds)
        found[one.source] = one, Gateway(one.url, _token(path, one.token_file), _kept(path, one.secret_file), poster)
    return found


def _token(path: Path, name: str) -> str:
    content = _kept(path, name)
    if not content.isascii():
        raise Misconfigured(f"{path.name}: {name} is to hold ASCII characters only")
    return content.decode("ascii")


def _kept(path: Path, name: str) -> bytes:
    """Read a secret that lies beside a declaration."""
    file = path.parent / name
    try:
        if Path(name).name != name or file.stat().st_mode & 0o077:
            raise Misconfigured(f"{path.name}: {Path(name).name} must lie beside it, and nobody else may read it")
        if content := file.read_bytes().strip():
            return content
    except OSError as error:
        raise Misconfigured(f"{path.name}: {Path(name).name} cannot be read") from error
    raise Misconfigured(f"{path.name}: {Path(name).name} is empty")


_ADAPTER: TypeAdapter[Any] = TypeAdapter(Connector)
