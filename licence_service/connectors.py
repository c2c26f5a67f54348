"""Connectors: data sources (police, company register, inspection stations …) that this service asks itself, each declared in a file (docs/deciding.md).

An answer becomes a check receipt as an approval system would have sent it. Whatever is not a signed answer of the declared shape is `unavailable`:
nothing that is not understood ever passes.
"""

import tomllib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import field
from datetime import datetime
from pathlib import Path
from time import sleep
from typing import Annotated, Any, Literal

from pydantic import Field as Declared
from pydantic import TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from licence_service import frozen
from licence_service.basis import Receipt, Result
from licence_service.digests import canonical, sha256
from licence_service.errors import Misconfigured, RequestRejected
from licence_service.fields import Face
from licence_service.fields.declared import STRICT
from licence_service.gateway import Gateway, Reply
from licence_service.outbound import Poster
from licence_service.store.source_waits import SourceWaits
from licence_service.targets import read_networks, read_target

_GOOD = "accepted"
_FIRST_PAUSE = 0.2  # seconds between two tries of one question; twice as long each time
_LONGEST = 120  # characters of a reference


@dataclass(frozen=True, config=STRICT)
class Answer:
    """Where an answer says what: the member with the result, and the one with the source's own number of the check."""

    result: str
    reference: str | None = None


@dataclass(frozen=True, config=STRICT)
class Connector:
    """One source as declared.

    `ask` names, for each member of the question, the field of the face that fills it; `results` says what each result of the source means.
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


@frozen.dataclass(frozen=True, slots=True)
class Use:
    """For whom and what is asked (GB/T 36906): organisation, who decides, item of service, number of the case."""

    organisation: str
    user: str
    item: str
    case_no: str


@frozen.dataclass(frozen=True, slots=True)
class Connectors:
    """The sources that can be asked, and the cases that wait for one of them."""

    waits: SourceWaits
    declared: Mapping[str, tuple[Connector, Gateway]] = field(default_factory=dict)
    rest: Callable[[float], None] = field(default=sleep, repr=False)

    def fetch(self, wanted: Mapping[str, Sequence[str]], face: Face, use: Use, now: Callable[[], datetime]) -> list[Receipt]:
        """Ask the sources that are declared, at the same time, about the fields that are wanted of each; return a receipt of each."""
        asked = [(name, fields) for name, fields in sorted(wanted.items()) if name in self.declared]
        if not asked:
            return []
        with ThreadPoolExecutor(len(asked), "source") as pool:
            return list(pool.map(lambda one: self._receipt(*self.declared[one[0]], face, use, now), asked))

    def _receipt(self, connector: Connector, gateway: Gateway, face: Face, use: Use, now: Callable[[], datetime]) -> Receipt:
        said = {there: face[name] for there, name in sorted(connector.ask.items()) if face.get(name) is not None}
        about = tuple(sorted(name for name in connector.ask.values() if face.get(name) is not None))
        data = {
            "UseFor": connector.use_for, "OrganisationCode": use.organisation, "User": use.user, "ItemCode": use.item, "BusinessNumber": use.case_no,
            "fields": said,
        }  # fmt: skip
        began = now()
        for attempt in range(connector.tries):
            if attempt:
                self.rest(_FIRST_PAUSE * 2 ** (attempt - 1))
            reply = gateway.ask(connector.operation, f"{use.case_no}-{connector.source}", data, now())
            if found := _read(connector, reply):
                result, reference = found
                return Receipt(connector.source, began, now(), result, about, sha256(canonical(dict(reply.data))), reference, fetched=True)
        return Receipt(connector.source, began, now(), Result.UNAVAILABLE, about, sha256(b""), fetched=True)


def _read(connector: Connector, reply: Reply) -> tuple[Result, str | None] | None:
    """Return result and reference of an answer; None for anything that is not of the declared shape."""
    if reply.code != _GOOD:
        return None
    said = reply.data.get(connector.answer.result)
    result = connector.results.get(said) if isinstance(said, str) else None
    reference = reply.data.get(connector.answer.reference) if connector.answer.reference else None
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
