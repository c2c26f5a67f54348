"""The command that checks a receipt, with nothing but public keys."""

import json
from pathlib import Path
from typing import Annotated

import typer

from licence_service.cli.talking import NOT_VALID, err, out, said, show
from licence_service.digests import sha256
from licence_service.document import reading
from licence_service.document.archival import RECEIPT
from licence_service.errors import NotInRegister
from licence_service.receipts import BadReceipt, Opened, message_in, must_agree, open_receipt, words_of
from licence_service.seal.public import one_key, read_code_keys
from licence_service.seal.tokens import BadToken
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
    """Check a receipt offline: its signature, and that its page says what was signed. Exit code 0: right; 4: not."""
    for path in (file, key, presented):
        if path and not path.is_file():
            raise NotInRegister("there is no such file")
    try:
        opened, owner = _opened(file.read_bytes(), key, presented)
    except BadReceipt as bad:
        err.print(f"[red]not right[/]  {bad.reason}")
        raise typer.Exit(NOT_VALID) from bad
    if as_json:
        out.print_json(json.dumps(dict(opened.said), ensure_ascii=False))
        return
    words = words_of(opened.said)
    out.print(f"[bold]{' '.join(words.headline)}[/]")
    rows = [{"zh": row.zh, "en": row.en, "said": row.value} for block in (words.asked, words.answers, words.proof) for row in block]
    show(rows, as_json=False, columns=("zh", "en", "said"))
    err.print(f"the signature is right: key {opened.kid.hex()}{f', {owner}' if owner else ''}")


def _opened(content: bytes, key: Path | None, presented: Path | None) -> tuple[Opened, str]:
    is_page = content.startswith(b"%PDF-")
    try:
        message = message_in(reading.attachment(content, RECEIPT) or b"") if is_page else content
        known = one_key(key.read_bytes(), message) if key else read_code_keys(read_settings().keys.expanduser())
        opened = open_receipt(message, known.keys)
        if is_page:
            must_agree("".join(reading.text(content)), opened.said)
    except reading.BROKEN as broken:
        raise BadReceipt("the file is broken and cannot be read") from broken
    except BadToken as bad:
        raise BadReceipt("this is no receipt") from bad
    if presented and opened.said["presented"]["sha256"] != sha256(presented.read_bytes()):
        raise BadReceipt("the receipt speaks of another file")
    return opened, known.owners.get(opened.kid, "")
