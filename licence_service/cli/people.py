"""`licence-service people`: who may come to the desk, and in which roles (docs/desk.md)."""

from datetime import datetime
from typing import Annotated

import typer

from licence_service.cli.talking import out, said, service, show
from licence_service.duties import OF_AN_OFFICE, Role, at_odds
from licence_service.errors import Fault, NotInRegister, RequestRejected
from licence_service.licence import beijing_day
from licence_service.service import Service

app = typer.Typer(no_args_is_help=True, help="The people of the desk: who they are, and their roles.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
By = Annotated[str, typer.Option("--by", help="Who does this; it stays on record.", envvar="USER")]
Id = Annotated[str, typer.Argument(metavar="PERSON", help="The person's id, as `add` printed it.")]


@app.command("add")
@said
def add(
    name: Annotated[str, typer.Argument(help="How the desk calls the person; it is kept encrypted.")],
    subject: Annotated[str, typer.Option(help="Who the OpenID provider says they are (`sub`).")],
    department: Annotated[str, typer.Option(help="The 18-character code of their department.")],
    role: Annotated[list[Role] | None, typer.Option(help="A role from today on; repeat.")] = None,
    office: Annotated[str | None, typer.Option(help="The sub-office where they work; none: the whole department.")] = None,
    issuer: Annotated[str | None, typer.Option(help="The OpenID provider; none: that of the settings.")] = None,
    by: By = "operator",
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Add a person, by issuer and subject of the OpenID provider; the id that is printed is what the book and the logs say."""
    with service() as opened:
        if department not in opened.keyring.departments:
            raise RequestRejected(faults=[Fault("department", "unknown", "no such department")])
        roles = dict.fromkeys(role or ())
        if any(at_odds(one, roles) for one in roles):  # before anything is written: nobody is added by half
            raise RequestRejected(faults=[Fault("role", "at-odds", "nobody holds two of approver, template administrator, seal officer, auditor")])
        if office is not None and not opened.keyring.within(department, office):
            raise NotInRegister("no such office of this department")
        if office is not None and (apart := sorted(roles.keys() - OF_AN_OFFICE)):
            raise RequestRejected(faults=[Fault("role", "of-the-department", f"an office has no {', '.join(apart)}")])
        now = opened.now()
        person_id = opened.people.add(issuer or opened.settings.openid_issuer, subject, name, department, by, now)
        if office is not None:
            opened.people.move(person_id, office, beijing_day(now), by, now)
        for one in roles:
            opened.people.give(person_id, one, beijing_day(now), None, by, now)
    show({"person": person_id}, as_json=as_json)


@app.command("list")
@said
def listed(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the people with their roles of today, and those that begin or end."""
    with service() as opened:
        rows = [
            {
                "person": one.person_id, "name": one.name, "department": one.department, "office": one.office or "", "roles": " ".join(sorted(one.roles)),
                "periods": "; ".join(f"{each.role} {each.first_on}–{each.last_on or ''} by {each.given_by}" for each in held),
            }
            for one, held in opened.people.all(beijing_day(opened.now()))
        ]  # fmt: skip
    show(rows, as_json=as_json, columns=("person", "name", "department", "office", "roles", "periods"))


@app.command("role")
@said
def role(
    person: Id,
    role: Role,
    begin: Annotated[datetime | None, typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; none: today.")] = None,
    until: Annotated[datetime | None, typer.Option("--to", formats=["%Y-%m-%d"], help="The last day; none: until it is ended.")] = None,
    end: Annotated[bool, typer.Option("--end", help="End the role at once instead.")] = False,  # noqa: FBT002
    by: By = "operator",
) -> None:
    """Give a role, or end one. Nobody holds two of approver, template administrator, seal officer, auditor."""
    if end and (begin or until):
        raise RequestRejected(faults=[Fault("end", "too-much", "a role ends at once; give no days with --end")])
    with service() as opened:
        if end:
            opened.people.end(person, role, beijing_day(opened.now()), by, opened.now())
        else:
            _give(opened, person, role, begin, until, by)
    out.print(f"{person} {'no longer holds' if end else 'holds'} {role}")


def _give(opened: Service, person: str, role: Role, begin: datetime | None, until: datetime | None, by: str) -> None:
    today = beijing_day(opened.now())
    first = begin.date() if begin else today
    if first < today:
        raise RequestRejected(faults=[Fault("from", "in-the-past", "a role begins today or later: it was not held before it was given")])
    opened.people.give(person, role, first, until.date() if until else None, by, opened.now())


@app.command("office")
@said
def office(
    person: Id,
    code: Annotated[str | None, typer.Argument(metavar="OFFICE", help="The sub-office's code; none: the whole department again.")] = None,
    by: By = "operator",
) -> None:
    """Let a person work at a sub-office, or for the whole department again, with their next request."""
    with service() as opened:
        opened.people.move(person, code, beijing_day(opened.now()), by, opened.now())
    out.print(f"{person} works {f'at {code}' if code else 'for the whole department'}")


@app.command("remove")
@said
def remove(person: Id, by: By = "operator") -> None:
    """Shut a person out at once, whatever sessions there are; what they did stays on record under their id."""
    with service() as opened:
        opened.people.remove(person, by, opened.now())
    out.print(f"{person} is shut out")
