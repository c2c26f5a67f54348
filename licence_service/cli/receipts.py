"""The command that checks a receipt, with nothing but public keys; a page of a stranger is read by the bounded child alone."""

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.markup import escape

from licence_service.cli.examining import bounded, content_of
from licence_service.cli.talking import NOT_VALID, UNDECIDED, err, out, said, show
from licence_service.digests import sha256
from licence_service.document import Fonts, Printer
from licence_service.errors import Misconfigured, NotInRegister
from licence_service.receipts import BadReceipt, Opened, message_in, must_agree, open_receipt, page_of, words_of
from licence_service.seal.public import one_key, read_code_keys
from licence_service.seal.tokens import BadToken, Purpose
from licence_service.settings import read_settings


def add_to(app: typer.Typer) -> None:
    """Add this command to the application."""
    app.command("verify-receipt")(verify_receipt)


@said
def verify_receipt(
    file: Annotated[Path, typer.Argument(help="A receipt: the PDF page, or the signed statement.")],
    key: Annotated[
        Path | None, typer.Option(help="The keeper's public key or certificate as PEM; by default the keys folder of the service.")
    ] = None,
    presented: Annotated[Path | None, typer.Option(help="The file that was verified: does the receipt speak of it?")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the statement as JSON.")] = False,  # noqa: FBT002
) -> None:
    """Check a receipt offline: its signature, and that its page says what was signed and looks as it is drawn.

    Exit code 0: right; 4: not; 5: the signature is right, but without fonts the page could not be drawn and compared.
    """
    for path in (file, key, presented):
        if path and not path.is_file():
            raise NotInRegister("there is no such file")
    content = content_of(file)
    try:
        opened, owner, undrawn = _of_page(content, key) if content.startswith(b"%PDF-") else (*_opened(content, key), None)
        _must_speak_of(presented, opened)
    except BadReceipt as bad:
        err.print(f"[red]not right[/]  {bad.reason}")
        raise typer.Exit(NOT_VALID) from bad
    _print(opened, as_json=as_json)
    err.print(f"the signature is right: key {opened.kid.hex()}{f', {owner}' if owner else ''}")
    if undrawn:
        err.print(f"[yellow]the page was not compared[/]  believe the words above alone: {escape(undrawn)}")
        raise typer.Exit(UNDECIDED)


def _must_speak_of(presented: Path | None, opened: Opened) -> None:
    if presented and opened.said["presented"]["sha256"] != sha256(content_of(presented)):
        raise BadReceipt("the receipt speaks of another file")


def _print(opened: Opened, *, as_json: bool) -> None:
    if as_json:
        out.print_json(json.dumps(dict(opened.said), ensure_ascii=False))
        return
    words = words_of(opened.said)
    out.print(f"[bold]{' '.join(words.headline)}[/]")
    rows = [{"zh": row.zh, "en": row.en, "said": row.value} for block in (words.asked, words.answers, words.proof) for row in block]
    show(rows, as_json=False, columns=("zh", "en", "said"))


def _opened(message: bytes, key: Path | None) -> tuple[Opened, str]:
    """Check the signature of a statement; return it with the name of the key's owner."""
    try:
        known = one_key(key.read_bytes(), message) if key else read_code_keys(read_settings().keys.expanduser(), Purpose.EVIDENCE)
        opened = open_receipt(message, known.keys)
    except BadToken as bad:
        raise BadReceipt("this is no receipt") from bad
    return opened, known.owners.get(opened.kid, "")


def _of_page(content: bytes, key: Path | None) -> tuple[Opened, str, str | None]:
    """Check the statement that a page carries, and that the page says and looks the same; the last is why it could not be drawn, if so."""
    with bounded() as presenter:
        page = presenter.receipt(content)
        if page is None:
            raise BadReceipt("the page carries no receipt, or cannot be read")
        message = message_in(page[0])
        opened, owner = _opened(message, key)
        must_agree(page[1], opened.said)
        try:
            printer = Printer(Fonts.load(read_settings().fonts.expanduser()), {})
        except Misconfigured as absent:
            return opened, owner, str(absent)
        if not presenter.drawn_as(content, page_of(printer, message, opened.said)):
            raise BadReceipt(
                "the page does not look as what was signed is drawn: painted over, saved by another program, or drawn by another release"
            )
    return opened, owner, None
