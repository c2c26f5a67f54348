"""Commands about who may call: clients, their secrets and keys."""

from pathlib import Path
from typing import Annotated

import typer

from licence_service.admission import WORDS, public_key
from licence_service.cli.talking import out, said, service, show
from licence_service.errors import NotInRegister, RequestRejected
from licence_service.identifiers import is_uscc
from licence_service.service import Service
from licence_service.store.clients import APPROVAL, EVERY_ACT, EVERY_TYPE, KINDS, PERSON, Client

app = typer.Typer(no_args_is_help=True, help="Who may call the issuing interface.")
_MOST_NAME = 80
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command("add")
@said
def add(  # noqa: PLR0913 - each is an option
    name: str,
    department: Annotated[str, typer.Option(help="The 18-character code of the department, or of the organ whose officers look.")],
    types: Annotated[list[str] | None, typer.Option("--type", help="A type it may work with; repeat. None: all of its department.")] = None,
    acts: Annotated[list[str] | None, typer.Option("--act", help="What it may do: read, issue, an act such as renew …; repeat. None: all.")] = None,
    ceiling: Annotated[int, typer.Option(help="Most acts, looks or rows, an hour.", min=0, max=2**31 - 1)] = 1000,
    kind: Annotated[str, typer.Option(help="approval: enters acts; officer: looks; platform: checks its own rows; host: for holders.")] = APPROVAL,
    office: Annotated[str | None, typer.Option(help="The sub-office that it acts for; None: the whole department.")] = None,
    key: Annotated[Path | None, typer.Option(help="Its public key, PEM or JWK: it signs for its access tokens, and has no secret.")] = None,
    as_json: AsJson = False,  # noqa: FBT002
) -> None:
    """Add a calling system; its secret is shown this once."""
    with service() as opened:
        client = Client(name, department, tuple(types or [EVERY_TYPE]), ceiling, kind, tuple(acts or [EVERY_ACT]), office=office)
        _must_be_possible(opened, client)
        if key:
            opened.clients.add_with_key(client, public_key(_read(key)), opened.now())
            show({"client": name, "token_url": opened.admission.token_url}, as_json=as_json)
            return
        secret = opened.clients.add(client, opened.now())
    show({"client": name, "token": secret}, as_json=as_json)


@app.command("remove")
@said
def remove(name: str) -> None:
    """Shut a client out at once, whatever tokens it holds."""
    with service() as opened:
        opened.clients.remove(name, opened.now())
    out.print(f"{name} is shut out")


@app.command("off")
@said
def off(name: str) -> None:
    """Shut a client out for now, with its next request, whatever tokens it holds."""
    with service() as opened:
        opened.clients.switch(name, opened.now(), off=True)
    out.print(f"{name} is switched off")


@app.command("on")
@said
def on(name: str) -> None:
    """Let a client that was switched off in again."""
    with service() as opened:
        opened.clients.switch(name, opened.now(), off=False)
    out.print(f"{name} may call again")


@app.command("list")
@said
def listed(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List who may call, and who is switched off for now."""
    with service() as opened:
        rows = [
            {"client": one.name, "kind": one.kind, "department": one.department, "office": one.office or "", "types": " ".join(one.types),
             "acts": " ".join(one.acts), "ceiling": one.hourly_ceiling, "off": "off" if one.off else ""}
            for one in opened.clients.all()
        ]  # fmt: skip
    show(rows, as_json=as_json, columns=("client", "kind", "department", "office", "types", "acts", "ceiling", "off"))


@app.command("secret")
@said
def secret(name: str, as_json: AsJson = False) -> None:  # noqa: FBT002
    """Give a client one secret more, shown this once; those it has go on until `clients forget`."""
    with service() as opened:
        made = opened.admission.credentials.add_secret(name, opened.now())
    show({"client": name, "token": made}, as_json=as_json)


@app.command("key")
@said
def key(name: str, file: Annotated[Path, typer.Argument(help="A public key, PEM or JWK.")]) -> None:
    """Let a client sign with one key more; those it has go on until `clients forget`."""
    with service() as opened:
        opened.admission.credentials.add_key(name, public_key(_read(file)), opened.now())
    out.print(f"{name} may sign with it")


@app.command("credentials")
@said
def credentials(name: str, as_json: AsJson = False) -> None:  # noqa: FBT002
    """List a client's secrets and keys, by their numbers; no secret is shown."""
    with service() as opened:
        found = opened.admission.credentials.of(name)
        if not found:
            raise NotInRegister("no such client")
        rows = [{"number": one.number, "kind": "key" if one.public_key else "secret", "added_at": one.added_at.isoformat()} for one in found]
    show(rows, as_json=as_json, columns=("number", "kind", "added_at"))


@app.command("forget")
@said
def forget(name: str, number: int) -> None:
    """Take one secret or key of a client back at once; another must be there."""
    with service() as opened:
        opened.admission.credentials.remove(name, number, opened.now())
    out.print(f"{name} is not known by it any more")


def _must_be_possible(opened: Service, client: Client) -> None:
    """Refuse a client that could never do anything, and a name under which people at the desk call, or that the register cannot keep."""
    if (
        not 1 <= len(client.name) <= _MOST_NAME
        or not client.name.isprintable()
        or client.name != client.name.strip()
        or client.name.startswith(PERSON)
    ):
        raise RequestRejected(f"a client's name has 1 to {_MOST_NAME} printable characters, no blanks around it, and does not begin with {PERSON}")
    if client.kind not in KINDS:
        raise RequestRejected(f"a client is one of: {', '.join(KINDS)}")
    if client.kind == APPROVAL and client.department not in opened.keyring.departments:
        raise NotInRegister("no such department under the keys folder")
    if client.kind != APPROVAL and not is_uscc(client.department):
        raise RequestRejected("an organ is named by its 18-character code")
    if client.office is not None and (client.kind != APPROVAL or not opened.keyring.within(client.department, client.office)):
        raise NotInRegister("no such office of this department; only approval systems act for one")
    if unknown := [slug for slug in client.types if slug not in {EVERY_TYPE, *opened.catalogue.editions}]:
        raise RequestRejected(f"no such type: {', '.join(unknown)}")
    if unknown := [act for act in client.acts if act not in WORDS]:
        raise RequestRejected(f"no such act: {', '.join(unknown)}; one of {', '.join(WORDS)}")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise RequestRejected("the file of the key cannot be read") from error
