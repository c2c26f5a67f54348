"""From the cells of a row to what its licence would say, by the mapping; photos are kept with the row, files beside it, all encrypted."""

import base64
import binascii
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from licence_service.archive import Passing
from licence_service.digests import sha256
from licence_service.document.photo import fault_in, size_of
from licence_service.envelope import ADOPTED_BYTES, PHOTO_BYTES
from licence_service.errors import ArchiveUnavailable
from licence_service.fields import comparison_form
from licence_service.stock.declared import From, Knowledge, Plan, Taken
from licence_service.stock.finding import Draft, Photo
from licence_service.stock.normal import day, normal
from licence_service.stock.row_rules import owner
from licence_service.stock.sources import Cells
from licence_service.store.stock_rows import StockRun
from licence_service.template import Template

_JPEG_IN_BASE64 = "/9j/"


@dataclass(frozen=True, slots=True)
class Taking:
    """Takes rows of one run. `organ`: the name of the department that converts.

    `beside`: the folder where the files lie that rows name; None where rows may name none.
    """

    run: StockRun
    template: Template
    plan: Plan
    knowledge: Knowledge
    passing: Passing
    organ: str
    beside: Path | None = field(default=None, repr=False)

    def draft(self, cells: Cells) -> Draft:
        """Return what a row says."""
        template, plan = self.template, self.plan
        face: dict[str, Any] = {}
        photos: dict[str, Photo] = {}
        for name, taken in plan.fields.items():
            cell = _cell(cells, taken)
            if template.fields[name].type == "image":
                if cell:
                    photos[name] = self.photo(str(cell))
            elif (value := normal(template.fields[name], cell, plan.date_formats)) is not None:
                face[name] = value
        named = str(_cell(cells, plan.county) or "").strip()
        elicence_id = _cell(cells, plan.sealed.elicence_id) if plan.sealed else None
        file = _cell(cells, plan.sealed.document) if plan.sealed and elicence_id else None
        return Draft(
            owner(self.knowledge, named), named[:6], face, self._decision(cells, face), photos,
            str(elicence_id).strip() if elicence_id else None, self.document(str(file)) if file else None,
        )  # fmt: skip

    def draft_county(self, cells: Cells) -> str:
        """Return the county that owns a row."""
        return owner(self.knowledge, str(_cell(cells, self.plan.county) or "").strip())

    def _decision(self, cells: Cells, face: Mapping[str, Any]) -> dict[str, str]:
        """Return the decision behind the paper; conversion is none itself (ST-01)."""
        said, template = self.plan.decision, self.template
        taken = {"number": said.number, "legal_basis": said.legal_basis, "officer": said.officer, "organ": said.organ, "decided_on": said.decided_on}
        found = {name: str(_cell(cells, one) or "").strip() for name, one in taken.items() if one is not None}
        found["decided_on"] = str(day(found.get("decided_on", "")) or face.get(template.issued_field) or "")
        found["organ"] = found.get("organ") or str(face.get(template.issuer_field) or self.organ)
        return {name: value for name, value in found.items() if value}

    def photo(self, cell: str) -> Photo:
        """Keep the photo that a cell names, or holds in base64; one that is not there, or cannot be printed, is said to be so and not kept."""
        jpeg = self._inline(cell) if cell.startswith(_JPEG_IN_BASE64) else self._file(cell, PHOTO_BYTES)
        if jpeg is None:
            return Photo(None, None, ("not-found", "there is no such file, or it is too large"), None)
        if fault := fault_in(jpeg):
            return Photo(None, None, fault, None)
        digest = sha256(jpeg)
        return Photo(base64.b64encode(jpeg).decode(), digest, None, size_of(jpeg))

    def document(self, name: str) -> str | None:
        """Keep the sealed file that a cell names and return the name of the object; None where it is not there."""
        content = self._file(name, ADOPTED_BYTES)
        return None if content is None else self.passing.keep(f"stock-{self.run.run_id}", self.run.vault.close_up(content, "stock:document"))

    @staticmethod
    def _inline(cell: str) -> bytes | None:
        try:
            jpeg = base64.b64decode(cell, validate=True)
        except (binascii.Error, ValueError):
            return None
        return jpeg if len(jpeg) <= PHOTO_BYTES else None

    def _file(self, name: str, most: int) -> bytes | None:
        """Read a file below the folder; what leads out of it, through a link too, is not there."""
        if self.beside is None or "\0" in name:
            return None
        home = self.beside.resolve()
        try:
            path = (home / name.replace("\\", "/")).resolve()
            if not path.is_relative_to(home) or not path.is_file() or path.stat().st_size > most:
                return None
            return path.read_bytes()
        except (OSError, ValueError):
            return None


def opened(run: StockRun, passing: Passing, name: str) -> bytes:
    """Return the file that was kept beside a row; `ArchiveUnavailable` where it is gone."""
    sealed = passing.get(name)
    if sealed is None:
        raise ArchiveUnavailable("what is kept of a row is not there")
    return run.vault.open(sealed, "stock:document")


def _cell(cells: Cells, taken: Taken) -> Any:  # noqa: ANN401 - text, or what NDJSON holds
    source = From(column=taken) if isinstance(taken, str) else taken
    found = cells.get(source.column) if source.column else None
    if found is None or found == "":
        return source.value
    if not source.codes or not isinstance(found, str):
        return found
    said = comparison_form(found)
    return next((code for word, code in source.codes.items() if comparison_form(word) == said), found)


def draft_data(draft: Draft) -> dict[str, Any]:
    """Return a draft as JSON that `draft_of` reads back."""
    return asdict(draft)


def draft_of(said: Mapping[str, Any]) -> Draft:
    """Read back what `draft_data` gave."""
    photos = {
        name: Photo(one["jpeg"], one["sha256"], tuple(one["fault"]) if one["fault"] else None, tuple(one["size"]) if one["size"] else None)
        for name, one in said["photos"].items()
    }
    return Draft(
        said["county"], said["named"], said["face"], said["decision"], photos, said["elicence_id"], said["document"], tuple(said["corrections"]),
    )  # fmt: skip
