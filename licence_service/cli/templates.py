"""Commands about certificate types: check, list, preview, gallery, schema."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from licence_service import gallery as pictures
from licence_service.catalogue import file_schema, read_catalogue
from licence_service.cli.talking import out, progress, said, show
from licence_service.document import Printer
from licence_service.document.fonts import Fonts
from licence_service.licence import beijing_day
from licence_service.settings import read_settings

app = typer.Typer(no_args_is_help=True, help="The certificate types under templates/.")
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@app.command()
@said
def check(folder: Annotated[Path | None, typer.Argument(help="Another folder of templates.")] = None) -> None:
    """Load every template and draw every sample; say what is wrong."""
    settings = read_settings()
    catalogue = read_catalogue(folder or settings.templates)
    printer = Printer(Fonts.load(settings.fonts.expanduser()), catalogue.families)
    with progress("check", len(catalogue.slugs)) as step:
        for slug in catalogue.slugs:
            pictures.sample_page(catalogue, printer, slug)
            step(slug)
    out.print(f"{len(catalogue.slugs)} types are correct")


@app.command()
@said
def schema(to: Annotated[Path, typer.Option(help="The file to write.")] = Path("templates/schema.json")) -> None:
    """Write the JSON Schema of template files, which editors use while typing."""
    to.write_text(json.dumps(file_schema(), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    out.print(f"→ {to}")


@app.command("list")
@said
def list_types(as_json: AsJson = False) -> None:  # noqa: FBT002
    """List the certificate types in force today."""
    catalogue = read_catalogue(read_settings().templates)
    today = beijing_day(datetime.now(UTC))
    rows = [
        {"no": one.index, "type": one.slug, "edition": one.edition, "title": one.title.zh, "holder": one.holder}
        for one in (catalogue.in_force(slug, today) for slug in catalogue.slugs)
    ]
    show(rows, as_json=as_json, columns=("no", "type", "edition", "title", "holder"))


@app.command()
@said
def preview(slug: str, to: Annotated[Path, typer.Option(help="The PDF to write.")] = Path("preview.pdf")) -> None:
    """Draw a type's sample: watermarked, unsealed, without live codes."""
    settings = read_settings()
    catalogue = read_catalogue(settings.templates)
    to.write_bytes(pictures.sample_page(catalogue, Printer(Fonts.load(settings.fonts.expanduser()), catalogue.families), slug))
    out.print(f"{slug} → {to}")


@app.command()
@said
def gallery(
    to: Annotated[Path, typer.Option(help="The PNG to write.")] = Path("docs/gallery.png"),
    demo: Annotated[Path, typer.Option(help="The folder that `licence-service demo` left.")] = Path("var/demo"),
) -> None:
    """Draw one contact sheet of all types from the demonstration's sealed files."""
    settings = read_settings()
    catalogue = read_catalogue(settings.templates)
    with progress("gallery", len(catalogue.slugs)) as step:
        pictures.contact_sheet(catalogue, Fonts.load(settings.fonts.expanduser()), demo, to, step)
    out.print(f"{len(catalogue.slugs)} types → {to}")
