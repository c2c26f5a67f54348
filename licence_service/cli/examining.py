"""The command that examines a file by its seal alone, and how commands read strangers' files: in a bounded child, as the server does."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated

import typer

from licence_service.cli.talking import NOT_VALID, UNDECIDED, out, said, show
from licence_service.errors import NotInRegister, RequestRejected
from licence_service.licence import BEIJING
from licence_service.presenting import PROGRAM, Looked, Presenter
from licence_service.seal import Finding, KnownSeal
from licence_service.seal.entitlement import by_seal_alone
from licence_service.seal.examiner import Examiner
from licence_service.seal.keyring import Keyring, read_keyring
from licence_service.settings import read_settings
from licence_service.verdict import Result, in_words
from licence_service.verification import seal_alone

MOST_BYTES = 1 << 25  # of a picture or a document
_EXITS = {Result.NO: NOT_VALID, Result.UNKNOWN: UNDECIDED}


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command()(examine)


@said
def examine(
    file: Annotated[Path, typer.Argument(help="A PDF.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,  # noqa: FBT002
) -> None:
    """Examine a document by its seal alone: is it whole, whose is the seal, was it granted. Exit code 4: not right, 5: nothing is wrong with it.

    It never says that a document is genuine: whether the register holds it, and what became of the licence and the seal since, only
    `verify` and the public page know.
    """
    content = content_of(file)
    settings = read_settings()
    keyring = read_keyring(settings.keys.expanduser(), passphrase=settings.passphrase(), allow_demo=settings.allow_demo_keys)
    with bounded(keyring.trust_roots, keyring.known_seals) as presenter:
        looked = presenter.look(content)
    finding = by_seal_alone(keyring, looked.finding)
    check = seal_alone(finding)
    said_of_it = in_words(check.reasons)
    lines = _lines(looked, finding, keyring)
    if as_json:
        show({**lines, "result": check.result.value, "reasons": said_of_it}, as_json=True)
    else:
        for word in said_of_it:
            out.print(f"{word['zh']}  {word['en']}", markup=False, soft_wrap=True)
        show({name: line for name, line in lines.items() if line is not None}, as_json=False)
    if check.result in _EXITS:
        raise typer.Exit(_EXITS[check.result])


def _lines(looked: Looked, finding: Finding, keyring: Keyring) -> dict[str, object]:
    """Return who sealed it, when and as what, as far as the seal may be believed, and what its codes say."""
    sealed = finding if finding.good else Finding()
    department = keyring.departments.get(sealed.department or "")
    return {
        "department": sealed.department, "name": department.name if department else None, "specimen": department.demo if department else None,
        "seal": sealed.seal_id, "certificate_sha256": sealed.certificate_sha256, "type": sealed.licence_type,
        "sealed_at": sealed.sealed_at.astimezone(BEIJING).isoformat(timespec="seconds") if sealed.sealed_at else None,
        "codes": list(looked.presented.codes) if looked.presented else None, "pages": looked.presented.pages if looked.presented else None,
        "cpu_seconds": round(looked.cpu_seconds, 2), "memory_megabytes": looked.memory_bytes >> 20,
    }  # fmt: skip


@contextmanager
def bounded(trust: Sequence[bytes] = (), known: Mapping[str, KnownSeal] | None = None) -> Iterator[Presenter]:
    """Start a child that looks at strangers' files within the limits of the server's, and end it; without `trust` it knows no seal."""
    examiner = Examiner(trust, known or {}, children=1, program=PROGRAM)
    try:
        yield Presenter(examiner)
    finally:
        examiner.close()


def content_of(file: Path) -> bytes:
    """Return what is in a file, if it is not larger than any document."""
    try:
        if file.stat().st_size > MOST_BYTES:
            raise RequestRejected("this file is too large to be a document")
        return file.read_bytes()
    except OSError:
        raise NotInRegister("there is no such file") from None
