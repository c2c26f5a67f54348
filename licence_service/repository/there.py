"""The catalogue as the repository has it: what is asked of it, read strictly. An answer of another shape is no answer."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date, datetime
from typing import Any

from licence_service.errors import Unavailable
from licence_service.gateway import Gateway
from licence_service.repository.comparing import Kept, Sum
from licence_service.repository.wire import COUNT, LIST, TAKEN, WITHDRAW

_ID = re.compile(r"[0-9A-Za-z._-]{1,64}")
_NAME = re.compile(r"[0-9A-Z]{1,21}")
_DIGEST = re.compile(r"[0-9a-f]{64}")
_TRIES = 3
_A_PAGE, _MOST_PAGES = 1000, 10_000
_MOST_ROWS = 100_000  # of groups, or of days


@dataclass(frozen=True, slots=True)
class There:
    """Asks one repository. Every method raises `Unavailable` where it does not answer, or with something else."""

    wire: Gateway
    now: Callable[[], datetime] = field(repr=False)

    def groups(self) -> dict[tuple[str, str], Sum]:
        """Return count and digest of each type and organ, of all that was reported by this register."""
        rows = self._rows(self._asked(COUNT, {}), "groups", _MOST_ROWS)
        return {(_text(row, "CertificateTypeCode", _NAME), _text(row, "CertificateIssuingAuthorityCode", _NAME)): _sum(row) for row in rows}

    def days(self, kind: str, department: str) -> dict[str, Sum]:
        """Return count and digest of each day of a type and organ."""
        said = self._asked(COUNT, {"CertificateTypeCode": kind, "CertificateIssuingAuthorityCode": department})
        return {_day(row): _sum(row) for row in self._rows(said, "days", _MOST_ROWS)}

    def entries(self, kind: str, department: str, day: str) -> Iterator[Kept]:
        """Yield every entry that it keeps of a type, organ and day; one that it keeps twice comes twice."""
        wanted = {"CertificateTypeCode": kind, "CertificateIssuingAuthorityCode": department, "RegisteredOn": day, "limit": _A_PAGE}
        for page in range(_MOST_PAGES):
            rows = self._rows(self._asked(LIST, {**wanted, "offset": page * _A_PAGE}), "entries", _A_PAGE)
            for row in rows:
                yield Kept(_text(row, "CertificateID", _ID), _number(row, "Revision"), _text(row, "Digest", _DIGEST))
            if len(rows) < _A_PAGE:
                return
        raise _not_understood()

    def withdraw(self, licence_id: str, request_id: str) -> None:
        """Have an entry taken out that this register never reported."""
        self._asked(WITHDRAW, {"CertificateID": licence_id}, request_id)

    def _asked(self, operation: str, data: Mapping[str, Any], request_id: str = "") -> Mapping[str, Any]:
        """Ask up to three times: what is asked changes nothing, or nothing more when it is asked again."""
        reason = ""
        for _ in range(_TRIES):
            reply = self.wire.ask(operation, request_id or f"{operation}-{self.now():%Y%m%d%H%M%S}", data, self.now())
            if reply.code in TAKEN:
                return reply.data
            reason = reply.reason or "unknown-code"
        raise Unavailable(f"the repository does not answer: {reason}", retry_after=60)

    @staticmethod
    def _rows(data: Mapping[str, Any], name: str, most: int) -> list[Mapping[str, Any]]:
        rows = data.get(name)
        if not isinstance(rows, list) or len(rows) > most or not all(isinstance(row, dict) for row in rows):
            raise _not_understood()
        return rows


def _sum(row: Mapping[str, Any]) -> Sum:
    return Sum(_number(row, "Count"), _text(row, "Digest", _DIGEST))


def _text(row: Mapping[str, Any], name: str, shape: re.Pattern[str]) -> str:
    value = row.get(name)
    if not isinstance(value, str) or not shape.fullmatch(value):
        raise _not_understood()
    return value


def _number(row: Mapping[str, Any], name: str) -> int:
    value = row.get(name)
    if type(value) is not int or value < 0:
        raise _not_understood()
    return value


def _day(row: Mapping[str, Any]) -> str:
    try:
        return date.fromisoformat(str(row.get("RegisteredOn"))).isoformat()
    except ValueError:
        raise _not_understood() from None


def _not_understood() -> Unavailable:
    return Unavailable("the repository answers in a way that is not understood", retry_after=60)
