"""Who stands at the desk, what they may do, and what they sent: the session, its rights, the key in every form."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Annotated, Any

from fastapi import Depends, Request
from fastapi.responses import RedirectResponse, Response

from licence_service.duties import WORDS, Right
from licence_service.errors import NotGranted, NotInRegister
from licence_service.licence import BEIJING
from licence_service.requests import ACTS
from licence_service.seal.granting import Office
from licence_service.service import Service
from licence_service.store.clients import EVERY_TYPE, PERSON, READ, STOCK, Client
from licence_service.store.desk_log import OPENED
from licence_service.store.people import Person
from licence_service.store.record import Record
from licence_service.web import pages
from licence_service.web.access import TheService
from licence_service.web.sent import Sent, read_sent

HOME, COOKIE = "/desk", "desk_session"
CEILING = 500  # acts an hour of one person: more than two hands enter
DOORS: tuple[tuple[frozenset[Right], str, str, str], ...] = (
    (frozenset({Right.FIND}), "/desk/licences", "查找证照", "Find"),
    (frozenset({Right.ENTER}), "/desk/issue", "颁发证照", "Issue"),
    (frozenset({Right.TASKS}), "/desk/tasks", "待办事项", "Tasks"),
    (frozenset({Right.QUARANTINE}), "/desk/stock", "存量隔离区", "Quarantine"),
    (frozenset({Right.STOP_SEAL, Right.READ_SEAL_LOG}), "/desk/seal", "印章与用章日志", "Seal and log"),
    (frozenset({Right.READ_DESK_LOG}), "/desk/log", "查阅记录", "Who read what"),
    (frozenset({Right.PROPOSE, Right.APPROVE}), "/desk/approvals", "双人审批", "Approvals"),
    (frozenset({Right.PLAN, Right.APPROVE}), "/desk/campaigns", "批量行动", "Campaigns"),
)
_ACTS_OF: dict[Right, tuple[str, ...]] = {Right.FIND: (READ,), Right.ENTER: (READ, "issue", *ACTS), Right.QUARANTINE: (STOCK,)}
_A_VISIT = timedelta(hours=1)
_BY_ITSELF = "by-itself"  # in the address of a page that renewed itself


class SignInWanted(Exception):  # noqa: N818 - a fact
    """Nobody is signed in, or the session is over."""


def to_sign_in(_request: Request, _error: Exception) -> Response:
    """Lead whoever is not signed in to the door; what they sent is not kept."""
    answer = RedirectResponse(HOME, status_code=303, headers={"Cache-Control": "no-store"})
    answer.delete_cookie(COOKIE, path=HOME)
    return answer


@dataclass(frozen=True, slots=True)
class Desk:
    """A person at the desk; everything that they may do goes through their department and their roles."""

    service: Service
    person: Person
    token: str = field(repr=False)

    def may(self, right: Right) -> bool:
        """Say whether this person may do this."""
        return right in self.person.rights

    @property
    def caller(self) -> Client:
        """Return this person as the registrar knows callers: of their department, or its office, under an id that names nobody."""
        acts = dict.fromkeys(act for right, named in _ACTS_OF.items() if self.may(right) for act in named)
        one = self.person
        return Client(
            f"{PERSON}{one.person_id}", one.department, (EVERY_TYPE,), CEILING, acts=tuple(acts), office=one.office, within=one.within
        )  # fmt: skip

    @property
    def organ(self) -> str:
        """Return the name of the person's department; its code where it has no seal here any more."""
        department = self.service.keyring.departments.get(self.person.department)
        return department.name if department else self.person.department

    @property
    def office(self) -> Office | None:
        """Return the sub-office where the person works; None where that is the whole department, or the office is gone."""
        department = self.service.keyring.departments.get(self.person.department)
        return next((one for one in department.offices if one.code == self.person.office), None) if department else None

    def visible(self, licence_id: str) -> Record | None:
        """Return a licence that this person may know of, None for any other."""
        try:
            return self.service.registrar.visible(self.caller, licence_id)
        except (NotInRegister, NotGranted):
            return None

    def log(self, done: str, subject: str) -> None:
        """Write down that this person looked at something (AU-06)."""
        self.service.desk_log.write(self.person, done, subject, self.service.now())

    def log_visit(self, licence_id: str) -> None:
        """Write down that this person sees a licence, unless a line of the last hour says that they did something with it."""
        if not self.service.desk_log.looked(self.person, licence_id, self.service.now() - _A_VISIT):
            self.log(OPENED, licence_id)

    @property
    def around(self) -> dict[str, Any]:
        """Return what every page of the desk shows around its own: who is there, for whom, the doors that are open to them."""
        return {
            "person": self.person, "roles": [WORDS[one] for one in sorted(self.person.roles)], "may": {one.value for one in self.person.rights},
            "department": self.organ, "office": self.office, "form_key": self.service.sign_in.form_key(self.token),
            "doors": [door[1:] for door in DOORS if door[0] & self.person.rights],
        }  # fmt: skip

    def page(self, name: str, status: int = 200, *, script: bool = False, **values: Any) -> Response:  # noqa: ANN401 - values of the page
        """Draw a page of the desk; `script`: it previews while somebody types."""
        answer = pages.page(f"desk/{name}", status, **self.around, **values)
        if script:
            answer.headers["Content-Security-Policy"] = pages.LIVE
        return answer


def renewed(answer: Response, seconds: int) -> Response:
    """Let a page ask for itself again; whoever only leaves it open is signed out after their time all the same."""
    answer.headers["Refresh"] = f"{seconds}; url=?{_BY_ITSELF}"
    return answer


def at_desk(request: Request, service: TheService) -> Desk:
    """Return who stands at the desk; `SignInWanted` where nobody does."""
    token = request.cookies.get(COOKIE, "")
    person = service.sign_in.person(token, used=_BY_ITSELF not in request.query_params)
    if person is None:
        raise SignInWanted
    return Desk(service, person, token)


AtDesk = Annotated[Desk, Depends(at_desk)]


def having(*rights: Right) -> Callable[[Desk], Desk]:
    """Return what lets in whoever has one of these rights; `NotGranted` to others."""

    def checked(desk: AtDesk) -> Desk:
        if not desk.person.rights.intersection(rights):
            raise NotGranted("none of this person's roles may do this")
        return desk

    return checked


async def sent(request: Request, desk: AtDesk) -> Sent:
    """Read a form of the desk."""
    return await read_sent(request, desk.service.sign_in.form_key(desk.token))


TheForm = Annotated[Sent, Depends(sent)]


def in_beijing(instant: Any) -> str:  # noqa: ANN401 - an aware datetime
    """Return an instant as people in Beijing read it."""
    return str(instant.astimezone(BEIJING).strftime("%Y-%m-%d %H:%M:%S"))
