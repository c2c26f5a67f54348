"""Commands about single licences: issue, act, endorse, history, verify, show."""

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from licence_service import entry_form
from licence_service.carrying import Done, Waiting
from licence_service.cli.talking import NOT_VALID, UNDECIDED, client_named, err, out, said, service, show
from licence_service.errors import NotInRegister
from licence_service.fields import Asker
from licence_service.json_object import parse_object
from licence_service.licence import beijing_day
from licence_service.qr_token import PATH
from licence_service.service import Service
from licence_service.verdict import Overall, Verdict
from licence_service.verification import Question
from licence_service.view import view_of

AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
As = Annotated[str, typer.Option("--client", help="The client in whose name to act.")]
Key = Annotated[str, typer.Option("--key", help="Idempotency key: the same key again returns the same result.")]
Request = Annotated[typer.FileBinaryRead, typer.Argument(help="The request as JSON; - for standard input.")]


def add_to(app: typer.Typer) -> None:
    """Add these commands to the application."""
    for command in (issue, act, endorse, history, verify, show_licence):
        app.command("show" if command is show_licence else None)(command)


@said
def issue(request: Request, client: As, key: Key, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Issue a licence from a JSON request, as `POST /licences` takes it."""
    with service() as opened:
        _answered(opened.registrar.issue(client_named(opened, client), key, _object(request)), as_json=as_json)


@said
def act(licence_id: str, request: Request, client: As, key: Key, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Enter an act on a licence, as `POST /licences/{id}/entries` takes it."""
    with service() as opened:
        _answered(opened.registrar.act(client_named(opened, client), key, licence_id, _object(request)), as_json=as_json)


@said
def endorse(licence_id: str, request: Request, client: As, key: Key, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Endorse a licence: `{kind, facts, external_ref, decision}`."""
    with service() as opened:
        body = {**_object(request), "act": "endorse"}
        _answered(opened.registrar.act(client_named(opened, client), key, licence_id, body), as_json=as_json)


@said
def history(licence_id: str, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Print every entry of a licence."""
    with service() as opened:
        entries = opened.book.get(licence_id).entries
        if as_json:
            show([entry_form.body_of(one) for one in entries], as_json=True)
            return
        rows = [
            {"no": one.sequence, "act": one.act.value, "effective": one.effective_on, "recorded": one.recorded_at, "decision": one.decision.number,
             "version": one.version.version if one.version else ""}
            for one in entries
        ]  # fmt: skip
        show(rows, as_json=False, columns=("no", "act", "effective", "recorded", "decision", "version"))


@said
def show_licence(licence_id: str, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Print a licence as a clerk sees it."""
    with service() as opened:
        record = opened.book.get(licence_id)
        licence = record.at(beijing_day(opened.now()))
        template = opened.catalogue.edition(record.type, licence.current.edition)
        department = opened.keyring.departments[record.department]
        view = view_of(licence, template, opened.catalogue.kinds, department, record.type, licence.current.version, Asker.CLERK)
    if as_json:
        show(view, as_json=True)
        return
    out.print(f"[bold]{view['type']['zh']}[/]  {view['state']}  {view['elicence_id']}")
    show([{"field": one["zh"], "value": one["text"]} for one in view["face"]], as_json=False, columns=("field", "value"))


@said
def verify(
    what: Annotated[str, typer.Argument(help="A PDF file, or the address of a code on paper.")],
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Verify a file or a code. Exit code 0: valid; 4: not valid or a condition unmet; 5: cannot be decided."""
    with service() as opened:
        verdict = _judged(opened, what)
    if as_json:
        show(verdict.as_json(), as_json=True)
    else:
        out.print(f"[bold]{verdict.overall.value}[/]")
        rows = [{"answer": name, "result": one.result.value, "reasons": ", ".join(one.reasons)} for name, one in verdict.answers.items()]
        show(rows, as_json=False, columns=("answer", "result", "reasons"))
    if verdict.overall is Overall.CANNOT_DECIDE:
        sys.exit(UNDECIDED)
    if verdict.overall is not Overall.VALID:
        sys.exit(NOT_VALID)


def _judged(opened: Service, what: str) -> Verdict:
    _, code, digits = what.rpartition(PATH)
    if code and digits.isdecimal():
        return opened.verifier.by_code(digits, Question())
    path = Path(what)
    if not path.is_file():
        raise NotInRegister("there is no such file, and this is no code")
    return opened.verifier.by_document(path.read_bytes(), Question())


def _object(file: typer.FileBinaryRead) -> dict[str, Any]:
    return parse_object(file.read())


def _answered(outcome: Done | Waiting, *, as_json: bool) -> None:
    if isinstance(outcome, Waiting):
        err.print("[yellow]sealing[/]  the seal cannot be had now; `licence-service work` finishes it")
    show({name: value for name, value in asdict(outcome).items() if value not in (None, ())}, as_json=as_json)
